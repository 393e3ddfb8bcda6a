"""A local replica of what a host has, kept by WATCH, so that listing and resolving ask nobody."""

from .collections import COLLECTIONS, CONTAINERS, Collection
from .fetching import FETCH_DEADLINE
from .following import RESUBSCRIBE_SECONDS
from .known import CREATED, Lost, is_node
from .replica import Replica
from .service import Mirror, open_mirror
from .watchers import WATCHED
from .writes import changes, written

__all__ = [
    "COLLECTIONS",
    "CONTAINERS",
    "CREATED",
    "FETCH_DEADLINE",
    "RESUBSCRIBE_SECONDS",
    "WATCHED",
    "Collection",
    "Lost",
    "Mirror",
    "Replica",
    "changes",
    "is_node",
    "open_mirror",
    "written",
]
