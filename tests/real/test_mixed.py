"""A real engine and a fake behind one socket: by qualified names `docker` does on either what it does on the other."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from swarmkit.testing.archives import archive_of

from .cli import LOG_ENDS, Cli, docker_binaries, now
from .engines import Engine
from .mixed import LOOP, Scenario, contents, difference, mixing, on_either, shape, sorted_lines
from .swarm import Swarmd

STATE = ("inspect", "-f", "{{.Node.Name}} {{.Name}} {{.State.Status}} {{.State.ExitCode}}")
NAMES = ("--format", "{{.Names}} {{.State}}")


@pytest.fixture(scope="module")
def hosts(engines: list[Engine], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Swarmd, Swarmd]]:
    """Give two swarmd, each over a real engine of its own and a fake."""
    for engine in engines[:2]:
        engine.clean()
    folder = tmp_path_factory.mktemp("mixed")
    with mixing(engines[0], folder / "one.sock") as one, mixing(engines[1], folder / "two.sock") as two:
        yield one, two


@pytest.fixture(params=docker_binaries())
def compare_hosts(request: pytest.FixtureRequest, hosts: tuple[Swarmd, Swarmd]) -> Callable[[Scenario], None]:
    """Give the function that plays a scenario on a real host and a fake one, and fails where these differ."""

    def compare_hosts(scenario: Scenario) -> None:
        if found := difference(scenario, request.param, *hosts):
            pytest.fail(found, pytrace=False)

    return compare_hosts


def _loop(cli: Cli, here: str, *options: str) -> str:
    """Start a container named web that ends with 5 when it is told to; return its qualified name."""
    web = f"{here}/web"
    cli.quiet("run", "-d", "--name", web, *options, *LOOP)
    cli.until("logs", web, gives="ready")
    return web


@on_either
def test_life(cli: Cli, here: str) -> None:
    """A container is created, started, stopped, killed and removed, with the exit codes and refusals on the way."""
    web = f"{here}/web"
    cli.run("create", "--name", web, *LOOP)
    cli.run("exec", web, "true", code=1)
    cli.run("kill", web, code=1)
    cli.run("start", web)
    cli.until("logs", web, gives="ready")
    cli.run(*STATE, web)
    cli.run("rm", web, code=1)
    cli.run("stop", web)
    cli.run(*STATE, web)
    cli.run("restart", web)
    cli.run("kill", web, f"{here}/nobody", code=1)
    cli.run("wait", web)
    cli.run("rm", web)
    cli.run(*STATE, web, code=1)
    cli.run("start", web, code=1)


@on_either
def test_pause(cli: Cli, here: str) -> None:
    """What is paused says so and refuses to be worked with."""
    web = _loop(cli, here)
    cli.run("unpause", web, code=1)
    cli.run("pause", web)
    cli.run(*STATE, web)
    cli.run("pause", web, code=1)
    cli.run("exec", web, "true", code=1)
    cli.run("ps", "--format", "{{.Names}} {{.Status}}")
    cli.run("unpause", web)
    cli.run("rm", "-f", web)


@on_either
def test_wait(cli: Cli, here: str) -> None:
    """`wait` ends with the container, by a signal or of itself."""
    web = _loop(cli, here)
    with cli.background("wait", web):
        cli.quiet("kill", "-s", "TERM", web)
    cli.run("wait", web)
    cli.run("wait", f"{here}/nobody", code=1)


@on_either
def test_list(cli: Cli, here: str) -> None:
    """The filters find the containers of one host, which are shown with its name where the other has theirs."""
    web = _loop(cli, here, "-l", "tier=front", "-p", "8080:80")
    cli.run("run", "--name", f"{here}/done", "busybox", "sh", "-c", "exit 3", code=3)
    identity = cli.quiet("inspect", "-f", "{{.Id}}", web)
    cli.run("ps", "--filter", "label=tier=front", "--no-trunc")
    cli.run("ps", "-a", "--filter", f"label=swarmd.host={here}", *NAMES)
    cli.run("ps", "-a", "--filter", f"id={identity[:12]}", *NAMES)
    for condition in (f"node={here}", "exited=3", "status=running", "publish=8080"):
        cli.run("ps", "-a", "--filter", f"node={here}", "--filter", condition, *NAMES)
    cli.run("ps", "-a", "--filter", "name=web", *NAMES, arrange=sorted_lines)
    cli.run("ps", "-a", "--format", '{{.Names}} {{.Label "swarmd.host"}} {{.Ports}}', arrange=sorted_lines)


@on_either
def test_logs(cli: Cli, here: str) -> None:
    """The log is told whole, from its end, with times, and followed."""
    script = f"echo out; echo err >&2; until [ -e /go ]; do sleep 0.05; done; echo after; {LOG_ENDS}; exit 2"
    web = f"{here}/web"
    cli.quiet("run", "-d", "--name", web, "busybox", "sh", "-c", script)
    with cli.background("logs", "-f", web):
        cli.quiet("exec", web, "sh", "-c", "sleep 0.3; touch /go")
    cli.run("logs", "-t", "--tail", "1", web)
    cli.run("logs", "--since", "2100-01-01T00:00:00", web)
    cli.run("logs", f"{here}/nobody", code=1)


@on_either
def test_exec(cli: Cli, here: str) -> None:
    """A command in a container has its input, outputs, settings and exit code; what cannot be executed says so."""
    web = _loop(cli, here)
    cli.run("exec", web, "sh", "-c", "echo out; echo err >&2; exit 9", code=9)
    cli.run("exec", "-i", web, "sh", "-c", "cat; echo after the end", stdin=b"some\nlines\n")
    cli.run("exec", "-e", "WHO=me", "-w", "/tmp", web, "sh", "-c", "echo $WHO $PWD")
    cli.run("exec", web, "no-such-command", code=126)
    cli.run("exec", "-w", "/no/such", web, "true", code=126)
    cli.run("exec", f"{here}/nobody", "true", code=1)


@on_either
def test_attach(cli: Cli, here: str) -> None:
    """`attach` passes input and its end, and ends with the container's exit code."""
    web = f"{here}/web"
    cli.quiet("create", "-i", "--name", web, "busybox", "sh", "-c", "cat; echo err >&2; exit 4")
    cli.quiet("start", web)
    cli.run("attach", web, stdin=b"some\nlines\n", code=4)
    cli.run("attach", web, code=1)
    cli.run("start", "-a", "-i", web, stdin=b"more\n", code=4)
    cli.run("logs", web)


