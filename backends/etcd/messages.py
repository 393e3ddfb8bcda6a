"""What etcd's JSON gateway says and is told (v3 API: `etcdserverpb`, `mvccpb`), as values. Pure.

Keys and values travel in base64, 64-bit numbers as text, and a field that is zero or empty is left out.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

Plain = Mapping[str, Any]
"""A JSON object of the gateway."""


@frozen
class KeyValue:
    """A key as it is at `mod_revision`, the revision of its last change; `lease` is 0 where it is under none."""

    key: str
    value: bytes = b""
    lease: int = 0
    mod_revision: int = 0


@frozen
class Change:
    """A key that was put, as it is then, or deleted."""

    row: KeyValue
    deleted: bool


@frozen
class Found:
    """What was asked for of a range, at `revision`; `count` is how many there are in all."""

    rows: tuple[KeyValue, ...]
    revision: int
    count: int = 0


@frozen
class Done:
    """How a transaction went: which branch was taken, and for each operation of it what it found."""

    succeeded: bool
    revision: int
    found: tuple[tuple[KeyValue, ...], ...]


@frozen
class Lease:
    """A lease, and how many seconds it lasts."""

    id: int
    ttl: int


# -- what is told ----------------------------------------------------------------------------------------------------


def encode(text: str | bytes) -> str:
    """Return a key or a value as the gateway takes it."""
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    return b64encode(data).decode("ascii")


def end_of_prefix(prefix: str) -> str:
    """Return the first key behind those that begin with a prefix, which is not empty and ends in an ASCII character."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)


def range_of(key: str, end: str | None) -> dict[str, Any]:
    """Return the fields for one key, or for those from `key` up to, but without, `end`."""
    return {"key": encode(key)} if end is None else {"key": encode(key), "range_end": encode(end)}


def newest_of(key: str, end: str) -> dict[str, Any]:
    """Return the fields that find the one key of a range that was changed last, and count them all."""
    newest = {"limit": "1", "keys_only": True, "sort_order": "DESCEND", "sort_target": "MOD"}
    return {**range_of(key, end), **newest}


def put_fields(key: str, value: bytes, lease: int | None) -> dict[str, Any]:
    """Return the fields of a put."""
    return {"key": encode(key), "value": encode(value), **({} if lease is None else {"lease": str(lease)})}


def absent(key: str) -> Plain:
    """Compare: there is no such key."""
    return {"key": encode(key), "target": "CREATE", "result": "EQUAL", "create_revision": "0"}


def unchanged(key: str, mod_revision: int) -> Plain:
    """Compare: the key was last changed at that revision."""
    return {"key": encode(key), "target": "MOD", "result": "EQUAL", "mod_revision": str(mod_revision)}


def holds(key: str, value: bytes) -> Plain:
    """Compare: the key has that value."""
    return {"key": encode(key), "target": "VALUE", "result": "EQUAL", "value": encode(value)}


def putting(key: str, value: bytes, lease: int | None = None) -> Plain:
    """Operation of a transaction: put a key; it finds nothing."""
    return {"request_put": put_fields(key, value, lease)}


def reading(key: str, end: str | None = None) -> Plain:
    """Operation of a transaction: find a key, or a range."""
    return {"request_range": range_of(key, end)}


# -- what is said ----------------------------------------------------------------------------------------------------


def number(said: Plain, name: str) -> int:
    """Return a number; one that is missing is 0."""
    return int(said.get(name, 0))


def revision_of(said: Plain) -> int:
    """Return the store's revision at which an answer was given."""
    return number(said.get("header", {}), "revision")


def key_value_of(said: Plain) -> KeyValue:
    """Read one key; bytes of it that are no UTF-8 are kept as lone surrogates."""
    key = b64decode(said["key"], validate=True).decode("utf-8", "surrogateescape")
    value = b64decode(said.get("value", ""), validate=True)
    return KeyValue(key, value, number(said, "lease"), number(said, "mod_revision"))


def found_of(said: Plain) -> Found:
    """Read the answer to a range."""
    return Found(_key_values(said.get("kvs", ())), revision_of(said), number(said, "count"))


def changes_of(result: Plain) -> tuple[Change, ...]:
    """Read one answer of a watch; it has no changes where it only says something about the watch."""
    return tuple(Change(key_value_of(event["kv"]), event.get("type") == "DELETE") for event in result.get("events", ()))


def lease_of(said: Plain) -> Lease:
    """Read the answer to a grant."""
    return Lease(int(said["ID"]), number(said, "TTL"))


def lasting_of(said: Plain) -> int | None:
    """Read the answer to a renewal, which is a stream of one: how long the lease lasts, None where it is no more."""
    return number(said["result"], "TTL") or None


def deleted_of(said: Plain) -> bool:
    """Read the answer to a deletion: whether there was anything."""
    return number(said, "deleted") > 0


def done_of(said: Plain) -> Done:
    """Read the answer to a transaction."""
    found = tuple(_found_by(response) for response in said.get("responses", ()))
    return Done(bool(said.get("succeeded", False)), revision_of(said), found)


def _found_by(response: Plain) -> tuple[KeyValue, ...]:
    ((_, answer),) = response.items()
    return _key_values(answer.get("kvs", ()))


def _key_values(said: Sequence[Plain]) -> tuple[KeyValue, ...]:
    return tuple(map(key_value_of, said))
