"""From a request to its operation: versions, the table of routes, and what an operation is given."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from attrs import evolve, field, frozen

from swarmkit.engine.filters import Filters
from swarmkit.engine.query import bool_value, parse_int
from swarmkit.engine.versions import version_key
from swarmkit.errors import Invalid, NotFound, SwarmError
from swarmkit.http import Handler, Headers, Request, Response
from swarmkit.streams import read_whole

from ..container import Container
from ..engine import FakeEngine
from .replies import common_headers, error_reply
from .shapes import in_version

_VERSION = re.compile(r"/v([0-9]+\.[0-9]+)(/.*)")


@frozen(eq=False)
class Call:
    """One request to an operation: the engine, the parts of its path, its query, its body, its version of the API."""

    engine: FakeEngine
    request: Request
    parts: Mapping[str, str]
    queries: Mapping[str, list[str]] = field(factory=dict)
    version: str = "1.41"

    @property
    def query(self) -> dict[str, str]:
        """The query's first values."""
        return {name: values[0] for name, values in self.queries.items()}

    def flag(self, name: str) -> bool:
        """Return a query's flag."""
        return bool_value(self.query.get(name))

    def number(self, name: str, *, status: int = 400, required: bool = False) -> int:
        """Return a query's number, 0 where it may be missing; raise Invalid with this status for what is none."""
        text = self.query.get(name, "")
        try:
            return parse_int(text, "Atoi") if text or required else 0
        except Invalid as error:
            raise Invalid(error.message, status=status) from error

    def filters(self, *accepted: str, status: int = 500) -> Filters:
        """Return the query's filters. Raises Invalid, with this status where they are no JSON.

        Without names that are accepted any will do.
        """
        try:
            filters = Filters.parse(self.query.get("filters"))
        except Invalid as error:
            raise Invalid(error.message, status=status) from error
        if accepted:
            filters.require_known(accepted)
        return filters

    @property
    def container(self) -> Container:
        """The container that the path names. Raises NotFound."""
        return self.engine.containers.find(self.parts["name"])

    async def document(self, *, status: int = 400, required: bool = True) -> dict[str, Any]:
        """Read the body as a JSON object. Raises Invalid in the engine's words, with this status where it is none."""
        kind = self.request.headers.get("content-type").partition(";")[0].strip()
        data = await read_whole(self.request.body)
        if not data and not kind and not required:
            return {}
        if kind != "application/json" and (data or kind):
            raise Invalid(f"Content-Type specified ({kind}) must be 'application/json'")
        if not data:
            raise Invalid("EOF", status=status)
        text = data.decode(errors="replace")
        try:
            document = json.loads(text)
        except ValueError:
            try:
                Filters.parse(text)  # which knows how Go puts it
            except Invalid as error:
                raise Invalid(error.message, status=status) from error
            raise
        if document is not None and not isinstance(document, dict):
            kind = {list: "array", str: "string", bool: "bool"}.get(type(document), "number")
            name = "runconfig.ContainerConfigWrapper" if self.request.target.count("create") else "types.ExecConfig"
            raise Invalid(f"json: cannot unmarshal {kind} into Go value of type {name}", status=status)
        return document or {}


Operation = Callable[[Call], Awaitable[Response]]


@frozen
class Route:
    """A method and a path, and what is done. `{name}` may have slashes in it, as in the engine."""

    method: str
    path: str
    operation: Operation
    pattern: re.Pattern[str] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>.+)", self.path)
        object.__setattr__(self, "pattern", re.compile(pattern))


def make_router(engine: FakeEngine, routes: Iterable[Route]) -> Handler:
    """Make the handler that answers by the table. Errors are answered as the engine answers them."""
    table = tuple(routes)

    async def handle(request: Request) -> Response:
        route = _find(table, request)
        if route is None:
            return error_reply(NotFound("page not found"))
        try:
            response = await _answer(engine, *route, request)
        except SwarmError as error:
            response = error_reply(error)
        if version_problem(engine, route[2]):
            fields = [field for field in common_headers(engine) if field[0] != "Docker-Experimental"]
            return evolve(response, headers=Headers((*fields, *response.headers)))
        if response.raw:
            return response
        return evolve(response, headers=Headers((*common_headers(engine), *response.headers)))

    return handle


def _find(table: Iterable[Route], request: Request) -> tuple[Route, re.Match[str], str] | None:
    """Return the route of a request, its path's parts, and the version asked for, if any."""
    path, version = urlsplit(request.target).path, ""
    if match := _VERSION.fullmatch(path):
        version, path = match.groups()
    for route in table:
        found = route.pattern.fullmatch(path) if route.method == request.method else None
        if found is not None:
            return route, found, version
    return None


async def _answer(engine: FakeEngine, route: Route, found: re.Match[str], version: str, request: Request) -> Response:
    problem = version_problem(engine, version)
    if problem == "new":
        raise Invalid(f"client version {version} is too new. Maximum supported API version is {engine.newest_api}")
    if problem == "old":
        return _too_old(engine, version)
    parts = {name: unquote(value) for name, value in found.groupdict().items()}
    queries = parse_qs(urlsplit(request.target).query, keep_blank_values=True)
    version = version or engine.newest_api
    return in_version(version, route.path, await route.operation(Call(engine, request, parts, queries, version)))


def version_problem(engine: FakeEngine, version: str) -> str:
    """Tell whether a version asked for is too "old" or too "new"; empty where there is no problem."""
    if not version:
        return ""
    key = version_key(version)
    return "new" if key > version_key(engine.newest_api) else "old" if key < version_key(engine.oldest_api) else ""


def _too_old(engine: FakeEngine, version: str) -> Response:
    """Refuse an old client, who gets plain text because it knows no better."""
    text = f"client version {version} is too old. Minimum supported API version is {engine.oldest_api}, "
    text += "please upgrade your client to a newer version\n"
    kinds = (("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff"))
    return Response(400, Headers(kinds), text.encode())
