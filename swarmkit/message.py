"""What passes between services: verbs and messages. Pure data, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

if TYPE_CHECKING:
    from trio.abc import ReceiveStream

    from .channel import Receiver
    from .service import Service

Path = tuple[str, ...]
"""Names from the service addressed to the thing meant; `()` is the service itself."""


class Verb(Enum):
    """The thirteen verbs of libswarm. ACK and ERROR are replies; in one process an ERROR is raised, not returned."""

    SPAWN = "spawn"
    ATTACH = "attach"
    START = "start"
    STOP = "stop"
    LOG = "log"
    LS = "ls"
    GET = "get"
    SET = "set"
    WATCH = "watch"
    CONNECT = "connect"
    FILE = "file"
    ACK = "ack"
    ERROR = "error"


@frozen
class Message:
    """One request, or one reply.

    `args` holds plain values only: None, bool, int, float, str, bytes, lists and str-keyed dicts of these.
    `ret` is an end handed over by reference (a service, or the receiving end of a channel); `att` is a byte stream read
    by whoever receives the message. Both are owned by the receiver, who closes them.
    """

    verb: Verb
    path: Path = ()
    args: Mapping[str, Any] = field(factory=dict)
    ret: Service | Receiver | None = None
    att: ReceiveStream | None = None

    def get(self, name: str, default: Any = None) -> Any:
        """Return the argument `name`, or `default` where it is absent."""
        return self.args.get(name, default)

    def __getitem__(self, name: str) -> Any:
        return self.args[name]

    def __str__(self) -> str:
        where = "/".join(self.path) or "."
        words = [self.verb.name, where] if self.verb not in (Verb.ACK, Verb.ERROR) else [self.verb.name]
        words += [f"{name}={_short(value)}" for name, value in self.args.items()]
        words += [f"+{end}" for end in ("ret", "att") if getattr(self, end) is not None]
        return " ".join(words)


def ack(
    args: Mapping[str, Any] | None = None,
    *,
    path: Path = (),
    ret: Service | Receiver | None = None,
    att: ReceiveStream | None = None,
) -> Message:
    """Make the reply that says: done."""
    return Message(Verb.ACK, path, args or {}, ret, att)


def warned(reply: Message, *warnings: str) -> Message:
    """Return a reply with further warnings behind those that it has."""
    return evolve(reply, args={**reply.args, "warnings": [*(reply.get("warnings") or ()), *warnings]})


def _short(value: Any, limit: int = 120) -> str:
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}…({len(text)})"
