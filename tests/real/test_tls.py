"""TLS on both hops, with the real docker command and a real engine: everything works, and what is wrong is told."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
import trio
from attrs import frozen

from backends.docker import docker
from backends.docker.service import EngineService
from swarmkit.http import Connection
from swarmkit.transport import TlsDialer, TlsFiles, words_of

from ..transport.certificates import PAST, Authority
from . import test_cli_copy, test_cli_exec, test_cli_run
from .asking import ask, ask_json, collect, settle
from .cli import LOG_ENDS, TIMEOUT, Cli, docker_binaries
from .engines import Engine, remove_engines, start_engines, why_not
from .same import Scenario
from .swarm import Swarmd, serving
from .tls_hosts import TlsCli, serving_tls, stage_of, tcp_address, using
from .transcript import with_allowed

pytestmark = pytest.mark.engine

BULK = 30_000_000
"""Bytes that go through `cat` and back."""

REQUESTS, WRITERS, FOLLOWERS = 200, 10, 10
"""Requests at once, containers that write a log, and followers of each log."""

DIALLING = trio.CapacityLimiter(10)
"""Handshakes at once: each may take ten seconds, in which a busy machine does not come to the end of a hundred."""


@frozen
class Material:
    """Certificates of one CA, good and bad, by their names."""

    authority: Authority
    other: Authority

    def client(self, kind: str) -> TlsFiles:
        """Return the files of a client: `good`, or with one thing wrong."""
        match kind:
            case "expired":
                return self.authority.issue("expired", "me", not_before=PAST, not_after=PAST.replace(year=2002))
            case "stranger":
                return self.other.issue("stranger", "me", ca=self.authority.ca)
            case "distrusting":
                return self.authority.issue("distrusting", "me", ca=self.other.ca)
            case "without":
                return TlsFiles(self.authority.ca)
        return self.authority.issue("client", "me")


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """Give the certificates."""
    folder = tmp_path_factory.mktemp("tls")
    return Material(Authority(folder), Authority(folder, "other"))


@pytest.fixture(scope="module")
def tls_engine(material: Material, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Give a real engine whose TCP has TLS."""
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    issue = partial(material.authority.issue, "engine")
    engines = start_engines(("tls",), tmp_path_factory.mktemp("engine"), issue=issue)
    yield engines[0]
    remove_engines(engines)


@pytest.fixture(scope="module")
def front(
    material: Material, tls_engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Swarmd, str]]:
    """Give a swarmd that serves over TLS what it reaches over TLS, and its address."""
    stage = stage_of(tls_engine, material.client("good"))
    files = material.authority.issue("front")
    with serving_tls(tmp_path_factory.mktemp("swarm") / "swarm.sock", files, f'aggregate "tls={stage}"') as found:
        yield found


@pytest.fixture
def cli(material: Material, front: tuple[Swarmd, str]) -> Iterator[Cli]:
    """Give the docker command with a good certificate."""
    with using(TlsCli(front[1], material.client("good"))) as cli:
        yield cli


# -- everything works ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("binary", docker_binaries())
def test_everyday(binary: str, material: Material, front: tuple[Swarmd, str], tmp_path: Path) -> None:
    """Run, look, execute, copy: half-closed both ways on both hops, with exit codes."""
    with using(TlsCli(front[1], material.client("good"), binary)) as cli:
        cli.run("run", "-d", "--name", "web", "busybox", "sh", "-c", "echo out; echo err >&2; sleep 60")
        assert cli.run("run", "--rm", "-i", "busybox", "cat", stdin=b"there and back").text == "there and back"
        assert cli.run("exec", "-i", "web", "sh", "-c", "cat; exit 3", stdin=b"to and fro", code=3).text == "to and fro"
        (tmp_path / "file").write_text("copied")
        cli.run("cp", f"{tmp_path}/file", "web:/file")
        cli.run("cp", "web:/file", f"{tmp_path}/back")
        assert (tmp_path / "back").read_text() == "copied"
        with cli.background("logs", "-f", "web") as logs:
            cli.run("stop", "-t", "0", "web")
            assert logs.stdout is not None
            assert logs.stdout.read() == b"out\n"


def test_options_of_the_command_line(material: Material, front: tuple[Swarmd, str]) -> None:
    """The docker command's own, instead of its environment."""
    files = material.client("good")
    options = ["--tlsverify", f"--tlscacert={files.ca}", f"--tlscert={files.cert}", f"--tlskey={files.key}"]
    cli = Cli(docker_binaries()[0], front[1])
    assert cli.quiet(*options, "-H", front[1], "info", "--format", "{{.Images}}") == "1"
    cli.close()


def test_bulk_both_ways(cli: Cli) -> None:
    """Thirty megabytes go through a container's input and output and arrive as they were."""
    data = os.urandom(BULK)
    back = cli.run("run", "--rm", "-i", "busybox", "cat", stdin=data, tell=False).stdout
    assert hashlib.sha256(back).hexdigest() == hashlib.sha256(data).hexdigest()


