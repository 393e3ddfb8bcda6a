import pytest

from swarmkit.errors import Invalid
from swarmkit.http import Headers, RequestHead, ResponseHead
from swarmkit.http.framing import Framing, frame_response, request_framing, response_framing
from swarmkit.http.messages import content_length

CHUNKED = ("Transfer-Encoding", "chunked")


def length(value: str) -> tuple[str, str]:
    return ("Content-Length", value)


@pytest.mark.parametrize(
    ("fields", "framing"),
    [
        ((), (Framing.NONE, 0)),
        ((length("0"),), (Framing.NONE, 0)),
        ((length("7"),), (Framing.LENGTH, 7)),
        ((length("7"), length("7")), (Framing.LENGTH, 7)),
        ((CHUNKED,), (Framing.CHUNKED, 0)),
        ((("transfer-encoding", "Chunked"),), (Framing.CHUNKED, 0)),
    ],
)
def test_request_says_how_its_body_ends(fields: tuple[tuple[str, str], ...], framing: tuple[Framing, int]) -> None:
    """A request's body ends by its length or its coding; without either there is none."""
    assert request_framing(RequestHead("POST", "/", Headers(fields))) == framing


@pytest.mark.parametrize(
    ("method", "status", "fields", "framing"),
    [
        ("GET", 200, (), (Framing.UNTIL_CLOSE, 0)),
        ("GET", 200, (length("7"),), (Framing.LENGTH, 7)),
        ("GET", 200, (length("0"),), (Framing.NONE, 0)),
        ("GET", 200, (CHUNKED,), (Framing.CHUNKED, 0)),
        ("HEAD", 200, (length("7"),), (Framing.NONE, 0)),
        ("HEAD", 200, (CHUNKED,), (Framing.NONE, 0)),
        ("GET", 204, (length("7"),), (Framing.NONE, 0)),
        ("GET", 304, (length("7"),), (Framing.NONE, 0)),
        ("GET", 100, (length("7"),), (Framing.NONE, 0)),
    ],
)
def test_response_says_how_its_body_ends(
    method: str, status: int, fields: tuple[tuple[str, str], ...], framing: tuple[Framing, int]
) -> None:
    """Some responses have no body whatever they say; the others end by length, coding or closing."""
    assert response_framing(method, ResponseHead(status, Headers(fields))) == framing


AMBIGUOUS = [
    (CHUNKED, length("3")),
    (("Transfer-Encoding", "gzip, chunked"),),
    (("Transfer-Encoding", "chunked, identity"),),
    (CHUNKED, CHUNKED),
    (("Transfer-Encoding", ""),),
    (("Transfer-Encoding", "xchunked"),),
    (length("3"), length("4")),
    (length("3, 3"),),
    (length("-3"),),
    (length("0x3"),),
    (length(""),),
    (length("\u0663"),),
    (length("9" * 5000),),
]


@pytest.mark.parametrize("fields", AMBIGUOUS)
def test_ambiguous_framing_is_refused(fields: tuple[tuple[str, str], ...]) -> None:
    """Where the end of a body could be seen in two places, the message is Invalid, whichever way it goes."""
    with pytest.raises(Invalid):
        request_framing(RequestHead("POST", "/", Headers(fields)))
    with pytest.raises(Invalid):
        response_framing("GET", ResponseHead(200, Headers(fields)))


def test_coding_over_http_1_0_is_refused() -> None:
    """HTTP/1.0 knows no transfer coding: an intermediary may have passed it on without understanding."""
    with pytest.raises(Invalid):
        request_framing(RequestHead("POST", "/", Headers((CHUNKED,)), "1.0"))
    with pytest.raises(Invalid):
        response_framing("GET", ResponseHead(200, Headers((CHUNKED,)), version="1.0"))


def test_no_length_is_none() -> None:
    """A missing length is told apart from one of zero."""
    assert (content_length(Headers()), content_length(Headers((length("0"),)))) == (None, 0)


@pytest.mark.parametrize(
    ("request_line", "status", "fields", "known", "framed", "framing"),
    [
        ("GET 1.1", 200, (), 3, (length("3"),), (Framing.LENGTH, 3)),
        ("GET 1.1", 200, (length("9"),), 3, (length("3"),), (Framing.LENGTH, 3)),
        ("GET 1.1", 200, (length("9"),), None, (length("9"),), (Framing.LENGTH, 9)),
        ("GET 1.1", 200, (), None, (CHUNKED,), (Framing.CHUNKED, 0)),
        ("GET 1.0", 200, (), None, (), (Framing.UNTIL_CLOSE, 0)),
        ("GET 1.0", 200, (), 3, (length("3"),), (Framing.LENGTH, 3)),
        ("GET 1.1", 200, (CHUNKED,), 3, (length("3"),), (Framing.LENGTH, 3)),
        ("GET 1.0", 200, (CHUNKED,), None, (), (Framing.UNTIL_CLOSE, 0)),
        ("HEAD 1.1", 200, (), 3, (length("3"),), (Framing.NONE, 0)),
        ("HEAD 1.1", 200, (length("9"),), 0, (length("9"),), (Framing.NONE, 0)),
        ("HEAD 1.1", 200, (CHUNKED,), None, (), (Framing.NONE, 0)),
        ("GET 1.1", 204, (length("9"),), 3, (), (Framing.NONE, 0)),
        ("GET 1.1", 304, (), 0, (), (Framing.NONE, 0)),
        ("GET 1.1", 304, (length("9"),), None, (length("9"),), (Framing.NONE, 0)),
    ],
)
def test_response_is_framed(
    request_line: str,
    status: int,
    fields: tuple[tuple[str, str], ...],
    known: int | None,
    framed: tuple[tuple[str, str], ...],
    framing: tuple[Framing, int],
) -> None:
    """The head written says how the body ends, in words that the request's version has, and in no two ways."""
    method, version = request_line.split()
    head, *how = frame_response(RequestHead(method, "/", version=version), ResponseHead(status, Headers(fields)), known)
    assert (head.headers.items, tuple(how)) == (framed, framing)
