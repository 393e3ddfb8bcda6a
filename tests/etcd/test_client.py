"""The client: what is asked again elsewhere, and what is not; who we are; what errors mean."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from backends.etcd.client import EtcdClient
from backends.etcd.credentials import Credentials, credentials_for
from backends.etcd.messages import Done, Found, KeyValue, Lease, absent, putting, reading
from swarmkit.errors import Conflict, Denied, Invalid, NotFound, SwarmError, Timeout, Unavailable
from swarmkit.http import Response

from .gateway import Answer, Gateway, always, found, gateways, in_turn, row, say, silent, wrong

LEASE = 7587862094541565443


async def put(client: EtcdClient) -> object:
    """Ask for what must not be done twice."""
    return await client.put("a", b"x")


async def read(client: EtcdClient) -> object:
    """Ask for what may be asked again."""
    return await client.range("a")


def refuse(gateway: Gateway) -> None:
    gateway.refuses = True


def be_unreachable(gateway: Gateway) -> None:
    gateway.unreachable = True


def answering(answer: Answer) -> Callable[[Gateway], None]:
    """Make the fault: whatever is asked is answered so."""

    def fault(gateway: Gateway) -> None:
        gateway.answers = dict.fromkeys(("kv/range", "kv/put"), answer)

    return fault


def sending(data: bytes) -> Callable[[Gateway], None]:
    """Make the fault: these bytes are the answer, and all of it."""

    def fault(gateway: Gateway) -> None:
        gateway.garbage = data

    return fault


def refusing(message: str, code: int) -> Callable[[Gateway], None]:
    """Make the fault: whatever is asked is refused."""
    return answering(always(lambda: wrong(message, code, 503)))


NOT_SENT: dict[str, Callable[[Gateway], None]] = {
    "refused": refuse,
    "unreachable": be_unreachable,
    "no leader": refusing("etcdserver: no leader", 14),
    "too many": refusing("etcdserver: too many requests", 8),
}
"""Faults after which it is known that nothing was done."""

UNKNOWN: dict[str, Callable[[Gateway], None]] = {
    "silent": answering(silent),
    "timed out": refusing("etcdserver: request timed out", 14),
    "deadline": refusing("context deadline exceeded", 2),
    "leader lost": refusing("etcdserver: leader changed", 14),
    "closed": sending(b""),
    "cut in the head": sending(b"HTTP/1.1 200 OK\r\nConte"),
    "cut in the body": sending(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
    "no HTTP": sending(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    "no JSON": answering(always(lambda: Response(200, body=b"<html>"))),
    "other JSON": answering(always(lambda: say({"header": 7, "kvs": 7}))),
    "no etcd": answering(always(lambda: Response(404, body=b"Not Found"))),
    "failing": answering(always(lambda: Response(500, body=b"[]"))),
}
"""Faults after which it is not."""


@pytest.mark.parametrize("fault", [*NOT_SENT.values(), *UNKNOWN.values()], ids=[*NOT_SENT, *UNKNOWN])
async def test_what_is_read_is_asked_at_the_next_endpoint(
    fault: Callable[[Gateway], None], autojump_clock: MockClock
) -> None:
    """Whatever is wrong with one endpoint, another is asked, and from then on first."""
    async with gateways(2) as (client, (first, second)):
        fault(first)
        second.answers["kv/range"] = always(lambda: say(found(row("a"))))
        assert await client.range("a") == Found((KeyValue("a", mod_revision=5),), 5, 1)
        asked = first.dialled
        await client.range("a")
        assert (first.dialled, len(second.asked)) == (asked, 2)


@pytest.mark.parametrize("fault", NOT_SENT.values(), ids=NOT_SENT)
async def test_what_is_known_not_done_is_done_elsewhere(
    fault: Callable[[Gateway], None], autojump_clock: MockClock
) -> None:
    """A change that was not made at one endpoint is made at the next."""
    async with gateways(2) as (client, (first, second)):
        fault(first)
        second.answers["kv/put"] = always(lambda: say({"header": {"revision": "8"}}))
        assert await client.put("a", b"x") == 8
        assert second.paths == ["kv/put"]


@pytest.mark.parametrize("fault", UNKNOWN.values(), ids=UNKNOWN)
async def test_what_may_have_been_done_is_not_repeated(
    fault: Callable[[Gateway], None], autojump_clock: MockClock
) -> None:
    """A change without an answer is a `Timeout`, asked once, and nowhere else; what follows is asked elsewhere."""
    async with gateways(2) as (client, (first, second)):
        fault(first)
        with pytest.raises(Timeout, match="whether it was done is unknown"):
            await client.put("a", b"x")
        assert (len(first.asked), second.asked) == (1, [])
        await client.put("a", b"x")
        assert len(second.asked) == 1


@pytest.mark.parametrize("ask", [read, put])
async def test_where_nobody_answers_all_are_named(
    ask: Callable[[EtcdClient], Awaitable[object]], autojump_clock: MockClock
) -> None:
    """The error says of each endpoint why, in an order that does not depend on who was asked first."""
    async with gateways(2) as (client, each):
        for gateway in each:
            gateway.refuses = True
        for _ in range(2):
            with pytest.raises(Unavailable) as refused:
                await ask(client)
            expected = "http://etcd-1:2379: connection refused; http://etcd-2:2379: connection refused"
            assert refused.value.message == f"etcd gives no answer at any of its endpoints: {expected}"


async def test_deadlines(autojump_clock: MockClock) -> None:
    """An endpoint that cannot be reached has two seconds, one that does not answer four."""
    async with gateways() as (client, (only,)):
        for fault, seconds in ((be_unreachable, 2), (answering(silent), 4)):
            only.unreachable = False
            fault(only)
            begun = trio.current_time()
            with pytest.raises(Unavailable):
                await client.range("a")
            assert trio.current_time() - begun == seconds


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        (3, "etcdserver: key is not provided", Invalid),
        (5, "etcdserver: requested lease not found", NotFound),
        (7, "etcdserver: permission denied", Denied),
        (9, "etcdserver: lease already exists", Conflict),
        (3, "etcdserver: authentication failed, invalid user ID or password", Denied),
        (3, "etcdserver: user name is empty", Denied),
        (16, "etcdserver: invalid auth token", Denied),
    ],
)
async def test_what_is_refused_is_not_asked_elsewhere(code: int, message: str, kind: type[SwarmError]) -> None:
    """What one endpoint refuses, all would; the error has etcd's words and the endpoint."""
    async with gateways(2) as (client, (first, second)):
        answering(always(lambda: wrong(message, code)))(first)
        with pytest.raises(kind, match=f"^etcd at http://etcd-1:2379 refuses kv/put: {message}"):
            await client.put("a", b"x")
        assert second.asked == []


