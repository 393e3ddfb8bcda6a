"""Whatever is done to an engine, its mirror lists what the engine does: at once through it, else after the event."""

from __future__ import annotations

import json
from functools import partial
from typing import Any
from urllib.parse import quote

import trio
from attrs import evolve
from hypothesis import example, given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from backends.docker import EngineStage
from backends.fake import FakeEngine
from backends.fake.archive import make_tar
from backends.fake.files import File
from swarmkit import Listing, Message, Receiver, Service, Verb
from swarmkit.mirror import COLLECTIONS, open_mirror
from swarmkit.streams import read_whole

ALL = quote(json.dumps({"dangling": ["false"]}))

REQUESTS: list[tuple[str, str, dict[str, Any] | None]] = [
    ("POST", "/images/create?fromImage=alpine&tag=3", None),
    ("POST", "/containers/create?name=c0", {"Image": "busybox", "Cmd": ["sleep", "600"], "Volumes": {"/data": {}}}),
    ("POST", "/containers/create?name=c1", {"Image": "alpine:3", "HostConfig": {"Binds": ["v1:/data"]}}),
    ("POST", "/volumes/create", {"Name": "v0"}),
    ("POST", "/volumes/create", {"Name": "v1", "Labels": {"a": "b"}}),
    ("DELETE", "/volumes/v0", None),
    ("POST", "/volumes/prune", None),
    ("POST", "/networks/create", {"Name": "n0"}),
    ("POST", "/networks/create", {"Name": "n1"}),
    ("POST", "/networks/n0/connect", {"Container": "c0"}),
    ("POST", "/networks/n0/disconnect", {"Container": "c0"}),
    ("DELETE", "/networks/n0", None),
    ("POST", "/networks/prune", None),
    ("POST", "/images/busybox:latest/tag?repo=t0&tag=1", None),
    ("POST", "/images/alpine:3/tag?repo=t0&tag=1", None),
    ("DELETE", "/images/t0:1", None),
    ("POST", "/images/alpine:3/tag?repo=busybox&tag=latest", None),
    ("POST", "/commit?container=c0", None),
    ("POST", "/commit?container=c0&repo=t0&tag=1", None),
    ("POST", "/images/create?fromSrc=-&repo=imported", None),
    ("POST", "/images/prune", None),
    ("POST", "/containers/c0/start", None),
    ("POST", "/containers/c0/stop?t=0", None),
    ("POST", "/containers/c1/rename?name=c2", None),
    ("DELETE", "/containers/c0?v=1&force=1", None),
    ("DELETE", "/containers/c2?force=1", None),
    ("POST", "/containers/prune", None),
    ("DELETE", "/images/alpine:3?force=1", None),
    ("POST", f"/images/prune?filters={ALL}", None),
    ("POST", "/images/create?fromImage=busybox&tag=latest", None),
]
PULL, CREATE, TAG_BUSYBOX, TAG_ALPINE, COMMIT = 0, 1, 13, 14, 17


NO_EVENT = {number for number, request in enumerate(REQUESTS) if request[1].endswith("/connect")}
"""What an engine sends no event of: connecting a container that does not run."""


async def ask(service: Service, number: int) -> bool:
    """Send a request; return whether it was accepted."""
    method, target, body = REQUESTS[number]
    args: dict[str, Any] = {"method": method, "target": target}
    if body is not None:
        args |= {"headers": [["Content-Type", "application/json"]], "body": json.dumps(body).encode()}
    elif "fromSrc" in target:
        args |= {"body": make_tar([("file", File(b"data"))])}
    reply = await service(Message(Verb.CONNECT, (), args))
    assert reply.att is not None
    await read_whole(reply.att)
    return int(reply["status"]) < 400


async def listed(service: Service, collection: str) -> dict[str, Any]:
    """List a collection by path."""
    listing = Listing.of(await service(Message(Verb.LS, (collection,))))
    assert listing.missing == ()
    return {"/".join(row.path): {**row.document, "Status": "", "names": row.names} for row in listing}


class Deaf:
    """A service whose watches say nothing once they are in step: what is seen of a write is then what was fetched."""

    def __init__(self, inner: Service) -> None:
        self._inner = inner

    async def __call__(self, message: Message, /) -> Message:
        reply = await self._inner(message)
        return evolve(reply, ret=DeafReceiver(reply.ret)) if isinstance(reply.ret, Receiver) else reply


class DeafReceiver(Receiver):
    """A channel that gives nothing after the last `synced`."""

    def __init__(self, inner: Receiver) -> None:
        self._inner = inner
        self._synced = 0

    async def receive(self) -> Message:
        if self._synced == len(COLLECTIONS):
            await trio.sleep_forever()
        message = await self._inner.receive()
        self._synced += message["kind"] == "synced"
        return message

    def close(self) -> None:
        self._inner.close()


async def play(steps: list[tuple[int, bool]], *, deaf: bool) -> set[int]:
    """Send requests, through a mirror or behind its back, and compare all that is listed after each.

    What sends no event is always sent through it. Returns those that were accepted.
    """
    engine = FakeEngine("e")
    accepted: set[int] = set()
    async with (
        engine.run(),
        EngineStage(engine.dialer, "e").open(None) as service,
        open_mirror(Deaf(service) if deaf else service, "e") as mirror,
    ):
        await trio.testing.wait_all_tasks_blocked()
        for number, behind in steps:
            behind = behind and number not in NO_EVENT
            if await ask(service if behind else mirror, number):
                accepted.add(number)
            if behind:
                await trio.testing.wait_all_tasks_blocked()
                assert all(mirror.settled(collection) for collection in COLLECTIONS)  # so that none is fetched
            for collection in COLLECTIONS:
                assert mirror.holds(collection)
                assert await listed(mirror, collection) == await listed(service, collection)
    return accepted


def run(steps: list[tuple[int, bool]], *, deaf: bool = False) -> set[int]:
    """Play in a run of its own."""
    return trio.run(partial(play, steps, deaf=deaf), clock=MockClock(autojump_threshold=0))


def test_each_request_is_accepted_at_some_time() -> None:
    """What is compared are changes: none of the requests is one that every engine refuses."""
    twice = [(number, True) for number in range(len(REQUESTS))] * 2
    assert run(twice) == set(range(len(REQUESTS)))


STEPS = st.lists(st.tuples(st.integers(0, len(REQUESTS) - 1), st.booleans()), max_size=20)


@settings(deadline=None, max_examples=25)
@given(steps=STEPS)
@example(steps=[(PULL, True), (TAG_BUSYBOX, True), (TAG_ALPINE, True), (TAG_BUSYBOX, False)])
@example(steps=[(CREATE, True), (COMMIT, True), (COMMIT, False)])
@example(steps=[(number, behind) for number in range(len(REQUESTS)) for behind in (True, False)])
def test_mirror_lists_what_the_engine_lists(steps: list[tuple[int, bool]]) -> None:
    """After any writes, through it and behind its back, a mirror lists each collection as the engine behind it does."""
    run(steps)


@settings(deadline=None, max_examples=25)
@given(numbers=st.lists(st.integers(0, len(REQUESTS) - 1), max_size=20))
@example(numbers=[*range(len(REQUESTS)), *range(len(REQUESTS))])
def test_mirror_reads_its_writes_without_events(numbers: list[int]) -> None:
    """After any writes through it a mirror lists each collection as the engine does, though no event comes."""
    run([(number, False) for number in numbers], deaf=True)
