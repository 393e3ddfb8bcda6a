"""The contexts of the docker command as a source of members."""

from .stage import ContextsStage, contexts

__all__ = ["ContextsStage", "contexts"]
