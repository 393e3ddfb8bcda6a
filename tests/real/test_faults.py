"""One of three hosts stops answering: it is shown, never waited for, and heals by itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .engines import Engine
from .looking import FLAGGED, HEALED, check_shown_as_down, docker, listed, wait_for_status
from .swarm import Swarmd, over, serving

pytestmark = pytest.mark.engine


@pytest.fixture
def swarm(clean_engines: list[Engine], tmp_path: Path) -> Iterator[Swarmd]:
    """A virtual host over three engines, each with one running container, called after its engine."""
    with serving(tmp_path / "swarm.sock", over(clean_engines)) as swarmd:
        for engine in clean_engines:
            done = docker(swarmd, "run", "-d", "--name", f"{engine.name}/on-{engine.name}", "busybox", "sleep", "600")
            assert done.returncode == 0, done.stderr
        yield swarmd


@pytest.mark.parametrize("place", [0, 1, 2])
def test_frozen_host_is_shown_and_heals(swarm: Swarmd, clean_engines: list[Engine], place: int) -> None:
    """A host that accepts connections and answers nothing is down within seconds, and up again when it answers."""
    victim = clean_engines[place]
    others = [engine for engine in clean_engines if engine is not victim]
    victim.freeze()
    try:
        listed(swarm)
        check_shown_as_down(swarm, victim, others)
    finally:
        victim.thaw()
    wait_for_status(swarm, f"on-{victim.name}", "Up", HEALED)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_killed_host_is_shown_and_heals(swarm: Swarmd, clean_engines: list[Engine], place: int) -> None:
    """A host whose engine was killed is down at once, and its containers are shown as they are when it is back."""
    victim = clean_engines[place]
    others = [engine for engine in clean_engines if engine is not victim]
    victim.kill()
    try:
        check_shown_as_down(swarm, victim, others)
    finally:
        victim.start()
    wait_for_status(swarm, f"on-{victim.name}", "Exited", HEALED)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_host_dead_at_the_start_is_named_and_joins(clean_engines: list[Engine], tmp_path: Path, place: int) -> None:
    """swarmd is ready with a host that is not there, names it, works on the others, and takes it in when it comes."""
    victim = clean_engines[place]
    others = [engine for engine in clean_engines if engine is not victim]
    victim.docker("run", "-d", "--name", f"on-{victim.name}", "busybox", "sleep", "600")
    victim.kill()
    with serving(tmp_path / "swarm.sock", over(clean_engines)) as swarmd:
        try:
            assert listed(swarmd) == {}
            assert docker(swarmd, "run", "--rm", "busybox", "echo", "works").stdout == "works\n"
            unknown = docker(swarmd, "inspect", f"on-{victim.name}", "--type", "container")
            assert victim.name in unknown.stderr
            assert "never seen" in unknown.stderr
            info = docker(swarmd, "info")
            assert "2 of 3 up" in info.stdout
            assert f"{victim.name} is unhealthy" in swarmd.log
            for engine in others:
                named = docker(swarmd, "run", "--rm", "--name", f"{engine.name}/probe", "busybox", "hostname")
                assert named.returncode == 0, named.stderr
        finally:
            victim.start()
        wait_for_status(swarmd, f"on-{victim.name}", "Exited", HEALED)


def test_request_to_a_host_that_freezes_meanwhile_fails_with_its_name(
    swarm: Swarmd, clean_engines: list[Engine]
) -> None:
    """What waits for an answer when a host turns unhealthy fails at once, saying which host and why."""
    victim = clean_engines[0]
    victim.freeze()
    try:
        began = time.monotonic()
        done = docker(swarm, "inspect", "--type", "container", f"on-{victim.name}")
        assert time.monotonic() - began < FLAGGED
        assert done.returncode == 1
        assert victim.name in done.stderr
    finally:
        victim.thaw()
    wait_for_status(swarm, f"on-{victim.name}", "Up", HEALED)
