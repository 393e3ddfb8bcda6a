"""Operations on commands run in a container: ContainerExec, ExecStart, ExecResize, ExecInspect."""

from __future__ import annotations

import trio
from attrs import define

from swarmkit.errors import Conflict, Invalid, NotFound, SwarmError
from swarmkit.frames import encode_frame
from swarmkit.http import Response
from swarmkit.streams import PipeSender, open_pipe

from .. import lifecycle, runs
from ..container import Exec
from ..engine import FakeEngine
from ..process import Input, Process
from ..programs import NotExecutable, require_folder
from ..terminal import Terminal
from .replies import conversation, json_reply
from .routing import Call


def _require_ready(container_name: str, exec_: Exec) -> None:
    container = exec_.container
    if container.state.status == "paused":
        raise Conflict(f"Container {container_name} is paused, unpause the container before exec")
    lifecycle.require_running(container)


async def create(call: Call) -> Response:
    document = await call.document()
    if not document.get("Cmd"):
        raise Invalid("No exec command specified")
    exec_ = Exec(call.container, document)
    _require_ready(call.parts["name"], exec_)
    call.engine.execs[exec_.id] = exec_
    exec_.container.execs.append(exec_.id)
    _say(call.engine, exec_, f"exec_create: {exec_.words[0]} {' '.join(exec_.words[1:])}")
    return json_reply({"Id": exec_.id}, 201)


def _say(engine: FakeEngine, exec_: Exec, action: str, **attributes: str) -> None:
    engine.emit(exec_.container, action, execID=exec_.id, **attributes)


def _find(call: Call) -> Exec:
    exec_ = call.engine.execs.get(call.parts["id"])
    if exec_ is None:
        raise NotFound(f"No such exec instance: {call.parts['id']}")
    return exec_


async def inspect(call: Call) -> Response:
    return json_reply(_find(call).document())


async def resize(call: Call) -> Response:
    call.number("h", required=True), call.number("w", required=True)
    exec_ = _find(call)
    if exec_.process is None:
        raise NotFound("no such exec")
    return Response(200)


async def start(call: Call) -> Response:
    document = await call.document()
    exec_ = _find(call)
    if document.get("Detach"):
        await _Run(call.engine, exec_).start()
        return Response(200)
    run = _Run(call.engine, exec_, call.request.raw)
    return conversation(call.engine, call.request.headers, run.talk)


@define(eq=False)
class _Client:
    """Where the output goes: to a client as long as it is there, and only of the streams that it wants."""

    sender: PipeSender | None
    framed: bool
    wanted: frozenset[int]

    async def write(self, stream: int, data: bytes) -> None:
        await trio.lowlevel.checkpoint()
        if self.sender is None or stream not in self.wanted:
            return
        try:
            await self.sender.send_all(encode_frame(stream, data) if self.framed else data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.sender = None  # a client that has gone stops no command


@define(eq=False)
class _Stream:
    client: _Client
    stream: int
    tty: bool

    async def write(self, data: bytes) -> None:
        await self.client.write(self.stream, data.replace(b"\n", b"\r\n") if self.tty else data)


class _Run:
    """One run of a command: its process is the container's, the conversation about it the client's."""

    def __init__(self, engine: FakeEngine, exec_: Exec, raw: trio.abc.ReceiveStream | None = None) -> None:
        self._engine = engine
        self._exec = exec_
        self._raw = raw
        self._tty = bool(exec_.config.get("Tty"))
        self._client = _Client(None, not self._tty, self._wanted())
        self._done = trio.Event()
        self._stdin, self._reader = open_pipe()

    def _wanted(self) -> frozenset[int]:
        flags = ((1, "AttachStdout"), (2, "AttachStderr"))
        return frozenset(number for number, name in flags if self._exec.config.get(name))

    async def start(self) -> None:
        """Start the process. Raises as the engine does where it cannot be run."""
        exec_ = self._exec
        if exec_.state == "running":
            raise Conflict(f"Error: Exec command {exec_.id} is already running")
        if exec_.state != "created":
            raise Conflict(f"Error: Exec command {exec_.id} has already run")
        _require_ready(exec_.container.name, exec_)
        around = lifecycle.require_running(exec_.container)
        process = self._process()
        exec_.state = "running"
        _say(self._engine, exec_, f"exec_start: {exec_.words[0]} {' '.join(exec_.words[1:])}")
        try:
            require_folder(around.files, process.cwd)
            around.programs.find(exec_.words[0], around.files, process.env)
        except NotExecutable as error:
            exec_.state, exec_.exit_code = "exited", 126
            exec_.container.execs.remove(exec_.id)
            text = f"unable to start container process: {error.text}: unknown"
            raise Invalid(f"OCI runtime exec failed: exec failed: {text}") from error
        exec_.process, exec_.pid = process, process.pid
        around.nursery.start_soon(self._execute, process)

    def _process(self) -> Process:
        exec_ = self._exec
        container, config = exec_.container, exec_.config
        around = lifecycle.require_running(container)
        env = runs.environment(container)
        env |= dict(variable.partition("=")[::2] for variable in config.get("Env") or [])
        return Process(
            around,
            exec_.words,
            {**env, "TERM": "xterm"} if self._tty else env,
            Input(self._reader if config.get("AttachStdin") else None),
            _Stream(self._client, 1, self._tty),
            _Stream(self._client, 1 if self._tty else 2, self._tty),
            cwd=config.get("WorkingDir") or container.config["WorkingDir"] or "/",
            user=config.get("User") or container.config["User"],
            tty=self._tty,
            pid=self._engine.new_pid(),
        )

    async def _execute(self, process: Process) -> None:
        code = 137  # what it is if the container ends first
        try:
            code = await process.execute()
        finally:
            exec_ = self._exec
            exec_.state, exec_.exit_code, exec_.process = "exited", code, None
            if exec_.id in exec_.container.execs:
                exec_.container.execs.remove(exec_.id)
            self._done.set()
            _say(self._engine, exec_, "exec_die", exitCode=str(code))

    async def talk(self, sender: PipeSender) -> None:
        """Hold the conversation: an error is its only content, where there is one."""
        self._client.sender = sender
        try:
            await self.start()
        except SwarmError as error:
            text = error.message.encode() + b"\r\n"
            await sender.send_all(text if self._tty else encode_frame(1, text))
            return
        async with trio.open_nursery() as nursery:
            if self._exec.config.get("AttachStdin"):
                nursery.start_soon(self._feed, nursery.cancel_scope)
            await self._done.wait()
            nursery.cancel_scope.cancel()

    async def _feed(self, talking: trio.CancelScope) -> None:
        """Hand on what the client writes; at a terminal its end of file is the end of the conversation."""
        assert self._raw is not None
        process = self._exec.process
        terminal = Terminal(self._stdin, self._client, process.interrupt) if self._tty and process else None
        try:
            while data := bytes(await self._raw.receive_some()):
                await (terminal.type(data) if terminal is not None else self._stdin.send_all(data))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return  # the process reads no more
        except SwarmError:
            pass  # the client's connection broke: an end of file to the process
        if terminal is not None:
            talking.cancel()
        else:
            self._stdin.send_eof()
