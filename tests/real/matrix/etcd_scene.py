"""A swarmd over an etcd that has one fault after the other, and what must be so while each lasts, and afterwards."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from swarmkit.commands.members import EXIT_UNANSWERED

from ..engines import Engine
from ..etcd import LOOPBACK, EtcdCluster, EtcdError, entry_of, free_port, fresh_place
from ..looking import ANSWER, docker, listed
from ..swarm import Swarmd, serving
from .etcd_faults import ETCD_FAULTS, PASSWORD, STAYS, USER, EtcdFault, Scene, TcpRelay, matches
from .undisturbed import COUNTING, undisturbed

CREATED = 4.0
"""Seconds in which a container is created though etcd does not answer: one for the name, and a reserve."""

FOLLOWED = 15.0
"""Seconds in which what has changed in etcd is taken up after a fault: at most 8 between two tries, and a reserve."""

TTL = 5
"""Seconds that the lease of a registration lasts, which is the least that there may be."""

LEFT = TTL + 8.0
"""Seconds in which a host has left that does not renew its lease: etcd looks now and then for those that have ended."""

LASTING = {"on-one", "on-two"}


@contextmanager
def open_scene(cluster: EtcdCluster, engines: list[Engine], folder: Path) -> Iterator[Scene]:
    """Have a swarmd over an etcd for the length of a block, and things that go on all the time on its two hosts.

    An etcd of one is reached through a relay.
    """
    for engine in engines:
        engine.clean()
    with fresh_place(cluster) as place, ExitStack() as stack:
        password = folder / "password"
        password.write_text(PASSWORD)
        urls, relay = cluster.urls, None
        if len(cluster.members) == 1:
            port = free_port()
            relay = TcpRelay(port, int(place.member.host.partition(":")[2]))
            urls = f"http://{LOOPBACK}:{port}"
        words = f"etcd {urls}/{place.prefix} --insecure --user {USER} --password-file {password}"
        for engine in engines[:2]:
            place.register(engine.name, f"docker {engine.tcp}")
        swarm = stack.enter_context(serving(folder / "swarm.sock", f"aggregate '{words}'"))
        wait_hosts(swarm, 2)
        for engine in engines[:2]:
            run_counting(swarm, engine.name)
        bystanders = stack.enter_context(undisturbed(swarm, [each.name for each in engines[:2]], folder))
        scene = Scene(place, words, password, swarm, bystanders, folder, relay)
        try:
            yield scene
        finally:
            if scene.asks_who:
                place.member.disable_auth()
            if scene.relay is not None:
                scene.relay.close()
    for engine in engines:
        engine.clean()


def run_counting(swarm: Swarmd, host: str) -> None:
    """Start a container `on-HOST` that counts aloud on a host."""
    done = docker(swarm, "run", "-d", "--name", f"{host}/on-{host}", "busybox", "sh", "-c", COUNTING)
    assert done.returncode == 0, done.stderr


def warnings(swarm: Swarmd) -> tuple[str, list[str]]:
    """Return how many hosts are up, in the words of `docker info`, and what it warns of, but for what engines do."""
    done = docker(swarm, "info", "--format", "{{json .}}")
    assert done.returncode == 0, done.stderr
    info = json.loads(done.stdout)
    return dict(info["DriverStatus"])["Hosts"], [line for line in info["Warnings"] or () if " (on " not in line]


def wait_hosts(swarm: Swarmd, count: int, seconds: float = FOLLOWED) -> None:
    """Wait until so many hosts are listed, and all are up, and nothing is warned of."""
    deadline = time.monotonic() + seconds
    while (seen := warnings(swarm)) != (f"{count} of {count} up", []):
        assert time.monotonic() < deadline, f"{seen} after {seconds} s\n{swarm.log}"
        time.sleep(0.1)


def create(swarm: Swarmd, name: str) -> str:
    """Create a container, anywhere; return what it is warned of."""
    began = time.monotonic()
    done = docker(swarm, "create", "--name", name, "busybox")
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < CREATED
    return done.stderr


def check_seen(scene: Scene, fault: EtcdFault) -> None:
    """Check that `docker ps` shows what it did, and that `docker info` says in time what is wrong, and no more."""
    deadline = time.monotonic() + fault.shown + ANSWER
    while True:
        statuses = listed(scene.swarm)
        assert statuses.keys() >= LASTING
        assert all(statuses[name].startswith("Up") for name in LASTING)
        hosts, warned = warnings(scene.swarm)
        assert hosts == "2 of 2 up"
        if warned if fault.reason else not warned:
            break
        assert time.monotonic() < deadline, f"{warned}\n{scene.swarm.log}"
    for line in warned:
        assert matches(f"WARNING: etcd: {fault.reason}{STAYS}", line), line


def check_name(scene: Scene, fault: EtcdFault, name: str) -> None:
    """Check that a container is created, with a warning where its name cannot be held; and once, whatever is known."""
    said = create(scene.swarm, name)
    found = re.fullmatch(
        f"WARNING: the name {name} is not held in etcd: (.*); "
        "another swarmd may have given the same name at the same time\n",
        said,
    )
    assert matches(fault.unheld, found[1]) if found and fault.unheld else (said == "" and not fault.unheld), said
    again = docker(scene.swarm, "create", "--name", name, "busybox")
    assert again.returncode == 1
    assert "already in use" in again.stderr


@contextmanager
def members_asked(scene: Scene) -> Iterator[subprocess.Popen[str]]:
    """Have `swarmd members` run meanwhile."""
    command = [sys.executable, "-m", "swarmkit.swarmd", "members", scene.words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def check_members(process: subprocess.Popen[str], fault: EtcdFault) -> None:
    """Check that `swarmd members`, which cannot know anybody, says that etcd is missing, and why."""
    said, _ = process.communicate(timeout=20)
    assert process.returncode == EXIT_UNANSWERED, said
    lines = [line.split(maxsplit=5) for line in said.splitlines()[1:]]
    assert [line[:2] for line in lines] == [["etcd", "missing"]], said
    assert lines[0][-1].endswith("; it is tried again"), said  # this process has listed nothing before


def check_followed(scene: Scene, host: Engine) -> None:
    """Check that a host that registers now is listed, and works, and that one that leaves is not."""
    key, entry = f"{scene.place.prefix}/members/{host.name}", f"docker {host.tcp}"
    token = scene.place.member.token() if scene.asks_who else ""
    register(scene, host.name, entry, token)
    wait_hosts(scene.swarm, 3)
    done = docker(scene.swarm, "run", "--rm", "--name", f"{host.name}/joined", "busybox", "echo", "works")
    assert (done.stdout, done.stderr) == ("works\n", "")
    scene.answering.delete(key, token=token)
    wait_hosts(scene.swarm, 2)


def register(scene: Scene, name: str, address: str, token: str = "") -> None:
    """Register a host at a member of etcd that answers, as soon as one does."""
    deadline = time.monotonic() + FOLLOWED
    while True:
        try:
            return scene.answering.put(f"{scene.place.prefix}/members/{name}", entry_of(name, address), token=token)
        except EtcdError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def names_on(engines: list[Engine]) -> Counter[str]:
    """Return the names of the containers that there are, without those that are run and removed all the time."""
    names = (name for engine in engines for name in engine.docker("ps", "-a", "--format", "{{.Names}}").split())
    return Counter(name for name in names if not name.startswith("run"))


def check_fault(scene: Scene, fault: EtcdFault, engines: list[Engine]) -> None:
    """Check that what is known goes on and what is not is said, that it heals, and that nothing is done twice."""
    number = ETCD_FAULTS.index(fault)
    before = names_on(engines)
    with fault.made(scene):
        with ExitStack() as stack:
            asked = stack.enter_context(members_asked(scene)) if fault.reason else None
            if fault.unheld:
                check_name(scene, fault, f"during-{number}")
            check_seen(scene, fault)
            scene.bystanders.check_go_on()
            if asked is not None:
                check_members(asked, fault)
        if not fault.reason:
            check_followed(scene, engines[2])
        if not fault.unheld:
            check_name(scene, fault, f"during-{number}")
    check_followed(scene, engines[2])
    assert create(scene.swarm, f"after-{number}") == ""
    scene.bystanders.check_go_on()
    assert names_on(engines) == before + Counter([f"during-{number}", f"after-{number}"])
    assert not re.search("(one|two|three) is unhealthy", scene.swarm.log)
