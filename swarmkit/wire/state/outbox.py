"""What is to be written, and in which order; and long messages in parts.

Three kinds wait here. *Answers to the flow* (PONG, STOP, CLOSE, CREDIT, GRANT) are kept once for each thing that they
are about, and go first: a peer that makes us write them and reads nothing fills no memory. *Frames* go as they are.
*Messages* go one behind the other, in parts where they are long, and frames may pass them at each part; what is about
a thing that a message still waiting here is to bring, or call, waits behind it.
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


@define(eq=False)
class _Message:
    kind: Type
    number: int
    payload: Bytes
    done: Callable[[], None] | None
    at: int = 0


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
        self._queued = 0
        self._taken = 0

    def __bool__(self) -> bool:
        return bool(self._messages or self._frames or self._flow or self._pong is not None)

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
        if after > self._taken:
            return self.queue(kind, number, payload)
        self.size += HEADER + len(payload)
        if len(payload) <= SHORT:
            self._frames.append((frame(kind, number, bytes(payload)),))
        else:
            self._frames.append((header(kind, number, len(payload)), payload))
        return after

    def queue(self, kind: Type, number: int, payload: Bytes = NULL, done: Callable[[], None] | None = None) -> int:
        """Send a message; `done` is called when its last byte has been taken. Return its ticket."""
        self._messages.append(_Message(kind, number, payload, done))
        self.size += HEADER + len(payload)
        self._queued += 1
        return self._queued

    def clear(self) -> None:
        """Forget everything: nothing of it will be written."""
        self._flow.clear()
        self._frames.clear()
        self._messages.clear()
        self._pong, self.size, self._taken = None, 0, self._queued

    # --- taking out

    def take(self) -> list[Bytes]:
        """Return what is to be written next: whole frames, CHUNK bytes and the frame that goes above it."""
        out: list[Bytes] = []
        if self._pong is not None or self._flow:
            out += self._take_flow()
        size = self._take_frames(out)
        while self._messages:  # one at least, so that frames without end do not keep messages back
            size += self._take_part(out)
            if size >= CHUNK:
                break
        return out

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

    def _take_part(self, out: list[Bytes]) -> int:
        message = self._messages[0]
        left = len(message.payload) - message.at
        if left > self.frame:
            part = memoryview(message.payload)[message.at : message.at + self.frame]
            out += (header(Type.PART, message.number, self.frame), part)
            message.at += self.frame
            self.size -= self.frame
            return HEADER + self.frame
        payload: Bytes = memoryview(message.payload)[message.at :] if message.at else message.payload
        if left <= SHORT:
            out.append(frame(message.kind, message.number, bytes(payload)))
        else:
            out += (header(message.kind, message.number, left), payload)
        self._messages.popleft()
        self._taken += 1
        self.size -= HEADER + left
        if message.done is not None:
            message.done()
        return HEADER + left
