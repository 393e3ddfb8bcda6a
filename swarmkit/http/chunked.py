"""The chunked transfer coding (RFC 9112, 7.1), sans I/O.

It is written here, not taken from a library, for two reasons: what follows the last chunk must be found to the byte
(it may be another protocol), which httptools does not tell; and an engine sends a chunk for each line of a log, at
which h11 is too slow (`benchmarks/chunked.py`).
"""

from __future__ import annotations

import re

from ..errors import Invalid

MAX_EXTENSION = 256
"""Bytes of a chunk's extensions."""

MAX_TRAILER = 16 * 1024
"""Bytes of all trailer fields with the blank line that ends them."""

# A chunk's beginning, together with the line end behind the chunk before it: one match for a chunk. Nothing is
# tolerated (a bare LF, a sign, a stray CR in an extension), since there two parsers may come to read different bodies.
_SIZE = rb"[0-9a-fA-F]{1,15}"
_EXTENSION = rb"[ \t]{0,8}(?:;[^\r\n]{0,%d})?" % MAX_EXTENSION
_BEGINNING = re.compile(rb"\r\n(%b)%b\r\n" % (_SIZE, _EXTENSION))
_BEGUN = re.compile(rb"(?:\r(?:\n(?:%b%b\r?)?)?)?" % (_SIZE, _EXTENSION))


class ChunkedDecoder:
    """Turn coded bytes into the body; `finished` once the last chunk and the trailer were read.

    `rest` then holds the bytes that followed. Chunk extensions and trailer fields are dropped.
    """

    def __init__(self) -> None:
        self.finished = False
        self.rest = b""
        self._buffer = b"\r\n"  # what is not understood yet; at first the line end that the first chunk lacks
        self._left = 0  # bytes of the present chunk still to come
        self._trailer = -1  # bytes of trailer read; -1 before the last chunk

    def feed(self, data: bytes) -> bytes:
        """Take some coded bytes; return the body bytes in them, joined. Raise `Invalid` for a malformed coding."""
        if self.finished:
            self.rest += data
            return b""
        data = self._buffer + data if self._buffer else data
        out: list[bytes] = []
        position = 0 if self._trailer >= 0 else self._chunks(data, out)
        if self._trailer >= 0:
            position = self._trailer_fields(data, position)
        self._buffer, self.rest = (b"", data[position:]) if self.finished else (data[position:], b"")
        return b"".join(out)

    def _chunks(self, data: bytes, out: list[bytes]) -> int:
        """Take whole and partial chunks off the front; return how far that went."""
        position, left = 0, self._left
        while True:
            if left:
                piece = data[position : position + left]
                out.append(piece)
                position += len(piece)
                left -= len(piece)
            if position == len(data):
                break
            beginning = _BEGINNING.match(data, position)
            if beginning is None:
                _check_begun(data[position:])
                break
            left = int(beginning[1], 16)
            position = beginning.end()
            if not left:
                self._trailer = 0
                break
        self._left = left
        return position

    def _trailer_fields(self, data: bytes, position: int) -> int:
        """Drop whole trailer fields; return how far that went."""
        start = position - self._trailer
        while not self.finished and (end := data.find(b"\n", position) + 1):
            line = data[position:end]
            if not line.endswith(b"\r\n"):
                raise Invalid(f"not a trailer field: {line[:40]!r}")
            self.finished = line == b"\r\n"
            position = end
        self._trailer = position - start
        if (position if self.finished else len(data)) - start > MAX_TRAILER:
            raise Invalid(f"the trailer of a chunked body is longer than {MAX_TRAILER} bytes")
        return position


def _check_begun(data: bytes) -> None:
    if not _BEGUN.fullmatch(data):
        raise Invalid(f"not the end of a chunk and the size of the next: {data[:40]!r}")


def encode_chunk(data: bytes | bytearray) -> bytes:
    """Code some bytes (not none: that would end the body) as one chunk."""
    return b"%x\r\n%b\r\n" % (len(data), bytes(data))


LAST_CHUNK = b"0\r\n\r\n"
"""What ends a chunked body that has no trailer."""
