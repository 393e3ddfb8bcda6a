"""What a user sees of a virtual host while one of its hosts does not answer, and by when it must be seen."""

from __future__ import annotations

import os
import subprocess
import time

from .swarm import Swarmd

ANSWER = 2.0
"""Seconds in which `docker ps` must have answered, whatever a host does."""

FLAGGED = 8.0
"""Seconds in which a host that does not answer must be shown as down: 3 for the ping, the rest for a loaded machine."""

HEALED = 15.0
"""Seconds in which a host that answers again must be shown as up."""


UP = 30.0
"""Seconds in which all hosts must be up on a loaded machine, where an ssh connection may take several."""


def docker(swarm: Swarmd, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the docker command on the virtual host, to its end."""
    environment = {**os.environ, "DOCKER_HOST": swarm.url}
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=False, env=environment, timeout=60)


def listed(swarm: Swarmd) -> dict[str, str]:
    """Run `docker ps -a`, which must be quick; return the status of each container."""
    began = time.monotonic()
    done = docker(swarm, "ps", "--all", "--format", "{{.Names}}\t{{.Status}}")
    took = time.monotonic() - began
    assert done.returncode == 0, done.stderr
    assert took < ANSWER
    return dict(line.split("\t") for line in done.stdout.splitlines())


def wait_for_status(swarm: Swarmd, container: str, beginning: str, seconds: float) -> None:
    """Poll `docker ps` until a container's status begins so."""
    deadline = time.monotonic() + seconds
    status = ""
    while time.monotonic() < deadline:
        status = listed(swarm).get(container, "(not listed)")
        if status.startswith(beginning):
            return
        time.sleep(0.2)
    raise AssertionError(f"{container} is {status!r}, not {beginning!r}, after {seconds} s\n{swarm.log}")


def wait_up(swarm: Swarmd) -> None:
    """Wait until every host answers."""
    deadline = time.monotonic() + UP
    while down := down_reasons(swarm):
        assert time.monotonic() < deadline, f"still down after {UP} s: {down}\n{swarm.log}"
        time.sleep(0.1)


def down_reasons(swarm: Swarmd) -> dict[str, str]:
    """Return, of each host that `docker info` warns of as down, the reason."""
    done = docker(swarm, "info", "--format", "{{range .Warnings}}{{println .}}{{end}}")
    assert done.returncode == 0, done.stderr
    warned = (line.removeprefix("WARNING: host ") for line in done.stdout.splitlines())
    return {host: reason for host, found, reason in (line.partition(" is down: ") for line in warned) if found}
