"""Images copied from host to host, through us as a stream, where placement cannot bring the container to the image."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection
from urllib.parse import urlencode

import trio
from attrs import define, evolve, field

from swarmkit.engine.references import with_tag
from swarmkit.errors import Conflict, Internal, NotFound, SwarmError, Unavailable
from swarmkit.message import Message, Verb, warned

from .background import Background
from .hosts import Hosts, Node, body_of
from .image_holders import Holding, holdings
from .vigil import wait_lost

log = logging.getLogger(__name__)

_MISSING = "no such image"
"""What every engine says, in one case or another, where it lacks the image of a container to be created."""


@define(eq=False)
class _Copy:
    """A copy on its way, and how many wait for it."""

    scope: trio.CancelScope = field(factory=trio.CancelScope)
    done: trio.Event = field(factory=trio.Event)
    error: SwarmError | None = field(factory=lambda: Internal("the copy was given up"))
    waiting: int = 0


class Copies:
    """Bring images to where they are wanted. Those who want the same one on the same host share one copy."""

    def __init__(self, hosts: Hosts, background: Background) -> None:
        self._hosts = hosts
        self._background = background
        self._running: dict[tuple[str, str], _Copy] = {}

    async def spawn(self, message: Message) -> Message:
        """Create a container; where its host lacks the image and another has it, copy that and create then.

        The reply warns of it. Where there is nothing to copy the error is the host's own; where that fails it says why.
        """
        try:
            return await self._hosts.service(message)
        except NotFound as missing:
            if self._hosts.single or _MISSING not in missing.message.lower():
                raise
            holding, target = await self._wanted(message, missing)
            name = str(message["spec"]["Image"])
            try:
                await self._bring(holding, name, target)
            except SwarmError as error:
                text = f"it is on host {holding.node.name}, and was not copied to host {target.name}: {error.reason}"
                raise NotFound(f"{missing.message}; {text}") from error
        reply = await self._hosts.service(evolve(message, args={**message.args, "on": target.name}))
        return warned(reply, f"the image {name} has been copied from host {holding.node.name} to {target.name}")

    async def _wanted(self, message: Message, missing: NotFound) -> tuple[Holding, Node]:
        """Return who has the image, and on which host it is wanted; raise what was said where nobody has it.

        By its digest an image is not copied: an archive has none, and what has one can be pulled.
        """
        name = str(message["spec"].get("Image") or "")
        try:
            found = [] if "@" in name else await holdings(self._hosts, name)
            target = await self._target(message) if found else None
        except (Conflict, NotFound, Unavailable):  # it is not clear which image is meant, or no host may have it now
            raise missing from None
        if target is None or any(holding.node.name == target.name for holding in found):
            raise missing
        return found[0], target

    async def _target(self, message: Message) -> Node | None:
        """Return the host on which a container was to be: as its name says, else as the policy does."""
        asked = str(message.get("on") or str(message.get("name") or "").removeprefix("/").rpartition("/")[0])
        nodes = {node.name: node for node in await self._hosts.nodes() if node.lost is None}
        if asked in nodes:
            return nodes[asked]
        path = ("nodes", asked, "nodes") if asked else ("nodes",)  # what is asked for may be several hosts itself
        reply = await self._hosts.service(Message(Verb.GET, path, {"spec": message["spec"]}))
        return nodes.get(reply.path[1])

    async def settle(self, name: str, done: Collection[str]) -> None:
        """Have a name that was given on the hosts `done` mean the same elsewhere: hosts with an older image get that.

        So the name moves there as on one engine, where the older image loses it. Nothing goes to hosts without the
        name. A failure is logged, and no more: what was asked for has been done.
        """
        try:
            if all(node.name in done for node in await self._hosts.nodes()):
                return  # and nothing must be read first
            found = await holdings(self._hosts, name)
            meant = next((each for each in found if each.node.name in done), None)
            if meant is None:
                return
            async with trio.open_nursery() as nursery:
                for each in found:
                    if each.node.name not in done and each.image["Id"] != meant.image["Id"]:
                        nursery.start_soon(self._replace, meant, name, each.node)
        except SwarmError as error:
            log.warning("the name %s may mean different images on different hosts: %s", name, error)

    async def _replace(self, holding: Holding, name: str, target: Node) -> None:
        try:
            await self._bring(holding, name, target)
        except SwarmError as error:
            log.warning("%s on host %s stays an older image: it was not copied: %s", name, target.name, error)

    async def _bring(self, holding: Holding, name: str, target: Node) -> None:
        """Wait for a copy, and begin it if nobody has; it is given up where nobody waits any more."""
        key = (f"{holding.image['Id']} {name}", target.name)
        copy = self._running.get(key)
        if copy is None or copy.scope.cancel_called:
            copy = self._running[key] = _Copy()
            self._background.start_soon(self._run, key, copy, holding.node, name, target)
        copy.waiting += 1
        try:
            await copy.done.wait()
        finally:
            copy.waiting -= 1
            if not copy.waiting:
                copy.scope.cancel()
        if copy.error is not None:
            raise copy.error

    async def _run(self, key: tuple[str, str], copy: _Copy, source: Node, name: str, target: Node) -> None:
        began = trio.current_time()
        try:
            with copy.scope:
                copy.error = await self._transferred(source, name, target)
        finally:
            if self._running.get(key) is copy:
                del self._running[key]
            copy.done.set()
        if copy.error is None:
            took = trio.current_time() - began
            log.info("copied %s from host %s to %s in %.1f s", name, source.name, target.name, took)

    async def _transferred(self, source: Node, name: str, target: Node) -> SwarmError | None:
        """Transfer, unless one of the two is lost meanwhile; return what went wrong."""
        failure: SwarmError | None = None

        async def give_up_lost() -> None:
            nonlocal failure
            failure = await wait_lost(self._hosts, source.name, target.name)
            nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(give_up_lost)
            try:
                await self._transfer(source, name, target)
            except SwarmError as error:
                failure = error
            nursery.cancel_scope.cancel()
        return failure

    async def _transfer(self, source: Node, name: str, target: Node) -> None:
        """Save on one host and load on the other, at the pace of the slower; nothing is stored on the way."""
        saved = await self._hosts.connect(source.path, "GET", f"/images/get?{urlencode({'names': name})}")
        if saved["status"] >= 400:
            await body_of(saved)
        args = {
            "method": "POST",
            "target": "/images/load?quiet=1",
            "headers": [["Content-Type", "application/x-tar"]],
            "length": None,
        }
        loaded = await self._hosts.service(Message(Verb.CONNECT, target.path, args, att=saved.att))
        for line in (await body_of(loaded)).splitlines():
            if line.strip() and (error := json.loads(line).get("error")):
                raise Internal(str(error), host=target.name)


def full_name(repository: str, tag: str) -> str:
    """Return the name of an image that is given in two parts, as lists have it."""
    return with_tag(f"{repository}:{tag}" if tag else repository)
