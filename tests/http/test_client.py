from collections.abc import Callable

import pytest
import trio
from trio.testing import memory_stream_pair, wait_all_tasks_blocked

from swarmkit.errors import Invalid, Unavailable
from swarmkit.http import Connection, Headers, Reply, Request, RequestHead, Response
from swarmkit.http.client import reusable
from swarmkit.streams import BytesStream, open_pipe, read_whole

from .servers import client, read_until, request


async def exchange(answer: bytes, method: str = "GET", *, raw: bool = False, ends: bool = True) -> Reply:
    """Send a request to a server that answers with some bytes, and then ends its side unless told otherwise."""
    ours, theirs = memory_stream_pair()
    connection = Connection(ours)
    await connection.send(request(method))
    await theirs.send_all(answer)
    if ends:
        await theirs.send_eof()
    reply = await connection.receive(method, raw=raw)
    assert reply is not None
    return reply


async def test_request_and_reply() -> None:
    """A body at hand goes with its length; the reply brings status, fields and body."""

    async def handler(request: Request) -> Response:
        assert request.headers.get("content-length") == "4"
        return Response(201, Headers((("X", request.target),)), await read_whole(request.body) + b"!")

    async with client(handler) as connection:
        for target in ("/a", "/b"):
            await connection.send(request("POST", target), b"body")
            reply = await connection.receive("POST")
            assert reply is not None
            assert (reply.head.status, reply.head.headers.get("x"), reply.raw) == (201, target, False)
            assert await reply.body.receive_some() == b"body!"
            assert await read_whole(reply.body) == b""
            assert reusable(reply)


@pytest.mark.parametrize("chunked", [True, False], ids=["chunked", "length"])
async def test_upload(chunked: bool) -> None:
    """A body from a stream arrives whole, coded or of a known length, and its source is closed."""

    async def handler(request: Request) -> Response:
        return Response(200, body=await read_whole(request.body))

    sender, receiver = open_pipe()
    await sender.send_all(b"uploaded")
    sender.send_eof()
    framing = ("Transfer-Encoding", "chunked") if chunked else ("Content-Length", "8")
    async with client(handler) as connection:
        await connection.send(request("PUT", "/", framing))
        await connection.upload(receiver, chunked=chunked)
        reply = await connection.receive("PUT")
        assert reply is not None
        assert await read_whole(reply.body) == b"uploaded"
    await sender.wait_reader_gone()


async def test_upload_that_is_cut_has_no_proper_end() -> None:
    """Where the source of an upload breaks off, no last chunk is written."""
    ours, theirs = memory_stream_pair()
    sender, receiver = open_pipe()
    await sender.send_all(b"half")
    sender.cut(Unavailable("the source has gone"))
    with pytest.raises(Unavailable, match="the source has gone"):
        await Connection(ours).upload(receiver, chunked=True)
    await ours.aclose()
    assert await read_until(theirs, b"half\r\n") == b"4\r\nhalf\r\n"
    assert await theirs.receive_some() == b""


async def test_interim_responses_are_left_out() -> None:
    """100 and 103 announce the response that counts."""
    reply = await exchange(
        b"HTTP/1.1 100 Continue\r\n\r\n"
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    )
    assert (reply.head.status, await read_whole(reply.body)) == (200, b"ok")


async def test_server_that_closes_before_its_answer() -> None:
    """An end of file instead of an answer is None: the request may or may not have been done."""
    ours, theirs = memory_stream_pair()
    await theirs.send_eof()
    assert await Connection(ours).receive("GET") is None


async def test_server_that_closes_within_its_answer() -> None:
    """A head cut short is Unavailable, and so is each body that its framing shows to be cut."""
    with pytest.raises(Unavailable, match="within a head"):
        await exchange(b"HTTP/1.1 200 O")
    for answer in (
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ):
        reply = await exchange(answer)
        assert await reply.body.receive_some() == b"half"
        for _ in range(2):
            with pytest.raises(Unavailable, match="within a body"):
                await reply.body.receive_some()
        assert not reusable(reply)


async def test_server_that_is_none() -> None:
    """Another protocol's greeting is Invalid, and says what came."""
    with pytest.raises(Invalid, match=r"SSH-2\.0"):
        await exchange(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")


async def test_malformed_body_is_invalid() -> None:
    """A coding that cannot be understood is told apart from a cut."""
    reply = await exchange(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n")
    with pytest.raises(Invalid):
        await reply.body.receive_some()


async def test_body_that_ends_by_closing() -> None:
    """Without length and coding a body goes on to the end of file, and the connection is over."""
    reply = await exchange(b"HTTP/1.1 200 OK\r\n\r\nall of it")
    assert await read_whole(reply.body) == b"all of it"
    assert not reusable(reply)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", False),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n", False),
        (b"HTTP/1.1 204 No Content\r\n\r\nsurprise", False),
    ],
)
async def test_connection_is_reusable_only_where_it_is_clean(answer: bytes, expected: bool) -> None:
    """A connection is used again only if both sides keep it and nothing unasked for has come on it."""
    reply = await exchange(answer, ends=False)
    await read_whole(reply.body)
    assert reusable(reply) is expected