@on_either
def test_run(cli: Cli, here: str) -> None:
    """A foreground container has its input, outputs and exit code; with --rm nothing of it stays."""
    web = ("--name", f"{here}/web", "busybox")
    cli.run("run", "--rm", *web, "sh", "-c", "echo out; echo err >&2; exit 42", code=42)
    cli.run("run", "--rm", "-i", *web, "md5sum", stdin=bytes(range(256)) * 4096)
    cli.run("run", "--rm", "-i", *web, "sh", "-c", "cat; sleep 0.2; echo after the end", stdin=b"before\n")
    cli.run("run", "--rm", *web, "no-such-command", code=127)
    cli.run("run", *web, "/etc", code=126)
    cli.run(*STATE, f"{here}/web")
    cli.run("run", *web, "true", code=125)
    cli.run("run", "--pull", "never", "--name", f"{here}/none", "nowhere/nothing:1", code=125)
    cli.run("run", "--name", f"{here}/no good", "busybox", code=125)


@on_either
def test_rename(cli: Cli, here: str) -> None:
    """A name in use on the same host is refused, on the other host if it is not qualified."""
    web, other = f"{here}/web", f"{here}/other"
    cli.quiet("create", "--name", web, "busybox")
    cli.quiet("create", "--name", other, "busybox")
    cli.run("rename", web, other, code=1)
    cli.run("rename", web, web, code=1)
    cli.run("rename", other, "web", code=1)
    cli.run("rename", web, "free")
    cli.run("rename", "free", f"{here}/free2")
    cli.run("rename", other, web)
    cli.run("rename", web, f"{here}/no good", code=1)
    cli.run("rename", f"{here}/nobody", f"{here}/somebody", code=1)
    cli.run("ps", "-a", "--filter", f"node={here}", *NAMES, arrange=sorted_lines)


