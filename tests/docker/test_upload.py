"""Uploads and conversations: streamed, ended as they end, and cut where they are cut."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
import trio

from backends.docker import EngineRequest
from backends.docker.pool import IDLE_CONNECTIONS
from swarmkit import BytesStream, Unavailable, open_pipe, read_whole
from swarmkit.errors import NotFound, SwarmError, Timeout
from swarmkit.http import Headers, Request, Response
from swarmkit.streams import CHUNK, PipeSender

from .engine import MemoryEngine, answer, ask, memory_engine, ok, opened, post

Clock = trio.testing.MockClock


@pytest.mark.parametrize("length", [None, 100_000])
async def test_upload_is_streamed(autojump_clock: Clock, length: int | None) -> None:
    """An upload of a length known or not arrives whole."""
    async with memory_engine() as engine, opened(engine) as service:
        engine.handlers["POST", "/x"] = ok
        assert await ask(service, post(upload=BytesStream(b"x" * 100_000), length=length)) == b"x" * 100_000


async def test_early_reply_comes_while_the_upload_flows(autojump_clock: Clock) -> None:
    """A refusal before the upload's end is returned; closing it closes the upload's source."""
    async with memory_engine() as engine, opened(engine) as service:

        async def refuse(request: Request) -> Response:
            return answer({"message": "no"}, 404)

        engine.handlers["PUT", "/x"] = refuse
        sender, receiver = open_pipe()
        await sender.send_all(b"begun")
        reply = await service.client.exchange(EngineRequest(method="PUT", target="/x", upload=receiver))
        assert reply.head.status == 404
        await reply.body.aclose()
        await sender.wait_reader_gone()


async def test_cut_upload_is_no_whole_one(autojump_clock: Clock) -> None:
    """Where an upload is cut the engine meets a cut, never a proper end, and the caller is told why."""
    ends: list[object] = []

    async def take(request: Request) -> Response:
        try:
            ends.append(await read_whole(request.body))
        except SwarmError as error:
            ends.append(type(error))
            raise
        return Response(200)

    async with memory_engine() as engine, opened(engine) as service:
        engine.handlers["POST", "/x"] = take
        sender, receiver = open_pipe()
        await sender.send_all(b"half")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_cut, sender)
            with pytest.raises(Timeout, match="its upload was cut short: the client has gone"):
                await ask(service, post(upload=receiver))
        await trio.testing.wait_all_tasks_blocked()
        assert b"half" not in ends


async def test_cut_conversation_is_closed(autojump_clock: Clock) -> None:
    """Where a conversation's input is cut the whole of it is closed, both ways, not half."""
    async with memory_engine() as engine, opened(engine) as service:
        engine.handlers["POST", "/attach"] = echo(engine)
        before = engine.open
        sender, receiver = open_pipe()
        reply = await service.client.exchange(conversation(receiver))
        await _cut(sender)
        await trio.sleep(1)
        assert engine.open == before
        await reply.body.aclose()


async def _cut(sender: PipeSender) -> None:
    await trio.sleep(0.2)
    sender.cut(Unavailable("the client has gone"))


async def test_foreign_stream_that_breaks_is_a_cut(autojump_clock: Clock) -> None:
    """An upload that breaks with another library's error is an error of its own request, not of the engine."""
    async with memory_engine() as engine, opened(engine) as service:
        engine.handlers["POST", "/x"] = ok
        _, receiver = trio.testing.memory_stream_one_way_pair()
        await receiver.aclose()
        with pytest.raises(Timeout, match="its upload was cut short"):
            await service.client.exchange(post(upload=receiver))
        assert (await service.client.get_json("/info"))["NCPU"] == 2


@pytest.mark.parametrize("length", [3, 20])
async def test_upload_of_another_length_is_a_cut(autojump_clock: Clock, length: int) -> None:
    """An upload shorter or longer than announced is cut, and nothing of it is taken for another request."""
    async with memory_engine() as engine, opened(engine) as service:
        engine.handlers["POST", "/x"] = ok
        with pytest.raises(Timeout, match="not as long as was announced"):
            await service.client.exchange(post(upload=BytesStream(b"0123456789"), length=length))
        await trio.testing.wait_all_tasks_blocked()
        assert all(path.endswith("/x") for _, path in engine.requests)


