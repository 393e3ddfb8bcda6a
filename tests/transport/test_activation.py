"""Sockets that a service manager hands over: which are meant, what will not do, and that they stay the manager's."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio

from backends.docker import docker
from backends.dockerserver import dockerserver
from swarmkit import Denied, Invalid, Stage, open_pipeline
from swarmkit.transport import activation
from swarmkit.transport.activation import activated, real_addresses

from ..transport.certificates import Authority

FIRST = 200
"""The number of the first descriptor in these tests: those from 3 on are pytest's own."""

HandOver = Callable[..., None]


@pytest.fixture
def hand_over(monkeypatch: pytest.MonkeyPatch) -> Iterator[HandOver]:
    """Give the function that hands sockets over to this process, as a service manager does with its variables."""
    numbers: list[int] = []

    def hand_over(*sockets: socket.socket, names: str | None = None, pid: int | None = None) -> None:
        monkeypatch.setattr(activation, "FIRST", FIRST)
        for number, each in enumerate(sockets, FIRST):
            numbers.append(os.dup2(each.fileno(), number))
            each.close()
        monkeypatch.setenv("LISTEN_FDS", str(len(sockets)))
        monkeypatch.setenv("LISTEN_PID", str(os.getpid() if pid is None else pid))
        if names is not None:
            monkeypatch.setenv("LISTEN_FDNAMES", names)

    yield hand_over
    for number in numbers:
        if os.path.exists(f"/proc/self/fd/{number}"):
            os.close(number)


def unix(path: Path | str, kind: socket.SocketKind = socket.SOCK_STREAM, *, listens: bool = True) -> socket.socket:
    """Make a Unix socket, which listens."""
    made = socket.socket(socket.AF_UNIX, kind)
    made.bind(str(path))
    if listens:
        made.listen()
    return made


def tcp(host: str = "127.0.0.1") -> socket.socket:
    """Make a TCP socket that listens."""
    return socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)


def taken(*addresses: str) -> list[str]:
    """Return the real addresses of what is taken over."""
    with activated(addresses, lambda address: None) as opened:
        return [address for _, address in opened]


# -- which are meant ---------------------------------------------------------------------------------------------------


def test_all_are_taken_or_those_of_a_name(tmp_path: Path, hand_over: HandOver) -> None:
    """`fd://` means all, `fd://NAME` those called so, in the manager's order; addresses are those of clients."""
    hand_over(unix(tmp_path / "a"), unix(tmp_path / "b"), unix(tmp_path / "c"), names="x:y:x")
    a, b, c = (f"unix://{tmp_path}/{name}" for name in "abc")
    assert real_addresses("fd://") == {a, b, c}
    assert real_addresses("fd://x") == {a, c}
    assert real_addresses("fd://z") == frozenset()
    assert taken("fd://y", "fd://x") == [b, a, c]


def test_addresses_are_as_clients_write_them(hand_over: HandOver) -> None:
    """Abstract sockets with `@`, IPv6 in brackets; where no names are given, all the same."""
    sockets = unix(f"\0swarmd-test-{os.getpid()}"), tcp(), tcp("::1")
    four, six = (each.getsockname()[1] for each in sockets[1:])
    hand_over(*sockets)
    expected = [f"unix://@swarmd-test-{os.getpid()}", f"tcp://127.0.0.1:{four}", f"tcp://[::1]:{six}"]
    assert taken("fd://") == expected


def test_no_child_of_ours_has_them(tmp_path: Path, hand_over: HandOver) -> None:
    """Neither the variables nor the descriptors are inherited; with the block ours are closed, not the manager's."""
    listener = unix(tmp_path / "a")
    kept = listener.dup()
    hand_over(listener, names="a")
    os.set_inheritable(FIRST, True)
    with activated(["fd://"], lambda address: None):
        assert {name for name in os.environ if name.startswith("LISTEN_")} == set()
        assert not os.get_inheritable(FIRST)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(FIRST)
    assert (tmp_path / "a").exists()
    with socket.socket(socket.AF_UNIX) as client, kept:
        client.connect(str(tmp_path / "a"))


def test_what_no_address_means_is_told(tmp_path: Path, hand_over: HandOver, caplog: pytest.LogCaptureFixture) -> None:
    """Its clients would wait for ever."""
    hand_over(unix(tmp_path / "a"), unix(tmp_path / "b"), names="a:b")
    with caplog.at_level(logging.WARNING):
        taken("fd://a")
    assert caplog.messages == ["nobody is served on 'b', which was handed over: no address names it"]


