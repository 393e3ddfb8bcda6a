"""Cut a pipeline in two: one half serves its hosts with `listen`, the other reaches them with `remote`.

    python -m examples.two_halves

Both halves run here, joined by a Unix socket; on two machines only the address is another
(`tcp://dc1:7000 --tlsverify`).
"""

from __future__ import annotations

import tempfile

import trio

from swarmkit import Container, Host, Unavailable, open_pipeline

FAR = 'aggregate "node-1=fake" "node-2=fake"'


async def run_cat(host: Host, name: str, text: bytes) -> Container:
    """Run `cat` in a container, and print what it makes of some input that ends."""
    cat = await host.spawn({"Image": "busybox", "Cmd": ["cat"], "OpenStdin": True, "StdinOnce": True}, name=name)
    async with cat.join(text) as records:
        await cat.start()
        async for record in records:
            print(f"{name} says: {record}", flush=True)
    return cat


async def until(host: Host, count: int) -> list[str]:
    """Wait until so many hosts are up; return their names."""
    while True:
        up = [row.name for row in await host.ls("nodes") if row.lost is None]
        if len(up) == count:
            return sorted(up)
        await trio.sleep(0.05)


async def main() -> None:
    """Open both halves, use the far one, and lose it."""
    with tempfile.TemporaryDirectory() as folder:
        address = f"unix://{folder}/wire.sock"
        async with open_pipeline(f'aggregate "dc1=remote {address}" "here=fake"') as host:
            async with open_pipeline([f"listen {address}", FAR]):
                print("up:", *await until(host, 3))
                cat = await run_cat(host, "dc1/node-2/cat", b"through the wire\n")
            print("up:", *await until(host, 1))
            try:
                await cat.remove()
            except Unavailable as error:
                print(error.details["reason"])


if __name__ == "__main__":
    trio.run(main)
