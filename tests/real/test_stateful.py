"""Whatever is done to a virtual host of two engines, or behind its back, it shows what a model says, and tells it once.

What is done through it is seen by the next request; what is done behind its back, as soon as its event has come.
`SWARMD_STATEFUL` is the number of histories that are tried (6 of 30 steps take about a minute).
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from .engines import Engine
from .model import LABEL, Model, Thing, named, shown
from .plain import Answer, following, send
from .swarm import Swarmd, over, serving

EXAMPLES = int(os.environ.get("SWARMD_STATEFUL", "6"))
STEPS = 30

_WITHIN = 10.0
"""Seconds in which what was done behind our back must be seen."""

_SLEEP = {"Image": "busybox", "Cmd": ["sleep", "1000"]}

Seen = TypeVar("Seen")

names = st.sampled_from(["aa", "bb", "cc"])
hosts = st.sampled_from(["one", "two"])
places = st.sampled_from([None, "one", "two"])
indices = st.integers(0, 1000)
words = st.sampled_from(["name", "qualified", "id", "short id"])
behind = st.sampled_from([False, False, True])


class VirtualHost(RuleBasedStateMachine):
    """What can be done; after each step all that is shown is compared."""

    def __init__(self, swarmd: Swarmd, engines: list[Engine]) -> None:
        super().__init__()
        self.engines = {engine.name: engine for engine in engines}
        self.sockets = {"": swarmd.socket, **{engine.name: engine.socket for engine in engines}}
        self.model = Model(list(self.engines))
        self.began = time.time()
        self._stack = ExitStack()
        self.events = self._stack.enter_context(following(swarmd.socket))

    # -- asking -------------------------------------------------------------------------------------------------------

    def ask(self, method: str, target: str, body: Any = None, *, host: str = "") -> Answer:
        """Ask the virtual host, or a host of it behind its back."""
        return send(self.sockets[host], method, target, body)

    def create(self, kind: str, target: str, body: Any, name: str, place: str | None, back: bool) -> Answer:
        """Create something called `name` on a host, or anywhere; return the answer."""
        host = (place or "one") if back else ""
        said = f"{place}/{name}" if place and not back else name
        body = body if kind == "containers" else {**body, "Name": said}
        return self.ask("POST", target.format(name=said), body, host=host)

    def owner(self, collection: str, id: str) -> str:
        """Return on which host something is, as the engines tell it."""
        found = [name for name in self.engines if self.ask("GET", f"/{collection}/{id}", host=name).status == 200]
        (host,) = found
        return host

    def do(self, thing: Thing, method: str, target: str, word: str, back: bool, body: Any = None) -> int:
        """Ask something of a thing, by one of the words for it; return the status."""
        said = {"id": thing.id, "short id": thing.id[:12], "qualified": thing.qualified}.get(word, "")
        if back:
            said = thing.name
        elif not said:
            said = shown(self._siblings(thing))[thing.qualified]
        return self.ask(method, target.format(name=said), body, host=thing.host if back else "").status

    def _siblings(self, thing: Thing) -> list[Thing]:
        collections = (self.model.containers, self.model.networks, self.model.volumes)
        return next(each for each in collections if thing in each)

    # -- containers ---------------------------------------------------------------------------------------------------

    @rule(name=names, place=places, back=behind)
    def create_container(self, name: str, place: str | None, back: bool) -> None:
        """A name is had once where it is bare, and once on each host where it is qualified."""
        taken = named(self.model.containers, name, (place or "one") if back else place)
        answer = self.create("containers", "/containers/create?name={name}", _SLEEP, name, place, back)
        assert answer.status == (409 if taken else 201), answer
        if not taken:
            id = answer.json["Id"]
            host = self.owner("containers", f"{id}/json")
            assert not place or host == place
            self.model.containers.append(Thing(id, host, name, "created"))
        self.compare(back)

    @precondition(lambda self: self.model.containers)
    @rule(index=indices, verb=st.sampled_from(["start", "start", "stop", "kill", "pause"]), word=words, back=behind)
    def change_container(self, index: int, verb: str, word: str, back: bool) -> None:
        """States change as an engine changes them, and what cannot be is refused as an engine refuses it."""
        container = _pick(self.model.containers, index)
        verb = "unpause" if container.state == "paused" else verb
        runs = container.state == "running"
        status, state = {
            "start": (304 if runs else 204, "running"),
            "stop": (204 if runs else 304, "exited"),
            "kill": (204 if runs else 409, "exited"),
            "pause": (204 if runs else 409, "paused"),
            "unpause": (204, "running"),
        }[verb]
        target = f"/containers/{{name}}/{verb}" + ("?t=0" if verb == "stop" else "")
        assert self.do(container, "POST", target, word, back) == status
        container.state = state if status == 204 else container.state
        self.compare(back)

    @precondition(lambda self: self.model.containers)
    @rule(index=indices, name=names, qualified=st.booleans(), word=words, back=behind)
    def rename_container(self, index: int, name: str, qualified: bool, word: str, back: bool) -> None:
        """The new name is free on every host, or on its own where it is qualified."""
        container = _pick(self.model.containers, index)
        if container.name == name:
            return
        taken = named(self.model.containers, name, container.host if qualified or back else None)
        said = f"{container.host}/{name}" if qualified and not back else name
        status = self.do(container, "POST", f"/containers/{{name}}/rename?name={said}", word, back)
        assert status == (409 if taken else 204)
        container.name = container.name if taken else name
        self.compare(back)

    @precondition(lambda self: self.model.containers)
    @rule(index=indices, word=words, back=behind)
    def remove_container(self, index: int, word: str, back: bool) -> None:
        """What is removed is gone for the next request."""
        container = _pick(self.model.containers, index)
        assert self.do(container, "DELETE", "/containers/{name}?force=1", word, back) == 204
        self.model.containers.remove(container)
        self.compare(back)

    # -- what containers use ------------------------------------------------------------------------------------------

    @rule(name=names, place=places, back=behind)
    def create_network(self, name: str, place: str | None, back: bool) -> None:
        """As with containers."""
        taken = named(self.model.networks, name, (place or "one") if back else place)
        answer = self.create("networks", "/networks/create", {"CheckDuplicate": True}, name, place, back)
        assert answer.status == (409 if taken else 201), answer
        if not taken:
            id = answer.json["Id"]
            self.model.networks.append(Thing(id, self.owner("networks", id), name))
        self.compare(back)

    @precondition(lambda self: self.model.networks)
    @rule(index=indices, word=words, back=behind)
    def remove_network(self, index: int, word: str, back: bool) -> None:
        """As with containers."""
        network = _pick(self.model.networks, index)
        assert self.do(network, "DELETE", "/networks/{name}", word, back) == 204
        self.model.networks.remove(network)
        self.compare(back)

    @rule(name=names, place=places, back=behind)
    def create_volume(self, name: str, place: str | None, back: bool) -> None:
        """One that there is, is the one; where several hosts have it, it must be said which is meant."""
        held = named(self.model.volumes, name, (place or "one") if back else place)
        answer = self.create("volumes", "/volumes/create", {}, name, place, back)
        assert answer.status == (409 if len(held) > 1 else 201), answer
        if not held:
            before = {each.host for each in named(self.model.volumes, name)}
            found = [host for host in self.engines if self.ask("GET", f"/volumes/{name}", host=host).status == 200]
            (host,) = set(found) - before
            assert not place or host == place
            self.model.volumes.append(Thing(name, host, name))
        self.compare(back)

    @precondition(lambda self: self.model.volumes)
    @rule(index=indices, word=st.sampled_from(["name", "qualified"]), back=behind)
    def remove_volume(self, index: int, word: str, back: bool) -> None:
        """As with containers."""
        volume = _pick(self.model.volumes, index)
        assert self.do(volume, "DELETE", "/volumes/{name}", word, back) == 204
        self.model.volumes.remove(volume)
        self.compare(back)

    @rule(name=names, host=hosts, back=behind)
    def tag_image(self, name: str, host: str, back: bool) -> None:
        """An image gets a name wherever it is, and behind our back on one host."""
        asked = host if back else ""
        assert self.ask("POST", f"/images/busybox/tag?repo={name}&tag=latest", host=asked).status == 201
        self.model.tags |= {(each, f"{name}:latest") for each in ([host] if back else self.engines)}
        self.compare(back)

    @precondition(lambda self: self.model.tags)
    @rule(index=indices, back=behind)
    def untag_image(self, index: int, back: bool) -> None:
        """A name is taken from an image wherever it has it, and behind our back on one host."""
        host, name = _pick(sorted(self.model.tags), index)
        assert self.ask("DELETE", f"/images/{name}", host=host if back else "").status == 200
        self.model.tags -= {(each, name) for each in ([host] if back else self.engines)}
        self.compare(back)

    # -- comparing ----------------------------------------------------------------------------------------------------

    def compare(self, back: bool) -> None:
        """Compare everything that is shown: at once, or when what happened behind our back has been told."""
        wait = _WITHIN if back else 0.0
        _equal(self.listed_containers, self.model.shown_containers(), wait)
        _equal(self.listed_networks, self.model.shown_networks(), wait)
        _equal(self.listed_volumes, self.model.shown_volumes(), wait)
        _equal(self.listed_tags, self.model.shown_tags(), wait)
        expected = self.model.counts()
        _equal(lambda: {key: self.ask("GET", "/info").json[key] for key in expected}, expected, wait)

    def listed_containers(self) -> dict[str, tuple[str, ...]]:
        """Return by id name, state and host of the containers listed."""
        rows = self.ask("GET", "/containers/json?all=1").json
        assert len({row["Id"] for row in rows}) == len(rows)
        return {row["Id"]: (row["Names"][0][1:], row["State"], row["Labels"][LABEL]) for row in rows}

    def listed_networks(self) -> dict[str, tuple[str, ...]]:
        """Return by id name and host of the networks listed that somebody made."""
        rows = self.ask("GET", '/networks?filters={"type":["custom"]}').json
        assert len({row["Id"] for row in rows}) == len(rows)
        return {row["Id"]: (row["Name"], row["Labels"][LABEL]) for row in rows}

    def listed_volumes(self) -> dict[str, str]:
        """Return by name the host of the volumes listed."""
        rows = self.ask("GET", "/volumes").json["Volumes"]
        assert len({row["Name"] for row in rows}) == len(rows)
        return {row["Name"]: row["Labels"][LABEL] for row in rows}

    def listed_tags(self) -> list[str]:
        """Return the names of the one image that is listed."""
        (row,) = self.ask("GET", "/images/json").json
        return sorted(row["RepoTags"])

    def teardown(self) -> None:
        """Compare the events, and leave nothing."""
        try:
            self.compare_events()
        finally:
            self._stack.close()
            for engine in self.engines.values():
                engine.clean()
        self.model = Model(list(self.engines))
        self.compare(back=True)

    def compare_events(self) -> None:
        """Every event of an engine was told once, in the engine's order, as the engine tells it; history has all, too.

        A volume made last on each marks the end.
        """
        for engine in self.engines.values():
            engine.call("POST", "/volumes/create", {"Name": "end"})
        _equal(lambda: {_host(event) for event in self.events.told if event["Actor"]["ID"] == "end"}, {"one", "two"})
        query = f"/events?since={self.began:.9f}&until={time.time():.9f}"
        remembered = _lines(self.ask("GET", query))
        for host in self.engines:
            expected = _lines(self.ask("GET", query, host=host))
            assert _of(host, self.events.told) == expected
            assert _of(host, remembered) == expected


def _pick(things: list[Seen], index: int) -> Seen:
    return things[index % len(things)]


def _equal(seen: Callable[[], Seen], expected: Seen, wait: float = _WITHIN) -> None:
    deadline = time.monotonic() + wait
    while (found := seen()) != expected and time.monotonic() < deadline:
        time.sleep(0.02)
    assert found == expected


def _lines(answer: Answer) -> list[dict[str, Any]]:
    assert answer.status == 200
    return [json.loads(line) for line in answer.body.splitlines()]


def _host(event: dict[str, Any]) -> str:
    return str(event["Actor"]["Attributes"].get(LABEL, ""))


def _of(host: str, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the events of one host as the host tells them itself."""
    return [_bare(event) for event in events if _host(event) == host]


def _bare(event: dict[str, Any]) -> dict[str, Any]:
    attributes = {key: value for key, value in event["Actor"]["Attributes"].items() if key != LABEL}
    return {**event, "Actor": {**event["Actor"], "Attributes": attributes}}


@pytest.fixture
def swarmd(clean_engines: list[Engine], tmp_path: Path) -> Iterator[Swarmd]:
    """Give a virtual host of two engines."""
    with serving(tmp_path / "swarm.sock", over(clean_engines[:2])) as swarmd:
        yield swarmd


def test_a_virtual_host_is_what_its_model_says(swarmd: Swarmd, clean_engines: list[Engine]) -> None:
    """Names, states, numbers and events agree after any sequence of operations."""
    run_state_machine_as_test(
        lambda: VirtualHost(swarmd, clean_engines[:2]),  # type: ignore[arg-type]  # a function will do
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=[Phase.generate] if EXAMPLES < 50 else [Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )
