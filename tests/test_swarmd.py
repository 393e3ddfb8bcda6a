"""Transcripts of the command as a process, with stages of a third party's package."""

import os
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

STAGES = '''
import os, signal, socket, subprocess, sys
from contextlib import asynccontextmanager

import click, trio

from swarmkit import Role, Stage, Unavailable, open_instance, part
from tests.stages import NotedStage, part_of


class Door(Stage):
    """A front with a socket file and a child, which may fail later, and may be slow to close."""

    role, name = Role.FRONT, "door"

    def __init__(self, path, later, slow):
        self.path, self.later, self.slow = path, later, slow

    @asynccontextmanager
    async def open(self, inner):
        async with open_instance() as nursery:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(self.path)
            child = await nursery.start(trio.run_process, ["sleep", "60"])
            front = Opened(inner, (f"unix://{self.path}", "test://two"), f"pid {child.pid}")
            if self.later:
                nursery.start_soon(self.fail)
            try:
                yield front
            finally:
                if self.slow:
                    with trio.CancelScope(shield=True):
                        print("closing slowly", flush=True)
                        await trio.sleep(60)
                listener.close()
                os.unlink(self.path)

    async def fail(self):
        await trio.sleep(0.1)
        raise Unavailable("the floor gave way") if self.later == "error" else ZeroDivisionError("a bug")


class Opened:
    def __init__(self, inner, addresses, hint):
        self.inner, self.addresses, self.hint = inner, addresses, hint

    async def __call__(self, message):
        return await self.inner(message)


@part(Role.FRONT)
@click.argument("path")
@click.option("--later", type=click.Choice(["error", "bug"]))
@click.option("--slow", is_flag=True)
def door(path, later, slow):
    """Open a door to the street.

    PATH is where.
    """
    return Door(path, later, slow)


@part(Role.BACKEND)
@click.option("--wrong", is_flag=True)
def room(wrong):
    """Be behind the door."""
    return NotedStage(Role.BACKEND, "room", error=Unavailable("it is let") if wrong else None)
'''


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Give a folder to import from: with this project's entry points, as installing it gives, and a stranger's."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declare(tmp_path, "swarmd", project["entry-points"]["swarmkit.backends"])
    declare(tmp_path, "stranger", {"door": "stranger:door", "room": "stranger:room"})
    (tmp_path / "stranger.py").write_text(STAGES)
    return tmp_path


def declare(site: Path, package: str, parts: dict[str, str]) -> None:
    """Write what an installed package declares."""
    info = site / f"{package}-1.2.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2.3\n")
    entries = "\n".join(f"{name} = {value}" for name, value in parts.items())
    (info / "entry_points.txt").write_text(f"[swarmkit.backends]\n{entries}\n")


def environment(*folders: Path) -> dict[str, str]:
    """Return the environment of a process that imports from the folders and from this checkout."""
    path = os.pathsep.join(map(str, (*folders, ROOT)))
    return {"PATH": os.environ["PATH"], "PYTHONPATH": path, "COLUMNS": "100", "PYTHONWARNINGS": "error"}


