"""What a message is on the wire: plain values, and numbers in place of the ends that it carries. Pure data.

How it becomes bytes is in `payloads`; what numbers its ends get, in `ends`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from attrs import field, frozen

from ..message import Path, Verb


class Ret(Enum):
    """What kind of end a message's `ret` is."""

    SERVICE = "service"
    CHANNEL = "channel"


@frozen
class WireMessage:
    """A message, with what it carries named by kind: `ret` a service or a channel, `att` whether there is a stream.

    Which ones they are is said by the `Ends` that come with it: as the result of sending it, and in the event of
    receiving it.
    """

    verb: Verb
    path: Path = ()
    args: Mapping[str, Any] = field(factory=dict)
    ret: Ret | None = None
    att: bool = False


@frozen
class Ends:
    """The numbers of what a message carries: a ref or a channel, and a stream."""

    ret: int | None = None
    att: int | None = None


NO_ENDS = Ends()
