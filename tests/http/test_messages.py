import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmkit.errors import Invalid
from swarmkit.http import Headers, RequestHead, ResponseHead
from swarmkit.http.messages import parse_request_head, parse_response_head

FIELDS = Headers((("Host", "docker"), ("Accept", "a"), ("accept", "b, C")))


def test_names_compare_without_case() -> None:
    """A field is found by its name in any case; several are joined by a comma."""
    assert ("host" in FIELDS, "ACCEPT" in FIELDS, "Cookie" in FIELDS, 3 in FIELDS) == (True, True, False, False)
    assert (FIELDS.get("HOST"), FIELDS.get("Accept"), FIELDS.get("Cookie", "none")) == ("docker", "a, b, C", "none")


def test_tokens_are_split_and_lowered() -> None:
    """The members of a list field come one by one, over all fields of the name, empty ones left out."""
    assert FIELDS.tokens("accept") == ["a", "b", "c"]
    assert Headers((("Connection", " Upgrade ,, keep-alive"),)).tokens("connection") == ["upgrade", "keep-alive"]
    assert Headers().tokens("connection") == []


def test_plus_replaces_and_without_removes() -> None:
    """Copies differ from the original in the fields named, and the original stays."""
    assert list(FIELDS.plus(("ACCEPT", "d"))) == [("Host", "docker"), ("ACCEPT", "d")]
    assert list(FIELDS.without("accept", "cookie")) == [("Host", "docker")]
    assert len(list(FIELDS)) == 3


def test_request_head_is_parsed() -> None:
    """Method, target, version and fields come out as they were sent, blanks around values removed."""
    head = parse_request_head(b"POST /v1.41/x?a=b%20c HTTP/1.0\r\nHost:docker\r\nX-Odd:  a\xe9 \t\r\nEmpty:\r\n\r\n")
    fields = Headers((("Host", "docker"), ("X-Odd", "a\xe9"), ("Empty", "")))
    assert head == RequestHead("POST", "/v1.41/x?a=b%20c", fields, "1.0")


def test_response_head_is_parsed() -> None:
    """Status, reason and fields come out as they were sent; the reason may be missing."""
    fields = Headers((("Upgrade", "tcp"),))
    assert parse_response_head(b"HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\n") == ResponseHead(
        101, fields, "UPGRADED"
    )
    assert parse_response_head(b"HTTP/1.0 200 \r\n\r\n") == ResponseHead(200, Headers(), "", "1.0")


