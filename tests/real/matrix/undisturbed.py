"""What goes on at hosts without a fault while another has one: a log, an exec, an event stream, and containers run.

Each must go on in time while the fault lasts, and at the end have told everything, each thing once.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ..cli import from_now
from ..listener import Listener, listening
from ..looking import docker
from ..swarm import Swarmd

COUNTING = "trap 'exit 0' TERM; i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done"
"""Counts aloud from 1, ten in a second, and ends at once when it is asked to."""

GOES_ON = 3.0
"""Seconds within which each of them must have gone on, at any moment: 0.1 for a number, the rest for a busy machine."""

PAUSE = 0.2
"""Seconds between two containers that are run: the fault is tested, not the load."""


class Count:
    """A docker command that prints 1, 2, 3 and so on, until it is killed."""

    def __init__(self, swarm: Swarmd, output: Path, *words: str) -> None:
        self.words = words
        self._output, self._errors = output, output.with_suffix(".err")
        with output.open("w") as out, self._errors.open("w") as errors:
            command = ["docker", "--host", swarm.url, *words]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=errors)

    def __str__(self) -> str:
        return f"docker {' '.join(self.words)}"

    @property
    def numbers(self) -> list[int]:
        """The numbers that it has printed so far."""
        return [int(line) for line in self._output.read_text().splitlines(keepends=True) if line.endswith("\n")]

    @property
    def said(self) -> str:
        """What it has said on its standard error."""
        return self._errors.read_text()

    def check_goes_on(self, seconds: float = GOES_ON) -> None:
        """Wait until it prints one more number."""
        before, deadline = len(self.numbers), time.monotonic() + seconds
        while len(self.numbers) <= before:
            assert self.process.poll() is None, f"{self} ended: {self.said}"
            assert time.monotonic() < deadline, f"{self} has stood still for {seconds} s"
            time.sleep(0.02)

    def check_whole(self) -> None:
        """Check that no number is missing and none came twice, from where it began: an attach does so in the middle."""
        numbers = self.numbers
        first = numbers[0] if self.words[0] == "attach" else 1
        assert numbers == list(range(first, first + len(numbers))), str(self)

    def wait_failed(self, seconds: float) -> None:
        """Wait until it ends by itself; it must say that something was wrong."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self} is still there after {seconds} s") from None
        assert code != 0, f"{self} ended as if all had been well"
        assert self.said.strip(), f"{self} said nothing"

    def kill(self) -> None:
        """End it. Idempotent."""
        self.process.kill()
        self.process.wait()


@contextmanager
def counting(swarm: Swarmd, output: Path, *words: str) -> Iterator[Count]:
    """Run a docker command that counts aloud for the length of a block."""
    count = Count(swarm, output, *words)
    try:
        count.check_goes_on(20)
        yield count
    finally:
        count.kill()


class Runs(threading.Thread):
    """`docker run --rm`, again and again, on each of some hosts in turn, until it is stopped."""

    def __init__(self, swarm: Swarmd, hosts: Sequence[str]) -> None:
        super().__init__()
        self.done: list[str] = []
        """The names of the containers that were run, each with its host's before it."""
        self.failures: list[str] = []
        self._swarm = swarm
        self._hosts = hosts
        self._stopping = threading.Event()

    def run(self) -> None:
        number = 0
        while not self._stopping.wait(PAUSE):
            number += 1
            name = f"{self._hosts[number % len(self._hosts)]}/run{number}"
            done = docker(self._swarm, "run", "--rm", "--name", name, "busybox", "echo", name)
            self.done.append(name)
            if (done.returncode, done.stdout, done.stderr) != (0, f"{name}\n", ""):
                self.failures.append(f"{name}: exit {done.returncode}: {done.stdout!r} {done.stderr!r}")

    def check_goes_on(self) -> None:
        """Wait until one more container has been run."""
        before, deadline = len(self.done), time.monotonic() + 2 * GOES_ON
        while len(self.done) <= before:
            assert time.monotonic() < deadline, f"no container has been run for {2 * GOES_ON} s"
            time.sleep(0.02)

    def stop(self) -> None:
        """Have it end after the container that it is at."""
        self._stopping.set()
        self.join()


class Bystanders:
    """What goes on at other hosts than the one with the fault."""

    def __init__(self, counts: Sequence[Count], runs: Runs, events: Listener) -> None:
        self._counts = counts
        self._runs = runs
        self._events = events

    def check_go_on(self) -> None:
        """Check that each of them goes on, now."""
        self._runs.check_goes_on()
        for count in self._counts:
            count.check_goes_on()
        assert self._events.process.poll() is None
        assert self._runs.failures == []

    def check_whole(self) -> None:
        """Check, the runs being over, that nothing failed, is missing, or came twice."""
        assert self._runs.failures == []
        for count in self._counts:
            count.check_whole()
        asked = sorted(self._runs.done)
        for name in asked:
            self._events.wait_for(name.replace("/", " create ", 1), 5)
        assert [name for name in self.told() if "/run" in name] == asked

    def told(self) -> list[str]:
        """Return the names of the containers of whose creation the event stream has told, with their hosts, sorted."""
        return sorted(line.replace(" create ", "/", 1) for line in self._events.told)

    def times_told(self, name: str) -> int:
        """Return how often the event stream has told that a container, called `host/name`, was created."""
        return Counter(self.told())[name]


@contextmanager
def undisturbed(swarm: Swarmd, hosts: Sequence[str], folder: Path) -> Iterator[Bystanders]:
    """Have things go on at two hosts for the length of a block, and check at its end that they did.

    Each host has a running container `on-HOST` that counts.
    """
    reader, worker = hosts
    with ExitStack() as stack:
        words = (*from_now(), "--filter", "type=container", "--filter", "event=create")
        events = stack.enter_context(listening(swarm, folder / "events", *words))
        counts = [
            stack.enter_context(counting(swarm, folder / "logs", "logs", "-f", f"on-{reader}")),
            stack.enter_context(counting(swarm, folder / "exec", "exec", f"on-{worker}", "sh", "-c", COUNTING)),
        ]
        runs = Runs(swarm, hosts)
        runs.start()
        bystanders = Bystanders(counts, runs, events)
        try:
            runs.check_goes_on()
            yield bystanders
            bystanders.check_go_on()
        finally:
            runs.stop()
        bystanders.check_whole()
