"""docker-py, the client library most programs use, on any socket; what it is told goes into a transcript."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import docker
from docker.errors import APIError, DockerException
from docker.utils.socket import frames_iter

from .transcript import Transcript


class Python:
    """A client on one address, and the transcript of what a scenario notes."""

    def __init__(self, url: str) -> None:
        # Any: the stubs of docker-py know less than it does.
        self.client: Any = docker.DockerClient(base_url=url, timeout=30)
        self.transcript = Transcript()

    def note(self, *values: object) -> None:
        """Record what was told."""
        self.transcript.note(" ".join(str(value) for value in values))

    def fails(self, call: Callable[..., Any], *args: Any, **keywords: Any) -> None:
        """Record how a call fails; it must."""
        try:
            value = call(*args, **keywords)
        except APIError as error:
            self.note(type(error).__name__, error.status_code, error.explanation)
        except DockerException as error:
            self.note(type(error).__name__, error)
        else:
            raise AssertionError(f"{call.__name__} did not fail but gave {value!r}")

    def close(self) -> None:
        """Remove all containers and close the connections."""
        for container in self.client.containers.list(all=True, ignore_removed=True):
            with suppress(APIError):  # one with auto_remove may be going by itself
                container.remove(force=True, v=True)
        self.client.close()


def demux(attached: Any) -> dict[int, bytes]:
    """Read framed output to its end; return what each stream had."""
    streams: dict[int, bytes] = {}
    for number, data in frames_iter(attached, tty=False):  # type: ignore[no-untyped-call]
        streams[number] = streams.get(number, b"") + data
    return streams
