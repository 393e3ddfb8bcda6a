"""Builds: the classic builder's one request, BuildKit's several, and what cancels and prunes; see docs/build.md."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial
from urllib.parse import parse_qsl

from attrs import evolve

from swarmkit.engine.builds import BuildQuery
from swarmkit.engine.references import with_tag
from swarmkit.engine.replies import failed, require_some
from swarmkit.http import Headers, Response
from swarmkit.message import Path

from .answers import JSON, naming_missing, relayed
from .build_output import BuildOutput
from .build_places import BuildPlaces
from .call import Call
from .everywhere import prune, reasons
from .forwarding import connect, forward_whole
from .hosts import Hosts, Node, body_of
from .sessions import BuildHosts, Lease

SESSION_HEADER = "X-Docker-Expose-Session-Uuid"
"""The header in which operation Session brings the id by which a build names it."""

BUILD_WITHIN = 0.5
"""Seconds that a session waits for its build, which says where; the docker command sends both at once."""

UPLOADED_WITHIN = 5.0
"""Seconds that an upload waits for its build, as on an engine."""

_NO_BUILD = "conversations without a build"
"""Holds the host of the conversations that no request to build belongs to: Buildx builds by these alone."""

Settle = Callable[[str, Collection[str]], Awaitable[None]]
"""Have a name mean everywhere what it means on some hosts (see `image_copies`)."""


class Builds:
    """The operations of building. `settle` is told of the tags of what was built, and where."""

    def __init__(self, hosts: Hosts, settle: Settle) -> None:
        self._hosts = hosts
        self._settle = settle
        self._builds = BuildHosts()
        self._places = BuildPlaces(hosts)

    async def build(self, call: Call) -> Response:
        """Build where the build's session is, else where its arguments or the policy say (operation ImageBuild)."""
        query, beside = await self._places.beside(BuildQuery.of(parse_qsl(call.query, keep_blank_values=True)))
        lease = await self._lease(query, beside)
        changed = query.expressions or beside is not None
        target = f"{call.path}?{query.encoded}" if changed else call.whole_target
        response = await _forward(self._hosts, call, lease, target)
        tags = query.all("t")
        if response.status != 200 or isinstance(response.body, bytes) or not tags:
            return response
        return evolve(response, body=BuildOutput(response.body, partial(self._settle_all, tags, lease.host[1])))

    async def _settle_all(self, tags: Sequence[str], host: str) -> None:
        """Have the tags mean what was built, wherever they are."""
        for tag in tags:
            await self._settle(with_tag(tag), [host])

    async def _lease(self, query: BuildQuery, beside: Path | None) -> Lease:
        """Hold a host for a build; raise `Conflict` where it is that of another request, and may not be."""
        ids = [f"{kind} {id}" for kind, id in (("session", query.first("session")), ("build", query.build)) if id]
        if query.uploads:
            await self._builds.wait_for(ids[-1], UPLOADED_WITHIN)
        lease = await self._builds.take(ids, lambda: self._choose(query, beside, buildkit=query.buildkit))
        try:
            await self._places.check(query, lease.host)
        except BaseException:
            lease.give_back()
            raise
        return lease

    async def session(self, call: Call) -> Response:
        """Open a session on the host of its build, or else of the other conversations (operation Session)."""
        id = call.request.headers.get(SESSION_HEADER)
        own = f"session {id}"
        if not id:
            return await self.converse(call)
        if await self._builds.wait_for(own, BUILD_WITHIN) is None:
            return await self._converse(call, own, _NO_BUILD)
        return await self._converse(call, own)

    async def converse(self, call: Call) -> Response:
        """Open a conversation that says of no build to which it belongs (operation Grpc)."""
        return await self._converse(call, _NO_BUILD)

    async def _converse(self, call: Call, *ids: str) -> Response:
        lease = await self._builds.take(ids, lambda: self._choose(BuildQuery(()), buildkit=True))
        return await _forward(self._hosts, call, lease, call.whole_target)

    async def _choose(self, query: BuildQuery, beside: Path | None = None, *, buildkit: bool) -> Path:
        return beside or await self._places.choose(query, self._builds.last, buildkit=buildkit)

    async def cancel(self, call: Call) -> Response:
        """Cancel a build on its host; one that is not known is cancelled everywhere (operation BuildCancel)."""
        host = self._builds.find(f"build {call.params.get('id')}")
        if host is not None:
            return await forward_whole(self._hosts, call, host)
        options = await call.options()

        async def cancel_on(node: Node) -> None:
            await body_of(await self._hosts.connect(node.path, "POST", call.whole_target, **options))

        answers = await self._hosts.ask_all(cancel_on)
        require_some(answers)
        done = Response(200, Headers((JSON,)))  # of a document that is empty, as an engine's
        return naming_missing(done, reasons(failed(answers)))

    async def prune(self, call: Call) -> Response:
        """Drop the cache of builds on every host that answers (operation BuildPrune)."""
        return await prune(self._hosts, call)


async def _forward(hosts: Hosts, call: Call, lease: Lease, target: str) -> Response:
    """Pass a request on to its host, which is held until the answer has ended."""
    try:
        reply = await connect(hosts, call, lease.host, target)
    except BaseException:
        lease.give_back()
        raise
    return relayed(lease.until_ended(reply), call.request.headers.get("upgrade"))
