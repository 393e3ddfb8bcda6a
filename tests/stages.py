"""Small stages for the tests of composition: each notes what was done to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click
from attrs import define, field, frozen

from swarmkit import Message, Part, Registry, Role, Service, Stage, SwarmError, ack, close_ends, part


@define
class Notes:
    """What happened, in order."""

    lines: list[str] = field(factory=list)


@frozen
class Noted:
    """A service that answers with its name and the path asked for, through whatever stands behind it."""

    name: str
    inner: Service | None
    addresses: tuple[str, ...] = ("test://here",)

    async def __call__(self, message: Message, /) -> Message:
        await close_ends(message)
        behind = [] if self.inner is None else (await self.inner(message))["names"]
        return ack({"names": [self.name, *behind]}, path=message.path)


@frozen
class NotedStage(Stage):
    """A stage of any role that notes its opening and closing, and fails to open where it is told to."""

    role: Role
    name: str
    notes: Notes = field(factory=Notes)
    error: SwarmError | BaseExceptionGroup[Exception] | None = None

    @asynccontextmanager
    async def open(self, inner: Service | None) -> AsyncIterator[Service]:
        if self.error is not None:
            raise self.error
        self.notes.lines.append(f"open {self.name}")
        try:
            yield Noted(self.name, inner)
        finally:
            self.notes.lines.append(f"close {self.name}")


def part_of(role: Role, name: str) -> Part:
    """Make a part that takes a word, after which its stage is called, and an option."""

    @part(role, name)
    @click.argument("word", default=name)
    @click.option("--size", type=int)
    def make(word: str, size: int | None) -> Stage:
        """Do nothing of use.

        At length.
        """
        return NotedStage(role, word if size is None else f"{word} {size}")

    return make


def registry() -> Registry:
    """Make a registry with one part of each role, named after it, and none that is installed."""
    return Registry((part_of(role, role.name.lower()) for role in Role), installed=False)
