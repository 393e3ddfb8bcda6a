"""The one message that comes in parts, until it is whole (docs/protocol.md, section 2)."""

from __future__ import annotations

from ..frames import Type
from ..violations import Violation


class Parts:
    """Put the parts of a message together: one message of `limit` bytes at most."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._number = 0

    @property
    def held(self) -> int:
        """Bytes of a message that has not come whole."""
        return len(self._buffer)

    def add(self, number: int, payload: bytes) -> None:
        """Take a PART."""
        if not payload:
            raise Violation("a PART without a byte")
        if self._buffer and number != self._number:
            raise Violation(f"a PART of {number} between those of {self._number}")
        self._check(len(payload))
        self._number = number
        self._buffer += payload

    def whole(self, kind: Type, number: int, payload: bytes) -> bytes:
        """Return the payload of a message, of whose frames this is the last."""
        self._check(len(payload))
        if not self._buffer:
            return payload
        if number != self._number:
            raise Violation(f"a {kind.name} of {number} between the PARTs of {self._number}")
        self._buffer += payload
        payload = bytes(self._buffer)
        self._buffer.clear()
        return payload

    def _check(self, more: int) -> None:
        if len(self._buffer) + more > self._limit:
            raise Violation(f"a message of more than {self._limit} bytes")
