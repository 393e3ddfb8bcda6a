"""The front as a part of a pipeline: opened on real sockets over engines in memory, and closed with nothing left."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import Any

import pytest
import trio

from backends.dockerserver import DockerServerStage, dockerserver
from backends.dockerserver.stage import default_address
from swarmkit import Conflict, Denied, Invalid, open_pipeline
from swarmkit.http import Connection, Headers, RequestHead
from swarmkit.streams import read_whole
from swarmkit.transport import TlsFiles, TlsStream
from swarmkit.transport.endpoints import Endpoints
from swarmkit.transport.listening import Access

from ..transport.certificates import Authority

TWO_FAKES = 'aggregate "a=fake" "b=fake"'


async def ask(path: Path, method: str, target: str, body: Any = None) -> tuple[int, Any]:
    """Send one request to a Unix socket; return status and JSON."""
    connection = Connection(await trio.open_unix_socket(str(path)))
    head = RequestHead(method, target, Headers((("Host", "x"), ("Content-Type", "application/json"))))
    await connection.send(head, b"" if body is None else json.dumps(body).encode())
    answer = await connection.receive(method)
    assert answer is not None
    data = await read_whole(answer.body)
    await connection.aclose()
    return answer.head.status, json.loads(data) if data else None


async def create(path: Path, name: str, *words: str, **spec: Any) -> str:
    """Create a container."""
    spec = {"Image": "busybox", "Cmd": list(words), **spec}
    status, created = await ask(path, "POST", f"/containers/create?name={name}", spec)
    assert status == 201, created
    return str(created["Id"])


async def attach(path: Path, name: str) -> trio.SocketStream:
    """Attach to a container's output and half-close at once, as the docker command does."""
    stream = await trio.open_unix_socket(str(path))
    await stream.send_all(
        f"POST /v1.41/containers/{name}/attach?stream=1&stdout=1 HTTP/1.1\r\n"
        "Host: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n".encode()
    )
    await stream.send_eof()
    return stream


async def test_two_hosts_behind_one_socket(tmp_path: Path) -> None:
    """Containers are created where their names say, listed as one host's, and reached by their names."""
    path = tmp_path / "s"
    async with open_pipeline((f"dockerserver unix://{path}", TWO_FAKES)):
        for name in ("a/web", "b/web", "b/db"):
            await create(path, name, "sleep", "100")
        _, rows = await ask(path, "GET", "/v1.41/containers/json?all=1")
        assert {row["Names"][0]: row["Labels"]["swarmd.host"] for row in rows} == {
            "/a/web": "a",
            "/b/web": "b",
            "/db": "b",
        }
        assert (await ask(path, "POST", "/v1.41/containers/a/web/start"))[0] == 204
        _, running = await ask(path, "GET", "/v1.41/containers/json")
        assert [row["Names"] for row in running] == [["/a/web"]]
        status, error = await ask(path, "POST", "/v1.41/containers/web/start")
        assert (status, "a/web, b/web" in error["message"]) == (409, True)
        assert (await ask(path, "GET", "/v1.41/containers/db/json"))[1]["Node"]["Name"] == "b"
        assert (await ask(path, "POST", "/v1.41/containers/b/web/rename?name=b/other"))[0] == 204
        _, rows = await ask(path, "GET", "/v1.41/containers/json?all=1")
        assert {row["Names"][0] for row in rows} == {"/web", "/other", "/db"}


async def test_a_name_of_another_host_is_in_use(tmp_path: Path) -> None:
    """The conflict names the host; a qualified name is free there."""
    path = tmp_path / "s"
    async with open_pipeline((f"dockerserver unix://{path}", TWO_FAKES)):
        id = await create(path, "a/web", "true")
        status, error = await ask(path, "POST", "/containers/create?name=web", {"Image": "busybox"})
        assert (status, f'by container "{id}" on host a.' in error["message"]) == (409, True)
        await create(path, "b/web", "true")


