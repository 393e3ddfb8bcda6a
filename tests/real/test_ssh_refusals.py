"""Hosts that ssh does not reach: each says why in `docker info`, and none holds up the others."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from attrs import frozen

from .looking import docker, down_reasons, listed
from .ssh_hosts import SshHost
from .swarm import Swarmd, serving

pytestmark = pytest.mark.engine

TOLD = 30.0
"""Seconds in which a host that cannot be reached says why not; where no name server answers, a name takes ten."""


@frozen
class Refused:
    """A member that cannot be reached: what is wrong with it, and what must be said of it."""

    name: str
    at: str
    key: str
    known_hosts: str
    reason: str


REFUSED = (
    Refused("unknown-name", "root@nobody.invalid{socket}", "{key}", "{known}", "nobody.invalid cannot be resolved"),
    Refused("refused", "root@{address}:23{socket}", "{key}", "{known}", "refused"),
    Refused("changed-key", "root@{address}{socket}", "{key}", "{changed}", "host key has changed.*{changed}"),
    Refused("unknown-key", "root@{address}{socket}", "{key}", "{empty}", "host key is not known"),
    Refused("other-key", "root@{address}{socket}", "{other}", "{known}", "permission denied"),
    Refused("missing-key", "root@{address}{socket}", "{missing}", "{known}", "{missing}"),
    Refused("missing-socket", "root@{address}/run/nothing.sock", "{key}", "{known}", "no socket /run/nothing.sock"),
    Refused("no-socket", "root@{address}", "{key}", "{known}", "no socket /var/run/docker.sock"),
)


@pytest.fixture(scope="module")
def places(ssh_machines: list[SshHost], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Give what the members above have in braces."""
    folder = tmp_path_factory.mktemp("refused")
    one, two, _ = ssh_machines
    key_of_two = two.sshd.known_hosts.read_text().partition(" ")[2]
    (folder / "changed").write_text(f"{one.engine.address} {key_of_two}")
    (folder / "empty").touch()
    return {
        "address": one.engine.address,
        "socket": str(one.engine.socket),
        "key": str(one.sshd.key),
        "known": str(one.sshd.known_hosts),
        "other": str(two.sshd.key),
        **{name: str(folder / name) for name in ("changed", "empty", "missing")},
    }


@pytest.fixture(scope="module")
def swarm(
    ssh_machines: list[SshHost], places: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Swarmd]:
    """A virtual host of one engine that is well, and of all those members."""
    for host in ssh_machines:
        host.engine.clean()
        host.start()
    stages = [f"well=docker {ssh_machines[2].engine.url}"]
    stages += [
        f"{member.name}=ssh {member.at} -i {member.key} -o UserKnownHostsFile={member.known_hosts}".format_map(places)
        for member in REFUSED
    ]
    words = " ".join(f'"{stage}"' for stage in stages)
    with serving(tmp_path_factory.mktemp("swarm") / "swarm.sock", f"aggregate {words}") as swarmd:
        yield swarmd


@pytest.mark.parametrize("member", REFUSED, ids=lambda member: member.name)
def test_reason_is_told(swarm: Swarmd, places: dict[str, str], member: Refused) -> None:
    """A host that cannot be reached says in `docker info` which of the many reasons it was, in one line."""
    pattern = member.reason.format_map({name: re.escape(text) for name, text in places.items()})
    deadline = time.monotonic() + TOLD
    while not re.search(pattern, said := down_reasons(swarm).get(member.name, "(not down)"), re.IGNORECASE):
        assert time.monotonic() < deadline, f"{member.name}: {said}\n{swarm.log}"
        time.sleep(0.2)


def test_others_are_undisturbed(swarm: Swarmd) -> None:
    """Beside all the hosts that cannot be reached listing is quick, and the one that can runs what is wanted."""
    assert docker(swarm, "run", "--name", "web", "busybox", "echo", "works").stdout == "works\n"
    assert list(listed(swarm)) == ["web"]
    assert f"1 of {1 + len(REFUSED)} up" in docker(swarm, "info").stdout


def test_it_is_said_once(swarm: Swarmd) -> None:
    """However often a host is tried again, the log says once that it is down, and at most once that ssh failed."""
    time.sleep(3)  # in which the first wait is over, of those that are tried again soon
    for member in REFUSED:
        assert swarm.log.count(f": {member.name} is unhealthy") == 1
        assert swarm.log.count(f"backends.ssh.tunnel: {member.name}: ") == 1
