"""Layers of one's own: a stage made of one async function.

A layer that has options, or that owns tasks and connections, is a `Stage` of its own; see `swarmkit.part`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio
from attrs import frozen

from .errors import Internal
from .message import Message
from .part import Role, Stage
from .service import Service, close_ends

LayerFunction = Callable[[Message, Service], Awaitable[Message]]
"""Answers a message, as a rule by calling the service behind it with the same message or another."""


@frozen
class LayerStage(Stage):
    """A layer that holds nothing but its function."""

    role = Role.LAYER
    function: LayerFunction
    name: str

    @asynccontextmanager
    async def open(self, inner: Service | None) -> AsyncIterator[Service]:
        if inner is None:
            raise Internal(f"the layer {self.name} was opened with no service behind it")
        yield _Layered(self.name, self.function, inner)


@frozen
class _Layered:
    name: str
    function: LayerFunction
    inner: Service

    async def __call__(self, message: Message, /) -> Message:
        try:
            reply = await self.function(message, self.inner)
        except BaseException:  # the function may not have got as far as handing the ends on; closing is idempotent
            with trio.CancelScope(shield=True):
                await close_ends(message)
            raise
        if not isinstance(reply, Message):
            raise Internal(f"the layer {self.name} returned {type(reply).__name__}, not a Message")
        return reply


def layer(function: LayerFunction) -> LayerStage:
    """Make a layer of an async function; chain it with `|` to the stage or pipeline behind it.

    ```python
    @layer
    async def shout(message: Message, inner: Service) -> Message:
        print(str(message).upper())
        return await inner(message)


    async with open_pipeline(shout | parse_pipeline("docker")) as host: ...
    ```

    Where the function raises, the ends that the message carries are closed for it.
    """
    return LayerStage(function, getattr(function, "__name__", "layer"))
