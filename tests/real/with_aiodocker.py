"""A program that uses aiodocker on the address it is given, and prints what it is told; see test_aiodocker."""

from __future__ import annotations

import asyncio
import io
import sys
import tarfile
from collections.abc import AsyncIterator
from typing import Any

import aiodocker

SLEEP = ["sleep", "1000"]


def config(*command: str, **more: Any) -> dict[str, Any]:
    """Return the document of a container."""
    return {"Image": "busybox", "Cmd": list(command), "StopSignal": "SIGKILL", **more}


async def output(docker: Any) -> None:
    """Run a container to its end, with another in its way, and read what it wrote."""
    script = "echo standard output; echo standard error >&2; exit 3"
    first = await docker.containers.run(config("sh", "-c", script), name="first")
    ended = await first.wait()
    print("run:", await first.log(stdout=True), "exit", ended["StatusCode"])
    try:
        await docker.containers.create(config(), name="first")
    except aiodocker.DockerError as error:
        print("refused:", error.status)
    print("logs:", await first.log(stdout=True), await first.log(stderr=True))
    await first.delete()


async def running(docker: Any) -> None:
    """Look into a running container, and take an archive in and out."""
    second = await docker.containers.run(config(*SLEEP), name="second")
    execution = await second.exec(["sh", "-c", "echo inside"])
    async with execution.start(detach=False) as stream:
        messages = [(message.stream, message.data) async for message in _until_end(stream)]
    print("exec:", messages, "exit", (await execution.inspect())["ExitCode"])
    (statistics,) = await second.stats(stream=False)
    print("stats:", statistics["memory_stats"]["usage"] > 0)
    await lives(docker)
    third = await docker.containers.create(config(), name="third")
    names = [container["Names"][0].removeprefix("/") for container in await docker.containers.list(all=True)]
    print("listed:", sorted(names))
    await third.put_archive("/tmp", _archive("greeting", b"hello"))
    archive = await third.get_archive("/tmp/greeting")
    content = archive.extractfile("greeting")
    assert content is not None
    print("copied:", archive.getnames(), content.read())
    for container in (second, third):
        await container.delete(force=True)
    try:
        await docker.containers.get("second")
    except aiodocker.DockerError as error:
        print("gone:", error.status)


async def lives(docker: Any) -> None:
    """Follow a container's life by its events."""
    subscriber = docker.events.subscribe()
    await asyncio.sleep(0.5)  # it says nowhere when it has begun
    watched = await docker.containers.run(config("true"), name="watched")
    await watched.wait()
    await watched.delete()
    actions: list[str] = []
    async with asyncio.timeout(20):
        while "destroy" not in actions:
            event = await subscriber.get()
            assert event is not None
            if event["Type"] == "container" and event["Actor"]["ID"] == watched.id:
                actions.append(event["Action"])
    print("events:", actions)


async def others(docker: Any) -> None:
    """Look at what is no container."""
    print("images:", [tag for image in await docker.images.list() for tag in image["RepoTags"]])
    volume = await docker.volumes.create({"Name": "data"})
    print("volumes:", [row["Name"] for row in (await docker.volumes.list())["Volumes"]])
    await volume.delete()
    network = await docker.networks.create({"Name": "net"})
    names = [row["Name"] for row in await docker.networks.list(filters={"type": "custom"})]
    print("networks:", names, (await network.show())["Id"] == network.id)
    await network.delete()


async def _until_end(stream: Any) -> AsyncIterator[Any]:
    while (message := await stream.read_out()) is not None:
        yield message


def _archive(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


async def main(url: str) -> None:
    """Play all of it."""
    async with aiodocker.Docker(url=url) as docker:
        await output(docker)
        await running(docker)
        await others(docker)
        print("info:", (await docker.system.info())["OSType"])


asyncio.run(main(sys.argv[1]))
