"""The faults that take a host down: how each is made and ended, what is said of it, and what becomes of streams."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from attrs import frozen

from ..engines import Engine
from ..relay import Relay, Spoil
from ..ssh_hosts import SshHost
from . import rubbish

AT_ONCE = 2.0
"""Seconds in which a fault is shown that is noticed without waiting for a ping to be late."""

PINGED = 12.0
"""Seconds in which one is shown that only a late ping tells: 1 of pause, 2 for the ping, and a reserve."""

SSH_NOTICES = 25.0
"""Seconds in which ssh gives up a connection on which nothing comes: 15, and a reserve."""

UNIX, TCP, RELAY, SSH = "unix", "tcp", "relay", "ssh"
"""How swarmd reaches the host with the fault. A relay counts what is asked of it, and can spoil what it answers."""


@frozen
class Victim:
    """The host that has the fault, and what is on the way to it."""

    engine: Engine
    stage: str
    relay: Relay | None = None
    ssh: SshHost | None = None


Made = Callable[[Victim], AbstractContextManager[None]]
"""Makes a fault for the length of a block."""


@frozen(kw_only=True)
class Fault:
    """One fault.

    `reason` matches, wholly, what is said of why the host is down. `shown` is the number of seconds until that is seen.
    Streams to the host end, with an error, within `streams_end` seconds; where that is None they go on when it is over.
    `container` is how the status of the host's container begins then.
    """

    name: str
    way: str
    made: Made
    reason: str
    shown: float = AT_ONCE
    streams_end: float | None = AT_ONCE
    container: str = "Up"


@contextmanager
def killed(victim: Victim) -> Iterator[None]:
    """End the engine; start it again."""
    victim.engine.kill()
    try:
        yield
    finally:
        victim.engine.start()


@contextmanager
def restarted(victim: Victim) -> Iterator[None]:
    """Have the engine end in order, and start it again."""
    engine = victim.engine
    subprocess.run(engine.machine.inside(["kill", (engine.folder / "pid").read_text()]), check=True)
    while engine.socket.exists():
        time.sleep(0.02)
    engine.kill()  # no more than waits for it
    try:
        yield
    finally:
        engine.start()


@contextmanager
def frozen_engine(victim: Victim) -> Iterator[None]:
    """Hold the engine with SIGSTOP."""
    victim.engine.freeze()
    try:
        yield
    finally:
        victim.engine.thaw()


@contextmanager
def cut(victim: Victim) -> Iterator[None]:
    """Lose every packet."""
    victim.engine.cut()
    try:
        yield
    finally:
        victim.engine.mend()


def spoilt(spoil: Spoil) -> Made:
    """Return what makes the fault that a relay spoils answers."""

    @contextmanager
    def made(victim: Victim) -> Iterator[None]:
        assert victim.relay is not None
        victim.relay.spoil = spoil
        if spoil is rubbish.nothing:
            victim.relay.drop()
        try:
            yield
        finally:
            victim.relay.spoil = None

    return made


@contextmanager
def sshd_killed(victim: Victim) -> Iterator[None]:
    """End the sshd and all its connections; start it again."""
    assert victim.ssh is not None
    victim.ssh.sshd.kill()
    try:
        yield
    finally:
        victim.ssh.start()


@contextmanager
def sshd_frozen(victim: Victim) -> Iterator[None]:
    """Hold the sshd with SIGSTOP."""
    assert victim.ssh is not None
    victim.ssh.sshd.freeze()
    try:
        yield
    finally:
        victim.ssh.sshd.thaw()


NO_PONG = "no answer to a ping in 2 s"
UNREADABLE = "what it has cannot be read: "

FAULTS = (
    Fault(
        name="engine killed", way=UNIX, made=killed, container="Exited",
        reason="connection refused|.*[Cc]onnection reset by peer|.*[Bb]roken pipe",  # as it dies in the midst of a ping
    ),
    Fault(
        name="engine frozen", way=RELAY, made=frozen_engine, shown=PINGED, streams_end=None,
        reason=NO_PONG,
    ),
    Fault(
        name="link cut", way=TCP, made=cut, shown=PINGED, streams_end=None,
        reason=NO_PONG,
    ),
    Fault(
        name="connections end without an answer", way=RELAY, made=spoilt(rubbish.nothing),
        reason="it closed the connection without an answer",
    ),
    Fault(
        name="another server answers", way=RELAY, made=spoilt(rubbish.another_server), streams_end=None,
        reason=r"it does not answer as a Docker Engine does \(no Api-Version\)",
    ),
    Fault(
        name="documents end in mid-body", way=RELAY, made=spoilt(rubbish.half_documents), streams_end=None,
        reason=f"{UNREADABLE}it broke off its answer to GET /.*: the connection ended within a body",
    ),
    Fault(
        name="documents say something else", way=RELAY, made=spoilt(rubbish.other_documents), streams_end=None,
        reason=f"{UNREADABLE}host one (answered with what is not a list of containers: .*|ended its event stream)",
    ),
    Fault(
        name="documents do not end", way=RELAY, made=spoilt(rubbish.endless_documents), streams_end=None,
        shown=PINGED,
        reason=f"{UNREADABLE}host one (does not end its answer: .*|sent an event of more than 1048576 bytes)",
    ),
    Fault(
        name="sshd killed", way=SSH, made=sshd_killed,
        reason="the ssh connection to .* was lost: the host closed it.*|.* refused.*",
    ),
    Fault(
        name="sshd frozen", way=SSH, made=sshd_frozen, shown=PINGED, streams_end=SSH_NOTICES,
        reason=f"{NO_PONG}|the ssh connection to .* was lost: it does not answer any more.*|still connecting.*",
    ),
    Fault(
        name="engine behind ssh restarted", way=SSH, made=restarted, container="Exited",
        reason=".*(nothing listens there|there is no socket .*); is the engine running.*",
    ),
    Fault(
        name="link of ssh cut", way=SSH, made=cut, shown=PINGED, streams_end=None,
        reason=NO_PONG,
    ),
)  # fmt: skip
"""The engine is called `one`."""
