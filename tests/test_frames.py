import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmkit import FrameDecoder, Invalid, Record, encode_frame
from swarmkit.frames import MAX_PIECE

RECORDS = st.lists(st.builds(Record, st.integers(0, 3), st.binary(min_size=1, max_size=40)), max_size=5)


def test_the_frame_is_the_engines() -> None:
    """One byte for the stream, three zeros, four for the length, then the bytes (operation ContainerAttach)."""
    assert encode_frame(2, b"abc") == b"\x02\0\0\0\0\0\0\x03abc"


@given(RECORDS, st.data())
def test_frames_survive_any_cutting(records: list[Record], data: st.DataObject) -> None:
    """However the bytes are cut, the same records come out, and the decoder is clean at the end."""
    rest = b"".join(encode_frame(record.stream, record.data) for record in records)
    decoder, found = FrameDecoder(), []
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        found += decoder.feed(rest[:size])
        rest = rest[size:]
    assert (records, True) == (found, decoder.clean)


def test_an_empty_frame_is_no_record() -> None:
    """A frame of no bytes says nothing, and hides nothing after it."""
    assert [Record(1, b"x")] == FrameDecoder().feed(encode_frame(2, b"") + encode_frame(1, b"x"))


@pytest.mark.parametrize("size", range(1, 11))
def test_a_cut_frame_is_not_clean(size: int) -> None:
    """A stream that ends in a frame, in its head or in its bytes, has been cut."""
    decoder = FrameDecoder()
    assert (decoder.feed(encode_frame(1, b"abc")[:size]), decoder.clean) == ([], False)


def test_a_long_frame_comes_in_pieces() -> None:
    """A frame of any length is given out in records of a bounded size."""
    records = FrameDecoder().feed(encode_frame(1, bytes(MAX_PIECE + 5)))
    assert [len(record.data) for record in records] == [MAX_PIECE, 5]


@pytest.mark.parametrize("head", [b"\x04\0\0\0\0\0\0\x01", b"\x01\0\x01\0\0\0\0\x01", b"HTTP/1.1"])
def test_what_is_no_head_is_refused(head: bytes) -> None:
    """Bytes that cannot be a frame's head are an Invalid that shows them."""
    with pytest.raises(Invalid, match=head.hex(" ")):
        FrameDecoder().feed(head)


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"a\n", "a"), (b"a\r\n", "a"), (b"a\n\n", "a\n"), (b"a", "a"), (b"\xff\n", "\N{REPLACEMENT CHARACTER}")],
)
def test_a_record_prints_as_its_line(data: bytes, text: str) -> None:
    """A record's text has no line end, and no bytes that are no text."""
    assert text == str(Record(1, data))
