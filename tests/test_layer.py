import pytest
import trio

from swarmkit import (
    Denied,
    Internal,
    Message,
    NotFound,
    Role,
    Service,
    Verb,
    ack,
    layer,
    open_pipe,
    open_pipeline,
    parse_pipeline,
)
from tests.stages import NotedStage, registry


@layer
async def shout(message: Message, inner: Service) -> Message:
    """Ask for everything in capitals."""
    reply = await inner(message)
    return ack({"names": [str(name).upper() for name in reply["names"]]}, path=reply.path)


async def names(service: Service) -> list[str]:
    """Return what the services of `tests.stages` answer."""
    answer: list[str] = (await service(Message(Verb.GET)))["names"]
    return answer


async def test_a_function_is_a_layer() -> None:
    """A decorated function chains with stages and pipelines, and sees every message and reply."""
    async with open_pipeline(shout | parse_pipeline("layer x | backend y", registry())) as host:
        assert await names(host.service) == ["X", "Y"]


def test_a_layer_is_called_after_its_function() -> None:
    """Messages about the pipeline name the function."""
    assert str(shout | NotedStage(Role.BACKEND, "x")) == "shout | x"


async def test_a_layer_may_be_chained_twice() -> None:
    """A stage has no state: the same may stand in several places."""
    async with (shout | shout | NotedStage(Role.BACKEND, "x")).open() as service:
        assert await names(service) == ["X"]


async def test_a_layer_that_forgets_to_return_is_named() -> None:
    """A function that returns nothing is a fault that names it."""

    @layer
    async def forgetful(message: Message, inner: Service) -> Message:
        await inner(message)
        return None  # type: ignore[return-value]

    async with (forgetful | NotedStage(Role.BACKEND, "x")).open() as service:
        with pytest.raises(Internal, match="the layer forgetful returned NoneType, not a Message"):
            await service(Message(Verb.GET))


async def test_what_a_layer_refuses_is_closed() -> None:
    """Where the function raises, the ends of the message are closed, and its error is as it was."""
    error = Denied("no")

    @layer
    async def refuse(message: Message, inner: Service) -> Message:
        raise error

    sender, receiver = open_pipe()
    async with (refuse | NotedStage(Role.BACKEND, "x")).open() as service:
        with pytest.raises(Denied) as raised:
            await service(Message(Verb.FILE, att=receiver))
    assert raised.value is error
    with pytest.raises(trio.BrokenResourceError):
        await sender.send_all(b"x")


async def test_cancelling_a_call_closes_what_it_brought() -> None:
    """A layer that is cancelled before it handed the ends on leaves none open."""

    @layer
    async def wait(message: Message, inner: Service) -> Message:
        await trio.sleep_forever()
        raise NotFound("never")

    sender, receiver = open_pipe()
    async with (wait | NotedStage(Role.BACKEND, "x")).open() as service:
        with trio.move_on_after(0):
            await service(Message(Verb.FILE, att=receiver))
    with pytest.raises(trio.BrokenResourceError):
        await sender.send_all(b"x")


async def test_a_layer_needs_a_service_behind_it() -> None:
    """Opening a layer with nothing behind it is refused."""
    with pytest.raises(Internal, match="the layer shout was opened with no service behind it"):
        async with shout.open(None):
            pass  # pragma: no cover
