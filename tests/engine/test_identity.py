"""One engine by two ways, or two engines with one id: told by what lives there, whatever changes meanwhile."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from swarmkit.engine.identity import clones, clones_warning, one_engine

BRIDGE, OTHER_BRIDGE, COPIED = "bridge", "other bridge", "copied"


def looks(*each: str) -> tuple[frozenset[str], frozenset[str]]:
    """Make two looks that find the same."""
    return frozenset(each), frozenset(each)


def test_what_has_the_same_is_one() -> None:
    """Two hosts on which all that lasted is the same are one engine."""
    assert one_engine(looks(BRIDGE, "a"), looks(BRIDGE, "a")) is True


def test_what_was_copied_does_not_make_it_one() -> None:
    """Clones have the containers of the machine that was copied, and each a bridge of its own."""
    assert one_engine(looks(BRIDGE, COPIED), looks(OTHER_BRIDGE, COPIED)) is False


def test_clone_that_ran_on_has_what_the_other_has_not() -> None:
    """A machine that was copied while it ran has the same bridge, until something is created on one of the two."""
    assert one_engine(looks(BRIDGE, COPIED), looks(BRIDGE, COPIED, "new")) is False
    assert one_engine(looks(BRIDGE, COPIED, "new"), looks(BRIDGE, COPIED)) is False


def test_where_nothing_lasts_nothing_is_known() -> None:
    """Without anything there is nothing to tell them by; so it is where nothing outlasted the looks."""
    assert one_engine(looks(), looks()) is None
    restarted = (frozenset({BRIDGE}), frozenset({OTHER_BRIDGE}))
    assert one_engine(restarted, restarted) is None


@given(st.data())
def test_one_engine_is_never_taken_for_two(data: st.DataObject) -> None:
    """However much comes and goes between the looks, an engine has what it has, by whatever way it is looked at."""
    lives = data.draw(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=12))
    times = sorted(data.draw(st.lists(st.integers(0, 6), min_size=4, max_size=4)))
    found = [
        frozenset(str(number) for number, (begin, length) in enumerate(lives) if begin <= time < begin + length)
        for time in times
    ]
    assert one_engine(found[0::2], found[1::2]) is not False


def test_hosts_that_share_an_id_are_found() -> None:
    """Each id that several have makes a group, in the order of the hosts; no id is no id."""
    ids = [("a", "X"), ("b", "Y"), ("c", "X"), ("d", ""), ("e", "")]
    assert clones(ids) == [["a", "c"]]


def test_warning_names_the_hosts_and_what_to_do() -> None:
    """All hosts, and the files that hold an engine's id."""
    warning = clones_warning(["a", "b", "c"])
    assert warning.startswith("hosts a, b and c carry one engine id: ")
    assert "engine-id" in warning
    assert "/etc/docker/key.json" in warning
