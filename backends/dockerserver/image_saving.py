"""Saving images that live on different hosts: one archive, merged as it comes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import parse_qsl, urlencode

import trio

from swarmkit.engine.archives import ArchivePart, MergedArchives
from swarmkit.engine.references import find_image
from swarmkit.engine.replies import answered, failed, joint_error, require_some
from swarmkit.errors import NotFound, SwarmError
from swarmkit.http import Response
from swarmkit.message import Message
from swarmkit.service import close_ends
from swarmkit.streams import CHUNK

from .answers import stream_answer
from .call import Call
from .everywhere import reasons
from .forwarding import forward_whole
from .hosts import ANSWER_DEADLINE, Hosts, Node, body_of
from .image_list import by_host, find_images

Held = Mapping[str, tuple[Node, Sequence[str]]]
"""By host, which of the images that are asked for it has."""


async def save(hosts: Hosts, call: Call) -> Response:
    """Save several images (operation ImageGetAll), from one host where it has them all, untouched.

    Else each comes from one that has it, from as few hosts as may be. Raises `NotFound` for what is nowhere.
    """
    names = call.all_params("names")
    shares = _shares(names, await _held(hosts, names))
    if len(shares) == 1:
        return await forward_whole(hosts, call, shares[0][0].path)
    options = await call.options()
    others = [each for each in parse_qsl(call.query, keep_blank_values=True) if each[0] != "names"]

    async def open_share(node: Node) -> Message:
        wanted = next(share for host, share in shares if host is node)
        query = urlencode([*(("names", name) for name in wanted), *others])
        reply = await hosts.connect(node.path, "GET", f"{call.path}?{query}", **options)
        if reply["status"] >= 400:
            await body_of(reply)
        opened.append(reply)
        return reply

    opened: list[Message] = []
    try:
        answers = await hosts.ask_all(open_share, nodes=[node for node, _ in shares])
        if failed(answers):
            raise joint_error(failed(answers))
    except BaseException:
        with trio.CancelScope(shield=True):
            for reply in opened:
                await close_ends(reply)
        raise
    archives = [reply.att for _, reply in answered(answers) if reply.att is not None]
    return stream_answer(MergedSave(archives), "application/x-tar")


class MergedSave(trio.abc.ReceiveStream):
    """Archives of several hosts as one, read one after the other when the client reads; only their lists are held."""

    def __init__(self, archives: Sequence[trio.abc.ReceiveStream]) -> None:
        self._archives = archives
        self._waiting = list(archives)
        self._merged = MergedArchives()
        self._part: ArchivePart = self._merged.part()
        self._ready = bytearray()
        self._over = False

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        while not self._ready and not self._over:
            await self._read()
        taken = bytes(self._ready[: max_bytes or CHUNK])
        del self._ready[: len(taken)]
        return taken

    async def _read(self) -> None:
        """Read a piece of the archive whose turn it is; behind the last one, write the end."""
        if not self._waiting:
            self._ready += self._merged.finish()
            self._over = True
        elif data := await self._waiting[0].receive_some(CHUNK):
            self._take(self._part.feed(bytes(data)))
        else:
            self._part.end()
            self._part = self._merged.part()
            await self._waiting.pop(0).aclose()

    def _take(self, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            self._ready += piece

    async def aclose(self) -> None:
        for archive in self._archives:
            await archive.aclose()


async def _held(hosts: Hosts, names: Sequence[str]) -> tuple[Held, list[tuple[str, SwarmError]]]:
    """Return which host has which of the images, and which hosts did not tell.

    What is in no list may be there all the same (a step of a build): every host is asked for that.
    """
    up = {node.name: node for node in await hosts.nodes() if node.lost is None}
    listed = {host: images for host, images in by_host(await find_images(hosts)).items() if host in up}
    held = {host: (up[host], [name for name in names if find_image(name, images)]) for host, images in listed.items()}
    unlisted = [name for name in names if not any(name in found for _, found in held.values())]
    if not unlisted:
        return held, []

    async def ask(node: Node) -> tuple[Node, Sequence[str]]:
        known = held[node.name][1] if node.name in held else []
        return node, [*known, *[name for name in unlisted if await _has(hosts, node, name)]]

    answers = await hosts.ask_all(ask, deadline=ANSWER_DEADLINE)
    return dict(require_some(answers)), failed(answers)


async def _has(hosts: Hosts, node: Node, name: str) -> bool:
    try:
        await hosts.document((*node.path, "images", name), "GET", "/json")
    except NotFound:
        return False
    return True


def _shares(names: Sequence[str], known: tuple[Held, list[tuple[str, SwarmError]]]) -> list[tuple[Node, list[str]]]:
    """Give each image to a host that has it, most to the host that has most; raise `NotFound` for one that none has."""
    held, silent = known
    left, shares = list(dict.fromkeys(names)), []
    while left:
        best = max(held.values(), key=lambda each: len(set(left) & set(each[1])), default=None)
        share = [name for name in left if best is not None and name in best[1]]
        if best is None or not share:
            told = "".join(f"; host {host} did not tell: {reason}" for host, reason in reasons(silent))
            raise NotFound(f"No such image: {left[0]}{told}")
        shares.append((best[0], share))
        left = [name for name in left if name not in share]
    return shares
