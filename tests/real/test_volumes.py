"""Volumes on a virtual host of real engines: as on one engine, until a name is on two hosts."""

from __future__ import annotations

import pytest

from .cli import Cli, docker_binaries
from .engines import Engine
from .same import same
from .swarm import over, serving


@same
def test_life(cli: Cli) -> None:
    """A volume is created, once or twice, listed, used, looked at, removed and pruned as on an engine."""
    cli.run("volume", "create", "--label", "tier=back", "data")
    cli.run("volume", "create", "data")
    cli.run("volume", "create", "with/slash", code=1, arrange=lambda text: "")
    for wanted in ("name=dat", "label=tier=back", "dangling=false"):
        cli.run("volume", "ls", "--filter", wanted, "--format", "{{.Name}} {{.Driver}}")
    for wrong in ("nosuch=1", "dangling=maybe"):
        cli.run("volume", "ls", "--filter", wrong, code=1)
    cli.quiet("run", "--name", "writer", "-v", "data:/data", "busybox", "sh", "-c", "echo kept > /data/file")
    cli.run("run", "--rm", "--mount", "type=volume,source=data,target=/data", "busybox", "cat", "/data/file")
    cli.run("run", "--rm", "-v", "made:/data", "busybox", "true")
    cli.run("volume", "ls", "--filter", "dangling=true", "-q")
    cli.run("volume", "inspect", "-f", "{{.Name}} {{.Labels}} {{.Scope}} {{.Options}}", "data", "made")
    cli.run("volume", "rm", "data", code=1)
    cli.run("volume", "inspect", "nosuch", code=1)
    cli.run("volume", "rm", "-f", "nosuch")
    cli.quiet("rm", "writer")
    cli.run("volume", "rm", "data")
    cli.run("volume", "prune", "-f")


@pytest.mark.first_command
@same
def test_a_driver_that_is_not_there(cli: Cli) -> None:
    """It is refused for volumes and for networks; an engine looks for a driver for 15 s, so for both at once."""
    with (
        cli.background("volume", "create", "--driver", "nosuch", "other", code=1),
        cli.background("network", "create", "--driver", "nosuch", "other", code=1),
    ):
        pass


def test_a_name_on_both_hosts(cli: Cli) -> None:
    """It is shown with its host; bare, it is refused with both, but for a container, which goes to either."""
    for host in ("one", "two"):
        assert cli.quiet("volume", "create", f"{host}/data") == ("data" if host == "one" else "two/data")
    assert cli.quiet("volume", "ls", "-q").split() == ["one/data", "two/data"]
    for words in (("inspect",), ("rm",), ("create",)):
        refused = cli.run("volume", *words, "data", code=1).stderr.decode()
        assert "data is on several hosts: say which one you mean: one/data, two/data" in refused
    cli.quiet("run", "--rm", "-v", "two/data:/data", "busybox", "sh", "-c", "echo two > /data/file")
    assert cli.quiet("run", "--rm", "--mount", "type=volume,src=two/data,dst=/x", "busybox", "cat", "/x/file") == "two"
    assert cli.run("run", "--rm", "-v", "one/data:/data", "busybox", "cat", "/data/file", code=1).stdout == b""
    assert cli.quiet("volume", "rm", "one/data") == "one/data"
    assert cli.quiet("volume", "inspect", "-f", "{{.Name}}", "data") == "data"
    assert cli.quiet("run", "--rm", "-v", "data:/data", "busybox", "cat", "/data/file") == "two"


@pytest.mark.parametrize("host", ["one", "two"])
def test_a_container_goes_where_its_volume_is(cli: Cli, host: str) -> None:
    """By name alone; what is on two hosts is refused naming both, and a named host makes a volume of its own."""
    far = {"one": "two", "two": "one"}[host]
    cli.quiet("volume", "create", f"{host}/here")
    cli.quiet("volume", "create", f"{far}/there")
    cli.quiet("create", "--name", "web", "-v", "here:/data", "busybox")
    assert cli.quiet("inspect", "-f", "{{.Node.Name}}", "web") == host
    refused = cli.run("create", "-v", "here:/a", "-v", "there:/b", "busybox", code=1).stderr.decode()
    said = refused.partition("must be on one host: ")[2].strip()
    assert sorted(said.split(", ")) == [f"volume here on {host}", f"volume there on {far}"]  # docker mixes them
    cli.quiet("create", "--name", f"{far}/new", "-v", "here:/data", "busybox")
    assert sorted(cli.quiet("volume", "ls", "-q", "--filter", "name=^here").split()) == ["one/here", "two/here"]


def test_a_path_of_another_machine(engines: list[Engine]) -> None:
    """A path that is mounted on another machine is warned of, with that host; one of this machine is not."""
    stage = over(engines[:2], two=f"docker --insecure {engines[1].tcp}")
    with serving(engines[0].folder.parent / "paths.sock", stage) as swarmd:
        cli = Cli(docker_binaries()[0], swarmd.url)
        far = cli.run("create", "--name", "two/far", "-v", "/tmp:/x", "-v", "/srv:/y:ro", "busybox").stderr.decode()
        near = cli.run("create", "--name", "one/near", "-v", "/tmp:/x", "-v", "kept:/y", "busybox").stderr.decode()
        cli.clear()
        cli.close()
    assert far == "WARNING: the path /tmp is one of host two\nWARNING: the path /srv is one of host two\n"
    assert near == ""
