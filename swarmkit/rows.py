"""Rows: what LS and WATCH say of a child. Plain values on the way, read through this view at either end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import field, frozen

from .message import Message, Path

Plain = Mapping[str, Any]
"""A row as a message carries it. It is shared by all who were told of it, and changed by nobody."""


@frozen
class Row:
    """One child: its names, its id, where it is, its document, and whose it is.

    `member` is the host it lives on as seen from the service that was asked (`""` for a service that is one host
    itself). `lost` is the reason why that host does not answer; the row is then the last known. `detail` is a document
    with what the summary lacks (for a container the `State` of its inspect) where the service holds it.
    """

    name: str
    path: Path
    id: str = ""
    names: tuple[str, ...] = ()
    document: Mapping[str, Any] = field(factory=dict)
    detail: Mapping[str, Any] | None = None
    member: str = ""
    lost: str | None = None

    @property
    def qualified(self) -> str:
        """The name with its host in front."""
        return f"{self.member}/{self.name}" if self.member else self.name

    def to_plain(self) -> dict[str, Any]:
        """Return the row as a message carries it."""
        plain: dict[str, Any] = {"name": self.name, "path": list(self.path), "document": self.document}
        if self.id:
            plain["id"] = self.id
        if self.names:
            plain["names"] = list(self.names)
        for key in ("detail", "member", "lost"):
            if (value := getattr(self, key)) not in (None, ""):
                plain[key] = value
        return plain

    @classmethod
    def from_plain(cls, plain: Plain) -> Row:
        """Read a row that a message carries."""
        return cls(
            name=str(plain.get("name", "")),
            path=tuple(plain.get("path", ())),
            id=str(plain.get("id", "")),
            names=tuple(plain.get("names", ())),
            document=plain.get("document") or {},
            detail=plain.get("detail"),
            member=str(plain.get("member", "")),
            lost=plain.get("lost"),
        )

    def __str__(self) -> str:
        shown = self.document.get("Status") or self.document.get("State") or self.document.get("Summary") or ""
        words = [self.qualified, self.id[:12], str(self.document.get("Image", "")), "Host Down" if self.lost else shown]
        return "  ".join(word for word in words if word)


@frozen
class Missing:
    """A member that a listing has nothing of, and why."""

    member: str
    reason: str


@frozen
class Listing(Sequence[Row]):
    """What LS answers: rows, and the members whose rows are not among them. Prints as a table."""

    rows: tuple[Row, ...] = ()
    missing: tuple[Missing, ...] = ()

    @classmethod
    def of(cls, reply: Message) -> Listing:
        """Read the reply to an LS."""
        return cls(
            tuple(Row.from_plain(row) for row in reply.get("rows", ())),
            tuple(Missing(gap["member"], gap["reason"]) for gap in reply.get("missing", ())),
        )

    def to_args(self) -> dict[str, Any]:
        """Return the listing as the arguments of a reply."""
        return {
            "rows": [row.to_plain() for row in self.rows],
            "missing": [{"member": gap.member, "reason": gap.reason} for gap in self.missing],
        }

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: Any) -> Any:
        return self.rows[place]

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __str__(self) -> str:
        lines = [str(row) for row in self.rows] + [f"{gap.member}: missing: {gap.reason}" for gap in self.missing]
        return "\n".join(lines) if lines else "(nothing)"
