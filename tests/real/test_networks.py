"""Networks on a virtual host of real engines: as on one engine, until a name is on two hosts."""

from __future__ import annotations

from .cli import Cli
from .engines import Engine
from .same import same

LOOP = ("busybox", "sleep", "60")


@same
def test_life(cli: Cli) -> None:
    """A network is created, listed, looked at, joined, left, removed and pruned as on an engine."""
    cli.run("network", "create", "--label", "tier=back", "net")
    cli.run("network", "create", "net", code=1, arrange=lambda text: text.partition(" on host")[0])
    cli.run("network", "create", "bridge", code=1)
    listed = "{{.Name}} {{.Driver}} {{.Scope}}"
    for wanted in ("driver=bridge", "label=tier", "type=builtin"):
        cli.run("network", "ls", "--filter", wanted, "--filter", "name=^net$", "--format", listed)
    for wrong in ("nosuch=1", "type=nosuch", "dangling=maybe"):
        cli.run("network", "ls", "--filter", wrong, code=1)
    cli.quiet("run", "-d", "--name", "web", "--network", "net", *LOOP)
    cli.run("network", "inspect", "-f", "{{.Name}} {{.Labels}} {{len .Containers}} {{.Options}}", "net")
    cli.run("network", "rm", "net", code=1)
    cli.run("network", "disconnect", "net", "web")
    cli.run("network", "connect", "bridge", "web")
    cli.run("network", "connect", "nosuch", "web", code=1)
    cli.run("network", "connect", "net", "nobody", code=1)
    cli.run("inspect", "-f", "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}", "web")
    for words in (("inspect", "nosuch"), ("rm", "bridge"), ("disconnect", "net", "web")):
        cli.run("network", *words, code=1)
    cli.run("network", "inspect", "-f", "{{.Name}} {{.Driver}}", "bridge", "host", "none")
    cli.run("network", "rm", "net")
    cli.quiet("network", "create", "unused")
    cli.run("network", "prune", "-f")


def test_a_name_on_both_hosts(cli: Cli) -> None:
    """It is shown with its host; bare, it is refused with both, but for what is meant on a container's own host."""
    for host in ("one", "two"):
        cli.quiet("network", "create", f"{host}/net")
    assert cli.quiet("network", "ls", "-q", "--filter", "name=/net", "--format", "{{.Name}}").split() == [
        "one/net",
        "two/net",
    ]
    for words in (("inspect",), ("rm",)):
        refused = cli.run("network", *words, "net", code=1).stderr.decode()
        assert "net is on several hosts: say which one you mean: one/net, two/net" in refused
    assert "already exists on host" in cli.run("network", "create", "net", code=1).stderr.decode()
    cli.quiet("run", "-d", "--name", "web", "--network", "two/net", *LOOP)
    assert cli.quiet("inspect", "-f", "{{.Node.Name}} {{.HostConfig.NetworkMode}}", "web") == "two net"
    assert "1 packets received" in cli.quiet("run", "--rm", "--network", "two/net", "busybox", "ping", "-c1", "web")
    cli.quiet("network", "disconnect", "net", "web")
    cli.quiet("network", "connect", "net", "two/web")
    apart = "container web is on host two and network one/net on host one"
    assert apart in cli.run("network", "connect", "one/net", "web", code=1).stderr.decode()
    assert cli.quiet("inspect", "-f", "{{len .Containers}}", "--type", "network", "two/net") == "1"
    cli.clear()
    assert sorted(cli.quiet("network", "prune", "-f").split()[2:]) == ["one/net", "two/net"]


def test_what_every_host_has(cli: Cli) -> None:
    """`bridge` is one host's to look at, another's by its qualified name, and a container's own to be joined."""
    names = cli.quiet("network", "ls", "--filter", "driver=bridge", "--format", "{{.Name}}").split()
    assert names == ["bridge", "two/bridge"]
    ids = [cli.quiet("network", "inspect", "-f", "{{.Id}}", name) for name in (*names, "one/bridge")]
    assert ids[0] == ids[2] != ids[1]
    cli.quiet("run", "-d", "--name", "web", "--network", "two/none", *LOOP)
    assert cli.quiet("inspect", "-f", "{{.Node.Name}} {{.HostConfig.NetworkMode}}", "web") == "two none"


def test_two_networks_apart(cli: Cli) -> None:
    """What no host has together is refused, and named with its hosts."""
    for host in ("one", "two"):
        cli.quiet("network", "create", f"{host}/at-{host}")
    cli.quiet("create", "--name", "web", "--network", "at-two", *LOOP)
    assert cli.quiet("inspect", "-f", "{{.Node.Name}}", "web") == "two"
    refused = cli.run("create", "--network", "at-one", "--link", "web", *LOOP, code=1).stderr.decode()
    assert "must be on one host: web on two, network at-one on one" in refused
    refused = cli.run("create", "--network", "at-one", "--name", "two/new", *LOOP, code=1).stderr.decode()
    assert "network at-one on one, and two is asked for" in refused


def test_a_host_that_is_lost(cli: Cli, engines: list[Engine]) -> None:
    """Its networks stay listed; what is asked of them is refused at once, and prune names it."""
    for host in ("one", "two"):
        cli.quiet("network", "create", f"{host}/at-{host}")
    engines[1].kill()
    try:
        assert "at-two" in cli.quiet("network", "ls", "--format", "{{.Name}}").split()
        assert "host two is down" in cli.run("network", "inspect", "at-two", code=1).stderr.decode()
        refused = cli.run("create", "--network", "at-two", *LOOP, code=1).stderr.decode()
        assert "no host can take the container: two: " in refused
        assert cli.quiet("network", "prune", "-f").split() == ["Deleted", "Networks:", "at-one"]
        assert cli.quiet("network", "inspect", "-f", "{{.Node.Name}}", "bridge") == "one"
    finally:
        engines[1].start()
    cli.until("info", gives="2 of 2 up")
