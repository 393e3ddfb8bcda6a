"""One engine by two ways is shown once; two engines that carry one id are both used, and said to carry it."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from swarmkit.engine.identity import clones_warning

from .engines import Engine
from .looking import HEALED, docker, listed, wait_up
from .swarm import Swarmd, over, serving

pytestmark = pytest.mark.engine

REVIEW = 12.0
"""Seconds in which what was decided is looked at once more."""


@pytest.fixture
def clones(clean_engines: list[Engine]) -> Iterator[list[Engine]]:
    """Two engines, the second with the id of the first; it has its own again afterwards."""
    first, second = clean_engines[:2]
    own = second.id_file.read_bytes()
    second.kill()
    shutil.copyfile(first.id_file, second.id_file)
    second.start()
    yield [first, second]
    second.clean()  # it starts later where it has to stop containers first
    second.kill()
    second.id_file.write_bytes(own)
    second.start()


def node_lines(info: str, host: str) -> list[str]:
    """Return what `docker info` has of a host in its table."""
    lines = [line.strip() for line in info.splitlines()]
    begin = next(number for number, line in enumerate(lines) if line.startswith(f"{host}: "))
    return lines[begin + 1 : begin + 3]


def test_engine_by_its_socket_and_by_tcp_is_shown_once(clean_engines: list[Engine], tmp_path: Path) -> None:
    """The later way is down with the reason; nothing is listed or told of twice, and names are not ambiguous."""
    one, two = clean_engines[:2]
    stage = f'aggregate "a=docker {one.url}" "b=docker {one.tcp} --insecure" "c=docker {two.url}"'
    one.docker("run", "-d", "--name", "web", "busybox", "sleep", "600")
    with serving(tmp_path / "swarm.sock", stage) as swarmd:
        deadline = time.monotonic() + HEALED
        hidden = ["State: down", "Reason: the same engine as a"]
        while "2 of 3 up" not in (info := docker(swarmd, "info").stdout) or node_lines(info, "b") != hidden:
            assert set(listed(swarmd)) <= {"web"}
            assert time.monotonic() < deadline, info
        since = str(time.time())
        assert docker(swarmd, "restart", "-t", "0", "web").returncode == 0
        events = docker(swarmd, "events", "--since", since, "--until", str(time.time()), "--filter", "event=start")
        assert len(events.stdout.splitlines()) == 1
        assert docker(swarmd, "ps", "-q").stdout.count("\n") == 1
        refused = docker(swarmd, "run", "--name", "b/x", "busybox")
        assert "host b is down: the same engine as a" in refused.stderr


def test_engine_that_is_a_member_and_beneath_another_is_shown_once(clean_engines: list[Engine], tmp_path: Path) -> None:
    """It is the host beneath, and nothing else becomes of that when the daemon is started anew."""
    one, two = clean_engines[:2]
    inner = over([one, two])
    one.docker("run", "-d", "--name", "web", "busybox", "sleep", "600")
    with serving(tmp_path / "swarm.sock", f"aggregate {shlex.join([f'a=docker {one.url}', f'dc1={inner}'])}") as swarmd:
        hidden = ["State: down", "Reason: the same engine as dc1/one"]
        wait_for_lines(swarmd, "a", hidden)
        assert docker(swarmd, "ps", "--format", '{{.Names}} {{.Label "swarmd.host"}}').stdout == "web dc1/one\n"
        one.kill()
        one.start()
        time.sleep(REVIEW)
        wait_for_lines(swarmd, "a", hidden)
        assert "carry one engine id" not in swarmd.log
        assert docker(swarmd, "start", "web").returncode == 0


def wait_for_lines(swarmd: Swarmd, host: str, lines: list[str]) -> None:
    """Wait until `docker info` has these of a host."""
    deadline = time.monotonic() + HEALED
    while node_lines(info := docker(swarmd, "info").stdout, host) != lines:
        assert time.monotonic() < deadline, info
        time.sleep(0.1)


def test_clones_both_work_and_are_told_of(clones: list[Engine], tmp_path: Path) -> None:
    """Both are listed and used; `docker info` warns of them, and the log does once, with what can be done."""
    for engine in clones:
        engine.docker("run", "-d", "--name", f"on-{engine.name}", "busybox", "sleep", "600")
    assert len({engine.call("GET", "/info")["ID"] for engine in clones}) == 1
    with serving(tmp_path / "swarm.sock", over(clones)) as swarmd:
        wait_up(swarmd)
        assert set(listed(swarmd)) == {"on-one", "on-two"}
        named = docker(swarmd, "run", "--rm", "--name", "two/probe", "busybox", "echo", "works")
        assert named.stdout == "works\n"
        warning = clones_warning(["one", "two"])
        done: subprocess.CompletedProcess[str] = docker(swarmd, "info")
        assert f"WARNING: {warning}" in done.stdout + done.stderr
        assert swarmd.log.count(warning) == 1
