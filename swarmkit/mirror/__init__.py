"""A local replica of a host's containers, kept by WATCH, so that listing and resolving ask nobody."""

from .fetching import FETCH_DEADLINE
from .following import RESUBSCRIBE_SECONDS
from .known import CREATED, MIRRORED, Lost
from .replica import Replica
from .service import Mirror, changes, open_mirror
from .watchers import WATCHED

__all__ = [
    "CREATED",
    "FETCH_DEADLINE",
    "MIRRORED",
    "RESUBSCRIBE_SECONDS",
    "WATCHED",
    "Lost",
    "Mirror",
    "Replica",
    "changes",
    "open_mirror",
]
