"""A mirror of a real engine lists what the engine does: at once through it, else when the event has come."""

from __future__ import annotations

from backends.docker import EngineStage
from backends.fake.archive import make_tar
from backends.fake.files import File
from swarmkit import Message, Service, Verb
from swarmkit.mirror import COLLECTIONS, CONTAINERS, Mirror, open_mirror
from swarmkit.streams import BytesStream, read_whole
from swarmkit.testing.expect import await_message, eventually
from swarmkit.transport import UnixDialer

from ..mirror.requests import ALL, NO_EVENT, REQUESTS, ask, listed
from .engines import Engine
from .image import NAME

STEPS = [
    number for number, (_, target, _) in enumerate(REQUESTS)
    if "alpine" not in target and "fromImage" not in target and ALL not in target
]  # fmt: skip
"""All but those for which a registry would be needed, and the one that removes the image that it cannot give back."""


async def in_step(mirror: Mirror) -> None:
    """Wait until the mirror holds every collection."""
    waiting = {() if name == CONTAINERS else (name,) for name in COLLECTIONS}

    def is_last(message: Message) -> bool:
        if message["kind"] == "synced":
            waiting.discard(message.path)
        return not waiting

    async with mirror.subscribe() as channel:
        await await_message(channel, is_last, "synced of every collection")


async def compare(mirror: Mirror, service: Service, collection: str, *, after: str) -> None:
    """Compare what both list, once the event has come."""

    async def look() -> tuple[object, object]:
        return await listed(mirror, collection), await listed(service, collection)

    await eventually(look, lambda both: both[0] == both[1], f"{collection} after {after}")


async def test_mirror_lists_what_the_engine_lists(clean_engines: list[Engine]) -> None:
    """After each of many writes, behind its back and then through it, it lists each collection as the engine does."""
    stage = EngineStage(UnixDialer(str(clean_engines[0].socket)), "one")
    async with stage.open(None) as service, open_mirror(service, "one") as mirror:
        await in_step(mirror)
        for number in STEPS:
            await ask(mirror if number in NO_EVENT else service, number)
            for collection in COLLECTIONS:
                await compare(mirror, service, collection, after=f"{REQUESTS[number]} behind its back")
        for number in STEPS:
            await ask(mirror, number)
            for collection in COLLECTIONS:
                assert mirror.holds(collection)
                assert await listed(mirror, collection) == await listed(service, collection), REQUESTS[number]


async def test_build_through_it_is_read(clean_engines: list[Engine]) -> None:
    """An image without a name, of whose making an engine tells nothing, is listed after a build through the mirror."""
    stage = EngineStage(UnixDialer(str(clean_engines[0].socket)), "one")
    async with stage.open(None) as service, open_mirror(service, "one") as mirror:
        await in_step(mirror)
        before = await listed(mirror, "images")
        context = make_tar([("Dockerfile", File(f"FROM {NAME}\nLABEL made=here\n".encode()))])
        args = {"method": "POST", "target": "/build", "headers": [["Content-Type", "application/x-tar"]]}
        reply = await mirror(Message(Verb.CONNECT, (), args, att=BytesStream(context)))
        assert reply.att is not None
        await read_whole(reply.att)
        after = await listed(mirror, "images")
        assert len(after) == len(before) + 1
        assert after == await listed(service, "images")
