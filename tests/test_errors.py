import pytest

from swarmkit.errors import (
    Code,
    Conflict,
    Denied,
    Internal,
    Invalid,
    NotFound,
    SwarmError,
    Timeout,
    Unavailable,
    Unimplemented,
    error_of,
    error_of_status,
    located,
    no_such_host,
)

KINDS = {
    "invalid": (Invalid, 400),
    "denied": (Denied, 403),
    "not_found": (NotFound, 404),
    "conflict": (Conflict, 409),
    "not_implemented": (Unimplemented, 501),
    "unavailable": (Unavailable, 503),
    "timeout": (Timeout, 504),
    "internal": (Internal, 500),
}


def test_codes_are_a_closed_list() -> None:
    """Every code has one class, and there are no others."""
    assert {code.value for code in Code} == set(KINDS)
    assert {kind for kind, _ in KINDS.values()} == set(SwarmError.__subclasses__())


@pytest.mark.parametrize("word", KINDS)
def test_code_makes_its_error(word: str) -> None:
    """A code from the wire makes the error that has this code, with its HTTP status."""
    kind, status = KINDS[word]
    error = error_of(word, "no", member="a")
    assert (kind, status, "no", {"member": "a"}) == (type(error), error.status, error.message, error.details)
    assert Code(word) is error.code


def test_unknown_code_is_a_value_error() -> None:
    """A code outside the list is refused, not taken for an internal error."""
    with pytest.raises(ValueError, match="nonsense"):
        error_of("nonsense", "no")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Invalid),
        (401, Denied),
        (403, Denied),
        (404, NotFound),
        (405, Unimplemented),
        (409, Conflict),
        (418, Invalid),
        (500, Internal),
        (501, Unimplemented),
        (502, Internal),
        (503, Unavailable),
        (504, Timeout),
    ],
)
def test_status_makes_the_nearest_error_and_is_kept(status: int, kind: type[SwarmError]) -> None:
    """An engine's status chooses the class, and stays as it was."""
    error = error_of_status(status, "no", body=b"{}")
    assert (kind, status, b"{}") == (type(error), error.status, error.details["body"])


def test_status_that_is_not_a_number_is_ignored() -> None:
    """A status among the details counts only where it is one."""
    assert NotFound("no", status="gone").status == 404


def test_error_prints_its_message() -> None:
    """An error reads as its message, and its repr names the class."""
    error = Conflict("the name is in use")
    assert (str(error), repr(error)) == ("the name is in use", "Conflict('the name is in use')")


def test_unknown_host_names_those_there_are() -> None:
    """Who asks for a host that is not there is told which there are, or that there is none."""
    assert no_such_host("c", {"b": 1, "a": 2}) == "there is no host called 'c'; the hosts are a, b"
    assert no_such_host("c", ()) == "there is no host called 'c'; there is none at all"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ssh ops:secret@web:22", "ssh ops:***@web:22"),
        ("http://a:2379,http://bob:se/c@ret@b/p", "http://a:***@b/p"),
        ("aggregate 'a=docker tcp://:secret@h' 'b=fake'", "aggregate 'a=docker tcp://:***@h' 'b=fake'"),
        ("ssh ops@web:22/run/x -J ops@far", "ssh ops@web:22/run/x -J ops@far"),
    ],
)
def test_place_of_an_error_is_told_without_passwords(text: str, shown: str) -> None:
    """What somebody wrote is quoted, and errors go to logs and to all who ask."""
    error = located(Invalid("no", stage=2), text)
    assert (type(error), error.message, error.details) == (Invalid, f"{shown}: no", {"stage": 2})
