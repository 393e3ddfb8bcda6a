"""The cutting of bytes into frames: whole, byte by byte, cut short, too long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmkit.wire.frames import HEADER, Frame, FrameReader, Type, frame, header
from swarmkit.wire.violations import Violation

LIMIT = 40
frames = st.builds(
    Frame, st.sampled_from(Type), st.integers(0, 2**32 - 1), st.binary(max_size=LIMIT), last=st.just(False)
)


def read(reader: FrameReader, *pieces: bytes) -> list[Frame]:
    """Feed pieces and return all frames."""
    found = []
    for piece in pieces:
        reader.feed(piece)
        while (one := reader.next()) is not None:
            found.append(one)
    return found


def test_a_header_is_nine_bytes() -> None:
    """Length, type, id: four bytes, one, four, most significant first."""
    assert header(Type.CALL, 0x01020304, 0x0A0B0C0D) == bytes.fromhex("0a0b0c0d 10 01020304")


def test_the_last_frame_of_a_message_in_parts_says_so() -> None:
    """Its type has 0x80 added, which no type has that is never in parts."""
    assert header(Type.CALL, 1, 0, last=True) == bytes.fromhex("00000000 90 00000001")
    assert read(FrameReader(LIMIT), header(Type.ITEM, 2, 0, last=True)) == [Frame(Type.ITEM, 2, b"", last=True)]
    with pytest.raises(Violation, match="0xb0"):
        read(FrameReader(LIMIT), header(Type.DATA, 1, 0, last=True))


@given(st.lists(frames, max_size=5), st.data())
def test_any_fragmentation_gives_the_same_frames(sent: list[Frame], data: st.DataObject) -> None:
    """However the bytes are cut, the frames are those that were sent, and nothing is held of them."""
    whole = b"".join(frame(*one[:3]) for one in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    reader = FrameReader(LIMIT)
    assert read(reader, *pieces) == sent
    assert reader.held == 0


@given(frames, st.data())
def test_a_frame_cut_short_is_held(sent: Frame, data: st.DataObject) -> None:
    """What has not come whole is not given out, and is what is held."""
    whole = frame(*sent[:3])
    size = data.draw(st.integers(0, len(whole) - 1))
    reader = FrameReader(LIMIT)
    assert read(reader, whole[:size]) == []
    assert reader.held == size


def test_a_frame_of_the_limit_is_taken() -> None:
    """The limit itself may be used."""
    assert read(FrameReader(LIMIT), frame(Type.DATA, 1, bytes(LIMIT))) == [Frame(Type.DATA, 1, bytes(LIMIT))]


def test_a_frame_above_the_limit_is_refused_by_its_header() -> None:
    """Nothing of a frame that is too long is waited for."""
    with pytest.raises(Violation, match="41 bytes, where 40 are taken"):
        read(FrameReader(LIMIT), header(Type.DATA, 1, LIMIT + 1))


@pytest.mark.parametrize("number", [0x00, 0x05, 0x41, 0xFF])
def test_a_type_that_is_none_is_refused(number: int) -> None:
    """What is not in the table is a violation."""
    with pytest.raises(Violation, match=f"0x{number:02x}"):
        read(FrameReader(LIMIT), bytes([0, 0, 0, 0, number, 0, 0, 0, 0]))


def test_frames_before_a_bad_one_are_given_out() -> None:
    """A violation takes nothing back."""
    reader = FrameReader(LIMIT)
    reader.feed(frame(Type.EOF, 3) + bytes(HEADER))
    assert reader.next() == Frame(Type.EOF, 3, b"\xf6")
    with pytest.raises(Violation):
        reader.next()
