import json
from collections.abc import Awaitable, Callable

import pytest
import trio
from attrs import define, field

from swarmkit import (
    BytesStream,
    Code,
    Container,
    Document,
    Host,
    Internal,
    Invalid,
    Message,
    Records,
    Row,
    SwarmError,
    Unavailable,
    Verb,
    ack,
    encode_frame,
    open_channel,
    open_pipe,
    read_whole,
)


@define
class Scripted:
    """A service that notes what it is asked and answers what it is told to."""

    answer: Message | SwarmError = field(factory=ack)
    asked: list[Message] = field(factory=list)

    async def __call__(self, message: Message, /) -> Message:
        self.asked.append(message)
        if isinstance(self.answer, SwarmError):
            raise self.answer
        return self.answer


def container(answer: Message | SwarmError) -> tuple[Scripted, Container]:
    """Make a handle of a container on a service with one answer."""
    service = Scripted(answer)
    return service, Container(service, ("containers", "1"), "1" * 64, "web")


def answered(status: int, body: bytes, **headers: str) -> Message:
    """Make the reply to a CONNECT."""
    return ack({"status": status, "headers": list(headers.items())}, att=BytesStream(body))


# -- what is asked -----------------------------------------------------------------------------------------------------


async def test_spawn_sends_the_spec_and_gives_a_handle() -> None:
    """SPAWN goes to the containers; the handle has the path, the id and the warnings of the reply."""
    service = Scripted(ack({"id": "1" * 64, "warnings": ["w"]}, path=("containers", "1")))
    web = await Host(service).spawn({"Image": "b"}, name="web")
    assert service.asked == [Message(Verb.SPAWN, ("containers",), {"spec": {"Image": "b"}, "name": "web"})]
    assert (web.path, web.id, web.name, web.warnings) == (("containers", "1"), "1" * 64, "web", ("w",))


async def test_attach_finds_a_container() -> None:
    """ATTACH resolves a reference to the canonical path."""
    row = Row("web", ("containers", "1"), "1" * 64)
    service = Scripted(ack(row.to_plain(), path=row.path))
    assert await Host(service).attach("we") == Container(service, row.path, row.id, "web")
    assert service.asked == [Message(Verb.ATTACH, ("containers", "we"))]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda web: web.start(), Message(Verb.START)),
        (lambda web: web.stop(), Message(Verb.STOP)),
        (lambda web: web.stop(0, signal="INT"), Message(Verb.STOP, (), {"timeout": 0, "signal": "INT"})),
        (lambda web: web.set(Name="db", Memory=1), Message(Verb.SET, (), {"Name": "db", "Memory": 1})),
        (lambda web: web.set(verb="x"), Message(Verb.SET, (), {"verb": "x"})),
    ],
)
async def test_a_method_is_a_verb(ask: Callable[[Container], Awaitable[object]], message: Message) -> None:
    """Each method sends its verb to the container's path, without what was not given."""
    service, web = container(ack())
    await ask(web)
    assert [(each.verb, each.path, dict(each.args)) for each in service.asked] == [
        (message.verb, web.path, dict(message.args))
    ]


async def test_get_prints_as_json() -> None:
    """A document is a dictionary that prints readably."""
    _, web = container(ack({"document": {"Id": "1", "Name": "wéb"}}))
    document = await web.get()
    assert (document, str(document)) == (Document(Id="1", Name="wéb"), '{\n  "Id": "1",\n  "Name": "wéb"\n}')


async def test_watch_gives_the_channel() -> None:
    """The reply's `ret` is what is iterated over."""
    sender, receiver = open_channel()
    sender.offer(Message(Verb.WATCH, (), {"kind": "synced"}))
    sender.end()
    async with await Host(Scripted(ack(ret=receiver))).watch() as channel:
        assert [message["kind"] async for message in channel] == ["synced"]


async def test_a_watch_without_a_channel_is_refused() -> None:
    """A reply that carries something else is a fault of the service."""
    with pytest.raises(Internal, match="the reply to WATCH has no channel"):
        await Host(Scripted()).watch()


# -- raw requests ------------------------------------------------------------------------------------------------------


async def test_a_body_is_sent_as_json() -> None:
    """`body` becomes bytes with their type; other options go along."""
    service = Scripted(answered(200, b"{}"))
    answer = await Host(service).connect("POST", "/x", body={"a": 1}, headers=[["A", "b"]])
    args = service.asked[0].args
    assert (args["body"], args["headers"]) == (b'{"a": 1}', [["Content-Type", "application/json"], ["A", "b"]])
    assert await answer.json() == {}


@pytest.mark.parametrize(
    ("status", "body", "result"), [(200, b'[{"a": 1}]', [{"a": 1}]), (204, b"", None), (200, b" \n", None)]
)
async def test_an_answer_is_read_as_json(status: int, body: bytes, result: object) -> None:
    """An empty body is None."""
    assert await (await Host(Scripted(answered(status, body))).connect("GET", "/x")).json() == result


