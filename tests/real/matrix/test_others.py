"""Faults that take no host down: what is slow, full, or away from the beginning; clients and swarmd that are killed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from ..engines import Engine
from ..image import busybox_archive
from ..looking import ANSWER, HEALED, UP, docker, listed, wait_for_status, wait_up
from ..processes import wait_until_gone
from ..relay import Relay, relaying
from ..ssh_hosts import SshHost
from ..swarm import Swarmd, over, serving
from . import rubbish
from .undisturbed import COUNTING, Count, counting, undisturbed

pytestmark = pytest.mark.engine

DELAY = 0.4
"""Seconds that a slow way takes, each way."""

DISK = 48
"""Megabytes of the small disk: an engine and its image have room, and filling it takes no time."""

CLOSED = 5.0
"""Seconds in which what a client left open is closed."""

UNUSED = 20.0
"""Seconds in which a host's connections are closed that nobody uses: 8, and a reserve."""

SPARE = 4
"""Descriptors that what goes on meanwhile may have open for a moment: a `docker run` has three connections."""


def run_counting(swarm: Swarmd, *hosts: str) -> None:
    """Start a container `on-HOST` that counts aloud on each host."""
    for host in hosts:
        done = docker(swarm, "run", "-d", "--name", f"{host}/on-{host}", "busybox", "sh", "-c", COUNTING)
        assert done.returncode == 0, done.stderr


def wait_for(holds: Callable[[], bool], what: str, seconds: float = CLOSED) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"it never came about that {what}"
        time.sleep(0.05)


@contextmanager
def slow(relay: Relay) -> Iterator[None]:
    """Delay what goes through a relay."""
    relay.delay = DELAY
    try:
        yield
    finally:
        relay.delay = 0.0


def test_slow_way(clean_engines: list[Engine], tmp_path: Path) -> None:
    """A host behind a slow way is up and works; listing asks it nothing, and the other hosts are as quick as ever."""
    with (
        relaying(tmp_path / "relay.sock", clean_engines[0].socket) as relay,
        serving(tmp_path / "swarm.sock", over(clean_engines, one=relay.stage)) as swarm,
    ):
        wait_up(swarm)
        run_counting(swarm, "one", "two", "three")
        with undisturbed(swarm, ["two", "three"], tmp_path) as bystanders:
            with slow(relay):
                listed(swarm)
                began = time.monotonic()
                assert docker(swarm, "exec", "on-one", "echo", "works").stdout == "works\n"
                assert time.monotonic() - began > 4 * DELAY  # there and back, to make it and to start it
                bystanders.check_go_on()
                assert listed(swarm)["on-one"].startswith("Up")
            assert docker(swarm, "run", "--rm", "--name", "one/after", "busybox", "echo", "works").stdout == "works\n"
            assert "unhealthy" not in swarm.log
        assert bystanders.times_told("one/after") == 1


class SmallEngine(Engine):
    """An engine whose disk is small. It is made of memory, and goes with its machine."""

    def begin(self) -> None:
        self.machine.open()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}m", "none", str(self._data)]
        subprocess.run(self.machine.inside(mount), check=True)
        super().begin()

    @contextmanager
    def full(self) -> Iterator[None]:
        """Fill the disk to the last byte for the length of a block."""
        filler = Path(f"/proc/{self.machine.init}/root{self._data}/filler")
        with filler.open("wb", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                with suppress(OSError):  # which is what is wanted
                    while file.write(b"\0" * size):
                        pass
        try:
            yield
        finally:
            filler.unlink()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallEngine]:
    """Give an engine whose disk is small."""
    engine = SmallEngine("small", tmp_path / "small")
    try:
        engine.start()
        engine.load(busybox_archive())
        yield engine
    finally:
        engine.remove()


def test_full_disk(small: SmallEngine, clean_engines: list[Engine], tmp_path: Path) -> None:
    """What the engine says of its disk reaches the user; nothing is half made; what needs no room goes on."""
    engines = [small, *clean_engines[1:]]
    with serving(tmp_path / "swarm.sock", over(engines)) as swarm:
        wait_up(swarm)
        run_counting(swarm, "small", "two", "three")
        with undisturbed(swarm, ["two", "three"], tmp_path) as bystanders:
            with small.full():
                refused = docker(swarm, "create", "--name", "small/probe", "busybox")
                assert refused.returncode == 1
                assert "no space left on device" in refused.stderr
                for number in range(3):  # the fullest disk may well be that of the host with the fewest containers
                    assert docker(swarm, "create", "--name", f"anywhere{number}", "busybox").returncode == 0
                assert docker(swarm, "exec", "on-small", "echo", "works").stdout == "works\n"
                assert listed(swarm)["on-small"].startswith("Up")
                bystanders.check_go_on()
            assert docker(swarm, "create", "--name", "small/probe", "busybox").returncode == 0
            assert sorted(small.docker("ps", "-a", "--format", "{{.Names}}").split()) == ["on-small", "probe"]
        told = [name.partition("/")[2] for name in bystanders.told()]
        assert [told.count(name) for name in ("probe", "anywhere0", "anywhere1", "anywhere2")] == [1, 1, 1, 1]


