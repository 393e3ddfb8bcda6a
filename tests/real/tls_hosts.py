"""An engine behind TLS, a swarmd that serves over TLS, and the docker command with its certificates."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from swarmkit.transport import TlsFiles, words_of

from .cli import Cli, docker_binaries
from .engines import Engine
from .swarm import Swarmd, serving


def stage_of(engine: Engine, files: TlsFiles) -> str:
    """Return the stage that reaches an engine over TLS."""
    return " ".join(("docker", engine.tcp, *words_of(files)))


@contextmanager
def serving_tls(socket: Path, files: TlsFiles, *stages: str) -> Iterator[tuple[Swarmd, str]]:
    """Run swarmd over `stages`, on a port of loopback over TLS, too; give it and that address."""
    front = " ".join(("tcp://127.0.0.1:0", *words_of(files)))
    with serving(socket, *stages, front=front) as swarmd:
        yield swarmd, tcp_address(swarmd)


def tcp_address(swarmd: Swarmd) -> str:
    """Return the address of TCP that a swarmd serves; it is told just after that of its Unix socket."""
    deadline = time.monotonic() + 5
    while not (found := re.search(r"ready on (tcp://\S+)\n", swarmd.output.read_text())):
        assert time.monotonic() < deadline, swarmd.log
        time.sleep(0.02)
    return found.group(1)


class TlsCli(Cli):
    """The docker command on an address of TLS, with the files where its environment says that they are."""

    def __init__(self, url: str, files: TlsFiles, binary: str | None = None) -> None:
        super().__init__(binary or docker_binaries()[0], url)
        folder = Path(self.environment["DOCKER_CONFIG"])
        for stem, path in (("ca", files.ca), ("cert", files.cert), ("key", files.key)):
            if path is not None:
                shutil.copy(path, folder / f"{stem}.pem")
        self.environment |= {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(folder)}


@contextmanager
def using(cli: Cli) -> Iterator[Cli]:
    """Use a docker command, and leave nothing of what it did."""
    try:
        yield cli
    finally:
        cli.clear()
        cli.close()
