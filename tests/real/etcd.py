"""Real etcd from Debian's package, on loopback: one member or several, that can be killed, frozen and locked up.

It speaks to etcd by its JSON gateway with the standard library, so that what is tested does not test itself.
"""

from __future__ import annotations

import base64
import itertools
import json
import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

from attrs import frozen

from swarmkit.transport import TlsFiles

PROGRAM = "etcd"
PACKAGE = "etcd-server"
READY_WITHIN = 20.0  # seconds
LOOPBACK = "127.0.0.1"

_serial = itertools.count(1)


def why_no_etcd() -> str | None:
    """Return why none can be started here, or None if one can."""
    return None if shutil.which(PROGRAM) else f"an etcd needs the package {PACKAGE}"


class EtcdError(Exception):
    """etcd answered with an error, or not at all."""


class Etcd:
    """One member, a process with its data in a folder. It is stopped, killed and started again with the same data."""

    def __init__(self, name: str, folder: Path, *, tls: TlsFiles | None = None) -> None:
        """Make one that has not been started. With `tls` clients must show a certificate of that CA."""
        folder.mkdir(parents=True)
        self.name = name
        self.folder = folder
        self.log = folder / "log"
        self.tls = tls
        self.host = f"{LOOPBACK}:{free_port()}"
        self.peer_url = f"http://{LOOPBACK}:{free_port()}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where clients are served."""
        return f"{'https' if self.tls else 'http'}://{self.host}"

    @property
    def pid(self) -> int:
        """The process, which must be running."""
        assert self._process is not None, f"{self.name} is not running"
        return self._process.pid

    # -- its life -------------------------------------------------------------------------------------------------

    def start(self, cluster: Sequence[Etcd] = (), *, wait: bool = True) -> None:
        """Start it as a member of a cluster, by default of itself alone; wait until it answers."""
        assert self._process is None, f"{self.name} is running"
        with self.log.open("ab") as log:
            command = [PROGRAM, *self._options(cluster or (self,))]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        if wait:
            self.wait_ready()

    def _options(self, cluster: Sequence[Etcd]) -> list[str]:
        options = {
            "name": self.name,
            "data-dir": str(self.folder / "data"),
            "listen-client-urls": self.url,
            "advertise-client-urls": self.url,
            "listen-peer-urls": self.peer_url,
            "initial-advertise-peer-urls": self.peer_url,
            "initial-cluster": ",".join(f"{each.name}={each.peer_url}" for each in cluster),
            "logger": "zap",
        }
        if self.tls is not None:
            options |= {"cert-file": str(self.tls.cert), "key-file": str(self.tls.key)}
            options |= {"trusted-ca-file": str(self.tls.ca)}
        words = [f"--{key}={value}" for key, value in options.items()]
        return [*words, "--unsafe-no-fsync", *(["--client-cert-auth"] if self.tls else [])]

    def wait_ready(self) -> None:
        """Wait until it answers and has a leader."""
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline:
            with suppress(EtcdError):
                if self.leader():
                    return
            if self._process is not None and self._process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError(f"{self.name} does not answer:\n{self.log.read_text()[-2000:]}")

    def stop(self) -> None:
        """End it with SIGTERM. Idempotent."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it with SIGKILL. Idempotent."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(number)
            process.send_signal(signal.SIGCONT)
            process.wait()

    def freeze(self) -> None:
        """Stop it in its tracks: its connections stay, and nothing is answered."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on. Idempotent."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None, f"{self.name} is not running"
        self._process.send_signal(number)

    @property
    def is_running(self) -> bool:
        """Whether it has been started and not ended, be it frozen."""
        return self._process is not None

    # -- what is asked of it --------------------------------------------------------------------------------------

    def ask(self, path: str, body: dict[str, Any] | None = None, *, token: str = "", within: float = 5.0) -> Any:
        """Send a request to the gateway and return its JSON; raise `EtcdError` where there is none."""
        headers = {"Content-Type": "application/json", **({"Authorization": token} if token else {})}
        request = urllib.request.Request(f"{self.url}/v3/{path}", json.dumps(body or {}).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=within, context=self._context()) as reply:
                return json.loads(reply.read())
        except urllib.error.HTTPError as error:
            with error:
                raise EtcdError(error.read().decode("utf-8", "replace")) from error
        except (OSError, HTTPException) as error:
            raise EtcdError(str(error)) from error

    def _context(self) -> ssl.SSLContext | None:
        return None if self.tls is None else self.tls.client_context()

    def put(self, key: str, value: str | bytes, *, lease: str = "0", token: str = "") -> None:
        """Put a key."""
        self.ask("kv/put", {"key": encoded(key), "value": encoded(value), "lease": lease}, token=token)

    def get(self, key: str, *, token: str = "") -> bytes | None:
        """Return a key's value, None where there is none."""
        found = self.ask("kv/range", {"key": encoded(key)}, token=token).get("kvs", ())
        return base64.b64decode(found[0].get("value", "")) if found else None

    def keys(self, prefix: str) -> list[str]:
        """Return the keys that begin with a prefix, sorted."""
        found = self.ask("kv/range", {**_all_from(prefix), "keys_only": True}).get("kvs", ())
        return [base64.b64decode(each["key"]).decode() for each in found]

    def delete(self, key: str, *, token: str = "") -> None:
        """Delete a key; one that is not there is fine."""
        self.ask("kv/deleterange", {"key": encoded(key)}, token=token)

    def clear(self, prefix: str) -> None:
        """Delete all keys that begin with a prefix."""
        self.ask("kv/deleterange", _all_from(prefix))

    def grant(self, ttl: int) -> str:
        """Get a lease."""
        return str(self.ask("lease/grant", {"TTL": ttl})["ID"])

    def leases(self) -> list[str]:
        """Return the leases that there are."""
        return sorted(lease["ID"] for lease in self.ask("lease/leases").get("leases", ()))

    def revoke(self, lease: str) -> None:
        """End a lease, as if its time were over."""
        self.ask("lease/revoke", {"ID": lease})

    def revision(self) -> int:
        """Return the store's revision."""
        return int(self.ask("kv/range", {"key": encoded("x")})["header"]["revision"])

    def compact(self) -> None:
        """Forget all that was before the present revision."""
        self.ask("kv/compaction", {"revision": str(self.revision()), "physical": True})

    def leader(self) -> str | None:
        """Return the id of the leader that it knows of, None without one."""
        said = self.ask("maintenance/status", within=1.0)
        leader = said.get("leader", "0")
        return None if leader == "0" else str(leader)

    def is_leader(self) -> bool:
        """Tell whether it leads."""
        said = self.ask("maintenance/status", within=1.0)
        return bool(said.get("leader") == said["header"]["member_id"])

    # -- who may ------------------------------------------------------------------------------------------------

    def enable_auth(self, user: str, password: str, prefix: str, *, root: str = "root-password") -> None:
        """Have etcd ask who everybody is, and let one user do everything under a prefix; "root" may do all."""
        self.ask("auth/user/add", {"name": "root", "password": root})
        self.ask("auth/role/add", {"name": "root"})
        self.ask("auth/user/grant", {"user": "root", "role": "root"})
        self.ask("auth/user/add", {"name": user, "password": password})
        self.ask("auth/role/add", {"name": f"of-{user}"})
        permission = {"permType": "READWRITE", **_all_from(prefix)}
        self.ask("auth/role/grant", {"name": f"of-{user}", "perm": permission})
        self.ask("auth/user/grant", {"user": user, "role": f"of-{user}"})
        self.ask("auth/enable")

    def token(self, user: str = "root", password: str = "root-password") -> str:
        """Exchange a password for a token."""
        return str(self.ask("auth/authenticate", {"name": user, "password": password})["token"])

    def change_password(self, user: str, password: str) -> None:
        """Give a user another password; tokens that were had with the old one are not taken any more."""
        self.ask("auth/user/changepw", {"name": user, "password": password}, token=self.token())

    def disable_auth(self) -> None:
        """Have etcd ask nobody any more."""
        self.ask("auth/disable", token=self.token())