# -- what will not do --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("addresses", "says"),
    [
        (["fd://z"], "fd://z: no socket of that name was handed over, only 'a', 'b'"),
        (["fd://a", "fd://"], "fd://: an address before it takes 'a', 'b'"),
        (["fd://a", "fd://a"], "fd://a: an address before it takes 'a'"),
    ],
)
def test_a_name_that_means_nothing_is_refused(
    tmp_path: Path, hand_over: HandOver, addresses: list[str], says: str
) -> None:
    """The refusal names what there is."""
    hand_over(unix(tmp_path / "a"), unix(tmp_path / "b"), names="a:b")
    with pytest.raises(Invalid) as caught:
        taken(*addresses)
    assert str(caught.value) == says


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({}, "is there a .socket unit?"),
        ({"LISTEN_FDS": "1"}, "is there a .socket unit?"),
        ({"LISTEN_FDS": "1", "LISTEN_PID": "1"}, "were handed to process 1, and this is"),
        ({"LISTEN_FDS": "x", "LISTEN_PID": str(os.getpid())}, "LISTEN_FDS is no number of sockets: 'x'"),
        ({"LISTEN_FDS": "0", "LISTEN_PID": str(os.getpid())}, "LISTEN_FDS is no number of sockets: '0'"),
        (
            {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid()), "LISTEN_FDNAMES": "a:b"},
            "1 sockets were handed over, and LISTEN_FDNAMES names 2: 'a:b'",
        ),
    ],
)
def test_without_a_service_manager_there_is_nothing_to_take(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], says: str
) -> None:
    """What is missing is told, and that it is systemd's to do; to look for the addresses is no error."""
    for name in ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert real_addresses("fd://") == frozenset()
    with pytest.raises(Invalid) as caught:
        taken("fd://")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("file", "is no socket: Socket operation on non-socket"),
        ("nothing", "is no socket: Bad file descriptor"),
        ("datagrams", "is no stream of TCP or Unix: ListenStream= in the .socket unit"),
        ("connection", "does not listen: Accept=no in the .socket unit"),
    ],
)
def test_what_cannot_be_served_on_is_refused(tmp_path: Path, hand_over: HandOver, kind: str, says: str) -> None:
    """The refusal has the name, the descriptor, and what to write into the unit."""
    match kind:
        case "datagrams":
            hand_over(unix(tmp_path / "a", socket.SOCK_DGRAM, listens=False), names="a")
        case "connection":
            hand_over(unix(tmp_path / "a", listens=False), names="a")
        case _:
            hand_over(unix(tmp_path / "a"), names="a")
            os.close(FIRST)
    if kind == "file":
        with (tmp_path / "f").open("w") as file:
            os.dup2(file.fileno(), FIRST)
    with pytest.raises(Invalid) as caught:
        taken("fd://")
    assert str(caught.value) == f"what was handed over as 'a' (descriptor {FIRST}) {says}"


# -- the front ---------------------------------------------------------------------------------------------------------


def front(*words: str) -> Stage:
    """Make the stage."""
    return dockerserver.parse(words)


async def ping(stream: trio.abc.HalfCloseableStream) -> bytes:
    """Ask whether somebody serves; return the status line."""
    async with stream:
        await stream.send_all(b"GET /_ping HTTP/1.0\r\n\r\n")
        return bytes(await stream.receive_some()).partition(b"\r\n")[0]


async def test_the_front_serves_on_what_it_is_given(tmp_path: Path, hand_over: HandOver) -> None:
    """Beside addresses of its own; the handed one's file stays."""
    hand_over(unix(tmp_path / "a"), names="a")
    async with open_pipeline((f"dockerserver fd://a unix://{tmp_path}/own", "fake")) as host:
        assert host.service.addresses == (f"unix://{tmp_path}/own", f"unix://{tmp_path}/a")  # type: ignore[attr-defined]
        for path in ("a", "own"):
            assert await ping(await trio.open_unix_socket(str(tmp_path / path))) == b"HTTP/1.1 200 OK"
    assert os.listdir(tmp_path) == ["a"]


