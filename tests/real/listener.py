"""A `docker events` that runs, and what it has told."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .swarm import Swarmd


class Listener:
    """A `docker events` that runs; `told` is what it has printed so far."""

    def __init__(self, process: subprocess.Popen[str], output: Path) -> None:
        self.process = process
        self._output = output

    @property
    def told(self) -> list[str]:
        """`host action name` of each event."""
        events = [json.loads(line) for line in self._output.read_text().splitlines(keepends=True) if line[-1] == "\n"]
        shown = [(event, event["Actor"]["Attributes"]) for event in events]
        return [f"{attributes['swarmd.host']} {event['Action']} {attributes['name']}" for event, attributes in shown]

    def wait_for(self, line: str, seconds: float) -> None:
        """Wait until this has been told."""
        deadline = time.monotonic() + seconds
        while line not in self.told:
            assert time.monotonic() < deadline, f"never told: {line!r}; but {self.told}"
            time.sleep(0.05)


@contextmanager
def listening(swarm: Swarmd, output: Path, *words: str) -> Iterator[Listener]:
    """Run `docker events` for the length of a block."""
    command = ["docker", "--host", swarm.url, "events", "--format", "{{json .}}", *words]
    with output.open("w") as out, subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield Listener(process, output)
        finally:
            process.kill()
