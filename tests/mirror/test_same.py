"""Whatever is done to an engine, its mirror lists what the engine does: at once through it, else after the event."""

from __future__ import annotations

from functools import partial

import trio
from attrs import evolve
from hypothesis import example, given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from backends.docker import EngineStage
from backends.fake import FakeEngine
from swarmkit import Message, Receiver, Service
from swarmkit.mirror import COLLECTIONS, open_mirror

from .requests import COMMIT, CREATE, NO_EVENT, PULL, REQUESTS, TAG_ALPINE, TAG_BUSYBOX, ask, listed


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


@settings(max_examples=25)
@given(steps=STEPS)
@example(steps=[(PULL, True), (TAG_BUSYBOX, True), (TAG_ALPINE, True), (TAG_BUSYBOX, False)])
@example(steps=[(CREATE, True), (COMMIT, True), (COMMIT, False)])
@example(steps=[(number, behind) for number in range(len(REQUESTS)) for behind in (True, False)])
def test_mirror_lists_what_the_engine_lists(steps: list[tuple[int, bool]]) -> None:
    """After any writes, through it and behind its back, a mirror lists each collection as the engine behind it does."""
    run(steps)


@settings(max_examples=25)
@given(numbers=st.lists(st.integers(0, len(REQUESTS) - 1), max_size=20))
@example(numbers=[*range(len(REQUESTS)), *range(len(REQUESTS))])
def test_mirror_reads_its_writes_without_events(numbers: list[int]) -> None:
    """After any writes through it a mirror lists each collection as the engine does, though no event comes."""
    run([(number, False) for number in numbers], deaf=True)
