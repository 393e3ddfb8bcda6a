"""The Docker Engine API over any host: what docker, Compose and every other client of an engine speak to."""

from .operations import OPERATIONS, Operation, Way
from .stage import DockerServerStage, dockerserver

__all__ = ["OPERATIONS", "DockerServerStage", "Operation", "Way", "dockerserver"]
