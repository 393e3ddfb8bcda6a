"""Keeping one host registered with a source of members for as long as it answers."""

from __future__ import annotations

import logging
from typing import NoReturn

import trio
from attrs import field, frozen

from ..channel import Receiver
from ..errors import Internal, Unavailable
from ..host import Host
from ..message import Message, Verb
from ..notify import notify
from ..running import say
from ..service import Service, close_ends

log = logging.getLogger("swarmkit.swarmd")

LOOK_SECONDS = 0.5
"""Seconds between two looks at the host, which ask nobody: its state is known by its pings."""


@frozen
class Member:
    """What is registered: a name, the address that others reach it at, its labels, and for how long without us."""

    name: str
    address: str
    ttl: int
    labels: dict[str, str] = field(factory=dict)


class Joining:
    """A member, the source that it is registered with, and the host that it is, as it can be reached from here."""

    def __init__(self, member: Member, source: Service, host: Service) -> None:
        self._member = member
        self._source = source
        self._host = Host(host)
        self._said_ready = False

    async def run(self) -> NoReturn:
        """Register the member when its host answers, and take it out when it has not for the ttl, for ever.

        Raises what the source refuses it with: `Conflict` where the name is another's.
        """
        while True:
            await self._wait_until_it_answers()
            channel, lost = await self._register()
            async with channel:
                self._note(lost)
                reason = await self._keep(channel)
            log.warning(
                "%s is taken out: it has not answered for %d s: %s", self._member.name, self._member.ttl, reason
            )

    async def _register(self) -> tuple[Receiver, str | None]:
        """Return the channel that keeps the member registered, and why it is not registered yet, if it is not."""
        member = self._member
        args = {"address": member.address, "labels": member.labels, "ttl": member.ttl}
        reply = await self._source(Message(Verb.SPAWN, (member.name,), args))
        if not isinstance(reply.ret, Receiver):
            await close_ends(reply)
            raise Internal("the source registered it without a channel")
        return reply.ret, reply.get("lost")

    async def _keep(self, channel: Receiver) -> str:
        """Wait until the host has not answered for long enough; return the reason."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._heed, channel)
            reason = await self._wait_until_it_is_gone()
            nursery.cancel_scope.cancel()
        return reason

    async def _heed(self, channel: Receiver) -> NoReturn:
        async for message in channel:
            self._note(str(message.get("reason")) if message.get("kind") == "lost" else None)
        raise Unavailable(f"{self._member.name} is not kept registered any more, and nothing says why")

    def _note(self, lost: str | None) -> None:
        """Say that the member is registered, or why not."""
        name = self._member.name
        if lost is not None:
            log.warning("%s is not known to be registered: %s; this is tried again by itself", name, lost)
            notify(f"STATUS=not known to be registered: {lost}")
            return
        log.info("%s is registered as %s", name, self._member.address)
        notify("READY=1", f"STATUS=registered as {name}")
        if not self._said_ready:
            self._said_ready = True
            say(f"swarmd: ready as {name}")

    # -- the host ---------------------------------------------------------------------------------------------------

    async def _wait_until_it_answers(self) -> None:
        told = False  # once: what comes after the first reason says when it is tried again, at most
        while (reason := await self._why_silent()) is not None:
            if reason and not told:
                log.warning("%s does not answer: %s; it is registered when it does", self._member.address, reason)
                notify(f"STATUS=not registered: {self._member.address} does not answer: {reason}")
                told = True
            await trio.sleep(LOOK_SECONDS)

    async def _wait_until_it_is_gone(self) -> str:
        """Wait until the host has been silent for the ttl, without a break; return the reason."""
        since: float | None = None
        while True:
            reason = await self._why_silent()
            if reason is None:
                since = None
            elif since is None:
                since = trio.current_time()
            elif trio.current_time() - since >= self._member.ttl:
                return reason
            await trio.sleep(LOOK_SECONDS)

    async def _why_silent(self) -> str | None:
        """Return why the host does not answer, "" where that is not known yet, and None where it does."""
        hosts = await self._host.ls("nodes")
        if any(row.lost is None for row in hosts):
            return None
        states = {row.document.get("State") for row in hosts}
        return "" if states == {"connecting"} else "; ".join(str(row.lost) for row in hosts)
