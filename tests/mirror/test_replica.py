"""The replica: newer news wins, whatever order it comes in."""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from swarmkit import Row
from swarmkit.mirror.replica import TOMBSTONES, Replica

from ..aggregate.scripted import full_id, row

WEB = row("web")
IDS = st.text("01f", min_size=1, max_size=4)
NAMES = st.sampled_from(["web", "db", "f", "01"])


def test_newer_row_is_taken() -> None:
    """A row with a greater stamp, or the same, takes the place of the one before."""
    replica = Replica()
    assert replica.put(WEB, 1)
    assert replica.put(row("web", "running"), 2)
    assert replica.put(row("web", "paused"), 2)
    assert replica.rows[WEB.id].document["State"] == "paused"


def test_older_row_is_ignored() -> None:
    """A row with a smaller stamp changes nothing."""
    replica = Replica()
    replica.put(row("web", "running"), 2)
    assert not replica.put(WEB, 1)
    assert replica.rows[WEB.id].document["State"] == "running"


def test_older_row_does_not_come_back() -> None:
    """What is gone is not brought back by older news, but by newer."""
    replica = Replica()
    replica.put(WEB, 1)
    assert replica.remove(WEB.id, 3) == WEB
    assert replica.gone(WEB.id)
    assert not replica.put(WEB, 2)
    assert replica.put(WEB, 4)
    assert not replica.gone(WEB.id)


def test_older_end_is_ignored() -> None:
    """What has been listed since is not removed by older news."""
    replica = Replica()
    replica.put(WEB, 5)
    assert replica.remove(WEB.id, 4) is None
    assert list(replica.rows) == [WEB.id]


def test_end_of_what_never_was_is_remembered() -> None:
    """Removing what is not there returns nothing, and still keeps older news out."""
    replica = Replica()
    assert replica.remove(WEB.id, 2) is None
    assert not replica.put(WEB, 1)


def test_names_follow_the_row() -> None:
    """A row is found by its present names only, and by none once it is gone."""
    replica = Replica()
    replica.put(WEB, 1)
    renamed = evolve(WEB, names=("shop",))
    replica.put(renamed, 2)
    assert (replica.named("web"), replica.named("shop")) == ([], [renamed])
    replica.remove(WEB.id, 3)
    assert replica.named("shop") == []


def test_one_name_of_two_rows_finds_both() -> None:
    """Two rows of one name are both found, and the end of one leaves the other."""
    replica = Replica()
    other = evolve(WEB, id=full_id("other"), path=("containers", full_id("other")))
    replica.put(WEB, 1)
    replica.put(other, 1)
    assert {found.id for found in replica.named("web")} == {WEB.id, other.id}
    replica.remove(WEB.id, 2)
    assert replica.named("web") == [other]


def test_beginning_of_an_id_finds_all_that_begin_so() -> None:
    """A prefix finds every id that begins so; the empty one finds nothing."""
    replica = Replica()
    for each in (WEB, row("wet"), row("db")):
        replica.put(each, 1)
    assert {found.name for found in replica.beginning(b"we".hex())} == {"web", "wet"}
    assert replica.beginning("") == []


def test_stamps_are_forgotten() -> None:
    """After a source that counts anew, its small stamps are taken, for what is there and for what was gone."""
    replica = Replica()
    replica.put(WEB, 10)
    replica.remove(full_id("gone"), 10)
    replica.forget_stamps()
    assert replica.put(WEB, 1)
    assert replica.put(row("gone"), 1)


def test_tombstones_are_bounded() -> None:
    """Of what is gone a bounded number is remembered; what went first is forgotten first."""
    replica = Replica()
    for number in range(TOMBSTONES + 1):
        replica.remove(full_id(str(number)), 1)
    assert not replica.gone(full_id("0"))
    assert replica.gone(full_id("1"))


class AgainstTheRule(RuleBasedStateMachine):
    """A replica, and a plain dict of rows that is searched from end to end."""

    def __init__(self) -> None:
        super().__init__()
        self.replica = Replica()
        self.rows: dict[str, Row] = {}
        self.stamp = 0

    @rule(id=IDS, names=st.lists(NAMES, max_size=3))
    def put(self, id: str, names: list[str]) -> None:
        self.stamp += 1
        self.rows[id] = Row(name=id, path=("containers", id), id=id, names=tuple(names))
        assert self.replica.put(self.rows[id], self.stamp)

    @rule(id=IDS)
    def remove(self, id: str) -> None:
        self.stamp += 1
        assert self.replica.remove(id, self.stamp) == self.rows.pop(id, None)

    @rule(name=NAMES)
    def named(self, name: str) -> None:
        assert self.replica.named(name) == self.those(lambda row: name in row.names)

    @rule(prefix=IDS)
    def beginning(self, prefix: str) -> None:
        assert self.replica.beginning(prefix) == self.those(lambda row: row.id.startswith(prefix))

    def those(self, chosen: Callable[[Row], bool]) -> list[Row]:
        return sorted(filter(chosen, self.rows.values()), key=lambda row: row.id)

    @invariant()
    def holds_the_same(self) -> None:
        assert self.replica.rows == self.rows


TestAgainstTheRule = AgainstTheRule.TestCase
