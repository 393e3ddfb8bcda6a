"""Images: one list over all hosts, read and pushed from one that has them, tagged and removed wherever they are."""

from __future__ import annotations

from collections.abc import Sequence

from swarmkit.engine.merges import merge_image_delete
from swarmkit.engine.replies import answered, failed, joint_error, require_some
from swarmkit.errors import NotFound, SwarmError
from swarmkit.http import Response

from .answers import empty_answer, json_answer, naming_missing
from .background import Background
from .call import Call
from .everywhere import prune, reasons
from .forwarding import forward, forward_whole
from .hosts import ANSWER_DEADLINE, Hosts, Node, body_of, parse_json
from .image_arrivals import Arrivals, Pull
from .image_list import list_images
from .progress import is_down
from .versions import ApiVersion


class Images:
    """The operations on images."""

    def __init__(self, hosts: Hosts, background: Background, api: ApiVersion, pull: Pull = Pull.EVERY) -> None:
        self._hosts = hosts
        self._api = api
        self.arrivals = Arrivals(hosts, background, pull)

    async def list(self, call: Call) -> Response:
        """List the images of all hosts, each once (operation ImageList)."""
        return await list_images(self._hosts, call, call.version or await self._api.get())

    async def from_first(self, call: Call) -> Response:
        """Read from the first host that has the image, or, for several names, all of them."""
        if call.route.operation.name != "ImageGetAll":
            return await forward(self._hosts, call, ("images", call.name), call.target)
        names = call.all_params("names")
        node = await self._holder(names)
        return await forward_whole(self._hosts, call, node.path)

    async def _holder(self, names: Sequence[str]) -> Node:
        """Return a host that has all the images; raise `NotFound` naming what is where if none has."""

        async def ask(node: Node) -> tuple[Node, list[str]]:
            return node, [name for name in names if await self._has(node, name)]

        answers = await self._hosts.ask_all(ask, deadline=ANSWER_DEADLINE)
        held = [holding for _, holding in require_some(answers)]
        for node, found in held:
            if len(found) == len(names):
                return node
        raise _not_together(names, held, failed(answers))

    async def _has(self, node: Node, name: str) -> bool:
        try:
            await self._hosts.document((*node.path, "images", name), "GET", "/json")
        except NotFound:
            return False
        return True

    async def to_holders(self, call: Call) -> Response:
        """Tag or remove an image on every host that has it."""
        options = await call.options()

        async def do(node: Node) -> bytes:
            path = (*node.path, "images", call.name)
            return await body_of(await self._hosts.connect(path, call.request.method, call.target, **options))

        answers = await self._hosts.ask_all(do)
        refusals = [each for each in failed(answers) if not isinstance(each[1], NotFound) and not is_down(each[1])]
        if refusals:
            raise joint_error(refusals, done=[host for host, _ in answered(answers)])
        done = require_some(answers)  # else each host says that it has no such image, or why it says nothing
        if call.route.operation.name == "ImageDelete":
            response = json_answer(merge_image_delete([(host, parse_json(data)) for host, data in done]))
        else:
            response = empty_answer(201)
        return naming_missing(response, reasons(_down(answers)))

    async def prune(self, call: Call) -> Response:
        """Remove unused images on every host that answers."""
        return await prune(self._hosts, call)


def _not_together(
    names: Sequence[str], held: Sequence[tuple[Node, list[str]]], failures: Sequence[tuple[str, SwarmError]]
) -> SwarmError:
    """Say which images are nowhere, in the engine's words, or else that they are on different hosts."""
    nowhere = [name for name in names if not any(name in found for _, found in held)]
    silent = "".join(f"; host {host} did not tell: {reason}" for host, reason in reasons(failures))
    if nowhere:
        return NotFound(f"No such image: {nowhere[0]}{silent}")
    places = ", ".join(f"{name} on {node.name}" for node, found in held for name in found)
    return NotFound(f"no host has all of these images: {places}{silent}")


def _down(answers: Sequence[tuple[str, object]]) -> list[tuple[str, SwarmError]]:
    return [(host, answer) for host, answer in answers if isinstance(answer, SwarmError) and is_down(answer)]
