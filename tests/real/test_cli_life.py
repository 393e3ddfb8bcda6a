"""A container's life through `docker` is the same on the virtual host, with every refusal on the way."""

from __future__ import annotations

import pytest

from .cli import Cli
from .same import same

STATE = ("inspect", "-f", "{{.State.Status}} {{.State.Running}} {{.State.Paused}} {{.State.ExitCode}}", "web")
LOOP = ("busybox", "sh", "-c", "trap 'exit 5' TERM; echo ready; while :; do sleep 0.05; done")


def _loop(cli: Cli, *options: str) -> None:
    """Start a container named web that ends with 5 when it is told to."""
    cli.quiet("run", "-d", "--name", "web", *options, *LOOP)
    cli.until("logs", "web", gives="ready")


@same
def test_create_start_and_stop(cli: Cli) -> None:
    """A container is created, started, stopped; each may be said twice."""
    cli.run("create", "--name", "web", *LOOP)
    cli.run(*STATE)
    cli.run("start", "web")
    cli.until("logs", "web", gives="ready")
    cli.run("start", "web")
    cli.run(*STATE)
    cli.run("stop", "web")
    cli.run(*STATE)
    cli.run("stop", "web")
    cli.run("start", "web", "nobody", code=1)
    cli.run("stop", "-t", "0", "nobody", "web", code=1)


@pytest.mark.over_ssh
@same
def test_start_attached(cli: Cli) -> None:
    """`start -a` shows the output and ends with the container's exit code; `start -i` gives it input."""
    cli.quiet("create", "--name", "web", "busybox", "sh", "-c", "echo out; echo err >&2; exit 3")
    cli.run("start", "-a", "web", code=3)
    cli.run("start", "-a", "web", code=3)
    cli.quiet("create", "-i", "--name", "cat", "busybox", "cat")
    cli.run("start", "-a", "-i", "cat", stdin=b"some\nlines\n")
    cli.run("start", "-a", "nobody", code=1)


@same
def test_kill(cli: Cli) -> None:
    """A signal by name or number reaches the container; what is not running cannot be killed."""
    _loop(cli)
    cli.run("kill", "-s", "USR2", "web", "nobody", code=1)
    cli.run("kill", "-s", "NOSUCH", "web", code=1)
    cli.run("kill", "-s", "15", "web")
    cli.run("wait", "web")
    cli.run("kill", "web", code=1)
    cli.run(*STATE)


@same
def test_restart(cli: Cli) -> None:
    """A restart ends what runs and starts it anew; what is stopped is started."""
    _loop(cli)
    cli.run("restart", "-t", "1", "web")
    cli.until("logs", "web", gives="ready\nready")
    cli.run(*STATE)
    cli.run("stop", "web")
    cli.run("restart", "web")
    cli.run(*STATE)
    cli.run("restart", "nobody", code=1)


@same
def test_pause(cli: Cli) -> None:
    """Pause and unpause, and what is refused meanwhile."""
    _loop(cli)
    cli.run("unpause", "web", code=1)
    cli.run("pause", "web")
    cli.run(*STATE)
    cli.run("pause", "web", code=1)
    cli.run("start", "web", code=1)
    cli.run("exec", "web", "true", code=1)
    cli.run("rm", "web", code=1)
    cli.run("ps", "--format", "{{.Names}} {{.State}} {{.Status}}")
    cli.run("unpause", "web")
    cli.run("stop", "web")
    cli.run("pause", "web", code=1)
    cli.run("pause", "nobody", code=1)


@same
def test_rename(cli: Cli) -> None:
    """A renamed container is found by its new name only; a name in use or a bad one is refused."""
    cli.quiet("create", "--name", "web", "busybox")
    cli.quiet("create", "--name", "other", "busybox")
    cli.run("rename", "web", "shop")
    cli.run("inspect", "-f", "{{.Name}}", "shop")
    cli.run("inspect", "web", code=1)
    cli.run("rename", "shop", "other", code=1)
    cli.run("rename", "shop", "no good", code=1)
    cli.run("rename", "shop", "shop", code=1)
    cli.run("rename", "nobody", "somebody", code=1)
    cli.run("ps", "-a", "--format", "{{.Names}}", arrange=_sorted)


@same
def test_remove(cli: Cli) -> None:
    """What runs is removed by force only; what is removed is gone."""
    _loop(cli)
    cli.quiet("create", "--name", "other", "busybox")
    cli.run("rm", "web", code=1)
    cli.run("rm", "-f", "web", "other")
    cli.run("rm", "web", code=1)
    cli.run("rm", "-f", "web")
    cli.run("ps", "-a", "--format", "{{.Names}}")


