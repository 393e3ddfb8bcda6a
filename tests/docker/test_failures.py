"""What a failure means, and the words that it is told in."""

from __future__ import annotations

import pytest

from backends.docker.failures import engine_error, understanding
from swarmkit.errors import Code, Internal, NotFound, host_down


@pytest.mark.parametrize(
    ("status", "body", "code", "message"),
    [
        (404, b'{"message":"No such container: x"}', Code.NOT_FOUND, "No such container: x"),
        (409, b'{"message":"in use"}', Code.CONFLICT, "in use"),
        (500, b"plain words\n", Code.INTERNAL, "plain words"),
        (400, b'{"other":1}', Code.INVALID, '{"other":1}'),
        (418, b"[]", Code.INVALID, "[]"),
        (503, b"", Code.UNAVAILABLE, "host e answered with status 503"),
    ],
)
def test_engines_error_is_kept(status: int, body: bytes, code: Code, message: str) -> None:
    """An engine's error has its text, and keeps its status and its body to the byte."""
    error = engine_error(status, body, "e")
    assert (error.code, error.message, error.status) == (code, message, status)
    assert error.details["body"] == body


def test_what_a_host_that_is_down_says() -> None:
    """It names the host and the reason, and says what will happen without anybody's doing."""
    error = host_down("b", "no answer to a ping in 2 s")
    text = "host b is down: no answer to a ping in 2 s (it is tried again by itself; other hosts are not affected)"
    assert (error.message, error.details["host"]) == (text, "b")


def test_document_of_another_shape_is_the_engines_fault() -> None:
    """What taking a document apart raises is Internal, with what it should have been; other errors pass."""
    odd = r"host e answered with what is not a list of images: KeyError\('Id'\)"
    with pytest.raises(Internal, match=odd), understanding("e", "a list of images"):
        raise KeyError("Id")
    with pytest.raises(NotFound), understanding("e", "a list of images"):
        raise NotFound("no such image")