def swarmd(site: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    command = [sys.executable, "-m", "swarmkit.swarmd", *words]
    return subprocess.run(command, env=environment(site), cwd=site, capture_output=True, text=True, timeout=30)


@contextmanager
def running(site: Path, *words: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """Run the command meanwhile; it must have ended by the end of the block."""
    command = [sys.executable, "-m", "swarmkit.swarmd", *words]
    env = environment(site) | variables
    with (
        (site / "log").open("w") as log,
        subprocess.Popen(command, env=env, cwd=site, stdout=subprocess.PIPE, stderr=log, text=True) as it,
    ):
        try:
            yield it
            it.wait(timeout=20)
        finally:
            it.kill()


def line_from(process: subprocess.Popen[str]) -> str:
    """Return the next line of a process's output."""
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def logged(site: Path) -> list[str]:
    """Return what `running` has logged so far, without the times."""
    return [line.partition(" ")[2] for line in (site / "log").read_text().splitlines()]


# -- saying what there is ----------------------------------------------------------------------------------------------


def test_without_arguments_the_parts_are_listed(site: Path) -> None:
    """Each part has a line: its name, its role in words, its summary."""
    result = swarmd(site)
    lines = [line.split("  ") for line in result.stdout.splitlines()]
    rows = {words[0]: [word.strip() for word in words[1:] if word] for words in lines}
    assert result.returncode == 0
    assert rows["door"] == ["serves the outside", "Open a door to the street."]
    assert rows["debug"][0] == "a service over a service"
    assert rows["docker"] == ["a service of its own", "One Docker Engine."]
    assert "swarmd PART --help explains a part" in result.stdout


def test_a_broken_part_is_listed_with_its_file(site: Path) -> None:
    """A part that cannot be loaded hides no other, and says why and where."""
    declare(site, "worse", {"bad": "worse:part"})
    (site / "worse.py").write_text("import nothing_such")
    result = swarmd(site)
    assert (result.returncode, "docker" in result.stdout) == (0, True)
    assert f"the part 'bad' (worse:part) cannot be loaded from {site}/worse.py: ModuleNotFoundError" in result.stdout


def test_help_that_cannot_be_written_is_no_fault_of_the_program(site: Path) -> None:
    """It says so in a line, and ends with 1."""
    command = [sys.executable, "-m", "swarmkit.swarmd", "members", "--help"]
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            command, env=environment(site), stdout=full, stderr=subprocess.PIPE, text=True, timeout=30
        )
    reason = "swarmd: standard output cannot be written: No space left on device\n"
    assert (result.returncode, result.stderr) == (1, reason)


def test_where_nothing_is_installed_the_listing_says_what_to_do(tmp_path: Path) -> None:
    """A checkout that was not installed has no entry points: that is said, not an empty list shown."""
    blocker = "import importlib.metadata as m; m.entry_points = lambda **_: (); import swarmkit.swarmd as s; s.main()"
    command = [sys.executable, "-c", blocker]
    result = subprocess.run(command, env=environment(), cwd=tmp_path, capture_output=True, text=True, timeout=30)
    assert (result.returncode, "pip install -e ." in result.stdout) == (0, True)


@pytest.mark.parametrize("words", [("door", "--help"), ("door", "-h"), ("door --help",)])
def test_a_part_is_explained(site: Path, words: tuple[str, ...]) -> None:
    """`swarmd PART --help` is the part's whole help."""
    result = swarmd(site, *words)
    assert (result.returncode, result.stdout.splitlines()[0]) == (0, "Usage: door [OPTIONS] PATH")
    assert "PATH is where." in result.stdout


def test_the_command_explains_itself(site: Path) -> None:
    """`--help` has the ways to use it, the commands, and an example."""
    result = swarmd(site, "--help")
    assert result.returncode == 0
    assert "Usage: swarmd [OPTIONS] [STAGE... | -c FILE | COMMAND ...]" in result.stdout
    commands = result.stdout.partition("Commands:\n")[2].splitlines()
    assert commands[0].split(maxsplit=1) == ["up", "Serve every Docker context you have as one host."]


def test_a_command_explains_itself(site: Path) -> None:
    """`swarmd COMMAND --help` is that command's own."""
    result = swarmd(site, "up", "--help")
    assert (result.returncode, result.stdout.split("[")[0]) == (0, "Usage: swarmd up ")


def test_the_version_is_the_distributions(site: Path) -> None:
    """`--version` prints what is installed."""
    assert swarmd(site, "--version").stdout == "swarmd 1.2.3\n"


# -- what is no pipeline -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["dokcer", "--help"], "there is no part called 'dokcer'; did you mean 'docker'?"),
        (["door x", "rom"], "stage 2 (rom): there is no part called 'rom'; did you mean 'room'?"),
        (["door", "room"], "stage 1 (door): door: Missing argument 'PATH'."),
        (["door x --loud", "room"], "stage 1 (door x --loud): door: No such option"),
        (["room"], "nothing serves the outside: put a front such as dockerserver before room"),
        (["door x"], "stage 1 (door) needs a service behind it: add a backend such as docker"),
        (["room", "door x"], "stage 1 (room) must be the last: nothing can stand behind it"),
        (["door x 'y", "room"], "stage 1 (door x 'y): cannot split \"door x 'y\" into words: No closing quotation"),
        (["door", "unix:///x", "room"], "'unix:///x' is no stage: what belongs to a stage is quoted"),
        (["door x", "room", "--wrong"], "'--wrong' is no stage: what belongs to a stage is quoted with it: 'room"),
        (["--log-level", "loud"], "Invalid value for '--log-level': 'loud' is not one of 'debug', 'info'"),
        (["--speed"], "No such option"),
        (["-c", "p", "room"], "-c p is a whole pipeline: there can be no stage beside it (room)"),
        (["--check"], "--check is for a pipeline: STAGE... or -c FILE"),
        (["--check", "up"], "--check is for a pipeline: STAGE... or -c FILE"),
        (["up", "--strategy", "worst"], "Invalid value for '--strategy': 'worst' is not one of"),
        (["up", "--loud"], "dockerserver: No such option"),
    ],
)  # fmt: skip
def test_words_that_make_no_pipeline_exit_with_2(site: Path, words: list[str], message: str) -> None:
    """The message names the stage and what is wrong with it; nothing is started."""
    result = swarmd(site, *words)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1].startswith(f"Error: {message}")


