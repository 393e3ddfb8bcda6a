"""The part `hosts`: a file that is followed, and whose hosts stay while it is wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from backends.hosts import HostsStage
from swarmkit import Invalid, Listing, Message, Registry, Service, Unavailable, Verb, open_pipeline, parse_pipeline
from swarmkit.aggregate import Aggregate
from swarmkit.channel import Receiver
from swarmkit.parts import aggregate_of
from swarmkit.pipeline import parse_stage
from swarmkit.placement import Candidate
from swarmkit.testing.expect import eventually, subscribe

SOON = 1.1
"""Seconds in which a change of the file is taken up."""


def text_of(**hosts: str) -> str:
    """Return the text of a file of hosts, by name and lines."""
    return "\n".join(f'[[host]]\nname = "{name}"\n{lines}\n' for name, lines in hosts.items())


def write(path: Path, **hosts: str) -> None:
    """Write a file of hosts as an editor does: another file in its place."""
    new = path.with_suffix(".new")
    new.write_text(text_of(**hosts))
    new.replace(path)


def overwrite(path: Path, text: str) -> None:
    """Write another text into the file itself."""
    path.write_text(text)


def text_in(path: Path) -> str:
    """Read a file."""
    return path.read_text()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a file with one host, in memory."""
    path = tmp_path / "hosts.toml"
    write(path, a='stage = "fake"')
    return path


async def listing(service: Service, *path: str) -> Listing:
    """List what a service has."""
    return Listing.of(await service(Message(Verb.LS, path)))


def waiting(channel: Receiver) -> list[tuple[object, ...]]:
    """Return the kinds and names of what waits in a watch."""
    return [(each.get("kind"), *each.path) for each in iter(channel.receive_nowait, None)]


async def test_the_file_is_followed(path: Path, autojump_clock: MockClock) -> None:
    """What is added, changed and removed is told, within a second or so, and what stays is not mentioned."""
    async with HostsStage(str(path)).open(None) as service, await subscribe(service) as channel:
        assert waiting(channel) == [("have", "a"), ("synced",)]
        write(path, a='stage = "fake"', b='stage = "fake"')
        await trio.sleep(SOON)
        assert waiting(channel) == [("put", "b")]
        write(path, a='stage = "fake"\nlabels = { zone = "x" }', b='stage = "fake"')
        await trio.sleep(SOON)
        assert waiting(channel) == [("put", "a")]
        write(path, b='stage = "fake"')
        await trio.sleep(SOON)
        assert waiting(channel) == [("gone", "a")]


