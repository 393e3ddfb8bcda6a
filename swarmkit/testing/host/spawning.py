"""Checks of SPAWN: what is made, and what is refused."""

from __future__ import annotations

from typing import Any

from ...errors import Code
from ...message import Message, Verb
from ..check import check
from ..containers import open_host, row_of, spawned, unique_name
from ..expect import equal, refused, true
from ..subjects import HostSubject


@check
async def spawned_is_not_started(subject: HostSubject) -> None:
    """SPAWN creates and does not start; its reply has the canonical path and the full id."""
    async with open_host(subject) as host, spawned(host, subject) as container:
        document = await container.get()
        equal(document["State"]["Status"], "created", "the state after SPAWN")
        equal(document["Id"], container.id, "the id in the reply to SPAWN")
        equal(document["Name"].removeprefix("/"), container.name, "the name asked for")
        true(container.path[-2:-1] == ("containers",), f"the path is no container's: {container.path}")


@check
async def spec_is_obeyed(subject: HostSubject) -> None:
    """The spec is an Engine API ContainerConfig with its HostConfig, and passes as it is."""
    config: dict[str, Any] = {
        "Labels": {"check": "yes"},
        "Env": ["CHECK=1"],
        "HostConfig": {"Memory": 64 * 1024 * 1024},
    }
    async with open_host(subject) as host, spawned(host, subject, "echo", "hi", **config) as container:
        document = await container.get()
        equal(document["Config"]["Cmd"], ["echo", "hi"], "Cmd")
        equal(document["Config"]["Labels"].get("check"), "yes", "the label")
        true("CHECK=1" in document["Config"]["Env"], f"Env lacks what was asked for: {document['Config']['Env']}")
        equal(document["HostConfig"]["Memory"], 64 * 1024 * 1024, "the memory limit")


@check
async def spawn_without_a_name(subject: HostSubject) -> None:
    """Without a name the host gives one."""
    async with open_host(subject) as host:
        reply = await host.service(
            Message(Verb.SPAWN, ("containers",), {"spec": {"Image": subject.image, "Cmd": ["true"]}})
        )
        found = await host.attach(reply["id"])
        try:
            true(found.name, "a container spawned without a name has none")
            equal(found.path, reply.path, "the path of what was spawned without a name")
        finally:
            await found.remove(force=True)


@check
async def name_in_use_is_a_conflict(subject: HostSubject) -> None:
    """A name that is in use is a conflict, which names it, and nothing is made."""
    async with open_host(subject) as host, spawned(host, subject) as container:
        error = await refused(host.service, _spawn(subject.image, container.name), Code.CONFLICT)
        true(container.name in error.message, f"the conflict must name {container.name}: {error.message}")
        row = await row_of(host, container)
        holders = [row.id for row in await host.ls() if container.name in row.names]
        equal(holders, [container.id], f"the containers called {container.name}; the first is {row}")


@check
async def missing_image_is_not_found(subject: HostSubject) -> None:
    """An image that no member has is not_found, and the error names it."""
    async with open_host(subject) as host:
        image = f"{unique_name()}:latest"
        error = await refused(host.service, _spawn(image, unique_name()), Code.NOT_FOUND)
        true(image in error.message, f"the error must name {image}: {error.message}")


@check
async def bad_name_is_invalid(subject: HostSubject) -> None:
    """A name that no engine allows is invalid, and the error names it."""
    async with open_host(subject) as host:
        name = f"!{unique_name()}"
        error = await refused(host.service, _spawn(subject.image, name), Code.INVALID)
        true(name in error.message, f"the error must name {name}: {error.message}")


def _spawn(image: str, name: str) -> Message:
    return Message(Verb.SPAWN, ("containers",), {"spec": {"Image": image, "Cmd": ["true"]}, "name": name})


SPAWNING = (
    spawned_is_not_started,
    spec_is_obeyed,
    spawn_without_a_name,
    name_in_use_is_a_conflict,
    missing_image_is_not_found,
    bad_name_is_invalid,
)
