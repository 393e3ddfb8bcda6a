from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from swarmkit.engine.names import split_qualified
from swarmkit.engine.resolve import Entry, NameIndex

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
DB, NAMELESS = "2" + "0" * 63, "3" * 64
INDEX = index_of(("a", WEB_A, ["web", "app/w"]), ("b", WEB_B, ["web"]), ("b", DB, ["db"]), ("b", NAMELESS, []))


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("db", f"b/{DB}"),
        ("/db", f"b/{DB}"),
        ("b/db", f"b/{DB}"),
        ("/b/db", f"b/{DB}"),
        ("a/web", f"a/{WEB_A}"),
        (WEB_B, f"b/{WEB_B}"),
        ("1b", f"b/{WEB_B}"),
        ("2", f"b/{DB}"),
        ("b/1", f"b/{WEB_B}"),
        (f"a/{WEB_A}", f"a/{WEB_A}"),
        ("app/w", f"a/{WEB_A}"),
        ("a/app/w", f"a/{WEB_A}"),
        ("3", f"b/{NAMELESS}"),
    ],
)
def test_a_reference_means_one(reference: str, expected: str) -> None:
    """An id, a name, the beginning of one id; each bare or on a host."""
    assert [expected] == [f"{entry.member}/{entry.id}" for entry in INDEX.find(reference)]


@pytest.mark.parametrize("reference", ["web", "1"])
def test_an_ambiguous_reference_finds_every_candidate(reference: str) -> None:
    """Which host's is meant is for the caller to say."""
    assert [(entry.member, entry.id) for entry in INDEX.find(reference)] == [("a", WEB_A), ("b", WEB_B)]


@pytest.mark.parametrize("reference", ["x", "a/db", "c/web", "", "a/", "4", "WEB"])
def test_what_is_not_there_is_not_found(reference: str) -> None:
    """Neither on a host that lacks it, nor as less than a name."""
    assert INDEX.find(reference) == []


def test_a_name_goes_before_the_beginning_of_an_id() -> None:
    """The engine's order."""
    index = index_of(("a", "abc", ["web"]), ("b", "def", ["ab"]))
    assert [entry.id for entry in index.find("ab")] == ["def"]


def test_a_full_id_goes_before_a_name() -> None:
    """The engine's order."""
    index = index_of(("a", "abc", ["web"]), ("b", "def", ["abc"]))
    assert [entry.id for entry in index.find("abc")] == ["abc"]


def test_one_engine_reached_twice_is_ambiguous() -> None:
    """The same id on two hosts means either."""
    assert [entry.member for entry in index_of(("a", "abc", ["web"]), ("b", "abc", ["web"])).find("abc")] == ["a", "b"]


def test_a_renamed_entry_is_not_found_by_its_old_name() -> None:
    """Adding again replaces the names."""
    index = index_of(("a", "abc", ["old"]))
    index.add("a", "abc", ["new"])
    assert index.find("old") == []
    assert [Entry("a", "abc", ("new",))] == index.find("new")


@given(st.lists(NAMES, max_size=3))
def test_what_was_removed_leaves_nothing(names: list[str]) -> None:
    """Neither by name nor by id."""
    index = index_of(("a", "abc", names))
    index.remove("a", "abc")
    assert [[]] * (len(names) + 2) == [index.find(each) for each in (*names, "abc", "a")]
    assert list(index) == []