@pytest.mark.parametrize("refused", [True, False])
async def test_upload_is_closed_in_every_case(autojump_clock: Clock, refused: bool) -> None:
    """Whether the engine cannot be reached or the request is given up, the upload's writer is told."""
    async with memory_engine() as engine, opened(engine) as service:
        engine.refused = refused
        engine.frozen = True
        sender, receiver = open_pipe()
        with trio.move_on_after(0.5):
            with suppress(Unavailable):
                await service.client.exchange(post(upload=receiver))
        await sender.wait_reader_gone()


def echo(engine: MemoryEngine) -> Callable[[Request], Awaitable[Response]]:
    """Make a handler that echoes a raw conversation, and says a last word when its input has ended."""

    async def handle(request: Request) -> Response:
        sender, receiver = open_pipe()
        engine.nursery.start_soon(copy, request, sender)
        return Response(101, Headers((("Connection", "Upgrade"), ("Upgrade", "tcp"))), receiver, raw=True)

    async def copy(request: Request, sender: PipeSender) -> None:
        with suppress(SwarmError, trio.BrokenResourceError, trio.ClosedResourceError):
            while data := await request.raw.receive_some(CHUNK):
                await sender.send_all(bytes(data))
            await sender.send_all(b"bye")
            sender.send_eof()

    return handle


def conversation(upload: trio.abc.ReceiveStream) -> EngineRequest:
    """Ask for a raw conversation."""
    return post("/attach", upload=upload, raw=True, upgrade="tcp")


async def test_end_of_input_is_a_half_close(autojump_clock: Clock) -> None:
    """The input's end is passed on, and what is written after it still comes, to its end."""
    async with memory_engine() as engine, opened(engine) as service:
        engine.handlers["POST", "/attach"] = echo(engine)
        assert await ask(service, conversation(BytesStream(b"x" * 200_000))) == b"x" * 200_000 + b"bye"


async def test_conversation_goes_both_ways(autojump_clock: Clock) -> None:
    """Bytes pass each way while the conversation lasts; closing the output ends the input and the connection."""
    async with memory_engine() as engine, opened(engine) as service:
        engine.handlers["POST", "/attach"] = echo(engine)
        before = engine.open
        sender, receiver = open_pipe()
        reply = await service.client.exchange(conversation(receiver))
        assert reply.raw
        for word in (b"one", b"two"):
            await sender.send_all(word)
            assert await reply.body.receive_some() == word
        await reply.body.aclose()
        await sender.wait_reader_gone()
        await trio.testing.wait_all_tasks_blocked()
        assert engine.open == before


async def test_refused_conversation_closes_its_input(autojump_clock: Clock) -> None:
    """Where the engine answers with an error instead, the input is closed, and the error can be read."""
    async with memory_engine() as engine, opened(engine) as service:
        sender, receiver = open_pipe()
        reply = await service.client.exchange(conversation(receiver))
        await sender.wait_reader_gone()
        with pytest.raises(NotFound, match="no such thing"):
            await service.client.whole(reply)


async def test_hundreds_of_exchanges_leave_nothing(autojump_clock: Clock) -> None:
    """After hundreds of requests, uploads and conversations, finished or given up, there is nothing left of them."""
    async with memory_engine() as engine, opened(engine) as service:
        engine.handlers["POST", "/x"] = ok
        engine.handlers["POST", "/attach"] = echo(engine)

        async def given_up() -> None:
            _, receiver = open_pipe()
            with trio.move_on_after(0.01):
                await ask(service, conversation(receiver))

        for _ in range(20):
            async with trio.open_nursery() as nursery:
                for _ in range(5):
                    nursery.start_soon(ask, service, post(upload=BytesStream(b"body")))
                    nursery.start_soon(ask, service, conversation(BytesStream(b"hi")))
                    nursery.start_soon(given_up)
        await trio.testing.wait_all_tasks_blocked()
        assert engine.open <= IDLE_CONNECTIONS + 1  # the one that is kept for pings
        assert service.client.pool.open == engine.open
        assert service.client._waiting == set()
