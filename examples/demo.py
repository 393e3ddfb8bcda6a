"""Start the virtual host, and be its first client: what a user sees, with no docker command needed.

    python -m examples.demo [--once]

It stands over this machine's own engine if one answers, of which it only reads; else over two in-memory hosts, on
which it runs containers. `--once` ends after the proof.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile

import trio

from backends.docker import transport_for
from swarmkit import Host, SwarmError, open_pipeline
from swarmkit.transport import Dialer

FAKES = 'aggregate "a=fake" "b=fake"'


async def has_engine() -> bool:
    """Tell whether this machine has an engine that can be reached."""
    try:
        transport = transport_for()
        if not isinstance(transport, Dialer):
            return True  # one that $DOCKER_HOST has behind a tunnel: who says so has one
        with trio.fail_after(2):
            stream = await transport()
    except (OSError, SwarmError, trio.TooSlowError):
        return False
    await stream.aclose()
    return True


async def show_hosts(client: Host) -> None:
    """Print the hosts and the containers as a client of the socket sees them."""
    info = await (await client.connect("GET", "/info")).json()
    print(f"\nGET /info: {info['Containers']} containers, {info['NCPU']} CPUs, engine {info['ServerVersion']}")
    for line in info["DriverStatus"] or ():
        print(f"  {line[0]}: {line[1]}")
    print("\nGET /containers/json:")
    for row in await client.ls():
        host = (row.document.get("Labels") or {}).get("swarmd.host", "")
        print(f"  {row.name:20} {host:10} {row.document['Image']:20} {row.document['Status']}")


async def run_containers(client: Host) -> None:
    """Run a container on each host, by name, and print what it wrote."""
    for name in ("a/web", "b/web", "job"):
        container = await client.spawn({"Image": "busybox", "Cmd": ["echo", f"hello from {name}"]}, name=name)
        await container.start()
        code = await container.wait()
        output = " ".join([record.text async for record in container.log()])
        print(f"run --name {name}: exit code {code}, wrote {output!r}")


async def main(*, once: bool) -> None:
    """Serve, be a client, and go on serving."""
    real = await has_engine()
    pipeline = "aggregate docker" if real else FAKES
    folder = tempfile.mkdtemp(prefix="swarmd-")
    address = f"unix://{folder}/docker.sock"
    print("Found an engine on this machine: it is only read." if real else "No engine here: two in-memory hosts.")
    try:
        async with open_pipeline([f"dockerserver {address}", pipeline]):
            print(f"Serving the Docker API on {address}")
            async with open_pipeline(f"docker {address}") as client:
                if not real:
                    await run_containers(client)
                await show_hosts(client)
            print("\nThe virtual host works.")
            if not once:
                print(f"It goes on until Ctrl-C. Try: docker -H {address} ps -a")
                await trio.sleep_forever()
    finally:
        os.rmdir(folder)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        trio.run(lambda: main(once="--once" in sys.argv[1:]))
    except KeyboardInterrupt:
        print()
