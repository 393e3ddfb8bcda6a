"""Images: one list over all hosts, read and pushed from one that has them, tagged and removed wherever they are."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode

from swarmkit.engine.merges import merge_image_delete
from swarmkit.engine.references import image_id
from swarmkit.engine.replies import answered, failed, joint_error, require_some
from swarmkit.errors import NotFound, SwarmError
from swarmkit.http import Response

from .answers import empty_answer, json_answer, naming_missing, relayed
from .anywhere import to_any
from .background import Background
from .call import Call
from .everywhere import prune, reasons
from .forwarding import connect, forward, forward_whole
from .hosts import Hosts, Node, body_of, parse_json
from .image_arrivals import Arrivals, Pull
from .image_copies import Copies, full_name
from .image_holders import check_one, holdings, repository_holders
from .image_list import find_images, list_images
from .image_saving import save
from .progress import is_down
from .versions import ApiVersion


class Images:
    """The operations on images."""

    def __init__(self, hosts: Hosts, background: Background, api: ApiVersion, pull: Pull = Pull.EVERY) -> None:
        self._hosts = hosts
        self._api = api
        self.copies = Copies(hosts, background)
        self.arrivals = Arrivals(hosts, background, pull, self.copies)

    async def list(self, call: Call) -> Response:
        """List the images of all hosts, each once (operation ImageList)."""
        return await list_images(self._hosts, call, call.version or await self._api.get())

    async def from_first(self, call: Call) -> Response:
        """Read from a host that has the image, or save several from those that have them."""
        if call.route.operation.name == "ImageGetAll":
            return await save(self._hosts, call)
        return await forward(self._hosts, call, ("images", call.name), call.target)

    async def push(self, call: Call) -> Response:
        """Push from a host that has the image (operation ImagePush); what none has, one refuses in its own words.

        Without a tag all of the repository's are meant: each host that has some pushes them, but for one whose tags
        another has, too. One pushes after the other, so that a layer that two have is sent once; registries have been
        seen to fail (500) where two mount one layer at the same time.
        """
        if call.params.get("tag"):
            found = await holdings(self._hosts, f"{call.name}:{call.params['tag']}")
            nodes = [each.node for each in found[:1]]
        else:
            nodes = await repository_holders(self._hosts, call.name)
        if len(nodes) > 1:
            return await self.arrivals.merged(call, nodes, in_turn=True)
        return await forward_whole(self._hosts, call, nodes[0].path) if nodes else await to_any(self._hosts, call)

    async def commit(self, call: Call) -> Response:
        """Make an image of a container, on its host (operation ImageCommit)."""
        if self._hosts.single:
            return await forward_whole(self._hosts, call)
        reference = call.params.get("container", "")
        try:
            path = await self._hosts.path_of(reference)
        except NotFound:
            refusing = await self._hosts.refusing(reference)
            if refusing is None:
                raise
            path = refusing
        others = [each for each in parse_qsl(call.query, keep_blank_values=True) if each[0] != "container"]
        query = urlencode([("container", path[-1]), *others])
        reply = await connect(self._hosts, call, path[:2], f"{call.path}?{query}")
        if reply["status"] != 201 or not call.params.get("repo"):
            return relayed(reply)
        data = await body_of(reply)  # all of it before the name moves elsewhere, so that nothing is left open meanwhile
        await self.copies.settle(full_name(call.params["repo"], call.params.get("tag", "")), [path[1]])
        return json_answer(parse_json(data), 201)

    async def ask_any(self, call: Call) -> Response:
        """Ask the first host that answers for what has nothing to do with hosts: a registry's matters."""
        return await to_any(self._hosts, call)

    async def to_holders(self, call: Call) -> Response:
        """Tag or remove an image on every host that has it."""
        if image_id(call.name):
            check_one(await find_images(self._hosts), call.name)
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
            name = full_name(call.params.get("repo", ""), call.params.get("tag", ""))
            await self.copies.settle(name, [host for host, _ in done])
            response = empty_answer(201)
        return naming_missing(response, reasons(_down(answers)))

    async def prune(self, call: Call) -> Response:
        """Remove unused images on every host that answers."""
        return await prune(self._hosts, call)


def _down(answers: Sequence[tuple[str, object]]) -> list[tuple[str, SwarmError]]:
    return [(host, answer) for host, answer in answers if isinstance(answer, SwarmError) and is_down(answer)]
