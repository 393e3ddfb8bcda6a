"""Subjects: what a check is run on, and the little that it must be told about it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from attrs import frozen

from ..service import Service

Opener = Callable[[], AbstractAsyncContextManager[Service]]
"""Open a new instance, which ends with the block. A stage with nothing behind it: `lambda: stage.open(None)`."""


@frozen(kw_only=True)
class Subject:
    """A service under test. Every check opens an instance of its own, some open two, one after the other."""

    name: str
    open: Opener

    def __str__(self) -> str:
        return self.name


@frozen(kw_only=True)
class HostSubject(Subject):
    """A service that is a host. It may have containers of its own: checks look at those only that they made.

    `image` is there on every member and has `sh`, `cat`, `echo`, `sleep` and `true`. A host that lives in memory is
    checked under trio's virtual clock, one behind sockets under the real one.
    """

    image: str = "busybox:latest"


@frozen(kw_only=True)
class SourceSubject(Subject):
    """A service that lists members, with the ways to change what it lists from outside of it.

    `add(name, stage)` puts a member there, in place of one of that name; `remove(name)` takes it away. Both may be
    called before an instance is open and while one is. `drains` says that it takes members out of placement, and
    `holds_names` that it holds the names of containers: what a source does not do it must refuse as not implemented.
    """

    add: Callable[[str, str], Awaitable[None]]
    remove: Callable[[str], Awaitable[None]]
    drains: bool = False
    holds_names: bool = False
