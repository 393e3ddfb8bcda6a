"""The part `fake`: an in-memory engine, reached by the same client as a real one."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click
from attrs import evolve, frozen

from backends.docker import EngineStage
from swarmkit.errors import Invalid
from swarmkit.part import Role, Stage, part
from swarmkit.service import Service

from .engine import API, BUSYBOX, FakeEngine


@frozen
class FakeStage(Stage):
    """A new in-memory engine with each opening; or `engine`, one that the test keeps and lets `run`."""

    role = Role.BACKEND
    name: str = "fake"
    images: tuple[str, ...] = (BUSYBOX,)
    engine: FakeEngine | None = None
    api: tuple[str, str] = API

    def named(self, name: str) -> Stage:
        return evolve(self, name=name)

    @asynccontextmanager
    async def open(self, inner: Service | None) -> AsyncIterator[Service]:
        if self.engine is not None:
            async with EngineStage(self.engine.dialer, self.name).open(None) as service:
                yield service
            return
        engine = FakeEngine(self.name, images=self.images, api=self.api)
        async with engine.run(), EngineStage(engine.dialer, self.name).open(None) as service:
            yield service

    def __str__(self) -> str:
        return f"fake {self.name}"


@part(Role.BACKEND)
@click.argument("name", default="fake")
@click.option(
    "--image", "images", multiple=True, help="An image that is there (may be repeated) beside busybox:latest."
)
@click.option("--api", metavar="OLDEST-NEWEST", help="The versions of the API that it has, such as 1.44-1.52.")
def fake(name: str, images: tuple[str, ...], api: str | None) -> Stage:
    """An engine in memory, for tests.

    It behaves as a real one does: containers run commands such as echo, cat, sleep and sh -c. NAME is the host's name.
    """
    return FakeStage(name, (BUSYBOX, *images), api=_range(api) if api is not None else API)


def _range(text: str) -> tuple[str, str]:
    if re.fullmatch(r"\d+\.\d+-\d+\.\d+", text) is None:
        raise Invalid(f"not a range of versions of the API: {text!r} (such as 1.44-1.52)")
    oldest, _, newest = text.partition("-")
    return oldest, newest
