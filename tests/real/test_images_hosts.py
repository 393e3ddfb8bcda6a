"""Images that live on one of two hosts, as a user of the docker command has them: one machine's, wherever they are."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .cli import Cli, docker_binaries
from .engines import Engine
from .processes import peak_memory
from .swarm import Swarmd, over, serving

LARGE = 64 * 1024 * 1024
"""Bytes of an image that is too large to be kept unnoticed."""


@pytest.fixture(scope="module")
def swarmd(engines: list[Engine], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarmd]:
    """Give a swarmd over engines one and two."""
    for engine in engines:
        engine.clean()
    with serving(tmp_path_factory.mktemp("images") / "swarm.sock", over(engines[:2])) as swarmd:
        yield swarmd


@pytest.fixture(params=docker_binaries()[:1])
def cli(request: pytest.FixtureRequest, swarmd: Swarmd, engines: list[Engine]) -> Iterator[Cli]:
    """Give the docker command on the virtual host; afterwards the engines are as they were."""
    cli = Cli(request.param, swarmd.url)
    yield cli
    cli.clear()
    cli.close()
    for engine in engines:
        engine.clean()


def make(engine: Engine, name: str) -> str:
    """Make an image on an engine behind the virtual host's back; return its id."""
    engine.docker("run", "--name", "maker", "busybox", "sh", "-c", f"echo {name} > /name")
    id = engine.docker("commit", "maker", name).strip()
    engine.docker("rm", "maker")
    return id


def id_on(engine: Engine, name: str) -> str:
    """Return the id that a name means on an engine, empty where it means nothing."""
    return engine.docker("images", "-q", "--no-trunc", name).strip()


def test_an_image_is_copied_to_where_it_is_wanted(cli: Cli, engines: list[Engine]) -> None:
    """Made on one host, run on the other because it is asked to: no registry is needed, and a warning says so."""
    id = make(engines[0], "mine:1")
    cli.until("images", gives="mine")
    done = cli.run("run", "--rm", "-e", "constraint:node==two", "mine:1", "cat", "/name")
    assert done.text == "mine:1\n"
    assert "the image mine:1 has been copied from host one to two" in done.stderr.decode()
    assert id_on(engines[1], "mine:1") == id
    again = cli.run("run", "--rm", "--name", "two/web", "mine:1", "cat", "/name")
    assert again.stderr == b""


def test_a_published_port_takes_the_container_from_its_image(cli: Cli, engines: list[Engine]) -> None:
    """The port is taken where the image is."""
    make(engines[0], "mine:1")
    cli.until("images", gives="mine")
    cli.quiet("run", "-d", "-p", "18080:80", "--name", "one/first", "mine:1", "sleep", "60")
    cli.quiet("run", "-d", "-p", "18080:80", "--name", "second", "mine:1", "sleep", "60")
    assert cli.quiet("inspect", "-f", "{{.Node.Name}}", "second") == "two"


def test_images_of_two_hosts_are_saved_as_one_archive(cli: Cli, engines: list[Engine]) -> None:
    """What they share is in it once, and another engine loads all of it, with the same ids."""
    ids = [make(engine, f"of-{engine.name}:1") for engine in engines[:2]]
    cli.until("images", gives="of-one")
    cli.until("images", gives="of-two")
    archive = cli.run("save", "of-one:1", "of-two:1", "busybox", tell=False).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        names = [entry.name for entry in tar if not entry.isdir()]
        manifest = tar.extractfile("manifest.json")
        assert manifest is not None
        tags = [image["RepoTags"] for image in json.load(manifest)]
    assert len(names) == len(set(names))
    assert sorted(tags) == [["busybox:latest"], ["of-one:1"], ["of-two:1"]]
    engines[2].docker("rmi", "busybox")
    loaded = engines[2].docker("load", stdin=archive)
    assert sorted(loaded.splitlines()) == [
        f"Loaded image: {name}" for name in ("busybox:latest", "of-one:1", "of-two:1")
    ]
    assert [id_on(engines[2], f"of-{engine.name}:1") for engine in engines[:2]] == ids
    assert engines[2].docker("run", "--rm", "of-two:1", "cat", "/name") == "of-two:1\n"
    assert cli.run("load", stdin=archive).text.count("Loaded image") == 3
    assert [id_on(engine, "of-one:1") for engine in engines[:2]] == [ids[0], ids[0]]


