"""Whatever is done to a virtual host of two engines, or behind its back, it shows what a model says, and tells it once.

What is done through it is seen by the next request; what is done behind its back, as soon as its event has come.
`SWARMD_STATEFUL` is the number of histories that are tried (6 of 30 steps take about a minute).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test

from .compared import Compared
from .engines import Engine
from .model import Thing, named
from .swarm import Swarmd, over, serving

EXAMPLES = int(os.environ.get("SWARMD_STATEFUL", "6"))
STEPS = 30

_SLEEP = {"Image": "busybox", "Cmd": ["sleep", "1000"]}

Picked = TypeVar("Picked")

names = st.sampled_from(["aa", "bb", "cc"])
hosts = st.sampled_from(["one", "two"])
places = st.sampled_from([None, "one", "two"])
indices = st.integers(0, 1000)
words = st.sampled_from(["name", "qualified", "id", "short id"])
behind = st.sampled_from([False, False, True])


class VirtualHost(Compared):
    """What can be done; after each step all that is shown is compared."""

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
        # An engine that lags behind containerd tells once more, for a moment, what was before a pause, or an unpause.
        self.compare(back or verb in ("pause", "unpause"))

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


def _pick(things: list[Picked], index: int) -> Picked:
    return things[index % len(things)]


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
            database=None,
            phases=[Phase.generate] if EXAMPLES < 50 else [Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )
