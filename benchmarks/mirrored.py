"""What it costs to hold the images of many hosts: memory, and processor time once, when they are reached.

    python -m benchmarks.mirrored

The hosts are in this process, and do no more than send a list that was made before: some of the time is theirs. Each
image has two names, a digest and ten labels.

Measured on one processor of a small machine:

    hosts   images each   list of one host   memory in all   processor time in all
       50           100              95 kB          30 MB                   0.6 s
       50          1000             968 kB         214 MB                   4.9 s
"""

from __future__ import annotations

import json
import os
import time
from contextlib import AsyncExitStack
from pathlib import Path

import trio
import trio.testing

from backends.docker import EngineStage
from swarmkit.http import Headers, Request, Response, serve_connection
from swarmkit.mirror import Mirror, open_mirror
from swarmkit.streams import PipeSender, open_pipe

HOSTS = 50
SIZES = (100, 1000)
_JSON = Headers((("Content-Type", "application/json"), ("Api-Version", "1.41")))


def list_of_images(count: int) -> bytes:
    """Make a list as an engine answers it."""
    return json.dumps([_image(number) for number in range(count)]).encode()


def _image(number: int) -> dict[str, object]:
    id = f"{number:064x}"
    repository = f"registry.example.org/team/application-{number}"
    return {
        "Containers": -1,
        "Created": 1700000000 + number,
        "Id": f"sha256:{id}",
        "Labels": {f"org.example.image.label-{label}": f"value {label} of image {number}" for label in range(10)},
        "ParentId": "",
        "RepoDigests": [f"{repository}@sha256:{id}"],
        "RepoTags": [f"{repository}:1.{number}", f"{repository}:latest"],
        "SharedSize": -1,
        "Size": 123456789 + number,
    }


class Engine:
    """An engine that has images and nothing else."""

    address = "memory://engine"
    ip = None

    def __init__(self, images: bytes, nursery: trio.Nursery) -> None:
        self._images = images
        self._nursery = nursery
        self._streams: list[PipeSender] = []

    async def __call__(self) -> trio.abc.HalfCloseableStream:
        await trio.lowlevel.checkpoint()
        ours, theirs = trio.testing.memory_stream_pair()
        self._nursery.start_soon(serve_connection, theirs, self._answer)
        return ours

    async def _answer(self, request: Request) -> Response:
        path = request.target.partition("?")[0]
        if path.endswith("/events"):
            sender, receiver = open_pipe()
            self._streams.append(sender)
            return Response(200, _JSON, receiver)
        if path.endswith("/images/json"):
            return Response(200, _JSON, self._images)
        whole = {"/volumes": b'{"Volumes": null}', "/networks": b"[]", "/containers/json": b"[]"}
        return Response(200, _JSON, next((body for end, body in whole.items() if path.endswith(end)), b"{}"))


async def _in_step(mirror: Mirror) -> None:
    async with mirror.subscribe() as channel:
        async for message in channel:
            if (message["kind"], message.path) == ("synced", ("images",)):
                return


def memory() -> int:
    """Return the bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def measure(count: int) -> None:
    """Open mirrors of many hosts of so many images, and print a line of the table."""
    images = list_of_images(count)
    async with trio.open_nursery() as nursery, AsyncExitStack() as stack:
        before, began = memory(), time.process_time()
        mirrors = []
        for number in range(HOSTS):
            stage = EngineStage(Engine(images, nursery), f"host-{number}")
            service = await stack.enter_async_context(stage.open(None))
            mirrors.append(await stack.enter_async_context(open_mirror(service, stage.name)))
        for mirror in mirrors:
            await _in_step(mirror)
        took, grown = time.process_time() - began, memory() - before
        print(f"{HOSTS:8} {count:13} {len(images) / 1e3:15.0f} kB {grown / 1e6:11.0f} MB {took:21.1f} s")
        await stack.aclose()
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    print("   hosts   images each   list of one host   memory in all   processor time in all")
    for size in SIZES:
        trio.run(measure, size)