def test_a_part_that_cannot_be_loaded_is_not_the_users_fault(site: Path) -> None:
    """A broken part exits with 1 and names its file."""
    declare(site, "worse", {"bad": "worse:part"})
    (site / "worse.py").write_text("import nothing_such")
    result = swarmd(site, "door x", "bad")
    assert (result.returncode, f"{site}/worse.py" in result.stderr) == (1, True)


# -- a pipeline in a file ----------------------------------------------------------------------------------------------


def test_a_file_is_run(site: Path) -> None:
    """`-c FILE` is the pipeline that it holds."""
    (site / "p.conf").write_text("# to the street\ndoor\n  s\nroom\n")
    with running(site, "-c", "p.conf") as process:
        assert line_from(process) == "swarmd: ready on unix://s"
        process.terminate()
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("door s\n\nrom\n", "p.conf:3: there is no part called 'rom'; did you mean 'room'?"),
        ("room\n", "p.conf:1: nothing serves the outside: put a front such as dockerserver before room"),
        ("door s\n", "p.conf:1: stage 1 (door) needs a service behind it: add a backend such as docker"),
        ("door 's\n", "p.conf:1: the quotation that begins here is never closed, or one above it is not"),
        ("", "p.conf: there is no stage in it: the first serves the outside, as with `dockerserver`"),
    ],
)
def test_a_file_that_holds_no_pipeline_exits_with_2(site: Path, text: str, message: str) -> None:
    """One line, with the file and the line in it; nothing is started."""
    (site / "p.conf").write_text(text)
    result = swarmd(site, "-c", "p.conf")
    assert (result.returncode, result.stdout, result.stderr) == (2, "", f"swarmd: {message}\n")


def test_a_file_that_is_not_there_exits_with_2(site: Path) -> None:
    """It is named, with the system's reason."""
    result = swarmd(site, "-c", "p.conf")
    assert (result.returncode, result.stderr) == (2, "swarmd: p.conf: cannot be read: no such file or directory\n")


def test_a_part_that_cannot_be_loaded_is_not_the_files_fault(site: Path) -> None:
    """A broken part exits with 1, and where it is used is told all the same."""
    declare(site, "worse", {"bad": "worse:part"})
    (site / "worse.py").write_text("import nothing_such")
    (site / "p.conf").write_text("door s\nbad")
    result = swarmd(site, "-c", "p.conf")
    assert (result.returncode, result.stderr.split(" (")[0]) == (1, "swarmd: p.conf:2: the part 'bad'")


def test_a_stage_of_a_file_that_does_not_open_is_told_with_its_line(site: Path) -> None:
    """Also where what fails is a stage within that stage."""
    (site / "p.conf").write_text('door s\n\naggregate\n  "a=debug | room --wrong"\n')
    result = swarmd(site, "-c", "p.conf")
    expected = "error swarmkit.swarmd: p.conf:3: member a: stage 2 (room): it is let\n"
    assert (result.returncode, result.stderr.partition(" ")[2]) == (1, expected)


def test_standard_input_may_be_the_file(site: Path) -> None:
    """`-c -` reads it to its end."""
    command = [sys.executable, "-m", "swarmkit.swarmd", "--check", "-c", "-"]
    for text, code, output in (
        (b"door s\n  | room", 0, b"door | room\n"),
        (b"door s\nrom", 2, b"swarmd: <stdin>:2: there is no part called 'rom'; did you mean 'room'?\n"),
    ):
        result = subprocess.run(command, input=text, env=environment(site), cwd=site, capture_output=True, timeout=30)
        assert (result.returncode, result.stdout + result.stderr) == (code, output)


def test_a_pipeline_can_be_checked_alone(site: Path) -> None:
    """`--check` starts nothing, and shows what was understood."""
    result = swarmd(site, "--check", "door s", "debug | room")
    assert (result.returncode, result.stdout, (site / "s").exists()) == (0, "door | debug | room\n", False)


