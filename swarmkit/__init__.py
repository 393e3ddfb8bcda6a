"""A minimalist toolkit for composing network services."""