@pytest.mark.parametrize(
    ("status", "body", "code", "message"),
    [
        (404, b'{"message": "No such thing"}', Code.NOT_FOUND, "No such thing"),
        (409, b"plain words\n", Code.CONFLICT, "plain words"),
        (500, b'{"error": 1}', Code.INTERNAL, '{"error": 1}'),
        (500, b"[1]", Code.INTERNAL, "[1]"),
        (200, b"<html>", Code.INTERNAL, "the answer is no JSON: b'<html>'"),
    ],
)
async def test_an_answer_that_is_an_error_is_raised(status: int, body: bytes, code: Code, message: str) -> None:
    """The engine's text is the error's, and its body goes along; what should be JSON and is not is a fault."""
    answer = await Host(Scripted(answered(status, body))).connect("GET", "/x")
    with pytest.raises(SwarmError) as raised:
        await answer.json()
    assert (raised.value.code, raised.value.message) == (code, message)
    assert raised.value.details.get("body", body) == body


async def test_headers_are_read_in_lower_case() -> None:
    """Names of headers have no case."""
    answer = await Host(Scripted(answered(200, b"", Etag="x"))).connect("GET", "/x")
    assert answer.headers == {"etag": "x"}


async def test_wait_gives_the_exit_code() -> None:
    """The condition is in the query, the code in the answer."""
    service, web = container(answered(200, json.dumps({"StatusCode": 3, "Error": None}).encode()))
    assert await web.wait("removed") == 3
    assert service.asked[0]["target"] == "/wait?condition=removed"


async def test_a_wait_that_failed_has_no_exit_code() -> None:
    """An error within the answer is raised, not read as success."""
    _, web = container(answered(200, b'{"StatusCode": 0, "Error": {"Message": "it vanished"}}'))
    with pytest.raises(Internal, match="waiting for web: it vanished"):
        await web.wait()


# -- output ------------------------------------------------------------------------------------------------------------

FRAMES = encode_frame(1, b"one\n") + encode_frame(2, b"two\n")


async def test_a_log_is_read_in_records() -> None:
    """Iterating opens the log, and tells the streams apart."""
    service, web = container(ack(att=BytesStream(FRAMES)))
    log = web.log(follow=True, tail=1)
    assert service.asked == []
    assert [(record.stream, record.text) async for record in log] == [(1, "one"), (2, "two")]
    wanted = {"follow": True, "tail": 1, "timestamps": False, "stdout": True, "stderr": True}
    assert [(each.verb, each.path, each.args) for each in service.asked] == [(Verb.LOG, web.path, wanted)]


async def test_input_is_sent_where_it_is_given() -> None:
    """Joining with bytes sends them to their end; without, no standard input is asked for."""
    service, web = container(ack(att=BytesStream(FRAMES)))
    async with web.join(b"hi") as records:
        assert [record.text async for record in records] == ["one", "two"]
    assert (service.asked[0]["io"]["stdin"], await read_whole(service.asked[0].att or BytesStream(b""))) == (
        True,
        b"hi",
    )
    service.answer = ack(att=BytesStream(b""))
    assert [record async for record in web.join()] == []
    assert (service.asked[1]["io"]["stdin"], service.asked[1].att) == (False, None)


async def test_leaving_early_stops_the_sender() -> None:
    """The block closes the stream, whatever has not been read."""
    sender, receiver = open_pipe()
    await sender.send_all(FRAMES)
    _, web = container(ack(att=receiver))
    async with web.log(follow=True) as records:
        assert (await anext(records)).text == "one"
    with pytest.raises(trio.BrokenResourceError):
        await sender.send_all(b"x")
    assert [record async for record in records] == []


async def test_a_cut_is_no_end() -> None:
    """Output that was cut raises after what came before it, and the stream is closed."""
    sender, receiver = open_pipe()
    await sender.send_all(FRAMES)
    sender.cut(Unavailable("the host is gone"))
    records = Records(receiver)
    assert [(await anext(records)).text, (await anext(records)).text] == ["one", "two"]
    with pytest.raises(Unavailable, match="the host is gone"):
        await anext(records)
    with pytest.raises(trio.ClosedResourceError):
        await receiver.receive_some()


@pytest.mark.parametrize(("data", "error"), [(FRAMES[:-1], Internal), (b"not framed at all", Invalid)])
async def test_output_that_is_not_whole_is_an_error(data: bytes, error: type[SwarmError]) -> None:
    """An end within a frame, and bytes that are no frames, never read as an end."""
    with pytest.raises(error):
        _ = [record async for record in Records(BytesStream(data))]


async def test_an_ended_log_stays_ended() -> None:
    """Iterating again after the end gives nothing, and asks nobody."""
    service, web = container(ack(att=BytesStream(FRAMES)))
    log = web.log()
    assert [len([record async for record in log]) for _ in range(2)] == [2, 0]
    assert len(service.asked) == 1


async def test_archives_go_out_and_in() -> None:
    """FILE without a stream fetches, with one unpacks."""
    service, web = container(ack(att=BytesStream(b"tar")))
    assert await read_whole(await web.fetch("/etc")) == b"tar"
    await web.put("/tmp", b"tar")
    assert [(each.verb, each["path"], each.att is None) for each in service.asked] == [
        (Verb.FILE, "/etc", True),
        (Verb.FILE, "/tmp", False),
    ]


@pytest.mark.parametrize(
    "ask", [lambda web: web.fetch("/"), lambda web: anext(web.log()), lambda web: web.connect("GET", "")]
)
async def test_a_reply_without_its_stream_is_refused(ask: Callable[[Container], Awaitable[object]]) -> None:
    """A service that forgets the stream is at fault, and the verb is named."""
    _, web = container(ack({"status": 200}))
    with pytest.raises(Internal, match="has no stream"):
        await ask(web)
