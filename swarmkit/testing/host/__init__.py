"""The checks of a host, by what they look at."""

from __future__ import annotations

from ..check import Check
from ..subjects import HostSubject
from .conversing import CONVERSING
from .ending import ENDING
from .files import FILES
from .finding import FINDING
from .holding import HOLDING
from .joining import JOINING
from .life import LIFE
from .listing import LISTING
from .logs import LOGS
from .spawning import SPAWNING
from .watching import WATCHING
from .writes import WRITES

HOST_CHECKS: tuple[Check[HostSubject], ...] = (
    *(*LISTING, *HOLDING, *SPAWNING, *FINDING, *LIFE, *WRITES),
    *(*LOGS, *JOINING, *FILES, *CONVERSING, *WATCHING, *ENDING),
)
"""All checks of a host; it is a service, too, and passes `SERVICE_CHECKS`."""

__all__ = ["HOST_CHECKS"]
