"""A virtual host made of a real engine and one in memory, and what makes a scenario on either comparable.

Each scenario is played on a real engine and on a fake one, each time with a decoy of the same name on the other: so the
bare name is ambiguous all the while, and only a qualified one can reach the right container.
"""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from difflib import unified_diff
from pathlib import Path
from typing import TypeVar

from attrs import define

from .cli import Cli
from .engines import Engine
from .swarm import Swarmd, serving
from .transcript import Transcript

REAL, FAKE = "real", "fake"

LOOP = ("busybox", "sh", "-c", "trap 'exit 5' TERM; echo ready; while :; do sleep 0.05; done")
"""What a container runs that says when it is ready, and ends with 5 when it is told to."""

Scenario = Callable[[Cli, str], None]
"""What is done with the docker command to the container `HOST/web`, given the host."""

Test = TypeVar("Test", bound=Callable[..., None])


def on_either(scenario: Scenario) -> Callable[[Callable[[Scenario], None]], None]:
    """Return the test that a scenario is told the same by both kinds of host; a fixture `compare_hosts` plays it."""

    def test(compare_hosts: Callable[[Scenario], None]) -> None:
        compare_hosts(scenario)

    test.__name__ = test.__qualname__ = scenario.__name__
    test.__doc__, test.__module__ = scenario.__doc__, scenario.__module__
    return test


@define
class _Transcript(Transcript):
    """A transcript in which the host played on is called the same whichever it is, and so is the other."""

    here: str = REAL

    def normalise(self, text: str) -> str:
        called = {REAL: "<there>", FAKE: "<there>", self.here: "<here>"}
        text = Transcript.normalise(self, text)
        return re.sub(rf"\b(?:{REAL}|{FAKE})\b", lambda match: called[match[0]], text)


@contextmanager
def mixing(engine: Engine, socket: Path) -> Iterator[Swarmd]:
    """Run swarmd over a real engine and a fake for the length of a block."""
    with serving(socket, f'aggregate "{REAL}=docker {engine.url}" "{FAKE}=fake"') as swarmd:
        yield swarmd


def difference(scenario: Scenario, binary: str, for_real: Swarmd, for_fake: Swarmd) -> str:
    """Play a scenario on the real host of one swarmd and the fake host of another, at once; tell where they differ."""
    with ThreadPoolExecutor(2) as pool:
        real = pool.submit(_play, scenario, binary, for_real, REAL, FAKE)
        fake = pool.submit(_play, scenario, binary, for_fake, FAKE, REAL)
        lines = unified_diff(real.result(), fake.result(), "the real engine", "the fake", lineterm="", n=2)
    return "\n".join(lines)


def _play(scenario: Scenario, binary: str, swarmd: Swarmd, here: str, there: str) -> list[str]:
    """Play a scenario beside a decoy that it must not touch; return its transcript."""
    cli = Cli(binary, swarmd.url)
    cli.transcript = _Transcript(here=here)
    try:
        decoy = cli.quiet("create", "--name", f"{there}/web", "busybox", "true")
        scenario(cli, here)
        seen = cli.quiet("ps", "-a", "--no-trunc", "--filter", f"node={there}", "--format", "{{.ID}} {{.State}}")
        assert seen == f"{decoy} created"
        return cli.transcript.lines
    finally:
        cli.clear()
        cli.close()


def sorted_lines(text: str) -> str:
    """Sort the lines of what comes in any order."""
    return "\n".join(sorted(text.splitlines()))


def contents(archive: bytes) -> list[str]:
    """Return what is in a tar archive, a line each: name, type, mode and size."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        # Not all writers of archives repeat in the mode what the type says already.
        return [f"{entry.name} {entry.type!r} {entry.mode & 0o7777:o} {entry.size}" for entry in tar]


def shape(value: object, path: str = "") -> list[str]:
    """Return the paths of a document with the types of their values: which fields there are."""
    if isinstance(value, dict) and value:
        return [line for key in sorted(value) for line in shape(value[key], f"{path}.{key}")]
    return [f"{path} {type(value).__name__}"]
