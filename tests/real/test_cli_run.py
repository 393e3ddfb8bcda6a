"""`docker run` is the same on the virtual host: output, input, exit codes, refusals."""

from __future__ import annotations

import hashlib
import random

import pytest

from .cli import Cli, from_now
from .same import same

pytestmark = pytest.mark.over_ssh

EVERY_BYTE = random.Random(4).randbytes(1 << 20) + bytes(range(256))


@same
def test_output_and_removal(cli: Cli) -> None:
    """A foreground container's two outputs arrive apart, and with --rm nothing of it stays."""
    cli.run("run", "--rm", "--name", "web", "busybox", "sh", "-c", "echo out; echo err >&2")
    cli.run("ps", "-a", "--format", "{{.Names}} {{.Status}}")


@same
def test_exit_codes(cli: Cli) -> None:
    """The exit code of `run` is the command's; 126 and 127 say that it could not be started."""
    cli.run("run", "--rm", "busybox", "true")
    cli.run("run", "--rm", "busybox", "sh", "-c", "exit 42", code=42)
    cli.run("run", "--rm", "busybox", "sh", "-c", "sh -c 'kill -9 $$'; exit $?", code=137)
    cli.run("run", "--rm", "--name", "none", "busybox", "no-such-command", code=127)
    cli.run("run", "--rm", "--name", "etc", "busybox", "/etc", code=126)
    cli.run("ps", "-a", "--format", "{{.Names}}")


@same
def test_what_could_not_start_stays(cli: Cli) -> None:
    """Without --rm a container that could not be started stays as created."""
    cli.run("run", "--name", "none", "busybox", "no-such-command", code=127)
    cli.run("ps", "-a", "--format", "{{.Names}} {{.State}} {{.Status}}")
    cli.run("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}} {{.State.Error}}", "none")


@same
def test_detached(cli: Cli) -> None:
    """`run -d` prints the whole id, which is the container's."""
    cli.run("run", "-d", "--name", "web", "busybox", "sleep", "60")
    cli.run("ps", "--no-trunc", "--format", "{{.ID}} {{.Image}} {{.Command}} {{.Status}} {{.Names}}")
    cli.run("inspect", "-f", "{{.Id}} {{.Name}} {{.State.Running}}", "web")


@same
def test_detached_and_removed(cli: Cli) -> None:
    """`run -d --rm` removes the container when it ends."""
    cli.run("run", "-d", "--rm", "--name", "web", "busybox", "sleep", "60")
    shown = ("--filter", "event=destroy", "--format", "{{.Actor.Attributes.name}}")
    with cli.background("events", *from_now(), *shown, code=None) as seen:
        cli.run("kill", "web")
        assert seen.stdout is not None
        assert seen.stdout.readline() == b"web\n"
        seen.kill()
    cli.run("ps", "-a", "--format", "{{.Names}}")


@same
def test_every_byte_of_standard_input(cli: Cli) -> None:
    """A megabyte with every byte in it comes back whole, and the end of the input is seen."""
    result = cli.run("run", "--rm", "-i", "busybox", "cat", stdin=EVERY_BYTE, tell=False)
    assert hashlib.sha256(result.stdout).hexdigest() == hashlib.sha256(EVERY_BYTE).hexdigest()
    cli.run("run", "--rm", "-i", "busybox", "md5sum", stdin=EVERY_BYTE)
    cli.run("run", "--rm", "-i", "busybox", "wc", "-c", stdin=b"")
    cli.run("run", "--rm", "-i", "busybox", "sh", "-c", "cat; sleep 0.2; echo after the end", stdin=b"before\n")


@same
def test_input_that_nobody_reads(cli: Cli) -> None:
    """A command that ends without reading its input ends the client too."""
    cli.run("run", "--rm", "-i", "busybox", "sh", "-c", "echo done; exit 3", stdin=EVERY_BYTE[:100_000], code=3)


@same
def test_much_output(cli: Cli) -> None:
    """Twenty thousand lines arrive whole and in order."""
    result = cli.run("run", "--rm", "busybox", "seq", "20000", tell=False)
    assert result.stdout == b"".join(b"%d\n" % number for number in range(1, 20001))


@same
def test_settings_reach_the_container(cli: Cli) -> None:
    """Environment, directory, user, host name and labels are what was asked for."""
    settings = ["-e", "WHO=me", "-w", "/tmp", "-u", "nobody", "-h", "box", "-l", "tier=front", "--name", "web"]
    cli.run("run", *settings, "busybox", "sh", "-c", "echo $WHO $PWD $(id -un) $(hostname)")
    cli.run("inspect", "-f", "{{json .Config.Labels}} {{.Config.Hostname}} {{.Config.User}}", "web")


@same
def test_chosen_streams(cli: Cli) -> None:
    """`-a` chooses which streams are shown."""
    cli.run("run", "--rm", "-a", "stdout", "busybox", "sh", "-c", "echo out; echo err >&2")
    cli.run("run", "--rm", "-a", "stderr", "busybox", "sh", "-c", "echo out; echo err >&2")


@same
def test_refusals(cli: Cli) -> None:
    """What an engine refuses is refused in its words, with its exit code, and leaves nothing."""
    cli.quiet("create", "--name", "taken", "busybox")
    cli.run("run", "--name", "taken", "busybox", code=125)
    cli.run("run", "--name", "no good", "busybox", code=125)
    cli.run("run", "--name", "x", "busybox", code=125)
    cli.run("run", "--pull", "never", "nowhere/nothing:1", code=125)
    cli.run("run", "--rm", "--net", "nowhere", "busybox", code=125)
    cli.run("run", "--rm", "-p", "70000:80", "busybox", code=125)
    cli.run("run", "--rm", "-v", "relative/path:/data", "busybox", code=125)
    cli.run("run", "--rm", "-m", "1k", "busybox", code=125)
    cli.run("run", "--rm", "--cpus", "1000", "busybox", code=125)
    cli.run("run", "--rm", "--restart", "always", "busybox", code=125)
    cli.run("run", "--rm", "-w", "not/absolute", "busybox", code=125)
    cli.run("ps", "-a", "--format", "{{.Names}}")


@same
def test_a_signal_to_the_client(cli: Cli) -> None:
    """The client passes signals on, and ends with the container's exit code."""
    script = "trap 'echo told; exit 7' TERM; echo ready; while :; do sleep 0.1; done"
    with cli.background("run", "--rm", "--name", "web", "busybox", "sh", "-c", script, code=7) as process:
        cli.until("ps", "--format", "{{.Names}}", gives="web")
        cli.until("logs", "web", gives="ready")
        process.terminate()
