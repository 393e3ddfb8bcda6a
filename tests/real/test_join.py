"""`swarmd join`, `swarmd members` and `swarmd drain` as processes, over real engines and a real etcd."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from swarmkit.commands.drain import set_drained
from swarmkit.commands.members import EXIT_UNANSWERED, show
from swarmkit.commands.words import parse_source
from swarmkit.errors import Unavailable

from .engines import Engine
from .etcd import Place

_WITHIN = 20.0  # seconds; one or two on a quiet machine
_TTL = 5
_SWARMD = (sys.executable, "-m", "swarmkit.swarmd")


def swarmd(*words: str, code: int = 0) -> str:
    """Run a command of swarmd to its end, which must be that; return what it prints, and what it logs behind that."""
    done = subprocess.run([*_SWARMD, *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def wait_for(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + _WITHIN
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


class Joined:
    """A `swarmd join` that runs."""

    def __init__(self, place: Place, engine: Engine, folder: Path) -> None:
        self.output, self.log = folder / "output", folder / "log"
        words = [place.address, "--name", engine.name, "--advertise", f"docker {engine.tcp}"]
        words += ["--insecure", "--ttl", f"{_TTL}s", "--label", "zone=a"]
        with self.output.open("w") as output, self.log.open("w") as log:
            self.process = subprocess.Popen([*_SWARMD, "join", *words], stdout=output, stderr=log)

    def wait_ready(self) -> None:
        """Wait until it says that the host is registered."""
        wait_for(lambda: self.output.read_text().startswith("swarmd: ready as "))

    def stop(self) -> int:
        """Send SIGTERM; return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_WITHIN)

    def kill(self) -> None:
        """End it in any case."""
        self.process.kill()
        self.process.wait()


@contextmanager
def joining(place: Place, engine: Engine, folder: Path) -> Iterator[Joined]:
    """Have an engine joined meanwhile."""
    joined = Joined(place, engine, folder)
    try:
        joined.wait_ready()
        yield joined
    finally:
        joined.kill()


def listed(place: Place, *, code: int = 0) -> list[dict[str, Any]]:
    """Return what `swarmd members` says, which must end so."""
    text = swarmd("members", "--json", f"etcd {place.address} --insecure", code=code)
    return [json.loads(line) for line in text.splitlines()]


def test_a_host_joins_is_drained_and_leaves(clean_engines: list[Engine], etcd: Place, tmp_path: Path) -> None:
    """It is listed while `swarmd join` runs; that it is drained outlives that."""
    one = clean_engines[0]
    with joining(etcd, one, tmp_path) as joined:
        (member,) = listed(etcd)
        assert (member["name"], member["state"], member["availability"]) == (one.name, "healthy", "active")
        assert member["labels"]["zone"] == "a"
        assert swarmd("drain", f"etcd {etcd.address} --insecure", one.name).startswith(f"{one.name} is drained")
        assert [member["availability"] for member in listed(etcd)] == ["drain"]
        assert joined.stop() == 0
    assert etcd.keys() == [f"drained/{one.name}"]
    assert listed(etcd) == []


def test_a_name_is_one_hosts(clean_engines: list[Engine], etcd: Place, tmp_path: Path) -> None:
    """Another that would be called so is told who is; a new run of the same goes on where a killed one was."""
    one, two, _ = clean_engines
    with joining(etcd, one, tmp_path) as joined:
        words = ["--name", one.name, "--advertise", f"docker {two.tcp}", "--insecure"]
        assert f"{one.name} is registered already, as docker {one.tcp}" in swarmd("join", etcd.address, *words, code=1)
        joined.kill()
    left = etcd.member.leases()
    with joining(etcd, one, tmp_path) as joined:
        for lease in left:
            etcd.member.revoke(lease)  # as its time ends
        assert etcd.keys() == [f"members/{one.name}"]
        assert joined.stop() == 0


def test_a_host_that_dies_is_taken_out(clean_engines: list[Engine], etcd: Place, tmp_path: Path) -> None:
    """When it has not answered for the TTL, and not for a moment's silence; it is registered again when it answers."""
    one = clean_engines[0]
    with joining(etcd, one, tmp_path) as joined:
        one.freeze()
        try:
            began = time.monotonic()
            wait_for(lambda: etcd.keys() == [])
            assert time.monotonic() - began >= _TTL
            assert f"{one.name} is taken out: it has not answered for {_TTL} s: " in joined.log.read_text()
        finally:
            one.thaw()
        wait_for(lambda: etcd.keys() == [f"members/{one.name}"])
        assert joined.stop() == 0


async def test_without_etcd_that_is_said(etcd: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """By `members`, with what is missing and its exit code, and by `drain`."""
    etcd.member.kill()
    source = parse_source(f"etcd {etcd.address}")
    assert await show(source, as_json=True) == EXIT_UNANSWERED
    member = json.loads(capsys.readouterr().out)
    assert (member["state"], member["name"]) == ("missing", "etcd")
    assert "connection refused" in member["reason"]
    with pytest.raises(Unavailable, match=r"does not list web now: etcd: .*connection refused"):
        await set_drained(source, "web", drained=True)
