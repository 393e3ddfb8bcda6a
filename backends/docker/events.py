"""An engine's events: the stream taken apart, what comes twice dropped, and what an event has changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import trio

from swarmkit.engine.events import Identity, identity
from swarmkit.errors import Internal, Unavailable
from swarmkit.streams import CHUNK

MAX_EVENT = 1024 * 1024
"""Bytes of one event, at most."""

REMEMBERED = 1024
"""Events whose identity is kept, to drop those that come twice when a stream is resumed."""

_CHANGES_NOTHING = {
    "container": frozenset(
        {"attach", "detach", "resize", "top", "export", "copy", "archive-path", "extract-to-dir", "commit"}
    ),
    "image": frozenset({"save", "push"}),
    "network": frozenset({"connect", "disconnect"}),  # the list does not say who is connected
    "volume": frozenset({"mount", "unmount"}),
}
"""By an event's type, the actions after which the actor's row in a list is what it was (besides all `exec_…`)."""

_OF_AN_IMAGE = (("images", ""), ("containers", ""))
"""What a change of an image changes: a name may move from another, and a container shows what name its image has."""

Event = dict[str, Any]


class EventStream:
    """The events of one engine over any number of `/events` streams; `told` is called with each event once.

    `since` is where the next stream is to begin: empty, or what the parameter of that name takes.
    """

    def __init__(self, host: str, told: Callable[[Event], None]) -> None:
        self.since = ""
        self._host = host
        self._told = told
        self._seen: dict[Identity, None] = {}

    def begin(self, date: str) -> None:
        """Note the `Date` of a stream's head: until an event has come, one that breaks is resumed from there."""
        self.since = self.since or _seconds(date)

    async def read(self, body: trio.abc.ReceiveStream) -> None:
        """Tell each event that is new; raise when the stream ends, as it never does on its own."""
        rest = b""
        while data := await body.receive_some(CHUNK):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                if line.strip():
                    self._take(line)
            if len(rest) > MAX_EVENT:
                raise Internal(f"host {self._host} sent an event of more than {MAX_EVENT} bytes")
        raise Unavailable(f"host {self._host} ended its event stream")

    def _take(self, line: bytes) -> None:
        try:
            event = json.loads(line)
            once = identity(event)
            if once not in self._seen:
                self._told(event)
                self._remember(once)
        except (ValueError, TypeError, AttributeError) as error:
            raise Internal(f"host {self._host} sent what is no event: {line[:80]!r}") from error

    def _remember(self, once: Identity) -> None:
        self._seen[once] = None
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]
        nanoseconds = once[0]
        if nanoseconds:
            self.since = f"{nanoseconds // 10**9}.{nanoseconds % 10**9:09d}"


def touched(event: Event) -> Iterator[tuple[str, str]]:
    """Return what an event may have changed: collections, each with the id of its one row, or `""` for any of them."""
    kind, action = str(event.get("Type", "")), str(event.get("Action", ""))
    actor = event.get("Actor") or {}
    if kind == "network" and action in ("connect", "disconnect"):
        container = str((actor.get("Attributes") or {}).get("container", ""))
        yield from (("containers", container),) if container else ()
    elif kind == "container" and action == "commit":
        yield from _OF_AN_IMAGE
    elif action in _CHANGES_NOTHING.get(kind, ()) or action.startswith("exec_"):
        return
    elif kind == "container":
        yield from (("containers", str(actor["ID"])),) if actor.get("ID") else ()  # a prune has no actor
    elif kind == "image":
        yield from _OF_AN_IMAGE
    elif kind in ("network", "volume"):
        yield f"{kind}s", ""


def changes_users(event: Event) -> bool:
    """Tell whether an event changes how many containers use an image."""
    return event.get("Type") == "container" and event.get("Action") in ("create", "destroy")


def _seconds(date: str) -> str:
    """Return an HTTP date as the seconds that `since` takes; nothing where there is none."""
    try:
        return str(int(parsedate_to_datetime(date).timestamp()))
    except ValueError:
        return ""