async def test_closing_while_cancelled() -> None:
    """Every connection that was kept is closed, also in a block that is being cancelled."""
    async with gateways() as (client, (only,)):
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(client.range, "a")
        assert (only.dialled, len(only.nursery.child_tasks)) == (3, 3)
        with trio.CancelScope() as scope:
            scope.cancel()
            await client.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert len(only.nursery.child_tasks) == 0


# -- operations ------------------------------------------------------------------------------------------------------


async def sent(method: str, *args: object, answer: Any = None) -> tuple[Any, str, dict[str, Any]]:
    """Call a method, and return its result and what was sent, where, and to which path."""
    async with gateways() as (client, (only,)):
        reply = say(answer or {"header": {"revision": "5"}})
        only.answers = dict.fromkeys(
            ("kv/range", "kv/put", "kv/txn", "lease/grant", "lease/keepalive"), always(lambda: reply)
        )
        only.answers["kv/deleterange"] = only.answers["kv/put"]
        result = await getattr(client, method)(*args)
        (asked,) = only.asked
        assert asked.headers.get("grpc-metadata-hasleader") == "true"
        return result, asked.path, asked.body


async def test_put() -> None:
    """Key and value are in base64, the lease is text; the revision is returned."""
    assert await sent("put", "a", b"\xff", LEASE) == (
        5,
        "kv/put",
        {"key": "YQ==", "value": "/w==", "lease": str(LEASE)},
    )


