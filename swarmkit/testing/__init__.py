"""The conformance kit: what every service, host and member source must do, as async functions.

It needs no test runner: a check returns where its rule holds, and raises AssertionError where it does not.
"""

from ..source import member_row
from .check import Check, check
from .held_names import HeldNames
from .host import HOST_CHECKS
from .service_checks import SERVICE_CHECKS
from .source_checks import SOURCE_CHECKS
from .sources import ListSource
from .subjects import HostSubject, SourceSubject, Subject

__all__ = [
    "HOST_CHECKS",
    "SERVICE_CHECKS",
    "SOURCE_CHECKS",
    "Check",
    "HeldNames",
    "HostSubject",
    "ListSource",
    "SourceSubject",
    "Subject",
    "check",
    "member_row",
]
