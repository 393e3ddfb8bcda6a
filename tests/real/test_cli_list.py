"""`docker ps` is the same on the virtual host, with every filter and format."""

from __future__ import annotations

from .cli import Cli
from .same import same


def _population(cli: Cli) -> None:
    """Make four containers: running, paused, exited with 3, created; a second apart in age where order is looked at."""
    cli.quiet("run", "-d", "--name", "running", "-l", "tier=front", "-p", "8080:80", "busybox", "sleep", "60")
    cli.quiet("run", "-d", "--name", "paused", "-l", "tier=back", "-v", "data:/data", "busybox", "sleep", "60")
    cli.quiet("pause", "paused")
    cli.run("run", "--name", "exited", "-l", "bare", "busybox", "sh", "-c", "exit 3", code=3, tell=False)
    cli.quiet("create", "--name", "created", "--expose", "9000/udp", "busybox", "true")


def _filtered(cli: Cli, *filters: str, code: int = 0) -> None:
    options = [word for one in filters for word in ("--filter", one)]
    cli.run("ps", "-a", *options, "--format", "{{.Names}} {{.State}}", code=code)


@same
def test_columns(cli: Cli) -> None:
    """The table and its columns."""
    _population(cli)
    cli.run("ps")
    cli.run("ps", "-a")
    cli.run("ps", "-aq")
    cli.run("ps", "-a", "--no-trunc")
    cli.run("ps", "-a", "-n", "2")
    cli.run("ps", "-l")
    cli.run("ps", "-a", "--format", "{{.Names}} {{.Mounts}} {{.LocalVolumes}} {{.Networks}} {{.RunningFor}}")
    cli.run("ps", "--format", '{{.Label "tier"}} {{.Ports}} {{.Image}} {{.Command}}')
    cli.run("ps", "--format", "{{.Nosuch}}", code=1)
    cli.run("ps", "nonsense", code=1)


@same
def test_sizes(cli: Cli) -> None:
    """`ps -s` knows what a container has written."""
    cli.quiet("run", "--name", "writer", "busybox", "sh", "-c", "head -c 100000 /dev/zero > /tmp/file")
    cli.run("ps", "-as", "--format", "{{.Names}} {{.Size}}")


@same
def test_filter_by_state(cli: Cli) -> None:
    """Filters by status, exit code and health."""
    _population(cli)
    for status in ("created", "running", "paused", "exited", "restarting", "removing", "dead"):
        _filtered(cli, f"status={status}")
    _filtered(cli, "status=running", "status=created")
    _filtered(cli, "status=nosuch", code=1)
    _filtered(cli, "exited=3")
    _filtered(cli, "exited=0")
    _filtered(cli, "exited=x", code=1)
    _filtered(cli, "health=none")
    _filtered(cli, "health=healthy")
    _filtered(cli, "is-task=true")
    _filtered(cli, "is-task=false")
    cli.run("ps", "--filter", "status=exited", "--format", "{{.Names}}")
    cli.run("ps", "--filter", "exited=3", "--format", "{{.Names}}")


@same
def test_filter_by_what_they_are(cli: Cli) -> None:
    """Filters by name, id, label, image and age."""
    _population(cli)
    identity = cli.quiet("inspect", "-f", "{{.Id}}", "exited")
    _filtered(cli, "name=ed")
    _filtered(cli, "name=^/?paused$")
    _filtered(cli, "name=/running")
    _filtered(cli, "name=nobody")
    _filtered(cli, "name=running", "name=created")
    _filtered(cli, f"id={identity}")
    _filtered(cli, f"id={identity[:12]}")
    _filtered(cli, "label=tier")
    _filtered(cli, "label=tier=back")
    _filtered(cli, "label=bare", "label=tier")
    _filtered(cli, "ancestor=busybox")
    _filtered(cli, "ancestor=busybox:latest")
    _filtered(cli, "ancestor=nosuch")
    _filtered(cli, "before=exited")
    _filtered(cli, "since=paused")
    _filtered(cli, "since=nobody", code=1)
    _filtered(cli, "before=nobody", code=1)


@same
def test_filter_by_what_they_use(cli: Cli) -> None:
    """Filters by port, network and volume, and those that are unknown."""
    _population(cli)
    _filtered(cli, "publish=8080")
    _filtered(cli, "publish=80")
    _filtered(cli, "publish=8000-8100/tcp")
    _filtered(cli, "expose=9000/udp")
    _filtered(cli, "expose=80")
    _filtered(cli, "publish=x", code=1)
    _filtered(cli, "network=bridge")
    _filtered(cli, "network=nosuch")
    _filtered(cli, "volume=/data")
    _filtered(cli, "volume=nosuch")
    _filtered(cli, "nosuch=1", code=1)
    _filtered(cli, "malformed", code=125)
    _filtered(cli, "label=tier", "status=running", "publish=8080")
