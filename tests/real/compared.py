"""A virtual host, its model, and what both tell, compared: of every list, of the numbers, and of the events."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, TypeVar

from hypothesis.stateful import RuleBasedStateMachine

from .engines import Engine
from .model import LABEL, Model, Thing, shown
from .plain import Answer, following, send
from .swarm import Swarmd

_WITHIN = 10.0
"""Seconds in which what was done behind our back must be seen."""

Seen = TypeVar("Seen")


class Compared(RuleBasedStateMachine):
    """A state machine without rules: what these are made of. When it ends, the events are compared as well."""

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


def _equal(seen: Callable[[], Seen], expected: Seen, wait: float = _WITHIN) -> None:
    deadline = time.monotonic() + wait
    while (found := seen()) != expected and time.monotonic() < deadline:
        time.sleep(0.02)
    assert found == expected, f"{found} is not {expected}"


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
