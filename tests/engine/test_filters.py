import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmkit.engine.filters import Filters
from swarmkit.errors import Invalid

VALUES = st.dictionaries(st.text(), st.lists(st.text()).map(tuple))


@given(VALUES)
def test_filters_survive_encoding(values: dict[str, tuple[str, ...]]) -> None:
    """What is encoded reads back the same."""
    assert Filters(values) == Filters.parse(Filters(values).encode())


@pytest.mark.parametrize("text", ['{"name":["a","b"]}', '{"name":{"a":true,"b":true}}'])
def test_both_forms_are_read(text: str) -> None:
    """A list of values, and the map of before API 1.22, mean the same."""
    assert Filters({"name": ("a", "b")}) == Filters.parse(text)


def test_null_is_no_values() -> None:
    """The filter is there, and lets everything pass."""
    assert Filters({"name": ()}) == Filters.parse('{"name":null}')


@pytest.mark.parametrize("text", [None, "", "null", "{}"])
def test_no_filters(text: str | None) -> None:
    """Nothing, null and an empty object are no filters."""
    assert not Filters.parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x", "invalid character 'x' looking for beginning of value"),
        ('{"a":["b"]} x', "invalid character 'x' after top-level value"),
        ("{'a':1}", "invalid character '\\'' looking for beginning of object key string"),
        ('{"a" 1}', "invalid character '1' after object key"),
        ('{"a":["b" "c"]}', "invalid character '\"' after array element"),
        ('{"a":["]"] "b":[]}', "invalid character '\"' after object key:value pair"),
        ('{"a":["b", ]}', "invalid character ']' looking for beginning of value"),
        ('{"a":["b"], }', "invalid character '}' looking for beginning of object key string"),
        ("{", "unexpected end of JSON input"),
        ('{"a":["b', "unexpected end of JSON input"),
        ("[]", "json: cannot unmarshal array into Go value of type map[string]map[string]bool"),
        ('"x"', "json: cannot unmarshal string into Go value of type map[string]map[string]bool"),
        ("1", "json: cannot unmarshal number into Go value of type map[string]map[string]bool"),
        ('{"a":"b"}', "json: cannot unmarshal string into Go value of type map[string]bool"),
        ('{"a":[1]}', "json: cannot unmarshal array into Go value of type map[string]bool"),
        ('{"a":true}', "json: cannot unmarshal bool into Go value of type map[string]bool"),
        ('{"a":{"b":"c"}}', "json: cannot unmarshal string into Go value of type bool"),
        ('{"a":{"b":null}}', "json: cannot unmarshal null into Go value of type bool"),
        ("[" * 100_000, "exceeded max depth"),
    ],
)
def test_what_is_no_filters_is_refused_in_the_engines_words(text: str, message: str) -> None:
    """Bad JSON is an Invalid with the text of the engine's parser."""
    with pytest.raises(Invalid) as raised:
        Filters.parse(text)
    assert message == raised.value.message


@given(st.text() | st.text('{}[]:,"tfn1e', max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text raises anything but Invalid."""
    with contextlib.suppress(Invalid):
        assert isinstance(Filters.parse(text), Filters)


def test_an_unknown_filter_is_refused_in_the_engines_words() -> None:
    """The 400's text is the engine's."""
    with pytest.raises(Invalid) as raised:
        Filters({"name": (), "foo": ("x",)}).require_known({"name"})
    assert raised.value.message == "Invalid filter 'foo'"


def test_known_filters_pass() -> None:
    """What is accepted is not refused."""
    Filters({"name": ("x",)}).require_known({"name", "id"})


@pytest.mark.parametrize(
    ("source", "expected"), [("web", True), ("web-1", True), ("/web", True), ("we", False), ("a[", True)]
)
def test_a_match_is_a_regular_expression_or_equal(source: str, expected: bool) -> None:
    """A value is found anywhere in the source; one that is no regular expression must be equal."""
    assert expected == Filters({"name": ("w.b", "a[")}).match("name", source)


@pytest.mark.parametrize(("source", "expected"), [("start", True), ("starts", False), ("star", False)])
def test_an_exact_match(source: str, expected: bool) -> None:
    """A value must be equal."""
    assert expected == Filters({"event": ("die", "start")}).match_exact("event", source)


@pytest.mark.parametrize(("source", "expected"), [("start", True), ("starts", True), ("star", False)])
def test_a_prefix_match(source: str, expected: bool) -> None:
    """The source must begin with a value."""
    assert expected == Filters({"event": ("die", "start")}).match_prefix("event", source)


@pytest.mark.parametrize("filters", [Filters(), Filters({"k": ()})])
def test_no_values_match_everything(filters: Filters) -> None:
    """A filter that is absent or empty lets everything pass."""
    assert filters.match("k", "x")
    assert filters.match_exact("k", "x")
    assert filters.match_prefix("k", "x")
    assert filters.match_key_values("k", {})


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (("a",), True),
        (("a=1",), True),
        (("a=2",), False),
        (("b",), True),
        (("b=",), True),
        (("a", "b"), True),
        (("a", "c"), False),
        (("c=",), False),
        (("d=x=y",), True),
    ],
)
def test_labels_must_all_be_there(values: tuple[str, ...], expected: bool) -> None:
    """`k` asks for the key, `k=v` for the value, and all must hold."""
    assert expected == Filters({"label": values}).match_key_values("label", {"a": "1", "b": "", "d": "x=y"})


@pytest.mark.parametrize(
    ("values", "expected"), [(("a",), False), (("a=2",), True), (("c",), True), (("c", "a"), False)]
)
def test_labels_that_must_not_be_there(values: tuple[str, ...], expected: bool) -> None:
    """`label!` excludes what has any of its labels."""
    assert expected == Filters({"label!": values}).match_labels({"a": "1"})


def test_labels_of_a_document_without_any() -> None:
    """The engine writes null for no labels."""
    assert not Filters({"label": ("a",)}).match_labels(None)


def test_filters_less_some() -> None:
    """`without` leaves the others as they are."""
    assert Filters({"name": ("a",)}) == Filters({"name": ("a",), "node": ("b",)}).without("node", "x")
