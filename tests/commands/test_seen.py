"""Members as a person sees them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve

from swarmkit import Listing, Missing, Row
from swarmkit.commands.seen import Seen, changes, document, seen_of, table
from swarmkit.source import member_row

UP = Seen("a", "healthy", engine="28.2.2", address="tcp://192.0.2.1:2375", stage="docker tcp://192.0.2.1:2375")
DOWN = Seen("b", "unhealthy", "drain", address="ssh://b", reason="permission denied", stage="docker ssh://b")


def host(name: str, state: str = "healthy", *, lost: str | None = None, **more: Any) -> Row:
    """Make the row of a host as an aggregate has it."""
    return Row(name, ("nodes", name), document={"State": state, **more}, lost=lost)


def test_a_member_is_what_its_source_and_its_host_say() -> None:
    """State, software, address and labels are the host's; its stage, and whether it is drained, the source's."""
    listed = Listing((member_row("a", "docker tcp://h:1", drained=True),))
    hosts = Listing((host("a", ServerVersion="28.2.2", Address="tcp://h:1", Labels={"zone": "x"}),))
    expected = Seen("a", "healthy", "drain", "28.2.2", "tcp://h:1", stage="docker tcp://h:1", labels={"zone": "x"})
    assert seen_of(listed, hosts) == [expected]


def test_a_member_that_is_many_hosts_has_a_line_for_each() -> None:
    """Each is drained where the member is."""
    listed = Listing((member_row("m", "aggregate …", drained=True),))
    seen = seen_of(listed, Listing((host("m/a"), host("m/b", "unhealthy", lost="gone"))))
    assert [(each.name, each.availability, each.reason) for each in seen] == [
        ("m/a", "drain", ""),
        ("m/b", "drain", "gone"),
    ]


def test_a_member_that_is_no_host_yet_is_connecting() -> None:
    """It has been listed and not been opened, or waits for another of its name; the reason is told if there is one."""
    listed = Listing((member_row("a", "docker tcp://h:1"), member_row("b", "docker", lost="it is a copy")))
    assert seen_of(listed, Listing()) == [
        Seen("a", "connecting", reason="not opened yet", stage="docker tcp://h:1"),
        Seen("b", "connecting", reason="it is a copy", stage="docker"),
    ]


def test_what_cannot_be_read_is_missing() -> None:
    """By its source, or by the aggregate, and once: with the aggregate's reason where both name it."""
    listed = Listing((member_row("json", "docker"),), (Missing("etcd", "no answer"),))
    seen = seen_of(listed, Listing((), (Missing("json", "no host can be called so"),)))
    assert seen == [
        Seen("etcd", "missing", "", reason="no answer"),
        Seen("json", "missing", "", reason="no host can be called so"),
    ]


def test_who_connects_needs_no_reason() -> None:
    """That it has not answered yet is what connecting means."""
    (seen,) = seen_of(Listing(), Listing((host("a", "connecting", lost="not reached yet"),)))
    assert (seen.state, seen.reason) == ("connecting", "")


def test_a_table_has_a_line_for_each_member() -> None:
    """Where the host has no address of its own, what the source says is shown; then why it does not answer."""
    odd = Seen("c", "unhealthy", reason="there is no part called 'x'", stage="x tcp://h")
    assert table([UP, DOWN, odd, Seen("d", "connecting")]) == [
        "NAME  STATE       AVAILABILITY  ENGINE  ADDRESS",
        "a     healthy     active        28.2.2  tcp://192.0.2.1:2375",
        "b     unhealthy   drain         -       ssh://b: permission denied",
        "c     unhealthy   active        -       x tcp://h: there is no part called 'x'",
        "d     connecting  active        -       -",
    ]
    assert table([]) == []


def test_a_member_is_a_line_of_json() -> None:
    """All that is known of it, after what else is said of the line."""
    assert json.loads(document(DOWN, change="joined")) == {
        "change": "joined", "name": "b", "state": "unhealthy", "availability": "drain", "engine": "",
        "address": "ssh://b", "reason": "permission denied", "stage": "docker ssh://b", "labels": {},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([UP], [UP], []),
        ([], [DOWN], [("joined", "b", "joined: unhealthy: permission denied, drained")]),
        ([UP, DOWN], [UP], [("left", "b", "left")]),
        ([UP], [evolve(UP, state="unhealthy", reason="reset")], [("state", "a", "healthy -> unhealthy: reset")]),
        ([DOWN], [evolve(DOWN, reason="reset")], []),
        ([UP], [evolve(UP, availability="drain")], [("drained", "a", "drained: it takes no new containers")]),
        (
            [evolve(UP, availability="drain")],
            [UP],
            [("active", "a", "active: it takes new containers again")],
        ),
        ([UP], [evolve(UP, address="tcp://192.0.2.9:2375")], []),
        (
            [UP],
            [evolve(UP, stage="docker ssh://a", state="connecting")],
            [
                ("moved", "a", "moved: docker tcp://192.0.2.1:2375 -> docker ssh://a"),
                ("state", "a", "healthy -> connecting"),
            ],
        ),
    ],
)
def test_changes_are_what_a_person_would_be_told(
    before: list[Seen], after: list[Seen], expected: list[tuple[str, str, str]]
) -> None:
    """Who came, who left, another state, drained or not, elsewhere; another reason for the same state is none."""
    assert [(each.what, each.member.name, each.text) for each in changes(before, after)] == expected
