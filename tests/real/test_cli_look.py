"""Looking into containers with `docker` is the same on the virtual host: logs, top, stats, inspect, diff."""

from __future__ import annotations

import json
import re
import time

import pytest

from .cli import LOG_ENDS, Cli
from .same import same


@same
def test_logs(cli: Cli) -> None:
    """The whole log, both streams apart, its end, its times."""
    cli.quiet(
        "run", "--name", "web", "busybox", "sh", "-c", "for i in 1 2 3 4; do echo out $i; done; sleep 0.2; echo err >&2"
    )
    cli.run("logs", "web")
    cli.run("logs", "--tail", "2", "web")
    cli.run("logs", "--tail", "0", "web")
    cli.run("logs", "-n", "all", "web")
    cli.run("logs", "-t", "--tail", "1", "web")
    cli.run("logs", "--details", "--tail", "1", "web")
    cli.run("logs", "--since", "1h", "web")
    cli.run("logs", "--since", "2100-01-01T00:00:00", "web")
    cli.run("logs", "--until", "1h", "web")
    cli.run("logs", "--until", "2000-01-01T00:00:00", "web")


@same
def test_log_refusals(cli: Cli) -> None:
    """What makes no sense is refused as an engine refuses it."""
    cli.quiet("create", "--name", "web", "busybox")
    cli.run("logs", "web")
    cli.run("logs", "nobody", code=1)
    cli.run("logs", "--tail", "x", "web")
    cli.run("logs", "--since", "yesterday", "web", code=1)
    cli.quiet("create", "--name", "silent", "--log-driver", "none", "busybox")
    cli.quiet("start", "silent")
    cli.quiet("wait", "silent")
    cli.run("logs", "silent", code=1)


@pytest.mark.over_ssh
@same
def test_logs_followed(cli: Cli) -> None:
    """`logs -f` shows what was, then what comes, and ends with the container."""
    script = f"echo before; echo err >&2; until [ -e /go ]; do sleep 0.05; done; echo after; {LOG_ENDS}"
    cli.quiet("run", "-d", "--name", "web", "busybox", "sh", "-c", script)
    with cli.background("logs", "-f", "web"):
        cli.quiet("exec", "web", "sh", "-c", "sleep 0.3; touch /go")
    cli.run("logs", "-f", "--tail", "1", "-t", "web")


@pytest.mark.over_ssh
@same
def test_log_of_a_terminal(cli: Cli) -> None:
    """A terminal's log has one stream, without frames."""
    cli.quiet("run", "-t", "--name", "web", "busybox", "sh", "-c", "echo out; echo err >&2")
    cli.run("logs", "web")
    cli.run("logs", "-t", "web")


@same
def test_top(cli: Cli) -> None:
    """`top` lists the processes, with the options of ps."""
    cli.quiet("run", "-d", "--name", "web", "busybox", "sleep", "60")
    cli.run("top", "web", "-o", "pid,comm,args", arrange=_without_pids)
    cli.run("top", "web", "-o", "pid,nosuch", code=1)
    assert "sleep 60" in cli.quiet("top", "web")
    cli.quiet("create", "--name", "stopped", "busybox")
    cli.run("top", "stopped", code=1)
    cli.run("top", "nobody", code=1)


@same
def test_stats(cli: Cli) -> None:
    """`stats --no-stream` tells one row for each container."""
    cli.quiet("run", "-d", "--name", "web", "-m", "64m", "busybox", "sleep", "60")
    cli.quiet("create", "--name", "stopped", "busybox")
    cli.run("stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}} {{.MemUsage}}", "web", "stopped")
    for words in (("--format", "{{.Name}} {{.Container}} {{.ID}}"), ("--all", "--format", "{{.Name}}")):
        time.sleep(1)  # an engine measures once a second, and the command waits 2 s for two of these
        cli.run("stats", "--no-stream", *words, arrange=_sorted)
    cli.run("stats", "--no-stream", "nobody", code=1)


@pytest.mark.over_ssh
@same
def test_inspect(cli: Cli) -> None:
    """An inspection has everything that an engine's has."""
    options = ["-e", "A=b", "-l", "k=v", "-p", "8080:80", "-v", "/data", "-m", "64m", "--entrypoint", "sleep"]
    cli.quiet("run", "-d", "--name", "web", *options, "busybox", "60")
    cli.run("inspect", "-f", "{{json .Config}} {{json .HostConfig.PortBindings}} {{.HostConfig.Memory}}", "web")
    cli.run("inspect", "-f", "{{json .NetworkSettings.Ports}} {{.Path}} {{json .Args}}", "web")
    cli.run("inspect", "--type", "container", "-f", "{{.Name}} {{.State.Status}}", "web")
    cli.run("inspect", "--size", "-f", "{{.SizeRw}} {{.Name}}", "web")
    document = json.loads(cli.quiet("inspect", "web"))[0]
    document.pop("Node", None)  # the host it is on, which an engine does not tell
    cli.transcript.note("\n".join(_shape(document)))


@same
def test_inspect_refusals(cli: Cli) -> None:
    """What is not there, or not of that type, or not in the document."""
    cli.quiet("create", "--name", "web", "busybox")
    cli.run("inspect", "nobody", code=1)
    cli.run("inspect", "web", "nobody", "-f", "{{.Name}}", code=1)
    cli.run("inspect", "--type", "image", "web", code=1)
    cli.run("inspect", "--type", "container", "busybox", code=1)
    cli.run("inspect", "-f", "{{.No.Such}}", "web", code=1)
    cli.run("inspect", "-f", "{{", "web", code=64)
    cli.run("container", "inspect", "nobody", code=1)
    cli.run("image", "inspect", "nosuch", code=1)


@same
def test_diff(cli: Cli) -> None:
    """`diff` tells what was changed."""
    cli.quiet("run", "--name", "web", "busybox", "sh", "-c", "touch /new; rm /etc/group; echo x >> /etc/passwd")
    cli.run("diff", "web", arrange=_sorted)
    cli.run("diff", "nobody", code=1)


def _without_pids(text: str) -> str:
    return re.sub(r"(?m)^\d+ +", "", text)


def _sorted(text: str) -> str:
    return "\n".join(sorted(text.splitlines()))


def _shape(value: object, path: str = "") -> list[str]:
    """Return the paths of a document with the types of their values: which fields there are."""
    if isinstance(value, dict) and value:
        return [line for key in sorted(value) for line in _shape(value[key], f"{path}.{key}")]
    return [f"{path} {type(value).__name__}"]
