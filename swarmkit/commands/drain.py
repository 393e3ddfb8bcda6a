"""`swarmd drain`: take a member out of placement, or put it back, where its source is told so by a message."""

from __future__ import annotations

import sys

import click
import trio

from ..errors import NotFound, SwarmError, Unavailable
from ..message import Message, Verb
from ..pipeline import Pipeline
from ..rows import Listing
from ..running import run_until_signal, say
from ..service import Service
from .words import SOURCE_HELP, parse_source, told_as_usage

LIST_SECONDS = 2.0
"""How long a source may take to list the member."""

_POLL_SECONDS = 0.1


@click.command("drain", epilog=SOURCE_HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("source")
@click.argument("name")
@click.option("--undo", is_flag=True, help="Put the member back.")
def drain(source: str, name: str, undo: bool) -> None:
    """Take a member out of placement: nothing new is put there.

    Its containers go on, and can be used, restarted and removed. It stays so until --undo, also over restarts.
    """
    with told_as_usage():
        pipeline = parse_source(source)
    sys.exit(run_until_signal(lambda: set_drained(pipeline, name, drained=not undo)))


async def set_drained(source: Pipeline, name: str, *, drained: bool) -> int:
    """Tell a source, say what that means, and return the exit code; raise what the source refuses it with."""
    async with source.open() as service:
        listed = await _list_until(service, name)
        try:
            await service(Message(Verb.SET, (name,), {"drained": drained}))
        except NotFound as error:
            raise _unknown(source, name, listed) from error
    say(f"{name} is {_DRAINED if drained else 'active: it takes new containers again'}")
    return 0


_DRAINED = "drained: it takes no new containers, and those that it has go on"


async def _list_until(source: Service, name: str) -> Listing:
    """Return what a source lists, after a moment where it lists nobody or misses something: it may be asking still."""
    deadline = trio.current_time() + LIST_SECONDS
    while True:
        listed = Listing.of(await source(Message(Verb.LS)))
        settled = any(row.name == name for row in listed) or (listed and not listed.missing)
        if settled or trio.current_time() >= deadline:
            return listed
        await trio.sleep(_POLL_SECONDS)


def _unknown(source: Pipeline, name: str, listed: Listing) -> SwarmError:
    if not listed and listed.missing:  # the member may well be there
        reasons = "; ".join(f"{gap.member}: {gap.reason}" for gap in listed.missing)
        return Unavailable(f"{source} does not list {name} now: {reasons}")
    known = f"it lists {', '.join(row.name for row in listed)}" if listed else "it lists nobody"
    return NotFound(f"{source} lists no member called {name!r}; {known}")