# -- running -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_ready_and_ends_cleanly_with_a_signal(site: Path, number: signal.Signals) -> None:
    """A line for each address on standard output, one hint in the log; a signal ends it with 0, nothing left behind."""
    path = site / "s"
    with running(site, f"door {path}", "room") as process:
        assert [line_from(process), line_from(process)] == [
            f"swarmd: ready on unix://{path}",
            "swarmd: ready on test://two",
        ]
        assert path.exists()
        process.send_signal(number)
    assert (process.returncode, path.exists()) == (0, False)
    hint, *rest = logged(site)
    assert rest == [f"info swarmkit.swarmd: {number.name}: closing"]
    child = int(hint.removeprefix("info swarmkit.swarmd: try: pid "))
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_second_signal_ends_it_at_once(site: Path, number: signal.Signals, code: int) -> None:
    """Whatever closing waits for, a second signal does not."""
    with running(site, f"door {site}/s --slow", "room") as process:
        line_from(process), line_from(process)
        process.send_signal(signal.SIGTERM)
        assert line_from(process) == "closing slowly"
        began = time.monotonic()
        process.send_signal(number)
    assert (process.returncode, time.monotonic() - began < 10) == (code, True)


def test_a_stage_that_does_not_open_exits_with_1(site: Path) -> None:
    """The log names the stage and the reason, in one line."""
    result = swarmd(site, f"door {site}/s", "room --wrong")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.partition(" ")[2] == "error swarmkit.swarmd: stage 2 (room): it is let\n"


def test_a_front_that_gives_up_exits_with_1(site: Path) -> None:
    """An error of its tasks is told as it is, out of its groups, and the rest is unwound."""
    result = swarmd(site, "--log-level", "error", f"door {site}/s --later error", "room")
    assert (result.returncode, (site / "s").exists()) == (1, False)
    assert result.stderr.partition(" ")[2] == "error swarmkit.swarmd: the floor gave way\n"


def test_verbose_shows_where_an_error_was_raised(site: Path) -> None:
    """`-v` logs at the level debug, which has the traceback."""
    result = swarmd(site, "-v", f"door {site}/s --later error", "room")
    assert (result.returncode, "Traceback" in result.stderr) == (1, True)


def test_a_bug_shows_its_traceback_and_exits_with_70(site: Path) -> None:
    """What is no error of the toolkit is a fault of the program, and never hidden."""
    result = swarmd(site, "--log-level", "error", f"door {site}/s --later bug", "room")
    assert (result.returncode, (site / "s").exists()) == (70, False)
    assert "error swarmkit.swarmd: a fault of the program" in result.stderr
    assert "ZeroDivisionError: a bug" in result.stderr


@pytest.mark.parametrize("abstract", [False, True])
def test_a_service_manager_is_told_when_it_is_ready_and_when_it_stops(site: Path, abstract: bool) -> None:
    """READY once all is open, with where; STOPPING with the signal."""
    address = f"@{site}/manager" if abstract else f"{site}/manager"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address.replace("@", "\0"))
        manager.settimeout(20)
        with running(site, "door s", "room", NOTIFY_SOCKET=address) as process:
            assert manager.recv(4096) == b"READY=1\nSTATUS=ready on unix://s, test://two"
            assert (site / "s").exists()
            process.terminate()
            assert manager.recv(4096) == b"STOPPING=1"
    assert process.returncode == 0


def test_a_service_manager_that_is_gone_stops_nothing(site: Path) -> None:
    """It is logged, with where it was looked for."""
    with running(site, "door s", "room", NOTIFY_SOCKET=f"{site}/nobody") as process:
        assert line_from(process) == "swarmd: ready on unix://s"
        process.terminate()
    lines = [line for line in logged(site) if "service manager" in line]
    expected = f"warning swarmkit.notify: cannot tell the service manager 'READY=1' at {site}/nobody:"
    assert (process.returncode, lines[0].startswith(expected)) == (0, True)


def test_nobody_need_read_what_it_says(site: Path) -> None:
    """A reader that has gone before the ready line does not stop the daemon, nor shows at its end."""
    path = site / "s"
    with running(site, f"door {path}", "room") as process:
        assert process.stdout is not None
        process.stdout.close()
        while not logged(site):
            time.sleep(0.02)
        process.terminate()
    assert process.returncode == 0
    assert logged(site)[1:] == ["info swarmkit.swarmd: SIGTERM: closing"]


def test_the_stages_of_the_project_run_over_a_dead_engine(site: Path) -> None:
    """A daemon over an engine that is not there is ready all the same, and leaves no socket behind."""
    path = site / "d.sock"
    with running(site, f"dockerserver unix://{path}", "debug | docker unix:///nowhere.sock") as process:
        assert line_from(process) == f"swarmd: ready on unix://{path}"
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(b"GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert client.recv(8) == b"HTTP/1.1"
        process.terminate()
    assert (process.returncode, path.exists()) == (0, False)
    assert any("docker.health: nowhere is unhealthy" in line for line in logged(site))
