"""Real Docker engines to test on, each on a test machine of its own.

What a test can do to one: stop, kill, freeze and restart it, and cut its link. Nothing of the Docker that the machine
may have of its own is touched. The methods block (starting takes about two seconds): in a task of trio, call those that
start an engine with `trio.to_thread.run_sync`.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from swarmkit.transport import TlsFiles

from .image import NAME, busybox_archive
from .machine import NETWORK, Machine, only_child

PROGRAMS = {
    "dockerd": "docker.io",
    "docker-init": "docker.io",
    "ip": "iproute2",
    "iptables": "iptables",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "busybox": "busybox-static",
}
"""What the engines need, and the Debian package that brings it."""

_READY_WITHIN = 30.0  # seconds; about two on a quiet machine

_MEMORY = Path("/dev/shm")
_ROOM = 1 << 30  # bytes; a whole session needs some 100 MB
_PREFIX = "swarmd-test-"
"""How the names of control groups and storage begin; the process id of the tests follows."""

_PANIC = "http: panic serving"
"""What an engine logs when it has failed in the midst of an answer: what it had locked then, it never lets go.

One of 20.10 does so where a container is inspected that is being removed: it lists that for ever, and cannot remove it.
"""

_GOGC = "400"
"""How much an engine's heap may grow before it is swept: at Go's 100 a start costs a fifth more of the processor."""


def why_not() -> str | None:
    """Return why no engine can be started here, or None if one can."""
    if os.geteuid() != 0:
        return "real engines need root"
    missing = sorted({package for program, package in PROGRAMS.items() if shutil.which(program) is None})
    return f"real engines need the packages {', '.join(missing)}" if missing else None


class EngineError(Exception):
    """The engine answered a request of the tests with an error."""


class Engine:
    """One Docker engine; `name` is also the host name it reports.

    `issue` makes the files of TLS for its address: its TCP then has TLS, and requires a certificate.
    """

    def __init__(self, name: str, folder: Path, *, issue: Callable[[str], TlsFiles] | None = None) -> None:
        self.name = name
        self.folder = folder
        self.machine = Machine(name)
        self.tls = issue(self.machine.address) if issue is not None else None
        self.socket = folder / "docker.sock"
        self.log = folder / "dockerd.log"
        self._daemon: subprocess.Popen[bytes] | None = None
        self._began = 0
        """How long its log was when the daemon was started."""
        self._cgroup = f"{_PREFIX}{os.getpid()}-{name}"
        folder.mkdir(parents=True)
        self._data = _storage(f"{self._cgroup}-", folder)
        (folder / "daemon.json").write_text(json.dumps(self._settings()))

    def _settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = {
            "log-level": "warn",
            "cgroup-parent": f"/{self._cgroup}",
            "exec-opts": ["native.cgroupdriver=cgroupfs"],  # systemd's would refuse our parent
            "insecure-registries": [NETWORK],  # a registry of the tests has no TLS
        }
        if _major_version() < 23:
            # Else all engines of a machine share one id. Newer ones keep theirs in the data root.
            settings["deprecated-key-path"] = str(self.folder / "key.json")
        return settings

    @property
    def url(self) -> str:
        """The address of its Unix socket."""
        return f"unix://{self.socket}"

    @property
    def address(self) -> str:
        """Its IP address, where published ports are reached."""
        return self.machine.address

    @property
    def tcp(self) -> str:
        """The address of the API over TCP, in the clear or with TLS; its link can be cut."""
        return f"tcp://{self.address}:{2375 if self.tls is None else 2376}"

    @property
    def id_file(self) -> Path:
        """The file that holds the engine's id."""
        key = self.folder / "key.json"
        return key if key.exists() else self._data / "engine-id"

    @property
    def has_failed(self) -> bool:
        """Whether it has failed in the midst of an answer since it was started; `clean` restarts it then."""
        return _PANIC in self.log_since(self._began)

    def begin(self) -> None:
        """Start the daemon without waiting for it; its machine too, if it is off."""
        if not self.machine.is_open:
            self.machine.open()
        for file in ("docker.sock", "pid"):
            (self.folder / file).unlink(missing_ok=True)
        options = ["--config-file", str(self.folder / "daemon.json"), "--pidfile", str(self.folder / "pid")]
        # The machine's own /run: containerd's sockets there have short names, as they must.
        options += ["--data-root", str(self._data), "--exec-root", "/run/docker"]
        command = ["dockerd", *options, "--host", self.url, "--host", self.tcp, *self._tls_options()]
        with self.log.open("ab") as log:
            self._began = log.tell()
            self._daemon = subprocess.Popen(
                self.machine.inside(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "GOGC": _GOGC},
            )

    def _tls_options(self) -> list[str]:
        if self.tls is None:
            return ["--tls=false"]
        files = {"--tlscacert": self.tls.ca, "--tlscert": self.tls.cert, "--tlskey": self.tls.key}
        return ["--tlsverify", *(f"{option}={path}" for option, path in files.items())]

    def wait_ready(self) -> None:
        """Wait until it answers; raise EngineError with the end of its log if it ends or takes too long."""
        deadline = time.monotonic() + _READY_WITHIN
        while time.monotonic() < deadline and self._daemon is not None and self._daemon.poll() is None:
            with contextlib.suppress(OSError, EngineError):
                self.call("GET", "/_ping")
                return
            time.sleep(0.05)
        raise EngineError(f"engine {self.name} did not start:\n{self.log_since(0)[-4000:]}")

    def start(self) -> None:
        """Start it and wait until it answers; after `kill`, up to 10 s longer, until its containers have stopped."""
        self.begin()
        self.wait_ready()

    def kill(self) -> None:
        """End the daemon with SIGKILL; its containers run on. Idempotent."""
        if self._daemon is not None:
            self._signal(signal.SIGKILL)
            self._daemon.wait()

    def stop(self) -> None:
        """Switch its machine off, containers and all, at once. What it stored stays. Idempotent."""
        self.kill()
        self.machine.close()
        _remove_cgroups(self._cgroup)

    def restart(self) -> None:
        """Switch its machine off and on, and wait until the engine answers."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Hold the daemon with SIGSTOP: connections are accepted, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen daemon go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        """Send a signal to dockerd, the child of our `nsenter`, which ends and stops as its child does."""
        if self._daemon is not None and self._daemon.poll() is None:
            os.kill(only_child(self._daemon.pid), number)
            if number != signal.SIGSTOP:
                os.kill(self._daemon.pid, signal.SIGCONT)

    def cut(self) -> None:
        """Cut the link: TCP connections to it hang. The Unix socket does not go over it."""
        self.machine.cut()

    def mend(self) -> None:
        """Mend the link."""
        self.machine.mend()

    def remove(self) -> None:
        """Stop it and delete what it stored."""
        self.stop()
        shutil.rmtree(self._data)
        shutil.rmtree(self.folder)

    def docker(self, *words: str, stdin: bytes | None = None) -> str:
        """Run the docker command on it; return its standard output; raise EngineError if it fails."""
        done = subprocess.run(["docker", "--host", self.url, *words], input=stdin, capture_output=True, check=False)
        if done.returncode:
            raise EngineError(f"docker {' '.join(words)}: exit {done.returncode}: {done.stderr.decode().strip()}")
        return done.stdout.decode()

    def call(self, method: str, target: str, body: bytes | dict[str, Any] | None = None) -> Any:
        """Make one Engine API request; return its JSON, or its text; raise EngineError on a status of 400 or more."""
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        kind = "application/json" if isinstance(body, dict) else "application/x-tar"
        connection = _UnixConnection(self.socket)
        with contextlib.closing(connection):
            connection.request(method, target, data, {"Content-Type": kind} if data else {})
            response = connection.getresponse()
            text = response.read().decode()
        if response.status >= 400:
            raise EngineError(f"{self.name}: {method} {target}: {response.status} {text.strip()}")
        return json.loads(text) if response.headers.get_content_type() == "application/json" and text else text

    def load(self, archive: bytes) -> None:
        """Load images."""
        self.call("POST", "/images/load?quiet=1", archive)

    def clean(self) -> None:
        """Make it what it was when new: reachable, with one image and nothing else."""
        self._revive()
        for row in self.call("GET", "/containers/json?all=1"):
            with contextlib.suppress(EngineError):  # one with --rm may be going by itself
                self.call("DELETE", f"/containers/{row['Id']}?force=1&v=1")
        self._reset_images()
        for row in self.call("GET", "/volumes")["Volumes"] or []:
            self.call("DELETE", f"/volumes/{quote(row['Name'])}?force=1")
        for row in self.call("GET", "/networks"):
            if row["Name"] not in ("bridge", "host", "none"):
                self.call("DELETE", f"/networks/{row['Id']}")

    def _reset_images(self) -> None:
        rows = self.call("GET", "/images/json?all=1")
        if [row["RepoTags"] for row in rows] == [[NAME]]:
            return
        for row in rows:  # newest first, so children before their parents
            with contextlib.suppress(EngineError):  # a parent without a name goes with its last child
                self.call("DELETE", f"/images/{row['Id']}?force=1")
        self.load(busybox_archive())

    def _revive(self) -> None:
        if self._daemon is None or self._daemon.poll() is not None:
            self.start()
            return
        self.thaw()
        self.mend()
        if self.has_failed:
            self.restart()

    def log_since(self, offset: int) -> str:
        """Return what its daemon has logged after the first `offset` bytes."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as file:
            file.seek(offset)
            return file.read().decode(errors="replace")


