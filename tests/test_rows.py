import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmkit import Listing, Missing, Row, ack

NAMES = st.text(min_size=1)
ROWS = st.builds(
    Row,
    name=NAMES,
    path=st.lists(NAMES).map(tuple),
    id=st.text(),
    names=st.lists(NAMES).map(tuple),
    document=st.dictionaries(NAMES, st.integers()),
    detail=st.none() | st.dictionaries(NAMES, st.integers()),
    member=st.text(),
    lost=st.none() | NAMES,
)


@given(ROWS)
def test_a_row_survives_the_way(row: Row) -> None:
    """What is read from the plain values of a row is the row."""
    assert row == Row.from_plain(row.to_plain())


@given(st.lists(ROWS, max_size=3).map(tuple), st.lists(st.builds(Missing, NAMES, NAMES), max_size=3).map(tuple))
def test_a_listing_survives_the_way(rows: tuple[Row, ...], missing: tuple[Missing, ...]) -> None:
    """What is read from a reply to LS is the listing it was made of."""
    assert Listing(rows, missing) == Listing.of(ack(Listing(rows, missing).to_args()))


def test_a_listing_is_a_sequence_of_rows() -> None:
    """Length, places, slices, and iteration are those of its rows."""
    rows = tuple(Row(name, (name,)) for name in "abc")
    listing = Listing(rows)
    assert (3, rows[0], rows[1:], list(rows), True) == (
        len(listing), listing[0], listing[1:], list(listing), rows[2] in listing,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (
            Row("web", ("containers", "1"), "0123456789abcdef", document={"Image": "b", "Status": "Up"}),
            "web  0123456789ab  b  Up",
        ),
        (Row("web", ("w",), member="a", document={"Status": "Up"}), "a/web  Up"),
        (Row("web", ("w",), member="a", document={"Status": "Up"}, lost="timed out"), "a/web  Host Down"),
        (Row("docker", ("docker",), document={"Summary": "One engine."}), "docker  One engine."),
    ],
)
def test_a_row_prints_on_a_line(row: Row, text: str) -> None:
    """Its name with its host, its short id, its image and its status, which is Host Down where the host is lost."""
    assert text == str(row)


def test_a_listing_prints_what_is_missing() -> None:
    """A member of which nothing is known stands below the rows, with the reason."""
    assert str(Listing((Row("web", ("w",)),), (Missing("b", "refused"),))) == "web\nb: missing: refused"


def test_an_empty_listing_says_so() -> None:
    """Nothing prints as a word, not as an empty line."""
    assert str(Listing()) == "(nothing)"
