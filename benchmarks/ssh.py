"""What ssh costs: one request, `docker ps`, and `docker ps` of ten hosts, beside other ways to the same engines.

    python -m benchmarks.ssh unix:///run/a.sock unix:///run/b.sock

Ten sshd are started on loopback, in front of the engines in turn; a host is one of these. Needs OpenSSH's client and
server, and a docker command on the search path; changes nothing on the engines.

Measured with two engines of 20.10 and a docker command of 28.2, all on one machine of two cores (medians; the ratio is
to the first of each group):

    GET /images/json?all=1: swarmd asks         the engine's socket          0.33 ms    1.0
                                                ssh -L alone                 0.68 ms    2.1
                                                swarmd and ssh               1.25 ms    3.8
    GET /containers/json, which it knows        the engine's socket          0.20 ms    1.0
                                                ssh -L alone                 0.58 ms    2.9
                                                swarmd and ssh               1.12 ms    5.6
    docker ps                                   the engine's socket         15.6  ms    1.0
                                                swarmd and ssh              17.2  ms    1.1
                                                docker -H ssh://           357    ms   23
    docker ps of ten hosts                      ten sockets in turn        141    ms    1.0
                                                swarmd and ssh              16.1  ms    0.11
                                                docker -H ssh:// in turn  3474    ms   25
"""

from __future__ import annotations

import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

from tests.real.swarm import serving
from tests.ssh.sshd import Sshd

HOSTS = 10
REQUESTS, COMMANDS, TENS = 200, 20, 5
"""Rounds of requests, of single commands, and of commands for ten hosts."""

UP_SECONDS = 30.0

TARGETS = {
    "/images/json?all=1": "swarmd asks the host",
    "/containers/json?all=1": "swarmd knows by itself",
}
"""What is asked for, and what swarmd has to do with it."""

Ways = dict[str, Callable[[], object]]
"""What is measured, by the name it is printed with; the first is what the others are compared with."""


def request(path: str, target: str) -> bytes:
    """Make a request on a new connection to a Unix socket; return the answer; raise RuntimeError for an error."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(partial(connection.recv, 65536), b""))
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise RuntimeError(f"{path}: GET {target}: {answer[:500]!r}")
    return answer


def wait_up(path: str, says: bytes) -> None:
    """Wait until all hosts behind a swarmd answer, which its description then `says`."""
    deadline = time.monotonic() + UP_SECONDS
    while time.monotonic() < deadline:
        with suppress(RuntimeError):  # a host that is not there yet
            if says in request(path, "/info"):
                return
        time.sleep(0.1)
    raise RuntimeError(f"{path}: not all hosts were up within {UP_SECONDS:g} s")


def docker_ps(address: str, folder: Path) -> None:
    """Run `docker ps` on an address, with the ssh of the benchmark's configuration."""
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    subprocess.run(["docker", "-H", address, "ps", "-a"], env=environment, stdout=subprocess.DEVNULL, check=True)


def in_turn(addresses: Sequence[str], folder: Path) -> None:
    """Run `docker ps` on one address after the other, as a loop of the shell does."""
    for address in addresses:
        docker_ps(address, folder)


def measure(title: str, ways: Ways, rounds: int) -> None:
    """Go through all ways in turn, `rounds` times; print the medians, and the ratios to the first."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - began)
    medians = {name: statistics.median(taken) * 1000 for name, taken in seconds.items()}
    print(f"{title}, median of {rounds}")
    for name, median in medians.items():
        print(f"    {name:42} {median:9.2f} ms   {median / next(iter(medians.values())):8.2f}")


# -- the hosts ---------------------------------------------------------------------------------------------------------


@contextmanager
def ssh_hosts(engines: Sequence[str], folder: Path) -> Iterator[list[str]]:
    """Start the sshd; give their names, which ssh knows through `folder`/ssh_config and the command `folder`/ssh."""
    config = folder / "ssh_config"
    names = [f"bench{number}" for number in range(HOSTS)]
    blocks = []
    with ExitStack() as stack:
        for number, name in enumerate(names):
            # Where the remote docker command finds its engine: it is told no address by an older one here.
            sshd = Sshd(folder / name, lines=[f"SetEnv DOCKER_HOST={engines[number % len(engines)]}"])
            sshd.start()
            stack.callback(sshd.stop)
            blocks.append(
                f"Host {name}\n  HostName {sshd.address}\n  Port {sshd.port}\n  IdentityFile {sshd.key}\n"
                f"  IdentitiesOnly yes\n  UserKnownHostsFile {sshd.known_hosts}\n"
            )
        config.write_text("".join(blocks))
        command = folder / "ssh"
        command.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {config} "$@"\n')
        command.chmod(0o700)
        yield names


@contextmanager
def forwarded(name: str, path: str, folder: Path) -> Iterator[str]:
    """Forward a socket through an ssh of its own, with a session open; give the local one."""
    local = str(folder / "forwarded.sock")
    command = [str(folder / "ssh"), "-T", "-o", "BatchMode=yes", "-L", f"{local}:{path}", name, "echo ready; cat"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield local
        finally:
            process.stdin.close()  # which ends `cat`, the session, and ssh


# -- what is measured --------------------------------------------------------------------------------------------------


def one_host(name: str, engine: str, folder: Path) -> None:
    """Measure one host: requests, then commands."""
    path = engine.removeprefix("unix://")
    stage = f"ssh {name}{path} -F {folder / 'ssh_config'}"
    with serving(folder / "one.sock", stage) as swarmd, forwarded(name, path, folder) as tunnel:
        ours = str(swarmd.socket)
        wait_up(ours, b"ServerVersion")
        for target, note in TARGETS.items():
            ways: Ways = {
                "the engine's socket": partial(request, path, target),
                "ssh -L alone": partial(request, tunnel, target),
                "swarmd and ssh": partial(request, ours, target),
            }
            measure(f"GET {target} ({note})", ways, REQUESTS)
        commands: Ways = {
            "docker -H unix:// (the engine's socket)": partial(docker_ps, engine, folder),
            "docker -H unix:// (swarmd and ssh)": partial(docker_ps, swarmd.url, folder),
            "docker -H ssh://": partial(docker_ps, f"ssh://{name}", folder),
        }
        measure("docker ps", commands, COMMANDS)


def ten_hosts(names: Sequence[str], engines: Sequence[str], folder: Path) -> None:
    """Measure `docker ps` of all hosts."""
    sockets = [engines[number % len(engines)] for number in range(HOSTS)]
    members = " ".join(
        f'"{name}=ssh {name}{engine.removeprefix("unix://")} -F {folder / "ssh_config"}"'
        for name, engine in zip(names, sockets, strict=True)
    )
    with serving(folder / "ten.sock", f"aggregate {members}") as swarmd:
        wait_up(str(swarmd.socket), f"{HOSTS} of {HOSTS} up".encode())
        ways: Ways = {
            "docker -H unix:// (ten sockets in turn)": partial(in_turn, sockets, folder),
            "docker -H unix:// (swarmd and ssh)": partial(docker_ps, swarmd.url, folder),
            "docker -H ssh:// (ten hosts in turn)": partial(in_turn, [f"ssh://{name}" for name in names], folder),
        }
        measure("docker ps of ten hosts", ways, TENS)


def main(engines: Sequence[str]) -> None:
    """Start the servers and measure."""
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        with ssh_hosts(engines, folder) as names:
            one_host(names[0], engines[0], folder)
            ten_hosts(names, engines, folder)


if __name__ == "__main__":
    main(sys.argv[1:])
