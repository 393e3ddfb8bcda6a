"""What a peer takes from the other: the limits of its HELLO, their defaults and least values (section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import asdict, field, fields, frozen

from .violations import Violation

MOST = 2**31 - 1
"""What no limit and no window may go above."""

LEAST_FRAME = 1024


def _limit(default: int, least: int) -> Any:
    return field(default=default, metadata={"least": least})


@frozen(kw_only=True)
class Limits:
    """Numbers that the other peer keeps to; the sizes are in bytes. ValueError for one that is out of range."""

    frame: int = _limit(65_536, LEAST_FRAME)
    message: int = _limit(33_554_432, LEAST_FRAME)
    values: int = _limit(1_048_576, 64)
    depth: int = _limit(64, 16)
    calls: int = _limit(1_024, 1)
    call_bytes: int = _limit(4_194_304, 1)
    refs: int = _limit(1_024, 0)
    channels: int = _limit(1_024, 0)
    channel_messages: int = _limit(64, 1)
    channel_bytes: int = _limit(262_144, 1)
    streams: int = _limit(1_024, 0)
    stream_bytes: int = _limit(65_536, 1)

    def __attrs_post_init__(self) -> None:
        for limit in fields(Limits):
            value, least = getattr(self, limit.name), limit.metadata["least"]
            if not least <= value <= MOST:
                raise ValueError(f"the limit {limit.name} is {least} to {MOST}, not {value}")
        if self.message < self.frame:
            raise ValueError(f"the limit message is {self.frame} at least, as frame is, not {self.message}")

    def as_map(self) -> dict[str, int]:
        """Return what a HELLO says of them."""
        return asdict(self)


def limits_of(given: Mapping[str, Any]) -> Limits:
    """Read the limits of a HELLO: what is missing has its default, what is not known is ignored."""
    known = {name: given[name] for name in asdict(Limits()) if name in given}
    for name, value in known.items():
        if type(value) is not int:
            raise Violation(f"the limit {name} is no integer")
    known.setdefault("message", max(Limits().message, known.get("frame", 0)))
    try:
        return Limits(**known)
    except ValueError as error:
        raise Violation(str(error)) from None
