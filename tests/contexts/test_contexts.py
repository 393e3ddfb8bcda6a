"""The part `contexts`: which contexts are members, under which names, and what is told of those that are not."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from swarmkit import Invalid, Listing, Message, Registry, Row, Service, Stage, Verb, open_pipeline, parse_pipeline
from swarmkit.pipeline import parse_stage
from swarmkit.testing.expect import eventually

from .commands import DockerConfig, certificates

OURS = "unix:///run/swarmd.sock"


def stage_of(words: str = "contexts") -> Stage:
    """Parse the stage."""
    return parse_stage(words, Registry())


@asynccontextmanager
async def opened(words: str = "contexts", *avoided: str) -> AsyncIterator[Service]:
    """Open the source, told to leave out some addresses."""
    async with stage_of(words).avoiding(frozenset(avoided)).open(None) as service:
        yield service


async def listing(service: Service) -> Listing:
    """List what a source has."""
    return Listing.of(await service(Message(Verb.LS)))


async def rows_of(words: str = "contexts", *avoided: str) -> dict[str, Row]:
    """Return what the source lists at its opening, by name."""
    async with opened(words, *avoided) as service:
        return {row.name: row for row in await listing(service)}


# -- which there are ----------------------------------------------------------------------------------------------


async def test_every_context_is_a_member(config: DockerConfig) -> None:
    """Members are called as their contexts, the default one first."""
    config.create("web-1", "host=unix:///run/web.sock")
    config.create("db-1", "host=unix:///run/db.sock")
    rows = await rows_of()
    assert {name: row.document["Stage"] for name, row in rows.items()} == {
        "default": "docker unix:///var/run/docker.sock",
        "db-1": "docker unix:///run/db.sock",
        "web-1": "docker unix:///run/web.sock",
    }
    assert (list(rows), {row.lost for row in rows.values()}) == (["default", "db-1", "web-1"], {None})


async def test_named_contexts_only(config: DockerConfig) -> None:
    """With names these alone are listed, and what is wrong with others is not mentioned."""
    config.create("web-1", "host=unix:///run/web.sock")
    config.create("db-1", "host=unix:///run/db.sock")
    config.write("odd", "{")
    async with opened("contexts db-1 default") as service:
        found = await listing(service)
    assert ([row.name for row in found], found.missing) == (["default", "db-1"], ())


async def test_a_name_that_no_context_has_is_refused(config: DockerConfig) -> None:
    """Opening names what there is."""
    config.create("web-1", "host=unix:///run/web.sock")
    text = rf"there is no Docker context called 'wbe' or 'x y' in {config.folder}; there are default, web-1"
    with pytest.raises(Invalid, match=text):
        await rows_of("contexts wbe web-1 'x y'")


async def test_a_broken_context_is_missing(config: DockerConfig, caplog: pytest.LogCaptureFixture) -> None:
    """It is named in the listing, though it be asked for by name, and logged once; the others are listed."""
    config.create("web-1", "host=unix:///run/web.sock")
    config.write("odd", {"Name": "odd", "Endpoints": {}})
    async with opened("contexts odd web-1") as service:
        found = await listing(service)
    assert [row.name for row in found] == ["web-1"]
    assert [(gap.member, gap.reason) for gap in found.missing] == [("odd", "this context has no docker endpoint")]
    assert caplog.messages == ["odd: this context has no docker endpoint"]


# -- what they are called -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("context", "host"),
    [("web+1", "web-1"), ("swarm", "context-swarm"), ("v1.41", "context-v1.41"), ("_", "context-_")],
)
async def test_a_name_that_no_host_can_have_is_changed(
    config: DockerConfig, caplog: pytest.LogCaptureFixture, context: str, host: str
) -> None:
    """What a host's name cannot have becomes a dash, a word of the API is told from it; the log says so."""
    config.write(context, {"Name": context, "Endpoints": {"docker": {"Host": "unix:///run/x.sock"}}})
    with caplog.at_level(logging.INFO):
        assert host in await rows_of()
    assert f"the host of the context {context!r}, which no host can be called, is {host!r}" in caplog.messages


async def test_of_two_that_would_be_called_the_same_one_is_missing(config: DockerConfig) -> None:
    """Who keeps its name goes first."""
    config.create("web-1", "host=unix:///run/a.sock")
    config.create("web+1", "host=unix:///run/b.sock")
    async with opened() as service:
        found = await listing(service)
    assert {row.name: row.document["Stage"] for row in found}["web-1"] == "docker unix:///run/a.sock"
    assert [(gap.member, gap.reason) for gap in found.missing] == [
        ("web+1", "another context's host is called 'web-1' already")
    ]


# -- which cannot be used, or need not ------------------------------------------------------------------------------


async def test_plain_tcp_to_another_machine_is_shown_as_refused(config: DockerConfig) -> None:
    """Such a context is a member that is down, and says what to do; with --insecure it is one that is up."""
    config.create("far", "host=tcp://192.0.2.1:2375")
    row = (await rows_of())["far"]
    assert row.lost is not None
    assert row.lost.startswith("tcp://192.0.2.1:2375: plain TCP to another machine is refused")
    assert row.lost.endswith("(for all contexts: contexts --insecure)")
    row = (await rows_of("contexts --insecure"))["far"]
    assert (row.lost, row.document["Stage"]) == (None, "docker tcp://192.0.2.1:2375 --insecure")


async def test_an_address_that_is_none_here_is_shown_as_down(config: DockerConfig) -> None:
    """What no part understands, as of another system, is a member with the reason."""
    config.write("win", {"Name": "win", "Endpoints": {"docker": {"Host": "npipe:////./pipe/docker_engine"}}})
    assert "not an engine's address: 'npipe:////./pipe/docker_engine'" in str((await rows_of())["win"].lost)


