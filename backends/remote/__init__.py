"""A service at the far end of a wire: the back half of a pipeline that is cut in two."""

from .stage import RemoteStage, remote

__all__ = ["RemoteStage", "remote"]
