"""Images that come in: pulled, loaded from an archive, or imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from functools import partial
from typing import Any

from attrs import evolve

from swarmkit.engine.replies import joint_error
from swarmkit.errors import Unavailable, no_hosts
from swarmkit.http import Response
from swarmkit.message import Message, Verb

from .answers import naming_missing, relayed, stream_answer
from .background import Background
from .build_output import BuildOutput
from .call import Call
from .fanout import FanOut
from .forwarding import connect
from .hosts import Hosts, Node
from .image_copies import Copies, full_name
from .progress import MergedProgress, Open, left_out
from .vigil import wait_lost


class Pull(Enum):
    """Where a pull goes."""

    EVERY = "every"
    """To every host that answers: wherever a container is placed later, its image is there."""
    ONE = "one"
    """To the host that the placement policy chooses; where it is wanted elsewhere, it is copied there."""


class Arrivals:
    """The operations that bring images in."""

    def __init__(self, hosts: Hosts, background: Background, pull: Pull, copies: Copies) -> None:
        self._hosts = hosts
        self._background = background
        self._pull = pull
        self._copies = copies

    async def create(self, call: Call) -> Response:
        """Pull, or import with `fromSrc` (operation ImageCreate)."""
        params = call.params
        if params.get("fromSrc") and not params.get("fromImage"):
            return await self._on_one(call, {}, params.get("repo", ""), params.get("tag", ""))
        if self._pull is Pull.ONE:
            image = params.get("fromImage", "")
            return await self._on_one(call, {"Image": image}, image, params.get("tag", ""))
        return await self.merged(call, await self._hosts.nodes())

    async def merged(self, call: Call, nodes: Sequence[Node], *, in_turn: bool = False) -> Response:
        """Send a request to several hosts, untouched, and merge the progress that those tell that answer.

        All are asked at once, or `in_turn`.
        """
        options = await call.options()

        async def send_to(node: Node) -> Message:
            return await self._hosts.connect(node.path, call.request.method, call.whole_target, **options)

        opening = {node.name: partial(send_to, node) for node in nodes if node.lost is None}
        return await self._progress(opening, nodes, in_turn=in_turn)

    async def load(self, call: Call) -> Response:
        """Load on every host that answers: one upload is written to all, at the pace of the slowest."""
        options = await call.options(stream=True)
        nodes = await self._hosts.nodes()
        up = [node for node in nodes if node.lost is None]
        fan = FanOut(call.request.body, [node.name for node in up])
        self._background.start_soon(fan.run)

        async def load_on(node: Node) -> Message:
            args = {"method": "POST", "target": call.whole_target, **options}
            return await self._hosts.service(Message(Verb.CONNECT, node.path, args, att=fan.take(node.name)))

        return await self._progress({node.name: partial(load_on, node) for node in up}, nodes)

    async def _on_one(self, call: Call, spec: Mapping[str, Any], repository: str, tag: str) -> Response:
        """Have it done on the host where the policy would put a container of this spec; other hosts follow the name.

        A name on an image of another host would else go on to mean that one there.
        """
        path = (await self._hosts.service(Message(Verb.GET, ("nodes",), {"spec": spec}))).path
        response = relayed(await connect(self._hosts, call, path, call.whole_target))
        if response.status != 200 or isinstance(response.body, bytes) or not repository:
            return response
        settle = partial(self._copies.settle, full_name(repository, tag), [path[1]])
        return evolve(response, body=BuildOutput(response.body, settle))

    async def _progress(self, opening: Mapping[str, Open], nodes: Sequence[Node], *, in_turn: bool = False) -> Response:
        """Merge the streams of the hosts; the answer begins as soon as one of them has begun."""
        down = [(node.name, node.lost) for node in nodes if node.lost is not None]
        if not nodes:
            raise no_hosts((await self._hosts.survey())[1])
        if not opening:
            raise joint_error([(host, Unavailable(reason, host=host)) for host, reason in down])
        notes = [left_out(host, reason) for host, reason in down]
        merged = MergedProgress(opening, partial(wait_lost, self._hosts), notes, in_turn=in_turn)
        self._background.start_soon(merged.run)
        await merged.wait_begun()
        return naming_missing(stream_answer(merged.body), down)
