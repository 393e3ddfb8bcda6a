"""Several swarmd over the same engines: they agree, and with an etcd a name is given once among all of them."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import trio

from swarmkit import read_whole

from .asking import ask, connected
from .engines import Engine
from .etcd import Place
from .looking import wait_up
from .swarm import Swarmd, over, serving

INSTANCES = 3

AGREED_WITHIN = 10.0
"""Seconds in which all must have heard of what was done, on a loaded machine; some milliseconds on a quiet one."""

SPEC = {"Image": "busybox", "Cmd": ["true"]}

Answer = tuple[int, Any]


def start(stack: ExitStack, folder: Path, stage: str) -> list[Swarmd]:
    """Start instances with a stage each, which end with the stack."""
    instances = [stack.enter_context(serving(folder / f"{number}.sock", stage)) for number in range(INSTANCES)]
    for instance in instances:
        wait_up(instance)
    return instances


@pytest.fixture
def instances(clean_engines: list[Engine], tmp_path: Path) -> Iterator[list[Swarmd]]:
    """Give instances over engines one and two."""
    with ExitStack() as stack:
        yield start(stack, tmp_path, over(clean_engines[:2]))


@pytest.fixture
def with_etcd(clean_engines: list[Engine], etcd: Place, tmp_path: Path) -> Iterator[list[Swarmd]]:
    """Give instances over engines one and two, with an etcd beside them."""
    with ExitStack() as stack:
        yield start(stack, tmp_path, f"{over(clean_engines[:2])} 'etcd {etcd.address}'")


async def send(instance: Swarmd, method: str, target: str, body: Any = None) -> Answer:
    """Send a request on a connection of its own; return the status and what is answered."""
    async with connected(instance.socket) as connection:
        reply = await ask(connection, method, target, body)
        data = await read_whole(reply.body)
        return reply.head.status, data.decode()


async def create(instance: Swarmd, name: str) -> Answer:
    """Create a container."""
    return await send(instance, "POST", f"/containers/create?name={quote(name)}", SPEC)


async def rename(instance: Swarmd, name: str, other: str) -> Answer:
    """Give a container another name."""
    return await send(instance, "POST", f"/containers/{name}/rename?name={other}")


async def at_once(*asked: Any) -> list[Answer]:
    """Await many requests together; return the answers in their order."""
    answers: dict[int, Answer] = {}

    async def one(place: int, request: Any) -> None:
        answers[place] = await request

    async with trio.open_nursery() as nursery:
        for place, request in enumerate(asked):
            nursery.start_soon(one, place, request)
    return [answers[place] for place in range(len(asked))]


def held(engines: Sequence[Engine]) -> list[str]:
    """Return the names that the engines have, each as often as there is a container of it."""
    rows = (row for engine in engines[:2] for row in engine.call("GET", "/containers/json?all=1"))
    return sorted(row["Names"][0].removeprefix("/") for row in rows)


async def check_agreed(instances: Sequence[Swarmd], engines: Sequence[Engine]) -> None:
    """Check that each instance comes to list just what the engines have, with its host."""
    expected = {
        (row["Id"], row["Names"][0], engine.name)
        for engine in engines[:2]
        for row in engine.call("GET", "/containers/json?all=1")
    }
    for instance in instances:
        listed: set[tuple[str, str, str]] = set()
        with trio.move_on_after(AGREED_WITHIN):
            while listed != expected:
                rows = await _list(instance)
                listed = {(row["Id"], row["Names"][0], row["Labels"]["swarmd.host"]) for row in rows}
                await trio.sleep(0.02)
        assert listed == expected


async def _list(instance: Swarmd) -> Any:
    status, text = await send(instance, "GET", "/containers/json?all=1")
    assert status == 200, text
    return json.loads(text)


async def test_instances_agree(instances: list[Swarmd], clean_engines: list[Engine]) -> None:
    """What is created, renamed and removed through any of them at once is what all of them list in the end."""
    names = [f"web-{number}" for number in range(12)]
    turns = itertools.cycle(instances)
    made = await at_once(*(create(next(turns), name) for name in names))
    assert [status for status, _ in made] == [201] * 12
    await check_agreed(instances, clean_engines)
    next(turns)  # so that none is changed through the one that has created it
    changed = [rename(next(turns), name, f"new-{name}") for name in names[:6]]
    changed += [send(next(turns), "DELETE", f"/containers/{name}") for name in names[6:]]
    assert [status for status, _ in await at_once(*changed)] == [204] * 12
    await check_agreed(instances, clean_engines)
    assert held(clean_engines) == sorted(f"new-{name}" for name in names[:6])


async def test_a_name_is_given_once(with_etcd: list[Swarmd], clean_engines: list[Engine], etcd: Place) -> None:
    """Of thirty who want five names through three instances each name is given once, also to what is renamed."""
    names = [f"name-{number}" for number in range(5)]
    wanted = [(instance, name) for _ in range(2) for name in names for instance in with_etcd]
    answers = await at_once(*(create(instance, name) for instance, name in wanted))
    given = Counter(name for (_, name), (status, _) in zip(wanted, answers, strict=True) if status == 201)
    assert Counter(status for status, _ in answers) == {201: 5, 409: 25}
    assert given == dict.fromkeys(names, 1)
    assert held(clean_engines) == names
    assert all('"Warnings":[]' in text.replace(" ", "") for status, text in answers if status == 201)

    await check_agreed(with_etcd, clean_engines)
    turns = itertools.cycle(with_etcd)
    renames = [rename(next(turns), name, "prize") for name in names for _ in range(2)]
    answers = await at_once(*renames, *(create(instance, "prize") for instance in with_etcd))
    assert sum(status in (201, 204) for status, _ in answers) == 1
    assert held(clean_engines).count("prize") == 1
    await check_agreed(with_etcd, clean_engines)


async def test_without_etcd_it_goes_on_with_a_warning(
    with_etcd: list[Swarmd], clean_engines: list[Engine], etcd: Place
) -> None:
    """Containers are created while etcd is down, in little more time, and the warnings end when it is back."""
    etcd.member.kill()
    began = trio.current_time()
    answers = await at_once(*(create(instance, f"web-{at}") for at, instance in enumerate(with_etcd)))
    assert trio.current_time() - began < 5
    for at, (status, text) in enumerate(answers):
        assert status == 201
        assert f"the name web-{at} is not held in etcd" in text
        assert "another swarmd may have given the same name at the same time" in text
    status, text = await create(with_etcd[0], "web-0")
    assert (status, "already in use" in text) == (409, True)
    await check_agreed(with_etcd, clean_engines)

    await trio.to_thread.run_sync(etcd.member.start)
    numbers = itertools.count()
    with trio.fail_after(20):
        while "is not held" in (await create(with_etcd[0], f"back-{next(numbers)}"))[1]:
            await trio.sleep(0.2)
