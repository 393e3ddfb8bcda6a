"""Plug-ins over several hosts: one list, and each is its host's."""

from __future__ import annotations

from typing import Any

import pytest

from swarmkit import Unavailable

from .scripted import Scripted, node, reply, serving


def plugin(name: str, id: str) -> dict[str, Any]:
    """Return a row of the list."""
    return {"Id": id, "Name": name, "Enabled": True}


def listing(**more: Any) -> Scripted:
    """Return hosts a and b: both have `log:latest`, b has `team/vol:latest` besides."""
    answers = {
        ("a", "GET /plugins"): [plugin("log:latest", "aa11")],
        ("b", "GET /plugins"): [plugin("log:latest", "bb22"), plugin("team/vol:latest", "cc33")],
    }
    return Scripted(answers=answers, **more)


async def test_the_list_is_of_all_hosts() -> None:
    """A name that several have is told with its host, and hosts that do not tell are named."""
    hosts = listing(nodes=[node("a"), node("b"), node("c", lost="gone")])
    async with serving(hosts) as client:
        answer = await client("GET", "/plugins?filters=%7B%7D")
        assert [row["Name"] for row in answer.json] == ["a/log:latest", "b/log:latest", "team/vol:latest"]
        assert answer.missing == "c: gone"
        assert sorted(hosts.requests()) == [
            "nodes/a GET /plugins?filters=%7B%7D",
            "nodes/b GET /plugins?filters=%7B%7D",
        ]


@pytest.mark.parametrize(
    ("reference", "sent"),
    [
        ("team/vol", "nodes/b GET /plugins/team/vol/json"),
        ("b/team/vol:latest", "nodes/b GET /plugins/team/vol:latest/json"),
        ("a/log", "nodes/a GET /plugins/log/json"),
        ("cc3", "nodes/b GET /plugins/cc33/json"),
    ],
)
async def test_one_plug_in_is_asked_of_its_host(reference: str, sent: str) -> None:
    """By name, with its host before it or not, and by the beginning of its id."""
    hosts = listing()
    for host, name in (("b", "team/vol"), ("b", "team/vol:latest"), ("a", "log"), ("b", "cc33")):
        hosts.answers[host, f"GET /plugins/{name}/json"] = reply(200, {"of": host})
    async with serving(hosts) as client:
        assert (await client("GET", f"/plugins/{reference}/json")).status == 200
        assert hosts.requests()[-1] == sent


async def test_a_plug_in_of_two_hosts_is_ambiguous() -> None:
    """The refusal says how each is called."""
    async with serving(listing()) as client:
        answer = await client("POST", "/plugins/log/enable?timeout=0")
        expected = 'plugin "log" is on several hosts: say which one is meant: a/log, b/log'
        assert (answer.status, answer.message) == (409, expected)


async def test_what_no_host_has_is_not_found() -> None:
    """In an engine's words; but where a host does not tell, nobody knows."""
    hosts = listing()
    async with serving(hosts) as client:
        answer = await client("DELETE", "/plugins/nosuch")
        assert (answer.status, answer.message) == (404, 'plugin "nosuch" not found')
        hosts.answers["b", "GET /plugins"] = Unavailable("broken")
        answer = await client("DELETE", "/plugins/nosuch")
        assert (answer.status, answer.message) == (
            503,
            'plugin "nosuch" not found on the hosts that answer; b: broken',
        )


async def test_one_host_alone_has_its_own_plug_ins() -> None:
    """Everything goes through untouched."""
    hosts = Scripted(nodes=[node("box", member="")], answers={("", "POST /plugins/x/enable"): reply(200, None)})
    async with serving(hosts) as client:
        assert (await client("POST", "/plugins/x/enable?timeout=3")).status == 200
        assert hosts.requests() == ["POST /plugins/x/enable?timeout=3"]
