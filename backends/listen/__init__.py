"""A service served over the wire protocol: the front half of a pipeline that is cut in two."""

from .stage import ListenStage, listen

__all__ = ["ListenStage", "listen"]
