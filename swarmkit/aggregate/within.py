"""What an aggregate's hosts are called, and labelled, in a larger whole of which it is a member.

Whoever says where something may go knows the hosts by what they are called in the whole that he asks. So each aggregate
tells those among its members that place among hosts of their own, and every level reads an expression alike.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve, field, frozen

from ..message import Message, Verb


@frozen
class Within:
    """What stands before the names of the hosts, and the labels that they have there, which go before their own."""

    name: str = ""
    labels: Mapping[str, str] = field(factory=dict)

    @classmethod
    def of(cls, message: Message) -> Within:
        """Read what a message says of it; nothing where the aggregate that it came to is the whole."""
        told = message.get("within") or {}
        return cls(str(told.get("name") or ""), told.get("labels") or {})

    def beneath(self, member: str, labels: Mapping[str, str]) -> Within:
        """Return what is so of the hosts of a member, which is given labels here."""
        return Within(f"{self.name}/{member}" if self.name else member, {**labels, **self.labels})

    def tell(self, message: Message) -> Message:
        """Return a message that says it."""
        return evolve(message, args={**message.args, "within": {"name": self.name, "labels": dict(self.labels)}})


WHOLE = Within()
"""Of an aggregate that is the whole itself."""


def places(message: Message) -> bool:
    """Tell whether a message may have an aggregate choose among its hosts: SPAWN, and GET on `nodes`."""
    return message.verb is Verb.SPAWN or (message.verb is Verb.GET and message.path == ("nodes",))
