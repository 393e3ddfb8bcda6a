"""Every row of the table of operations is asked of a virtual host of two engines, and answered as an engine answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from backends.dockerserver import OPERATIONS, Operation
from backends.dockerserver.operations import find_route

from .engines import Engine
from .plain import Answer, send
from .rows import ROWS, Row
from .swarm import over, serving

_REGISTERED = re.compile(r"Registering ([A-Z]+), (/[^\s\"]*)")
_PLACE = re.compile(r"{[^}]*}")

UNSPECIFIED = {
    ("GET", "/containers/x/checkpoints"): "an experiment, which no specification has",
    ("POST", "/containers/x/checkpoints"): "likewise",
    ("POST", "/containers/x/copy"): "gone since API 1.24",
    ("OPTIONS", "/x"): "asked by browsers, of an engine that is told to let pages of others in",
}
"""Routes of an engine that the table lacks, and why."""

_OF_DEBUGGING = ("/pprof", "/vars")
"""What an engine that logs so much serves besides, beneath `/debug`."""

OURS = {"Node"}
"""Keys that a virtual host adds to a document."""


@frozen
class Target:
    """Where rows are asked: a virtual host, and an engine; `places` are the hosts that containers are made on."""

    socket: Path
    places: tuple[str, str]

    def prepare(self) -> None:
        """Make what rows are asked of: containers on one host and on the other, a network and a volume."""
        first, second = self.places
        said = ["sh", "-c", "echo said; exit 3"]
        for name, command in ((f"{first}idle", ["true"]), (f"{second}web", ["sleep", "1000"]), (f"{second}done", said)):
            self.ask("POST", f"/containers/create?name={name}", {"Image": "busybox", "Cmd": command})
        for name in ("web", "done"):
            self.ask("POST", f"/containers/{name}/start")
        self.ask("POST", "/containers/done/wait")
        self.ask("POST", "/networks/create", {"Name": f"{second}net"})
        self.ask("POST", "/volumes/create", {"Name": f"{second}data"})

    def ask(self, method: str, target: str, body: Any = None) -> str:
        """Send a request that must succeed; return the id that it gives."""
        answer = send(self.socket, method, target, body)
        assert answer.status < 300, answer
        return str(answer.json.get("Id", "")) if answer.kind == "application/json" else ""

    def play(self, operation: Operation, row: Row) -> Answer:
        """Send what goes before, and then the request of a row."""
        id = ""
        for method, target, body in row.before:
            id = self.ask(method, target.replace("{id}", id), body) or id
        path = re.sub(r"{\w+}", row.name.replace("{id}", id), operation.path)
        target = f"{path}?{row.query}" if row.query else path
        return send(self.socket, operation.method, target, row.body, dict(row.headers))


@pytest.fixture(scope="module")
def bare(engines: list[Engine]) -> Iterator[Target]:
    """Give a bare engine."""
    engines[2].clean()
    target = Target(engines[2].socket, ("", ""))
    target.prepare()
    yield target
    engines[2].clean()


@pytest.fixture(scope="module")
def virtual(engines: list[Engine], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """Give a virtual host of two engines."""
    for engine in engines[:2]:
        engine.clean()
    with serving(tmp_path_factory.mktemp("rows") / "swarm.sock", over(engines[:2])) as swarmd:
        target = Target(swarmd.socket, ("one/", "two/"))
        target.prepare()
        yield target
    for engine in engines[:2]:
        engine.clean()


def test_no_row_is_missing() -> None:
    """There is a request for each operation, and none for what is none."""
    assert set(ROWS) == {operation.name for operation in OPERATIONS}


def test_no_route_of_an_engine_is_missing(engines: list[Engine], tmp_path: Path) -> None:
    """Whatever an engine serves, as it logs when it starts, is in the table."""
    engine = Engine("routes", tmp_path / "routes")
    settings = engine.folder / "daemon.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "log-level": "debug"}))
    try:
        engine.start()
        log = engine.log_since(0)
    finally:
        engine.remove()
    routes = {(method, _PLACE.sub("x", path)) for method, path in _REGISTERED.findall(log)}
    routes = {(method, path) for method, path in routes if not path.startswith(_OF_DEBUGGING)}
    assert len(routes) > 100
    assert {route for route in routes if find_route(*route) is None} <= set(UNSPECIFIED)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_row(operation: Operation, virtual: Target, bare: Target) -> None:
    """What must come back does, with the status, the type and the keys that an engine's answer has."""
    row = ROWS[operation.name]
    ours = virtual.play(operation, row)
    assert (ours.status, [text for text in row.has if text not in content(ours)]) == (row.status, [])
    if row.bare:
        theirs = bare.play(operation, row)
        assert (ours.status, ours.kind, keys(ours)) == (theirs.status, theirs.kind, keys(theirs))


def content(answer: Answer) -> str:
    """Return what an answer says; a document without spaces."""
    document = parsed(answer)
    text = answer.body.decode(errors="replace")
    return text if document is None else json.dumps(document, separators=(",", ":"))


def keys(answer: Answer) -> set[str]:
    """Return the keys of the document that an answer is, or of the first one in its list."""
    document = parsed(answer) or {}
    first = (document or [{}])[0] if isinstance(document, list) else document
    return set(first) - OURS


def parsed(answer: Answer) -> Any:
    """Return the document that an answer is; None where it is a stream, an archive, or nothing."""
    try:
        return json.loads(answer.body)
    except ValueError:
        return None
