"""The table of the operations. What an engine has and this one has not is refused with 501, at its end."""

from __future__ import annotations

from swarmkit.errors import Unimplemented
from swarmkit.http import Handler, Response

from ..engine import FakeEngine
from . import (
    containers,
    execs,
    files,
    image_files,
    image_removal,
    images,
    lives,
    measures,
    networks,
    streams,
    system,
    volumes,
)
from .routing import Call, Route, make_router


async def refused(call: Call) -> Response:
    """Say that the fake engine does not do this."""
    raise Unimplemented(f"the fake engine does not do {call.request.method} {call.request.target.partition('?')[0]}")


_OF_A_MANAGER = ("swarm", "nodes", "services", "tasks", "secrets", "configs")
_REFUSED = ("auth", "build", "build/prune", "grpc", "session", "swarm/init", "swarm/join", "swarm/leave")

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
    Route("GET", "/containers/{name}/top", measures.top),
    Route("GET", "/containers/{name}/stats", measures.stats),
    Route("GET", "/containers/{name}/changes", files.changes),
    Route("GET", "/containers/{name}/export", files.export),
    Route("HEAD", "/containers/{name}/archive", files.stat),
    Route("GET", "/containers/{name}/archive", files.download),
    Route("PUT", "/containers/{name}/archive", files.upload),
    Route("GET", "/containers/{name}/attach/ws", refused),
    Route("DELETE", "/containers/{name}", lives.remove),
    Route("GET", "/images/json", images.list_all),
    Route("POST", "/images/create", images.create),
    Route("POST", "/images/load", image_files.load),
    Route("POST", "/images/prune", image_removal.prune),
    Route("GET", "/images/search", refused),
    Route("GET", "/images/get", image_files.save),
    Route("GET", "/images/{name}/get", image_files.save),
    Route("GET", "/images/{name}/json", images.inspect),
    Route("GET", "/images/{name}/history", images.history),
    Route("POST", "/images/{name}/tag", images.tag),
    Route("POST", "/images/{name}/push", refused),
    Route("DELETE", "/images/{name}", image_removal.delete),
    Route("POST", "/commit", image_files.commit),
    Route("GET", "/networks", networks.list_all),
    Route("POST", "/networks/create", networks.create),
    Route("POST", "/networks/prune", networks.prune),
    Route("POST", "/networks/{name}/connect", networks.connect),
    Route("POST", "/networks/{name}/disconnect", networks.disconnect),
    Route("GET", "/networks/{name}", networks.inspect),
    Route("DELETE", "/networks/{name}", networks.delete),
    Route("GET", "/volumes", volumes.list_all),
    Route("POST", "/volumes/create", volumes.create),
    Route("POST", "/volumes/prune", volumes.prune),
    Route("GET", "/volumes/{name}", volumes.inspect),
    Route("DELETE", "/volumes/{name}", volumes.delete),
    Route("GET", "/system/df", measures.disk_usage),
    Route("GET", "/plugins", system.plugins),
    *(
        Route("GET", f"/{kind}", system.no_manager)
        for kind in ("swarm", "nodes", "services", "tasks", "secrets", "configs")
    ),
    *(Route("POST", f"/{path}", refused) for path in ("auth", "build", "build/prune", "session", "grpc", "swarm/init")),
    *(Route("POST", f"/swarm/{path}", refused) for path in ("join", "leave", "update", "unlock")),
    Route("GET", "/distribution/{name}/json", refused),
)


def make_handler(engine: FakeEngine) -> Handler:
    """Make the handler of an engine."""
    return make_router(engine, ROUTES)