async def test_a_file_that_turns_bad_changes_nothing(
    path: Path, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Its hosts stay, the reason is named and logged once, until it is mended."""
    async with HostsStage(str(path)).open(None) as service:
        overwrite(path, "[[host]\n")
        await trio.sleep(5 * SOON)
        found = await listing(service)
        reason = f"{path}:1: Expected ']]' at the end of an array declaration; what was listed before stays"
        assert [row.name for row in found] == ["a"]
        assert [(gap.member, gap.reason) for gap in found.missing] == [("hosts", reason)]
        assert caplog.messages == [f"hosts: {reason}"]
        os.unlink(path)
        await trio.sleep(SOON)
        found = await listing(service)
        assert ([row.name for row in found], "No such file" in found.missing[0].reason) == (["a"], True)
        write(path, b='stage = "fake"')
        await trio.sleep(SOON)
        found = await listing(service)
        assert ([row.name for row in found], found.missing) == (["b"], ())


async def test_what_is_written_in_two_steps_is_read_whole(path: Path, autojump_clock: MockClock) -> None:
    """An editor that empties the file before it writes it does not make its hosts leave."""
    async with HostsStage(str(path)).open(None) as service, await subscribe(service) as channel:
        await trio.sleep(SOON)
        waiting(channel)
        overwrite(path, "")
        await trio.sleep(0.3)
        overwrite(path, text_of(a='stage = "fake"', b='stage = "fake"'))
        await trio.sleep(SOON)
        assert waiting(channel) == [("put", "b")]


@pytest.mark.parametrize("text", [None, "[[host]]\n"])
async def test_a_file_that_is_wrong_at_first_is_an_error(tmp_path: Path, text: str | None) -> None:
    """Opening fails, be it with an aggregate around, and names the file."""
    path = tmp_path / "hosts.toml"
    if text is not None:
        overwrite(path, text)
    with pytest.raises(Invalid, match=f"{path}: "):
        async with open_pipeline(f"aggregate 'hosts {path}'"):
            pass  # pragma: no cover


def test_it_prints_as_it_is_written() -> None:
    """Its text makes it again."""
    assert str(parse_stage("hosts 'my hosts.toml'", Registry())) == "hosts 'my hosts.toml'"


# -- as one host ----------------------------------------------------------------------------------------------------


async def test_aggregate_of_a_file(path: Path, autojump_clock: MockClock) -> None:
    """Its hosts are members; one whose stage has not changed is not opened again, and keeps its containers."""
    write(path, a='stage = "fake"', b='stage = "dokcer"')
    async with parse_pipeline(f"aggregate 'hosts {path}'").open() as whole:
        await trio.testing.wait_all_tasks_blocked()
        assert {row.name: row.lost is None for row in await listing(whole, "nodes")} == {"a": True, "b": False}
        await whole(Message(Verb.SPAWN, ("containers",), {"spec": {"Image": "busybox"}, "name": "a/web"}))
        write(path, a='stage = "fake"\nlabels = { zone = "x" }')
        await trio.sleep(SOON)
        (node,) = await listing(whole, "nodes")
        assert (node.name, node.document["Labels"]) == ("a", {"zone": "x"})
        assert [row.qualified for row in await listing(whole, "containers")] == ["a/web"]


async def test_a_policy_places_by_the_labels_of_a_file(path: Path, autojump_clock: MockClock) -> None:
    """What the file says of a host is what placement sees."""
    write(path, a='stage = "fake"', b='stage = "fake"\nlabels = { disk = "ssd" }')

    def on_ssd(spec: object, candidates: object) -> list[Candidate]:
        assert isinstance(candidates, list)
        return [each for each in candidates if each.hosts[0].document["Labels"].get("disk") == "ssd"]

    async with aggregate_of({}, HostsStage(str(path)), policy=on_ssd).open(None) as whole:
        await trio.testing.wait_all_tasks_blocked()
        reply = await whole(Message(Verb.SPAWN, ("containers",), {"spec": {"Image": "busybox"}, "name": "web"}))
        assert reply.path[:2] == ("nodes", "b")


async def test_a_host_that_is_what_is_served_is_down(tmp_path: Path, path: Path) -> None:
    """An address of the front itself is shown with the reason; it does not ask itself."""
    served = f"unix://{tmp_path}/s.sock"
    write(path, mine=f'address = "{served}"', other=f'address = "unix://{tmp_path}/none.sock"')
    async with parse_pipeline([f"dockerserver {served}", f"aggregate 'hosts {path}'"]).open() as whole:

        async def reasons() -> dict[str, str]:
            return {row.name: str(row.lost) for row in await listing(whole, "nodes")}

        found = await eventually(reasons, lambda reasons: "no such socket" in reasons.get("other", ""), "other is down")
    assert found["mine"].startswith(f"it would be its own host: {served} is served and connected to")


async def test_a_file_and_a_member_share_a_name_one_after_the_other(path: Path, autojump_clock: MockClock) -> None:
    """What is written out goes first; two files with the same host do no harm either."""
    async with parse_pipeline(f"aggregate a=fake 'hosts {path}' 'hosts {path}'").open() as whole:
        assert isinstance(whole, Aggregate)
        await trio.sleep(SOON)
        assert [row.name for row in await listing(whole, "nodes")] == ["a"]


# -- drained ------------------------------------------------------------------------------------------------------


async def test_a_host_is_drained_in_the_file(path: Path, autojump_clock: MockClock) -> None:
    """SET has the file say so, which is told at once and once; what the file says by itself counts as much."""
    async with HostsStage(str(path)).open(None) as service, await subscribe(service) as channel:
        waiting(channel)
        await service(Message(Verb.SET, ("a",), {"drained": True}))
        assert text_in(path) == text_of(a='stage = "fake"').replace("[[host]]", "[[host]]\ndrained = true")
        assert [row.document.get("Availability") for row in await listing(service)] == ["drain"]
        await trio.sleep(SOON)
        assert waiting(channel) == [("put", "a")]
        write(path, a='stage = "fake"')
        await trio.sleep(SOON)
        assert [row.document.get("Availability") for row in await listing(service)] == [None]


async def test_a_host_of_a_file_is_drained_where_it_runs(path: Path, autojump_clock: MockClock) -> None:
    """It stays open, keeps its containers, and takes no more."""
    async with parse_pipeline(f"aggregate 'hosts {path}'").open() as whole:
        await trio.testing.wait_all_tasks_blocked()
        spawn = Message(Verb.SPAWN, ("containers",), {"spec": {"Image": "busybox"}})
        await whole(spawn)
        write(path, a='stage = "fake"\ndrained = true')
        await trio.sleep(SOON)
        with pytest.raises(Unavailable, match="a: is drained"):
            await whole(spawn)
        assert len(await listing(whole, "containers")) == 1
