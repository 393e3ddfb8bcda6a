"""The engines that other tests stand on do what those tests do to them."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from glob import glob
from pathlib import Path

import pytest

from .engines import Engine, EngineError, why_not
from .machine import Machine


@pytest.fixture
def engine(clean_engines: list[Engine]) -> Engine:
    """Give one engine, clean."""
    return clean_engines[0]


@pytest.fixture
def machine() -> Iterator[Machine]:
    """Give a machine of its own, switched on."""
    if why_not() is not None:
        pytest.skip("machines need root")
    machine = Machine("spare")
    machine.open()
    yield machine
    machine.close()


def test_each_engine_is_somebody(engines: list[Engine]) -> None:
    """Engines have ids and host names of their own, and the same image under the same id."""
    infos = [engine.call("GET", "/info") for engine in engines]
    images = [engine.call("GET", "/images/busybox/json")["Id"] for engine in engines]
    assert [info["Name"] for info in infos] == ["one", "two", "three"]
    assert len({info["ID"] for info in infos}) == 3
    assert len(set(images)) == 1


def test_docker_runs_on_it(engine: Engine) -> None:
    """A container runs, and its output and failures reach the caller."""
    assert engine.docker("run", "--rm", "-i", "busybox", "cat", stdin=b"hi\n") == "hi\n"
    with pytest.raises(EngineError, match=r"exit 1: Error.*: No such container: nobody"):
        engine.docker("rm", "nobody")


def test_a_published_port_is_reached_at_its_address(engine: Engine) -> None:
    """Each engine publishes ports on an address of its own."""
    engine.docker("run", "-d", "-p", "8000:80", "busybox", "sh", "-c", "echo hello | nc -l -p 80")
    deadline = time.monotonic() + 10
    while True:
        try:
            with socket.create_connection((engine.address, 8000), timeout=5) as connection:
                assert connection.recv(100) == b"hello\n"
                return
        except ConnectionRefusedError:  # the program in the container has not begun to listen
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_clean_leaves_one_image_and_nothing_else(engine: Engine) -> None:
    """What a test has made is gone for the next."""
    engine.docker("network", "create", "net")
    engine.docker("run", "-d", "--net", "net", "--name", "web", "-v", "data:/data", "busybox", "sleep", "60")
    engine.docker("commit", "web", "other:tag")
    engine.docker("tag", "busybox", "another")
    engine.clean()
    assert engine.docker("ps", "-aq") == engine.docker("volume", "ls", "-q") == ""
    assert engine.docker("images", "--format", "{{.Repository}}:{{.Tag}}") == "busybox:latest\n"
    assert engine.docker("network", "ls", "--format", "{{.Name}}", "--filter", "type=custom") == ""


def test_clean_restarts_what_has_failed_in_an_answer(engine: Engine) -> None:
    """What it had locked then would be locked for every test to come."""
    before = engine.machine.init
    with engine.log.open("a") as log:
        log.write("http: panic serving @: runtime error: invalid memory address or nil pointer dereference\n")
    engine.clean()
    assert engine.machine.init != before
    engine.clean()
    assert not engine.has_failed


def test_a_frozen_engine_accepts_and_does_not_answer(engine: Engine) -> None:
    """Frozen, it is there and silent; thawed, it answers what it was asked meanwhile."""
    engine.freeze()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(engine.socket))
        connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        engine.thaw()
        connection.settimeout(5)
        assert connection.recv(15) == b"HTTP/1.0 200 OK"


def test_a_killed_engine_refuses_and_starts_again(engine: Engine) -> None:
    """Killed, it refuses connections; started again, it still knows its containers."""
    engine.docker("create", "--name", "web", "busybox")
    engine.kill()
    with pytest.raises(ConnectionRefusedError):
        engine.call("GET", "/_ping")
    engine.start()
    assert engine.docker("ps", "-a", "--format", "{{.Names}}") == "web\n"


def test_a_restart_ends_the_containers(engine: Engine) -> None:
    """A restart switches the machine off: containers end, unless they are to be restarted."""
    engine.docker("run", "-d", "--name", "web", "busybox", "sleep", "60")
    engine.docker("run", "-d", "--name", "always", "--restart", "always", "busybox", "sleep", "60")
    engine.restart()
    assert engine.docker("ps", "--format", "{{.Names}}") == "always\n"


def test_a_cut_link_swallows_packets(machine: Machine) -> None:
    """Over a cut link nothing comes back; mended, it works as before."""
    assert _reaches(machine)
    machine.cut()
    assert not _reaches(machine)
    machine.mend()
    assert _reaches(machine)


def _devices() -> set[str]:
    """Return the network devices of this session's machines; another session may have some beside them."""
    return {name for name in os.listdir("/sys/class/net") if name.startswith(f"sw{os.getpid()}n")}


def test_a_closed_machine_leaves_nothing(machine: Machine) -> None:
    """Its processes, mounts and devices go with it."""
    child = subprocess.Popen(machine.inside(["setsid", "-f", "sleep", "4711"]))
    child.wait()
    assert _processes_named("sleep\0004711\0") != []
    devices = _devices()
    machine.close()
    assert _processes_named("sleep\0004711\0") == []
    assert len(devices - _devices()) == 1


def test_a_removed_engine_leaves_nothing(engines: list[Engine], tmp_path: Path) -> None:
    """No process, mount, device, control group or file of an engine is left, though its container still ran."""
    before = _devices()
    engine = Engine("spare", tmp_path / "spare")
    engine.start()
    engine.call("POST", "/images/load?quiet=1", _image_of(engines[0]))
    engine.docker("run", "-d", "busybox", "sleep", "4712")
    engine.remove()
    assert _processes_named("sleep\0004712\0") == _processes_named(str(tmp_path)) == []
    assert str(tmp_path) not in Path("/proc/mounts").read_text()
    assert _devices() == before
    for elsewhere in ("/sys/fs/cgroup/*", "/dev/shm"):
        assert glob(f"{elsewhere}/swarmd-test-{os.getpid()}-spare*") == []
    assert os.listdir(tmp_path) == []


def _image_of(engine: Engine) -> bytes:
    command = ["docker", "--host", engine.url, "save", "busybox"]
    return subprocess.run(command, capture_output=True, check=True).stdout


def _reaches(machine: Machine) -> bool:
    """Whether the machine refuses a connection, which takes a packet there and one back."""
    try:
        socket.create_connection((machine.address, 9), timeout=0.5).close()
    except ConnectionRefusedError:
        return True
    except TimeoutError:
        return False
    raise AssertionError("somebody listens on the discard port")


def _processes_named(words: str) -> list[str]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().decode(errors="replace")
        except OSError:  # it has just ended
            continue
        if words in line and folder.name != str(os.getpid()):
            found.append(line)
    return found
