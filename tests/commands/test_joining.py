"""Keeping a host registered, with a source and a host that do as they are told."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from attrs import define, field
from trio.testing import MockClock

from swarmkit import Conflict, Listing, Message, Row, Verb, ack
from swarmkit.channel import Sender, open_channel
from swarmkit.commands import joining as command
from swarmkit.commands.joining import Joining, Member
from swarmkit.errors import SwarmError
from swarmkit.instance import errors_within

WEB = Member("web", "docker tcp://192.0.2.7:2376", 30, {"zone": "a"})


@define(eq=False)
class Source:
    """A source that notes what is registered with it."""

    lost: str | None = None
    error: SwarmError | None = None
    spawned: list[Message] = field(factory=list)
    senders: list[Sender] = field(factory=list)

    async def __call__(self, message: Message, /) -> Message:
        self.spawned.append(message)
        if self.error is not None:
            raise self.error
        sender, receiver = open_channel()
        self.senders.append(sender)
        return ack({} if self.lost is None else {"lost": self.lost}, ret=receiver)

    @property
    def registered(self) -> bool:
        """Whether somebody keeps a registration."""
        return any(not sender.closed for sender in self.senders)

    def say(self, kind: str, reason: str) -> None:
        """Tell who keeps the registration."""
        self.senders[-1].offer(Message(Verb.WATCH, ("web",), {"kind": kind, "reason": reason}))


@define(eq=False)
class Engine:
    """A host that is one node, which answers or does not."""

    lost: str | None = None
    state: str = "healthy"

    async def __call__(self, message: Message, /) -> Message:
        assert (message.verb, message.path) == (Verb.LS, ("nodes",))
        return ack(Listing((Row("web", ("nodes", "web"), document={"State": self.state}, lost=self.lost),)).to_args())


@asynccontextmanager
async def joining(source: Source, engine: Engine) -> AsyncIterator[None]:
    """Join for the length of the block."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Joining(WEB, source, engine).run)
        await trio.sleep(1)
        yield
        nursery.cancel_scope.cancel()


async def test_a_host_that_answers_is_registered(
    autojump_clock: MockClock, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Once, with what others need; that is said on standard output, and it is taken out at the end."""
    source = Source()
    with caplog.at_level(logging.INFO):
        async with joining(source, Engine()):
            await trio.sleep(100)
            assert source.registered
    assert [str(message) for message in source.spawned] == [
        "SPAWN web address='docker tcp://192.0.2.7:2376' labels={'zone': 'a'} ttl=30"
    ]
    assert not source.registered
    assert capsys.readouterr().out == "swarmd: ready as web\n"
    assert caplog.messages == ["web is registered as docker tcp://192.0.2.7:2376"]


async def test_a_host_that_does_not_answer_waits(autojump_clock: MockClock, caplog: pytest.LogCaptureFixture) -> None:
    """The log says why, once, whatever the reason becomes; it is registered when it answers."""
    source, engine = Source(), Engine(lost="refused")
    async with joining(source, engine):
        engine.lost = "refused again"
        await trio.sleep(100)
        assert source.spawned == []
        assert caplog.messages == [f"{WEB.address} does not answer: refused; it is registered when it does"]
        engine.lost = None
        await trio.sleep(1)
        assert source.registered


async def test_who_is_still_connecting_is_not_complained_of(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is known yet."""
    async with joining(Source(), Engine(state="connecting", lost="not reached yet")):
        assert caplog.messages == []


async def test_a_host_that_is_silent_for_the_ttl_is_taken_out(
    autojump_clock: MockClock, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Not before, so that a restart is nothing; and it is registered again when it answers. Ready is said once."""
    source, engine = Source(), Engine()
    async with joining(source, engine):
        for _ in range(3):
            engine.lost = "reset"
            await trio.sleep(WEB.ttl - 2)
            engine.lost = None
            await trio.sleep(2)
        assert (source.registered, len(source.spawned)) == (True, 1)
        engine.lost = "reset"
        await trio.sleep(WEB.ttl + 1)
        assert not source.registered
        assert "web is taken out: it has not answered for 30 s: reset" in caplog.messages
        engine.lost = None
        await trio.sleep(1)
        assert (source.registered, len(source.spawned)) == (True, 2)
    assert capsys.readouterr().out == "swarmd: ready as web\n"


async def test_what_the_source_says_of_the_registration_is_logged(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """That it is lost, with the reason, and that it is there again."""
    source = Source()
    with caplog.at_level(logging.INFO):
        async with joining(source, Engine()):
            source.say("lost", "no answer")
            source.say("back", "no answer")
            await trio.sleep(1)
    assert caplog.messages[1:] == [
        "web is not known to be registered: no answer; this is tried again by itself",
        "web is registered as docker tcp://192.0.2.7:2376",
    ]


async def test_a_service_manager_is_told_how_it_is(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ready with each registration, and in between why there is none."""
    told: list[str] = []
    monkeypatch.setattr(command, "notify", lambda *states: told.append(" ".join(states)))
    source, engine = Source(), Engine(lost="refused")
    async with joining(source, engine):
        engine.lost = None
        await trio.sleep(1)
        source.say("lost", "no answer")
        source.say("back", "no answer")
        await trio.sleep(1)
    assert told == [
        "STATUS=not registered: docker tcp://192.0.2.7:2376 does not answer: refused",
        "READY=1 STATUS=registered as web",
        "STATUS=not known to be registered: no answer",
        "READY=1 STATUS=registered as web",
    ]


async def test_it_is_ready_when_it_is_registered(autojump_clock: MockClock, capsys: pytest.CaptureFixture[str]) -> None:
    """And not before, where the source could not do it at once."""
    source = Source(lost="no answer")
    async with joining(source, Engine()):
        assert capsys.readouterr().out == ""
        source.say("back", "no answer")
        await trio.sleep(1)
        assert capsys.readouterr().out == "swarmd: ready as web\n"


async def test_a_name_that_is_anothers_ends_it(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    """At once, or later, when it was lost and taken."""
    with pytest.raises(Conflict, match="taken"):
        await Joining(WEB, Source(error=Conflict("taken")), Engine()).run()
    source = Source()

    async def take() -> None:
        await trio.sleep(10)
        source.senders[0].end(Conflict("taken"))

    nursery.start_soon(take)
    with pytest.raises(ExceptionGroup) as raised:
        await Joining(WEB, source, Engine()).run()
    assert [error.message for error in errors_within(raised.value)] == ["taken"]
