"""Events of two engines: nothing is lost or doubled where history meets news, or while a host is away."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from .cli import from_now
from .engines import Engine
from .listener import Listener, listening
from .looking import FLAGGED, HEALED, docker, wait_up
from .swarm import over, serving

pytestmark = pytest.mark.engine

LOAD = 30
"""Containers that each engine is made to create."""


def create(engine: Engine, name: str) -> str:
    """Create a container behind the virtual host's back; return the event that tells it."""
    engine.call("POST", f"/containers/create?name={name}", {"Image": "busybox"})
    return f"{engine.name} create {name}"


def test_history_meets_news_without_a_gap(clean_engines: list[Engine], tmp_path: Path) -> None:
    """Whoever asks for the past while things happen is told each once, in each host's order."""
    engines = clean_engines[:2]
    with serving(tmp_path / "swarm.sock", over(engines)) as swarm:
        since = f"{time.time() - 0.01:.9f}"
        words = ("--since", since, "--filter", "event=create", "--filter", "type=container")
        expected: dict[str, list[str]] = {engine.name: [] for engine in engines}
        listeners: list[Listener] = []
        with ExitStack() as stack:
            for turn in range(LOAD):
                for engine in engines:
                    expected[engine.name].append(create(engine, f"n{turn}"))
                if turn % 8 == 4:
                    listeners.append(stack.enter_context(listening(swarm, tmp_path / f"events{turn}", *words)))
            for listener in listeners:
                for host, told in expected.items():
                    listener.wait_for(told[-1], HEALED)
                    assert [line for line in listener.told if line.startswith(f"{host} ")] == told
        assert len(listeners) == 4


def test_a_host_that_was_away_tells_what_happened(clean_engines: list[Engine], tmp_path: Path) -> None:
    """A link that is cut is told; what the host did meanwhile comes when it is back, once; the other one goes on."""
    one, two = clean_engines[:2]
    shown = [word for kind in ("create", "lost", "back") for word in ("--filter", f"event={kind}")]
    with ExitStack() as stack:
        swarm = stack.enter_context(
            serving(tmp_path / "swarm.sock", over([one, two], two=f"docker --insecure {two.tcp}"))
        )
        wait_up(swarm)  # what a host did before it was first followed is told by nobody
        events = stack.enter_context(listening(swarm, tmp_path / "events", *from_now(), *shown))
        assert docker(swarm, "create", "--name", "two/before", "busybox").returncode == 0
        events.wait_for("two create before", HEALED)
        two.cut()
        try:
            events.wait_for("two lost two", FLAGGED)
            create(one, "meanwhile")
            create(two, "behind")
            events.wait_for("one create meanwhile", FLAGGED)
            with listening(swarm, tmp_path / "late", "--since", "60s", "--filter", "container=behind") as late:
                time.sleep(0.5)  # the command has no word for being subscribed
                two.mend()
                late.wait_for("two create behind", HEALED)
                events.wait_for("two back two", FLAGGED)
                create(two, "after")
                events.wait_for("two create after", FLAGGED)
                assert late.told == ["two create behind"]
        finally:
            two.mend()
        assert events.told == [
            "two create before",
            "two lost two",
            "one create meanwhile",
            "two create behind",
            "two back two",
            "two create after",
        ]
