from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmkit import Message, Verb, ack, open_channel, open_pipe
from swarmkit.transcript import line_of

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
NAMED = st.sampled_from(["headers", "target", "spec", "row", "event", "io", "body", "name"])


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (Message(Verb.LS), "LS ."),
        (Message(Verb.STOP, ("containers", "web"), {"timeout": 3}), "STOP containers/web timeout=3"),
        (
            Message(Verb.SPAWN, ("containers",), {"spec": {"Image": "b", "Env": ["P=s3cret"]}, "name": "w"}),
            "SPAWN containers spec={Image=b} name=w",
        ),
        (ack({"rows": [{}, {}], "missing": []}), "ACK . rows=[2] missing=[0]"),
        (ack({"document": {"Config": {"Env": ["P=s3cret"]}}}), "ACK . document={1}"),
        (Message(Verb.CONNECT, (), {"body": b"s3cret"}), "CONNECT . body=<6 bytes>"),
        (Message(Verb.SET, (), {"Name": "a b"}), "SET . Name='a b'"),
        (Message(Verb.SET, (), {"Name": "a\nb"}), r"SET . Name='a\nb'"),
        (
            Message(Verb.WATCH, ("containers", "1"), {"kind": "put", "row": {"name": "web", "document": {"A": 1}}}),
            "WATCH containers/1 kind=put row={name=web}",
        ),
        (Message(Verb.ATTACH, (), {"io": {"stdin": True, "logs": False}}), "ATTACH . io={stdin=True}"),
    ],
)  # fmt: skip
def test_a_message_is_a_line(message: Message, line: str) -> None:
    """Verb, path, plain arguments; documents by their size, but for a few fields that say what they are."""
    assert line_of(message) == line


def test_the_ends_are_named() -> None:
    """What a message carries is in its line."""
    assert line_of(ack(ret=open_channel()[1], att=open_pipe()[1])) == "ACK . +ret +att"


@pytest.mark.parametrize(
    "args",
    [
        {"headers": [["X-Registry-Auth", "s3cret"], ["x-registry-config", "s3cret"], ["AUTHORIZATION", "s3cret"]]},
        {"headers": [["Cookie", "s3cret"], ["Set-Cookie", "s3cret"], ["Proxy-Authorization", "s3cret"]]},
        {"target": "/build?buildargs=%7B%22K%22%3A%22s3cret%22%7D&t=x"},
        {"target": "/build?remote=https%3A%2F%2Fme%3As3cret%40git&t=x"},
        {"target": "/images/create?fromSrc=https://me:s3cret@host/x.tar"},
        {"auth": "s3cret"},
        {"Password": "s3cret"},
        {"spec": {"Env": ["P=s3cret"], "Labels": {"s3cret": "s3cret"}}},
        {"row": {"document": {"s3cret": 1}, "detail": {"Env": "s3cret"}}},
        {"event": {"Actor": {"Attributes": {"x": "s3cret"}}}},
        {"body": b"s3cret"},
    ],
)
def test_no_credential_is_shown(args: dict[str, Any]) -> None:
    """Headers, arguments and parameters that hold credentials are hidden, and so is what documents hold."""
    assert "s3cret" not in line_of(Message(Verb.CONNECT, (), args))


def test_what_is_no_credential_is_shown() -> None:
    """Hiding leaves the rest of the headers and of the query."""
    args = {"target": "/build?t=x&buildargs=y&q", "headers": [["Accept", "json"], ["X-Registry-Auth", "y"]]}
    expected = "CONNECT . target=/build?t=x&buildargs=***&q headers=[Accept: json, X-Registry-Auth: ***]"
    assert line_of(Message(Verb.CONNECT, (), args)) == expected


def test_a_long_text_is_cut() -> None:
    """A line stays readable."""
    assert len(line_of(Message(Verb.SET, (), {"Name": "x" * 10_000}))) < 200


@given(st.dictionaries(NAMED | st.text(), PLAIN, max_size=4))
def test_any_plain_values_make_a_line(args: dict[str, Any]) -> None:
    """Whatever a message may carry, saying it does not fail."""
    assert line_of(Message(Verb.CONNECT, (), args)).startswith("CONNECT .")
