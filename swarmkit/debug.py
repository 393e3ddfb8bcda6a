"""The layer `debug`: log each message that passes, and change nothing."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count

import click
import trio
from attrs import evolve, frozen

from .channel import EndOfChannel, Receiver
from .errors import Internal, SwarmError
from .logs import LEVELS
from .message import Message, Verb
from .part import Role, Stage, part
from .service import Service, close_ends
from .transcript import line_of

log = logging.getLogger(__name__)

Say = Callable[[str], None]
"""Logs one line."""


@frozen
class DebugStage(Stage):
    """Log what passes, at a level of `logging`, each line with a label where one is given."""

    role = Role.LAYER
    label: str = ""
    level: int = logging.INFO
    name: str = "debug"

    @asynccontextmanager
    async def open(self, inner: Service | None) -> AsyncIterator[Service]:
        if inner is None:
            raise Internal("debug was opened with no service behind it")
        label = f"{self.label} " if self.label else ""
        yield _Debugged(inner, lambda line: log.log(self.level, "%s%s", label, line), count(1))


@part(Role.LAYER)
@click.option("--name", default="", metavar="LABEL", help="Put LABEL before each line.")
@click.option("--level", type=click.Choice(LEVELS), default="info", show_default=True, help="The level to log at.")
def debug(name: str, level: str) -> Stage:
    """Log each message that passes, its reply, and what its streams and channels carried.

    Each call has a number. Credentials are not shown, and bodies and documents only by their size.
    """
    return DebugStage(name, logging.getLevelNamesMapping()[level.upper()])


class _Debugged:
    """A service that logs what passes through it to the service behind."""

    def __init__(self, inner: Service, say: Say, numbers: count[int]) -> None:
        self._inner = inner
        self._say = say
        self._numbers = numbers

    async def __call__(self, message: Message, /) -> Message:
        number, began = next(self._numbers), trio.current_time()

        def say(line: str) -> None:
            self._say(f"#{number} {line}")

        def say_after(line: str) -> None:
            say(f"{line} after {trio.current_time() - began:.3f} s")

        say(f"> {line_of(message)}")
        try:
            reply = await self._inner(self._tapped(message, say, "request"))
        except SwarmError as error:
            say_after(f"< ERROR {error.code.value}: {error}")
            raise
        except trio.Cancelled:
            say_after("< cancelled")
            raise
        except BaseException as error:
            say_after(f"< {type(error).__name__}: {error}")
            raise
        say_after(f"< {line_of(reply)}")
        return self._tapped(reply, say, "reply")

    def _tapped(self, message: Message, say: Say, whose: str) -> Message:
        """Return the message with its ends in ones that log."""
        ret, att = message.ret, message.att
        if att is not None:
            att = _TappedStream(att, say, whose)
        if isinstance(ret, Receiver):
            ret = _TappedReceiver(ret, say)
        elif ret is not None:
            ret = _CarriedService(ret, self._say, self._numbers)
        return evolve(message, ret=ret, att=att)

    def __str__(self) -> str:
        return f"debug over {self._inner}"


class _CarriedService(_Debugged):
    """A service that was handed over, which its owner closes."""

    async def aclose(self) -> None:
        await close_ends(Message(Verb.ACK, ret=self._inner))


class _TappedStream(trio.abc.ReceiveStream):
    """A carried stream that says, when it is over, how many bytes came and how it ended."""

    def __init__(self, inner: trio.abc.ReceiveStream, say: Say, whose: str) -> None:
        self._inner = inner
        self._say: Say | None = say
        self._whose = whose
        self._began = trio.current_time()
        self._size = 0

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        try:
            data = await self._inner.receive_some(max_bytes)
        except trio.Cancelled:  # of this read, not of the stream
            raise
        except BaseException as error:
            self._over(f"cut ({error})" if isinstance(error, SwarmError) else repr(error))
            raise
        self._size += len(data)
        if not data and max_bytes != 0:
            self._over("end of file")
        return data

    async def aclose(self) -> None:
        self._over("closed by its reader")
        await self._inner.aclose()

    def _over(self, how: str) -> None:
        say, self._say = self._say, None
        if say is not None:
            seconds = trio.current_time() - self._began
            say(f"= stream of the {self._whose}: {self._size} bytes in {seconds:.3f} s, {how}")


class _TappedReceiver(Receiver):
    """The receiving end of a channel, saying what is taken from it."""

    def __init__(self, inner: Receiver, say: Say) -> None:  # all the state there is is the inner one's
        self._inner = inner
        self._say = say
        self._over = False

    async def receive(self) -> Message:
        try:
            message = await self._inner.receive()
        except EndOfChannel:
            self._end("ended")
            raise
        except SwarmError as error:
            self._end(f"ended with {error.code.value}: {error}")
            raise
        self._say(f"- {line_of(message)}")
        return message

    def receive_nowait(self) -> Message | None:
        message = self._inner.receive_nowait()
        if message is not None:
            self._say(f"- {line_of(message)}")
        return message

    def close(self) -> None:
        self._end("closed by its receiver")
        self._inner.close()

    async def _close_whole(self) -> None:
        self._end("closed by its receiver")
        await self._inner._close_whole()

    def _end(self, how: str) -> None:
        if not self._over:
            self._over = True
            self._say(f"= channel {how}")
