"""What is to be written, and in which order; and long messages in parts.

Four kinds wait here. *Answers to the flow* (PONG, STOP, CLOSE, CREDIT, GRANT) are kept once for each thing that they
are about, and go first: a peer that makes us write them and reads nothing fills no memory. *Frames* go as they are.
*Messages* go one behind the other. *Long messages* go one behind the other too, a part at a time, and what is not
about them passes at each part; but none begins before the messages that were there before it. What is about a thing
that a message still waiting here is to bring, or call, waits behind it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from attrs import define

from ..frames import HEADER, NULL, Type, frame, header
from ..limits import LEAST_FRAME
from ..payloads import encode_amounts

CHUNK = 65_536
"""Bytes after which `take` returns, and the longest frame that is made here, so that others get between."""

Bytes = bytes | memoryview

SHORT = 4_096
"""Bytes up to which a payload is copied behind its header, which costs less than another buffer."""


_CHANNEL = frozenset({Type.ITEM, Type.END})
"""Messages of a channel, which keep their order."""


@define(eq=False)
class _Message:
    ticket: int
    kind: Type
    number: int
    payload: Bytes
    carries: bool
    done: Callable[[], None] | None
    at: int = 0

    def is_behind(self, other: _Message) -> bool:
        """Tell whether this must not pass another that was here before it.

        The numbers of calls, and those of what is carried, must arrive in their order; what is carried before what it
        says; and the end of one thing before another in its place. Which calls are of a ref is not known here, so that
        a RELEASE waits for all.
        """
        match self.kind:
            case Type.CANCEL:
                return (other.kind, other.number) == (Type.CALL, self.number)
            case Type.ITEM | Type.END:
                return self.carries or other.carries or (other.kind in _CHANNEL and other.number == self.number)
            case Type.CALL:
                return self.carries or other.kind is Type.CALL
            case Type.REPLY | Type.ERROR:
                return self.carries
            case _:
                return True


class Outbox:
    """The queue of one connection's sending side."""

    def __init__(self) -> None:
        self.frame = LEAST_FRAME
        """The longest payload of a frame."""
        self.size = 0
        """Bytes of frames and messages that wait."""
        self._flow: dict[tuple[Type, int], tuple[int, ...]] = {}
        self._pong: bytes | None = None
        self._frames: deque[tuple[Bytes, ...]] = deque()  # a header and long bulk are two, but one frame
        self._messages: deque[_Message] = deque()
        self._long: deque[_Message] = deque()  # and what is behind them
        self._waiting: dict[int, deque[_Message]] = {}  # by ticket: where what has not been taken whole is
        self._queued = 0

    @property
    def pressing(self) -> int:
        """Bytes that wait besides the long message that is sent now: others pass that."""
        return self.size - (len(self._long[0].payload) - self._long[0].at if self._long else 0)

    def __bool__(self) -> bool:
        return bool(self._waiting or self._frames or self._flow or self._pong is not None)

    # --- putting in

    def pong(self, payload: bytes) -> None:
        """Answer a PING; only the latest is."""
        self._pong = payload

    def flow(self, kind: Type, number: int, *amounts: int) -> None:
        """Say something about what comes in; amounts for the same thing are added up."""
        before = self._flow.get((kind, number))
        self._flow[kind, number] = amounts if before is None else tuple(map(int.__add__, before, amounts))

    def retract(self, kind: Type, number: int) -> None:
        """Do not say it: the thing is over."""
        self._flow.pop((kind, number), None)

    def put(self, kind: Type, number: int, payload: Bytes = NULL, *, after: int = 0) -> int:
        """Send a frame, behind the message whose ticket `after` is; return the ticket of what to be behind next."""
        if (place := self._waiting.get(after)) is not None:
            return self._append(_Message(self._queued + 1, kind, number, payload, False, None), place)
        self.size += HEADER + len(payload)
        if len(payload) <= SHORT:
            self._frames.append((frame(kind, number, bytes(payload)),))
        else:
            self._frames.append((header(kind, number, len(payload)), payload))
        return after

    def queue(
        self,
        kind: Type,
        number: int,
        payload: Bytes = NULL,
        done: Callable[[], None] | None = None,
        *,
        carries: bool = False,
    ) -> int:
        """Send a message; `done` is called when its last byte has been taken. Return its ticket."""
        message = _Message(self._queued + 1, kind, number, payload, carries, done)
        long = len(payload) > self.frame or any(map(message.is_behind, self._long))
        return self._append(message, self._long if long else self._messages)

    def _append(self, message: _Message, place: deque[_Message]) -> int:
        self._queued = message.ticket
        place.append(message)
        self._waiting[message.ticket] = place
        self.size += HEADER + len(message.payload)
        return message.ticket

    def clear(self) -> None:
        """Forget everything: nothing of it will be written."""
        self._flow.clear()
        self._frames.clear()
        self._messages.clear()
        self._long.clear()
        self._waiting.clear()
        self._pong, self.size = None, 0

    # --- taking out

    def take(self) -> list[Bytes]:
        """Return what is to be written next: whole frames, CHUNK bytes and the frame that goes above it."""
        out: list[Bytes] = []
        if self._pong is not None or self._flow:
            out += self._take_flow()
        size = self._take_frames(out)
        while self._messages:  # one at least, so that frames without end do not keep messages back
            size += self._take_whole(self._messages, out)
            if size >= CHUNK:
                break
        if self._long and self._is_next(self._long[0]):
            self._take_part(out)  # one at least, too
        return out

    def _is_next(self, message: _Message) -> bool:
        """Tell whether a long message has been begun, or may be: what was here before it has been taken."""
        return message.at > 0 or not self._messages or self._messages[0].ticket > message.ticket

    def _take_flow(self) -> list[bytes]:
        out = [] if self._pong is None else [frame(Type.PONG, 0, self._pong)]
        out += (frame(kind, number, encode_amounts(kind, amounts)) for (kind, number), amounts in self._flow.items())
        self._pong = None
        self._flow.clear()
        return out

    def _take_frames(self, out: list[Bytes]) -> int:
        size = 0
        while self._frames and size < CHUNK:
            buffers = self._frames.popleft()
            out += buffers
            size += sum(map(len, buffers))
        self.size -= size
        return size

    def _take_part(self, out: list[Bytes]) -> None:
        message = self._long[0]
        if len(message.payload) - message.at <= self.frame:
            self._take_whole(self._long, out)
            return
        part = memoryview(message.payload)[message.at : message.at + self.frame]
        out += (header(Type.PART, 0, self.frame), part)
        message.at += self.frame
        self.size -= self.frame

    def _take_whole(self, place: deque[_Message], out: list[Bytes]) -> int:
        """Take a message, or what is left of it; return its bytes."""
        message = place.popleft()
        payload: Bytes = memoryview(message.payload)[message.at :] if message.at else message.payload
        if len(payload) <= SHORT and not message.at:
            out.append(frame(message.kind, message.number, bytes(payload)))
        else:
            out += (header(message.kind, message.number, len(payload), last=message.at > 0), payload)
        del self._waiting[message.ticket]
        self.size -= HEADER + len(payload)
        if message.done is not None:
            message.done()
        return HEADER + len(payload)