class EtcdCluster:
    """Several members that are one etcd."""

    def __init__(self, size: int, folder: Path, *, tls: TlsFiles | None = None) -> None:
        self.members = [Etcd(f"etcd-{number}", folder / f"etcd-{number}", tls=tls) for number in range(1, size + 1)]

    @property
    def urls(self) -> str:
        """All endpoints, as the part `etcd` takes them."""
        return ",".join(member.url for member in self.members)

    def start(self) -> None:
        """Start all that are not running, and wait until all have a leader."""
        for member in self.members:
            if not member.is_running:
                member.start(self.members, wait=False)
        for member in self.members:
            member.wait_ready()

    def heal(self) -> None:
        """Have all running, thawed and with a leader."""
        for member in self.members:
            if member.is_running:
                member.thaw()
        self.start()

    def stop(self) -> None:
        """End all. They are killed: nothing is to be kept, and one that has lost the others is slow to stop."""
        for member in self.members:
            member.kill()

    def leader(self) -> Etcd:
        """Return the member that leads."""
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline:
            for member in self.members:
                with suppress(EtcdError):
                    if member.is_running and member.is_leader():
                        return member
            time.sleep(0.05)
        raise RuntimeError("no member leads")

    def followers(self) -> list[Etcd]:
        """Return the others."""
        leader = self.leader()
        return [member for member in self.members if member is not leader]

    def lose_quorum(self) -> Etcd:
        """Kill all but one, a follower; return that one."""
        survivor = self.followers()[0]
        for member in self.members:
            if member is not survivor:
                member.kill()
        return survivor


