"""Connecting: what happens from the start of ssh until the connection is up, or known not to be."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from swarmkit.instance import open_instance

from .address import SshAddress, is_socket_path
from .child import Child, open_child
from .command import SshCommand
from .folder import private_folder
from .link import Link
from .probe import Answer, Probe, probe_script
from .reasons import SSH_FAILED, Failure, failure_of
from .sessions import Sessions, relay_script
from .settings import Settings

ATTEMPT_SECONDS = 60.0
"""How long an attempt to connect may take in all: ssh's own deadlines are shorter, but a jump host has none."""

SHELL_SECONDS = 5.0
"""How long a session may be silent before it is taken for one without our shell (a forced command)."""

_POLL_SECONDS = 0.05


class Unconnected(Exception):
    """There is no connection; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


class NoShell(Exception):
    """The account has no shell: a connection without a session may do."""


@asynccontextmanager
async def open_link(settings: Settings, nursery: trio.Nursery, *, shell: bool) -> AsyncIterator[Link]:
    """Connect, and hold the connection for the length of the block; sessions run in `nursery`.

    With `shell`, a session holds it that runs the probe. Raises `NoShell` where that is not to be had, `Unconnected`
    where there is no connection, and OSError where something is missing on this machine.
    """
    with private_folder() as folder:
        command = SshCommand(settings.address, settings.options, folder)
        script = probe_script(settings.wanted.default, settings.wanted.candidates) if shell else None
        async with open_child(command.connect(script)) as child, open_instance() as tasks:
            probe = Probe(child.stdin, child.stdout)
            tasks.start_soon(probe.run)
            with trio.move_on_after(ATTEMPT_SECONDS) as attempt:
                answer = await _first_answer(child, probe, command, shell=shell)
                settings = _with_socket(settings, answer)
                await _forward(command, settings, child)
            if attempt.cancelled_caught:
                raise Unconnected(Failure(f"ssh has not connected in {ATTEMPT_SECONDS:g} s"))
            words = command.session(relay_script(settings.wanted))
            sessions = Sessions(words, settings.address, nursery, shell=answer is not None)
            link = Link(settings, child, command.local, probe if answer else None, sessions)
            link.ip = answer.ip if answer else None
            tasks.start_soon(link.watch)
            try:
                yield link
            finally:
                link.give_up("its tunnel has ended")


async def _first_answer(child: Child, probe: Probe, command: SshCommand, *, shell: bool) -> Answer | None:
    """Wait until the connection is there; return what the probe says, or None where it goes without."""
    answer: Answer | None = None
    async with trio.open_nursery() as race:

        async def ask() -> None:
            nonlocal answer
            answer = await probe.ask()
            if answer is not None:  # else ssh is about to end, and its exit status tells more
                race.cancel_scope.cancel()

        async def see_it_end() -> None:
            await child.exited.wait()
            race.cancel_scope.cancel()

        async def do_without() -> None:
            while not _exists(command.control):  # noqa: ASYNC110  # another process makes it
                await trio.sleep(_POLL_SECONDS)
            await trio.sleep(SHELL_SECONDS if shell else 0)
            race.cancel_scope.cancel()

        race.start_soon(see_it_end)
        race.start_soon(do_without)
        if shell:
            race.start_soon(ask)
    if answer is None and child.exited.is_set():
        raise _ending(child, command.address)
    if answer is None and shell and probe.ended.is_set():
        raise NoShell  # the session has ended, or talks without end, and ssh goes on
    return answer


def _exists(path: str) -> bool:
    return os.path.exists(path)  # in a directory of ours: it takes no time


def _ending(child: Child, address: SshAddress) -> Exception:
    """Return what it means that ssh has ended before anything else was heard of it."""
    words, status = child.words, child.status
    proxied = any(line.endswith("UNKNOWN port 65535") for line in words)  # the channel is a jump host's, then
    session_refused = child.refusals > 0 and not proxied
    if session_refused or (status is not None and 0 <= status != SSH_FAILED):
        return NoShell()
    return Unconnected(failure_of(words, status, address))


def _with_socket(settings: Settings, answer: Answer | None) -> Settings:
    """Settle which socket it is."""
    if answer is None or not (answer.state == "ok" or answer.socket != settings.wanted.default):
        return settings
    if not is_socket_path(answer.socket):
        reason = (
            f"ssh cannot be given the path {answer.socket!r} that $DOCKER_HOST has there: name another in the address"
        )
        raise Unconnected(Failure(reason, settled=True))
    return settings.found(answer.socket)


async def _forward(command: SshCommand, settings: Settings, child: Child) -> None:
    """Have the connection forward the socket; nobody is asked for it yet."""
    async with open_child(command.forward(settings.wanted.default)) as asking:
        await asking.exited.wait()
        if asking.status == 0:
            return
        failed = failure_of(asking.words, asking.status, settings.address)
    raise _ending(child, settings.address) if child.exited.is_set() else Unconnected(failed)
