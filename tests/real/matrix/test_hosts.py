"""A host that goes down: it is shown and named, never waited for, disturbs no other, and heals by itself."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ..engines import Engine
from ..looking import ANSWER, HEALED, docker, down_reasons, listed, wait_for_status, wait_up
from ..processes import peak_memory
from ..relay import relaying
from ..ssh_hosts import SshHost
from ..swarm import Swarmd, over, serving
from .faults import FAULTS, RELAY, SSH, TCP, Fault, Victim
from .undisturbed import COUNTING, Count, counting, undisturbed

pytestmark = pytest.mark.engine

REFUSED = 10.0
"""Seconds in which what is asked of a host that does not answer has failed: with the ping, and a reserve."""


MEMORY = 300_000_000
"""Bytes of memory that swarmd may come to, whatever a host sends: some 40 MB, and a few documents of 64 MB."""


@contextmanager
def reached(fault: Fault, engine: Engine, folder: Path, ssh: list[SshHost]) -> Iterator[Victim]:
    """Give the host that is to have a fault, reached in its way."""
    if fault.way == RELAY:
        with relaying(folder / "relay.sock", engine.socket) as relay:
            yield Victim(engine, relay.stage, relay=relay)
    elif fault.way == SSH:
        yield Victim(engine, ssh[0].stage, ssh=ssh[0])
    else:
        yield Victim(engine, f"docker --insecure {engine.tcp}" if fault.way == TCP else f"docker {engine.url}")


@contextmanager
def asking(swarm: Swarmd) -> Iterator[subprocess.Popen[str]]:
    """Ask for a container on the host while the block runs."""
    command = ["docker", "--host", swarm.url, "create", "--name", "one/probe", "busybox"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def check_refused(process: subprocess.Popen[str]) -> bool:
    """Check that a creation has failed, naming the host and saying what is unknown; return whether it was sent."""
    _, said = process.communicate(timeout=REFUSED)
    assert process.returncode == 1
    not_sent = re.search("host one (is down|cannot be reached)", said)
    no_answer = re.search("host one (gave no answer|broke off its answer) to POST /containers/create: ", said)
    nonsense = re.search("host one (created a container and did not say which|does not end its answer)", said)
    assert not_sent or no_answer or nonsense, said
    assert bool(no_answer) == ("whether it was done is unknown: look before it is done again" in said), said
    return not not_sent


def check_shown(swarm: Swarmd, fault: Fault) -> None:
    """Check that the host is shown as down, in time, and why."""
    began = time.monotonic()
    listed(swarm)
    wait_for_status(swarm, "on-one", "Host Down", fault.shown)
    assert time.monotonic() - began < fault.shown + ANSWER
    assert set(listed(swarm)) >= {"on-one", "on-two", "on-three"}
    down = down_reasons(swarm)
    assert re.fullmatch(fault.reason, down["one"]), down["one"]
    refused = docker(swarm, "exec", "on-one", "true")
    assert refused.returncode == 1
    assert re.search(f"host one is down: (?:{fault.reason})", refused.stderr), refused.stderr
    assert "other hosts are not affected" in refused.stderr


def check_streams(fault: Fault, streams: list[Count], began: float) -> None:
    """Check that streams to the host end in time and with an error, where the fault ends them."""
    for stream in streams:
        if fault.streams_end is not None:
            stream.wait_failed(max(1.0, began + fault.streams_end - time.monotonic()))


def check_healed(swarm: Swarmd, fault: Fault, streams: list[Count]) -> None:
    """Check that the host is as it was, for listing, for commands, and for the streams that did not end."""
    wait_for_status(swarm, "on-one", fault.container, HEALED)
    assert down_reasons(swarm) == {}
    assert docker(swarm, "start", "on-one").returncode == 0
    assert docker(swarm, "exec", "on-one", "echo", "back").stdout == "back\n"
    if fault.streams_end is None:
        for stream in streams:
            stream.check_goes_on()
    for stream in streams:
        stream.check_whole()


def containers(engine: Engine) -> list[str]:
    """Return the names of the containers that an engine has."""
    return sorted(engine.docker("ps", "--all", "--format", "{{.Names}}").split())


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace(" ", "-"))
def test_host_goes_down(
    fault: Fault, clean_engines: list[Engine], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """It is seen in time and said why; the other hosts go on; it heals; what was asked once is done once at most."""
    ssh = request.getfixturevalue("ssh_hosts") if fault.way == SSH else []
    one = clean_engines[0]
    with (
        reached(fault, one, tmp_path, ssh) as victim,
        serving(tmp_path / "swarm.sock", over(clean_engines, one=victim.stage)) as swarm,
    ):
        wait_up(swarm)
        for engine in clean_engines:
            name = f"{engine.name}/on-{engine.name}"
            done = docker(swarm, "run", "-d", "--name", name, "busybox", "sh", "-c", COUNTING)
            assert done.returncode == 0, done.stderr
        with (
            undisturbed(swarm, ["two", "three"], tmp_path) as bystanders,
            counting(swarm, tmp_path / "on-one", "logs", "-f", "on-one") as logs,
            counting(swarm, tmp_path / "in-one", "exec", "on-one", "sh", "-c", COUNTING) as inside,
            counting(swarm, tmp_path / "at-one", "attach", "--no-stdin", "on-one") as attached,
        ):
            streams = [logs, inside, attached]
            with fault.made(victim), asking(swarm) as asked:
                began = time.monotonic()
                check_shown(swarm, fault)
                sent = check_refused(asked)
                bystanders.check_go_on()
                check_streams(fault, streams, began)
            check_healed(swarm, fault, streams)
            assert docker(swarm, "run", "--rm", "--name", "one/after", "busybox", "echo", "works").stdout == "works\n"
        assert not re.search("(two|three) is unhealthy", swarm.log)
        assert peak_memory(swarm.pid) < MEMORY
        made = containers(one)
        assert made in (["on-one"], ["on-one", "probe"] if sent else ["on-one"])
        assert [bystanders.times_told(f"one/{name}") for name in ("probe", "after")] == [made.count("probe"), 1]
        for engine in clean_engines[1:]:
            assert containers(engine) == [f"on-{engine.name}"]
        if victim.relay is not None:
            assert victim.relay.asked["POST /containers/create"] == len(["on-one", "after"]) + sent
