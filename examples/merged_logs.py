"""Print what all containers of all hosts write, as they write it, with the host and the name in front.

    python -m examples.merged_logs 'aggregate "a=ssh ops@web-1" "b=ssh ops@web-2"'

Without an argument it runs on two in-memory hosts that have something to say.
"""

from __future__ import annotations

import sys

import trio

from swarmkit import Container, Host, Row, SwarmError, open_pipeline

HOSTS = 'aggregate "a=fake" "b=fake"'
CHATTER = "for i in 1 2 3; do echo step $i; sleep 0.1; done"


async def follow(host: Host, row: Row) -> None:
    """Print one container's log until it ends; one that is removed meanwhile is no error."""
    try:
        async for record in Container(host.service, row.path).log(follow=True):
            print(f"{row.qualified} | {record}", flush=True)
    except SwarmError as error:
        print(f"{row.qualified} | ({error})", flush=True)


async def main(pipeline: str, *, demonstrate: bool) -> None:
    """Follow every container there is, at the same time."""
    async with open_pipeline(pipeline) as host:
        if demonstrate:
            for name in ("a/web", "b/db"):
                container = await host.spawn({"Image": "busybox", "Cmd": ["sh", "-c", CHATTER]}, name=name)
                await container.start()
        listing = await host.ls()
        for gap in listing.missing:
            print(f"{gap.member} | (missing: {gap.reason})", flush=True)
        async with trio.open_nursery() as nursery:
            for row in listing:
                nursery.start_soon(follow, host, row)


if __name__ == "__main__":
    given = sys.argv[1:]
    trio.run(lambda: main(given[0] if given else HOSTS, demonstrate=not given))
