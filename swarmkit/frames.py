"""Framed output: which standard stream each piece of bytes came from. Sans I/O.

The frame is Docker's (Engine API, operation ContainerAttach, "Stream format"): one byte for the stream (0 standard
input, 1 output, 2 error), three zeros, the length in four bytes, most significant first, then the bytes.
"""

from __future__ import annotations

from attrs import frozen

from .errors import Invalid

HEADER = 8
MAX_PIECE = 1024 * 1024
"""Bytes that a record holds at most; a longer frame is given out in pieces."""


@frozen
class Record:
    """Some bytes of one standard stream: 1 for output (a terminal's, too), 2 for errors.

    An engine may say on stream 3 why it cannot go on.
    """

    stream: int
    data: bytes

    @property
    def text(self) -> str:
        """The bytes as text, undecodable ones replaced, without the line end."""
        return self.data.decode("utf-8", "replace").removesuffix("\n").removesuffix("\r")

    def __str__(self) -> str:
        return self.text


def encode_frame(stream: int, data: bytes) -> bytes:
    """Frame some bytes."""
    return bytes((stream, 0, 0, 0)) + len(data).to_bytes(4, "big") + data


class FrameDecoder:
    """Turn framed bytes, however cut, into records; `clean` tells whether it stands between two frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._stream = 0
        self._left = 0

    @property
    def clean(self) -> bool:
        return not self._buffer and not self._left

    def feed(self, data: bytes | bytearray) -> list[Record]:
        """Take some bytes and return the records that are complete; raise `Invalid` for what is no frame."""
        self._buffer += data
        records: list[Record] = []
        while True:
            if not self._left:
                if len(self._buffer) < HEADER:
                    return records
                self._begin_frame()
                continue
            want = min(self._left, MAX_PIECE)
            if len(self._buffer) < want:
                return records
            records.append(Record(self._stream, bytes(self._buffer[:want])))
            del self._buffer[:want]
            self._left -= want

    def _begin_frame(self) -> None:
        if self._buffer[0] > 3 or any(self._buffer[1:4]):
            raise Invalid(f"not the header of a frame: {bytes(self._buffer[:HEADER]).hex(' ')}")
        self._stream = self._buffer[0]
        self._left = int.from_bytes(self._buffer[4:HEADER], "big")
        del self._buffer[:HEADER]
