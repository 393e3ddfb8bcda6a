"""Plain values as CBOR (RFC 8949), strictly: what section 2 of docs/protocol.md allows, and nothing else.

The one place that knows the CBOR library. It is told to refuse what it can refuse; the rest (what is no plain value,
how deep, how many, bytes left over) is checked here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from io import BytesIO
from types import NoneType
from typing import Any

import cbor2

from ..errors import Invalid
from .limits import Limits
from .violations import Violation

_LEAVES: frozenset[type] = frozenset((float, str, bytes, bool, NoneType))  # plain whatever they are; an int may be long
_LEAST, _MOST = -(2**64), 2**64 - 1
_TEXT: frozenset[type] = frozenset((str,))


class _NoTags(Mapping[int, Any]):
    """A table of decoders of tags that refuses each one, also those that the library knows by itself."""

    def __getitem__(self, tag: int) -> Any:
        raise cbor2.CBORDecodeError(f"tag {tag}")

    def __len__(self) -> int:  # not empty: the library asks an empty table nothing
        return 1

    def __iter__(self) -> Iterator[int]:
        return iter((0,))


_NO_TAGS = _NoTags()


def encode(value: Any, limits: Limits) -> bytes:
    """Encode a plain value; raise `Invalid` where it is none, or more than `limits` (the other peer's) take."""
    try:
        count = _measure(value, limits.depth)
        data = cbor2.dumps(value)
    except _NotPlain as error:
        raise Invalid(f"this cannot be sent to another machine: {error}") from None
    except (cbor2.CBOREncodeError, UnicodeEncodeError) as error:
        raise Invalid(f"this cannot be sent to another machine: {error}") from error
    if count > limits.values:
        raise Invalid(f"a message of {count} values is too long: {limits.values} are taken")
    if len(data) > limits.message:
        raise Invalid(f"a message of {len(data)} bytes is too long: {limits.message} are taken")
    return data


def decode(data: bytes, limits: Limits) -> Any:
    """Decode one plain value and nothing behind it, within `limits` (our own); raise `Violation` for anything else."""
    if len(data) > limits.values:  # else there cannot be too many: each has a byte at least
        _count(data, limits.values)
    source = BytesIO(data)
    try:
        value = cbor2.load(
            source,
            semantic_decoders=_NO_TAGS,
            max_depth=limits.depth,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            strict_hashable_types=True,
        )
        _measure(value, limits.depth)
    except (cbor2.CBORDecodeError, _NotPlain) as error:
        raise Violation(f"not the CBOR that is taken here: {error}") from None
    if source.tell() != len(data):  # the library leaves off behind the first item
        raise Violation(f"{len(data) - source.tell()} bytes behind the CBOR")
    return value


class _NotPlain(Exception):
    """Something that is no plain value, or is too deep."""


def _measure(value: Any, depth: int) -> int:
    """Count the values in a value; raise `_NotPlain` where one is not plain, or below `depth` levels.

    Where all in an array or a map are leaves, as most are, no line of Python is run for each.
    """
    inside: Collection[Any]
    if isinstance(value, dict):
        if not _TEXT.issuperset(map(type, value)):
            _check_keys(value)
        inside, count = value.values(), 1 + 2 * len(value)
    elif isinstance(value, (list, tuple)):
        inside, count = value, 1 + len(value)
    else:
        _check_leaf(value)
        return 1
    if not depth:
        raise _NotPlain("arrays and maps are too deep in one another")
    if not inside or _LEAVES.issuperset(map(type, inside)):
        return count
    for one in inside:
        kind = type(one)
        if kind not in _LEAVES and (kind is not int or not _LEAST <= one <= _MOST):
            count += _measure(one, depth - 1) - 1
    return count


def _check_keys(value: Mapping[Any, Any]) -> None:
    for key in value:
        if not isinstance(key, str):
            raise _NotPlain(f"the key of a map is no text, but a {type(key).__name__}")


def _check_leaf(value: Any) -> None:
    if not isinstance(value, (int, float, str, bytes, NoneType)):
        raise _NotPlain(f"a {type(value).__name__} is no plain value")
    if isinstance(value, int) and not _LEAST <= value <= _MOST:
        raise _NotPlain("an integer has more than 64 bits")


# What follows a head of this value at once: the head and the bytes of a short string; 0 where the head has a length.
_STEPS = bytes(0 if head & 31 > 23 else 1 + (head & 31 if head >> 5 in (2, 3) else 0) for head in range(256))


def _count(data: bytes, most: int) -> None:
    """Raise `Violation` where there are more than `most` values, before the memory for them is taken.

    A value of one byte may take 72 when decoded (an empty map in a list).
    """
    at = count = 0
    while at < len(data):
        count += 1
        if count > most:
            raise Violation(f"a message of more than {most} values")
        step = _STEPS[data[at]]
        at = at + step if step else _skip_long(data, at)


def _skip_long(data: bytes, at: int) -> int:
    """Return where the value goes on whose head has its length, or number, in the bytes after it."""
    major, width = data[at] >> 5, 1 << (data[at] & 31) - 24
    if width > 8:
        raise Violation("not the CBOR that is taken here: of indefinite length")
    after = at + 1 + width
    return after + int.from_bytes(data[at + 1 : after], "big") if major in (2, 3) else after
