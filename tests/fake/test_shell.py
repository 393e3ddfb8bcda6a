"""The shell, as far as the comparison with a real one does not reach: signals, background, terminals."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from backends.fake.commands.parser import parse_script
from backends.fake.commands.syntax import ShellSyntaxError
from swarmkit.streams import BytesStream

from .client import Client


@pytest.mark.parametrize(
    "script", ["if true", "echo 'x", 'echo "x', "(echo", "echo )", "do", "for i in a; do", "a ||", "; x"]
)
def test_what_is_no_script_is_refused(script: str) -> None:
    """A script that is not whole, or wrong, is a syntax error."""
    with pytest.raises(ShellSyntaxError):
        parse_script(script)


@pytest.mark.parametrize(
    ("script", "code", "output"),
    [
        ("sleep 5 & echo first; wait; echo last", 0, b"first\nlast\n"),
        ("set -e; false; echo never", 1, b""),
        ("x=$(echo a; echo b); echo $x", 0, b"a b\n"),
        ('x="a  b"; echo $x "$x"', 0, b"a b a  b\n"),
        ("echo ${x:-none} ${x:=set} $x ${#x} ${x#s} ${x%t}", 0, b"none set set 3 et se\n"),
        ("if false; then echo a; elif true; then echo b; else echo c; fi", 0, b"b\n"),
        ("until [ -e /tmp/f ]; do touch /tmp/f; echo made; done", 0, b"made\n"),
        ("while :; do break; done; echo out", 0, b"out\n"),
        ("exec sh -c 'exit 9'", 9, b""),
        ("trap 'echo bye' EXIT; echo hi; exit 2", 2, b"hi\nbye\n"),
        ("echo a | { read x; echo got $x; }", 0, b"got a\n"),
        ("( cd /tmp; pwd ); pwd", 0, b"/tmp\n/\n"),
        ("printf '#!/bin/sh\\necho script $1\\n' > /s; chmod +x /s; /s arg", 0, b"script arg\n"),
        ("A=1 env | grep ^A=; echo $A", 0, b"A=1\n\n"),
        ("echo `echo back` # comment", 0, b"back\n"),
        ("eval 'echo evaluated'; test a = a && echo same", 0, b"evaluated\nsame\n"),
    ],
)
async def test_scripts(script: str, code: int, output: bytes, client: Client, autojump_clock: MockClock) -> None:
    """A script does what a shell does."""
    assert await client.run("sh", "-c", script) == (code, {1: output} if output else {})


async def test_interrupt_ends_the_command_and_not_the_shell(client: Client, autojump_clock: MockClock) -> None:
    """Ctrl-C at a terminal ends what is in the foreground; the shell goes on to the next line."""
    container_id = await client.start("sh", Tty=True, OpenStdin=True)
    async with client.conversation(f"/containers/{container_id}/attach?stream=1&stdin=1&stdout=1") as (connection, _):
        await connection.stream.send_all(b"sleep 1000\r")
        await trio.sleep(1)
        await connection.stream.send_all(b"\x03")
        await trio.sleep(1)
        await connection.stream.send_all(b"echo $?\r")
        await trio.sleep(1)
        await connection.stream.send_all(b"exit 4\r")
        assert await client.wait(container_id) == 4
    log = await client.ask("GET", f"/containers/{container_id}/logs?stdout=1")
    assert b"^C" in log.body
    assert b"\r\n130\r\n" in log.body


async def test_terminal_erases(client: Client) -> None:
    """The erase key takes back the last character typed."""
    container_id = await client.start("cat", Tty=True, OpenStdin=True)
    async with client.conversation(f"/containers/{container_id}/attach?stream=1&stdin=1&stdout=1") as (connection, _):
        await connection.stream.send_all(b"ab\x7fc\r\x04")
        assert await client.wait(container_id) == 0
    log = await client.ask("GET", f"/containers/{container_id}/logs?stdout=1")
    assert log.body == b"ab\b \bc\r\nac\r\n"


async def test_killing_a_container_ends_its_commands(client: Client, autojump_clock: MockClock) -> None:
    """A command run in a container that is killed ends with 137, and its conversation ends."""
    container_id = await client.start("sleep", "1000")
    exec_id = (await client.ask("POST", f"/containers/{container_id}/exec", {"Cmd": ["sleep", "900"]})).json["Id"]
    async with client.conversation(f"/exec/{exec_id}/start", {"Detach": False}) as (connection, reply):
        await connection.converse(BytesStream(b""))
        await client.ask("POST", f"/containers/{container_id}/kill")
        assert await reply.body.receive_some() == b""
    assert (await client.get(f"/exec/{exec_id}/json"))["ExitCode"] == 137
