import pytest

from swarmkit.engine.replies import answered, failed, joint_error, require_some
from swarmkit.errors import Conflict, Invalid, NotFound, SwarmError, Timeout, Unavailable

DOWN = Unavailable("connection refused")


def test_hosts_are_parted_by_whether_they_answered() -> None:
    """In the order given."""
    replies: list[tuple[str, int | SwarmError]] = [("a", 1), ("b", DOWN), ("c", 0)]
    assert answered(replies) == [("a", 1), ("c", 0)]
    assert failed(replies) == [("b", DOWN)]
    assert answered(replies) == require_some(replies)


def test_no_hosts_is_no_error() -> None:
    """There is nobody who could have answered."""
    assert require_some([]) == []


def test_where_none_answered_each_is_named() -> None:
    """With its own reason."""
    with pytest.raises(Unavailable) as raised:
        require_some([("a", DOWN), ("b", Unavailable("frozen"))])
    assert raised.value.message == "a: connection refused; b: frozen"


def test_what_all_say_alike_is_said_once_and_unchanged() -> None:
    """The engine's own status and body go through."""
    error = joint_error([("a", Invalid("Invalid filter 'x'", status=400)), ("b", Invalid("Invalid filter 'x'"))])
    assert (type(error), error.message, error.details) == (Invalid, "Invalid filter 'x'", {"status": 400})


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ([DOWN, Timeout("no answer")], Timeout),
        ([Conflict("in use"), Timeout("no answer")], Timeout),
        ([DOWN, Conflict("in use")], Conflict),
        ([NotFound("x"), Conflict("y")], NotFound),
    ],
)
def test_the_gravest_error_gives_the_code(errors: list[SwarmError], expected: type[SwarmError]) -> None:
    """An unknown outcome, then a refusal, then a host that is down: it alone is known not to have been done."""
    assert expected is type(joint_error([(str(number), error) for number, error in enumerate(errors)]))


def test_what_was_done_all_the_same_is_said() -> None:
    """Nothing partial passes as nothing."""
    assert joint_error([("b", DOWN)], done=["a", "c"]).message == "b: connection refused; done on a, c"
