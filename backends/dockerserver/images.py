"""Images: one list over all hosts; pull and load to every host; tag and remove wherever an image is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import trio

from swarmkit.engine.merges import merge_image_delete, merge_images, merge_prune
from swarmkit.engine.replies import failed, joint_error, require_some
from swarmkit.errors import NotFound, SwarmError, Unavailable, Unimplemented
from swarmkit.http import Response
from swarmkit.message import Message, Verb

from .answers import empty_answer, json_answer, stream_answer
from .call import Call
from .fanout import FanOut
from .forwarding import forward, forward_whole
from .hosts import ANSWER_DEADLINE, Hosts, Node, body_of
from .progress import MergedProgress


class Images:
    """The operations on images."""

    def __init__(self, hosts: Hosts, nursery: trio.Nursery) -> None:
        self._hosts = hosts
        self._nursery = nursery

    async def list(self, call: Call) -> Response:
        """List the images of all hosts, each once (operation ImageList)."""
        options = await call.options()

        async def list_one(node: Node) -> Sequence[Mapping[str, Any]]:
            found = await self._hosts.document(node.path, "GET", call.whole_target, **options)
            return list(found or ())

        return json_answer(merge_images(await self._hosts.ask_all(list_one, deadline=ANSWER_DEADLINE)))

    async def from_first(self, call: Call) -> Response:
        """Read from the first host that has the image, or, for several names, all of them."""
        if call.route.operation.name != "ImageGetAll":
            return await forward(self._hosts, call, ("images", call.name), call.target)
        names = call.all_params("names")
        node = await self._holder(names)
        return await forward_whole(self._hosts, call, node.path)

    async def _holder(self, names: Sequence[str]) -> Node:
        """Return a host that has all the images; raise `NotFound` naming what is where if none has."""

        async def check(node: Node) -> Node:
            for name in names:
                await self._hosts.document((*node.path, "images", name), "GET", "/json")
            return node

        answers = await self._hosts.ask_all(check, deadline=ANSWER_DEADLINE)
        for _, answer in answers:
            if not isinstance(answer, SwarmError):
                return answer
        raise joint_error(failed(answers)) if answers else NotFound("there are no hosts")

    async def to_holders(self, call: Call) -> Response:
        """Tag or remove an image on every host that has it."""
        options = await call.options()

        async def do(node: Node) -> bytes:
            path = (*node.path, "images", call.name)
            return await body_of(await self._hosts.connect(path, call.request.method, call.target, **options))

        answers = await self._hosts.ask_all(do)
        if call.route.operation.name == "ImageDelete":
            lists = [(host, a if isinstance(a, SwarmError) else json.loads(a)) for host, a in answers]
            return json_answer(merge_image_delete([each for each in lists if not _is_down(each[1])] or lists))
        failures = [(host, error) for host, error in failed(answers) if not isinstance(error, (NotFound, Unavailable))]
        if failures:
            raise joint_error(failures)
        require_some(answers)
        return empty_answer(201)

    async def prune(self, call: Call) -> Response:
        """Remove unused images on every host that answers."""
        options = await call.options()

        async def prune_one(node: Node) -> Mapping[str, Any]:
            return dict(await self._hosts.document(node.path, "POST", call.whole_target, **options))

        return json_answer(merge_prune(await self._hosts.ask_all(prune_one)))

    async def pull(self, call: Call) -> Response:
        """Pull on every host that answers, their progress in one stream (operation ImageCreate)."""
        if "fromSrc" in call.params:
            raise Unimplemented("importing an image across hosts is not supported yet; load one instead")
        options = await call.options()

        async def pull_one(node: Node) -> Message:
            return await self._hosts.connect(node.path, "POST", call.whole_target, **options)

        return await self._progress(await self._hosts.ask_all(pull_one))

    async def load(self, call: Call) -> Response:
        """Load on every host that answers: one upload is written to all, at the pace of the slowest."""
        nodes = [node for node in await self._hosts.nodes() if node.lost is None]
        fan = FanOut(call.request.body, [node.name for node in nodes])
        self._nursery.start_soon(fan.run)
        options = await call.options()
        options.pop("body", None)

        async def load_one(node: Node) -> Message:
            args = {"method": "POST", "target": call.whole_target, **options}
            return await self._hosts.service(Message(Verb.CONNECT, node.path, args, att=fan.take(node.name)))

        return await self._progress(await self._hosts.ask_all(load_one))

    async def _progress(self, answers: Sequence[tuple[str, Message | SwarmError]]) -> Response:
        replies: dict[str, Message] = {}
        failures: list[tuple[str, SwarmError]] = []
        for host, answer in answers:
            if isinstance(answer, SwarmError):
                failures.append((host, answer))
            elif answer["status"] >= 400:
                try:
                    await body_of(answer)
                except SwarmError as error:
                    failures.append((host, error))
            else:
                replies[host] = answer
        if not replies:
            raise joint_error([each for each in failures if not _is_down(each[1])] or failures)
        merged = MergedProgress(replies, [each for each in failures if not _is_down(each[1])])
        self._nursery.start_soon(merged.run)
        return stream_answer(merged.body)


def _is_down(answer: object) -> bool:
    """Tell whether a host was not reached at all, in which case it is not the command that failed."""
    return isinstance(answer, Unavailable) and "status" not in answer.details
