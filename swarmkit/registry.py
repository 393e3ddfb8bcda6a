"""The table of known parts, found through the entry-point group `swarmkit.backends`; it is itself a service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec

import trio
from attrs import evolve

from .errors import Internal, Invalid, NotFound, SwarmError, Unimplemented
from .instance import open_instance
from .message import Message, Verb, ack
from .part import Part, Role, Stage
from .rows import Listing, Missing, Row
from .service import Service, VerbService, close_ends

GROUP = "swarmkit.backends"
"""The entry-point group in which a package declares its parts: `name = "module:part"`."""


class Registry:
    """Parts by name. Those of entry points are imported when they are first asked for."""

    def __init__(self, parts: Iterable[Part] = (), *, installed: bool = True) -> None:
        self._parts = {part.name: part for part in parts}
        self._entries: dict[str, list[EntryPoint]] = {}
        if installed:
            for entry in entry_points(group=GROUP):
                self._entries.setdefault(entry.name, []).append(entry)

    def names(self) -> list[str]:
        """Return all names, sorted."""
        return sorted({*self._parts, *self._entries})

    def find(self, name: str) -> Part:
        """Return the part called `name`.

        Raises `NotFound` with the nearest name, and `Internal` where loading fails or two packages claim the name.
        """
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
        if near:
            return f"; did you mean {near[0]!r}?"
        known = ", ".join(self.names())
        return f"; known are {known}" if known else f"; none is installed (entry-point group {GROUP})"


def _load(entries: list[EntryPoint]) -> Part:
    entry = entries[0]
    if len({each.value for each in entries}) > 1:
        claims = ", ".join(f"{each.value} of {each.dist.name if each.dist else 'nobody'}" for each in entries)
        raise Internal(f"the part {entry.name!r} is declared more than once: {claims}")
    where = f"the part {entry.name!r} ({entry.value})"
    try:
        found = entry.load()
    except Exception as error:  # whatever a third party's module raises while it is imported
        reason = f"{type(error).__name__}: {error}"
        raise Internal(f"{where} cannot be loaded from {_file_of(entry.module)}: {reason}") from error
    if not isinstance(found, Part):
        raise Internal(f"{where} in {_file_of(entry.module)} is no swarmkit part but of type {type(found).__name__}")
    return found


def _file_of(module: str) -> str:
    """Return the file of a module, or of the nearest package around it: a stranger's may be in the way."""
    name = module
    while name:
        try:
            spec = find_spec(name)
        except Exception:  # the package around it is broken or missing: that one's file is told
            spec = None
        if spec is not None:
            return spec.origin or ", ".join(spec.submodule_search_locations or ()) or name
        name = name.rpartition(".")[0]
    return "nowhere: there is no such module"


@asynccontextmanager
async def open_registry(registry: Registry) -> AsyncIterator[Service]:
    """Open the registry as a service: LS lists the parts, ATTACH finds one, SPAWN makes an instance.

    SPAWN takes the part's name as `name`, its words as `spec: {"args": [...]}`, and for a layer or a front the service
    behind it as `ret`. The instance is the reply's `ret`; it ends when that is closed, at the latest with the block.
    """
    async with open_instance() as nursery:
        yield _RegistryService(registry, nursery)


class _Instance:
    """An open stage, in a task of its own: whoever closes it is in another task than who opened it."""

    def __init__(self, stage: Stage, inner: Service | None) -> None:
        self._stage = stage
        self._inner = inner
        self._service: Service | None = None
        self._scope = trio.CancelScope()
        self._ended = trio.Event()

    async def __call__(self, message: Message, /) -> Message:
        if self._service is None:
            await close_ends(message)
            raise NotFound(f"this instance of {self._stage} has been closed")
        return await self._service(message)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        try:
            with self._scope:
                async with self._stage.open(self._inner) as self._service:
                    task_status.started()
                    await trio.sleep_forever()
        finally:
            self._service = None
            if self._inner is not None:
                with trio.CancelScope(shield=True):
                    await close_ends(ack(ret=self._inner))
            self._ended.set()

    async def aclose(self) -> None:
        """End the instance and wait until it has ended. Idempotent."""
        self._scope.cancel()
        await self._ended.wait()


class _RegistryService(VerbService):
    name = "registry"
    takes_ends = frozenset({Verb.SPAWN})

    def __init__(self, registry: Registry, nursery: trio.Nursery) -> None:
        self._registry = registry
        self._nursery = nursery

    async def ls(self, message: Message) -> Message:
        if message.path:
            raise NotFound(f"the registry has parts, and nothing at {'/'.join(message.path)!r}")
        rows, missing = [], []
        for name in self._registry.names():
            try:
                rows.append(_row(self._registry.find(name)))
            except SwarmError as error:  # one that is broken does not hide the others
                missing.append(Missing(name, error.message))
        return ack(Listing(tuple(rows), tuple(missing)).to_args())

    async def attach(self, message: Message) -> Message:
        if len(message.path) != 1:
            raise Invalid("ATTACH takes the name of a part")
        row = _row(self._registry.find(message.path[0]))
        return ack(row.to_plain(), path=row.path)

    async def spawn(self, message: Message) -> Message:
        inner = message.ret if callable(message.ret) else None
        if message.path:
            raise Unimplemented(f"the registry makes instances of parts, not of {'/'.join(message.path)!r}")
        stage = self._stage_of(message, inner)
        await close_ends(evolve(message, ret=None))
        instance = _Instance(stage, inner)
        await self._nursery.start(instance.run)
        return ack({"name": stage.name}, ret=instance)

    def _stage_of(self, message: Message, inner: Service | None) -> Stage:
        """Parse what a SPAWN asks for, and see that it brings what stands behind a layer, and behind nothing else."""
        name, args = message.get("name"), (message.get("spec") or {}).get("args", [])
        if not isinstance(name, str) or not isinstance(args, list) or not all(isinstance(word, str) for word in args):
            raise Invalid('SPAWN takes the part\'s `name`, and its words as `spec: {"args": [...]}`')
        part = self._registry.find(name)
        needed = part.role in (Role.LAYER, Role.FRONT)
        if needed and inner is None:
            raise Invalid(f"{name} needs a service behind it, as the message's `ret`")
        if not needed and message.ret is not None:
            raise Invalid(f"{name} takes no service behind it")
        return part.parse(args)


def _row(part: Part) -> Row:
    return Row(part.name, (part.name,), document={"Role": part.role.name.lower(), "Summary": part.summary})
