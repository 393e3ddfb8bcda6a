"""Compose cannot tell a virtual host from an engine, and what belongs to one project is on one host."""

from __future__ import annotations

import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .cli import Cli
from .compose import Compose
from .engines import Engine
from .swarm import Swarmd


def play(compose: Compose) -> list[str]:
    """Bring a project up, use it, and take it down with all it has; return what was said."""
    compose("up", "-d")
    compose("ps")
    compose("up", "-d", "--scale", "worker=2")
    compose("logs", "--tail", "5", "db")
    compose("exec", "-T", "web", "cat", "/tmp/index.html")
    compose("exec", "-T", "worker", "wget", "-qO-", "http://web")
    compose("exec", "-T", "web", "ping", "-c1", "-q", "store")
    del compose.lines[-5:]  # addresses and times
    compose("restart", "db")
    compose("exec", "-T", "db", "cat", "/data/file")
    compose("down", "-v")
    return compose.lines


def test_a_project_is_as_on_an_engine(bare: Engine, swarmd: Swarmd, tmp_path: Path) -> None:
    """Up, scale, logs, exec, restart and down say the same on both, word for word."""
    bare.clean()
    targets = [Compose(url, tmp_path / str(index), "shop") for index, url in enumerate((bare.url, swarmd.url))]
    with ThreadPoolExecutor(2) as pool:
        expected, actual = pool.map(play, targets)
    assert actual == expected
    assert "Removing volume shop_data" in actual


def test_projects_are_on_one_host_each(swarmd: Swarmd, engines: list[Engine], cli: Cli, tmp_path: Path) -> None:
    """All that is of a project is on one host, whose address serves its port; a second goes to the other host."""
    projects = [Compose(swarmd.url, tmp_path / name, name) for name in ("shop", "blog")]
    places = []
    for project, name in zip(projects, ("shop", "blog"), strict=True):
        project("up", "-d")
        places.append(_hosts_of(cli, name))
    assert sorted(map(tuple, places)) == [("one",), ("two",)]
    for (place,) in places:
        engine = next(each for each in engines if each.name == place)
        with urllib.request.urlopen(f"http://{engine.address}:8080/", timeout=10) as page:
            assert page.read() == b"hello\n"
    for project in projects:
        project("down", "-v")
    assert cli.quiet("volume", "ls", "-q") == ""
    assert cli.quiet("network", "ls", "-q", "--filter", "type=custom") == ""


def _hosts_of(cli: Cli, project: str) -> list[str]:
    """Return the hosts on which a project has containers, networks or volumes."""
    label, shown = f"label=com.docker.compose.project={project}", '{{.Label "swarmd.host"}}'
    found = [cli.quiet("ps", "-a", "--filter", label, "--format", shown).split()]
    found += [cli.quiet(kind, "ls", "--filter", label, "--format", shown).split() for kind in ("network", "volume")]
    assert [len(each) for each in found] == [3, 2, 1]
    return sorted({host for each in found for host in each})
