"""Services that were handed to the other peer: found by their refs, and closed when it has given them back."""

from __future__ import annotations

import trio
from attrs import define

from ..message import ack
from ..service import Service
from .pumps import close_given


@define(eq=False)
class _Given:
    """A service, how many of the other peer's calls it is answering, and whether it will be called again."""

    service: Service
    calls: int = 0
    released: bool = False


class GivenServices:
    """The services given on one connection. The root is ref 0: it is shown, not given, and never closed."""

    def __init__(self, root: Service | None, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self._given = {0: _Given(root)} if root is not None else {}

    def give(self, ref: int, service: Service) -> None:
        """Hand one over."""
        self._given[ref] = _Given(service)

    def begin(self, ref: int) -> Service:
        """Return the service that a call is for, which `finish` says is over."""
        given = self._given[ref]
        given.calls += 1
        return given.service

    def finish(self, ref: int) -> None:
        """Take note that a call has been answered."""
        self._given[ref].calls -= 1
        self._close_if_over(ref)

    def released(self, ref: int) -> None:
        """Take note that there will be no more calls; what still runs is waited for."""
        self._given[ref].released = True
        self._close_if_over(ref)

    def _close_if_over(self, ref: int) -> None:
        given = self._given[ref]
        if given.released and not given.calls:
            del self._given[ref]
            self._nursery.start_soon(close_given, ack(ret=given.service))
