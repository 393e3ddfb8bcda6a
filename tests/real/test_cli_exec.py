"""`docker exec`, `attach` and everything on a terminal are the same on the virtual host."""

from __future__ import annotations

import hashlib
import time

import pytest

from .cli import Cli, Terminal, from_now
from .same import same
from .test_cli_run import EVERY_BYTE

pytestmark = pytest.mark.over_ssh

DETACH = "\x10\x11"  # ctrl-p ctrl-q
SHELL = ("busybox", "sh", "-c", "trap 'echo interrupted' INT; echo ready; while read -r line; do eval \"$line\"; done")
"""A shell that does not edit its lines: what one that does shows depends on how fast it is typed at."""


def _resize(terminal: Terminal) -> None:
    """Change the size of a window and see the change inside."""
    for rows, columns in ((24, 80), (40, 100)):
        terminal.resize(rows, columns)
        size = f"{rows} {columns}"
        terminal.type(f'until [ "$(stty size 2>&1)" = "{size}" ]; do sleep 0.05; done; echo is {size}\r')
        terminal.expect(f"\\nis {size}\r\n")
        time.sleep(0.2)  # the command tells the first size just before it begins to heed changes


def _sleeper(cli: Cli, *options: str) -> None:
    cli.quiet("run", "-d", "--name", "web", *options, "busybox", "sleep", "60")


@same
def test_exec(cli: Cli) -> None:
    """A command in a container has its outputs apart, its exit code and its settings."""
    _sleeper(cli)
    cli.run("exec", "web", "sh", "-c", "echo out; echo err >&2; exit 9", code=9)
    cli.run("exec", "-e", "WHO=me", "-w", "/tmp", "-u", "nobody", "web", "sh", "-c", "echo $WHO $PWD $(id -un)")
    cli.run("exec", "web", "ls", "/")


@same
def test_exec_input(cli: Cli) -> None:
    """Every byte of its input arrives, and the end of it."""
    _sleeper(cli)
    result = cli.run("exec", "-i", "web", "cat", stdin=EVERY_BYTE, tell=False)
    assert hashlib.sha256(result.stdout).hexdigest() == hashlib.sha256(EVERY_BYTE).hexdigest()
    cli.run("exec", "-i", "web", "wc", "-c", stdin=b"")
    cli.run("exec", "-i", "web", "sh", "-c", "cat; sleep 0.2; echo after the end", stdin=b"before\n")


@same
def test_exec_detached(cli: Cli) -> None:
    """A detached command runs on."""
    _sleeper(cli)
    cli.run("exec", "-d", "web", "touch", "/tmp/there")
    cli.until("exec", "web", "ls", "/tmp", gives="there")
    cli.run("exec", "-d", "web", "no-such-command", code=1)


@same
def test_exec_refusals(cli: Cli) -> None:
    """What cannot be executed says so, in the engine's words."""
    _sleeper(cli)
    cli.run("exec", "web", "no-such-command", code=126)
    cli.run("exec", "web", "/etc", code=126)
    cli.run("exec", "-w", "/no/such", "web", "true", code=126)
    cli.run("exec", "-u", "nosuch", "web", "true", code=126)
    cli.run("exec", "-it", "web", "true", code=1)
    cli.run("exec", "nobody", "true", code=1)
    cli.quiet("create", "--name", "stopped", "busybox")
    cli.run("exec", "stopped", "true", code=1)


@same
def test_attach(cli: Cli) -> None:
    """`attach` shows what comes, passes input and its end, and ends with the exit code."""
    cli.quiet("create", "-i", "--name", "web", "busybox", "sh", "-c", "cat; echo err >&2; exit 4")
    cli.quiet("start", "web")
    cli.run("attach", "web", stdin=b"some\nlines\n", code=4)
    cli.run("attach", "web", code=1)
    cli.run("attach", "nobody", code=1)
    cli.run("logs", "web")


@same
def test_attach_without_input(cli: Cli) -> None:
    """`attach --no-stdin` only looks."""
    script = "until [ -e /go ]; do sleep 0.05; done; echo gone; exit 2"
    cli.quiet("run", "-d", "--name", "web", "busybox", "sh", "-c", script)
    with (
        cli.background("events", *from_now(), "--filter", "event=attach", code=None) as attaching,
        cli.background("attach", "--no-stdin", "web", code=2),
    ):
        assert attaching.stdout is not None
        assert b" attach " in attaching.stdout.readline()  # which an engine tells just before it does so
        attaching.kill()
        cli.quiet("exec", "web", "sh", "-c", "sleep 0.2; touch /go")


@same
def test_a_terminal(cli: Cli) -> None:
    """`run -it` is on a terminal: echo, exit code, and the size as it changes."""
    with cli.terminal("run", "-it", "--rm", "--name", "web", *SHELL, code=7) as terminal:
        terminal.expect("ready\r\n")
        terminal.type("tty; echo $((6 * 7))\r")
        terminal.expect("42\r\n")
        _resize(terminal)
        terminal.type("exit 7\r")


@same
def test_keys_on_a_terminal(cli: Cli) -> None:
    """Ctrl-C interrupts what runs in it, ctrl-D is the end of the input."""
    with cli.terminal("run", "-it", "--rm", *SHELL) as terminal:
        terminal.expect("ready\r\n")
        terminal.type("\x03")
        terminal.expect("interrupted\r\n")
        terminal.type("\x04")


@same
def test_detaching_from_a_terminal(cli: Cli) -> None:
    """Ctrl-P ctrl-Q leaves it running; attaching again finds it as it was."""
    with cli.terminal("run", "-it", "--name", "web", *SHELL) as terminal:
        terminal.expect("ready\r\n")
        terminal.type("here=before\r")
        terminal.expect("here=before\r\n")
        terminal.type(DETACH)
    cli.run("ps", "--format", "{{.Names}} {{.State}}")
    with cli.terminal("attach", "web", code=3) as terminal:
        terminal.type("echo it was $here\r")
        terminal.expect("it was before\r\n")
        terminal.type("exit 3\r")
    cli.run("logs", "web")


@same
def test_exec_on_a_terminal(cli: Cli) -> None:
    """`exec -it` is a terminal of its own."""
    _sleeper(cli)
    with cli.terminal("exec", "-it", "web", *SHELL[1:], code=5) as terminal:
        terminal.expect("ready\r\n")
        _resize(terminal)
        terminal.type("exit 5\r")


@same
def test_no_terminal_to_give(cli: Cli) -> None:
    """`-t` without a terminal of the user's own gives the container one; `-it` is refused by the client."""
    cli.run("run", "--rm", "-t", "busybox", "sh", "-c", "tty; echo err >&2")
    cli.run("run", "--rm", "-it", "busybox", "true", code=1)
