"""What every member source does; the contract is stated in `sources`."""

from __future__ import annotations

import secrets
from functools import partial
from typing import Any

from attrs import evolve

from ..channel import Receiver
from ..engine.names import is_host_name
from ..errors import Code, Conflict
from ..message import Message, Path, Verb
from ..pipeline import split_stages
from ..rows import Listing, Row
from ..service import Service, close_ends
from .check import Check, check
from .expect import await_message, equal, eventually, refused, subscribe, true
from .subjects import SourceSubject

STAGE = "docker tcp://192.0.2.2:2375"
OTHER_STAGE = "docker tcp://192.0.2.1:2375"


def _name() -> str:
    return f"member-{secrets.token_hex(4)}"


async def _list(service: Service) -> dict[str, Row]:
    return {row.name: row for row in Listing.of(await service(Message(Verb.LS)))}


async def _begin(channel: Receiver) -> dict[str, Row]:
    """Receive all that a watch says before it is synced."""
    came = await await_message(channel, lambda message: message.get("kind") == "synced", "synced")
    having = [message for message in came if message.get("kind") == "have"]
    return {message.path[-1]: Row.from_plain(message["row"]) for message in having}


@check
async def members_are_listed(subject: SourceSubject) -> None:
    """LS lists each member under its name: the path `(name,)`, and a document with the text of its `Stage`."""
    name = _name()
    await subject.add(name, STAGE)
    async with subject.open() as service:
        rows = await eventually(lambda: _list(service), lambda rows: name in rows, f"{name} listed")
        for row in rows.values():
            true(is_host_name(row.name), f"{row.name!r} cannot be the name of a host")
            equal(row.path, (row.name,), f"the path of {row.name}")
            stage = row.document.get("Stage")
            true(isinstance(stage, str) and split_stages(stage), f"the stage of {row.name} is no pipeline: {stage!r}")
        equal(rows[name].document["Stage"], STAGE, f"the stage of {name}")
    await subject.remove(name)


@check
async def labels_are_strings(subject: SourceSubject) -> None:
    """Where a member's document has `Labels`, they are strings by name."""
    name = _name()
    await subject.add(name, STAGE)
    async with subject.open() as service:
        rows = await eventually(lambda: _list(service), lambda rows: name in rows, f"{name} listed")
        for row in rows.values():
            labels = row.document.get("Labels", {})
            plain = isinstance(labels, dict) and all(isinstance(text, str) for pair in labels.items() for text in pair)
            true(plain, f"the labels of {row.name} are not strings by name: {labels!r}")
    await subject.remove(name)


@check
async def watch_and_list_agree(subject: SourceSubject) -> None:
    """WATCH begins with the rows that LS has, as `have`, each once, then `synced`."""
    name = _name()
    await subject.add(name, STAGE)
    async with subject.open() as service:
        rows = await eventually(lambda: _list(service), lambda rows: name in rows, f"{name} listed")
        async with await subscribe(service) as channel:
            equal(await _begin(channel), rows, "what WATCH has, beside what LS lists")
    await subject.remove(name)


@check
async def added_member_is_put(subject: SourceSubject) -> None:
    """A member that is added is `put`, with its row, at the path `(name,)`, and LS has it from then on."""
    name = _name()
    async with subject.open() as service, await subscribe(service) as channel:
        await _begin(channel)
        await subject.add(name, STAGE)
        row = await _await_put(channel, name, STAGE)
        equal((row.name, row.path), (name, (name,)), "the name and path of the row")
        true(name in await _list(service), f"LS does not have {name}, which WATCH has put")
    await subject.remove(name)


@check
async def changed_member_is_put(subject: SourceSubject) -> None:
    """A member whose stage is changed is `put` again, with the new one."""
    name = _name()
    await subject.add(name, STAGE)
    async with subject.open() as service, await subscribe(service) as channel:
        await _begin(channel)
        await subject.add(name, OTHER_STAGE)
        await _await_put(channel, name, OTHER_STAGE)
        equal((await _list(service))[name].document["Stage"], OTHER_STAGE, "the stage in LS")
    await subject.remove(name)


@check
async def removed_member_is_gone(subject: SourceSubject) -> None:
    """A member that is removed is `gone`, at the path `(name,)`, and LS has it no more."""
    name = _name()
    await subject.add(name, STAGE)
    async with subject.open() as service:
        await eventually(lambda: _list(service), lambda rows: name in rows, f"{name} listed")
        async with await subscribe(service) as channel:
            await _begin(channel)
            await subject.remove(name)
            gone = (await await_message(channel, lambda message: message.get("kind") == "gone", f"gone for {name}"))[-1]
            equal(gone.path, (name,), "the path of what is gone")
        true(name not in await _list(service), f"LS still has {name}, which WATCH has said gone")


@check
async def watchers_are_independent(subject: SourceSubject) -> None:
    """A watcher that does not read, and one that is closed, hold up no other."""
    name = _name()
    async with subject.open() as service, await subscribe(service), await subscribe(service) as channel:
        await _begin(channel)
        async with await subscribe(service) as other:
            await _begin(other)
        await subject.add(name, STAGE)
        await _await_put(channel, name, STAGE)
    await subject.remove(name)


