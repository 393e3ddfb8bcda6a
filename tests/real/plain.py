"""Requests of the Engine API to a Unix socket, one at a time, for tests that are not async."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from attrs import field, frozen

_TIMEOUT = 60.0

VERSION = "/v1.41"
"""The version that is asked in: that of the engines that tests are run on."""


@frozen
class Answer:
    """The answer to a request."""

    status: int
    headers: http.client.HTTPMessage = field(repr=False)
    body: bytes

    @property
    def kind(self) -> str:
        """The type of its content, without parameters."""
        return self.headers.get("Content-Type", "").partition(";")[0]

    @property
    def json(self) -> Any:
        """Its document."""
        return json.loads(self.body)


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("docker", timeout=_TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def send(path: Path, method: str, target: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
    """Send a request on a connection of its own, and read the whole answer; bytes are sent as they are."""
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    kind = "application/x-tar" if isinstance(body, bytes) else "application/json"
    sent = {**({"Content-Type": kind} if data is not None else {}), **(headers or {})}
    with closing(_Connection(path)) as connection:
        connection.request(method, VERSION + target, data, sent)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())


class Events:
    """The events that a socket has told so far, read by a thread."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.told: list[dict[str, Any]] = []
        self._response = response
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self) -> None:
        while line := self._response.readline():
            self.told.append(json.loads(line))


@contextmanager
def following(path: Path) -> Iterator[Events]:
    """Follow the events of a socket for the length of a block; what happens in it is told."""
    with closing(_Connection(path)) as connection:
        connection.request("GET", VERSION + "/events")
        response = connection.getresponse()
        assert response.status == 200
        stream = connection.sock
        stream.settimeout(None)
        events = Events(response)
        try:
            yield events
        finally:
            stream.shutdown(socket.SHUT_RDWR)
            events.thread.join()