@frozen(eq=False)
class Place:
    """A prefix in an etcd that nobody else uses, with what a test does there from outside."""

    cluster: EtcdCluster
    prefix: str

    @property
    def address(self) -> str:
        """All endpoints and the prefix, as the part `etcd` takes them."""
        return f"{self.cluster.urls}/{self.prefix}"

    @property
    def member(self) -> Etcd:
        """The first member, which is the only one of an etcd of one."""
        return self.cluster.members[0]

    def register(
        self, name: str, address: str, labels: Mapping[str, str] | None = None, *, lease: str = "0", token: str = ""
    ) -> None:
        """Put a member's entry, or another in its place."""
        self.member.put(f"{self.prefix}/members/{name}", entry_of(name, address, labels), lease=lease, token=token)

    def unregister(self, name: str) -> None:
        """Delete a member's entry."""
        self.member.delete(f"{self.prefix}/members/{name}")

    def keys(self) -> list[str]:
        """Return the keys that there are, without the prefix."""
        return [key.removeprefix(f"{self.prefix}/") for key in self.member.keys(f"{self.prefix}/")]


@contextmanager
def fresh_place(cluster: EtcdCluster) -> Iterator[Place]:
    """Give a fresh prefix in an etcd that is well and has no lease; after the block it is well again, and empty."""
    cluster.heal()
    place = Place(cluster, f"test-{next(_serial)}")
    for lease in place.member.leases():
        with suppress(EtcdError):  # it has just ended by itself
            place.member.revoke(lease)
    try:
        yield place
    finally:
        cluster.heal()
        place.member.clear(f"{place.prefix}/")


def entry_of(name: str, address: str, labels: Mapping[str, str] | None = None) -> bytes:
    """Return what is registered of a member."""
    return json.dumps({"name": name, "address": address, "labels": dict(labels or {}), "version": 1}).encode()


@contextmanager
def serving_etcd(size: int, folder: Path, *, tls: TlsFiles | None = None) -> Iterator[EtcdCluster]:
    """Have an etcd of so many members for the length of a block."""
    cluster = EtcdCluster(size, folder, tls=tls)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def encoded(text: str | bytes) -> str:
    """Return a key or a value as the gateway takes it."""
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def _all_from(prefix: str) -> dict[str, str]:
    return {"key": encoded(prefix), "range_end": encoded(prefix[:-1] + chr(ord(prefix[-1]) + 1))}


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