@check
async def drained_is_said(subject: SourceSubject) -> None:
    """SET `drained` has the member's document say the `Availability` "drain", in WATCH and LS, until it is put back.

    Nothing else of its row changes. A source that does not do this says that it is not implemented.
    """
    name = _name()
    await subject.add(name, STAGE)
    async with subject.open() as service, await subscribe(service) as channel:
        before = await eventually(lambda: _list(service), lambda rows: name in rows, f"{name} listed")
        if subject.drains:
            for drained in (True, True, False):
                await service(Message(Verb.SET, (name,), {"drained": drained}))
                rows = await eventually(
                    lambda: _list(service), partial(_lists, name=name, drained=drained), f"drained: {drained} in LS"
                )
                equal(_undrained(rows[name]), _undrained(before[name]), "the rest of the row")
            for drained in (True, False):
                await await_message(channel, partial(_says, name=name, drained=drained), f"put, drained: {drained}")
        else:
            await refused(service, Message(Verb.SET, (name,), {"drained": True}), Code.NOT_IMPLEMENTED)
            equal((await _list(service))[name], before[name], "the row, which was not to be changed")
    await subject.remove(name)


@check
async def what_cannot_be_set_is_refused(subject: SourceSubject) -> None:
    """SET of a member that is not listed is not found, and what is no `drained: bool` is invalid; nothing changes."""
    name, codes = _name(), () if subject.drains else (Code.NOT_IMPLEMENTED,)
    await subject.add(name, STAGE)
    async with subject.open() as service:
        await eventually(lambda: _list(service), lambda rows: name in rows, f"{name} listed")
        await refused(service, Message(Verb.SET, (_name(),), {"drained": True}), Code.NOT_FOUND, *codes)
        wrong: tuple[dict[str, Any], ...] = ({}, {"drained": "yes"}, {"drained": True, "other": 1})
        for args in wrong:
            await refused(service, Message(Verb.SET, (name,), args), Code.INVALID, *codes)
        true(not _drained((await _list(service))[name]), f"{name} is drained, which nobody asked for")
    await subject.remove(name)


@check
async def name_is_held_by_one(subject: SourceSubject) -> None:
    """SPAWN on `("names", NAME)` holds a name: another who asks meets `Conflict`, until the reply's `ret` is closed.

    Who is given it then is told that it is `contested`. A source that holds no names says that it is not implemented,
    or that there is nothing such.
    """
    path = ("names", _name())
    async with subject.open() as service, subject.open() as other:
        if not subject.holds_names:
            await refused(service, Message(Verb.SPAWN, path), Code.NOT_FOUND, Code.NOT_IMPLEMENTED)
            return
        first = await service(Message(Verb.SPAWN, path))
        true(not first.get("contested"), "a name that nobody has had is contested")
        async with _receiver(first):
            for each in (service, other):
                await refused(each, Message(Verb.SPAWN, path), Code.CONFLICT)
        second = await eventually(lambda: _hold(other, path), lambda held: held is not None, "the name given back")
        await close_ends(Message(Verb.ACK, ret=second))


async def _hold(service: Service, path: Path) -> Receiver | None:
    """Hold a name that has been given back; None while it is still another's."""
    try:
        reply = await service(Message(Verb.SPAWN, path))
    except Conflict:
        return None
    true(reply.get("contested"), "who is given a name that another has just let go of is not told so")
    return _receiver(reply)


def _receiver(reply: Message) -> Receiver:
    if not isinstance(reply.ret, Receiver):
        raise AssertionError(f"the reply to SPAWN must carry the receiving end of a channel, not {reply.ret!r}")
    return reply.ret


def _lists(rows: dict[str, Row], *, name: str, drained: bool) -> bool:
    return _drained(rows[name]) is drained


def _drained(row: Row) -> bool:
    return row.document.get("Availability") == "drain"


def _undrained(row: Row) -> Row:
    return evolve(row, document={key: value for key, value in row.document.items() if key != "Availability"})


def _says(message: Message, name: str, *, drained: bool) -> bool:
    if message.get("kind") != "put" or message.path != (name,):
        return False
    return _drained(Row.from_plain(message["row"])) is drained


async def _await_put(channel: Receiver, name: str, stage: str) -> Row:
    def is_it(message: Message) -> bool:
        return message.get("kind") == "put" and message.path == (name,) and message["row"]["document"]["Stage"] == stage

    came = await await_message(channel, is_it, f"put for {name} with the stage {stage!r}")
    return Row.from_plain(came[-1]["row"])


SOURCE_CHECKS: tuple[Check[SourceSubject], ...] = (
    members_are_listed,
    labels_are_strings,
    watch_and_list_agree,
    added_member_is_put,
    changed_member_is_put,
    removed_member_is_gone,
    watchers_are_independent,
    drained_is_said,
    what_cannot_be_set_is_refused,
    name_is_held_by_one,
)
"""All checks of a source; it is a service, too, and passes `SERVICE_CHECKS`."""
