import pytest

from swarmkit.engine.query import bool_value, int_value
from swarmkit.errors import Invalid


@pytest.mark.parametrize("text", [None, "", " ", "0", "no", "NO", "false", "False", "none"])
def test_false(text: str | None) -> None:
    """The engine knows these words for false."""
    assert not bool_value(text)


@pytest.mark.parametrize("text", ["1", "true", "yes", "2", "xyz", "off"])
def test_everything_else_is_true(text: str) -> None:
    """Whatever is no word for false is true."""
    assert bool_value(text)


@pytest.mark.parametrize(
    ("text", "expected"), [(None, 7), ("", 7), ("0", 0), ("+3", 3), ("-3", -3), ("9" * 18, int("9" * 18))]
)
def test_integers(text: str | None, expected: int) -> None:
    """A decimal integer with or without a sign; nothing is the default."""
    assert expected == int_value(text, 7)


@pytest.mark.parametrize("text", ["x", "1.5", " 1", "1_0", "0x1", "-", "\u0661"])
def test_what_is_no_integer_is_refused(text: str) -> None:
    """The error is the engine's."""
    with pytest.raises(Invalid) as raised:
        int_value(text)
    assert f'strconv.Atoi: parsing "{text}": invalid syntax' == raised.value.message


@pytest.mark.parametrize("text", ["9223372036854775808", "-9223372036854775809", "9" * 10_000])
def test_an_integer_has_64_bits(text: str) -> None:
    """What is larger is refused, however long it is."""
    with pytest.raises(Invalid) as raised:
        int_value(text)
    assert f'strconv.Atoi: parsing "{text}": value out of range' == raised.value.message
