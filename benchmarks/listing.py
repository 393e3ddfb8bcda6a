"""How long a listing takes through the virtual host, beside asking its hosts in turn; a ratio for each size.

    python -m benchmarks.listing unix:///run/a.sock unix:///run/b.sock

The engines need an image `busybox`; containers named `bench-…` are created on them, not started, and removed.

Measured on two engines of 20.10, all on one machine of two cores, median of 200 (a ratio below 1: faster through us):

    containers   through swarmd   in turn    ratio
             2          1.70 ms    1.82 ms    0.93
            40          3.52 ms    7.74 ms    0.45
           200          7.96 ms   20.95 ms    0.38
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import trio

from swarmkit import open_pipeline, read_whole
from swarmkit.http import Connection, Headers, RequestHead
from swarmkit.transport import UnixDialer

ROUNDS = 200
SIZES = (2, 40, 200)
_HEADERS = Headers((("Host", "docker"),))


async def listing(address: str) -> list[object]:
    """List all containers on a new connection, as a docker command does."""
    connection = Connection(await UnixDialer(address.removeprefix("unix://"))())
    try:
        await connection.send(RequestHead("GET", "/v1.41/containers/json?all=1", _HEADERS))
        reply = await connection.receive("GET")
        assert reply is not None
        return list(json.loads(await read_whole(reply.body)))
    finally:
        await connection.aclose()


async def measure(engines: list[str], swarm: str) -> tuple[float, float]:
    """Return the medians of a listing through the virtual host, and of asking the engines in turn, in milliseconds."""
    ours, theirs = [], []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await listing(swarm)
        between = time.perf_counter()
        for engine in engines:
            await listing(engine)
        ours.append(between - began)
        theirs.append(time.perf_counter() - between)
    return statistics.median(ours) * 1000, statistics.median(theirs) * 1000


async def main(engines: list[str]) -> None:
    """Fill the hosts step by step and measure at each size."""
    members = " ".join(f'"bench{number}=docker {address}"' for number, address in enumerate(engines))
    with tempfile.TemporaryDirectory() as folder:
        swarm = f"unix://{Path(folder) / 'swarm.sock'}"
        async with open_pipeline([f"dockerserver {swarm}", f"aggregate {members}"]) as host:
            created = []
            print("containers   through swarmd   in turn    ratio")
            for size in SIZES:
                while len(created) < size:
                    created.append(
                        await host.spawn({"Image": "busybox", "Cmd": ["true"]}, name=f"bench-{len(created)}")
                    )
                await trio.sleep(1)
                ours, theirs = await measure(engines, swarm)
                print(f"{size:10}   {ours:11.2f} ms {theirs:7.2f} ms    {ours / theirs:.2f}")
            for container in created:
                await container.remove()


if __name__ == "__main__":
    trio.run(main, sys.argv[1:])
