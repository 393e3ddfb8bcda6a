"""Containers for checks: made under names that nobody else has, and removed whatever happens."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import trio

from ..errors import NotFound
from ..frames import Record
from ..host import Answer, Container, Host, Records
from ..message import Message, Verb
from ..rows import Listing, Row
from ..streams import read_whole
from .expect import eventually
from .subjects import HostSubject

CLEAN_UP = 30.0
"""Seconds that removing a container may take when its check is over."""


def unique_name() -> str:
    """Make a name that no container has."""
    return f"check-{secrets.token_hex(6)}"


@asynccontextmanager
async def open_host(subject: HostSubject) -> AsyncIterator[Host]:
    """Open an instance of the subject."""
    async with subject.open() as service:
        yield Host(service)


@asynccontextmanager
async def spawned(
    host: Host, subject: HostSubject, *command: str, name: str | None = None, **config: Any
) -> AsyncIterator[Container]:
    """Create a container that runs the command, not started; it is removed with the block."""
    spec = {"Image": subject.image, "Cmd": list(command or ("true",)), **config}
    container = await host.spawn(spec, name=name or unique_name())
    try:
        yield container
    finally:
        with trio.CancelScope(shield=True), trio.fail_after(CLEAN_UP):
            await discard(container)


async def discard(container: Container) -> None:
    """Remove a container that may have gone already."""
    try:
        await container.remove(force=True)
    except NotFound:
        return


async def run_to_end(container: Container) -> int:
    """Start a container and wait for its exit code."""
    await container.start()
    return await container.wait()


async def row_of(host: Host, container: Container) -> Row | None:
    """Return the container's row of LS, if it has one."""
    return next((row for row in await host.ls() if row.id == container.id), None)


async def known_nodes(host: Host) -> Listing:
    """Return the leaf hosts once each is known: opening waits for nobody, and they are placeholders until then."""

    def known(rows: Listing) -> bool:
        return len(rows) > 0 and all(row.id for row in rows)

    return await eventually(lambda: host.ls("nodes"), known, "nodes, each with its id")


async def output_of(records: Records) -> dict[int, bytes]:
    """Read records to their end; return the bytes of each stream."""
    output: dict[int, bytes] = {}
    async for record in records:
        output[record.stream] = output.get(record.stream, b"") + record.data
    return output


async def log_of(container: Container, **options: Any) -> dict[int, bytes]:
    """Read a container's log to its end; return the bytes of each stream."""
    async with container.log(**options) as records:
        return await output_of(records)


async def first_record(records: Records) -> Record:
    """Read one record."""
    async for record in records:
        return record
    raise AssertionError("the output ended without a record")


async def body_of(answer: Answer) -> bytes:
    """Read the whole body of an answer."""
    return await read_whole(answer.body)


async def ask_owner(host: Host, container: Container, method: str, target: str, **options: Any) -> Answer:
    """Send an Engine API request to the engine that a container is on: what its canonical path is below."""
    return await host.connect(method, target, path=container.path[:-2], **options)


def message_to(verb: Verb, container: Container, **args: Any) -> Message:
    """Make a message to a container."""
    return Message(verb, container.path, args)