async def test_range_and_prefix() -> None:
    """A prefix ends where its last character is one more; what is missing in the answer is zero or empty."""
    assert await sent("prefix", "p/") == (Found((), 5), "kv/range", {"key": "cC8=", "range_end": "cDA="})
    answer = found({"key": "Yf8=", "lease": str(LEASE)}, revision=9)
    assert await sent("range", "a", answer=answer) == (
        Found((KeyValue("a\udcff", b"", LEASE, 0),), 9, 1),
        "kv/range",
        {"key": "YQ=="},
    )


async def test_delete() -> None:
    """Deleting tells whether there was anything."""
    assert await sent("delete", "a") == (False, "kv/deleterange", {"key": "YQ=="})
    assert (await sent("delete", "a", answer={"deleted": "1"}))[0] is True


async def test_txn() -> None:
    """A transaction tells which branch was taken, and what each of its operations has found."""
    answer = {
        "header": {"revision": "9"},
        "succeeded": True,
        "responses": [
            {"response_put": {"header": {}}},
            {"response_range": found(row("c"))},
        ],
    }
    branch = [putting("a", b"x", 7), reading("c")]
    done, path, body = await sent("txn", [absent("a")], branch, answer=answer)
    assert (done, path) == (Done(True, 9, ((), (KeyValue("c", mod_revision=5),))), "kv/txn")
    assert body == {
        "compare": [{"key": "YQ==", "target": "CREATE", "result": "EQUAL", "create_revision": "0"}],
        "success": [
            {"request_put": {"key": "YQ==", "value": "eA==", "lease": "7"}},
            {"request_range": {"key": "Yw=="}},
        ],
        "failure": [],
    }


async def test_leases() -> None:
    """A lease that is no more has no `TTL` when it is renewed; revoking it is fine."""
    assert await sent("grant", 30, answer={"ID": str(LEASE), "TTL": "30"}) == (
        Lease(LEASE, 30),
        "lease/grant",
        {"TTL": "30"},
    )
    alive = await sent("keep_alive", LEASE, answer={"result": {"ID": str(LEASE), "TTL": "30"}})
    assert alive == (30, "lease/keepalive", {"ID": str(LEASE)})
    assert (await sent("keep_alive", LEASE, answer={"result": {"ID": str(LEASE)}}))[0] is None
    async with gateways() as (client, (only,)):
        only.answers["lease/revoke"] = always(lambda: wrong("etcdserver: requested lease not found", 5, 404))
        await client.revoke(LEASE)


async def test_an_error_in_a_stream_of_one() -> None:
    """Renewing answers 200 and an error where there is no leader: it is asked elsewhere."""
    error = {"error": {"grpc_code": 14, "http_code": 503, "message": "etcdserver: no leader"}}
    async with gateways(2) as (client, (first, second)):
        first.answers["lease/keepalive"] = always(lambda: say(error))
        second.answers["lease/keepalive"] = always(lambda: say({"result": {"TTL": "7"}}))
        assert await client.keep_alive(LEASE) == 7


# -- who we are ------------------------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give a file with a password."""
    path = tmp_path / "password"
    path.write_text("old\n")
    return path


def write(path: Path, text: str) -> None:
    """Write a file, in an async test."""
    path.write_text(text)


def guard(gateway: Gateway, password: str) -> None:
    """Have an endpoint ask for a token that only the password gives."""

    async def authenticate(body: dict[str, Any]) -> Response:
        if body != {"name": "bob", "password": password}:
            return wrong("etcdserver: authentication failed, invalid user ID or password", 3)
        return say({"token": f"token-{password}.1"})

    async def answer(body: dict[str, Any]) -> Response:
        token = gateway.asked[-1].headers.get("authorization")
        message = "etcdserver: invalid auth token" if token else "etcdserver: user name is empty"
        return say(found()) if token == f"token-{password}.1" else wrong(message, 16 if token else 3)

    gateway.answers = {"auth/authenticate": authenticate, "kv/range": answer, "kv/put": answer}