@same
def test_prefixes_and_slashes(cli: Cli) -> None:
    """A container is found by its id, a prefix of it, and its name with a slash before it."""
    identity = cli.quiet("create", "--name", "web", "busybox")
    cli.run("inspect", "-f", "{{.Name}}", identity)
    cli.run("inspect", "-f", "{{.Name}}", identity[:12])
    result = cli.run("inspect", "-f", "{{.Name}}", identity[:5], tell=False)
    assert result.text == "/web\n"
    cli.run("inspect", "-f", "{{.Name}}", "/web")
    cli.run("inspect", "-f", "{{.Name}}", "we", code=1)
    cli.run("rm", "/web")


@pytest.mark.over_ssh
@same
def test_wait(cli: Cli) -> None:
    """`wait` prints the exit codes in order, of what has ended and of what runs."""
    cli.quiet("run", "-d", "--name", "three", "busybox", "sh", "-c", "exit 3")
    _loop(cli)
    with cli.background("wait", "three", "web"):
        cli.quiet("stop", "web")
    cli.run("wait", "nobody", code=1)


@same
def test_prune(cli: Cli) -> None:
    """Prune removes what is not running, if it matches the filter."""
    cli.quiet("create", "--name", "kept", "--label", "keep=yes", "busybox")
    cli.quiet("create", "--name", "gone", "busybox")
    _loop(cli)
    cli.run("container", "prune", "-f", "--filter", "label!=keep=yes")
    cli.run("ps", "-a", "--format", "{{.Names}}", arrange=_sorted)
    cli.run("container", "prune", "-f", "--filter", "until=1h")
    cli.run("container", "prune", "-f", "--filter", "nosuch=1", code=1)
    cli.run("container", "prune", "-f")
    cli.run("ps", "-a", "--format", "{{.Names}}")


@same
def test_update(cli: Cli) -> None:
    """Limits and the restart policy can be changed."""
    _loop(cli)
    cli.run("update", "--memory", "64m", "--memory-swap", "-1", "--restart", "on-failure:3", "web")
    cli.run("inspect", "-f", "{{.HostConfig.Memory}} {{json .HostConfig.RestartPolicy}}", "web")
    cli.run("update", "--memory", "1k", "web", code=1)
    cli.run("update", "--memory", "64m", "nobody", code=1)


@pytest.mark.over_ssh
@same
def test_ports(cli: Cli) -> None:
    """Published ports are told."""
    _loop(cli, "-p", "8080:80", "-p", "127.0.0.1:5353:53/udp", "-p", "90")
    cli.run("port", "web", arrange=_sorted)
    cli.run("port", "web", "80")
    cli.run("port", "web", "53/udp")
    cli.run("port", "web", "81", code=1)
    cli.run("port", "nobody", code=1)
    cli.run("ps", "--format", "{{.Names}} {{.Ports}}")


@same
def test_a_port_in_use(cli: Cli) -> None:
    """A published port goes to a host where it is free, or is refused on the host that was asked for."""
    cli.quiet("run", "-d", "--name", "first", "-p", "8080:80", "busybox", "sleep", "60")
    cli.run("create", "--name", "web", "-p", "8081:80", "busybox", "sleep", "60")
    cli.run("start", "web")
    cli.run("port", "web")


@same
def test_restart_policy(cli: Cli) -> None:
    """A container that fails is started again as often as its policy says."""
    cli.quiet("run", "-d", "--name", "web", "--restart", "on-failure:2", "busybox", "sh", "-c", "echo run; exit 1")
    cli.until("inspect", "-f", "{{.RestartCount}} {{.State.Status}}", "web", gives="2 exited")
    cli.run("logs", "web")
    cli.run(*STATE)


@same
def test_health(cli: Cli) -> None:
    """A health check's result is seen in the list and the inspection."""
    check = ["--health-cmd", "true", "--health-interval", "100ms"]
    _loop(cli, *check)
    listed = ("ps", "--filter", "health=healthy", "--format", "{{.Names}} {{.Status}}")
    cli.until(*listed, gives="web")
    cli.run(*listed)
    cli.run("inspect", "-f", "{{.State.Health.Status}}", "web")


def _sorted(text: str) -> str:
    return "\n".join(sorted(text.splitlines()))
