"""Checks that what was done is seen: every read after a write's reply has it in it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from ...errors import Code
from ...host import Answer, Container, Host
from ...message import Message, Verb
from ...rows import Row
from ..check import check
from ..containers import ask_owner, open_host, row_of, spawned, unique_name
from ..expect import equal, refused, true
from ..subjects import HostSubject

Change = Callable[[Host, Container], Awaitable[Any]]


@check
async def what_was_spawned_is_listed(subject: HostSubject) -> None:
    """LS right after SPAWN shows what was made."""
    async with open_host(subject) as host:
        await host.ls()
        async with spawned(host, subject) as container:
            equal(await _state(host, container), "created", "the state in LS after SPAWN")


@check
async def what_was_started_is_running(subject: HostSubject) -> None:
    """LS right after START says running, and right after STOP says exited."""
    async with open_host(subject) as host, spawned(host, subject, "sleep", "600") as container:
        await host.ls()
        await container.start()
        equal(await _state(host, container), "running", "the state in LS after START")
        await container.stop(timeout=0)
        equal(await _state(host, container), "exited", "the state in LS after STOP")


@check
async def what_was_renamed_is_listed_so(subject: HostSubject) -> None:
    """LS right after SET with `Name` shows the new name."""
    async with open_host(subject) as host, spawned(host, subject) as container:
        await host.ls()
        name = unique_name()
        await container.set(Name=name)
        row = await _row(host, container)
        equal((row.name, container.name in row.names), (name, False), "the name in LS, and whether the old is there")


@check
async def what_was_removed_is_not_listed(subject: HostSubject) -> None:
    """LS right after a removal does not show it, it is not found, and its name is free."""
    async with open_host(subject) as host:
        async with spawned(host, subject) as container:
            await host.ls()
        equal(await row_of(host, container), None, "the row in LS after the removal")
        await refused(host.service, Message(Verb.ATTACH, ("containers", container.name)), Code.NOT_FOUND)
        async with spawned(host, subject, name=container.name) as other:
            true(other.id != container.id, "a new container has the id of the old")


@check
async def raw_requests_are_writes(subject: HostSubject) -> None:
    """What a CONNECT other than GET and HEAD has done is seen, too, by the next LS."""

    async def start(host: Host, container: Container) -> Answer:
        return await container.connect("POST", "/start")

    async def pause(host: Host, container: Container) -> Answer:
        return await container.connect("POST", "/pause")

    async def stop(host: Host, container: Container) -> Answer:
        # Not unpause: for a moment after its reply, an engine that lags behind containerd says once more "paused".
        return await ask_owner(host, container, "POST", f"/containers/{container.id}/stop?t=0")

    changes: list[tuple[Change, str]] = [(start, "running"), (pause, "paused"), (stop, "exited")]
    async with open_host(subject) as host, spawned(host, subject, "sleep", "600") as container:
        await host.ls()
        for change, state in changes:
            await (await change(host, container)).json()
            equal(await _state(host, container), state, f"the state in LS after a raw {change.__name__}")


@check
async def raw_create_is_found(subject: HostSubject) -> None:
    """What a CONNECT to an engine has created is found by its name at once."""
    async with open_host(subject) as host, spawned(host, subject) as beside:
        await host.ls()
        name = unique_name()
        spec = {"Image": subject.image, "Cmd": ["true"]}
        made = await (await ask_owner(host, beside, "POST", f"/containers/create?name={name}", body=spec)).json()
        found = await host.attach(name)
        try:
            equal(found.id, made["Id"], "what the name of a raw create leads to")
        finally:
            await found.remove(force=True)
        equal(await row_of(host, found), None, "the row in LS after the removal")


async def _row(host: Host, container: Container) -> Row:
    row = await row_of(host, container)
    if row is None:
        raise AssertionError(f"LS does not show {container}")
    return row


async def _state(host: Host, container: Container) -> object:
    return (await _row(host, container)).document.get("State")


WRITES = (
    what_was_spawned_is_listed,
    what_was_started_is_running,
    what_was_renamed_is_listed_so,
    what_was_removed_is_not_listed,
    raw_requests_are_writes,
    raw_create_is_found,
)
