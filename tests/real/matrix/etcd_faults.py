"""The faults of etcd: how each is made and ended, what is said of it, and what can be done meanwhile."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from attrs import define, frozen

from ..etcd import LOOPBACK, Etcd, EtcdCluster, Place
from ..relay import Relay, Spoil
from ..swarm import Swarmd
from . import rubbish
from .undisturbed import Bystanders

USER, PASSWORD, OTHER_PASSWORD = "swarm", "first", "second"

AT_ONCE = 2.0
"""Seconds in which a fault is shown that is noticed without waiting for anything."""

LOOKED = 14.0
"""Seconds in which one is shown that is found out beside the watch: 3 between two looks, 4 for an answer, and as much
again for the listing that is tried then; on a loaded machine."""

SLOW = 0.45
"""Seconds that a slow way takes, each way: a name is held in 0.8 or not at all."""


class TcpRelay(Relay):
    """A relay between two ports of loopback."""

    def __init__(self, port: int, to: int) -> None:
        self._ports = (port, to)
        super().__init__(Path(), Path())

    def _listening(self) -> socket.socket:
        return socket.create_server((LOOPBACK, self._ports[0]))

    def _connected(self) -> socket.socket | None:
        try:
            return socket.create_connection((LOOPBACK, self._ports[1]))
        except OSError:
            return None


@define
class Scene:
    """A swarmd over an etcd, in which engines one and two are registered; `relay` is between them, if there is one."""

    place: Place
    words: str
    password: Path
    swarm: Swarmd
    bystanders: Bystanders
    folder: Path
    relay: TcpRelay | None = None
    asks_who: bool = False
    """Whether etcd asks everybody who they are."""

    @property
    def cluster(self) -> EtcdCluster:
        """The etcd."""
        return self.place.cluster

    @property
    def through(self) -> TcpRelay:
        """The relay, where there is one."""
        assert self.relay is not None
        return self.relay

    @property
    def answering(self) -> Etcd:
        """A member of etcd that runs and is no leader, if there are several."""
        return next(member for member in reversed(self.cluster.members) if member.is_running)


STAYS = "; what was listed before stays, and it is tried again"
"""What is said behind each reason why etcd does not answer."""

Made = Callable[[Scene], AbstractContextManager[None]]
"""Makes a fault for the length of a block."""


@frozen(kw_only=True)
class EtcdFault:
    """One fault of etcd.

    `reason` matches, wholly, what is said of why etcd does not answer, within `shown` seconds; where it is empty
    nothing is, and who registers meanwhile is listed. `unheld` matches why a name is not held; where it is empty it is.
    """

    name: str
    made: Made
    members: int = 1
    reason: str = ""
    shown: float = AT_ONCE
    unheld: str = ""


@contextmanager
def killed(scene: Scene) -> Iterator[None]:
    """End etcd, and have its port be closed; start it again."""
    ports = scene.through._ports
    scene.place.member.kill()
    scene.through.close()
    try:
        yield
    finally:
        scene.place.member.start()
        scene.relay = TcpRelay(*ports)


@contextmanager
def frozen_etcd(scene: Scene) -> Iterator[None]:
    """Hold etcd with SIGSTOP."""
    scene.place.member.freeze()
    try:
        yield
    finally:
        scene.place.member.thaw()


def spoilt(spoil: Spoil) -> Made:
    """Return what makes the fault that what etcd answers is spoilt."""

    @contextmanager
    def made(scene: Scene) -> Iterator[None]:
        scene.through.spoil = spoil
        try:
            yield
        finally:
            scene.through.spoil = None

    return made


@contextmanager
def cut_and_compacted(scene: Scene) -> Iterator[None]:
    """End the watch and all that is asked; meanwhile etcd forgets what the watch had come to."""
    with spoilt(rubbish.nothing)(scene):
        scene.place.register("passing", "docker tcp://192.0.2.1:2375")  # of which the watch is told, and thereby ended
        scene.place.unregister("passing")
        scene.place.member.compact()
        yield


@contextmanager
def slow(scene: Scene) -> Iterator[None]:
    """Delay what goes to etcd and what comes from there."""
    scene.through.delay = SLOW
    try:
        yield
    finally:
        scene.through.delay = 0.0


@contextmanager
def password_changed(scene: Scene) -> Iterator[None]:
    """Have etcd ask who everybody is, and know us by another password than our file has; write that into the file."""
    member = scene.place.member
    member.enable_auth(USER, PASSWORD, f"{scene.place.prefix}/")
    scene.asks_who = True
    member.change_password(USER, OTHER_PASSWORD)
    try:
        yield
    finally:
        scene.password.write_text(OTHER_PASSWORD)


@contextmanager
def leader_killed(scene: Scene) -> Iterator[None]:
    """End the member that leads; start it again."""
    leader = scene.cluster.leader()
    leader.kill()
    try:
        yield
    finally:
        leader.start(scene.cluster.members)


@contextmanager
def quorum_lost(scene: Scene) -> Iterator[None]:
    """Leave one of three; start the others again."""
    scene.cluster.lose_quorum()
    try:
        yield
    finally:
        scene.cluster.heal()


_AT = r"http://127\.0\.0\.1:\d+"
_NOT_HELD = rf"etcd did not hold the name \S+ in 0\.8 s \({_AT}\)"
_NOT_ETCD = r"what it says is not etcd's: '<html>.*"
_REFUSED = f"etcd at {_AT} refuses auth/authenticate: etcdserver: authentication failed, invalid user ID or password"

ETCD_FAULTS = (
    EtcdFault(
        name="etcd killed", made=killed,
        reason=f"etcd cannot be reached at {_AT}: connection refused",
        unheld=f"{_AT}: connection refused",
    ),
    EtcdFault(
        name="etcd frozen", made=frozen_etcd, shown=LOOKED,
        reason=f"etcd at {_AT} gave no answer to kv/range: nothing for 4 s",
        unheld=_NOT_HELD,
    ),
    EtcdFault(
        name="cut off from etcd, which is compacted meanwhile", made=cut_and_compacted, shown=LOOKED,
        reason=f"etcd at {_AT} gave no answer to kv/range: it closed the connection",
        unheld=f"{_AT}: it closed the connection",
    ),
    EtcdFault(
        name="another server answers for etcd", made=spoilt(rubbish.another_server), shown=LOOKED,
        reason=f"etcd at {_AT} gave no answer to kv/range: {_NOT_ETCD}",
        unheld=f"{_AT}: {_NOT_ETCD}",
    ),
    EtcdFault(name="slow way to etcd", made=slow, unheld=_NOT_HELD),
    EtcdFault(
        name="password changed in etcd", made=password_changed, shown=LOOKED,
        reason=_REFUSED,
        unheld=_REFUSED,
    ),
    EtcdFault(name="leader of etcd killed", made=leader_killed, members=3),
    EtcdFault(
        name="quorum of etcd lost", made=quorum_lost, members=3, shown=LOOKED,
        reason="etcd gives no answer at any of its endpoints: .*(no leader|nothing for 4 s).*",
        unheld=_NOT_HELD,
    ),
)  # fmt: skip
"""In this order: the last one of an etcd of one has it ask who everybody is, from then on."""


def matches(pattern: str, text: str) -> bool:
    """Tell whether a whole text is as a fault says."""
    return re.fullmatch(pattern, text) is not None
