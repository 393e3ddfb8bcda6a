"""Contexts as they come about in life: made by the docker command, in a folder of the test's own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import trustme
from attrs import frozen

from backends.contexts.store import id_of

from ..real.cli import docker_binaries

COMMANDS = docker_binaries()
"""The docker commands that are found here."""


@frozen
class DockerConfig:
    """A folder of the docker command; `folder` is its `DOCKER_CONFIG`."""

    command: str
    folder: Path

    def run(self, *words: str, **environment: str) -> str:
        """Run the docker command; return what it says."""
        clean = {key: value for key, value in os.environ.items() if not key.startswith("DOCKER_")}
        done = subprocess.run(
            [self.command, *words],
            env={**clean, "DOCKER_CONFIG": str(self.folder), **environment},
            capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def create(self, name: str, endpoint: str) -> None:
        """Make a context; `endpoint` is as in `docker context create --docker`."""
        self.run("context", "create", name, "--docker", endpoint)

    def remove(self, name: str) -> None:
        """Remove a context."""
        self.run("context", "rm", "-f", name)

    def listed(self, **environment: str) -> dict[str, str]:
        """Return the addresses of the contexts by name, as the docker command lists them."""
        names = self.run("context", "ls", "--format", "{{.Name}} {{.DockerEndpoint}}", **environment)
        return dict(line.split(" ", 1) for line in names.splitlines())

    def meta(self, name: str) -> Path:
        """Return the file in which a context is described."""
        return self.folder / "contexts" / "meta" / id_of(name) / "meta.json"

    def write(self, name: str, document: Any) -> None:
        """Describe a context as no docker command here would."""
        self.meta(name).parent.mkdir(parents=True, exist_ok=True)
        self.meta(name).write_text(document if isinstance(document, str) else json.dumps(document))


def certificates(folder: Path, name: str) -> dict[str, Path]:
    """Make a CA, a certificate of it and the key, as the docker command wants them; return their files."""
    authority = trustme.CA()
    issued = authority.issue_cert(name)
    files = {part: folder / f"mine-{part}.pem" for part in ("ca", "cert", "key")}
    authority.cert_pem.write_to_path(files["ca"])
    issued.cert_chain_pems[0].write_to_path(files["cert"])
    issued.private_key_pem.write_to_path(files["key"])
    return files
