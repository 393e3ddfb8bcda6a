import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair, wait_all_tasks_blocked

from swarmkit.errors import Invalid, Unavailable
from swarmkit.http import Headers, Request, Response, serve_connection
from swarmkit.http.messages import MAX_HEAD
from swarmkit.streams import BytesStream, PipeSender, open_pipe, read_whole

from .servers import raw_client, read_all, read_until

HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
HELLO_LAST = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"


async def hello(request: Request) -> Response:
    return Response(200, body=b"hello")


async def echo(request: Request) -> Response:
    return Response(200, body=await read_whole(request.body))


async def talk(handler: object, sent: bytes) -> bytes:
    """Send some bytes on a connection of their own; return all that comes back until the server closes."""
    async with raw_client(handler) as stream:  # type: ignore[arg-type]
        await stream.send_all(sent)
        return await read_all(stream)


async def test_connection_is_kept() -> None:
    """Requests follow one another on one connection until one asks to close it."""
    async with raw_client(hello) as stream:
        for _ in range(3):
            await stream.send_all(b"GET / HTTP/1.1\r\n\r\n")
            assert await read_until(stream, b"hello") == HELLO
        await stream.send_all(b"GET / HTTP/1.1\r\nConnection: Close\r\n\r\n")
        assert await read_all(stream) == HELLO_LAST


async def test_pipelined_requests_are_answered_in_order() -> None:
    """A second request sent with the first, and behind its body, waits for its turn."""
    first = b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\none"
    second = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n"
    third = b"\r\nPOST / HTTP/1.1\r\nContent-Length: 5\r\nConnection: close\r\n\r\nthree"
    answers = await talk(echo, first + second + third)
    assert [part.partition(b"\r\n\r\n")[2] for part in answers.split(b"HTTP/1.1 200 OK")[1:]] == [
        b"one",
        b"two",
        b"three",
    ]


async def test_request_may_come_byte_by_byte() -> None:
    """How the network cuts a request makes no difference."""
    async with raw_client(echo) as stream:
        for byte in b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n":
            await stream.send_all(bytes([byte]))
        assert await read_until(stream, b"hello") == HELLO


async def test_http_1_0_is_answered_and_closed() -> None:
    """A client of HTTP/1.0 gets a length or the closing as the end, and no coding that it does not know."""
    assert await talk(hello, b"GET / HTTP/1.0\r\n\r\n") == HELLO_LAST

    async def stream(request: Request) -> Response:
        return Response(200, body=BytesStream(b"hello"))

    assert await talk(stream, b"GET / HTTP/1.0\r\n\r\n") == b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello"


async def test_head_is_answered_without_a_body() -> None:
    """The answer to HEAD has the length that GET's would have, no body, and leaves the connection open."""
    async with raw_client(hello) as stream:
        await stream.send_all(b"HEAD / HTTP/1.1\r\n\r\n")
        assert await read_until(stream, b"\r\n\r\n") == HELLO.removesuffix(b"hello")
        await stream.send_all(b"GET / HTTP/1.1\r\n\r\n")
        assert await read_until(stream, b"hello") == HELLO


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("body", [b"", b"dropped", BytesStream(b"dropped")], ids=["none", "bytes", "stream"])
async def test_status_without_a_body(status: int, body: bytes | trio.abc.ReceiveStream) -> None:
    """204 and 304 end with their head, whatever the handler gave."""

    async def handler(request: Request) -> Response:
        return Response(status, body=body)

    async with raw_client(handler) as stream:
        for _ in range(2):
            await stream.send_all(b"GET / HTTP/1.1\r\n\r\n")
            head = await read_until(stream, b"\r\n\r\n")
            assert (head[:12], b"content-length" in head.lower()) == (f"HTTP/1.1 {status}".encode(), False)


async def test_stream_of_unknown_length_is_chunked_piece_by_piece() -> None:
    """Each piece of a stream goes out as it comes, as one chunk, and the connection may be used again."""
    sender, receiver = open_pipe()

    async def handler(request: Request) -> Response:
        return Response(200, body=receiver)

    async with raw_client(handler) as stream:
        await stream.send_all(b"GET / HTTP/1.1\r\n\r\n")
        assert (await read_until(stream, b"\r\n\r\n")).endswith(b"Transfer-Encoding: chunked\r\n\r\n")
        for piece, coded in ((b"one", b"3\r\none\r\n"), (b"three", b"5\r\nthree\r\n")):
            await sender.send_all(piece)
            assert await read_until(stream, b"\r\n" + piece + b"\r\n") == coded
        sender.send_eof()
        assert await read_until(stream, b"\r\n") == b"0\r\n\r\n"
        await sender.wait_reader_gone()


