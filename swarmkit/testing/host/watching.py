"""Checks of WATCH."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import urlencode

from ...message import Message
from ...rows import Row
from ..check import check
from ..containers import body_of, known_nodes, open_host, run_to_end, spawned
from ..expect import SOON, await_message, equal, subscribe, within
from ..subjects import HostSubject

LIFE = ["create", "start", "die", "destroy"]


def _is(kind: str, path: tuple[str, ...]) -> Callable[[Message], bool]:
    return lambda message: bool(message.get("kind") == kind and message.path == path)


def _synced(message: Message) -> bool:
    return bool(message.get("kind") == "synced" and message.path == ())


@check
async def watch_begins_with_what_there_is(subject: HostSubject) -> None:
    """A watch says `have` for each container that LS lists, with such a row, and then, once, `synced`."""
    async with open_host(subject) as host, spawned(host, subject) as container:
        listed = next(row for row in await host.ls() if row.id == container.id)
        async with await subscribe(host.service) as channel:
            came = await await_message(channel, _synced, "synced")
        having = [message for message in came if message.path == container.path]
        equal([message.get("kind") for message in having], ["have"], f"what is said of {container} before synced")
        row = Row.from_plain(having[0]["row"])
        equal((row.id, row.name), (container.id, container.name), "the row's id and name")
        equal(set(row.document), set(listed.document), "the keys of the row's document, beside LS's")


@check
async def nodes_are_watched(subject: HostSubject) -> None:
    """A watch says `have` or `put` for each leaf host, at `nodes/NAME`, with or without documents."""
    async with open_host(subject) as host:
        wanted = {row.path for row in await known_nodes(host)}
        for documents in (True, False):
            seen: set[tuple[str, ...]] = set()
            async with await subscribe(host.service, documents=documents) as channel:

                def all_seen(message: Message, seen: set[tuple[str, ...]] = seen) -> bool:
                    if message.path[:1] == ("nodes",) and message.get("kind") in ("have", "put"):
                        seen.add(message.path)
                    return wanted <= seen

                await await_message(channel, all_seen, f"the nodes {sorted(wanted)}")


@check
async def changes_are_put(subject: HostSubject) -> None:
    """A container that is made, and one that changes, is `put` with its new row, with no request of ours."""
    async with open_host(subject) as host, await subscribe(host.service) as channel:
        await await_message(channel, _synced, "synced")
        async with spawned(host, subject, "sleep", "600") as container:
            await await_message(channel, _is("put", container.path), "put for what was made")
            await container.start()

            def runs(message: Message) -> bool:
                return _is("put", container.path)(message) and message["row"]["document"].get("State") == "running"

            await await_message(channel, runs, "put with the State running")


@check
async def removal_is_gone(subject: HostSubject) -> None:
    """A container that is removed is `gone`, at the path it had."""
    async with open_host(subject) as host, await subscribe(host.service) as channel:
        await await_message(channel, _synced, "synced")
        async with spawned(host, subject) as container:
            await await_message(channel, _is("put", container.path), "put for what was made")
        await await_message(channel, _is("gone", container.path), "gone for what was removed")


@check
async def events_are_verbatim(subject: HostSubject) -> None:
    """Each event of the engine comes as it is, once, in order, with or without documents."""
    async with open_host(subject) as host:
        for documents in (True, False):
            async with await subscribe(host.service, documents=documents) as channel:
                await await_message(channel, _synced, "synced")
                async with spawned(host, subject) as container:
                    await run_to_end(container)
                    owner = container.path[:-2]
                came = await await_message(
                    channel, lambda message: _action(message, container.id) == "destroy", "destroy"
                )
            events = [message["event"] for message in came if _action(message, container.id)]
            equal([event["Action"] for event in events], LIFE, "the actions of a container's life")
            last = events[-1]["timeNano"] + 10**6
            query = {"since": "1", "until": f"{last // 10**9}.{last % 10**9:09d}"}
            query["filters"] = json.dumps({"container": [container.id], "type": ["container"]})
            answer = await host.connect("GET", f"/events?{urlencode(query)}", path=owner)
            told = [json.loads(line) for line in (await body_of(answer)).splitlines() if line.strip()]
            equal(events, told, "the events watched, beside those the engine tells")


def _action(message: Message, id: str) -> str:
    """Return the action of a container event that is about this container, else an empty string."""
    event = message.get("event") or {}
    mine = event.get("Type") == "container" and event.get("Actor", {}).get("ID") == id
    return str(event["Action"]) if mine else ""


@check
async def without_documents_only_events(subject: HostSubject) -> None:
    """With `documents` false a watch is synced, too, but says nothing of what there is besides events."""
    async with open_host(subject) as host, spawned(host, subject):
        async with await subscribe(host.service, documents=False) as channel:
            came = await await_message(channel, _synced, "synced")
            async with spawned(host, subject) as container:
                pass
            came += await await_message(channel, lambda message: _action(message, container.id) == "destroy", "destroy")
        rows = [message for message in came if message.get("kind") in ("have", "put", "gone")]
        rows = [message for message in rows if message.path[:1] != ("nodes",) or len(message.path) > 2]
        equal([str(message) for message in rows], [], "what is said of what there is")


@check
async def idle_watcher_holds_up_nobody(subject: HostSubject) -> None:
    """A watcher that does not read holds up neither the other watchers nor any request."""
    async with open_host(subject) as host, await subscribe(host.service), await subscribe(host.service) as channel:
        await await_message(channel, _synced, "synced")
        with within(SOON * 2, "a container's life beside a watcher that does not read"):
            async with spawned(host, subject) as container:
                await run_to_end(container)
            await await_message(channel, _is("gone", container.path), "gone")


@check
async def a_closed_watch_ends_no_other(subject: HostSubject) -> None:
    """Watches are independent: one is closed, the others go on."""
    async with open_host(subject) as host, await subscribe(host.service) as channel:
        await await_message(channel, _synced, "synced")
        async with await subscribe(host.service) as other:
            await await_message(other, _synced, "synced for the second")
        async with spawned(host, subject) as container:
            await await_message(channel, _is("put", container.path), "put after another watch was closed")


WATCHING = (
    watch_begins_with_what_there_is,
    nodes_are_watched,
    changes_are_put,
    removal_is_gone,
    events_are_verbatim,
    without_documents_only_events,
    idle_watcher_holds_up_nobody,
    a_closed_watch_ends_no_other,
)
