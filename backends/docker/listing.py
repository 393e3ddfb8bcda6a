"""What an engine has, as rows: its collections listed, and one thing of them found. Documents pass verbatim."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import trio
from attrs import evolve, frozen

from swarmkit.engine.names import names_of, primary_name
from swarmkit.errors import NotFound, SwarmError
from swarmkit.rows import Row

from .client import EngineClient
from .failures import understanding
from .paths import inspect_target, list_target

INSPECTED_AT_ONCE = 8
"""Containers that are inspected at the same time for their state."""

DETAIL = ("State", "Created")
"""What of a container's inspect goes with its row: exact times, for the texts and the order of a list."""

RESERVED = {
    "HostConfig": (
        *("NanoCpus", "CpuQuota", "CpuPeriod", "Memory", "MemoryReservation"),
        *("NetworkMode", "PortBindings"),
    ),
    "Config": ("ExposedPorts",),
}
"""What goes with it of two of its objects, where it is not empty: what the container takes of its host."""

OPTIONS = {"images": ("all", "shared-size", "manifests")}
"""By collection, the options of LS that are parameters of the engine's list."""

_GOING = frozenset({"removing", "dead"})
"""States of a container that is being removed, or was in part."""

_NO_NAME = frozenset({"<none>:<none>", "<none>@<none>"})
"""What stands for a name in the row of an image that has none."""

Detail = Mapping[str, Any] | None
"""A container's detail, empty where it was not inspected; None where it has gone between the list and its inspect."""


@frozen
class Snapshot:
    """A listing with the number of the fetch it came from: a greater one was begun later."""

    stamp: int
    rows: tuple[Row, ...]


class EngineListing:
    """List and find what one engine has."""

    def __init__(self, client: EngineClient) -> None:
        self._client = client
        self._host = client.where
        self._stamp = 0
        self._auto_removed: set[str] = set()  # ids of containers that their engine removes when they end

    def _begin(self) -> int:
        """Count one more fetch."""
        self._stamp += 1
        return self._stamp

    async def containers(
        self, *, ids: Sequence[str] | None = None, size: bool = False, detail: bool = False
    ) -> Snapshot:
        """List all containers, or those of the ids given; with `detail` each row has that of its inspect.

        The detail of what is going is empty: engines before 27.5 may panic where a container is inspected while it is
        removed, and then never let go of it (moby issue 49227).
        """
        stamp = self._begin()
        query: dict[str, Any] = {"all": "1"}
        if size:
            query["size"] = "1"
        if ids is not None:
            query["filters"] = json.dumps({"id": list(ids)})
        documents = await self._client.get_json(list_target("containers"), query) if ids is None or ids else []
        with understanding(self._host, "a list of containers"):
            rows = tuple(_container_row(document) for document in documents)
        self._auto_removed -= set(self._auto_removed if ids is None else ids) - {row.id for row in rows}
        return Snapshot(stamp, await self._detailed(rows) if detail else rows)

    async def _detailed(self, rows: Sequence[Row]) -> tuple[Row, ...]:
        """Add to each row its detail; leave out the rows of containers that have gone meanwhile."""
        details: dict[str, Detail] = {}
        failures: list[SwarmError] = []
        limiter = trio.CapacityLimiter(INSPECTED_AT_ONCE)

        async def fetch(row: Row) -> None:
            async with limiter:
                try:
                    details[row.id] = {} if self._is_going(row) else await self._detail(row.id)
                except SwarmError as error:
                    failures.append(error)
                    nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            for row in rows:
                nursery.start_soon(fetch, row)
        if failures:
            raise failures[0]
        return tuple(evolve(row, detail=detail) for row in rows if (detail := details[row.id]) is not None)

    def _is_going(self, row: Row) -> bool:
        state = row.document.get("State")
        return state in _GOING or (state == "exited" and row.id in self._auto_removed)

    async def _detail(self, id: str) -> Detail:
        try:
            document = await self.inspect("containers", id)
        except NotFound:
            return None
        with understanding(self._host, "an account of a container"):
            if (document.get("HostConfig") or {}).get("AutoRemove"):
                self._auto_removed.add(id)
            return {key: document[key] for key in DETAIL} | _reserved(document)

    async def whole(self, collection: str, options: Mapping[str, Any] | None = None) -> Snapshot:
        """List images, networks or volumes; of `options` those in `OPTIONS` are passed on."""
        stamp = self._begin()
        asked = [key for key in OPTIONS.get(collection, ()) if (options or {}).get(key)]
        found = await self._client.get_json(list_target(collection), dict.fromkeys(asked, "1"))
        with understanding(self._host, f"a list of {collection}"):
            documents = found["Volumes"] or [] if collection == "volumes" else found
            return Snapshot(stamp, tuple(_row(collection, document) for document in documents))

    async def find(self, collection: str, reference: str) -> Row:
        """Find a thing by name, by id or by the beginning of one; raise `NotFound` with the engine's text."""
        document = await self.inspect(collection, reference)
        with understanding(self._host, f"an account of {collection}"):
            row = _row(collection, document)
        if collection != "containers":
            return row
        rows = (await self.containers(ids=[row.id])).rows  # a container's row has the document of the list
        if not rows:
            raise NotFound(f"No such container: {reference}", host=self._host)
        return rows[0]

    async def inspect(self, collection: str, reference: str) -> Any:
        """Return the document of one thing, as the engine has it."""
        return await self._client.get_json(inspect_target(collection, reference))


def _reserved(document: Mapping[str, Any]) -> dict[str, Any]:
    found = {
        part: {key: value for key in keys if (value := (document.get(part) or {}).get(key))}
        for part, keys in RESERVED.items()
    }
    return {part: values for part, values in found.items() if values}


def _container_row(document: Mapping[str, Any]) -> Row:
    id = document["Id"]
    return Row(
        name=primary_name(document),
        path=("containers", id),
        id=id,
        names=tuple(names_of(document)),
        document=document,
    )


def _row(collection: str, document: Mapping[str, Any]) -> Row:
    id = str(document["Name"] if collection == "volumes" else document["Id"])
    names = _image_names(document) if collection == "images" else (str(document["Name"]),)
    return Row(name=names[0] if names else id, path=(collection, id), id=id, names=names, document=document)


def _image_names(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return an image's tags, and its digests with their repositories."""
    names = (*(document.get("RepoTags") or ()), *(document.get("RepoDigests") or ()))
    return tuple(str(name) for name in names if name not in _NO_NAME)