async def test_closing_says_whether_the_body_was_read() -> None:
    """The hook learns, once, whether the body had been read to its end."""
    for read in (True, False):
        told: list[bool] = []
        ours, theirs = memory_stream_pair()
        await theirs.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        reply = await Connection(ours).receive("GET", when_closed=told.append)
        assert reply is not None
        if read:
            await reply.body.receive_some()
        await reply.body.aclose()
        await reply.body.aclose()
        assert told == [read]
        with pytest.raises(trio.ClosedResourceError):
            await reply.body.receive_some()


@pytest.mark.parametrize(
    ("answer", "asked", "raw"),
    [
        (b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n", True, True),
        (b"HTTP/1.1 101 UPGRADED\r\n\r\n", True, True),
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n", True, True),
        (b"HTTP/1.1 200 OK\r\n\r\n", False, False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", True, False),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\n", True, False),
    ],
)
async def test_raw_conversation_begins_right_behind_the_head(answer: bytes, asked: bool, raw: bool) -> None:
    """After a 101, and after a 200 to whoever asked, the bytes are raw, those already read included."""
    reply = await exchange(answer + b"early", raw=asked)
    assert (reply.raw, await read_whole(reply.body)) == (raw, b"early")


async def test_conversation_passes_on_the_half_close() -> None:
    """The end of the input is a half-close, after which output still comes."""
    ours, theirs = memory_stream_pair()
    connection = Connection(ours)
    await connection.converse(BytesStream(b"input"))
    assert await theirs.receive_some() == b"input"
    assert await theirs.receive_some() == b""
    await theirs.send_all(b"HTTP/1.1 101 UPGRADED\r\n\r\noutput")
    reply = await connection.receive("POST", raw=True)
    assert reply is not None
    assert await reply.body.receive_some() == b"output"


async def send(connection: Connection) -> None:
    await connection.send(request("POST"), b"body")


async def upload(connection: Connection) -> None:
    await connection.upload(BytesStream(b"body"), chunked=True)


async def converse(connection: Connection) -> None:
    await connection.converse(BytesStream(b"input"))


async def receive(connection: Connection) -> None:
    await connection.receive("GET")


@pytest.mark.parametrize("act", [send, upload, converse, receive])
async def test_closed_connection_is_unavailable(act: Callable[[Connection], object]) -> None:
    """Whatever is tried on a connection that was closed says so as a SwarmError."""
    ours, _ = memory_stream_pair()
    connection = Connection(ours)
    await connection.aclose()
    with pytest.raises(Unavailable, match="the connection broke"):
        await act(connection)  # type: ignore[misc]


async def test_closing_ends_a_pending_read() -> None:
    """Closing a connection ends what is read from it, as a cut."""
    ours, theirs = memory_stream_pair()
    connection = Connection(ours)
    await theirs.send_all(b"HTTP/1.1 200 OK\r\n\r\n")
    reply = await connection.receive("GET")
    assert reply is not None

    async def read() -> None:
        with pytest.raises(Unavailable):
            await reply.body.receive_some()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await wait_all_tasks_blocked()
        await connection.aclose()


async def test_head_that_would_break_out_is_not_sent() -> None:
    """A request that cannot be written raises before a byte of it is."""
    ours, theirs = memory_stream_pair()
    with pytest.raises(Invalid):
        await Connection(ours).send(RequestHead("GET", "/a\r\nX: y"))
    await ours.aclose()
    assert await theirs.receive_some() == b""


@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_small_reads_of_a_large_body(size: int) -> None:
    """Whatever a reader asks for at a time, it gets the body, and no more than that at once."""
    data = bytes(range(256)) * 40
    for framing in (b"Content-Length: %d\r\n\r\n%b" % (len(data), data), b"Transfer-Encoding: chunked\r\n\r\n"):
        coded = framing if b"Length" in framing else framing + b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data)
        reply = await exchange(b"HTTP/1.1 200 OK\r\n" + coded)
        parts = []
        while part := await reply.body.receive_some(size):
            parts.append(part)
        assert b"".join(parts) == data
        assert max(map(len, parts)) <= size
