"""The table of operations: each is found by its path, names may have several words, and the page tells the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from backends.dockerserver import OPERATIONS, Operation, Way
from backends.dockerserver.operations import find_route
from backends.dockerserver.table import operations_page

BY_NAME = {operation.name: operation for operation in OPERATIONS}


def path_of(operation: Operation, name: str) -> str:
    """Return the path with a name put in."""
    return re.sub(r"{\w+}", name, operation.path)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
@pytest.mark.parametrize("name", ["web", "a/web", "json", "a%2Fweb", "0123456789ab"])
def test_every_operation_routes_to_itself(operation: Operation, name: str) -> None:
    """The path of an operation, with whatever name in it, means this operation and names that."""
    route = find_route(operation.method, path_of(operation, name))
    assert route is not None
    assert (route.operation.name, route.name) == (operation.name, name if "{" in operation.path else "")


@pytest.mark.parametrize(
    ("method", "path", "operation", "name"),
    [
        ("GET", "/containers/json", "ContainerList", ""),
        ("GET", "/containers/json/json", "ContainerInspect", "json"),
        ("POST", "/containers/prune", "ContainerPrune", ""),
        ("POST", "/containers/prune/start", "ContainerStart", "prune"),
        ("POST", "/containers/a/prune/start", "ContainerStart", "a/prune"),
        ("GET", "/containers/logs/logs", "ContainerLogs", "logs"),
        ("GET", "/images/json", "ImageList", ""),
        ("GET", "/images/get", "ImageGetAll", ""),
        ("GET", "/images/get/get", "ImageGet", "get"),
        ("GET", "/images/registry:5000/team/app:1/json", "ImageInspect", "registry:5000/team/app:1"),
        ("DELETE", "/images/registry:5000/team/app:1", "ImageDelete", "registry:5000/team/app:1"),
        ("POST", "/images/json/tag", "ImageTag", "json"),
        ("GET", "/networks/a/net", "NetworkInspect", "a/net"),
        ("GET", "/networks/", "NetworkList", ""),
    ],
)
def test_names_that_look_like_words_of_the_api_are_names(method: str, path: str, operation: str, name: str) -> None:
    """What stands where a name does is one, whatever it is called."""
    route = find_route(method, path)
    assert route is not None
    assert (route.operation.name, route.name) == (operation, name)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/nosuch"), ("PUT", "/containers/json"), ("DELETE", "/_ping"), ("GET", "/containers//json")],
)
def test_what_is_not_in_the_table_has_no_route(method: str, path: str) -> None:
    """A path that is unknown, or not known with this method, means nothing."""
    assert find_route(method, path) is None


def test_names_are_unique() -> None:
    """An operation is in the table once."""
    assert len(BY_NAME) == len(OPERATIONS)


def test_raw_conversations_are_marked() -> None:
    """Those operations hijack the connection that do so on an engine."""
    assert {operation.name for operation in OPERATIONS if operation.hijack} == {
        *("ContainerAttach", "ContainerAttachWebsocket", "ExecStart", "Session", "Grpc"),
    }


@pytest.mark.parametrize("way", Way)
def test_every_way_is_used(way: Way) -> None:
    """There is no way that no operation takes."""
    assert any(operation.way is way for operation in OPERATIONS)


def test_the_page_is_what_is_generated() -> None:
    """docs/operations.md tells what the table says."""
    page = Path(__file__).parents[2] / "docs" / "operations.md"
    assert page.read_text() == operations_page()