def test_nothing_of_an_image_is_kept_on_its_way(
    cli: Cli, engines: list[Engine], swarmd: Swarmd, tmp_path: Path
) -> None:
    """Memory does not grow with what is copied, or saved from two hosts."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        entry = tarfile.TarInfo("random")
        entry.size = LARGE
        tar.addfile(entry, io.BytesIO(os.urandom(LARGE)))
    engines[0].docker("import", "-c", "CMD x", "-", "large:1", stdin=buffer.getvalue())
    make(engines[1], "of-two:1")
    cli.until("images", gives="large")
    cli.until("images", gives="of-two")
    before = peak_memory(swarmd.pid)
    cli.run("save", "-o", str(tmp_path / "saved.tar"), "large:1", "of-two:1")
    assert (tmp_path / "saved.tar").stat().st_size > LARGE
    cli.quiet("create", "--name", "two/web", "large:1")
    assert peak_memory(swarmd.pid) - before < LARGE / 4
    assert id_on(engines[0], "large:1") == id_on(engines[1], "large:1")


def test_a_committed_name_moves_everywhere(cli: Cli, engines: list[Engine]) -> None:
    """A name means one image: the other host, which has an older one of the name, gets the new one."""
    old = make(engines[1], "app:1")
    cli.quiet("run", "--name", "one/web", "busybox", "sh", "-c", "echo new > /name")
    cli.until("images", gives="app")
    new = cli.run("commit", "-m", "why", "web", "app:1").text.strip()
    assert [id_on(engine, "app:1") for engine in engines[:2]] == [new, new]
    assert cli.quiet("images", "-q", "--no-trunc", "--filter", "dangling=true") == old
    assert cli.quiet("run", "--rm", "app:1", "cat", "/name") == "new"
    assert cli.quiet("images", "-q", "--no-trunc", "app:1") == new
    assert old in cli.quiet("image", "prune", "-f")


def test_a_tag_is_put_on_where_the_image_is(cli: Cli, engines: list[Engine]) -> None:
    """And taken from an older image of another host."""
    new, _ = make(engines[0], "new:1"), make(engines[1], "app:1")
    cli.until("images", gives="new")
    cli.until("images", gives="app")
    cli.quiet("tag", "new:1", "app:1")
    assert [id_on(engine, "app:1") for engine in engines[:2]] == [new, new]
    assert cli.quiet("images", "-q", "--no-trunc", "app:1") == new


def test_an_import_is_on_one_host_and_runs_on_any(cli: Cli, engines: list[Engine]) -> None:
    """Its id is the same on both."""
    files = cli.run("export", cli.quiet("create", "busybox", "true"), tell=False).stdout
    id = cli.run("import", "-", "flat:1", stdin=files).text.strip()
    assert sorted(id_on(engine, "flat:1") for engine in engines[:2]) == ["", id]
    for host in ("one", "two"):
        assert cli.quiet("run", "--rm", "--name", f"{host}/web", "flat:1", "echo", host) == host
    assert [id_on(engine, "flat:1") for engine in engines[:2]] == [id, id]


def test_an_image_in_use_is_removed_where_it_is_not(cli: Cli, engines: list[Engine]) -> None:
    """What is said names both hosts."""
    cli.quiet("create", "--name", "one/web", "busybox")
    refused = cli.run("rmi", "busybox", code=1).stderr.decode()
    assert "one: conflict: unable to remove repository reference" in refused
    assert "done on two" in refused
    assert [bool(id_on(engine, "busybox")) for engine in engines[:2]] == [True, False]
    assert cli.quiet("images", "--format", "{{.Repository}}") == "busybox"


def test_the_list_says_what_is_where(cli: Cli, engines: list[Engine]) -> None:
    """By the filter `node`, which no engine has."""
    make(engines[0], "mine:1")
    cli.until("images", gives="mine")
    row = ("images", "--format", "{{.Repository}}:{{.Tag}}", "--filter")
    assert cli.quiet(*row, "node=one").split() == ["mine:1", "busybox:latest"]
    assert cli.quiet(*row, "node=t*").split() == ["busybox:latest"]
    assert cli.quiet(*row, "before=mine:1").split() == ["busybox:latest"]
    assert cli.quiet(*row, "since=busybox").split() == ["mine:1"]
    assert cli.quiet(*row, "until=2024-06-01T00:00:00Z").split() == ["busybox:latest"]
