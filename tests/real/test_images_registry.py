"""A registry behind a virtual host of two engines: its images are pushed from where they are, and pulled to all."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

import pytest

from .cli import Cli, docker_binaries
from .engines import Engine
from .registry import PASSWORD, USER, serving_registry, why_no_registry
from .swarm import Swarmd, over, serving

ALL = docker_binaries()

DONE = re.compile(r" on (one|two): (?:Pull complete|Already exists)")
"""How a host says that it has a layer; one whose image was removed a moment ago may have it still."""


@pytest.fixture(scope="module")
def swarmd(engines: list[Engine], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarmd]:
    """Give a swarmd over engines one and two."""
    for engine in engines:
        engine.clean()
    with serving(tmp_path_factory.mktemp("images") / "swarm.sock", over(engines[:2])) as swarmd:
        yield swarmd


@pytest.fixture(scope="module")
def registry(engines: list[Engine], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give a registry that all engines reach."""
    if (reason := why_no_registry()) is not None:
        pytest.skip(reason)
    with serving_registry(engines[0].machine.gateway, tmp_path_factory.mktemp("registry") / "one") as address:
        yield address


@pytest.fixture(params=ALL)
def cli(request: pytest.FixtureRequest, swarmd: Swarmd, engines: list[Engine], registry: str) -> Iterator[Cli]:
    """Give each docker command on the virtual host, logged in; afterwards the engines are as they were."""
    cli = Cli(request.param, swarmd.url)
    said = cli.quiet("login", "-u", USER, "--password-stdin", registry, stdin=PASSWORD.encode())
    assert "Login Succeeded" in said
    yield cli
    cli.clear()
    cli.close()
    for engine in engines:
        engine.clean()


def test_push_and_pull(cli: Cli, engines: list[Engine], registry: str) -> None:
    """What one host pushes, both pull; the second time it is up to date."""
    name = f"{registry}/team/app:1"
    engines[0].docker("tag", "busybox", name)
    cli.until("images", "--format", "{{.Tag}}", name, gives="1")
    pushed = cli.run("push", name).text
    assert "1: digest: sha256:" in pushed
    cli.run("rmi", name, "busybox")
    for engine in engines[:2]:
        assert engine.docker("images", "-q") == ""
    pulled = cli.run("pull", name).text
    assert set(DONE.findall(pulled)) == {"one", "two"}
    assert f"Status: Downloaded newer image for {name}" in pulled.splitlines()
    for engine in engines[:2]:
        assert engine.docker("run", "--rm", name, "echo", "hi") == "hi\n"
    assert f"Status: Image is up to date for {name}" in cli.run("pull", name).text
    assert cli.run("pull", "-q", name).text.strip() == name


def test_rows_of_progress(cli: Cli, engines: list[Engine], registry: str) -> None:
    """On a terminal each layer of each host has a row of its own."""
    name = f"{registry}/team/rows:1"
    cli.quiet("tag", "busybox", name)
    cli.quiet("push", name)
    cli.quiet("rmi", name, "busybox")
    with cli.terminal("pull", name) as terminal:
        terminal.expect(r"[0-9a-f]{12} on (one|two): ")
        terminal.expect("Downloaded newer image")
    assert set(DONE.findall(terminal.shown.decode())) == {"one", "two"}


def test_a_host_that_does_not_reach_the_registry_fails_the_pull(cli: Cli, engines: list[Engine], registry: str) -> None:
    """The other one has the image all the same, and the host is named."""
    name = f"{registry}/team/cut:1"
    cli.quiet("tag", "busybox", name)
    cli.quiet("push", name)
    cli.quiet("rmi", name)
    away = f"unreachable {registry.partition(':')[0]}"
    inside = ["nsenter", f"--net={engines[1].machine.netns}", "ip", "route"]
    subprocess.run([*inside, "add", *away.split()], check=True)
    try:
        pulled = cli.run("pull", name, code=1)
    finally:
        subprocess.run([*inside, "del", *away.split()], check=True)
    assert re.search(r"(^|: )two: .*no route to host", pulled.stderr.decode())
    assert [bool(engine.docker("images", "-q", name)) for engine in engines[:2]] == [True, False]


def test_refusals(cli: Cli, bare: Engine, registry: str) -> None:
    """What the registry has not, and who may not read it: the engine's own words, and its exit code."""
    outside = Cli(cli.binary, bare.url)
    try:
        for words in (
            ("pull", f"{registry}/team/nosuch:1"),
            ("pull", f"{registry}/Team"),
            ("push", f"{registry}/none"),
        ):
            expected = outside.run(*words, code=1).stderr.decode()
            if words[0] == "pull" and "nosuch" in words[1]:
                assert "no basic auth credentials" in expected
                expected = f"manifest for {words[1]} not found"
            assert expected in cli.run(*words, code=1).stderr.decode()
        wrong = ("login", "-u", USER, "--password-stdin", registry)
        refused = [each.run(*wrong, stdin=b"wrong", code=1).stderr for each in (outside, cli)]
        assert refused[0] == refused[1]
        search = ("search", f"{registry}/app")
        assert outside.run(*search, code=1).stderr == cli.run(*search, code=1).stderr
    finally:
        outside.close()


def test_an_image_of_one_host_is_pushed_from_there(cli: Cli, engines: list[Engine], registry: str) -> None:
    """And all tags of a repository from wherever they are."""
    for number, engine in enumerate(engines[:2]):
        engine.docker("tag", "busybox", f"{registry}/team/all:{number}")
    cli.until("images", "--format", "{{.Tag}}", f"{registry}/team/all", gives="1")
    cli.until("images", "--format", "{{.Tag}}", f"{registry}/team/all", gives="0")
    pushed = cli.run("push", "--all-tags", f"{registry}/team/all").text
    for number in (0, 1):
        assert f"{number}: digest: sha256:" in pushed
        engines[number].docker("rmi", f"{registry}/team/all:{number}")
    cli.quiet("pull", f"{registry}/team/all:1")
    assert cli.quiet("inspect", "--type", "image", "-f", "{{.RepoDigests}}", f"{registry}/team/all:1")


def test_a_pull_to_one_host(
    engines: list[Engine], registry: str, cli: Cli, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """It is copied to the other where it is wanted there."""
    name = f"{registry}/team/one:1"
    cli.quiet("tag", "busybox", name)
    cli.quiet("push", name)
    cli.quiet("rmi", name)
    socket = tmp_path_factory.mktemp("one") / "swarm.sock"
    with serving(socket, over(engines[:2]), front="--pull one") as pulling:
        single = Cli(cli.binary, pulling.url)
        single.environment |= {"DOCKER_CONFIG": cli.environment["DOCKER_CONFIG"]}
        try:
            single.quiet("pull", name)
            held = [engine.name for engine in engines[:2] if engine.docker("images", "-q", name)]
            (other,) = {"one", "two"} - set(held)
            done = single.run("run", "--rm", "-e", f"constraint:node=={other}", name, "echo", "hi")
            assert done.text == "hi\n"
            assert f"copied from host {held[0]} to {other}" in done.stderr.decode()
        finally:
            single.clear()
            single.close()
