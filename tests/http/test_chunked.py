from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmkit.errors import Invalid
from swarmkit.http.chunked import LAST_CHUNK, MAX_EXTENSION, MAX_TRAILER, ChunkedDecoder, encode_chunk


def decode(coded: bytes, *cuts: int) -> tuple[bytes, bool, bytes]:
    """Decode what is cut at some places; return the body, whether it ended, and what followed."""
    decoder = ChunkedDecoder()
    places = [0, *sorted(cuts), len(coded)]
    body = b"".join(decoder.feed(coded[start:end]) for start, end in pairwise(places))
    return body, decoder.finished, decoder.rest


def byte_by_byte(coded: bytes) -> tuple[bytes, bool, bytes]:
    return decode(coded, *range(1, len(coded)))


WHOLE = {
    "nothing": (b"0\r\n\r\n", b""),
    "one chunk": (b"3\r\nabc\r\n0\r\n\r\n", b"abc"),
    "several": (b"3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n", b"abcd"),
    "hexadecimal": (b"1a\r\n" + b"x" * 26 + b"\r\n1A\r\n" + b"y" * 26 + b"\r\n0\r\n\r\n", b"x" * 26 + b"y" * 26),
    "leading zeros": (b"003\r\nabc\r\n000\r\n\r\n", b"abc"),
    "line ends within": (b"4\r\n\r\n\r\n\r\n0\r\n\r\n", b"\r\n\r\n"),
    "extension": (b'3;name="a b"\r\nabc\r\n0;last\r\n\r\n', b"abc"),
    "blanks before the extension": (b"3 \t;a\r\nabc\r\n0 \r\n\r\n", b"abc"),
    "trailer": (b"3\r\nabc\r\n0\r\nA: b\r\nC: d\r\n\r\n", b"abc"),
    "longest extension": (b"3" + b";".ljust(MAX_EXTENSION + 1, b"x") + b"\r\nabc\r\n0\r\n\r\n", b"abc"),
    "longest trailer": (b"0\r\n" + b"x" * (MAX_TRAILER - 4) + b"\r\n\r\n", b""),
}


@pytest.mark.parametrize("name", WHOLE)
def test_whole_body_is_decoded(name: str) -> None:
    """A body is decoded and found to have ended, in one piece and byte by byte, and what follows is left alone."""
    coded, body = WHOLE[name]
    assert decode(coded) == byte_by_byte(coded) == (body, True, b"")
    assert decode(coded + b"REST\r\n") == byte_by_byte(coded + b"REST\r\n") == (body, True, b"REST\r\n")


@pytest.mark.parametrize("name", [name for name in WHOLE if "longest" not in name])
def test_body_cut_short_has_not_ended(name: str) -> None:
    """No proper beginning of a coded body passes for a whole one."""
    coded, body = WHOLE[name]
    for size in range(len(coded)):
        part, finished, rest = decode(coded[:size])
        assert (finished, rest) == (False, b"")
        assert body.startswith(part)


MALFORMED = {
    "no size": b"\r\nabc\r\n0\r\n\r\n",
    "not hexadecimal": b"g\r\n",
    "sign": b"+3\r\nabc\r\n0\r\n\r\n",
    "negative": b"-3\r\nabc\r\n0\r\n\r\n",
    "prefix": b"0x3\r\nabc\r\n0\r\n\r\n",
    "underscore": b"1_0\r\n",
    "leading blank": b" 3\r\nabc\r\n0\r\n\r\n",
    "size too large": b"1" + b"0" * 15 + b"\r\n",
    "bare LF behind the size": b"3\nabc\r\n0\r\n\r\n",
    "bare CR behind the size": b"3\rabc\r\n0\r\n\r\n",
    "bare LF behind the data": b"3\r\nabc\n0\r\n\r\n",
    "chunk longer than it said": b"3\r\nabcd\r\n0\r\n\r\n",
    "chunk shorter than it said": b"5\r\nabc\r\n0\r\n\r\n",
    "bare LF in an extension": b"3;a\nb\r\nabc\r\n0\r\n\r\n",
    "bare CR in an extension": b"3;a\rb\r\nabc\r\n0\r\n\r\n",
    "bare LF behind the last chunk": b"0\n\n",
    "bare LF for a trailer": b"0\r\n\n",
    "bare LF behind a trailer field": b"0\r\nA: b\n\r\n",
    "extension too long": b"3" + b";".ljust(MAX_EXTENSION + 2, b"x") + b"\r\nabc\r\n0\r\n\r\n",
    "trailer too long": b"0\r\n" + b"x" * (MAX_TRAILER - 3) + b"\r\n\r\n",
    "trailer of too many fields": b"0\r\n" + b"A: b\r\n" * (MAX_TRAILER // 6 + 1) + b"\r\n",
}


@pytest.mark.parametrize("name", MALFORMED)
@pytest.mark.parametrize("how", [decode, byte_by_byte])
def test_malformed_coding_is_refused(name: str, how: object) -> None:
    """What two parsers might read in two ways is an error, in one piece and byte by byte."""
    assert callable(how)
    with pytest.raises(Invalid):
        how(MALFORMED[name])


def test_endless_line_is_refused_before_it_ends() -> None:
    """Neither a size line nor a trailer that never ends fills the memory."""
    for beginning, limit in ((b"3;", MAX_EXTENSION), (b"0\r\n", MAX_TRAILER)):
        decoder = ChunkedDecoder()
        decoder.feed(beginning)
        decoder.feed(b"x" * limit)
        with pytest.raises(Invalid):
            decoder.feed(b"x")


def test_long_chunk_is_not_held_back() -> None:
    """The bytes of a chunk are given as they come, however long the chunk is."""
    decoder = ChunkedDecoder()
    assert decoder.feed(b"fffffffff\r\nab") == b"ab"
    assert decoder.feed(b"cd") == b"cd"


@given(st.lists(st.binary(min_size=1, max_size=50)), st.binary(max_size=20), st.data())
def test_coding_round_trips_under_any_fragmentation(pieces: list[bytes], rest: bytes, data: st.DataObject) -> None:
    """What is encoded is decoded, wherever the network cuts it."""
    coded = b"".join(map(encode_chunk, pieces)) + LAST_CHUNK + rest
    cuts = data.draw(st.lists(st.integers(0, len(coded))))
    assert decode(coded, *cuts) == (b"".join(pieces), True, rest)


@given(st.text("0123456789aA;\r\n x", max_size=30), st.data())
def test_fragmentation_never_changes_the_verdict(text: str, data: st.DataObject) -> None:
    """Arbitrary input gives the same body, or an error, in one piece and in many."""
    coded = text.encode()
    cuts = data.draw(st.lists(st.integers(0, len(coded))))

    def outcome(*cuts: int) -> object:
        try:
            return decode(coded, *cuts)
        except Invalid:
            return Invalid

    assert outcome(*cuts) == outcome()