@pytest.mark.parametrize("fields", [(), (("Content-Length", "5"),)], ids=["chunked", "length"])
async def test_cut_stream_has_no_proper_end(fields: tuple[tuple[str, str], ...]) -> None:
    """Where the body breaks off, so does the response: before its last chunk, short of its length."""
    sender, receiver = open_pipe()
    await sender.send_all(b"hel")
    sender.cut(Unavailable("the host has gone"))

    async def handler(request: Request) -> Response:
        return Response(200, Headers(fields), receiver)

    answer = await talk(handler, b"GET / HTTP/1.1\r\n\r\n")
    assert answer.partition(b"\r\n\r\n")[2] == (b"hel" if fields else b"3\r\nhel\r\n")
    await sender.wait_reader_gone()


@pytest.mark.parametrize("length", ["4", "6"])
async def test_stream_of_another_length_than_stated_ends_the_connection(length: str) -> None:
    """Neither too few nor too many bytes make the next response begin in the wrong place."""

    async def handler(request: Request) -> Response:
        return Response(200, Headers((("Content-Length", length),)), BytesStream(b"hello"))

    answer = await talk(handler, b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200") == 1
    assert len(answer.partition(b"\r\n\r\n")[2]) <= int(length)


async def test_coding_of_the_hop_before_is_not_repeated() -> None:
    """A handler that passes on the headers of another server's response does not thereby frame its own."""
    relayed = Headers((("Transfer-Encoding", "chunked"), ("X", "y")))

    async def handler(request: Request) -> Response:
        return Response(200, relayed, b"hello")

    async with raw_client(handler) as stream:
        await stream.send_all(b"GET / HTTP/1.1\r\n\r\n")
        assert await read_until(stream, b"hello") == b"HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 5\r\n\r\nhello"


async def test_handler_may_close_the_connection() -> None:
    """A response that says `Connection: close` is the last one."""

    async def handler(request: Request) -> Response:
        return Response(200, Headers((("Connection", "close"),)), b"hello")

    answer = await talk(handler, b"GET / HTTP/1.1\r\n\r\n")
    assert answer == b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"


async def test_malformed_request_is_answered_in_words() -> None:
    """What cannot be parsed gets a 400 that says why, and the connection ends."""
    answer = await talk(hello, b"BREW /pot HTTP/1.1\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"Invalid method" in answer
    assert b"BREW /pot" in answer


SMUGGLED = {
    "length and chunks": b"POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 50\r\n\r\n",
    "chunks over 1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding unknown": b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "bare LF": b"GET / HTTP/1.1\nA: b\n\n",
}


@pytest.mark.parametrize("name", SMUGGLED)
async def test_smuggled_request_is_never_served(name: str) -> None:
    """A request whose end is in doubt is refused, and what comes behind it is not taken for another."""
    targets: list[str] = []

    async def handler(request: Request) -> Response:
        targets.append(request.target)
        return Response(200)

    answer = await talk(handler, SMUGGLED[name] + b"GET /secret HTTP/1.1\r\nA: b\r\n\r\n")
    assert (answer[:12], targets) == (b"HTTP/1.1 400", [])


async def test_huge_head_is_refused() -> None:
    """A head beyond the limit is a 400, whether it ends or not."""
    for end in (b"", b"\r\n\r\n"):
        answer = await talk(hello, b"GET / HTTP/1.1\r\nA: ".ljust(MAX_HEAD + 1, b"x") + end)
        assert (answer[:12], b"longer than" in answer) == (b"HTTP/1.1 400", True)


async def test_head_of_the_largest_size_is_served() -> None:
    """A head of exactly the limit is taken."""
    async with raw_client(hello) as stream:
        await stream.send_all(b"GET / HTTP/1.1\r\nA: ".ljust(MAX_HEAD - 4, b"x") + b"\r\n\r\n")
        assert await read_until(stream, b"hello") == HELLO


async def test_connection_that_ends_within_a_head_is_closed() -> None:
    """A client that goes in mid-head gets no answer, and nothing is raised."""
    async with raw_client(hello) as stream:
        await stream.send_all(b"GET / HT")
        await stream.send_eof()
        assert await read_all(stream) == b""


async def test_malformed_body_is_the_handlers_to_answer() -> None:
    """The reader of a malformed body meets Invalid; the connection ends after the answer."""

    async def handler(request: Request) -> Response:
        try:
            await read_whole(request.body)
        except Invalid as error:
            return Response(400, body=str(error).encode())
        raise AssertionError

    answer = await talk(handler, b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n")
    assert (answer[:12], b"Connection: close" in answer) == (b"HTTP/1.1 400", True)


async def test_body_cut_short_is_no_body() -> None:
    """A client that ends its side within a body makes the handler's read fail, never end."""
    errors: list[Exception] = []

    async def handler(request: Request) -> Response:
        try:
            await read_whole(request.body)
        except Unavailable as error:
            errors.append(error)
        return Response(200)

    async with raw_client(handler) as stream:
        await stream.send_all(b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf")
        await stream.send_eof()
        await read_all(stream)
    assert [str(error) for error in errors] == ["the connection ended within a body"]


@pytest.mark.parametrize("failure", [RuntimeError("oops"), ExceptionGroup("many", [ValueError("oops")])], ids=repr)
async def test_handlers_failure_is_a_500_and_logged(failure: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """What a handler lets out becomes a 500 without its text, a log record with it, and the connection lives on."""

    async def handler(request: Request) -> Response:
        if request.target == "/bad":
            raise failure
        return Response(200, body=b"hello")

    async with raw_client(handler) as stream:
        await stream.send_all(b"GET /bad HTTP/1.1\r\n\r\n")
        answer = await read_until(stream, b"log\n")
        assert (answer[:12], b"oops" in answer) == (b"HTTP/1.1 500", False)
        await stream.send_all(b"GET / HTTP/1.1\r\n\r\n")
        assert await read_until(stream, b"hello") == HELLO
    assert [(record.levelno, record.message) for record in caplog.records] == [(logging.ERROR, "GET /bad failed")]
    assert "oops" in caplog.text


@pytest.mark.parametrize("raw", [False, True], ids=["plain", "raw"])
async def test_response_that_cannot_be_written_is_a_500(raw: bool, caplog: pytest.LogCaptureFixture) -> None:
    """A header that would break out of its line is never sent."""

    async def handler(request: Request) -> Response:
        return Response(200, Headers((("A", "b\r\nSet-Cookie: c"),)), b"", raw=raw)

    async with raw_client(handler) as stream:
        await stream.send_all(b"GET / HTTP/1.1\r\n\r\n")
        answer = await read_until(stream, b"log\n")
    assert (answer[:12], b"Set-Cookie" in answer) == (b"HTTP/1.1 500", False)
    assert "cannot be written" in caplog.text


class Broken(trio.abc.ReceiveStream):
    """A body whose maker made a mistake."""

    def __init__(self, where: str) -> None:
        self.where = where

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        if self.where == "read":
            raise ExceptionGroup("many", [RuntimeError("oops")])
        return b""

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()
        if self.where == "close":
            raise RuntimeError("oops")


@pytest.mark.parametrize("where", ["read", "close"])
@pytest.mark.parametrize("raw", [False, True], ids=["plain", "raw"])
async def test_failing_body_is_logged_and_harms_nobody(where: str, raw: bool, caplog: pytest.LogCaptureFixture) -> None:
    """An exception out of a response's body never reaches the task that serves the other connections."""

    async def handler(request: Request) -> Response:
        return Response(200, body=Broken(where), raw=raw)

    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_connection, theirs, handler)
        await ours.send_all(b"GET / HTTP/1.1\r\n\r\n")
        await ours.send_eof()
        answer = await read_all(ours)
    assert not (where == "read" and answer.endswith(b"0\r\n\r\n"))
    assert "oops" in caplog.text


@asynccontextmanager
async def pending(*, gone: bool) -> AsyncIterator[tuple[trio.StapledStream, trio.Event]]:  # type: ignore[type-arg]
    """Serve with a handler that never answers; yield the client's end once the request is being handled."""
    started, cancelled = trio.Event(), trio.Event()

    async def handler(request: Request) -> Response:
        started.set()
        try:
            await trio.sleep_forever()
        finally:
            cancelled.set()
        raise AssertionError

    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_connection, theirs, handler)
        await ours.send_all(b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
        await started.wait()
        yield ours, cancelled
        if not gone:
            nursery.cancel_scope.cancel()


async def test_client_that_goes_cancels_the_handler() -> None:
    """Nobody waits for the answer: the handler is cancelled and the connection closed."""
    async with pending(gone=True) as (stream, cancelled):
        await stream.aclose()
        await cancelled.wait()


async def test_client_that_pipelines_is_still_there(autojump_clock: MockClock) -> None:
    """More requests behind a pending one are no reason to cancel it, however many."""
    async with pending(gone=False) as (stream, cancelled):
        with trio.move_on_after(60):
            await stream.send_all(b"GET / HTTP/1.1\r\n\r\n" * 20_000)
        assert not cancelled.is_set()


async def test_client_that_goes_in_mid_stream_closes_the_body() -> None:
    """A quiet stream whose client has gone is closed at once, not at its next piece."""
    sender, receiver = open_pipe()

    async def handler(request: Request) -> Response:
        return Response(200, body=receiver)

    async with raw_client(handler) as stream:
        await stream.send_all(b"GET / HTTP/1.1\r\n\r\n")
        await read_until(stream, b"\r\n\r\n")
        await stream.aclose()
        await sender.wait_reader_gone()


async def test_cancelling_the_server_closes_bodies_and_connection() -> None:
    """When the block that serves ends, the client sees the end and the body's writer is told."""
    sender, receiver = open_pipe()
    ours, theirs = memory_stream_pair()

    async def handler(request: Request) -> Response:
        return Response(200, body=receiver)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_connection, theirs, handler)
        await ours.send_all(b"GET / HTTP/1.1\r\n\r\n")
        await read_until(ours, b"\r\n\r\n")
        nursery.cancel_scope.cancel()
    await sender.wait_reader_gone()
    assert await read_all(ours) == b""


class SlowToClose(trio.abc.ReceiveStream):
    """A body that takes a moment to be given up."""

    def __init__(self) -> None:
        self.closed = trio.Event()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.sleep_forever()
        raise AssertionError

    async def aclose(self) -> None:
        await trio.sleep(0.1)
        self.closed.set()


async def test_cancellation_does_not_cut_the_closing_short(autojump_clock: MockClock) -> None:
    """A body is given all the time that it takes to close, even where the client has gone."""
    body = SlowToClose()

    async def handler(request: Request) -> Response:
        return Response(200, body=body)

    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_connection, theirs, handler)
        await ours.send_all(b"GET / HTTP/1.1\r\n\r\n")
        await read_until(ours, b"\r\n\r\n")
        await ours.aclose()
    assert body.closed.is_set()


async def test_pipelined_requests_are_not_all_held(autojump_clock: MockClock) -> None:
    """A client that pipelines behind a pending request is slowed down: little of what it sends is read ahead."""

    async def handler(request: Request) -> Response:
        await trio.sleep_forever()
        raise AssertionError

    ours, theirs = trio.testing.lockstep_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_connection, theirs, handler)
        with trio.move_on_after(60) as waited:
            for _ in range(100):
                await ours.send_all(b"GET / HTTP/1.1\r\n\r\n" * 1000)
        assert waited.cancelled_caught
        nursery.cancel_scope.cancel()


async def test_no_upload_is_asked_for_within_a_response() -> None:
    """A body first read when the response has begun is not asked for: the 100 would stand in the response."""
    sender, receiver = open_pipe()
    begun = trio.Event()
    async with trio.open_nursery() as nursery:

        async def copy_later(request: Request) -> None:
            await begun.wait()
            await copy_back(request, sender)

        async def handler(request: Request) -> Response:
            nursery.start_soon(copy_later, request)
            return Response(200, body=receiver)

        async with raw_client(handler) as stream:
            await stream.send_all(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
            assert (await read_until(stream, b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            begun.set()
            await wait_all_tasks_blocked()
            await stream.send_all(b"abc")
            assert await read_all(stream) == b"3\r\nabc\r\n0\r\n\r\n"


async def copy_back(request: Request, sender: PipeSender) -> None:
    while data := await request.body.receive_some():
        await sender.send_all(data)
    sender.send_eof()


@asynccontextmanager
async def duplex() -> AsyncIterator[trio.StapledStream]:  # type: ignore[type-arg]
    """Serve with a handler that answers at once and sends the upload back as it comes."""
    async with trio.open_nursery() as nursery:

        async def handler(request: Request) -> Response:
            sender, receiver = open_pipe()
            nursery.start_soon(copy_back, request, sender)
            return Response(200, body=receiver)

        async with raw_client(handler) as stream:
            yield stream
        nursery.cancel_scope.cancel()


async def test_upload_goes_on_while_the_response_flows(autojump_clock: MockClock) -> None:
    """A response may begin before its request has ended, and both flow until each ends."""
    async with duplex() as stream:
        await stream.send_all(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert b"200 OK" in await read_until(stream, b"\r\n\r\n")
        for piece in (b"one", b"two"):
            await stream.send_all(b"3\r\n" + piece + b"\r\n")
            assert await read_until(stream, piece + b"\r\n") == b"3\r\n" + piece + b"\r\n"
        await stream.send_all(b"0\r\n\r\n")
        assert await read_all(stream) == b"0\r\n\r\n"


async def test_early_response_to_an_unread_upload(autojump_clock: MockClock) -> None:
    """A refusal reaches the client while it still uploads; then the connection ends, not at once but soon."""
    async with raw_client(hello) as stream:
        await stream.send_all(b"POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1000)
        started = trio.current_time()
        assert await read_all(stream) == HELLO_LAST
        await stream.send_all(b"x" * 1000)
        await wait_all_tasks_blocked()
        await trio.sleep(started + 3 - trio.current_time())
        with pytest.raises(trio.BrokenResourceError):
            await stream.send_all(b"x" * 1000)


async def test_expected_upload_is_asked_for_when_it_is_read() -> None:
    """100-continue is sent on the first read of the body, once, and not before."""
    reads = trio.Event()

    async def handler(request: Request) -> Response:
        await reads.wait()
        return await echo(request)

    async with raw_client(handler) as stream:
        await stream.send_all(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        with trio.move_on_after(0.01) as waited:
            await stream.receive_some(1)
        assert waited.cancelled_caught
        reads.set()
        assert await read_until(stream, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await stream.send_all(b"hello")
        assert await read_until(stream, b"hello") == HELLO


@pytest.mark.parametrize(
    "sent",
    [
        b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
        b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=["refused", "HTTP/1.0", "no body"],
)
async def test_upload_is_not_asked_for_in_vain(sent: bytes) -> None:
    """No 100-continue goes out where the response comes first, where it is not known, and where there is no body."""

    async def handler(request: Request) -> Response:
        if request.headers.get("content-length") == "0" or request.head.version == "1.0":
            await read_whole(request.body)
        return Response(200, body=b"hello")

    assert await talk(handler, sent) == HELLO_LAST


async def test_slow_reader_slows_the_writer(autojump_clock: MockClock) -> None:
    """While a client does not read, the server holds no more than a few pieces of what it is to get."""
    sender, receiver = open_pipe()
    written = 0

    async def handler(request: Request) -> Response:
        return Response(200, body=receiver)

    async def produce() -> None:
        nonlocal written
        while True:
            await sender.send_all(b"x" * 10_000)
            written += 10_000

    ours, theirs = trio.testing.lockstep_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_connection, theirs, handler)
        nursery.start_soon(produce)
        await ours.send_all(b"GET / HTTP/1.1\r\n\r\n")
        await read_until(ours, b"\r\n\r\n")
        await trio.sleep(60)
        assert written < 300_000
        nursery.cancel_scope.cancel()


async def test_slow_handler_slows_the_client(autojump_clock: MockClock) -> None:
    """While a handler does not read the body, nothing of it is read from the connection."""

    async def handler(request: Request) -> Response:
        await trio.sleep_forever()
        raise AssertionError

    ours, theirs = trio.testing.lockstep_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_connection, theirs, handler)
        with trio.move_on_after(60) as waited:
            await ours.send_all(b"POST / HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n")
            for _ in range(100):
                await ours.send_all(b"x" * 65536)
        assert waited.cancelled_caught
        nursery.cancel_scope.cancel()


async def test_closed_body_cannot_be_read() -> None:
    """A body that outlives its exchange raises; it never reads as ended."""
    kept: list[Request] = []

    async def handler(request: Request) -> Response:
        kept.append(request)
        return Response(200, body=b"hello")

    await talk(handler, b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n")
    with pytest.raises(trio.ClosedResourceError):
        await kept[0].body.receive_some()