async def test_tcp_that_is_handed_over_obeys_the_rule_for_tcp(hand_over: HandOver) -> None:
    """To other machines only with TLS, or if that is meant."""
    hand_over(tcp("0.0.0.0"))
    with pytest.raises(Denied, match=r"tcp://0\.0\.0\.0:\d+: plain TCP is served on loopback only"):
        async with open_pipeline(("dockerserver fd://", "aggregate a=fake")):
            pass
    hand_over(tcp("0.0.0.0"))
    async with open_pipeline(("dockerserver fd:// --insecure", "aggregate a=fake")) as host:
        (address,) = host.service.addresses  # type: ignore[attr-defined]
        assert (
            await ping(await trio.open_tcp_stream("127.0.0.1", int(address.rpartition(":")[2]))) == b"HTTP/1.1 200 OK"
        )


async def test_tcp_that_is_handed_over_is_served_over_tls(tmp_path: Path, hand_over: HandOver) -> None:
    """To other machines, too; who speaks plainly is turned away, but on the Unix socket beside it served."""
    files = Authority(tmp_path).issue("server")
    hand_over(tcp("0.0.0.0"), unix(tmp_path / "a"))
    words = f"dockerserver fd:// --cacert {files.ca} --cert {files.cert} --key {files.key}"
    async with open_pipeline((words, "aggregate a=fake")) as host:
        address, _ = host.service.addresses  # type: ignore[attr-defined]
        plain = await trio.open_tcp_stream("127.0.0.1", int(address.rpartition(":")[2]))
        assert await ping(plain) == b"HTTP/1.1 400 Bad Request"
        assert await ping(await trio.open_unix_socket(str(tmp_path / "a"))) == b"HTTP/1.1 200 OK"


def test_the_front_knows_before_what_it_will_serve(tmp_path: Path, hand_over: HandOver) -> None:
    """So that it never becomes its own host; to ask takes nothing."""
    hand_over(unix(tmp_path / "a"), names="a")
    stage = front("fd://a")
    assert [stage.serves, stage.serves] == [frozenset({f"unix://{tmp_path}/a"})] * 2
    with pytest.raises(Invalid, match="its own host"):
        (stage | docker.parse([f"unix://{tmp_path}/a"])).check()


def test_tls_may_be_for_what_is_handed_over() -> None:
    """Whether it is TCP is known only then."""
    assert str(front("fd://", "--cacert=a", "--cert=b", "--key=c")).startswith("dockerserver fd:// --tlsverify")


def test_a_name_has_no_slash() -> None:
    """`fd:///x` is a path by mistake."""
    with pytest.raises(Invalid, match=r"cannot listen on 'fd:///x': unix:///PATH, tcp://HOST:PORT or fd://\[NAME\]"):
        front("fd:///x")


# -- the process -------------------------------------------------------------------------------------------------------

LAUNCHER = """
import fcntl, os, sys
given = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 100) for number in sys.argv[1].split(",")]
for place, number in enumerate(given):
    os.dup2(number, 3 + place)
    os.close(number)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(given)), LISTEN_FDNAMES=sys.argv[2])
os.execv(sys.executable, [sys.executable, "-m", "swarmkit.swarmd", *sys.argv[3:]])
"""


@contextmanager
def started(sockets: list[socket.socket], names: str, *stages: str) -> Iterator[subprocess.Popen[str]]:
    """Run swarmd as a service manager does, and end it with SIGTERM."""
    numbers = [each.fileno() for each in sockets]
    command = [sys.executable, "-c", LAUNCHER, ",".join(map(str, numbers)), names, *stages]
    with subprocess.Popen(command, pass_fds=numbers, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()


async def test_a_process_started_again_serves_who_waited(tmp_path: Path) -> None:
    """No client is refused between two runs: it waits in the socket's queue, and is answered by the next."""
    with unix(tmp_path / "a") as first, tcp() as second:
        for _ in range(2):
            waiting = await trio.open_unix_socket(str(tmp_path / "a"))
            with started([first, second], "web:web", "dockerserver fd://web", "fake") as process:
                assert process.stdout is not None
                lines = [process.stdout.readline().rstrip() for _ in range(2)]
                assert lines == [
                    f"swarmd: ready on unix://{tmp_path}/a",
                    f"swarmd: ready on tcp://127.0.0.1:{second.getsockname()[1]}",
                ]
                assert await ping(waiting) == b"HTTP/1.1 200 OK"
        assert (tmp_path / "a").exists()
