"""Checks of ATTACH without streams, and of GET: what a reference means."""

from __future__ import annotations

from contextlib import AsyncExitStack

from ...errors import Code, SwarmError
from ...message import Message, Verb
from ..check import check
from ..containers import message_to, open_host, row_of, spawned, unique_name
from ..expect import equal, refused, true
from ..subjects import HostSubject

HEX_DIGITS = 16


@check
async def found_by_every_reference(subject: HostSubject) -> None:
    """A container is found by its name, by `/name`, by its id, and by the first twelve digits of it."""
    async with open_host(subject) as host, spawned(host, subject) as container:
        for reference in (container.name, f"/{container.name}", container.id, container.id[:12]):
            found = await host.attach(reference)
            equal((found.id, found.path), (container.id, container.path), f"what {reference!r} leads to")


@check
async def attach_gives_path_and_document(subject: HostSubject) -> None:
    """ATTACH without streams answers as LS does of the one container: its path, names, id and document."""
    async with open_host(subject) as host, spawned(host, subject) as container:
        reply = await host.service(Message(Verb.ATTACH, ("containers", container.name)))
        equal(reply.path, container.path, "the path in the reply to ATTACH")
        row = await row_of(host, container)
        true(row is not None, f"LS does not show {container}")
        equal(reply.get("document"), dict(row.document) if row else None, "the document in the reply to ATTACH")
        true(reply.att is None and reply.ret is None, "ATTACH without streams must carry no end")


@check
async def unknown_reference_is_not_found(subject: HostSubject) -> None:
    """A reference to nothing is not_found for every verb, and the error names it."""
    verbs = (Verb.ATTACH, Verb.GET, Verb.START, Verb.STOP, Verb.LOG, Verb.FILE)
    async with open_host(subject) as host:
        for verb in verbs:
            name = unique_name()
            error = await refused(host.service, Message(verb, ("containers", name)), Code.NOT_FOUND)
            true(name in error.message, f"the error of {verb.name} must name {name}: {error.message}")


@check
async def ambiguous_reference_is_refused(subject: HostSubject) -> None:
    """The beginning of several ids is an error, never a choice (seventeen ids cannot all begin differently)."""
    async with AsyncExitStack() as stack:
        host = await stack.enter_async_context(open_host(subject))
        beginnings: set[str] = set()
        for _ in range(HEX_DIGITS + 1):
            container = await stack.enter_async_context(spawned(host, subject))
            if container.id[0] in beginnings:
                break
            beginnings.add(container.id[0])
        try:
            found = await host.attach(container.id[0])
        except SwarmError as error:
            true(error.code is not Code.NOT_FOUND, f"what is ambiguous is not missing: {error}")
            return
        raise AssertionError(f"{container.id[0]!r} begins several ids and was taken to mean {found.id[:12]}")


@check
async def document_is_verbatim(subject: HostSubject) -> None:
    """GET gives the engine's own full document, with every key."""
    async with open_host(subject) as host, spawned(host, subject) as container:
        answer = await host.connect("GET", "/json", path=container.path)
        equal(dict(await container.get()), await answer.json(), "GET's document beside the engine's")


@check
async def canonical_path_serves_every_verb(subject: HostSubject) -> None:
    """The path that SPAWN gave is understood by ATTACH, GET, LOG and CONNECT alike, and kept in their replies."""
    async with open_host(subject) as host, spawned(host, subject) as container:
        for verb in (Verb.ATTACH, Verb.GET):
            reply = await host.service(message_to(verb, container))
            equal(reply.path, container.path, f"the path in the reply to {verb.name}")
        answer = await container.connect("GET", "/json")
        equal(answer.path, container.path, "the path in the reply to CONNECT")
        await answer.json()


FINDING = (
    found_by_every_reference,
    attach_gives_path_and_document,
    unknown_reference_is_not_found,
    ambiguous_reference_is_refused,
    document_is_verbatim,
    canonical_path_serves_every_verb,
)
