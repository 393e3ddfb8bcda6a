"""Scripts that show the toolkit at work. Each runs as it is, on in-memory hosts, or on the pipeline given to it."""
