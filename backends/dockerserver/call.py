"""One request to the front: what was asked, parsed, and what of it goes on to a host."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, unquote

from attrs import frozen

from swarmkit.errors import Invalid
from swarmkit.http import Request
from swarmkit.http.framing import Framing, request_framing
from swarmkit.streams import read_whole

from .operations import Route

SMALL_BODY = 64 * 1024
"""Bytes of a body of known length up to which it is read before it is passed on; a larger one is streamed."""

MAX_SPEC = 16 * 1024 * 1024
"""Bytes of a JSON body that must be understood, at most."""


@frozen(eq=False)
class Call:
    """A request with its route. `query` is the query string as it came; `version` the API version asked for, if any."""

    request: Request
    route: Route
    path: str
    query: str
    version: str | None

    @property
    def name(self) -> str:
        """What the path names, decoded."""
        return unquote(self.route.name)

    @property
    def params(self) -> dict[str, str]:
        """The query's parameters, the first of each name."""
        params: dict[str, str] = {}
        for key, value in parse_qsl(self.query, keep_blank_values=True):
            params.setdefault(key, value)
        return params

    def all_params(self, name: str) -> list[str]:
        """Return every value of one parameter."""
        return [value for key, value in parse_qsl(self.query, keep_blank_values=True) if key == name]

    @property
    def target(self) -> str:
        """What stands behind the name: the operation's own words, and the query."""
        return self.route.operation.below + self.query_part

    @property
    def whole_target(self) -> str:
        """The whole path without its version, and the query."""
        return self.path + self.query_part

    @property
    def query_part(self) -> str:
        return f"?{self.query}" if self.query else ""

    async def json(self) -> Any:
        """Read the body as JSON, and nothing as None; raise `Invalid` where it is none.

        As on an engine another content type is refused: a browser sends that one only where it is allowed to, so that
        no web page can make a container on the loopback address of its reader.
        """
        data = await self._whole_body()
        content_type = self.request.headers.get("content-type")
        if data and content_type.partition(";")[0].strip().lower() != "application/json":
            raise Invalid(f"Content-Type specified ({content_type}) must be 'application/json'")
        try:
            return json.loads(data) if data.strip() else None
        except (ValueError, RecursionError) as error:
            raise Invalid(f"invalid JSON: {error}") from error

    async def options(self, *, hijack: bool = False, stream: bool = False) -> dict[str, Any]:
        """Return the arguments of a CONNECT that passes this request on: headers, version, a body that is at hand.

        With `hijack` the body is always at hand: what follows it is the conversation. With `stream` it is never read.
        """
        options: dict[str, Any] = {"headers": [list(item) for item in self.request.headers]}
        if self.version is not None:
            options["version"] = self.version
        framing, length = self._framing
        if hijack:
            options |= {"raw": True, "upgrade": self.request.headers.get("upgrade")}
        if stream or (self.streams_body and not hijack):
            options["length"] = None if framing is Framing.CHUNKED else length
        else:
            options["body"] = await self._whole_body()
        return options

    async def _whole_body(self) -> bytes:
        _, length = self._framing
        if length > MAX_SPEC:
            raise Invalid(f"a body of {length} bytes is more than the {MAX_SPEC} that are taken here", status=413)
        return await read_whole(self.request.body, MAX_SPEC)

    @property
    def streams_body(self) -> bool:
        """Whether the body is to be passed on as it comes."""
        framing, length = self._framing
        return framing is Framing.CHUNKED or length > SMALL_BODY

    @property
    def _framing(self) -> tuple[Framing, int]:
        return request_framing(self.request.head)
