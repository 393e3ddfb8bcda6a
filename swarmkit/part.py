"""Parts and stages: what a pipeline is made of.

A *part* is a kind of thing that can be named in a pipeline (`docker`, `aggregate`); it parses words. A *stage* is a
part with its arguments settled; it can be opened, any number of times, over the service behind it.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from enum import Enum
from typing import TYPE_CHECKING, Any

import click
from attrs import frozen

from .errors import Internal, Invalid
from .service import Service

if TYPE_CHECKING:
    from .pipeline import Pipeline


class Role(Enum):
    """Where in a pipeline a stage stands; the value says it in words."""

    BACKEND = "a service of its own"
    SOURCE = "lists and watches members"
    LAYER = "a service over a service"
    FRONT = "serves the outside"


class Stage(ABC):
    """A part with its arguments settled.

    `role` decides what `open` is given: backends and sources get None, layers and fronts the service behind them.
    """

    role: Role
    name: str
    """How the stage is called in messages: a part's name, or what its author prefers."""

    @property
    def reaches(self) -> frozenset[str]:
        """The addresses that the stage connects to, as far as they are settled: a front must not serve on one."""
        return frozenset()

    @property
    def serves(self) -> frozenset[str]:
        """The addresses that the stage listens on."""
        return frozenset()

    @abstractmethod
    def open(self, inner: Service | None) -> AbstractAsyncContextManager[Service]:
        """Open an instance that ends with the block: its tasks, sockets, processes and files.

        Opening begins to connect and waits for nobody: a host that cannot be reached is a state, not a failure. What is
        wrong with the arguments themselves raises a `SwarmError`.
        """

    def named(self, name: str) -> Stage:
        """Return this stage under the name that it has as a member, so that its messages say it."""
        return self

    def avoiding(self, addresses: frozenset[str]) -> Stage:
        """Return this stage as one that connects to none of the addresses: those that its own pipeline serves on.

        Raises `Invalid` where it was told to connect to one. A stage that chooses by itself leaves that one out.
        """
        for address in meeting(self.reaches, addresses):
            raise Invalid(f"it would be its own host: {address} is served and connected to (is DOCKER_HOST set to it?)")
        return self

    def __or__(self, other: Stage | Pipeline) -> Pipeline:
        """Chain this stage to what stands behind it."""
        from .pipeline import Pipeline  # a pipeline is made of stages: the import is circular by nature

        return Pipeline((self,)) | other

    def __str__(self) -> str:
        return self.name


def meeting(reached: Iterable[str], served: Iterable[str]) -> list[str]:
    """Return those addresses reached that are served, sorted; a Unix socket's path may lead through symbolic links."""
    places = {_place(address) for address in served}
    return sorted(address for address in reached if _place(address) in places)


def _place(address: str) -> str:
    scheme, _, path = address.partition("://")
    return f"unix://{os.path.realpath(path)}" if scheme == "unix" else address


@frozen
class Part:
    """A kind of stage: its name, its role, one line about it, and the click command that parses its arguments.

    The command's callback returns the `Stage`.
    """

    name: str
    role: Role
    command: click.Command

    @property
    def summary(self) -> str:
        """The first sentence of the help."""
        return self.command.get_short_help_str(limit=100)

    def parse(self, words: Sequence[str]) -> Stage:
        """Settle the arguments.

        Raises `Invalid` naming the part for words it does not understand, and `Internal` where it makes no stage.
        """
        try:
            with self.command.make_context(self.name, list(words)) as context:
                stage = self.command.invoke(context)
        except click.exceptions.Exit as stop:
            raise Invalid(f"{self.name}: nothing to open") from stop
        except click.ClickException as error:
            raise Invalid(f"{self.name}: {error.format_message()}") from error
        if not isinstance(stage, Stage):
            raise Internal(f"{self.name}: its function returned {type(stage).__name__}, not a Stage")
        return stage

    def help(self) -> str:
        """Return the whole help text."""
        with click.Context(self.command, info_name=self.name) as context:
            return self.command.get_help(context)


def part(role: Role, name: str | None = None) -> Callable[[Callable[..., Any]], Part]:
    """Make a part of a function that returns a `Stage`; put it above the function's click options.

    ```python
    @part(Role.LAYER)
    @click.argument("word")
    def shout(word: str) -> Stage:
        "Say a word with each message."
    ```
    """

    def decorate(function: Callable[..., Any]) -> Part:
        called = str(name or getattr(function, "__name__", "part"))
        command = click.command(called, add_help_option=False)(function)
        return Part(called, role, command)

    return decorate