@pytest.mark.parametrize("ask", [read, put])
async def test_the_password_is_read_again(ask: Callable[[EtcdClient], Awaitable[object]], file: Path) -> None:
    """A token is had once, and again where it is not taken, with the password as the file has it then."""
    async with gateways(credentials=Credentials("bob", str(file))) as (client, (only,)):
        guard(only, "old")
        await ask(client)
        await ask(client)
        assert only.paths.count("auth/authenticate") == 1
        guard(only, "new")
        with pytest.raises(Denied, match="refuses auth/authenticate: etcdserver: authentication failed"):
            await ask(client)
        write(file, "new\n")
        await ask(client)


async def test_all_who_ask_share_a_token(file: Path) -> None:
    """Many requests at once authenticate once."""
    async with gateways(credentials=Credentials("bob", str(file))) as (client, (only,)):
        guard(only, "old")
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(client.range, "a")
        assert only.paths.count("auth/authenticate") == 1


async def test_an_etcd_that_asks_nobody(file: Path) -> None:
    """Where authentication is off, none is needed; where it is turned on later, it is had."""
    async with gateways(credentials=Credentials("bob", str(file))) as (client, (only,)):
        only.answers["auth/authenticate"] = always(lambda: wrong("etcdserver: authentication is not enabled", 9, 412))
        await client.range("a")
        assert "authorization" not in only.asked[-1].headers
        guard(only, "old")
        await client.range("a")
        assert only.asked[-1].headers.get("authorization") == "token-old.1"


async def test_a_token_that_is_never_taken_is_an_error(file: Path) -> None:
    """It is authenticated again once, and not for ever."""
    async with gateways(credentials=Credentials("bob", str(file))) as (client, (only,)):
        guard(only, "old")
        only.answers["kv/range"] = always(lambda: wrong("etcdserver: invalid auth token", 16, 401))
        with pytest.raises(Denied, match="invalid auth token"):
            await client.range("a")
        assert only.paths == ["auth/authenticate", "kv/range"] * 2


async def test_authentication_goes_where_the_request_goes(file: Path, autojump_clock: MockClock) -> None:
    """An endpoint that is silent when asked for a token is left for the next."""
    async with gateways(2, Credentials("bob", str(file))) as (client, (first, second)):
        first.answers["auth/authenticate"] = in_turn(silent)
        guard(second, "old")
        await client.put("a", b"x")
        assert second.paths == ["auth/authenticate", "kv/put"]


def test_where_the_password_is(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in a file or in the environment, never an argument; the user is named, or in the environment."""
    monkeypatch.delenv("ETCDCTL_USER", raising=False)
    assert credentials_for(None, None) is None
    assert credentials_for("bob", str(file)) == Credentials("bob", str(file))
    for user, path, why in [
        ("bob:secret", None, "--user takes a name alone: everybody sees arguments"),
        ("bob", None, "--user bob needs a password: --password-file FILE"),
        (None, str(file), "--password-file needs the user whose password it is"),
    ]:
        with pytest.raises(Invalid, match=why):
            credentials_for(user, path)
    monkeypatch.setenv("ETCDCTL_USER", "ann:s:e")
    assert [credentials_for(None, None), credentials_for("ann", None)] == [Credentials("ann", None, "s:e")] * 2
    assert credentials_for(None, str(file)) == Credentials("ann", str(file))
    assert "s:e" not in repr(credentials_for(None, None))


async def test_a_password_that_cannot_be_read(tmp_path: Path) -> None:
    """It is said which file, and nothing is sent."""
    async with gateways(credentials=Credentials("bob", str(tmp_path / "none"))) as (client, (only,)):
        with pytest.raises(Invalid, match=r"password's file .*none \(--password-file\) cannot be read: No such file"):
            await client.range("a")
        assert only.asked == []