def test_host_away_from_the_beginning(clean_engines: list[Engine], tmp_path: Path) -> None:
    """swarmd is ready with a host that is not there, names it, works on the others, and takes it in when it comes."""
    one = clean_engines[0]
    one.docker("run", "-d", "--name", "on-one", "busybox", "sh", "-c", COUNTING)
    one.kill()
    with serving(tmp_path / "swarm.sock", over(clean_engines)) as swarm:
        assert listed(swarm) == {}
        run_counting(swarm, "two", "three")
        with undisturbed(swarm, ["two", "three"], tmp_path) as bystanders:
            unknown = docker(swarm, "inspect", "--type", "container", "on-one")
            assert "one" in unknown.stderr
            assert "never seen" in unknown.stderr
            assert "2 of 3 up" in docker(swarm, "info").stdout
            assert docker(swarm, "run", "--rm", "--name", "anywhere", "busybox", "echo", "it").stdout == "it\n"
            bystanders.check_go_on()
            one.start()
            wait_for_status(swarm, "on-one", "Exited", HEALED)
        assert sum("anywhere" in name for name in bystanders.told()) == 1


def test_answer_cut_in_the_middle_is_asked_of_nobody_else(clean_engines: list[Engine], tmp_path: Path) -> None:
    """A creation whose answer breaks off is unknown: it is told so, and made neither again nor on another host."""
    one, two, _ = clean_engines
    with (
        relaying(tmp_path / "relay.sock", one.socket) as relay,
        serving(tmp_path / "swarm.sock", over([one, two], one=relay.stage)) as swarm,
    ):
        wait_up(swarm)
        assert docker(swarm, "create", "--name", "two/other", "busybox").returncode == 0
        relay.spoil = rubbish.half_documents
        refused = docker(swarm, "create", "--name", "probe", "busybox")
        relay.spoil = None
        assert refused.returncode == 1
        assert "host one broke off its answer to POST /containers/create" in refused.stderr
        assert "whether it was done is unknown: look before it is done again" in refused.stderr
        assert relay.asked["POST /containers/create"] == 1
        assert one.docker("ps", "-a", "--format", "{{.Names}}").split() == ["probe"]
        assert two.docker("ps", "-a", "--format", "{{.Names}}").split() == ["other"]
        wait_for_status(swarm, "probe", "Created", HEALED)


STREAMS = (
    ("logs", "-f", "on-one"),
    ("attach", "--no-stdin", "on-one"),
    ("exec", "on-one", "sh", "-c", COUNTING),
    ("run", "--name", "one/reader", "busybox", "sh", "-c", COUNTING),
)
"""What a client may vanish from in the middle."""

SILENT = (("wait", "on-one"), ("cp", "-", "on-one:/tmp"), ("stats", "on-one"))
"""The same, of what says nothing, or not yet."""


