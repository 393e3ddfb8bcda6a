"""`docker events` is the same on the virtual host: the past, what comes, and filters."""

from __future__ import annotations

import time

import pytest

from .cli import Cli, from_now, now
from .same import same

FORMAT = ("--format", "{{.Type}} {{.Action}} {{.Actor.Attributes.name}} {{.Actor.Attributes.exitCode}}")


def _lives(cli: Cli) -> tuple[str, str]:
    """Run two containers to their end one after the other; return times before and after."""
    before = f"{time.time() - 0.001:.9f}"
    cli.quiet("run", "--rm", "--name", "one", "-l", "tier=front", "busybox", "true")
    cli.run("run", "--name", "two", "busybox", "sh", "-c", "exit 3", code=3, tell=False)
    cli.quiet("rename", "two", "three")
    cli.quiet("rm", "three")
    return before, now()


@same
def test_the_past(cli: Cli) -> None:
    """`--since --until` tells what was, in order, and ends."""
    before, after = _lives(cli)
    span = ("--since", before, "--until", after)
    _told(cli, *span, "--filter", "type=container", *FORMAT)
    _told(cli, *span, "--filter", "type=network", "--format", "{{.Type}} {{.Action}} {{.Actor.Attributes.name}}")
    _told(cli, *span, "--filter", "event=die", "--filter", "event=destroy", *FORMAT)
    _told(cli, *span, "--filter", "container=one", *FORMAT)
    _told(cli, *span, "--filter", "label=tier=front", "--filter", "event=start", *FORMAT)
    _told(cli, *span, "--filter", "image=busybox", "--filter", "event=create", *FORMAT)
    _told(cli, *span, "--filter", "type=volume")
    _told(cli, *span, "--filter", "event=start")
    _told(cli, *span, "--filter", "event=start", "--format", "{{json .}}")


def _told(cli: Cli, *words: str) -> None:
    """Record the events without the words of the command, which have the time in them."""
    result = cli.run("events", *words, tell=False)
    cli.transcript.note(f"{words[4:]}\n{result.text}")


@pytest.mark.over_ssh
@same
def test_what_comes(cli: Cli) -> None:
    """Events arrive as they happen."""
    with cli.background("events", *from_now(), "--filter", "type=container", *FORMAT, code=None) as events:
        cli.quiet("run", "--rm", "--name", "web", "busybox", "true")
        assert events.stdout is not None
        for line in iter(events.stdout.readline, b""):
            cli.transcript.note(line.decode())
            if b"destroy" in line:
                break
        events.kill()


@same
def test_event_refusals(cli: Cli) -> None:
    """What makes no sense is refused."""
    cli.run("events", "--since", "yesterday", "--until", "0s", code=1)
    cli.run("events", "--since", "0s", "--until", "0s", "--filter", "nosuch=1")
    cli.run("events", "--until", "0s", "--filter", "malformed", code=125)
    cli.run("events", "--since", "20s", "--until", "30s", code=1)
    cli.run("events", "--until", "0s", "--format", "{{.Nosuch", code=64)
