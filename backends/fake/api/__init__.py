"""The Engine API, version 1.41, over a fake engine: an HTTP handler."""

from .table import make_handler

__all__ = ["make_handler"]
