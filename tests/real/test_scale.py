"""A thousand containers on three engines: lists are answered without asking one of them, and are right."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import cycle, islice

import pytest
from attrs import frozen

from .cli import Cli, docker_binaries
from .engines import Engine
from .relay import Relay, relaying
from .swarm import Swarmd, over, serving
from .transcript import Transcript

CONTAINERS = 1000
_AT_ONCE = 24
"""Requests at once, eight for each engine: a thousand containers then take some twenty seconds on two processors."""

_WITHIN = 30.0
"""Seconds in which all that was made must be listed."""

_OWN = {"HEAD /_ping", "GET /_ping"}
"""What a host is asked of whether it lives, without anybody's asking."""

Task = tuple[Engine, str, str, dict[str, object]]


@frozen
class Thousand:
    """A virtual host of three engines, each behind a relay."""

    swarmd: Swarmd
    engines: list[Engine]
    relays: list[Relay]

    def asked(self) -> Counter[str]:
        """Return what the engines were asked so far, but for their life."""
        total = sum((relay.asked for relay in self.relays), Counter[str]())
        return Counter({request: count for request, count in total.items() if request not in _OWN})


def at_once(tasks: Iterable[Task]) -> None:
    """Send many requests, many at a time."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for _ in pool.map(lambda task: task[0].call(*task[1:]), tasks):
            pass


def _make(engines: list[Engine]) -> None:
    """Create a thousand containers, of which some run and some have ended; and networks, volumes and tags."""
    body: dict[str, object] = {"Image": "busybox", "Cmd": ["sleep", "1000"], "StopSignal": "SIGKILL"}
    names = [f"c{number:04}" for number in range(CONTAINERS)]
    owners = dict(zip(names, islice(cycle(engines), CONTAINERS), strict=True))
    at_once((owners[name], "POST", f"/containers/create?name={name}", body) for name in names)
    at_once((owners[name], "POST", f"/containers/{name}/start", {}) for name in names[::83])
    at_once((owners[name], "POST", f"/containers/{name}/kill", {}) for name in names[::249])
    for engine in engines:
        at_once((engine, "POST", "/volumes/create", {"Name": f"v{number}-{engine.name}"}) for number in range(20))
        at_once((engine, "POST", "/networks/create", {"Name": f"n{number}-{engine.name}"}) for number in range(3))
        at_once((engine, "POST", f"/images/busybox/tag?repo=i{number}&tag=latest", {}) for number in range(20))


def _remove(engines: list[Engine]) -> None:
    for engine in engines:
        rows = engine.call("GET", "/containers/json?all=1")
        at_once((engine, "DELETE", f"/containers/{row['Id']}?force=1&v=1", {}) for row in rows)
        engine.clean()


@pytest.fixture(scope="module")
def thousand(engines: list[Engine], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Thousand]:
    """Give a virtual host with a thousand containers, once what is on it has been listed."""
    _remove(engines)
    folder = tmp_path_factory.mktemp("thousand")
    with ExitStack() as stack:
        stack.callback(_remove, engines)
        relays = [stack.enter_context(relaying(folder / engine.name, engine.socket)) for engine in engines]
        stages = {engine.name: relay.stage for engine, relay in zip(engines, relays, strict=True)}
        swarmd = stack.enter_context(serving(folder / "swarm.sock", over(engines, **stages)))
        _make(engines)
        thousand = Thousand(swarmd, engines, relays)
        _wait_quiet(thousand)
        yield thousand


def _wait_quiet(thousand: Thousand) -> None:
    """Wait until what was made has been learnt: an engine is asked nothing for two seconds."""
    deadline, before = time.monotonic() + _WITHIN, Counter[str]()
    while (asked := thousand.asked()) != before:
        assert time.monotonic() < deadline, f"still asking: {asked - before}"
        before = asked
        time.sleep(2)


@pytest.fixture(params=docker_binaries())
def cli(request: pytest.FixtureRequest, thousand: Thousand) -> Iterator[Cli]:
    """Give a docker command on the virtual host."""
    cli = Cli(request.param, thousand.swarmd.url)
    yield cli
    cli.close()


def _lines(text: str) -> list[str]:
    """Return lines sorted, without what differs from one second to the next."""
    return sorted(Transcript().normalise(line) for line in text.splitlines())


def _of_engines(thousand: Thousand, *words: str) -> list[str]:
    """Return what the engines themselves list, each line followed by the engine's name."""
    told = [(engine.name, engine.docker(*words)) for engine in thousand.engines]
    return _lines("\n".join(f"{line} {name}" for name, text in told for line in text.splitlines()))


PS = "{{.Names}} {{.Image}} {{.Command}} {{.State}} {{.Status}} {{.Ports}} {{.Networks}}"


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (("ps", "--all", "--no-trunc"), CONTAINERS),
        (("ps", "--no-trunc"), 8),
        (("ps", "--all", "--no-trunc", "--filter", "status=created"), CONTAINERS - 13),
        (("ps", "--all", "--no-trunc", "--filter", "name=c01"), 100),
    ],
    ids=["all", "running", "created", "named"],
)
def test_containers_are_listed_without_asking(cli: Cli, thousand: Thousand, words: tuple[str, ...], count: int) -> None:
    """Names, states and hosts are those of the engines, which were asked nothing."""
    before = thousand.asked()
    shown = _lines(cli.quiet(*words, "--format", PS + ' {{.Label "swarmd.host"}}'))
    assert thousand.asked() - before == Counter()
    assert len(shown) == count
    assert shown == _of_engines(thousand, *words, "--format", PS)


def test_images_are_listed_without_asking(cli: Cli, thousand: Thousand) -> None:
    """One image on three hosts is one image, with the names that it has on an engine."""
    words = ("images", "--no-trunc", "--format", "{{.Repository}} {{.Tag}} {{.ID}} {{.CreatedAt}}")
    before = thousand.asked()
    shown = _lines(cli.quiet(*words))
    assert thousand.asked() - before == Counter()
    assert len(shown) == 21
    assert shown == _lines(thousand.engines[0].docker(*words))


@pytest.mark.parametrize(
    ("words", "form", "count"),
    [
        (("network", "ls", "--no-trunc", "--filter", "type=custom"), "{{.ID}} {{.Name}} {{.Driver}} {{.Scope}}", 9),
        (("volume", "ls"), "{{.Name}} {{.Driver}} {{.Scope}}", 60),
    ],
    ids=["networks", "volumes"],
)
def test_networks_and_volumes_are_listed_without_asking(
    cli: Cli, thousand: Thousand, words: tuple[str, ...], form: str, count: int
) -> None:
    """Those of all hosts, each with its own."""
    before = thousand.asked()
    shown = _lines(cli.quiet(*words, "--format", form + ' {{.Label "swarmd.host"}}'))
    assert thousand.asked() - before == Counter()
    assert len(shown) == count
    assert shown == _of_engines(thousand, *words, "--format", form)


def test_what_only_an_engine_knows_is_asked_of_the_owner(cli: Cli, thousand: Thousand) -> None:
    """The relays count: a container is inspected by one request, to its own engine."""
    before = thousand.asked()
    cli.quiet("inspect", "--type", "container", "c0500")
    assert list((thousand.asked() - before).values()) == [1]
