"""Attaching over a websocket: handshake, and every byte behind it, are the owner's (ContainerAttachWebsocket)."""

from __future__ import annotations

import pytest

from swarmkit import Message, Verb
from swarmkit.http import Headers, RequestHead
from swarmkit.streams import BytesStream

from .scripted import Scripted, container, node, reply, serving
from .test_streams import receive_head

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # of that key, as RFC 6455 computes it (section 1.3)
HANDSHAKE = Headers(
    (
        ("Connection", "keep-alive, Upgrade"),
        ("Upgrade", "websocket"),
        ("Origin", "http://elsewhere.example"),
        ("Sec-WebSocket-Key", KEY),
        ("Sec-WebSocket-Version", "13"),
    )
)


async def echo(message: Message) -> Message:
    """Agree, and send back what is sent first."""
    assert message.att is not None
    data = await message.att.receive_some()
    await message.att.aclose()
    answer = {"Sec-WebSocket-Accept": ACCEPT}
    return reply(101, BytesStream(b"echo " + data), headers=answer, raw=True)


@pytest.mark.parametrize("single", [True, False])
async def test_a_websocket_goes_to_the_owner_untouched(single: bool) -> None:
    """The key goes there and what accepts it comes back; frames that come with the handshake are the first."""
    host = "" if single else "a"
    hosts = Scripted(
        nodes=[node("box", member="")] if single else [node("a"), node("b")],
        containers=[container(host, "web")],
        answers={(host, "GET /containers/web/attach/ws"): echo},
    )
    async with serving(hosts) as client:
        stream = client.dial()
        head = RequestHead("GET", "/v1.41/containers/web/attach/ws?stream=1&stdin=1", HANDSHAKE)
        await stream.send_all(head.to_bytes() + b"\x82\x01x")
        answered, data = await receive_head(stream)
        while some := await stream.receive_some():
            data += some
        assert data == b"echo \x82\x01x"
        lines = answered.split("\r\n")
        assert lines[0] == "HTTP/1.1 101 Switching Protocols"
        expected = {"Connection: Upgrade", "Upgrade: websocket", f"Sec-WebSocket-Accept: {ACCEPT}"}
        assert expected <= set(lines)
        sent = hosts.last(Verb.CONNECT)
        assert (sent["method"], sent["target"], sent["upgrade"]) == ("GET", "/attach/ws?stream=1&stdin=1", "websocket")
        assert ["Sec-WebSocket-Key", KEY] in sent["headers"]
        await stream.aclose()


async def test_a_websocket_that_is_refused_is_an_answer() -> None:
    """What no host has, and what two have, is said in JSON, as for every other operation."""
    hosts = Scripted(containers=[container("a", "web"), container("b", "web")])
    async with serving(hosts) as client:
        answer = await client("GET", "/containers/web/attach/ws?stream=1", headers=HANDSHAKE)
        assert (answer.status, answer.message) == (409, "web is on several hosts: a/web, b/web")
        refused = reply(404, {"message": "No such container: nosuch"})
        hosts.answers["a", "GET /containers/nosuch/attach/ws"] = refused
        answer = await client("GET", "/containers/nosuch/attach/ws?stream=1", headers=HANDSHAKE)
        assert (answer.status, answer.message) == (404, "No such container: nosuch")
