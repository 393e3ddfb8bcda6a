"""The part `contexts`: the docker command's contexts, opened and followed."""

from __future__ import annotations

import os
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click
from attrs import evolve, field, frozen

from swarmkit.instance import open_instance
from swarmkit.part import Role, Stage, part
from swarmkit.service import Service
from swarmkit.source import Roster, follow_changes, open_roster

from .listing import Choice, Lister
from .store import open_store


@frozen
class ContextsStage(Stage):
    """The contexts of a choice. The docker command's folder is found, and the environment read, at opening."""

    role = Role.SOURCE
    name = "contexts"
    choice: Choice = field(factory=Choice)

    def avoiding(self, addresses: frozenset[str]) -> Stage:
        return evolve(self, choice=evolve(self.choice, avoided=self.choice.avoided | addresses))

    @asynccontextmanager
    async def open(self, inner: Service | None) -> AsyncIterator[Service]:
        roster = Roster()
        store = open_store(os.environ)
        lister = Lister(store, self.choice, roster)
        lister.check()
        lister.take()
        async with open_instance() as nursery, open_roster(self.name, roster) as service:
            nursery.start_soon(follow_changes, store.look, lister.take)
            yield service

    def __str__(self) -> str:
        return shlex.join([self.name, *self.choice.named, *(["--insecure"] if self.choice.insecure else [])])


@part(Role.SOURCE)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--insecure", is_flag=True, help="Allow plain TCP to another machine.")
def contexts(names: tuple[str, ...], insecure: bool) -> Stage:
    """The hosts of your Docker contexts.

    All that `docker context ls` shows, or those called NAME; contexts that come and go are followed. The default one is
    at $DOCKER_HOST, else at the standard socket.
    """
    return ContextsStage(Choice(names, insecure))