def test_client_vanishes(clean_engines: list[Engine], tmp_path: Path) -> None:
    """Clients that are killed in mid-stream leave no connection to the host; containers and other clients go on."""
    with (
        relaying(tmp_path / "relay.sock", clean_engines[0].socket) as relay,
        serving(tmp_path / "swarm.sock", over(clean_engines, one=relay.stage)) as swarm,
    ):
        wait_up(swarm)
        run_counting(swarm, "one", "two", "three")
        with undisturbed(swarm, ["two", "three"], tmp_path) as bystanders, ExitStack() as stack:
            stays = stack.enter_context(counting(swarm, tmp_path / "stays", "logs", "-f", "on-one"))
            settled, descriptors = relay.carrying, len(swarm.descriptors())
            streams = [
                stack.enter_context(counting(swarm, tmp_path / f"killed-{words[0]}", *words)) for words in STREAMS
            ]
            command = ["docker", "--host", swarm.url]
            silent = [
                stack.enter_context(subprocess.Popen([*command, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE))
                for words in SILENT
            ]
            wait_for(lambda: relay.carrying >= settled + len(streams) + len(silent), "all streams are open", UNUSED)
            for client in (*(stream.process for stream in streams), *silent):
                client.kill()
            stays.check_goes_on()
            bystanders.check_go_on()
            wait_for(lambda: relay.carrying <= settled, "the host's connections are closed", UNUSED)
            wait_for(lambda: len(swarm.descriptors()) <= descriptors + SPARE, "the descriptors are closed")
            assert {"on-one", "reader"} <= {name for name, status in listed(swarm).items() if status.startswith("Up")}
        stays.check_whole()
        assert bystanders.times_told("one/reader") == 1


def test_swarmd_killed(clean_engines: list[Engine], tmp_path: Path) -> None:
    """After SIGKILL clients are told at once; containers go on; started again it shows all as it is, nothing twice."""
    socket = tmp_path / "swarm.sock"
    with relaying(tmp_path / "relay.sock", clean_engines[0].socket) as relay:
        stages = over(clean_engines, one=relay.stage)
        swarm = Swarmd(socket, stages)
        try:
            swarm.wait_ready()
            wait_up(swarm)
            run_counting(swarm, "one", "two", "three")
            with counting(swarm, tmp_path / "logs", "logs", "-f", "on-two") as logs:
                before = listed(swarm)
                relay.delay = DELAY  # else it would be done before we look
                command = ["docker", "--host", swarm.url, "create", "--name", "one/probe", "busybox"]
                with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as probe:
                    wait_for(lambda: relay.asked["POST /containers/create"] == 2, "a creation is on its way")
                    swarm.kill()
                    _, said = probe.communicate(timeout=ANSWER)
                relay.delay = 0.0
                assert probe.returncode == 1
                assert said.strip()
                logs.wait_failed(ANSWER)
            began = time.monotonic()
            refused = docker(swarm, "ps")
            assert time.monotonic() - began < ANSWER
            assert refused.returncode == 1
            assert "Is the docker daemon running?" in refused.stderr
        finally:
            swarm.kill()
        with serving(socket, stages) as swarm:
            wait_for_status(swarm, "probe", "Created", HEALED)
            assert set(listed(swarm)) == {*before, "probe"}
            assert all(listed(swarm)[name].startswith("Up") for name in before)
            assert relay.asked["POST /containers/create"] == 2
            again = Count(swarm, tmp_path / "again", "logs", "-f", "on-two")
            again.check_goes_on()
            again.kill()
            again.check_whole()


def test_killed_swarmd_leaves_no_ssh(ssh_hosts: list[SshHost], tmp_path: Path) -> None:
    """After SIGKILL of swarmd, with a log being followed, its ssh is gone within two seconds, here and there."""
    host = ssh_hosts[0]
    swarm = Swarmd(tmp_path / "swarm.sock", over([host.engine], one=host.stage))
    try:
        swarm.wait_ready()
        wait_up(swarm)
        run_counting(swarm, "one")
        with counting(swarm, tmp_path / "logs", "logs", "-f", "on-one") as logs:
            children = swarm.children()
            assert len(children) == 1
            swarm.kill()
            assert wait_until_gone(children, ANSWER) == []
            logs.wait_failed(ANSWER)
    finally:
        swarm.kill()
    assert host.wait_connections(0, ANSWER) == 0


def test_full_disk_of_swarmd(clean_engines: list[Engine], tmp_path: Path) -> None:
    """Where neither its log nor its standard output can be written, swarmd serves on, and ends well."""
    url = f"unix://{tmp_path}/swarm.sock"
    command = [sys.executable, "-m", "swarmkit.swarmd", f"dockerserver {url}", over(clean_engines[:1])]
    with Path("/dev/full").open("w") as full, subprocess.Popen(command, stdout=full, stderr=full) as swarm:
        try:
            there = ["docker", "--host", url, "run", "--rm", "busybox", "echo", "works"]
            wait_for(lambda: subprocess.run(there, capture_output=True).stdout == b"works\n", "it serves", UP)
            swarm.terminate()
            assert swarm.wait(CLOSED) == 0
        finally:
            swarm.kill()


ROWS = {
    "slow way": test_slow_way,
    "disk of an engine full": test_full_disk,
    "engine away from the beginning": test_host_away_from_the_beginning,
    "answer to a creation cut": test_answer_cut_in_the_middle_is_asked_of_nobody_else,
    "client killed in mid-stream": test_client_vanishes,
    "swarmd killed": test_swarmd_killed,
    "swarmd with ssh killed": test_killed_swarmd_leaves_no_ssh,
    "disk of swarmd full": test_full_disk_of_swarmd,
}
"""What the page of the matrix calls these faults."""
