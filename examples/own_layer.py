"""A layer of one's own in ten lines: containers get a label that says who made them, and none may be privileged.

    python -m examples.own_layer

It stands in front of two in-memory hosts here; any pipeline will do behind it, and `dockerserver(...) | policy | ...`
puts it between the docker command and its hosts.
"""

from __future__ import annotations

import trio
from attrs import evolve

from swarmkit import Denied, Message, Service, Verb, layer, open_pipeline, parse_pipeline

HOSTS = 'aggregate "a=fake" "b=fake"'


@layer
async def policy(message: Message, inner: Service) -> Message:
    """Look at each message on its way to the hosts; change the one, refuse the other."""
    if message.verb is Verb.SPAWN:
        spec = dict(message.get("spec", {}))
        if spec.get("HostConfig", {}).get("Privileged"):
            raise Denied("privileged containers are not allowed here")
        spec["Labels"] = {**(spec.get("Labels") or {}), "made-by": "own_layer"}
        message = evolve(message, args={**message.args, "spec": spec})
    return await inner(message)


async def main() -> None:
    """Show that the one goes through, changed, and that the other does not."""
    async with open_pipeline(policy | parse_pipeline(HOSTS)) as host:
        web = await host.spawn({"Image": "busybox", "Cmd": ["true"]}, name="web")
        print("web has the labels", (await web.get())["Config"]["Labels"])
        try:
            await host.spawn({"Image": "busybox", "HostConfig": {"Privileged": True}}, name="root")
        except Denied as error:
            print("root was refused:", error)


if __name__ == "__main__":
    trio.run(main)
