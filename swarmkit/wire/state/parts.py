"""The one message that comes in parts, until it is whole (docs/protocol.md, section 2)."""

from __future__ import annotations

from ..frames import Type
from ..violations import Violation


class Parts:
    """Put the parts of a message together: one message of `limit` bytes at most."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()

    @property
    def held(self) -> int:
        """Bytes of a message that has not come whole."""
        return len(self._buffer)

    def add(self, number: int, payload: bytes) -> None:
        """Take a PART."""
        if number or not payload:
            raise Violation(f"a PART of {number} with {len(payload)} bytes, not of 0 with some")
        self._check(len(payload))
        self._buffer += payload

    def whole(self, kind: Type, payload: bytes) -> bytes:
        """Return the payload of the message in parts, of which this is the last."""
        if not self._buffer:
            raise Violation(f"the last frame of a {kind.name} in parts, of which there are none")
        self._check(len(payload))
        self._buffer += payload
        payload = bytes(self._buffer)
        self._buffer.clear()
        return payload

    def _check(self, more: int) -> None:
        if len(self._buffer) + more > self._limit:
            raise Violation(f"a message of more than {self._limit} bytes")
