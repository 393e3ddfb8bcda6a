"""What `swarmd up` says of the hosts that it found."""

from __future__ import annotations

import re
from typing import Any

import pytest
import trio
from attrs import define, field

from swarmkit import Host, Listing, Message, Missing, Row, Unavailable, ack, open_pipeline
from swarmkit.commands.greeting import SETTLE_SECONDS, advice, greet, settled, table


def row(name: str, *, address: str = "unix:///e", lost: str | None = None, **document: Any) -> Row:
    """Make the row of a host as an aggregate has it."""
    state = "healthy" if lost is None else "unhealthy"
    return Row(name, ("nodes", name), document={"State": state, "Address": address, **document}, lost=lost)


UP = row("here", ServerVersion="28.2.2")
DOWN = row("web-1", address="ssh://web-1", lost="permission denied")


@define
class Front:
    """A front over hosts whose listings come one after the other; the last one stays."""

    listings: list[Listing | Exception]
    addresses: tuple[str, ...] = ("unix:///s",)
    hint: str = "docker -H unix:///s ps"
    asked: int = field(default=0)

    async def __call__(self, message: Message, /) -> Message:
        listing = self.listings[min(self.asked, len(self.listings) - 1)]
        self.asked += 1
        if isinstance(listing, Exception):
            raise listing
        return ack(listing.to_args())


def test_the_table_has_a_line_for_each_host() -> None:
    """Its name, its state and what it runs, then where it is, and why it does not answer."""
    assert table(Listing((UP, DOWN), (Missing("old", "its file cannot be read"),))) == [
        "HOST   STATE      ENGINE  ADDRESS",
        "here   healthy    28.2.2  unix:///e",
        "web-1  unhealthy  -       ssh://web-1: permission denied",
        "old    missing    -       its file cannot be read",
        "",
    ]
    assert table(Listing()) == []


def test_a_host_that_is_drained_says_so() -> None:
    """Beside its state: it takes no new containers."""
    _, *lines, _ = table(Listing((row("here", Availability="drain"), row("web", Availability="active"))))
    assert [re.split("  +", line)[1] for line in lines] == ["healthy, drained", "healthy"]


def test_a_host_that_answers_is_worth_a_try() -> None:
    """How many answer, the front's own hint, and how to make it the docker command's own."""
    assert advice(Listing((UP, DOWN)), ("tcp://127.0.0.1:1", "unix:///s"), "docker -H unix:///s ps") == [
        "1 of 2 hosts answers. Try:",
        "  docker -H unix:///s ps",
        "Or make it what `docker` means:",
        "  docker context create swarm --docker host=unix:///s && docker context use swarm",
    ]


def test_tcp_alone_is_no_context() -> None:
    """It may need files that are not known here."""
    assert advice(Listing((UP, UP)), ("tcp://h:2376",), "docker ps") == ["2 of 2 hosts answer. Try:", "  docker ps"]


@pytest.mark.parametrize(
    ("hosts", "why"),
    [
        (Listing(), "There is no host: no Docker context leads anywhere but to this very socket."),
        (
            Listing((row("default", lost="there is no such socket"),)),
            "There is no Docker context but the default one, and nothing answers there.",
        ),
        (Listing((DOWN, DOWN)), "None of these hosts answers yet; each is tried again by itself."),
    ],
)
def test_where_nothing_answers_the_way_out_is_told(hosts: Listing, why: str) -> None:
    """Why that is, and how to add a host while it runs."""
    first, *rest = advice(hosts, ("unix:///s",), "docker -H unix:///s ps")
    assert first == why
    assert rest[-1] == "  docker context create NAME --docker host=ssh://USER@HOST"


async def test_hosts_that_answer_are_not_waited_for(autojump_clock: trio.testing.MockClock) -> None:
    """It ends as soon as all answer and have said what they are, and no further ones were listed."""
    silent = Listing((UP, row("web-1")))
    front = Front([Listing(), Listing((DOWN,)), Listing((UP,)), Listing((UP, DOWN)), silent, Listing((UP, UP))])
    began = trio.current_time()
    assert await settled(Host(front)) == Listing((UP, UP))
    assert trio.current_time() - began < 1


@pytest.mark.parametrize("hosts", [Listing((UP, DOWN)), Listing()])
async def test_no_host_is_waited_for_for_long(hosts: Listing, autojump_clock: trio.testing.MockClock) -> None:
    """One that does not answer, or none at all, is told after a moment."""
    began = trio.current_time()
    assert await settled(Host(Front([hosts]))) == hosts
    assert trio.current_time() - began == pytest.approx(SETTLE_SECONDS, abs=0.2)


async def test_greeting_goes_to_standard_output(
    capsys: pytest.CaptureFixture[str], autojump_clock: trio.testing.MockClock
) -> None:
    """An empty line, the table, and what to try."""
    await greet(Front([Listing((UP,))]))
    lines = capsys.readouterr().out.splitlines()
    assert lines[:5] == ["", *table(Listing((UP,))), "1 of 1 hosts answers. Try:"]


async def test_hosts_that_cannot_be_listed_end_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """It is said, and serving goes on."""
    await greet(Front([Unavailable("it is let")]))
    assert capsys.readouterr().out == "The hosts cannot be listed: it is let\n"


async def test_the_rows_are_those_of_an_aggregate(autojump_clock: trio.testing.MockClock) -> None:
    """What an aggregate says of its hosts is what the table shows."""
    async with open_pipeline('aggregate "a=fake" "b=docker unix:///nowhere.sock"') as host:
        await trio.sleep(1)
        _, first, second, _ = table(await settled(host))
    assert first.split()[:2] == ["a", "healthy"]
    assert second.endswith("unix:///nowhere.sock: there is no such socket; is the engine running?")
