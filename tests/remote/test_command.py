"""A far end that is a command: its standard streams, its last words, and its end."""

from __future__ import annotations

import logging
import shlex
import signal
import subprocess
from pathlib import Path

import pytest
import trio

from backends.remote import remote
from swarmkit.errors import Denied, Invalid, Unavailable
from swarmkit.host import Host
from swarmkit.message import Message, Verb
from swarmkit.streams import BytesStream, read_whole

from .far import swarmd


async def test_a_swarmd_on_standard_streams(tmp_path: Path) -> None:
    """A whole host is served, and the process ends with the block."""
    pid_file = tmp_path / "pid"
    script = f"echo $$ >{shlex.quote(str(pid_file))}; exec {shlex.join(swarmd('listen -', 'fake node-1'))}"
    async with remote.parse(["--name", "dc1", "--exec", "sh", "-c", script]).open(None) as service:
        host = Host(service)
        await until_up(host)
        cat = await host.spawn({"Image": "busybox", "Cmd": ["cat"], "OpenStdin": True, "StdinOnce": True}, name="cat")
        async with cat.join(b"through a pipe") as records:
            await cat.start()
            assert b"".join([record.data async for record in records]) == b"through a pipe"
        archive = await read_whole(await cat.fetch("/etc"))
        await cat.put("/tmp", BytesStream(archive))
        pid = int(pid_file.read_text())
        assert is_running(pid)
    assert not is_running(pid)


async def until_up(host: Host) -> None:
    """Wait until the far end answers: an interpreter takes its time."""
    with trio.fail_after(30):
        while True:
            try:
                await host.ls()
            except Unavailable:
                await trio.sleep(0.1)
            else:
                return


async def test_what_it_says_is_logged_and_is_the_reason(caplog: pytest.LogCaptureFixture) -> None:
    """As with `ssh: connect to host dc1 port 22: Connection refused`."""
    caplog.set_level(logging.INFO, "backends.remote")
    words = ("sh", "-c", "echo there is nothing here >&2; exit 7")
    async with remote.parse(["--name", "dc1", "--exec", *words]).open(None) as service:
        with pytest.raises(Unavailable, match="sh ended with status 7: there is nothing here"):
            await service(Message(Verb.LS))
    assert "dc1: there is nothing here" in [record.getMessage() for record in caplog.records]


async def test_a_command_that_is_none(caplog: pytest.LogCaptureFixture) -> None:
    """Is a reason, too."""
    async with remote.parse(["--exec", "no-such-command-at-all"]).open(None) as service:
        reason = "the command 'no-such-command-at-all' cannot be started: no such file or directory"
        with pytest.raises(Unavailable, match=reason):
            await service(Message(Verb.LS))


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo Welcome to dc1; exec cat >/dev/null", "does not speak the wire protocol: it said 'Welcome to dc1'"),
        ("kill -KILL $$", "sh was ended by SIGKILL, and said nothing"),
        ("head -c 8 >/dev/null", "it ended the connection without a hello"),
    ],
)
async def test_one_that_is_no_peer(script: str, reason: str) -> None:
    """Is told of by what it did."""
    async with remote.parse(["--exec", "sh", "-c", script]).open(None) as service:
        with pytest.raises(Unavailable, match=reason):
            await service(Message(Verb.LS))


async def test_one_that_does_not_listen_is_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With all that it has started."""
    monkeypatch.setattr("backends.remote.command.TERM_SECONDS", 0.2)
    pid_file = tmp_path / "pid"
    script = f"trap '' TERM; sleep 600 & echo $! >{pid_file}; while :; do sleep 600; done"
    async with remote.parse(["--exec", "sh", "-c", script]).open(None):
        with trio.fail_after(10):
            while not (pid_file.exists() and pid_file.read_text().strip()):
                await trio.sleep(0.02)
    with trio.fail_after(10):
        while is_running(int(pid_file.read_text())):
            await trio.sleep(0.02)


def is_running(pid: int) -> bool:
    """Tell whether a process runs; one that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_listen_on_standard_streams_ends_with_its_input() -> None:
    """And well, though nothing was said; nothing is printed where the protocol is."""
    process = await trio.run_process(
        swarmd("listen -", "fake"), stdin=b"", capture_stdout=True, capture_stderr=True, check=False
    )
    assert process.stdout == b""
    assert b"ready on stdio:" in process.stderr
    assert process.returncode == 1
    assert b"it said nothing" in process.stderr


