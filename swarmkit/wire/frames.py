"""Frames: a header of nine bytes and a payload (docs/protocol.md, section 2). What a payload means is not here."""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import NamedTuple

from .violations import Violation

HEADER = 9
_HEADER = struct.Struct(">IBI")  # length, type, id

NULL = b"\xf6"
"""The payload of a frame that says all by its type."""


class Type(IntEnum):
    """The types of frames; a name in the protocol is the name here."""

    HELLO = 0x01
    GOAWAY = 0x02
    PING = 0x03
    PONG = 0x04
    CALL = 0x10
    REPLY = 0x11
    ERROR = 0x12
    CANCEL = 0x13
    RELEASE = 0x18
    ITEM = 0x20
    END = 0x21
    CLOSE = 0x22
    GRANT = 0x23
    DATA = 0x30
    EOF = 0x31
    RESET = 0x32
    STOP = 0x33
    CREDIT = 0x34
    PART = 0x40


LAST = 0x80
"""Added to the type of a frame that is the last of a message in parts."""

LONG = frozenset({Type.CALL, Type.REPLY, Type.ERROR, Type.ITEM, Type.END})
"""The types of messages that may come in parts."""

_TYPES: dict[int, tuple[Type, bool]] = {  # a look into it is twice as fast as Type(number)
    **{kind.value: (kind, False) for kind in Type},
    **{kind.value | LAST: (kind, True) for kind in LONG},
}


class Frame(NamedTuple):
    """One frame that has come whole; `last` is whether its payload goes on where the parts before it stopped."""

    type: Type
    id: int
    payload: bytes
    last: bool = False


def header(kind: Type, number: int, length: int, *, last: bool = False) -> bytes:
    """Make what stands before a payload, which is the last of those of a message in parts or stands alone."""
    return _HEADER.pack(length, kind | LAST if last else kind, number)


def frame(kind: Type, number: int, payload: bytes = NULL) -> bytes:
    """Make a whole frame of a short payload, which is copied."""
    return _HEADER.pack(len(payload), kind, number) + payload


class FrameReader:
    """Cut bytes, in whatever pieces they come, into frames of `limit` bytes at most."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._at = 0

    @property
    def held(self) -> int:
        """Bytes that have not been given out: less than a frame, once `next` has returned None."""
        return len(self._buffer) - self._at

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take some bytes."""
        self._buffer += data

    def next(self) -> Frame | None:
        """Return the next frame that is whole, None if there is none.

        Raises `Violation` at a header with a length above the limit, or a type that is not known.
        """
        if self.held >= HEADER:
            length, number, ident = _HEADER.unpack_from(self._buffer, self._at)
            kind, last = self._check(length, number)
            start = self._at + HEADER
            if len(self._buffer) - start >= length:
                self._at = start + length
                with memoryview(self._buffer) as view:
                    return Frame(kind, ident, bytes(view[start : self._at]), last)
        del self._buffer[: self._at]
        self._at = 0
        return None

    def _check(self, length: int, number: int) -> tuple[Type, bool]:
        found = _TYPES.get(number)
        if found is None:
            raise Violation(f"a frame of type 0x{number:02x}, which is none")
        if length > self._limit:
            raise Violation(f"a {found[0].name} frame of {length} bytes, where {self._limit} are taken")
        return found
