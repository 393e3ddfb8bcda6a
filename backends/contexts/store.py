"""What the docker command keeps of its contexts: read from its folder, and never written.

    contexts/meta/ID/meta.json             {"Name": …, "Endpoints": {"docker": {"Host": …, "SkipTLSVerify": …}}}
    contexts/tls/ID/docker/{ca,cert,key}.pem

where ID is the SHA-256 of the name, in hexadecimal. One more context, `default`, is what the environment says.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Hashable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from attrs import field, frozen

from swarmkit.errors import Invalid
from swarmkit.rows import Missing
from swarmkit.source import mark_of

DEFAULT = "default"
"""The context that is always there; no other may be called so."""

STANDARD_SOCKET = "unix:///var/run/docker.sock"


@frozen
class Context:
    """One context: its name, its engine's address, and the words that the part `docker` needs besides."""

    name: str
    address: str
    words: tuple[str, ...] = ()

    def stage(self, *, insecure: bool = False) -> str:
        """Return the text of the stage that connects to it; `insecure` allows plain TCP where there is no TLS."""
        plain = self.address.startswith("tcp://") and not self.words
        return shlex.join(["docker", self.address, *self.words, *(["--insecure"] if insecure and plain else [])])


@frozen
class Contents:
    """What the store holds, by the contexts' ids: contexts, and those that cannot be read, with the reason."""

    contexts: Mapping[str, Context] = field(factory=dict)
    broken: Mapping[str, Missing] = field(factory=dict)


@frozen
class Store:
    """The docker command's folder; `open_store` finds it."""

    folder: Path
    environment: Mapping[str, str]

    def look(self) -> Hashable:
        """Return what is another where a context has been made, changed or removed. Costs two stats for each."""
        try:
            return tuple((id, mark_of(self._meta(id)), mark_of(self._tls(id))) for id in self._ids())
        except OSError as error:
            return error.errno

    def read(self) -> Contents:
        """Read all contexts but the default one; raise `Invalid` where they cannot be listed.

        One that cannot be read hides no other.
        """
        contexts, broken = {}, {}
        try:
            ids = self._ids()
        except OSError as error:
            raise Invalid(f"the Docker contexts in {error.filename} cannot be listed: {error.strerror}") from error
        for id in ids:
            try:
                contexts[id] = self._read(id)
            except _BrokenError as error:
                broken[id] = Missing(error.name or id[:12], error.reason)
        return Contents(contexts, broken)

    def default(self) -> Context:
        """Return what the docker command uses without a context: `$DOCKER_HOST`, else the standard socket.

        With `$DOCKER_TLS_VERIFY` a TCP address means TLS, with the files that the part `docker` finds by itself.
        """
        address = self.environment.get("DOCKER_HOST") or STANDARD_SOCKET
        tls = bool(self.environment.get("DOCKER_TLS_VERIFY")) and address.startswith("tcp://")
        return Context(DEFAULT, address, ("--tlsverify",) if tls else ())

    def _meta(self, id: str) -> Path:
        return self.folder / "contexts" / "meta" / id / "meta.json"

    def _tls(self, id: str) -> Path:
        return self.folder / "contexts" / "tls" / id / "docker"

    def _ids(self) -> list[str]:
        try:
            return sorted(os.listdir(self.folder / "contexts" / "meta"))
        except FileNotFoundError:  # nobody has made a context yet
            return []

    def _read(self, id: str) -> Context:
        path = self._meta(id)
        try:
            meta = json.loads(path.read_bytes())
        except OSError as error:
            raise _BrokenError(f"{path} cannot be read: {error.strerror}") from error
        except (ValueError, RecursionError) as error:
            raise _BrokenError(f"{path} is not JSON: {error}") from error
        name = _at(meta, "Name")
        if not isinstance(name, str) or not name:
            raise _BrokenError(f"{path} has no name of a context in it")
        if name == DEFAULT:
            raise _BrokenError(f"{path} has the name {DEFAULT!r}, which is that of the environment's context", name)
        endpoint = _at(meta, "Endpoints", "docker")
        if not isinstance(endpoint, dict):
            raise _BrokenError("this context has no docker endpoint", name)
        host = endpoint.get("Host") or STANDARD_SOCKET
        return Context(name, str(host), self._tls_words(id, skip_verify=bool(endpoint.get("SkipTLSVerify"))))

    def _tls_words(self, id: str, *, skip_verify: bool) -> tuple[str, ...]:
        """Return what to say of TLS: the docker command uses it where there are files, or where it need not verify."""
        paths = {option: self._tls(id) / f"{option}.pem" for option in ("ca", "cert", "key")}
        files = [word for option, path in _existing(paths) for word in (_OPTIONS[option], str(path))]
        if not files and not skip_verify:
            return ()
        return ("--tls" if skip_verify else "--tlsverify", *files)


_OPTIONS = {"ca": "--cacert", "cert": "--cert", "key": "--key"}


class _BrokenError(Exception):
    """A context that cannot be used; its name where that is known."""

    def __init__(self, reason: str, name: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.name = name


def open_store(environment: Mapping[str, str]) -> Store:
    """Find the folder as the docker command does: `$DOCKER_CONFIG`, else `.docker` in the home directory."""
    folder = environment.get("DOCKER_CONFIG")
    return Store(Path(folder) if folder else Path.home() / ".docker", environment)


def id_of(name: str) -> str:
    """Return the id under which a context of this name is kept."""
    return sha256(name.encode()).hexdigest()


def _existing(paths: Mapping[str, Path]) -> Iterator[tuple[str, Path]]:
    return ((option, path) for option, path in paths.items() if path.exists())


def _at(document: Any, *keys: str) -> Any:
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document
