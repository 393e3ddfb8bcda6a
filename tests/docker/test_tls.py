"""An engine over TLS: reached with the right files, and otherwise down with a reason that says what to do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from backends.docker import docker
from backends.docker.health import State
from backends.docker.service import EngineService
from swarmkit import Invalid, open_pipeline
from swarmkit.transport import TlsFiles, words_of

from ..transport.certificates import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Give the CA that both sides believe."""
    return Authority(tmp_path)


@asynccontextmanager
async def engine(files: TlsFiles | None = None) -> AsyncIterator[str]:
    """Serve an engine in memory over TCP, with TLS if there are files; give its address."""
    words = " ".join(words_of(files)) if files is not None else ""
    async with open_pipeline((f"dockerserver tcp://127.0.0.1:0 {words}", "fake")) as host:
        (address,) = host.service.addresses  # type: ignore[attr-defined]
        yield address


async def health_of(*words: str) -> tuple[State, str]:
    """Open the part `docker`; return what is found of the engine's health, and why."""
    async with docker.parse(words).open(None) as service:
        assert isinstance(service, EngineService)
        health = service.client.health
        await health.settled.wait()
        return health.state, health.reason


async def test_an_engine_over_tls_is_healthy(authority: Authority) -> None:
    """With the CA's certificate on both sides; without checking it, too."""
    client = authority.issue("client", "somebody")
    async with engine(authority.issue("server")) as address:
        assert await health_of(address, *words_of(client)) == (State.HEALTHY, "")
        assert await health_of(address, "--tls", *words_of(client)[1:]) == (State.HEALTHY, "")


async def test_a_client_without_a_certificate_is_told_so(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With the options that name one."""
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path / "none"))
    async with engine(authority.issue("server")) as address:
        state, reason = await health_of(address, "--cacert", authority.ca)
    assert (state, reason) == (State.UNHEALTHY, "it requires a client certificate: --cert and --key")


async def test_a_client_in_the_clear_is_told_so(authority: Authority) -> None:
    """With the option that there is."""
    async with engine(authority.issue("server")) as address:
        assert await health_of(address) == (State.UNHEALTHY, "it speaks TLS on this port: use --tlsverify")


async def test_a_client_of_tls_on_a_plain_port_is_told_so(authority: Authority) -> None:
    """Before anything of a request is sent."""
    async with engine() as address:
        health = await health_of(address, *words_of(authority.issue("client", "somebody")))
    assert health == (State.UNHEALTHY, "it does not speak TLS: is the port right?")


async def test_a_member_with_a_bad_file_is_an_error_at_once(tmp_path: Path) -> None:
    """It says which member, which file, and what is wrong."""
    member = f"a=docker tcp://localhost:1 --cacert {tmp_path}/no.pem"
    with pytest.raises(
        Invalid, match=rf"^member a: .*: the CA certificate {tmp_path}/no.pem \(--cacert\) cannot be read"
    ):
        async with open_pipeline((f'aggregate "{member}"',)):
            pass
