"""Debian's `docker-compose` on any socket: a project of three services, and what it is told, made comparable."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

PROGRAM = shutil.which("docker-compose")

PROJECT = """\
version: "2.4"
services:
  db:
    image: busybox
    command: sh -c "echo stored > /data/file; echo ready; exec sleep 600"
    volumes: ["data:/data"]
    stop_grace_period: 0s
  web:
    image: busybox
    command: sh -c "echo hello > /tmp/index.html; exec httpd -f -p 80 -h /tmp"
    depends_on: [db]
    links: ["db:store"]
    ports: ["8080:80"]
    stop_grace_period: 0s
  worker:
    image: busybox
    command: sleep 600
    depends_on: [web]
    networks: [default, back]
    stop_grace_period: 0s
volumes:
  data:
networks:
  back:
"""

_TIMEOUT = 60.0

_STEP = re.compile(r"^(\w+ \S+ +\.\.\.) (?:done)?$")
"""A line that is written when something begins, and again when it is done."""


class Compose:
    """The command on one address and one project; `lines` is what it said."""

    def __init__(self, url: str, folder: Path, project: str) -> None:
        if PROGRAM is None:
            pytest.skip("docker-compose is not installed (Debian's package docker-compose)")
        self.lines: list[str] = []
        self._folder = folder
        self._words = [PROGRAM, "--ansi", "never", "--project-name", project]
        self._environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "DOCKER_HOST": url}
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "docker-compose.yml").write_text(PROJECT)

    def __call__(self, *words: str) -> str:
        """Run it to its end and note what it said; it must succeed. Returns its standard output."""
        done = subprocess.run(
            [*self._words, *words],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )
        assert done.returncode == 0, f"{words}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        self.lines += [f"$ {' '.join(words)}", *_comparable(done.stdout), *_comparable(done.stderr)]
        return done.stdout


def _comparable(text: str) -> list[str]:
    """Return the lines, each step of those done at once counted once and in the order of names."""
    lines = text.splitlines()
    steps = {match[1] for line in lines if (match := _STEP.match(line))}
    return [line.rstrip() for line in lines if not _STEP.match(line)] + sorted(steps)
