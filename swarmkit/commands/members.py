"""`swarmd members`: who is listed by a source, and how each member is; `--watch` goes on and says what changes."""

from __future__ import annotations

import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import NoReturn

import click
import trio
from attrs import frozen

from ..host import Host
from ..message import Message, Verb
from ..part import Role, Stage
from ..parts import aggregate_of
from ..pipeline import Pipeline
from ..rows import Listing
from ..running import EXIT_FAILED, run_until_signal, say
from ..service import Service
from .greeting import settled
from .seen import Change, Seen, changes, document, seen_of, table
from .words import SOURCE_HELP, parse_source, told_as_usage

EXIT_UNANSWERED = 3
"""Exit code: the members are listed, and not all of them answer."""

LOOK_SECONDS = 0.5
"""Seconds between two looks of `--watch`. They ask nobody: what is looked at is kept in step by itself."""


@click.command("members", epilog=SOURCE_HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("source")
@click.option("--watch", is_flag=True, help="Go on, with a line for each change, until SIGINT or SIGTERM.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object on each line.")
def members(source: str, watch: bool, as_json: bool) -> None:
    """List the members of a source and how each is.

    Each is asked, for 3 seconds at most. The exit code is 0 where all answer, and 3 where one does not, or is missing.
    """
    with told_as_usage():
        pipeline = parse_source(source)
    _log_less()

    async def work() -> int:
        try:
            return await (follow(pipeline, as_json=as_json) if watch else show(pipeline, as_json=as_json))
        except NobodyReads:
            return EXIT_FAILED

    sys.exit(run_until_signal(work))


def _log_less() -> None:
    """Leave out of the log what the table says, unless the log is what is wanted."""
    root = logging.getLogger()
    if root.getEffectiveLevel() > logging.DEBUG:
        root.setLevel(max(logging.ERROR, root.level))


# -- looking -----------------------------------------------------------------------------------------------------------


@frozen
class _Opened(Stage):
    """A source that is open already, so that what is asked of it and what follows it see the same."""

    role = Role.SOURCE
    name: str
    service: Service

    @asynccontextmanager
    async def open(self, inner: Service | None) -> AsyncIterator[Service]:
        yield self.service


@frozen
class View:
    """A source, and the hosts that its members are."""

    source: Service
    hosts: Host

    async def look(self) -> list[Seen]:
        """Return the members as they are known now."""
        listed = Listing.of(await self.source(Message(Verb.LS)))
        return seen_of(listed, await self.hosts.ls("nodes"))

    async def look_when_settled(self) -> list[Seen]:
        """Return the members once all have answered, or after a moment; nobody is waited for where nobody is listed."""
        if Listing.of(await self.source(Message(Verb.LS))):
            await settled(self.hosts)
        return await self.look()


@asynccontextmanager
async def open_view(source: Pipeline) -> AsyncIterator[View]:
    """Open a source, and all its members as an aggregate does."""
    async with source.open() as service, aggregate_of({}, _Opened(source.name, service)).open(None) as hosts:
        yield View(service, Host(hosts))


# -- saying ------------------------------------------------------------------------------------------------------------


class NobodyReads(Exception):
    """Whoever read our output has gone: there is nothing left to do."""


def _say(*lines: str) -> None:
    if not say(*lines):
        raise NobodyReads


async def show(source: Pipeline, *, as_json: bool = False) -> int:
    """Print the members of a source; return the exit code."""
    async with open_view(source) as view:
        seen = await view.look_when_settled()
    _say_all(source, seen, as_json=as_json)
    return 0 if all(each.answers for each in seen) else EXIT_UNANSWERED


async def follow(source: Pipeline, *, as_json: bool = False) -> NoReturn:
    """Print the members of a source, then what changes, for ever."""
    async with open_view(source) as view:
        seen = await view.look_when_settled()
        _say_all(source, seen, as_json=as_json)
        while True:
            await trio.sleep(LOOK_SECONDS)
            before, seen = seen, await view.look()
            _say(*(_told(change, as_json=as_json) for change in changes(before, seen)))


def _say_all(source: Pipeline, seen: list[Seen], *, as_json: bool) -> None:
    if as_json:
        _say(*map(document, seen))
    else:
        _say(*(table(seen) or [f"{source} lists no member."]))


def _told(change: Change, *, as_json: bool) -> str:
    time = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if as_json:
        return document(change.member, time=time, change=change.what)
    return f"{time}  {change.member.name}  {change.text}"