@pytest.mark.parametrize("method", ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"])
def test_upgrade_does_not_hide_the_head(method: str) -> None:
    """A request for another protocol is parsed as any other."""
    data = f"{method} / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\n".encode()
    head = parse_request_head(data)
    assert (head.method, head.headers.get("upgrade"), head.headers.get("content-length")) == (method, "h2c", "3")


BAD_REQUESTS = {
    "nothing": b"\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "version 0.9": b"GET / HTTP/0.9\r\n\r\n",
    "version 2": b"PRI * HTTP/2.0\r\n\r\n",
    "another protocol": b"SETUP / RTSP/1.0\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\r\n\r\n",
    "unknown method": b"BREW / HTTP/1.1\r\n\r\n",
    "lower-case method": b"get / HTTP/1.1\r\n\r\n",
    "blank in the target": b"GET /a b HTTP/1.1\r\n\r\n",
    "bare LF": b"GET / HTTP/1.1\nA: b\r\n\r\n",
    "bare LF behind a field": b"GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n",
    "a second head behind bare LFs": b"GET / HTTP/1.1\nA: b\n\nGET /secret HTTP/1.1\r\n\r\n",
    "bare CR in a value": b"GET / HTTP/1.1\r\nA: b\rc\r\n\r\n",
    "NUL in a value": b"GET / HTTP/1.1\r\nA: b\x00c\r\n\r\n",
    "control character in a value": b"GET / HTTP/1.1\r\nA: b\x01c\r\n\r\n",
    "obsolete folding": b"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
    "blank before the colon": b"GET / HTTP/1.1\r\nTransfer-Encoding : chunked\r\n\r\n",
    "field without a name": b"GET / HTTP/1.1\r\n: b\r\n\r\n",
    "field without a colon": b"GET / HTTP/1.1\r\nAb\r\n\r\n",
    "length and chunks": b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
    "chunks and length": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
    "length with a sign": b"POST / HTTP/1.1\r\nContent-Length: +3\r\n\r\n",
    "length beyond all": b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    "cut short": b"GET / HTTP/1.1\r\nA: b\r\n",
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_bad_request_is_refused(name: str) -> None:
    """A request that is malformed, or that two parsers might read in two ways, is Invalid."""
    with pytest.raises(Invalid, match="request"):
        parse_request_head(BAD_REQUESTS[name])


BAD_RESPONSES = {
    "a request": b"GET / HTTP/1.1\r\n\r\n",
    "no status": b"HTTP/1.1 \r\n\r\n",
    "short status": b"HTTP/1.1 20 OK\r\n\r\n",
    "version 2": b"HTTP/2 200 OK\r\n\r\n",
    "another protocol": b"ICY 200 OK\r\n\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "bare LF": b"HTTP/1.1 200 OK\nA: b\r\n\r\n",
    "obsolete folding": b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
    "chunks and length": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
    "cut short": b"HTTP/1.1 200 OK\r\nA: b\r\n",
}


@pytest.mark.parametrize("name", BAD_RESPONSES)
def test_bad_response_is_refused(name: str) -> None:
    """An answer that is not HTTP/1.1, or could be read in two ways, is Invalid."""
    with pytest.raises(Invalid, match="response"):
        parse_response_head(BAD_RESPONSES[name])


def test_head_is_written() -> None:
    """A head is written as its fields stand; the standard reason stands in for a missing one."""
    assert RequestHead("GET", "/a?b=c", Headers((("A", "b"),))).to_bytes() == b"GET /a?b=c HTTP/1.1\r\nA: b\r\n\r\n"
    assert ResponseHead(404).to_bytes() == b"HTTP/1.1 404 Not Found\r\n\r\n"
    assert ResponseHead(101, reason="UPGRADED").to_bytes() == b"HTTP/1.1 101 UPGRADED\r\n\r\n"
    assert ResponseHead(799).to_bytes() == b"HTTP/1.1 799 Unknown\r\n\r\n"


@pytest.mark.parametrize(
    "head",
    [
        RequestHead("GET", ""),
        RequestHead("", "/"),
        RequestHead("GET /x HTTP/1.1\r\nA:", "/"),
        RequestHead("GET", "/x HTTP/1.1\r\nA: b"),
        RequestHead("GET", "/a b"),
        RequestHead("GET", "/\x00"),
        RequestHead("GET", "/\u65e5\u672c"),  # "?" in its place would begin a query
        RequestHead("GET", "/", Headers((("A", "b\r\nX: injected"),))),
        RequestHead("GET", "/", Headers((("A", "b\nX: injected"),))),
        RequestHead("GET", "/", Headers((("A", "b\x00"),))),
        RequestHead("GET", "/", Headers((("A: b\r\nX", "injected"),))),
        RequestHead("GET", "/", Headers((("", "b"),))),
        RequestHead("GET", "/", Headers((("A\n", "b"),))),
        RequestHead("GET", "/", Headers((("A", "\u65e5"),))),
        ResponseHead(200, reason="OK\r\nX: injected"),
        ResponseHead(99),
        ResponseHead(1000),
        ResponseHead(200, Headers((("A", "b\r\n\r\ninjected"),))),
    ],
    ids=str,
)
def test_head_that_would_break_out_is_not_written(head: RequestHead | ResponseHead) -> None:
    """No part of a head can end its line, begin another field, or turn into something else."""
    with pytest.raises(Invalid):
        head.to_bytes()


names = st.text(string.ascii_letters + string.digits + "-_", min_size=1, max_size=20).filter(
    lambda name: (
        name.lower() not in ("content-length", "transfer-encoding", "connection", "upgrade", "proxy-connection")
    )
)
values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=30).map(
    lambda value: value.strip(" ")
)
headers = st.lists(st.tuples(names, values), max_size=8).map(lambda items: Headers(tuple(items)))


@given(st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE"]), st.text(string.printable[:94], max_size=40), headers)
def test_request_heads_round_trip(method: str, tail: str, fields: Headers) -> None:
    """What is written is parsed to the same, whatever the field values."""
    head = RequestHead(method, "/" + tail.replace("#", ""), fields)
    assert parse_request_head(head.to_bytes()) == head


@given(st.integers(100, 999), headers)
def test_response_heads_round_trip(status: int, fields: Headers) -> None:
    """What is written is parsed to the same, whatever the status."""
    assert parse_response_head(ResponseHead(status, fields, "Fine").to_bytes()) == ResponseHead(status, fields, "Fine")


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_refused(data: bytes) -> None:
    """No input makes the parser raise anything but Invalid."""
    for parse in (parse_request_head, parse_response_head):
        try:
            parse(data)
        except Invalid:
            continue
