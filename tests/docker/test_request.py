"""The head of a request: a version that the engine has, and what follows."""

from __future__ import annotations

import pytest
import trio

from backends.docker import EngineRequest
from backends.docker.request import VersionRange, parse_version, request_head
from swarmkit import BytesStream
from swarmkit.errors import Invalid

from .engine import ask, memory_engine, opened, post

Clock = trio.testing.MockClock


@pytest.mark.parametrize(
    ("asked", "sent"), [("1.24", "1.24"), ("1.47", "1.41"), ("1.5", "1.12"), (None, "1.41"), ("1.41", "1.41")]
)
async def test_version_is_one_that_the_engine_has(autojump_clock: Clock, asked: str | None, sent: str) -> None:
    """A version asked for is moved into the engine's range."""
    async with memory_engine() as engine, opened(engine) as service:
        await ask(service, EngineRequest(method="GET", target="/info", version=asked))
        assert engine.requests == [("GET", f"/v{sent}/info")]


async def test_version_is_none_too_new_before_the_engine_is_known(autojump_clock: Clock) -> None:
    """While only the engine's newest version is known, none above it is asked for."""
    async with memory_engine() as engine, opened(engine) as service:
        service.client.versions = VersionRange(newest=(1, 41))
        await ask(service, EngineRequest(method="GET", target="/info", version="1.47"))
        assert engine.requests == [("GET", "/v1.41/info")]


@pytest.mark.parametrize("text", ["", "1", "one.two", "1.", "1.x", "-1.2"])
def test_what_is_no_version_is_invalid(text: str) -> None:
    """A version is two numbers."""
    with pytest.raises(Invalid):
        parse_version(text)


async def test_request_in_no_version_is_not_sent(autojump_clock: Clock) -> None:
    """A request for what is no version is Invalid, and the engine never meets it."""
    async with memory_engine() as engine, opened(engine) as service:
        with pytest.raises(Invalid, match="not a version of the Engine API: 'new'"):
            await service.client.exchange(post(version="new"))
        assert engine.requests == []


@pytest.mark.parametrize(
    ("request_", "framing"),
    [
        (post(), [("Content-Length", "0")]),
        (post(body=b"{}"), []),  # the connection's to count
        (post(upload=BytesStream(b"x")), [("Transfer-Encoding", "chunked")]),
        (post(upload=BytesStream(b"x"), length=1), [("Content-Length", "1")]),
        (
            post(upload=BytesStream(b"x"), raw=True, upgrade="tcp"),
            [("Connection", "Upgrade"), ("Upgrade", "tcp"), ("Content-Length", "0")],
        ),
        (EngineRequest(method="GET", target="/x"), []),
    ],
)
def test_head_says_what_follows(request_: EngineRequest, framing: list[tuple[str, str]]) -> None:
    """A body of a length known or not, an upgrade, or nothing: the head says which."""
    head = request_head(request_, VersionRange())
    assert (head.target, [pair for pair in head.headers if pair[0] != "Host"]) == ("/x", framing)


def test_request_is_told_without_its_query() -> None:
    """A request in an error has its method and path, and nothing of its query."""
    assert str(EngineRequest(method="GET", target="/images/json?registry=secret")) == "GET /images/json"
