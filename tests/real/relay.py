"""A relay before a real engine's socket that counts what it is asked, and changes nothing."""

from __future__ import annotations

import re
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_REQUEST = re.compile(rb"(?:^|\r\n)([A-Z]+) (?:/v[\d.]+)?(/[^\s?]*)\S* HTTP/1\.1\r\n")
"""The first line of a request. What is not HTTP any more, after an upgrade, has none."""

_HEAD = 65536
"""How much of what was last sent is kept: a request's first line may come in two reads."""


class Relay:
    """Serves the Unix socket `path`, and passes what comes to the socket `engine`; half-closes included."""

    def __init__(self, path: Path, engine: Path) -> None:
        self.path = path
        self._engine = engine
        self._asked: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(128)
        self._carrying: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    @property
    def stage(self) -> str:
        """The stage that reaches the engine through it."""
        return f"docker unix://{self.path}"

    @property
    def asked(self) -> Counter[str]:
        """What was asked so far: how often each method and path, without version and query."""
        with self._lock:
            return Counter(self._asked)

    def close(self) -> None:
        """Accept no more, end all connections, and wait for the threads that carried them."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        for each in self._open:
            with suppress(OSError):  # its peer may have gone before
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._carrying:
            thread.join()
        for each in (self._listener, *self._open):
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # shut down
                return
            engine = socket.socket(socket.AF_UNIX)
            self._open += [client, engine]
            engine.connect(str(self._engine))
            for source, target, count in ((client, engine, True), (engine, client, False)):
                thread = threading.Thread(target=self._carry, args=(source, target), kwargs={"count": count})
                self._carrying.append(thread)
                thread.start()

    def _carry(self, source: socket.socket, target: socket.socket, *, count: bool) -> None:
        seen = b""
        with suppress(OSError):  # either end may go in the middle
            while data := source.recv(65536):
                if count:
                    seen = self._count(seen + data)
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def _count(self, data: bytes) -> bytes:
        """Count the requests that begin in what was sent; return the rest, in which one may begin."""
        end = 0
        with self._lock:
            for found in _REQUEST.finditer(data):
                self._asked[f"{found[1].decode()} {found[2].decode()}"] += 1
                end = found.end() - 2  # an empty head's end may be the next one's beginning
        return data[end:][-_HEAD:]


@contextmanager
def relaying(path: Path, engine: Path) -> Iterator[Relay]:
    """Run a relay for the length of a block."""
    relay = Relay(path, engine)
    try:
        yield relay
    finally:
        relay.close()
