"""Where containers go on a virtual host of two real engines, as a user of the docker command sees it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from .cli import Cli, docker_binaries
from .engines import Engine
from .swarm import Swarmd, over, serving

WAIT = ("busybox", "sleep", "60")


@pytest.fixture(scope="module")
def swarmd(engines: list[Engine], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarmd]:
    """Give a swarmd over engines one and two, in which no more may be reserved than there is."""
    for engine in engines[:2]:
        engine.clean()
    stage = over(engines[:2]).replace("aggregate", "aggregate --overcommit 0.05 --max-containers 12", 1)
    with serving(tmp_path_factory.mktemp("placement") / "swarm.sock", stage) as swarmd:
        yield swarmd


@pytest.fixture(params=docker_binaries()[:1])
def cli(request: pytest.FixtureRequest, swarmd: Swarmd) -> Iterator[Cli]:
    """Give the user's docker command on the virtual host."""
    cli = Cli(request.param, swarmd.url)
    yield cli
    cli.clear()
    cli.close()


def place(cli: Cli, *options: str, name: str = "web") -> str:
    """Create a container; return its host."""
    cli.quiet("create", "--name", name, *options, *WAIT)
    return cli.quiet("inspect", "-f", "{{.Node.Name}}", name)


def refused(cli: Cli, *options: str) -> str:
    """Fail to create a container; return what is said."""
    return cli.run("create", *options, *WAIT, code=1).stderr.decode()


@pytest.mark.parametrize("here", ["one", "two"])
def test_expressions(cli: Cli, here: str) -> None:
    """A constraint places, an affinity places beside it, and both are labels, not variables, of what is created."""
    assert place(cli, "-e", f"constraint:node==*{here}", "-e", "A=b") == here
    assert place(cli, "-e", "affinity:container==web", name="db") == here
    assert place(cli, "-e", "affinity:container!=/^web|db$/", name="far") != here
    config = json.loads(cli.quiet("inspect", "-f", "{{json .Config}}", "web"))
    assert config["Labels"] == {"com.docker.swarm.constraints": f'["node==*{here}"]'}
    assert [each for each in config["Env"] if not each.startswith("PATH=")] == ["A=b"]


def test_what_an_engine_is(cli: Cli) -> None:
    """What engines are is known of them; what none is, is refused by each."""
    assert place(cli, "-e", "constraint:ostype==linux", "-e", "constraint:storagedriver!=nothing") in ("one", "two")
    text = refused(cli, "-e", "constraint:operatingsystem==plan9")
    assert "one: does not meet constraint:operatingsystem==plan9; two: does not meet" in text
    assert "constraint:node=one cannot be read" in refused(cli, "-e", "constraint:node=one")


def test_published_ports(cli: Cli) -> None:
    """A port is had once on each host, and again as soon as one that has it was removed."""
    hosts = [cli.quiet("run", "-d", "-p", "8080:80", *WAIT) for _ in range(2)]
    assert sorted(cli.quiet("inspect", "-f", "{{.Node.Name}}", *hosts).split()) == ["one", "two"]
    assert "port 8080/tcp is taken by" in refused(cli, "-p", "8080:80")
    where = cli.quiet("inspect", "-f", "{{.Node.Name}}", hosts[0])
    cli.quiet("rm", "-f", hosts[0])
    assert place(cli, "-p", "8080:80") == where


def test_reservations(cli: Cli) -> None:
    """What runs reserves its limits, what was updated the new ones, and what has ended none."""
    memory = int(cli.quiet("info", "-f", "{{.MemTotal}}")) // 2  # of each of the two
    most = str(memory * 9 // 10)
    hosts = [place(cli, "-m", most, name=name) for name in ("a1", "a2")]
    assert sorted(hosts) == ["one", "two"]
    assert "has no room" in refused(cli, "-m", most)
    cli.quiet("update", "-m", "64m", "--memory-swap", "-1", "a2")
    assert place(cli, "-m", most, name="a3") == hosts[1]


def test_dependencies(cli: Cli) -> None:
    """What shares something with a container is on its host, or refused where that may not be."""
    where = place(cli, "-v", "/data", name="db")
    far = {"one": "two", "two": "one"}[where]
    assert place(cli, "--volumes-from", "db", name="copy") == where
    assert place(cli, "--network", "container:db", name="near") == where
    text = refused(cli, "--ipc", "container:db", "-e", f"constraint:node=={far}")
    assert f"{where}: does not meet constraint:node=={far}" in text


def test_many_at_once(cli: Cli) -> None:
    """Twenty that are created at once are spread evenly, and the fifth more is over the cap."""
    with ThreadPoolExecutor(20) as pool:
        created = list(pool.map(lambda _: cli.quiet("create", *WAIT), range(20)))
    shown = cli.quiet("inspect", "-f", "{{.Node.Name}}", *created)
    assert Counter(shown.split()) == {"one": 10, "two": 10}
    for _ in range(4):
        cli.quiet("create", *WAIT)
    assert "one: has 12 of 12 containers; two: has 12 of 12 containers" in refused(cli)
