"""Mutants: what one is, and how its layer is made."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from swarmkit.layer import LayerFunction
from swarmkit.message import Message, Verb, ack
from swarmkit.service import Service

Maker = Callable[[], LayerFunction]


@frozen
class Mutant:
    """A layer that is made anew for each test, and the names of the checks that must fail over it."""

    name: str
    make: Maker
    caught_by: frozenset[str]

    def __str__(self) -> str:
        return self.name


def mutant(among: list[Mutant], *caught_by: str) -> Callable[[Maker], None]:
    """Add a maker of layers to a list of mutants."""

    def add(make: Maker) -> None:
        among.append(Mutant(make.__name__, make, frozenset(caught_by)))

    return add


def spoiling(
    *verbs: Verb, message: Callable[[Message], Message] = lambda message: message,
    reply: Callable[[Message, Message], Message] = lambda message, reply: reply,
) -> LayerFunction:  # fmt: skip
    """Make a layer that changes requests of these verbs (of all, where none is given), or their replies."""

    async def layer(asked: Message, inner: Service) -> Message:
        if verbs and asked.verb not in verbs:
            return await inner(asked)
        return reply(asked, await inner(message(asked)))

    return layer


def answering(asked: Callable[[Message], bool]) -> LayerFunction:
    """Make a layer that says done to some messages and does nothing."""

    async def layer(message: Message, inner: Service) -> Message:
        return ack() if asked(message) else await inner(message)

    return layer
