"""`swarmd up` over contexts that the docker command made, of real engines."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .cli import docker_binaries
from .engines import Engine

_WITHIN = 20.0  # seconds; two or three on a quiet machine

DOCKER = docker_binaries()[0] if docker_binaries() else "docker"


class Person:
    """Somebody with contexts, and with a `swarmd up` that serves them on `url`."""

    def __init__(self, folder: Path) -> None:
        self.url = f"unix://{folder}/swarm.sock"
        self.output, self.log = folder / "output", folder / "log"
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "DOCKER_CONFIG": str(folder / "docker"),
            "DOCKER_HOST": f"unix://{folder}/none.sock",  # which is the context `default`
            "PYTHONPATH": os.pathsep.join(sys.path),
        }

    def docker(self, *words: str) -> str:
        """Run the docker command; return what it prints."""
        done = subprocess.run([DOCKER, *words], env=self._environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"docker {words}: {done.stderr}"
        return done.stdout

    def add(self, name: str, url: str) -> None:
        """Create a context."""
        self.docker("context", "create", name, "--docker", f"host={url}")

    def there(self, *words: str) -> str:
        """Run the docker command on what swarmd serves."""
        return self.docker("-H", self.url, *words)

    @contextmanager
    def up(self, *words: str) -> Iterator[None]:
        """Run `swarmd up` meanwhile; its end must be clean."""
        command = [sys.executable, "-m", "swarmkit.swarmd", "up", self.url, *words]
        with self.output.open("w") as output, self.log.open("w") as log:
            process = subprocess.Popen(command, env=self._environment, stdout=output, stderr=log)
        try:
            self.wait_for(lambda: "swarmd: ready on" in self.output.read_text())
            yield
            process.send_signal(signal.SIGTERM)
            assert process.wait(_WITHIN) == 0, self.log.read_text()
        finally:
            process.kill()
            process.wait()

    def wait_for(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds."""
        deadline = time.monotonic() + _WITHIN
        while not holds():
            assert time.monotonic() < deadline, self.output.read_text() + self.log.read_text()
            time.sleep(0.05)


@pytest.fixture
def person(tmp_path: Path) -> Person:
    """Give somebody with no context but the default one, where nothing answers."""
    return Person(tmp_path)


def hosts_up(person: Person) -> str:
    """Return how many hosts `docker info` says are up."""
    lines = [line.strip() for line in person.there("info").splitlines()]
    return next(line for line in lines if line.startswith("Hosts: "))


def test_every_context_is_a_host(person: Person, clean_engines: list[Engine]) -> None:
    """Named after the context; those that come and go are followed; its own socket is none."""
    one, two, _ = clean_engines
    person.add("first", one.url)
    person.add("swarm", person.url)
    with person.up():
        person.wait_for(lambda: "Try:" in person.output.read_text())
        table = [line.split() for line in person.output.read_text().splitlines()]
        assert [words[:2] for words in table[2:5]] == [
            ["HOST", "STATE"],
            ["default", "unhealthy"],
            ["first", "healthy"],
        ]
        assert person.there("run", "--rm", "--name", "first/web", "busybox", "echo", "here") == "here\n"
        person.add("second", two.url)
        person.wait_for(lambda: hosts_up(person) == "Hosts: 2 of 3 up")
        person.there("run", "-d", "--name", "second/web", "busybox", "sleep", "60")
        person.docker("context", "rm", "first")
        person.wait_for(lambda: hosts_up(person) == "Hosts: 1 of 2 up")
        assert person.there("ps", "--format", '{{.Names}} {{.Label "swarmd.host"}}') == "web second\n"


def test_one_context_alone_may_be_asked_for(person: Person, clean_engines: list[Engine]) -> None:
    """The others are no hosts; options of the front are passed on."""
    one, two, _ = clean_engines
    person.add("first", one.url)
    person.add("second", two.url)
    with person.up("--context", "second", "--mode", "600"):
        person.wait_for(lambda: "1 of 1 hosts answers" in person.output.read_text())
        assert hosts_up(person) == "Hosts: 1 of 1 up"
        assert Path(person.url.removeprefix("unix://")).stat().st_mode & 0o777 == 0o600


@pytest.mark.engine
def test_without_contexts_it_says_what_to_do(person: Person) -> None:
    """Where only the default context is, and nothing answers there, words say so, and how to add a host."""
    with person.up():
        person.wait_for(lambda: "docker context create NAME" in person.output.read_text())
    assert "There is no Docker context but the default one, and nothing answers there." in person.output.read_text()
