"""Faults of an etcd of one member, and of a registration there: what is known goes on as if nothing were."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ..engines import Engine
from ..etcd import EtcdCluster
from ..looking import ANSWER, docker, listed
from .etcd_faults import AT_ONCE, ETCD_FAULTS, EtcdFault, Scene
from .etcd_scene import LASTING, LEFT, TTL, check_fault, names_on, open_scene, run_counting, wait_hosts
from .undisturbed import counting

pytestmark = pytest.mark.engine

FAULTS = [fault for fault in ETCD_FAULTS if fault.members == 1]


@pytest.fixture(scope="module")
def scene(etcd_of_one: EtcdCluster, engines: list[Engine], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Give a swarmd over an etcd of one member, which lasts from the first fault to the last."""
    with open_scene(etcd_of_one, engines, tmp_path_factory.mktemp("etcd-faults")) as scene:
        yield scene


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace(" ", "-"))
def test_etcd_fails(scene: Scene, fault: EtcdFault, engines: list[Engine]) -> None:
    """What is known goes on; what is not is said; creates are warned; it heals, and nothing is lost or done twice."""
    check_fault(scene, fault, engines)


@contextmanager
def joined(scene: Scene, host: Engine) -> Iterator[subprocess.Popen[bytes]]:
    """Have a host registered by a `swarmd join` of its own; it ends well, and the host leaves with it."""
    command = [sys.executable, "-m", "swarmkit.swarmd", "join", *shlex.split(scene.words)[1:], "--ttl", f"{TTL}s"]
    command += ["--name", host.name, "--advertise", f"docker {host.tcp}"]
    log = scene.folder / "join"
    with log.open("w") as file, subprocess.Popen(command, stdout=file, stderr=file) as process:
        try:
            wait_hosts(scene.swarm, 3)
            yield process
            process.terminate()
            assert process.wait(10) == 0, log.read_text()
            wait_hosts(scene.swarm, 2, AT_ONCE + ANSWER)
        finally:
            process.kill()


def test_lease_ends(scene: Scene, engines: list[Engine], tmp_path: Path) -> None:
    """A host whose `swarmd join` is frozen leaves with its lease, and all that is there; when that thaws it is back."""
    swarm, three = scene.swarm, engines[2]
    with joined(scene, three) as process:
        run_counting(swarm, three.name)
        before = names_on(engines)
        with counting(swarm, tmp_path / "on-three", "logs", "-f", "on-three") as logs:
            process.send_signal(signal.SIGSTOP)
            wait_hosts(swarm, 2, LEFT)
            assert listed(swarm).keys() & {"on-one", "on-two", "on-three"} == LASTING
            logs.wait_failed(ANSWER)
            logs.check_whole()
        assert "No such container: on-three" in docker(swarm, "exec", "on-three", "true").stderr
        assert "there is no host called 'three'" in docker(swarm, "create", "--name", "three/no", "busybox").stderr
        scene.bystanders.check_go_on()
        process.send_signal(signal.SIGCONT)
        wait_hosts(swarm, 3)
        assert listed(swarm)["on-three"].startswith("Up")
        assert docker(swarm, "exec", "on-three", "echo", "works").stdout == "works\n"
        assert names_on(engines) == before
    scene.bystanders.check_go_on()


ROWS = {"lease ended while `swarmd join` was frozen": test_lease_ends}
"""What the page of the matrix calls what is tested beside the table of faults."""
