"""The hosts behind the front: who they are, and asking many of them at once."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import trio
from attrs import evolve, frozen

from swarmkit.engine.documents import node_document
from swarmkit.errors import Internal, SwarmError, Unavailable, error_of_answer
from swarmkit.message import Message, Path, Verb
from swarmkit.placement import is_drained
from swarmkit.rows import Listing, Row
from swarmkit.service import Service
from swarmkit.streams import read_whole

T = TypeVar("T")

ANSWER_DEADLINE = 1.5
"""Seconds that a host may take for a document which many are asked for together; after that it is named as silent."""

MAX_DOCUMENT = 64 * 1024 * 1024
"""Bytes of a document, at most."""


@frozen
class Node:
    """One leaf host: its name, the path that reaches it, and the document that describes it."""

    name: str
    path: Path
    document: Mapping[str, Any]
    lost: str | None

    @property
    def address(self) -> str:
        """The address by which it is reached."""
        return str(self.document.get("Address", ""))

    @property
    def ip(self) -> str | None:
        """The IP address of a machine that is not this one; None for this one, and where it is not known."""
        found = self.document.get("IP")
        return found if isinstance(found, str) else None

    @property
    def remote(self) -> bool:
        """Whether it is known to be another machine than this one."""
        return self.ip is not None or self.address.startswith("ssh://")

    @property
    def drained(self) -> bool:
        """Whether it is to take nothing new."""
        return is_drained(self.document)

    def shown(self) -> dict[str, Any]:
        """Return what an inspection shows of it as `Node`."""
        labels = [f"{key}={value}" for key, value in (self.document.get("Labels") or {}).items()]
        info = {**self.document, "Labels": labels}  # in the shape of `GET /info`
        return node_document(self.name, info, address=self.address, ip=self.ip or "")


class Hosts:
    """The leaf hosts of a service; `single` where the service is one host itself."""

    def __init__(self, service: Service, rows: Sequence[Row]) -> None:
        self.service = service
        self.single = len(rows) == 1 and not rows[0].member

    @classmethod
    async def of(cls, service: Service) -> Hosts:
        """Find out what a service is."""
        return cls(service, Listing.of(await service(Message(Verb.LS, ("nodes",)))).rows)

    async def nodes(self) -> list[Node]:
        """Return all hosts, those that do not answer among them."""
        nodes, _ = await self.survey()
        return nodes

    async def survey(self) -> tuple[list[Node], list[tuple[str, str]]]:
        """Return all hosts, and what may hide further ones, such as a source that does not answer, and why."""
        listing = Listing.of(await self.service(Message(Verb.LS, ("nodes",))))
        nodes = [
            Node(row.name, () if self.single else ("nodes", row.name), row.document, row.lost)
            for row in sorted(listing, key=lambda row: row.name)
        ]
        return nodes, [(gap.member, gap.reason) for gap in listing.missing]

    async def node(self, path: Path) -> Node:
        """Return the host on which something lives, by the path of that."""
        nodes = {node.name: node for node in await self.nodes()}
        return nodes.get(path[1]) or Node(path[1], path[:2], {}, None)

    async def rows(self, collection: str) -> Listing:
        """Return what all hosts have of a collection, as it is known once all that was sent has been read."""
        return Listing.of(await self.service(Message(Verb.LS, (collection,))))

    async def row_of(self, reference: str, collection: str = "containers") -> Row:
        """Find the one thing that a reference means; raise `NotFound`, or `Conflict` naming the hosts."""
        reply = await self.service(Message(Verb.ATTACH, (collection, reference)))
        return evolve(Row.from_plain(reply.args), path=reply.path)

    async def path_of(self, reference: str, collection: str = "containers") -> Path:
        """Find the host of something; return the path to it there, by the word that the client used.

        By that word and not by its id, because an engine's errors repeat it.
        """
        if self.single:
            return (collection, reference)
        return path_by_word(await self.row_of(reference, collection), reference)

    async def refusing(self, reference: str, collection: str = "containers") -> Path | None:
        """Return the path by which a host will refuse something that none has, in the words that it has for that.

        None where a host was never seen, or none is up.
        """
        if (await self.rows(collection)).missing:
            return None
        up = [node.name for node in await self.nodes() if node.lost is None]
        word = reference.removeprefix("/")
        host = next((name for name in up if word.startswith(f"{name}/")), up[0] if up else None)
        word = word.removeprefix(f"{host}/")
        return ("nodes", host, collection, word) if host is not None and "/" not in word else None

    async def connect(self, path: Path, method: str, target: str, **options: Any) -> Message:
        """Send one request to what a path names."""
        return await self.service(Message(Verb.CONNECT, path, {"method": method, "target": target, **options}))

    async def document(self, path: Path, method: str, target: str, **options: Any) -> Any:
        """Send one request and return the JSON that is answered; raise the error that it is."""
        reply = await self.connect(path, method, target, **options)
        return await json_of(reply)

    async def ask_all(
        self,
        ask: Callable[[Node], Awaitable[T]],
        *,
        nodes: Sequence[Node] | None = None,
        deadline: float | None = None,
    ) -> list[tuple[str, T | SwarmError]]:
        """Ask every host (or the `nodes` given) at once; one that is down is not asked.

        Each is in the answer, by name and in order.
        """
        nodes = await self.nodes() if nodes is None else nodes
        answers: dict[str, T | SwarmError] = {}

        async def ask_one(node: Node) -> None:
            if node.lost is not None:
                answers[node.name] = Unavailable(node.lost, host=node.name)
                return
            late = Unavailable(f"no answer in {deadline} s", host=node.name)
            answers[node.name] = late
            with trio.move_on_after(deadline if deadline is not None else float("inf")):
                try:
                    answers[node.name] = await ask(node)
                except SwarmError as error:
                    answers[node.name] = error

        async with trio.open_nursery() as nursery:
            for node in nodes:
                nursery.start_soon(ask_one, node)
        return [(node.name, answers[node.name]) for node in nodes]


def path_by_word(row: Row, reference: str) -> Path:
    """Return the path to what was found, by the word that the client used for it, without the host in front."""
    word = reference.removeprefix("/").removeprefix(f"{row.member}/")
    return row.path if "/" in word else (*row.path[:-1], word)


async def json_of(reply: Message) -> Any:
    """Read a CONNECT's reply as JSON; raise the error that it is."""
    return parse_json(await body_of(reply), _who(reply))


def parse_json(data: bytes, who: str = "a host") -> Any:
    """Read what a host answered, None where that is nothing; raise `Internal` where it is no JSON."""
    try:
        return json.loads(data) if data.strip() else None
    except ValueError as error:
        raise Internal(f"{who} answered with what is not JSON: {data[:80]!r}") from error


async def body_of(reply: Message) -> bytes:
    """Read a CONNECT's reply to its end; raise the error that it is, with the engine's own body."""
    assert reply.att is not None
    data = await read_whole(reply.att, MAX_DOCUMENT)
    status = int(reply["status"])
    if status >= 400:
        raise error_of_answer(status, data, silent=f"{_who(reply)} answered with status {status}")
    return data


def _who(reply: Message) -> str:
    """Return who answered, as far as the reply says it."""
    return f"host {reply.path[1]}" if reply.path[:1] == ("nodes",) and len(reply.path) > 1 else "a host"