SCENARIOS = [
    scenario
    for module in (test_cli_run, test_cli_exec, test_cli_copy)
    for name, scenario in vars(module).items()
    if name.startswith("test_")
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_all_is_told_as_by_an_engine(
    scenario: Callable[[Callable[[Scenario], None]], None],
    cli: Cli,
    bare: Engine,
) -> None:
    """Running, executing, attaching and copying, compared with a bare engine at hand."""

    def compare(play: Scenario) -> None:
        with using(Cli(cli.binary, bare.url)) as direct:
            play(direct)
        play(cli)
        assert with_allowed(cli.transcript.lines) == direct.transcript.lines

    scenario(compare)


# -- what is wrong is told: the docker command and our front ---------------------------------------------------------


def wait_logged(swarmd: Swarmd, size: int, said: str) -> None:
    """Wait until the log, which was so long, has a line of somebody who was turned away for that."""
    deadline = time.monotonic() + TIMEOUT
    while not any("was turned away" in line and said in line for line in swarmd.log[size:].splitlines()):
        assert time.monotonic() < deadline, f"never logged: {said}\n{swarmd.log[size:]}"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("kind", "docker_says", "we_say"),
    [
        ("without", "certificate required", "it presented no certificate, and one is required"),
        ("stranger", "unknown certificate authority", "its certificate is not signed by the CA in {ca}"),
        ("expired", "expired certificate", "its certificate has expired"),
        (
            "distrusting",
            "certificate signed by unknown authority",
            "it refuses our certificate ({cert}) (bad certificate)",
        ),
    ],
)
@pytest.mark.parametrize("binary", docker_binaries())
def test_docker_command_with_a_bad_certificate(
    binary: str, kind: str, docker_says: str, we_say: str, material: Material, front: tuple[Swarmd, str]
) -> None:
    """It is told why, and so is our log, in one line."""
    swarmd, address = front
    size = len(swarmd.log)
    cli = TlsCli(address, material.client(kind), binary)
    said = cli.run("ps", code=1, tell=False).stderr.decode()
    cli.close()
    assert docker_says in said
    files = material.authority.issue("front")
    wait_logged(swarmd, size, we_say.format(ca=files.ca, cert=files.cert))


def test_docker_command_that_asks_another_name(material: Material, tls_engine: Engine, tmp_path: Path) -> None:
    """Our certificate is for another host: it says for which, and our log that it was refused."""
    files = material.authority.issue("elsewhere", "web-1.example.org")
    stage = stage_of(tls_engine, material.client("good"))
    with serving_tls(tmp_path / "s", files, stage) as (swarmd, address):
        cli = TlsCli(address, material.client("good"))
        said = cli.run("ps", code=1, tell=False).stderr.decode()
        cli.close()
        assert "certificate for 127.0.0.1" in said or "doesn't contain any IP SANs" in said
        wait_logged(swarmd, 0, "it refuses our certificate")


def test_docker_command_in_the_clear(front: tuple[Swarmd, str]) -> None:
    """It shows our answer."""
    swarmd, address = front
    size = len(swarmd.log)
    cli = Cli(docker_binaries()[0], address)
    said = cli.run("ps", code=1, tell=False).stderr.decode()
    cli.close()
    assert "this is a port for TLS, and the request came in the clear: use --tlsverify" in said
    wait_logged(swarmd, size, "was turned away: it does not speak TLS")


def test_docker_command_over_tls_on_a_plain_port(material: Material, tls_engine: Engine, tmp_path: Path) -> None:
    """It takes the answer for what it is."""
    with serving(tmp_path / "s", stage_of(tls_engine, material.client("good")), front="tcp://127.0.0.1:0") as swarmd:
        cli = TlsCli(tcp_address(swarmd), material.client("good"))
        said = cli.run("ps", code=1, tell=False).stderr.decode()
        cli.close()
        assert "server gave HTTP response to HTTPS client" in said
        wait_logged(swarmd, 0, "it speaks TLS to a port that is served in the clear")


# -- what is wrong is told: our part `docker` and a real engine ------------------------------------------------------


async def health_of(address: str, *words: str) -> str:
    """Open the part `docker`; return why its engine is unhealthy."""
    async with docker.parse([address, *words]).open(None) as service:
        assert isinstance(service, EngineService)
        await service.client.health.settled.wait()
        return service.client.health.reason


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("good", ""),
        ("without", "it requires a client certificate: --cert and --key"),
        ("stranger", "our certificate ({cert})"),
        ("expired", "our certificate ({cert})"),
        ("distrusting", "its certificate is not signed by the CA in {ca}"),
    ],
)
async def test_engine_over_tls(kind: str, says: str, material: Material, tls_engine: Engine) -> None:
    """With the right certificates it is healthy; else it says what is wrong."""
    files = material.client(kind)
    reason = await health_of(tls_engine.tcp, *words_of(files))
    assert says.format(ca=files.ca, cert=files.cert) in reason


