"""The front as a handler: a request in, its operation found, an answer in Docker's format out."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from functools import partial
from urllib.parse import unquote

import trio

from swarmkit.errors import Denied, NotFound, SwarmError
from swarmkit.http import Request, Response

from .answers import error_answer, json_answer
from .background import Background
from .build import Builds
from .builder import BuilderVersion
from .call import Call
from .containers import Containers
from .events import Events
from .execs import ExecOwners
from .forwarding import forward_whole
from .hosts import Hosts
from .image_arrivals import Pull
from .images import Images
from .networks import Networks
from .operations import Operation, Route, Way, find_route
from .plugins import Plugins
from .refusals import refuse
from .shaping import in_version
from .system import System
from .turns import Turns
from .usage import disk_usage
from .versions import ApiVersion
from .volumes import Volumes

log = logging.getLogger(__name__)

_VERSIONED = re.compile(r"/v(\d+(?:\.\d+)*)(/.*)")

_ALONE = frozenset({Way.MERGED, Way.PLACED, Way.EVERY, Way.HOLDERS, Way.FIRST, Way.ANY, Way.REFUSED})
"""Ways that are only the host's own where there is one; its list is ours all the same, for the filter `node`."""

Answer = Callable[[Call], Awaitable[Response]]


class Front:
    """Serve the Engine API over a service."""

    def __init__(
        self,
        hosts: Hosts,
        nursery: trio.Nursery,
        *,
        software: str,
        api: str | None = None,
        pull: Pull = Pull.EVERY,
    ) -> None:
        self._hosts = hosts
        self._api = ApiVersion(hosts, api)
        self._software = software
        self._execs = ExecOwners(hosts)
        background = Background(nursery)
        self._images = Images(hosts, background, self._api, pull)
        self._containers = Containers(hosts, self._execs, self._images.copies.spawn)
        self._system = System(hosts, self._api, software)
        self._events = Events(hosts, background, self._api)
        self._builder = BuilderVersion(hosts)
        self._builds = Builds(hosts, self._images.copies.settle)
        self._plugins = Plugins(hosts)
        turns = Turns()
        self._networks = Networks(hosts, turns)
        self._volumes = Volumes(hosts, turns)

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        began = trio.current_time()
        try:
            response = await self._answer(request)
        except SwarmError as error:
            response = error_answer(error)
        except Exception:
            log.exception("%s %s failed", request.method, request.target)
            response = json_answer({"message": "swarmd failed; its log says why"}, 500)
        took = trio.current_time() - began
        log.debug("%s %s -> %d in %.1f ms", request.method, request.target, response.status, took * 1000)
        return await self._signed(response)

    async def _signed(self, response: Response) -> Response:
        """Put the headers that an engine has in every answer; the version is ours, so that it does not flap."""
        headers = response.headers.plus(
            ("Api-Version", await self._api.get()),
            ("Docker-Experimental", "false"),
            ("Ostype", "linux"),
            ("Server", f"swarmd/{self._software} (linux)"),
        )
        return Response(response.status, headers, response.body, response.raw)

    async def _answer(self, request: Request) -> Response:
        call = await self._parse(request)
        response = await self._way(call.route.operation)(call)
        return await in_version(self._hosts, call, response)

    async def _parse(self, request: Request) -> Call:
        path, _, query = request.target.partition("?")
        version = None
        if match := _VERSIONED.fullmatch(path):
            version, path = match.groups()
        route = find_route(request.method, path) or self._unknown(request)
        if version is not None:
            await self._api.check(version)
        elif not self._hosts.single:
            version = await self._api.get()  # one for all hosts, as an engine takes its own
        if ".." in unquote(path).split("/"):
            raise Denied(f"a path must not go up: {path}")
        return Call(request, route, path, query, version)

    def _unknown(self, request: Request) -> Route:
        """Return the route of an operation that is not in the table: one host alone may be newer than we are."""
        if not self._hosts.single:
            raise NotFound("page not found")
        hijack = "upgrade" in request.headers.tokens("connection")
        return Route(Operation("unknown", request.method, request.target, Way.ANY, hijack), "")

    def _way(self, operation: Operation) -> Answer:
        """Return what carries an operation out. One host alone is asked for everything that it can do itself."""
        if self._hosts.single and operation.way in _ALONE and operation.name != "ContainerList":
            return self._to_single
        named: dict[str, Answer] = {
            "SystemVersion": self._system.version,
            "SystemInfo": self._system.info,
            "SystemEvents": self._events.stream,
            "SystemDataUsage": partial(disk_usage, self._hosts),
            "PluginList": self._plugins.list_all,
            "ContainerList": self._containers.list,
            "ContainerPrune": self._containers.prune,
            "ImageList": self._images.list,
            "ImageCreate": self._images.arrivals.create,
            "ImageLoad": self._images.arrivals.load,
            "ImagePrune": self._images.prune,
            "ImagePush": self._images.push,
            "ImageCommit": self._images.commit,
            "ImageBuild": self._builds.build,
            "BuildCancel": self._builds.cancel,
            "BuildPrune": self._builds.prune,
            "Session": self._builds.session,
            "Grpc": self._builds.converse,
        }
        named |= {
            "NetworkList": self._networks.list,
            "NetworkCreate": self._networks.create,
            "NetworkPrune": self._networks.prune,
            "VolumeList": self._volumes.list,
            "VolumeCreate": self._volumes.create,
            "VolumePrune": self._volumes.prune,
        }
        owners: dict[str, Answer] = {
            "networks": self._networks.to_owner,
            "volumes": self._volumes.to_owner,
            "plugins": self._plugins.to_owner,
        }
        ways: dict[Way, Answer] = {
            Way.HERE: self._ping,
            Way.PLACED: self._containers.create,
            Way.OWNER: owners.get(operation.collection, self._containers.to_owner),
            Way.EXEC: self._execs.handle,
            Way.FIRST: self._images.from_first,
            Way.ANY: self._images.ask_any,
            Way.HOLDERS: self._images.to_holders,
            Way.REFUSED: refuse,
        }
        return named.get(operation.name) or ways[operation.way]

    async def _ping(self, call: Call) -> Response:
        return await self._builder.told_in(await self._system.ping(call))

    async def _to_single(self, call: Call) -> Response:
        return await forward_whole(self._hosts, call)