async def test_a_run_is_attach_wait_and_start(tmp_path: Path) -> None:
    """Twenty at once over one socket: every byte, and every exit code."""
    path = tmp_path / "s"
    ended: dict[int, tuple[bytes, int]] = {}

    async def run(number: int) -> None:
        name = f"run{number}"
        await create(path, name, "sh", "-c", f"echo out{number}; exit {number}", Tty=True)
        async with await attach(path, name) as stream:
            data = bytes(await stream.receive_some())
            assert data.startswith(b"HTTP/1.1 101 ")
            assert (await ask(path, "POST", f"/containers/{name}/start"))[0] == 204
            while some := await stream.receive_some():
                data += some
        _, waited = await ask(path, "POST", f"/containers/{name}/wait")
        ended[number] = (data.partition(b"\r\n\r\n")[2], waited["StatusCode"])

    async with open_pipeline((f"dockerserver unix://{path}", TWO_FAKES)), trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(run, number)
    assert ended == {number: (f"out{number}\r\n".encode(), number) for number in range(20)}


async def test_one_host_alone_is_served_as_it_is(tmp_path: Path) -> None:
    """Without an aggregate nothing is added: no host is named."""
    path = tmp_path / "s"
    async with open_pipeline((f"dockerserver unix://{path}", "fake")):
        await create(path, "web", "true")
        _, (row,) = await ask(path, "GET", "/containers/json?all=1")
        assert (row["Names"], row["Labels"]) == (["/web"], {})
        assert "Node" not in (await ask(path, "GET", "/containers/web/json"))[1]
        assert (await ask(path, "GET", "/networks"))[0] == 200


async def test_several_addresses_are_served_and_left_clean(tmp_path: Path) -> None:
    """Each answers, TCP too; afterwards no socket file is there."""
    one, two = tmp_path / "one", tmp_path / "two"
    async with open_pipeline((f"dockerserver unix://{one} unix://{two} tcp://127.0.0.1:0", TWO_FAKES)) as host:
        assert [(await ask(path, "GET", "/version"))[0] for path in (one, two)] == [200, 200]
        *_, tcp = host.service.addresses  # type: ignore[attr-defined]
        async with await trio.open_tcp_stream("127.0.0.1", int(tcp.rpartition(":")[2])) as stream:
            await stream.send_all(b"GET /_ping HTTP/1.0\r\n\r\n")
            assert (await stream.receive_some()).startswith(b"HTTP/1.1 200 OK\r\n")
    assert os.listdir(tmp_path) == []


async def test_an_address_that_will_not_do_leaves_nothing(tmp_path: Path) -> None:
    """Those that were opened before it are closed and removed."""
    (tmp_path / "two").write_text("precious")
    with pytest.raises(Conflict, match="no socket"):
        async with open_pipeline((f"dockerserver unix://{tmp_path}/one unix://{tmp_path}/two", TWO_FAKES)):
            pass
    assert os.listdir(tmp_path) == ["two"]


@pytest.mark.parametrize("mode", ["rw", "888", "7777", "-1"])
def test_a_mode_that_is_none_is_refused(mode: str) -> None:
    """Permissions are nine bits in octal."""
    with pytest.raises(Invalid, match="not permissions in octal"):
        dockerserver.parse([f"--mode={mode}"])


def test_the_options_are_what_is_said() -> None:
    """Addresses in their order, and who may connect."""
    stage = dockerserver.parse(
        ["unix:///x", "tcp://localhost:1", "--mode", "600", "--group", "docker", "--api", "1.40"]
    )
    expected = DockerServerStage(Endpoints(("unix:///x", "tcp://localhost:1"), Access(0o600, "docker")), "1.40")
    assert stage == expected


FILES = ["--cacert", "/t/ca.pem", "--cert", "/t/cert.pem", "--key", "/t/key.pem"]


@pytest.mark.parametrize(
    "words",
    [
        ["--tlsverify", *FILES],
        FILES,
        ["--tlsverify", "--tlscacert=/t/ca.pem", "--tlscert=/t/cert.pem", "--tlskey=/t/key.pem"],
    ],
)
def test_tls_is_what_the_docker_command_calls_so(words: list[str]) -> None:
    """The engine's names of the options will do, too, and a file is enough; another machine may then connect."""
    stage = dockerserver.parse(["unix:///x", "tcp://0.0.0.0:2376", *words])
    assert isinstance(stage, DockerServerStage)
    assert stage.at.tls == TlsFiles("/t/ca.pem", "/t/cert.pem", "/t/key.pem")


