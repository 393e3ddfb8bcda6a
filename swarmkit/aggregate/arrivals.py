"""What is on its way to a member: it takes room there already, though no listing has it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from attrs import define, evolve, field

from ..message import Message, Path
from ..placement import Pending
from ..rows import Row

REMEMBERED = 1024
"""Created containers of which the specs are kept, should nobody ask whether they have been listed."""


@define(eq=False)
class Arrivals:
    """The containers that are being created on one member, and the specs of those that were and are not listed yet."""

    _creating: dict[object, Pending] = field(factory=dict, init=False)
    _created: dict[str, Pending] = field(factory=dict, init=False)  # by id

    @contextmanager
    def expect(self, message: Message) -> Iterator[Pending]:
        """Count what a SPAWN makes for as long as the block lasts."""
        name = str(message.get("name") or "").removeprefix("/").rpartition("/")[2]
        pending, token = Pending(name, message.get("spec") or {}, str(message.get("on") or "")), object()
        self._creating[token] = pending
        try:
            yield pending
        finally:
            del self._creating[token]

    def arrived(self, path: Path, pending: Pending) -> None:
        """Remember what was created, at a path as the member has it, until it is listed."""
        id, host = path[-1], path[1] if path[0] == "nodes" else ""
        self._created[id] = evolve(pending, id=id, host=host)
        if len(self._created) > REMEMBERED:
            del self._created[next(iter(self._created))]

    def pending(self, unlisted: Iterable[Row]) -> tuple[Pending, ...]:
        """Return all that is on its way, given what the member's mirror knows of and has not listed yet.

        What is not among it any more is forgotten.
        """
        known = self._created
        self._created = {row.id: known.get(row.id) or Pending(row.name, host=row.member, id=row.id) for row in unlisted}
        return (*self._creating.values(), *self._created.values())
