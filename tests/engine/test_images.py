"""The list of images: which are meant by filters, and how a row is written in each version of the API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from swarmkit.engine.filters import Filters
from swarmkit.engine.images import ImageQuery, in_version, matches, select, ties
from swarmkit.engine.times import SECOND
from swarmkit.errors import Invalid, NotFound

NOW = 1_000_000 * SECOND

IMAGES: list[dict[str, Any]] = [
    {"Id": "sha256:aa", "Created": 9, "RepoTags": ["team/app:1", "app:2"], "RepoDigests": ["app@sha256:12"]},
    {"Id": "sha256:bb", "Created": 7, "RepoTags": ["<none>:<none>"], "RepoDigests": ["<none>@<none>"]},
    {"Id": "sha256:cc", "Created": 5, "RepoTags": ["base:1"], "RepoDigests": None, "Labels": {"tier": "low"}},
    {"Id": "sha256:dd", "Created": 5, "RepoTags": [], "RepoDigests": ["old@sha256:34"], "ParentId": "sha256:bb"},
]


def ids(filters: Mapping[str, list[str]], **more: Any) -> str:
    """Return the last letters of the ids that are chosen."""
    query = ImageQuery(Filters({key: tuple(values) for key, values in filters.items()}), {})
    return "".join(row["Id"][-1] for row in select(IMAGES, query, now=NOW, **more))


@pytest.mark.parametrize(
    ("filters", "chosen"),
    [
        ({}, "abcd"),
        ({"dangling": ["true"]}, "d"),
        ({"dangling": ["1", "true"]}, "d"),
        ({"dangling": ["false"]}, "acd"),
        ({"label": ["tier"]}, "c"),
        ({"label": ["tier=high"]}, ""),
        ({"label!": ["tier"]}, "abd"),
        ({"before": ["app:2"]}, "bcd"),
        ({"before": ["sha256:bb"]}, "cd"),
        ({"since": ["base:1"]}, "ab"),
        ({"since": ["base:1"], "before": ["app:2"]}, "b"),
        ({"until": ["7"]}, "bcd"),
        ({"until": ["999993s"]}, "bcd"),
        ({"reference": ["app"]}, "a"),
        ({"reference": ["*"]}, "acd"),
        ({"reference": ["old"]}, "d"),
        ({"node": ["x"]}, "abcd"),
    ],
)
def test_filters_choose_as_in_the_engine(filters: dict[str, list[str]], chosen: str) -> None:
    """An image with a digest only dangles and has a name; `dangling` leaves out what others are built on."""
    assert chosen == ids(filters)


def test_exact_times_decide_where_seconds_do_not() -> None:
    """Two of one second are neither before nor after one another unless more is known."""
    assert ids({"before": ["base:1"]}) == ""
    assert ids({"before": ["base:1"]}, created={"sha256:cc": 5 * SECOND + 2, "sha256:dd": 5 * SECOND + 1}) == "d"


def test_ties_are_of_the_second_of_a_cut() -> None:
    """Nothing needs to be asked where the cut is alone in its second."""
    assert ties(IMAGES, ImageQuery(Filters({"since": ("base:1",)}), {})) == ["sha256:cc", "sha256:dd"]
    assert ties(IMAGES, ImageQuery(Filters({"since": ("app:2",)}), {})) == []


def test_a_reference_leaves_the_names_that_it_is_for() -> None:
    """As in the engine, the others are not shown."""
    (row,) = select(IMAGES, ImageQuery(Filters({"reference": ("team/*",)}), {}), now=NOW)
    assert (row["RepoTags"], row["RepoDigests"]) == (["team/app:1"], [])


@pytest.mark.parametrize(
    ("filters", "kind", "message"),
    [
        ({"dangling": ["maybe"]}, Invalid, "Invalid filter 'dangling=[maybe]'"),
        ({"dangling": ["true", "false"]}, Invalid, "Invalid filter 'dangling=[true false]'"),
        ({"before": ["nosuch"]}, NotFound, "No such image: nosuch:latest"),
        ({"reference": ["[a"]}, Invalid, "syntax error in pattern"),
    ],
)
def test_what_makes_no_sense_is_refused(filters: dict[str, list[str]], kind: type[Exception], message: str) -> None:
    """In the engine's words."""
    with pytest.raises(kind, match=f"^{re.escape(message)}$"):
        ids(filters)


@pytest.mark.parametrize(
    ("pattern", "name", "found"),
    [
        ("busy*", "busybox:1", True),
        ("busybox", "busybox:1", True),
        ("*", "team/app:1", False),
        ("*/*", "team/app:1", True),
        ("?pp:1", "app:1", True),
        ("[a-c]pp", "app:1", True),
        ("[^a-c]pp", "app:1", False),
        ("[^x]pp", "app:1", True),
        (r"a\pp", "app:1", True),
        ("a.p", "app:1", False),
        ("APP", "app:1", False),
    ],
)
def test_patterns_are_those_of_paths(pattern: str, name: str, found: bool) -> None:
    """A star stops at a slash; the name counts with its tag, or without."""
    assert matches(name, [pattern]) is found


@pytest.mark.parametrize("pattern", ["[", "[]", "a\\", "[a"])
def test_a_pattern_that_breaks_off_is_refused(pattern: str) -> None:
    """Rather than matched with nothing."""
    with pytest.raises(Invalid, match="syntax error in pattern"):
        matches("app:1", [pattern])


def test_options_are_what_hosts_must_be_asked_for() -> None:
    """A flag that is off is none; `digests` is in every row."""
    query = ImageQuery.parse({"all": "1", "shared-size": "false", "digests": "1", "manifests": "true"})
    assert query.options == {"all": True, "manifests": True}


@pytest.mark.parametrize(("version", "references"), [("1.40", ("a", "b")), ("1.41", ("a",)), (None, ("a",))])
def test_the_parameter_filter_is_an_old_word_for_a_reference(version: str | None, references: tuple[str, ...]) -> None:
    """It went with API 1.41."""
    query = ImageQuery.parse({"filters": '{"reference":["a"]}', "filter": "b"}, version)
    assert query.filters.get("reference") == references


NONE = {"RepoTags": ["<none>:<none>"], "RepoDigests": ["<none>@<none>"]}
NEW = {"Id": "1", "Size": 3, "RepoTags": [], "RepoDigests": [], "Containers": 2, "Descriptor": {}}


@pytest.mark.parametrize(
    ("row", "version", "expected"),
    [
        (NEW, "1.41", {"Id": "1", "Size": 3, "VirtualSize": 3, "Containers": -1, **NONE}),
        (NEW, "1.43", {"Id": "1", "Size": 3, "VirtualSize": 3, "Containers": -1, "RepoTags": [], "RepoDigests": []}),
        (NEW, "1.47", {"Id": "1", "Size": 3, "Containers": -1, "RepoTags": [], "RepoDigests": []}),
        (NEW, "1.50", {**NEW, "Containers": -1}),
        (NEW, "1.51", NEW),
        ({**NONE, "VirtualSize": 3}, "1.52", {"RepoTags": [], "RepoDigests": []}),
        (
            {"RepoTags": ["a:1"], "RepoDigests": None, "VirtualSize": 3},
            "1.41",
            {"RepoTags": ["a:1"], "RepoDigests": None, "VirtualSize": 3, "Containers": -1},
        ),
    ],
)
def test_a_row_is_written_in_the_version_asked_for(row: dict[str, Any], version: str, expected: dict[str, Any]) -> None:
    """Whichever version its host answered in."""
    assert in_version(row, version) == expected
