"""Names on a real engine and a fake behind one socket: those that both have are told apart, or refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .cli import Cli, docker_binaries
from .engines import Engine
from .mixed import FAKE, LOOP, REAL, mixing
from .swarm import Swarmd


@pytest.fixture(scope="module")
def swarmd(engines: list[Engine], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarmd]:
    """Give a swarmd over a real engine and a fake."""
    engines[0].clean()
    with mixing(engines[0], tmp_path_factory.mktemp("mixed") / "swarm.sock") as swarmd:
        yield swarmd


@pytest.fixture(params=docker_binaries()[:1])
def cli(request: pytest.FixtureRequest, swarmd: Swarmd) -> Iterator[Cli]:
    """Give the user's docker command on a virtual host with one real and one fake member."""
    cli = Cli(request.param, swarmd.url)
    yield cli
    cli.clear()
    cli.close()


def test_a_name_on_both_hosts(cli: Cli) -> None:
    """A name that both have is shown and reached with its host; bare, it is refused with both."""
    cli.quiet("create", "--name", "real/web", "busybox", "echo", "I am real")
    cli.quiet("create", "--name", "fake/web", "busybox", "echo", "I am fake")
    assert cli.quiet("ps", "-a", "--format", "{{.Names}}").split() == ["fake/web", "real/web"]
    for words in (("inspect", "--type", "container"), ("start", "-a"), ("logs",), ("rm", "-f")):
        refused = cli.run(*words, "web", code=1).stderr.decode()
        assert "web is on several hosts" in refused
        assert "fake/web, real/web" in refused
    assert cli.quiet("start", "-a", "fake/web") == "I am fake"
    assert cli.quiet("start", "-a", "real/web") == "I am real"
    assert cli.quiet("rm", "real/web") == "real/web"
    assert cli.quiet("ps", "-a", "--format", "{{.Names}}") == "web"
    assert cli.quiet("logs", "web") == "I am fake"


@pytest.mark.parametrize(("owner", "other"), [(REAL, FAKE), (FAKE, REAL)])
def test_a_name_in_use_on_the_other_host(cli: Cli, owner: str, other: str) -> None:
    """A bare name in use is refused, with its host and container, to a create and a rename; qualified, it is free."""
    identity = cli.quiet("create", "--name", f"{owner}/web", "busybox")
    conflict = f'The container name "/web" is already in use by container "{identity}" on host {owner}.'
    assert conflict in cli.run("create", "--name", "web", "busybox", code=1).stderr.decode()
    cli.quiet("create", "--name", f"{other}/shop", "busybox")
    assert conflict in cli.run("rename", "shop", "web", code=1).stderr.decode()
    assert f"on host {other}" in cli.run("rename", "shop", f"{owner}/else", code=1).stderr.decode()
    cli.quiet("rename", "shop", f"{other}/web")
    assert cli.quiet("inspect", "-f", "{{.Node.Name}}", f"{other}/web") == other


def test_one_command_for_both_hosts(cli: Cli) -> None:
    """One command takes containers of both, and tells of each by the name that was given."""
    both = ["real/web", "fake/web"]
    for name in both:
        cli.quiet("run", "-d", "--name", name, *LOOP)
        cli.until("logs", name, gives="ready")
    stats = cli.quiet("stats", "--no-stream", "--format", "{{.Container}}", *both)
    assert sorted(stats.split()) == sorted(both)
    assert cli.quiet("stop", *both).split() == both
    assert cli.quiet("wait", *both).split() == ["5", "5"]
    assert cli.quiet("inspect", "-f", "{{.Node.Name}}", *both).split() == [REAL, FAKE]
    assert cli.quiet("rm", *both).split() == both
