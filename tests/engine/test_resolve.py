from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from swarmkit.engine.names import split_qualified
from swarmkit.engine.resolve import Entry, NameIndex
from swarmkit.errors import Conflict, NotFound

Key: TypeAlias = tuple[str, str]

HOSTS = st.sampled_from(["a", "b", "web"])
IDS = st.text("01f", min_size=1, max_size=4)
NAMES = st.sampled_from(["web", "db", "f", "01", "web/db", "b/web"])
REFERENCES = st.one_of(
    IDS, NAMES, st.sampled_from(["/web", "x", "", "a/", "/"]), st.tuples(HOSTS, IDS | NAMES).map("/".join)
)


def index_of(*entries: tuple[str, str, list[str]]) -> NameIndex:
    index = NameIndex()
    for member, id, names in entries:
        index.add(member, id, names)
    return index


def naive(entries: list[Entry], reference: str) -> list[Entry]:
    """State the rule as one reads it: by id, by name, by the beginning of an id; aliases last if a host is meant."""
    host, rest = split_qualified(reference)
    there = [entry for entry in entries if host in (None, entry.member)]
    steps = [
        [entry for entry in there if rest == entry.id],
        [entry for entry in there if rest in entry.names],
        [entry for entry in there if rest and entry.id.startswith(rest)],
        [entry for entry in entries if reference.removeprefix("/") in entry.names],
    ]
    return next((step for step in steps if step), [])


class AgainstTheRule(RuleBasedStateMachine):
    """An index, and a plain dict that is searched from end to end."""

    def __init__(self) -> None:
        super().__init__()
        self.index = NameIndex()
        self.entries: dict[Key, Entry] = {}

    @rule(member=HOSTS, id=IDS, names=st.lists(NAMES, max_size=3))
    def add(self, member: str, id: str, names: list[str]) -> None:
        self.index.add(member, id, names)
        self.entries[member, id] = Entry(member, id, tuple(names))

    @rule(member=HOSTS, id=IDS)
    def remove(self, member: str, id: str) -> None:
        self.index.remove(member, id)
        self.entries.pop((member, id), None)

    @rule(reference=REFERENCES)
    def find(self, reference: str) -> None:
        expected = sorted(naive(list(self.entries.values()), reference), key=lambda entry: (entry.member, entry.id))
        assert expected == self.index.find(reference)

    @invariant()
    def holds_the_same(self) -> None:
        assert set(self.entries.values()) == set(self.index)
        assert len(self.entries) == len(self.index)


TestAgainstTheRule = AgainstTheRule.TestCase

WEB_A, WEB_B = "1" + "a" * 63, "1" + "b" * 63
INDEX = index_of(
    ("a", WEB_A, ["web", "app/w"]), ("b", WEB_B, ["web"]), ("b", "2" + "0" * 63, ["db"]), ("b", "3" * 64, [])
)


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("db", "b/db"),
        ("/db", "b/db"),
        ("b/db", "b/db"),
        ("/b/db", "b/db"),
        ("a/web", "a/web"),
        (WEB_B, "b/web"),
        ("1b", "b/web"),
        ("2", "b/db"),
        ("b/1", "b/web"),
        (f"a/{WEB_A}", "a/web"),
        ("app/w", "a/web"),
        ("a/app/w", "a/web"),
        ("3", "b/333333333333"),
    ],
)
def test_a_reference_means_one(reference: str, expected: str) -> None:
    """An id, a name, the beginning of one id; each bare or on a host."""
    assert expected == INDEX.resolve(reference).qualified


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("web", "Multiple containers found with name web: a/web, b/web"),
        ("1", "Multiple IDs found with provided prefix: 1: a/web, b/web"),
    ],
)
def test_an_ambiguous_reference_names_every_candidate(reference: str, message: str) -> None:
    """A Conflict that a person can act upon, and a program."""
    with pytest.raises(Conflict) as raised:
        INDEX.resolve(reference)
    assert message == raised.value.message
    assert raised.value.details == {"candidates": ["a/web", "b/web"]}


@pytest.mark.parametrize("reference", ["x", "a/db", "c/web", "", "a/", "4", "WEB"])
def test_what_is_not_there_is_not_found(reference: str) -> None:
    """The text is the engine's."""
    with pytest.raises(NotFound) as raised:
        INDEX.resolve(reference)
    assert f"No such container: {reference}" == raised.value.message


def test_hosts_never_reached_are_named() -> None:
    """What is not found may be there."""
    with pytest.raises(NotFound, match="never reached: c"):
        INDEX.resolve("x", unseen=["c"])


def test_a_name_goes_before_the_beginning_of_an_id() -> None:
    """The engine's order."""
    index = index_of(("a", "abc", ["web"]), ("b", "def", ["ab"]))
    assert index.resolve("ab").qualified == "b/ab"


def test_a_full_id_goes_before_a_name() -> None:
    """The engine's order."""
    index = index_of(("a", "abc", ["web"]), ("b", "def", ["abc"]))
    assert index.resolve("abc").qualified == "a/web"


def test_one_engine_reached_twice_is_ambiguous() -> None:
    """The same id on two hosts means either."""
    with pytest.raises(Conflict) as raised:
        index_of(("a", "abc", ["web"]), ("b", "abc", ["web"])).resolve("abc")
    assert raised.value.message == "Multiple containers found with name abc: a/web, b/web"


def test_a_renamed_entry_is_not_found_by_its_old_name() -> None:
    """Adding again replaces the names."""
    index = index_of(("a", "abc", ["old"]))
    index.add("a", "abc", ["new"])
    assert index.find("old") == []
    assert [Entry("a", "abc", ("new",))] == index.find("new")


def test_one_host_alone_needs_no_name() -> None:
    """Where there is one host only, names stay bare."""
    assert Entry("", "abc", ("web",)).qualified == "web"


@given(st.lists(NAMES, max_size=3))
def test_what_was_removed_leaves_nothing(names: list[str]) -> None:
    """Neither by name nor by id."""
    index = index_of(("a", "abc", names))
    index.remove("a", "abc")
    assert [[]] * (len(names) + 2) == [index.find(each) for each in (*names, "abc", "a")]
    assert list(index) == []
