"""What a message may change. Pure, no I/O."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

from ..message import Message, Path, Verb
from .collections import COLLECTIONS

Change = tuple[str, str | None]
"""A collection, and the reference of the one thing in it that may have changed; `""` where that may be any.

None is any of them, in what it shows of another collection, if it does.
"""

_SAFE_METHODS = frozenset({"GET", "HEAD"})
_NOT_HELD = frozenset({"exec", "nodes"})


def changes(message: Message) -> bool:
    """Tell whether a message may change something: a mutating verb, or a request other than GET and HEAD."""
    if message.verb is Verb.CONNECT:
        return str(message.get("method", "GET")).upper() not in _SAFE_METHODS
    if message.verb is Verb.FILE:
        return message.att is not None
    if message.verb is Verb.ATTACH:
        return message.get("io") is not None
    return message.verb in (Verb.SPAWN, Verb.START, Verb.STOP, Verb.SET)


def written(message: Message) -> Iterator[Change]:
    """Return what a message that changes something may have changed."""
    yield from written_at((*message.path, *_target(message)))


def written_at(path: Path) -> Iterator[Change]:
    """Return what may have changed where something was written at a path."""
    match path:
        case ("nodes", _, *rest):
            yield from written_at(tuple(rest))
        case (name, *rest) if name in COLLECTIONS:
            yield name, rest[0] if rest else ""
            yield from ((other, None) for other in COLLECTIONS[name].shown_in)
        case (name, *_) if name in _NOT_HELD:
            return
        case _:
            yield from ((name, "") for name in COLLECTIONS)


def _target(message: Message) -> Path:
    """Return the target of a CONNECT as the rest of a path: it is relative to the message's."""
    path = str(message.get("target", "")).partition("?")[0] if message.verb is Verb.CONNECT else ""
    return tuple(unquote(part) for part in path.split("/") if part)
