"""The table of known parts, found through the entry-point group `swarmkit.backends`; it is itself a service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from .errors import Internal, Invalid, NotFound
from .message import Message, ack
from .part import Part
from .service import Service, VerbService

GROUP = "swarmkit.backends"
"""The entry-point group in which a package declares its parts: `name = "module:part"`."""


class Registry:
    """Parts by name. Those of entry points are imported when they are first asked for."""

    def __init__(self, parts: Iterable[Part] = (), *, installed: bool = True) -> None:
        self._parts = {part.name: part for part in parts}
        self._entries: dict[str, EntryPoint] = {}
        if installed:
            self._entries = {entry.name: entry for entry in entry_points(group=GROUP)}

    def names(self) -> list[str]:
        """Return all names, sorted."""
        return sorted({*self._parts, *self._entries})

    def find(self, name: str) -> Part:
        """Return the part called `name`; raise `NotFound` with the nearest name, or `Internal` where loading fails."""
        if name not in self._parts:
            if name not in self._entries:
                raise NotFound(f"there is no part called {name!r}{self._nearest(name)}")
            self._parts[name] = _load(self._entries[name])
        return self._parts[name]

    def add(self, part: Part) -> None:
        """Make a part known under its name, in place of an installed one of that name."""
        self._parts[part.name] = part

    def _nearest(self, name: str) -> str:
        near = get_close_matches(name, self.names(), n=1)
        return f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(self.names())}"


def _load(entry: EntryPoint) -> Part:
    try:
        found = entry.load()
    except Exception as error:  # whatever a third party's module raises while it is imported
        raise Internal(f"the part {entry.name!r} ({entry.value}) cannot be loaded: {error}") from error
    if not isinstance(found, Part):
        where = getattr(found, "__file__", None) or type(found).__name__
        raise Internal(f"the part {entry.name!r} ({entry.value}) is no swarmkit part but {where}")
    return found


@asynccontextmanager
async def open_registry(registry: Registry) -> AsyncIterator[Service]:
    """Open the registry as a service: LS lists the parts, ATTACH finds one, SPAWN makes an instance (`ret`).

    Instances live until the block ends. SPAWN takes the part's name as `name`, its words as `spec: {"args": [...]}`,
    and for a layer the service behind it as `ret`.
    """
    async with AsyncExitStack() as stack:
        yield _RegistryService(registry, stack)


class _RegistryService(VerbService):
    name = "registry"

    def __init__(self, registry: Registry, stack: AsyncExitStack) -> None:
        self._registry = registry
        self._stack = stack

    async def ls(self, message: Message) -> Message:
        return ack({"rows": [_document(self._registry.find(name)) for name in self._registry.names()], "missing": []})

    async def attach(self, message: Message) -> Message:
        if len(message.path) != 1:
            raise Invalid("ATTACH takes the name of a part")
        part = self._registry.find(message.path[0])
        return ack(_document(part), path=(part.name,))

    async def spawn(self, message: Message) -> Message:
        part = self._registry.find(str(message.get("name")))
        stage = part.parse([str(word) for word in (message.get("spec") or {}).get("args", [])])
        inner = message.ret if callable(message.ret) else None
        service = await self._stack.enter_async_context(stage.open(inner))
        return ack({"name": part.name}, path=(part.name,), ret=service)


def _document(part: Part) -> dict[str, Any]:
    return {
        "name": part.name,
        "path": [part.name],
        "document": {"Role": part.role.name.lower(), "Summary": part.summary},
    }
