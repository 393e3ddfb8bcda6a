"""Run one command on every host at the same time, and print what each said, or why it could not.

    python -m examples.task_per_host 'aggregate "a=ssh ops@web-1" "b=docker"' uname -a

Without arguments it runs on three in-memory hosts, one of which is not there.
"""

from __future__ import annotations

import sys

import trio

from swarmkit import Host, SwarmError, open_pipeline

HOSTS = 'aggregate "a=fake" "b=fake" "gone=docker tcp://127.0.0.1:1"'


async def run_on(host: Host, node: str, command: list[str]) -> str:
    """Run a command in a new container on one host; return its output, and remove the container."""
    try:
        container = await host.spawn({"Image": "busybox", "Cmd": command}, name=f"{node}/task-on-{node}")
        try:
            await container.start()
            code = await container.wait()
            output = "\n".join([record.text async for record in container.log()])
        finally:
            with trio.CancelScope(shield=True):
                await container.remove(force=True)
    except SwarmError as error:
        return f"failed: {error}"
    return f"exit code {code}: {output}"


async def main(pipeline: str, command: list[str]) -> None:
    """Print one line for each host, in order, when all have finished."""
    results: dict[str, str] = {}

    async def collect(host: Host, node: str) -> None:
        results[node] = await run_on(host, node, command)

    async with open_pipeline(pipeline) as host, trio.open_nursery() as nursery:
        for row in await host.ls("nodes"):
            nursery.start_soon(collect, host, row.name)
    for node in sorted(results):
        print(f"{node}: {results[node]}")


if __name__ == "__main__":
    given = sys.argv[1:]
    trio.run(main, given[0] if given else HOSTS, given[1:] or ["echo", "hello"])