@on_either
def test_copy(cli: Cli, here: str) -> None:
    """Files, directories and archives are copied in and out."""
    web = _loop(cli, here)
    with TemporaryDirectory(dir="/tmp") as folder:
        source, target = Path(folder, "in"), Path(folder, "out")
        (source / "deep").mkdir(parents=True)
        (source / "deep" / "file").write_bytes(bytes(range(256)) * 4096)
        cli.quiet("cp", str(source), f"{web}:/new")
        cli.quiet("cp", str(source / "deep" / "file"), f"{web}:/new/copy")
        cli.run("exec", web, "md5sum", "/new/deep/file", "/new/copy")
        cli.quiet("cp", f"{web}:/new", str(target))
        assert sorted(str(path.relative_to(target)) for path in target.glob("**/*")) == ["copy", "deep", "deep/file"]
        assert (target / "copy").read_bytes() == bytes(range(256)) * 4096
    cli.run("cp", "-", f"{web}:/tmp", stdin=archive_of("x", b"hello\n"))
    cli.run("exec", web, "cat", "/tmp/x")
    archive = cli.run("cp", f"{web}:/tmp", "-", tell=False).stdout
    cli.transcript.note("\n".join(contents(archive)))
    cli.run("cp", f"{web}:/no/such", "-", code=1)
    cli.run("cp", "-", f"{web}:/no/such", stdin=archive_of("x", b""), code=1)
    cli.run("cp", f"{here}/nobody:/tmp", "-", code=1)


@on_either
def test_changes(cli: Cli, here: str) -> None:
    """`diff` tells what a container has changed, and `export` gives the file system with it."""
    web = f"{here}/web"
    script = "echo x > /new; rm /etc/group; echo y >> /etc/passwd"
    cli.quiet("run", "--name", web, "-w", "/work", "busybox", "sh", "-c", script)
    cli.run("diff", web, arrange=sorted_lines)
    archive = cli.run("export", web, tell=False).stdout
    changed = ("etc/group", "etc/passwd", "new", "tmp", "work")  # the images have not the same commands
    cli.transcript.note("\n".join(line for line in sorted(contents(archive)) if line.split()[0] in changed))
    cli.run("diff", f"{here}/nobody", code=1)
    cli.run("export", f"{here}/nobody", code=1)


@on_either
def test_measures(cli: Cli, here: str) -> None:
    """`top` and `stats` tell the processes of what runs."""
    web = f"{here}/web"
    cli.quiet("run", "-d", "--name", web, "-m", "64m", "busybox", "sleep", "60")
    cli.run("top", web, "-o", "pid,comm,args", arrange=partial(re.sub, r"(?m)^\d+ +", ""))
    cli.run("stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}} {{.MemUsage}}", web)
    cli.run("stats", "--no-stream", f"{here}/nobody", code=1)
    cli.quiet("kill", web)
    cli.run("top", web, code=1)


@on_either
def test_inspect(cli: Cli, here: str) -> None:
    """A document has the same fields and settings, found by a qualified name, an id, or a prefix of it."""
    web = f"{here}/web"
    options = ["-e", "A=b", "-l", "k=v", "-p", "8080:80", "-v", "/data", "-m", "64m", "--entrypoint", "sleep"]
    identity = cli.quiet("run", "-d", "--name", web, *options, "busybox", "60")
    for reference in (web, identity, identity[:12], f"/{web}", f"{here}/{identity[:12]}"):
        cli.run(*STATE, reference)
    assert cli.quiet("inspect", "-f", "{{.Id}}", identity[:8]) == identity
    cli.run("inspect", "-f", "{{json .Config}} {{json .HostConfig}} {{json .NetworkSettings.Ports}}", web)
    cli.transcript.note("\n".join(shape(json.loads(cli.quiet("inspect", web))[0])))
    cli.run("inspect", f"{here}/nobody", code=1)
    cli.run("container", "inspect", f"{here}/nobody", web, "-f", "{{.Name}}", code=1)


@on_either
def test_events(cli: Cli, here: str) -> None:
    """The events of one container are told, by its qualified name, in order."""
    before = now()
    web = f"{here}/web"
    cli.run("run", "--name", web, "-l", "tier=front", "busybox", "sh", "-c", "exit 3", code=3)
    cli.run("rename", web, f"{here}/shop")
    cli.run("rm", f"{here}/shop")
    span = ("--since", before, "--until", now())
    shown = "{{.Type}} {{.Action}} {{.Actor.Attributes.name}} {{.Actor.Attributes.exitCode}}"
    for filters in (f"container={web}", "label=tier=front", f"node={here}"):
        result = cli.run("events", *span, "--filter", filters, "--format", shown, tell=False)
        cli.transcript.note(f"{filters}\n{result.text}")
    result = cli.run("events", *span, "--filter", "event=die", tell=False)
    cli.transcript.note(result.text)