@asynccontextmanager
async def forwarding(host: str, port: int) -> AsyncIterator[int]:
    """Forward a port of loopback to another address; give its number."""

    async def copy(source: trio.SocketStream, sink: trio.SocketStream) -> None:
        with suppress(trio.BrokenResourceError):  # whoever hangs up first is of no interest here
            async for data in source:
                await sink.send_all(data)
            await sink.send_eof()

    async def forward(near: trio.SocketStream) -> None:
        async with near, await trio.open_tcp_stream(host, port) as far, trio.open_nursery() as nursery:
            nursery.start_soon(copy, near, far)
            nursery.start_soon(copy, far, near)

    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, forward, 0, host="127.0.0.1"))
        yield listener.socket.getsockname()[1]
        nursery.cancel_scope.cancel()


async def test_engine_of_another_name(material: Material, tls_engine: Engine) -> None:
    """The names that its certificate has are told."""
    async with forwarding(tls_engine.address, 2376) as port:
        reason = await health_of(f"tcp://127.0.0.1:{port}", *words_of(material.client("good")))
    assert reason == f"its certificate is not for 127.0.0.1, but for {tls_engine.address}"


async def test_engine_over_tls_asked_in_the_clear(tls_engine: Engine) -> None:
    """The option that there is is told."""
    assert await health_of(tls_engine.tcp, "--insecure") == "it speaks TLS on this port: use --tlsverify"


async def test_plain_engine_asked_over_tls(material: Material, engines: list[Engine]) -> None:
    """It answers what it takes for a request."""
    reason = await health_of(engines[2].tcp, *words_of(material.client("good")))
    assert reason == "it does not speak TLS: is the port right?"


# -- much at once ----------------------------------------------------------------------------------------------------


async def test_200_requests_and_100_followed_logs_leave_nothing(
    material: Material, tls_engine: Engine, tmp_path: Path
) -> None:
    """While 100 logs are followed 200 requests are answered, all over TLS; then no descriptor is left."""
    files, client = material.authority.issue("front"), material.client("good")
    with serving_tls(tmp_path / "s", files, f'aggregate "tls={stage_of(tls_engine, client)}"') as (swarmd, address):
        dialer = TlsDialer("127.0.0.1", int(address.rpartition(":")[2]), client)
        await trio.sleep(8)  # idle connections have closed
        before = swarmd.descriptors()
        names = await start_writers(dialer)
        logs: list[dict[int, bytes]] = [{} for _ in range(WRITERS * FOLLOWERS)]
        async with trio.open_nursery() as nursery:
            for number, log in enumerate(logs):
                nursery.start_soon(follow, dialer, names[number % WRITERS], log)
            while not all(logs):
                await trio.sleep(0.05)
            answers = await inspect_at_once(dialer, names)
            for name in names:
                nursery.start_soon(let_go, dialer, name)
        assert sorted(answers) == sorted(f"/{name}" for name in names * (REQUESTS // WRITERS))
        assert logs == [{1: b"begin\nend\n"}] * len(logs)
        async with connected(dialer) as connection:
            for name in names:
                await ask_json(connection, "DELETE", f"/containers/{name}?force=1")
        assert await settle(swarmd.descriptors, before) == before


@asynccontextmanager
async def connected(dialer: TlsDialer) -> AsyncIterator[Connection]:
    """Give a new connection for the length of the block."""
    async with DIALLING:
        stream = await dialer()
    connection = Connection(stream)
    try:
        yield connection
    finally:
        await connection.aclose()


async def start_writers(dialer: TlsDialer) -> list[str]:
    """Start containers that write, wait, and write; return their names."""
    script = f"echo begin; until [ -e /go ]; do sleep 0.1; done; echo end; {LOG_ENDS}"
    spec = {"Image": "busybox", "Cmd": ["sh", "-c", script]}
    names = [f"writer{number}" for number in range(WRITERS)]
    async with connected(dialer) as connection:
        for name in names:
            await ask_json(connection, "POST", f"/containers/create?name={name}", spec)
            await ask_json(connection, "POST", f"/containers/{name}/start")
    return names


async def follow(dialer: TlsDialer, name: str, log: dict[int, bytes]) -> None:
    """Follow a log to its end."""
    async with connected(dialer) as connection:
        await collect(await ask(connection, "GET", f"/containers/{name}/logs?follow=1&stdout=1"), log)


async def inspect_at_once(dialer: TlsDialer, names: list[str]) -> list[str]:
    """Inspect on as many connections as are wanted at the same time; return the names that are answered."""
    answers: list[str] = []

    async def inspect(name: str) -> None:
        async with connected(dialer) as connection:
            answers.append((await ask_json(connection, "GET", f"/containers/{name}/json"))["Name"])

    async with trio.open_nursery() as nursery:
        for number in range(REQUESTS):
            nursery.start_soon(inspect, names[number % len(names)])
    return answers


async def let_go(dialer: TlsDialer, name: str) -> None:
    """Have a container write the rest of its log."""
    async with connected(dialer) as connection:
        created = await ask_json(connection, "POST", f"/containers/{name}/exec", {"Cmd": ["touch", "/go"]})
        await ask_json(connection, "POST", f"/exec/{created['Id']}/start", {"Detach": True})