async def test_what_is_served_here_is_left_out(config: DockerConfig, caplog: pytest.LogCaptureFixture) -> None:
    """A context at the pipeline's own address is no member, be it asked for by name, nor is a DOCKER_HOST set to it."""
    config.create("mine", f"host={OURS}")
    with caplog.at_level(logging.INFO):
        assert "mine" not in await rows_of("contexts", OURS)
        assert await rows_of("contexts mine", OURS) == {}
    assert "the context 'mine' is left out: it is what is served here" in caplog.messages
    assert "mine" in await rows_of("contexts", "unix:///run/other.sock")


async def test_docker_host_set_to_what_is_served_is_left_out(
    config: DockerConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The default context is then nobody's; the others are listed."""
    config.create("web-1", "host=unix:///run/web.sock")
    monkeypatch.setenv("DOCKER_HOST", OURS)
    assert list(await rows_of("contexts", OURS)) == ["web-1"]


async def test_one_host_is_listed_once(config: DockerConfig, caplog: pytest.LogCaptureFixture) -> None:
    """Of contexts that say the same one is a member, the default one before others; the log says so."""
    config.create("local", "host=unix:///var/run/docker.sock")
    config.create("aa", "host=unix:///run/x.sock")
    config.create("bb", "host=unix:///run/x.sock")
    with caplog.at_level(logging.INFO):
        assert list(await rows_of()) == ["default", "aa"]
    assert "the context 'local' is left out: it is the same host as 'default'" in caplog.messages
    assert list(await rows_of("contexts bb local")) == ["bb", "local"]


def test_it_prints_as_it_is_written() -> None:
    """Its text makes it again."""
    for text in ("contexts", "contexts a 'b c' --insecure"):
        assert (str(stage_of(text)), stage_of(str(stage_of(text)))) == (text, stage_of(text))


# -- while it runs --------------------------------------------------------------------------------------------------


async def test_contexts_are_followed(config: DockerConfig, autojump_clock: MockClock) -> None:
    """What the docker command makes and removes is listed, and is no more, within a second or so."""
    async with opened() as service:
        config.create("web-1", "host=unix:///run/web.sock")
        await trio.sleep(1.1)
        assert [row.name for row in await listing(service)] == ["default", "web-1"]
        config.remove("web-1")
        await trio.sleep(1.1)
        assert [row.name for row in await listing(service)] == ["default"]


async def test_what_cannot_be_read_for_a_while_stays(config: DockerConfig, autojump_clock: MockClock) -> None:
    """A context, or all, that turn unreadable stay as they were, named as missing until mended."""
    config.create("web-1", "host=unix:///run/web.sock")
    folder, aside = config.folder / "contexts" / "meta", config.folder / "aside"
    text = config.meta("web-1").read_text()
    async with opened() as service:
        names = [row.name for row in await listing(service)]
        config.write("web-1", text[:20])
        await trio.sleep(1.1)
        found = await listing(service)
        assert ([row.name for row in found], len(found.missing)) == (names, 1)
        folder.rename(aside)
        folder.write_text("")
        await trio.sleep(1.1)
        found = await listing(service)
        assert ([row.name for row in found], [gap.member for gap in found.missing]) == (names, ["contexts"])
        folder.unlink()
        aside.rename(folder)
        config.write("web-1", text)
        await trio.sleep(1.1)
        found = await listing(service)
        assert ([row.name for row in found], found.missing) == (names, ())


# -- as one host ----------------------------------------------------------------------------------------------------


async def test_aggregate_of_contexts(config: DockerConfig, tmp_path: Path) -> None:
    """All contexts as one host: those there are, those made later, and none that is the pipeline itself."""
    served, one, two = (f"unix://{tmp_path}/{name}.sock" for name in ("swarm", "one", "two"))
    config.create("one", f"host={one}")
    config.create("mine", f"host={served}")
    async with (
        open_pipeline(f"dockerserver {one} | fake"),
        open_pipeline(f"dockerserver {two} | fake"),
        parse_pipeline([f"dockerserver {served}", "aggregate contexts"]).open() as service,
    ):

        async def hosts() -> dict[str, bool]:
            nodes = Listing.of(await service(Message(Verb.LS, ("nodes",))))
            return {row.name: row.lost is None for row in nodes}

        await eventually(hosts, lambda hosts: hosts.get("one", False), "the host one is up")
        assert "mine" not in await hosts()
        config.create("two", f"host={two}")
        await eventually(hosts, lambda hosts: hosts.get("two", False), "the host two is up")
        spec = {"Image": "busybox"}
        reply = await service(Message(Verb.SPAWN, ("containers",), {"spec": spec, "name": "two/web"}))
        assert reply.path[:2] == ("nodes", "two")
        config.remove("two")
        await eventually(hosts, lambda hosts: "two" not in hosts, "the host two has left")


async def test_a_context_with_tls_is_reached(config: DockerConfig, tmp_path: Path) -> None:
    """The files that the docker command has copied into its store are those that the connection is made with."""
    files = certificates(tmp_path, "127.0.0.1")
    words = f"--tlsverify --cacert {files['ca']} --cert {files['cert']} --key {files['key']}"
    async with parse_pipeline(f"dockerserver tcp://127.0.0.1:0 {words} | fake").open() as front:
        address = getattr(front, "addresses", ("",))[0]
        config.create("safe", ",".join([f"host={address}", *(f"{part}={path}" for part, path in files.items())]))
        for path in files.values():
            os.unlink(path)
        async with open_pipeline("aggregate 'contexts safe'") as host:

            async def lost() -> list[str | None]:
                return [row.lost for row in await host.ls("nodes")]

            await eventually(lost, lambda lost: lost == [None], "the host of the context is up")
