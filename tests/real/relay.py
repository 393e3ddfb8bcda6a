"""A relay before a real engine, or an etcd: counts what it is asked, and can delay or spoil what is answered."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_REQUEST = re.compile(rb"(?:^|\r\n)([A-Z]+) (?:/v[\d.]+)?(/[^\s?]*)\S* HTTP/1\.1\r\n")
"""The first line of a request. What is not HTTP any more, after an upgrade, has none."""

_HEAD = 65536
"""How much of what was last sent is kept: a request's first line may come in two reads."""

Spoil = Callable[[bytes], Iterable[bytes] | None]
"""Given what an engine answered, returns what is sent instead before the connection ends; None: it goes as it is."""


class Relay:
    """Serves the Unix socket `path`, and passes what comes to the socket `engine`; half-closes included.

    While `spoil` is set it is applied to each piece that comes from the engine; `delay` holds each piece up, each way,
    for so many seconds.
    """

    def __init__(self, path: Path, engine: Path) -> None:
        self.path = path
        self.spoil: Spoil | None = None
        self.delay = 0.0
        self._engine = engine
        self._asked: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._listener = self._listening()
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

    @property
    def carrying(self) -> int:
        """How many connections there are that have not ended in both directions."""
        return sum(thread.is_alive() for thread in self._carrying) // 2

    def drop(self) -> None:
        """End all connections that there are."""
        for each in list(self._open):
            _end(each)

    def close(self) -> None:
        """Accept no more, end all connections, and wait for the threads that carried them."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self.drop()
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
            engine = self._connected()
            if engine is None:
                client.close()
                continue
            self._open += [client, engine]
            for work in (self._carry_requests, self._carry_answers):
                thread = threading.Thread(target=work, args=(client, engine))
                self._carrying.append(thread)
                thread.start()

    def _listening(self) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.path))
        listener.listen(128)
        return listener

    def _connected(self) -> socket.socket | None:
        """Return a connection to what is behind; None where nothing listens there now."""
        engine = socket.socket(socket.AF_UNIX)
        try:
            engine.connect(str(self._engine))
        except OSError:
            engine.close()
            return None
        return engine

    def _carry_requests(self, client: socket.socket, engine: socket.socket) -> None:
        seen = b""
        with suppress(OSError):  # either end may go in the middle
            while data := client.recv(65536):
                seen = self._count(seen + data)
                time.sleep(self.delay)
                engine.sendall(data)
        with suppress(OSError):
            engine.shutdown(socket.SHUT_WR)

    def _carry_answers(self, client: socket.socket, engine: socket.socket) -> None:
        with suppress(OSError):
            while data := engine.recv(65536):
                instead = self.spoil(data) if self.spoil is not None else None
                if instead is not None:
                    self._send_and_end(client, engine, instead)
                    return
                time.sleep(self.delay)
                client.sendall(data)
        with suppress(OSError):
            client.shutdown(socket.SHUT_WR)

    def _send_and_end(self, client: socket.socket, engine: socket.socket, pieces: Iterable[bytes]) -> None:
        try:
            for piece in pieces:
                client.sendall(piece)
        finally:
            _end(client)
            _end(engine)

    def _count(self, data: bytes) -> bytes:
        """Count the requests that begin in what was sent; return the rest, in which one may begin."""
        end = 0
        with self._lock:
            for found in _REQUEST.finditer(data):
                self._asked[f"{found[1].decode()} {found[2].decode()}"] += 1
                end = found.end() - 2  # an empty head's end may be the next one's beginning
        return data[end:][-_HEAD:]


def _end(end: socket.socket) -> None:
    with suppress(OSError):  # its peer may have gone before
        end.shutdown(socket.SHUT_RDWR)


@contextmanager
def relaying(path: Path, engine: Path) -> Iterator[Relay]:
    """Run a relay for the length of a block."""
    relay = Relay(path, engine)
    try:
        yield relay
    finally:
        relay.close()