def test_files_of_tls_are_by_default_those_of_the_docker_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are where $DOCKER_CERT_PATH says."""
    monkeypatch.setenv("DOCKER_CERT_PATH", "/mine")
    stage = dockerserver.parse(["tcp://0.0.0.0:2376", "--tlsverify", "--key", "/other.pem"])
    assert isinstance(stage, DockerServerStage)
    assert stage.at.tls == TlsFiles("/mine/ca.pem", "/mine/cert.pem", "/other.pem")


@pytest.mark.parametrize(
    ("words", "error", "says"),
    [
        (["unix:///x", "--tlsverify"], Invalid, "TLS is for addresses of TCP"),
        (["--cert", "/t/cert.pem"], Invalid, "TLS is for addresses of TCP"),
        (["tcp://127.0.0.1:1", "--tlsverify", "--insecure"], Invalid, "leave out one"),
        (["tcp://0.0.0.0:1"], Denied, "--insecure if that is meant"),
    ],
)
def test_options_that_contradict_are_refused(words: list[str], error: type[Exception], says: str) -> None:
    """Nobody is to believe that there is TLS where there is none."""
    with pytest.raises(error, match=says):
        dockerserver.parse(words)


@pytest.mark.parametrize(
    "words",
    [
        ["unix:///x"],
        ["tcp://0.0.0.0:2375", "--insecure"],
        ["unix:///run/x.sock", "--mode", "600", "--group", "docker", "--api", "1.41", "--pull", "one"],
        ["unix:///x", "tcp://0.0.0.0:2376", "--tlsverify", *FILES],
        ["tcp://0.0.0.0:2376", "--tlsverify", "--cacert", "/with space", *FILES[2:]],
    ],
)
def test_stage_says_the_words_that_make_it_again(words: list[str]) -> None:
    """Those of TLS included."""
    stage = dockerserver.parse(words)
    assert str(stage) == shlex.join(["dockerserver", *words])


async def test_tls_is_for_tcp_only(tmp_path: Path) -> None:
    """A Unix socket beside it is served as ever; whoever has a certificate is served over TCP."""
    authority = Authority(tmp_path)
    server, client = authority.issue("server"), authority.issue("client", "somebody")
    path = tmp_path / "s"
    words = f"--cacert {server.ca} --cert {server.cert} --key {server.key}"
    async with open_pipeline((f"dockerserver tcp://127.0.0.1:0 unix://{path} {words}", TWO_FAKES)) as host:
        assert (await ask(path, "GET", "/version"))[0] == 200
        tcp = host.service.addresses[0]  # type: ignore[attr-defined]
        assert host.service.hint == f"docker --tlsverify -H {tcp} ps"  # type: ignore[attr-defined]
        transport = await trio.open_tcp_stream("127.0.0.1", int(tcp.rpartition(":")[2]))
        async with TlsStream(transport, client.client_context(), server_hostname="localhost") as stream:
            await stream.send_all(b"GET /_ping HTTP/1.0\r\n\r\n")
            assert (await stream.receive_some()).startswith(b"HTTP/1.1 200 OK\r\n")


async def test_file_that_will_not_do_is_an_error_at_once(tmp_path: Path) -> None:
    """It is named, and nothing is left of what would have been served."""
    words = f"--cacert {tmp_path}/no.pem --cert {tmp_path}/no.pem --key {tmp_path}/no.pem"
    with pytest.raises(Invalid, match=rf"{tmp_path}/no.pem \(--cacert\) cannot be read: No such file"):
        async with open_pipeline((f"dockerserver tcp://127.0.0.1:0 unix://{tmp_path}/s {words}", TWO_FAKES)):
            pass
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("runtime", "expected"),
    [
        ("/run/user/5", "unix:///run/user/5/swarmd.sock"),
        (None, "unix:///run/swarmd.sock" if not os.geteuid() else None),
    ],
)
def test_the_default_is_in_the_runtime_directory(
    monkeypatch: pytest.MonkeyPatch, runtime: str | None, expected: str | None
) -> None:
    """Of the user, where there is one."""
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    if runtime is not None:
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
    assert default_address() == (expected or f"unix:///tmp/swarmd-{os.geteuid()}.sock")