def start_engines(
    names: Iterable[str], folder: Path, *, issue: Callable[[str], TlsFiles] | None = None
) -> list[Engine]:
    """Start several at once, each with the image `busybox:latest`; `issue`: see `Engine`."""
    _remove_what_the_dead_left()
    engines = [Engine(name, folder / name, issue=issue) for name in names]
    try:
        for engine in engines:
            engine.begin()
        archive = busybox_archive()
        for engine in engines:
            engine.wait_ready()
            engine.load(archive)
    except BaseException:
        remove_engines(engines)
        raise
    return engines


def remove_engines(engines: Iterable[Engine]) -> None:
    """Leave nothing of them."""
    for engine in engines:
        engine.remove()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _remove_cgroups(name: str) -> None:
    """Remove the control groups that containers killed with their engine leave behind, empty."""
    root = Path("/sys/fs/cgroup")
    for parent in [*root.glob(f"*/{name}"), root / name]:
        for folder in sorted(parent.glob("**/"), reverse=True):
            _remove_cgroup(folder)


def _storage(prefix: str, folder: Path) -> Path:
    """Make the folder for what an engine stores: in memory, where a start takes half the time, if there is room."""
    in_memory = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _ROOM
    return Path(tempfile.mkdtemp(prefix=prefix, dir=_MEMORY if in_memory else folder))


def _remove_what_the_dead_left() -> None:
    """Remove control groups and storage of test sessions that were killed: all else of these the kernel has removed."""
    for folder in Path("/sys/fs/cgroup").glob(f"*/{_PREFIX}*-*"):
        if _is_of_the_dead(folder):
            _remove_cgroups(folder.name)
    for folder in _MEMORY.glob(f"{_PREFIX}*-*"):
        if _is_of_the_dead(folder):
            shutil.rmtree(folder, ignore_errors=True)  # another session may be at it, too


def _is_of_the_dead(folder: Path) -> bool:
    return not Path("/proc", folder.name.removeprefix(_PREFIX).partition("-")[0]).exists()


def _remove_cgroup(folder: Path) -> None:
    for _ in range(100):  # killed processes leave it in their own time
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"{folder} is still in use")


def _major_version() -> int:
    text = subprocess.run(["dockerd", "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"version (\d+)", text)
    return int(found.group(1)) if found else 0
