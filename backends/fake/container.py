"""A container: what it was made of, its state, and the streams of its process. What is done to it is elsewhere."""

from __future__ import annotations

from typing import Any

import trio
from attrs import define, field

from swarmkit.engine.times import ZERO_TIME, format_time
from swarmkit.streams import PipeReceiver, PipeSender, open_pipe

from .creation import Mount, command_of
from .files import Files
from .image import Image
from .networks import new_id
from .output import Output
from .process import Process, Surroundings
from .terminal import Terminal


@define(eq=False)
class State:
    """Where a container is in its life. Times are nanoseconds since the epoch."""

    status: str = "created"
    pid: int = 0
    exit_code: int = 0
    error: str = ""
    started_at: int = ZERO_TIME
    finished_at: int = ZERO_TIME

    @property
    def running(self) -> bool:
        """Whether it counts as running; paused and restarting do."""
        return self.status in ("running", "paused", "restarting")

    def document(self) -> dict[str, Any]:
        """Return the object `State` of `GET /containers/{id}/json`."""
        return {
            "Status": self.status,
            "Running": self.running,
            "Paused": self.status == "paused",
            "Restarting": self.status == "restarting",
            "OOMKilled": False,
            "Dead": self.status == "dead",
            "Pid": self.pid,
            "ExitCode": self.exit_code,
            "Error": self.error,
            "StartedAt": format_time(self.started_at),
            "FinishedAt": format_time(self.finished_at),
        }


@define(eq=False)
class Endpoint:
    """A container's place on a network."""

    network: str
    settings: dict[str, Any] = field(factory=dict)  # what the client asked for: addresses, aliases, links
    id: str = ""


@define(eq=False)
class Container:
    """One container. `changed` is set, and made anew, whenever its state changes."""

    id: str
    name: str
    image: Image
    config: dict[str, Any]
    host_config: dict[str, Any]
    created: int
    files: Files
    output: Output
    mounts: list[Mount]
    endpoints: dict[str, Endpoint]
    state: State = field(factory=State)
    ports: dict[str, int] = field(factory=dict)
    execs: list[str] = field(factory=list)
    restarts: int = 0
    exits: int = 0
    sandbox: str = ""  # of its network, since it was first connected
    prepared: bool = False  # whether it has ever come as far as its process
    size: tuple[int, int] = (0, 0)
    manually_stopped: bool = False
    removed: bool = False
    around: Surroundings | None = None
    process: Process | None = None
    run_scope: trio.CancelScope | None = None  # of the wait for a restart
    changed: trio.Event = field(factory=trio.Event)
    stdin: PipeSender = field(init=False)
    stdin_reader: PipeReceiver = field(init=False)
    terminal: Terminal | None = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.renew_stdin()

    @property
    def command(self) -> list[str]:
        """The words that it runs."""
        return command_of(self.config)

    @property
    def tty(self) -> bool:
        """Whether its process has a terminal."""
        return bool(self.config["Tty"])

    @property
    def keeps_log(self) -> bool:
        """Whether its log can be read."""
        return self.host_config["LogConfig"]["Type"] in ("json-file", "local", "journald")

    def renew_stdin(self) -> None:
        """Make its standard input anew, for the next run; a client may write before that begins."""
        self.stdin, self.stdin_reader = open_pipe()
        self.terminal = Terminal(self.stdin, self.output, self._interrupt) if self.tty else None

    def _interrupt(self, number: int) -> None:
        if self.process is not None:
            self.process.interrupt(number)

    def announce(self) -> None:
        """Wake those who wait for its state to change."""
        self.changed.set()
        self.changed = trio.Event()

    async def wait_until_stopped(self) -> None:
        """Wait until it does not run; one that restarts does."""
        while self.state.running and not self.removed:
            await self.changed.wait()

    async def wait_for_exit(self, exits: int) -> None:
        """Wait until it has stopped more than `exits` times."""
        while self.exits == exits and not self.removed:
            await self.changed.wait()

    async def wait_until_removed(self) -> None:
        """Wait until it is gone."""
        while not self.removed:
            await self.changed.wait()


@define(eq=False)
class Exec:
    """A command to run in a container that runs."""

    container: Container
    config: dict[str, Any]
    id: str = field(factory=new_id)
    state: str = "created"
    exit_code: int | None = None
    pid: int = 0
    process: Process | None = None

    @property
    def words(self) -> list[str]:
        """The command."""
        return list(self.config["Cmd"])

    def document(self) -> dict[str, Any]:
        """Return the document of `GET /exec/{id}/json`."""
        process = {"tty": bool(self.config.get("Tty")), "entrypoint": self.words[0], "arguments": self.words[1:]}
        process["privileged"] = bool(self.config.get("Privileged"))
        if self.config.get("User"):
            process["user"] = self.config["User"]
        return {
            "ID": self.id,
            "Running": self.state == "running",
            "ExitCode": self.exit_code,
            "ProcessConfig": process,
            "OpenStdin": bool(self.config.get("AttachStdin")),
            "OpenStderr": bool(self.config.get("AttachStderr")),
            "OpenStdout": bool(self.config.get("AttachStdout")),
            "CanRemove": False,
            "ContainerID": self.container.id,
            "DetachKeys": self.config.get("DetachKeys") or "",
            "Pid": self.pid,
        }
