"""The part `hosts`: a file of hosts, opened and followed."""

from __future__ import annotations

import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click
import trio
from attrs import frozen

from swarmkit.errors import Invalid
from swarmkit.instance import open_instance
from swarmkit.part import Role, Stage, part
from swarmkit.registry import Registry
from swarmkit.rows import Missing
from swarmkit.service import Service
from swarmkit.source import Roster, follow_changes, open_roster

from .file import HostsFile


@frozen
class HostsStage(Stage):
    """The hosts that a file lists. A file that is missing or wrong at opening is an error; later its hosts stay.

    It is written when a host is drained, or put back: to the file, so that it stays so for all who read it.
    """

    role = Role.SOURCE
    name = "hosts"
    path: str

    @asynccontextmanager
    async def open(self, inner: Service | None) -> AsyncIterator[Service]:
        file = HostsFile(self.path, Registry())
        roster = Roster(file.read())

        def take() -> None:
            try:
                roster.update(file.read())
            except Invalid as error:
                roster.miss([Missing(self.name, f"{error.message}; what was listed before stays")])
            else:
                roster.miss(())

        async def drain(name: str, drained: bool) -> None:
            await trio.lowlevel.checkpoint()
            file.drain(name, drained)
            take()

        async with open_instance() as nursery, open_roster(self.name, roster, drain=drain) as service:
            nursery.start_soon(follow_changes, file.look, take)
            yield service

    def __str__(self) -> str:
        return shlex.join([self.name, self.path])


@part(Role.SOURCE)
@click.argument("file")
def hosts(file: str) -> Stage:
    """The hosts that a file lists.

    FILE is TOML with a table [[host]] for each host: its name, its address, its labels. It is read again when it
    changes.
    """
    return HostsStage(file)
