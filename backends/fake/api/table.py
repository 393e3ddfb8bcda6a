"""The table of the operations. What an engine has and this one has not is refused with 501, at its end."""

from __future__ import annotations

from swarmkit.errors import Unimplemented
from swarmkit.http import Handler, Response

from ..engine import FakeEngine
from . import containers, execs, lives, streams, system
from .routing import Call, Route, make_router


async def refused(call: Call) -> Response:
    """Say that the fake engine does not do this."""
    raise Unimplemented(f"the fake engine does not do {call.request.method} {call.request.target.partition('?')[0]}")


ROUTES = (
    Route("GET", "/_ping", system.ping),
    Route("HEAD", "/_ping", system.ping),
    Route("GET", "/version", system.version),
    Route("GET", "/info", system.info),
    Route("GET", "/events", system.events),
    Route("GET", "/containers/json", containers.list_all),
    Route("POST", "/containers/create", containers.create),
    Route("POST", "/containers/prune", containers.prune),
    Route("GET", "/containers/{name}/json", containers.inspect),
    Route("POST", "/containers/{name}/start", lives.start),
    Route("POST", "/containers/{name}/stop", lives.stop),
    Route("POST", "/containers/{name}/kill", lives.kill),
    Route("POST", "/containers/{name}/restart", lives.restart),
    Route("POST", "/containers/{name}/pause", lives.pause),
    Route("POST", "/containers/{name}/unpause", lives.unpause),
    Route("POST", "/containers/{name}/rename", containers.rename),
    Route("POST", "/containers/{name}/update", containers.update),
    Route("POST", "/containers/{name}/wait", streams.wait),
    Route("GET", "/containers/{name}/logs", streams.logs),
    Route("POST", "/containers/{name}/attach", streams.attach),
    Route("POST", "/containers/{name}/resize", containers.resize),
    Route("POST", "/containers/{name}/exec", execs.create),
    Route("POST", "/exec/{id}/start", execs.start),
    Route("POST", "/exec/{id}/resize", execs.resize),
    Route("GET", "/exec/{id}/json", execs.inspect),
    Route("DELETE", "/containers/{name}", lives.remove),
)


def make_handler(engine: FakeEngine) -> Handler:
    """Make the handler of an engine."""
    return make_router(engine, ROUTES)
