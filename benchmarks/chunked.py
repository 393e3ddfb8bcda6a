"""How fast the chunked transfer coding is decoded: our decoder beside h11 and httptools. Run by hand.

    python benchmarks/chunked.py          # h11 is measured where it is installed

An engine sends one chunk for each line of a log, so that chunks of about 100 bytes are the case that matters. The
figures in `MEASURED` were taken on a shared machine with two cores (CPython 3.11): trust the ratios.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import httptools

from swarmkit.http.chunked import LAST_CHUNK, ChunkedDecoder, encode_chunk

MEASURED = """
   chunk        way     MB/s
     100       ours       70
     100  httptools      400
     100        h11       10
    1000       ours      770
    1000  httptools     2500
    1000        h11      100
   32000       ours     4400
   32000  httptools     6300
   32000        h11     1300
"""

READ = 65536
BODY_BYTES = 32_000_000


def coded(chunk_size: int) -> list[bytes]:
    """Return a coded body in pieces as a socket would give them."""
    whole = encode_chunk(b"x" * chunk_size) * (BODY_BYTES // chunk_size) + LAST_CHUNK
    return [whole[start : start + READ] for start in range(0, len(whole), READ)]


def with_ours(pieces: list[bytes]) -> int:
    decoder = ChunkedDecoder()
    return sum(len(decoder.feed(piece)) for piece in pieces)


class _Sink:
    def __init__(self) -> None:
        self.size = 0

    def on_body(self, data: bytes) -> None:
        self.size += len(data)


def with_httptools(pieces: list[bytes]) -> int:
    sink = _Sink()
    parser = httptools.HttpResponseParser(sink)
    parser.feed_data(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for piece in pieces:
        parser.feed_data(piece)
    return sink.size


def with_h11(pieces: list[bytes]) -> int:
    import h11

    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    size = 0
    for piece in pieces:
        connection.receive_data(piece)
        while isinstance(event := connection.next_event(), h11.Response | h11.Data):
            size += len(event.data) if isinstance(event, h11.Data) else 0
    return size


def ways() -> Iterator[tuple[str, Callable[[list[bytes]], int]]]:
    yield "ours", with_ours
    yield "httptools", with_httptools
    try:
        import h11  # noqa: F401
    except ImportError:
        return
    yield "h11", with_h11


def main() -> None:
    print(f"{'chunk':>8} {'way':>10} {'MB/s':>8}")
    for chunk_size in (100, 1000, 32_000):
        pieces = coded(chunk_size)
        for name, decode in ways():
            started = time.perf_counter()
            size = decode(pieces)
            seconds = time.perf_counter() - started
            assert size == BODY_BYTES // chunk_size * chunk_size
            print(f"{chunk_size:>8} {name:>10} {size / seconds / 1e6:>8.0f}")


if __name__ == "__main__":
    main()
