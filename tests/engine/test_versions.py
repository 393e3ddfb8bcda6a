from typing import Any

import pytest

from swarmkit.engine.versions import highest_version, lowest_version, merge_version, version_key
from swarmkit.errors import Unavailable

OLD: dict[str, Any] = {
    "Platform": {"Name": "Debian"},
    "Components": [{"Name": "Engine", "Version": "20.10.24+dfsg1", "Details": {}}],
    "Version": "20.10.24+dfsg1",
    "ApiVersion": "1.41",
    "MinAPIVersion": "1.12",
    "GitCommit": "5d6db84",
    "GoVersion": "go1.19.8",
    "Os": "linux",
    "Arch": "amd64",
    "KernelVersion": "6.1",
    "BuildTime": "2026-05-07T21:09:36.000000000+00:00",
}
NEW = {**OLD, "Version": "28.1.0", "ApiVersion": "1.49", "MinAPIVersion": "1.24", "Experimental": True}
MERGED = merge_version([("b", NEW), ("a", OLD), ("c", Unavailable("refused"))], version="0.1.0")


@pytest.mark.parametrize(
    ("version", "expected"), [("20.10.24+dfsg1", (20, 10, 24)), ("1.9", (1, 9)), ("29.0.0-rc.1", (29, 0, 0)), ("", ())]
)
def test_versions_are_ordered_by_their_numbers(version: str, expected: tuple[int, ...]) -> None:
    """Up to the first thing that is neither digit nor point."""
    assert expected == version_key(version)


def test_the_lowest_and_the_highest_version() -> None:
    """1.9 is lower than 1.41, and nothing is no version."""
    assert lowest_version(["1.41", "", "1.9"]) == "1.9"
    assert highest_version(["1.41", "", "1.9"]) == "1.41"
    assert lowest_version([]) == highest_version([""]) == ""


def test_the_version_is_the_oldest_engines() -> None:
    """With all that belongs to it."""
    assert {key: MERGED[key] for key in OLD if key not in ("Platform", "Components", "MinAPIVersion")} == {
        key: OLD[key] for key in OLD if key not in ("Platform", "Components", "MinAPIVersion")
    }


def test_the_api_is_what_all_hosts_have() -> None:
    """The lowest maximum and the highest minimum, unless it is set."""
    assert (MERGED["ApiVersion"], MERGED["MinAPIVersion"]) == ("1.41", "1.24")
    offered = merge_version([("a", OLD)], version="0.1.0", api_version="1.40", min_api_version="1.30")
    assert (offered["ApiVersion"], offered["MinAPIVersion"]) == ("1.40", "1.30")
    assert offered["Components"][0]["Details"]["ApiVersion"] == "1.40"


def test_the_engine_is_the_first_component() -> None:
    """The docker command looks for it; each detail is a text."""
    engine = MERGED["Components"][0]
    assert (engine["Name"], engine["Version"]) == ("Engine", "20.10.24+dfsg1")
    assert engine["Details"] == {
        "ApiVersion": "1.41",
        "Arch": "amd64",
        "BuildTime": "2026-05-07T21:09:36.000000000+00:00",
        "Experimental": "false",
        "GitCommit": "5d6db84",
        "GoVersion": "go1.19.8",
        "KernelVersion": "6.1",
        "MinAPIVersion": "1.24",
        "Os": "linux",
    }


def test_we_are_a_component() -> None:
    """Which says how many hosts there are."""
    assert MERGED["Components"][1] == {"Name": "swarmd", "Version": "0.1.0", "Details": {"Hosts": "2 of 3 up"}}
    assert MERGED["Platform"] == {"Name": "swarmd 0.1.0"}


def test_each_host_is_a_component() -> None:
    """One that did not answer says why."""
    hosts = [(component["Name"], component["Version"]) for component in MERGED["Components"][2:]]
    assert hosts == [("host b", "28.1.0"), ("host a", "20.10.24+dfsg1"), ("host c", "down")]
    assert MERGED["Components"][4]["Details"] == {"Reason": "refused"}


def test_where_no_host_answers_there_is_still_a_version() -> None:
    """With the fields that clients read."""
    merged = merge_version([("a", Unavailable("refused"))], version="0.1.0", api_version="1.41", min_api_version="1.24")
    assert (merged["Version"], merged["Os"], merged["ApiVersion"]) == ("", "", "1.41")
    assert merged["Components"][0]["Name"] == "Engine"
