"""Every example runs as it is, as a user would start it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .real.engines import Engine

ROOT = Path(__file__).parents[1]

MERGED_LOGS = ["a/web | step 1", "a/web | step 2", "a/web | step 3", "b/db | step 1", "b/db | step 2", "b/db | step 3"]


def run(module: str, *words: str, engine: str = "unix:///nonexistent.sock") -> str:
    """Run an example where no engine can be reached; return what it prints."""
    command = [sys.executable, "-m", f"examples.{module}", *words]
    environment = {**os.environ, "DOCKER_HOST": engine}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_example_has_a_test_here() -> None:
    """No example is left untested."""
    tested = {"merged_logs", "task_per_host", "own_layer", "demo", "two_halves"}
    assert {path.stem for path in (ROOT / "examples").glob("*.py")} == tested | {"__init__"}


def test_merged_logs_prints_every_line_with_its_container() -> None:
    """Logs of all hosts come together, each line with the host and the name in front."""
    assert sorted(run("merged_logs").splitlines()) == MERGED_LOGS


def test_task_per_host_runs_everywhere_and_names_what_failed() -> None:
    """One line for each host; a host that is not there is named with the reason."""
    lines = run("task_per_host").splitlines()
    assert lines[:2] == ["a: exit code 0: hello", "b: exit code 0: hello"]
    assert lines[2].startswith("gone: failed: host gone is down")
    assert len(lines) == 3


def test_own_layer_changes_one_message_and_refuses_another() -> None:
    """The user's layer sees what is spawned."""
    assert run("own_layer").splitlines() == [
        "web has the labels {'made-by': 'own_layer'}",
        "root was refused: privileged containers are not allowed here",
    ]


def test_two_halves_are_one_while_both_are_there() -> None:
    """Hosts behind a wire are used like those here, and shown as down when the other half has ended."""
    lines = run("two_halves").splitlines()
    assert lines[:3] == ["up: dc1/node-1 dc1/node-2 here", "dc1/node-2/cat says: through the wire", "up: here"]
    assert len(lines) == 4


def test_demo_proves_the_virtual_host_without_an_engine() -> None:
    """Where there is no engine, the demonstration runs containers on two hosts in memory."""
    output = run("demo", "--once")
    assert "No engine here: two in-memory hosts." in output
    assert "run --name a/web: exit code 0, wrote 'hello from a/web'" in output
    assert "Hosts: 2 of 2 up" in output
    assert output.endswith("The virtual host works.\n")


@pytest.mark.engine
def test_demo_reads_a_real_engine(clean_engines: list[Engine]) -> None:
    """Where there is an engine, the demonstration stands over it and changes nothing."""
    engine = clean_engines[0]
    output = run("demo", "--once", engine=engine.url)
    assert "it is only read" in output
    assert "Hosts: 1 of 1 up" in output
    assert output.endswith("The virtual host works.\n")
