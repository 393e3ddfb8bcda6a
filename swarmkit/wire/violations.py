"""What goes wrong in the protocol itself: by the other peer, or by the program that uses the machine."""

from __future__ import annotations


class Violation(Exception):
    """The other peer did what the protocol forbids. Raised and caught inside the machine only."""


class Misuse(RuntimeError):
    """The program asked the machine for what the protocol forbids: a fault to be mended, not to be caught."""