def test_standard_streams_are_left_as_they_were() -> None:
    """Blocking, and where they pointed to."""
    program = """
import os, trio
from swarmkit.transport.standard import standard_stream
async def main():
    with standard_stream() as stream:
        print("astray", flush=True)
        await stream.send_all(b"on the wire;")
        assert await stream.receive_some() == b"in"
        await stream.aclose()
trio.run(main)
assert os.get_blocking(0) and os.get_blocking(1)
print("back", flush=True)
"""
    command = [*swarmd()[:2], program]
    done = subprocess.run(command, input=b"in", capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"on the wire;back\n", b"astray\n")


@pytest.mark.parametrize(
    ("words", "error", "says"),
    [
        ([], Invalid, "where is it"),
        (["--exec"], Invalid, "command"),
        (["unix:///x", "--exec", "cat"], Invalid, "in place of an address"),
        (["http://x"], Invalid, "not an address of a wire"),
        (["tcp://dc1"], Invalid, "tcp://HOST:PORT"),
        (["tcp://dc1:7000"], Denied, "--tlsverify or ssh"),
        (["tcp://dc1:7000/x"], Invalid, "tcp://HOST:PORT"),
        (["unix:///x", "--tlsverify"], Invalid, "TLS is for addresses of TCP"),
        (["tcp://dc1:7000", "--tlsverify", "--insecure"], Invalid, "leave out one of them"),
        (["ssh://ops@dc1"], Invalid, "name the socket"),
    ],
)
def test_words_that_will_not_do(words: list[str], error: type[Exception], says: str) -> None:
    """The refusal says what would do."""
    with pytest.raises(error, match=says):
        remote.parse(words)


@pytest.mark.parametrize(
    ("words", "text", "name"),
    [
        (["unix:///run/wire.sock"], "remote unix:///run/wire.sock", "wire"),
        (["tcp://127.0.0.1:7000"], "remote tcp://127.0.0.1:7000", "127.0.0.1"),
        (["tcp://dc1:7000", "--insecure"], "remote tcp://dc1:7000 --insecure", "dc1"),
        (["ssh://ops@dc1/run/wire.sock"], "remote ssh://ops@dc1/run/wire.sock", "dc1"),
        (["--exec", "ssh", "-i", "key", "ops@dc1"], "remote --exec ssh -i key ops@dc1", "ssh"),
        (["--exec", "ssh ops@dc1 'a b'"], "remote --exec ssh ops@dc1 'a b'", "ssh"),
    ],
)
def test_it_prints_as_it_is_written(words: list[str], text: str, name: str) -> None:
    """And is then the same again."""
    stage = remote.parse(words)
    assert (str(stage), stage.name) == (text, name)
    assert remote.parse(shlex.split(text)[1:]) == stage
    assert stage.named("other").name == "other"


def test_it_reaches_its_address() -> None:
    """So that no front serves on it."""
    assert remote.parse(["tcp://127.0.0.1:7000"]).reaches == {"tcp://127.0.0.1:7000"}


async def test_a_signal_ends_both_halves(tmp_path: Path) -> None:
    """The front half of a pipeline is told to stop: the back half that it started ends, too."""
    script = f"exec {shlex.join(swarmd('listen -', 'fake'))}"
    pipeline = shlex.join(["remote", "--exec", "sh", "-c", script])
    path = tmp_path / "front.sock"
    process = await trio.lowlevel.open_process(
        swarmd(f"listen unix://{path}", pipeline), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    said = b""
    with trio.fail_after(30):
        async for data in process.stderr:
            said += data
            if b"is connected" in said:
                break
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
        rest = b"".join([data async for data in process.stderr])
    assert b"Traceback" not in said + rest
    assert not path.exists()
