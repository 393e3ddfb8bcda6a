"""Checks of START, STOP and SET."""

from __future__ import annotations

from ...errors import Code
from ...message import Message, Verb
from ..check import check
from ..containers import message_to, open_host, run_to_end, spawned, unique_name
from ..expect import SOON, equal, refused, within
from ..subjects import HostSubject


@check
async def start_runs_and_stop_ends(subject: HostSubject) -> None:
    """START makes it run, STOP makes it not run, and both replies come when it is so."""
    async with open_host(subject) as host, spawned(host, subject, "sleep", "600") as container:
        await container.start()
        equal((await container.get())["State"]["Running"], True, "State.Running after START")
        await container.stop(timeout=0)
        equal((await container.get())["State"]["Running"], False, "State.Running after STOP")


@check
async def start_and_stop_twice(subject: HostSubject) -> None:
    """START of what runs, and STOP of what does not, are done already: no error."""
    async with open_host(subject) as host, spawned(host, subject, "sleep", "600") as container:
        await container.start()
        await container.start()
        await container.stop(timeout=0)
        await container.stop(timeout=0)


@check
async def exit_code_is_told(subject: HostSubject) -> None:
    """Waiting for a container gives the exit code of its command."""
    async with open_host(subject) as host, spawned(host, subject, "sh", "-c", "exit 7") as container:
        equal(await run_to_end(container), 7, "the exit code")
        equal((await container.get())["State"]["ExitCode"], 7, "State.ExitCode")


@check
async def a_wait_holds_up_no_call(subject: HostSubject) -> None:
    """While somebody waits for a container, it can be started, read and stopped."""
    async with open_host(subject) as host, spawned(host, subject, "sleep", "600") as container:
        answer = await container.connect("POST", "/wait?condition=next-exit")
        with within(SOON, "START, GET and STOP beside a wait"):
            await container.start()
            await container.get()
            await container.stop(timeout=0)
        with within(SOON, "the end of a wait"):
            equal((await answer.json())["StatusCode"], 137, "the exit code of what was killed")


@check
async def rename_moves_the_name(subject: HostSubject) -> None:
    """SET with `Name` renames: it is found under the new name, and no more under the old, which is free again."""
    async with open_host(subject) as host, spawned(host, subject) as container:
        name = unique_name()
        await container.set(Name=name)
        equal((await host.attach(name)).id, container.id, "what the new name leads to")
        await refused(host.service, Message(Verb.ATTACH, ("containers", container.name)), Code.NOT_FOUND)
        async with spawned(host, subject, name=container.name) as other:
            equal((await host.attach(container.name)).id, other.id, "what the old name leads to when used again")


@check
async def rename_to_a_name_in_use_is_a_conflict(subject: HostSubject) -> None:
    """SET with the `Name` of another on the same host is a conflict, and changes nothing."""
    async with open_host(subject) as host, spawned(host, subject) as one:
        name = unique_name()
        spawn = {"spec": {"Image": subject.image, "Cmd": ["true"]}, "name": name}
        reply = await host.service(Message(Verb.SPAWN, (*one.path[:-2], "containers"), spawn))
        try:
            await refused(host.service, message_to(Verb.SET, one, Name=name), Code.CONFLICT)
            equal((await host.attach(one.name)).id, one.id, "what the old name leads to")
            equal((await host.attach(name)).id, reply["id"], "what the other's name leads to")
        finally:
            await (await host.connect("DELETE", "?force=1", path=reply.path)).json()


@check
async def set_updates_resources(subject: HostSubject) -> None:
    """SET with anything but `Name` updates the container's resources, as GET then says."""
    async with open_host(subject) as host, spawned(host, subject) as container:
        await container.set(CpuShares=256)
        equal((await container.get())["HostConfig"]["CpuShares"], 256, "HostConfig.CpuShares after SET")


LIFE = (
    start_runs_and_stop_ends,
    start_and_stop_twice,
    exit_code_is_told,
    a_wait_holds_up_no_call,
    rename_moves_the_name,
    rename_to_a_name_in_use_is_a_conflict,
    set_updates_resources,
)
