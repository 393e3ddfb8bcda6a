from typing import Any

import pytest

from swarmkit.engine.events import event_matches, identity, with_host
from swarmkit.engine.filters import Filters

START = {
    "status": "start",
    "id": "910f",
    "from": "busybox:1",
    "Type": "container",
    "Action": "start",
    "Actor": {"ID": "910f", "Attributes": {"x": "1", "image": "busybox:1", "name": "web"}},
    "scope": "local",
    "time": 5,
    "timeNano": 5_000_000_001,
}
EXEC = {**START, "Action": "exec_start: sh -c true", "status": "exec_start: sh -c true"}
TAG = {
    "Type": "image",
    "Action": "tag",
    "Actor": {"ID": "sha256:2e52", "Attributes": {"name": "docker.io/library/busybox:latest"}},
    "scope": "local",
    "timeNano": 6,
}
VOLUME = {"Type": "volume", "Action": "create", "Actor": {"ID": "vol1", "Attributes": {"driver": "local"}}}


def test_identity_is_time_type_action_and_actor() -> None:
    """Engines give an event no id of its own."""
    assert identity(START) == (5_000_000_001, "container", "start", "910f")


def test_identity_of_an_event_with_little_in_it() -> None:
    """A plug-in's or a future engine's event may lack fields."""
    assert identity({"Type": "builder", "Actor": None}) == (0, "builder", "", "")


def test_the_host_is_an_attribute() -> None:
    """The fields of old stay, nothing else changes, and the argument is not touched."""
    event = with_host(START, "a")
    assert event["Actor"]["Attributes"] == {"x": "1", "image": "busybox:1", "name": "web", "swarmd.host": "a"}
    assert {**event, "Actor": START["Actor"]} == START
    assert "swarmd.host" not in START["Actor"]["Attributes"]  # type: ignore[index]


def test_the_host_of_an_event_without_an_actor() -> None:
    """It gets one."""
    assert with_host({"Type": "builder"}, "a")["Actor"] == {"Attributes": {"swarmd.host": "a"}}


@pytest.mark.parametrize(
    ("event", "filters", "expected"),
    [
        (START, {}, True),
        (START, {"foo": ["x"]}, True),
        (START, {"type": ["container"]}, True),
        (START, {"type": ["cont"]}, False),
        (START, {"type": ["image", "container"]}, True),
        (START, {"event": ["start"]}, True),
        (START, {"event": ["sta"]}, False),
        (EXEC, {"event": ["exec_start"]}, True),
        (EXEC, {"event": ["exec_start: sh -c true"]}, True),
        (EXEC, {"event": ["exec"]}, False),
        (START, {"event": ["exec_start", "sta"]}, True),
        (START, {"container": ["web"]}, True),
        (START, {"container": ["we"]}, True),
        (START, {"container": ["910"]}, True),
        (START, {"container": ["eb"]}, False),
        (VOLUME, {"container": ["web"]}, False),
        (VOLUME, {"volume": ["vo"]}, True),
        (VOLUME, {"label": ["driver=local"]}, True),
        (START, {"image": ["busybox"]}, True),
        (START, {"image": ["busybox:1"]}, True),
        (START, {"image": ["busybox:2"]}, False),
        (START, {"image": ["busy"]}, False),
        (TAG, {"image": ["busybox"]}, True),
        (TAG, {"image": ["sha256:2e52"]}, True),
        (START, {"label": ["x"]}, True),
        (START, {"label": ["x=1", "name=web"]}, True),
        (START, {"label": ["x=2"]}, False),
        (START, {"scope": ["local"]}, True),
        (START, {"scope": ["swarm"]}, False),
        (START, {"network": ["bridge"]}, False),
        (START, {"daemon": ["x"]}, False),
        (START, {"node": ["web"]}, True),
        (START, {"node": ["a"]}, False),
        (START, {"type": ["container"], "event": ["die"]}, False),
    ],
)
def test_the_engines_filters(event: dict[str, Any], filters: dict[str, list[str]], expected: bool) -> None:
    """Names by their beginning, long actions too where one is asked for bare, the rest entirely."""
    assert expected == event_matches(event, Filters({key: tuple(values) for key, values in filters.items()}))


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"node": ["a"]}, True),
        ({"node": ["?"]}, True),
        ({"node": ["web"]}, False),
        ({"node": ["b", "a*"]}, True),
        ({"node": []}, True),
        ({"container": ["a/web"]}, True),
        ({"container": ["a/910"]}, True),
        ({"container": ["b/web"]}, False),
        ({"container": ["web"]}, True),
        ({"container": ["a"]}, False),  # the name of a host is not the beginning of all names on it
        ({"container": ["a/w"]}, True),
        ({"container": ["b/web", "w"]}, True),
        ({"label": ["swarmd.host=a"]}, True),
        ({"label": ["swarmd.host=b"]}, False),
    ],
)
def test_filters_by_host(filters: dict[str, list[str]], expected: bool) -> None:
    """`node`, a qualified name, and the label of the host."""
    asked = Filters({key: tuple(values) for key, values in filters.items()})
    assert expected == event_matches(with_host(START, "a"), asked)
