"""The chunked transfer coding (RFC 9112, 7.1), sans I/O.

It is written here, not taken from a library, for two reasons: what follows the last chunk must be found to the byte
(it may be another protocol), which httptools does not tell; and an engine sends a chunk for each line of a log, at
which h11 decodes some 6 MB/s.
"""

from __future__ import annotations

from ..errors import Invalid

MAX_LINE = 4096
"""Bytes of a chunk's size line with its extensions, and of one trailer field."""

MAX_TRAILER = 16 * 1024
"""Bytes of all trailer fields."""

_HEX = frozenset(b"0123456789abcdefABCDEF")


class ChunkedDecoder:
    """Turn coded bytes into the body; `finished` once the last chunk and the trailer were read.

    `rest` then holds the bytes that followed.
    """

    def __init__(self) -> None:
        self.finished = False
        self.rest = b""
        self._buffer = b""
        self._left = 0  # bytes of the present chunk still to come
        self._after_data = False  # the line end behind a chunk's data is due
        self._trailer = -1  # bytes of trailer read; -1 before the last chunk

    def feed(self, data: bytes) -> bytes:
        """Take some coded bytes; return the body bytes in them, joined. Raise `Invalid` for a malformed coding."""
        if self.finished:
            self.rest += data
            return b""
        data = self._buffer + data if self._buffer else data
        out: list[bytes] = []
        position = 0
        while not self.finished and position < len(data):
            if self._left:
                piece = data[position : position + self._left]
                out.append(piece)
                position += len(piece)
                self._left -= len(piece)
                self._after_data = not self._left
                continue
            end = data.find(b"\n", position)
            if end < 0:
                if len(data) - position > MAX_LINE:
                    raise Invalid("a line of the chunked coding is too long")
                break
            self._line(data[position:end], end - position + 1)
            position = end + 1
        if self.finished:
            self.rest, self._buffer = data[position:], b""
        else:
            self._buffer = data[position:]
        return b"".join(out)

    def _line(self, line: bytes, size: int) -> None:
        if not line.endswith(b"\r") or size > MAX_LINE:
            raise Invalid(f"a line of the chunked coding is malformed: {line[:40]!r}")
        line = line[:-1]
        if self._after_data:
            if line:
                raise Invalid("a chunk is longer than it said")
            self._after_data = False
        elif self._trailer >= 0:
            self._trailer += size
            if self._trailer > MAX_TRAILER:
                raise Invalid("the trailer of a chunked body is too long")
            self.finished = not line
        else:
            self._left = _chunk_size(line)
            if not self._left:
                self._trailer = 0


def _chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].rstrip(b" \t")
    if not digits or len(digits) > 15 or not _HEX.issuperset(digits):
        raise Invalid(f"not the size of a chunk: {line[:40]!r}")
    return int(digits, 16)


def encode_chunk(data: bytes) -> bytes:
    """Code some bytes (not none: that would end the body) as one chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST_CHUNK = b"0\r\n\r\n"
"""What ends a chunked body that has no trailer."""
