"""Members as a person sees them: what is known of each at a moment, as lines and as JSON, and what has changed since.

Pure: what was listed comes in, text goes out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from attrs import asdict, field, frozen

from ..rows import Listing, Row
from .columns import columns

HEADS = ("NAME", "STATE", "AVAILABILITY", "ENGINE", "ADDRESS")


@frozen
class Seen:
    """One member at one moment: what its source says of it (`stage`, `labels`), and what the host itself does.

    `reason` is why it does not answer; a member that is `missing` cannot be read at all.
    """

    name: str
    state: str
    availability: str = "active"
    engine: str = ""
    address: str = ""
    reason: str = ""
    stage: str = ""
    labels: Mapping[str, str] = field(factory=dict)

    @property
    def answers(self) -> bool:
        """Whether it can be used."""
        return self.state == "healthy"

    @property
    def line(self) -> tuple[str, ...]:
        """What a table has of it."""
        where = ": ".join(filter(None, (self.address or self.stage, self.reason)))
        return self.name, self.state, self.availability or "-", self.engine or "-", where or "-"


def seen_of(listed: Listing, hosts: Listing) -> list[Seen]:
    """Return the members that a source has `listed`, as the `hosts` that were made of them show them, by name.

    A member that is an aggregate has a line for each host beneath.
    """
    members = {row.name: row for row in listed}
    seen = [_of_host(row, members.get(_member_of(row))) for row in hosts]
    opened = {_member_of(row) for row in hosts}
    missing = {gap.member: gap.reason for gap in (*listed.missing, *hosts.missing)}
    seen += [_not_opened(row) for row in listed if row.name not in opened and row.name not in missing]
    seen += [Seen(name, "missing", "", reason=reason) for name, reason in missing.items()]
    return sorted(seen, key=lambda each: each.name)


def _member_of(host: Row) -> str:
    return host.name.partition("/")[0]


def _of_host(host: Row, listed: Row | None) -> Seen:
    document = host.document
    said = listed.document if listed is not None else {}
    state = str(document.get("State") or "-")
    return Seen(
        name=host.name,
        state=state,
        availability=str(said.get("Availability") or document.get("Availability") or "active"),
        engine=str(document.get("ServerVersion") or ""),
        address=str(document.get("Address") or ""),
        reason="" if host.lost is None or state == "connecting" else str(document.get("Reason") or host.lost),
        stage=str(said.get("Stage") or ""),
        labels=document.get("Labels") or {},
    )


def _not_opened(listed: Row) -> Seen:
    """Return a member that is no host yet: it waits for another of its name to leave, or has only just been listed."""
    document = listed.document
    return Seen(
        name=listed.name,
        state="connecting",
        availability=str(document.get("Availability") or "active"),
        reason=listed.lost or "not opened yet",
        stage=str(document.get("Stage") or ""),
        labels=document.get("Labels") or {},
    )


def table(seen: Sequence[Seen]) -> list[str]:
    """Return a headed line for each member; where there is none, nothing."""
    return columns([HEADS, *(each.line for each in seen)]) if seen else []


def document(seen: Seen, **more: str) -> str:
    """Return a member as one line of JSON, after what `more` says of the line."""
    return json.dumps({**more, **asdict(seen)}, ensure_ascii=False)


# -- what has changed --------------------------------------------------------------------------------------------------


@frozen
class Change:
    """What has happened to a member: a word for programs (`joined`, `left`, `state`, `drained`, `active`, `moved`),
    the member as it is now, or as it was last, and words for people."""

    what: str
    member: Seen
    text: str


def changes(before: Iterable[Seen], after: Iterable[Seen]) -> list[Change]:
    """Return what has happened between two moments, by name.

    Another reason for the same state is no change: of a host that stays away they come by the second.
    """
    then, now = {each.name: each for each in before}, {each.name: each for each in after}
    found: list[Change] = []
    for name in sorted(then.keys() | now.keys()):
        if name not in now:
            found.append(Change("left", then[name], "left"))
        elif name not in then:
            found.append(Change("joined", now[name], f"joined: {_state(now[name])}{_drained(now[name])}"))
        else:
            found += _changes_of(then[name], now[name])
    return found


def _changes_of(then: Seen, now: Seen) -> list[Change]:
    found = []
    if then.stage != now.stage:
        found.append(Change("moved", now, f"moved: {then.stage} -> {now.stage}"))
    if then.state != now.state:
        found.append(Change("state", now, f"{then.state} -> {_state(now)}"))
    if then.availability != now.availability:
        what = "drained" if now.availability == "drain" else "active"
        text = "drained: it takes no new containers" if what == "drained" else "active: it takes new containers again"
        found.append(Change(what, now, text))
    return found


def _state(seen: Seen) -> str:
    return f"{seen.state}: {seen.reason}" if seen.reason else seen.state


def _drained(seen: Seen) -> str:
    return ", drained" if seen.availability == "drain" else ""
