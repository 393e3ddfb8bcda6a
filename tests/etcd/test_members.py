"""Keys and values of etcd as rows of the source."""

from __future__ import annotations

import json

import pytest

from backends.etcd.entries import Means
from backends.etcd.members import Keys, Members
from backends.etcd.messages import Change, Found, KeyValue
from swarmkit.rows import Missing
from swarmkit.source import member_row

ADDRESS = "docker ssh://192.0.2.7"

PLAIN = Means(insecure=True)
UNUSED = "its entry in etcd cannot be used"


def key(name: str, value: bytes = b"", revision: int = 5) -> KeyValue:
    """Make a key under the prefix."""
    return KeyValue(f"p/{name}", value, mod_revision=revision)


def member(name: str, **labels: str) -> KeyValue:
    """Make the key of a member."""
    value = {"name": name, "address": ADDRESS, "labels": labels, "version": 1}
    return key(f"members/{name}", json.dumps(value).encode())


def put(row: KeyValue, revision: int = 6) -> Change:
    """Make the change that puts a key."""
    return Change(KeyValue(row.key, row.value, mod_revision=revision), deleted=False)


def gone(row: KeyValue, revision: int = 6) -> Change:
    """Make the change that deletes a key."""
    return Change(KeyValue(row.key, mod_revision=revision), deleted=True)


def members(*rows: KeyValue) -> Members:
    """Make the members of a listing at revision 5."""
    found = Members(Keys("p"), PLAIN)
    found.replace(Found(tuple(rows), 5, len(rows)))
    return found


CLASSIC = key("docker/swarm/nodes/192.0.2.8:2375", b"192.0.2.8:2375")


def test_rows() -> None:
    """Members have their labels, and those of classic Swarm come behind them; other keys are nobody's."""
    listing = members(CLASSIC, key("hello"), member("b"), member("a", zone="x")).listing()
    assert listing.rows == (
        member_row("a", ADDRESS, {"zone": "x"}),
        member_row("b", ADDRESS),
        member_row("192.0.2.8-2375", "docker tcp://192.0.2.8:2375 --insecure"),
    )
    assert listing.missing == ()


def test_drained() -> None:
    """A member is drained while there is a key that says so, whatever it says; one without a member is nobody's."""
    found = members(member("a"), member("b"), key("drained/a", b"\xff"), key("drained/c"), CLASSIC)
    found.apply([put(key("drained/192.0.2.8-2375"))])
    drained = {row.name: "Availability" in row.document for row in found.listing()}
    assert drained == {"a": True, "b": False, "192.0.2.8-2375": True}
    found.apply([gone(key("drained/a")), gone(member("b")), put(key("drained/b"))])
    assert found.listing()[0] == member_row("a", ADDRESS)
    found.apply([put(member("b"))])  # what is drained is so again when it registers again
    assert found.listing()[1] == member_row("b", ADDRESS, drained=True)


def test_changes() -> None:
    """What is put replaces, what is deleted goes, and deleting what is not there changes nothing."""
    found = members(member("a"))
    found.apply([put(member("a", zone="x")), put(member("b")), gone(member("c"))])
    assert found.listing().rows == (member_row("a", ADDRESS, {"zone": "x"}), member_row("b", ADDRESS))
    found.apply([gone(member("a"), 7)])
    assert [row.name for row in found.listing()] == ["b"]
    assert found.revision == 7


@pytest.mark.parametrize(
    ("row", "name", "why"),
    [
        (key("members/a", b"?"), "a", f"{UNUSED}: it is no JSON in UTF-8"),
        (key("members/", b"{}"), "''", f"{UNUSED}: its version is None, and only 1 is known here"),
        (key("members/\udcff\x1b", b"?"), "'\\udcff\\x1b'", f"{UNUSED}: it is no JSON in UTF-8"),
        (
            key(f"members/{'x' * 200}", b"?"),
            "x" * 128 + "...",
            f"{UNUSED}: it is no JSON in UTF-8",
        ),
        (key("docker/swarm/nodes/a:1", b"b:1"), "a:1", f"{UNUSED}: it says that it is at 'b:1'"),
    ],
)
def test_what_cannot_be_read_is_missing(row: KeyValue, name: str, why: str) -> None:
    """It is named, in a way that can be shown, with the reason, until it can be read; the others are listed."""
    found = members(member("z"), row)
    listing = found.listing()
    assert ([each.name for each in listing], listing.missing) == (["z"], (Missing(name, why),))
    found.apply([gone(row)])
    assert found.listing().missing == ()


def test_one_name_twice() -> None:
    """A member goes before one of classic Swarm's of that name."""
    listing = members(CLASSIC, member("192.0.2.8-2375")).listing()
    assert listing.rows == (member_row("192.0.2.8-2375", ADDRESS),)
    assert listing.missing == (Missing("192.0.2.8:2375", "another member is called '192.0.2.8-2375'"),)


@pytest.mark.parametrize(
    ("newest", "lacks"),
    [
        (Found((key("members/a"),), 9, 2), False),
        (Found((key("members/a", revision=6),), 9, 2), True),
        (Found((key("members/a"),), 9, 1), True),
        (Found((key("members/a"),), 9, 3), True),
        (Found((), 9, 0), True),
    ],
)
def test_what_a_watch_has_not_said(newest: Found, lacks: bool) -> None:
    """Another count, or a later change than any that was said, is something that was not."""
    assert members(member("a"), key("drained/a")).lacks(newest) is lacks


def test_the_range_that_is_watched() -> None:
    """It has the members, the drained and those of classic Swarm, and not the names of containers."""
    keys = Keys("p")
    start, end = keys.watched
    inside = [f"{keys.members}zz", f"{keys.drained}x", f"{keys.classic}192.0.2.8:2375"]
    outside = [f"{keys.names}web", "p0", "p/docker/swarm/leader", "q/members/x"]
    assert all(start <= each < end for each in inside)
    assert not any(start <= each < end for each in outside)
