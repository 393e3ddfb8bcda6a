"""An Engine API request, and the head that it is sent with: its version, its framing. Pure data, no I/O."""

from __future__ import annotations

import trio
from attrs import evolve, field, frozen

from swarmkit.engine.bridging import bridged
from swarmkit.errors import Invalid
from swarmkit.http import Headers, RequestHead

Version = tuple[int, int]

NEWEST_API: Version = (1, 56)
"""The newest version of the Engine API that an engine is asked for where the client names none."""

_SAFE = frozenset({"GET", "HEAD"})


@frozen(kw_only=True)
class EngineRequest:
    """One Engine API request. `target` begins with a slash and has no version in it.

    The body is `body`, or comes from `upload`; after an upgrade `upload` is the raw input instead. `raw` asks for a raw
    conversation, with `upgrade` as the protocol to name (none: as clients did before there were upgrades).
    `length` is the upload's, where it is known.
    """

    method: str
    target: str
    headers: Headers = field(factory=Headers)
    body: bytes = b""
    upload: trio.abc.ReceiveStream | None = None
    length: int | None = None
    raw: bool = False
    upgrade: str = ""
    version: str | None = None

    @property
    def safe(self) -> bool:
        """Whether it changes nothing, so that sending it twice does no harm."""
        return self.method in _SAFE

    def __str__(self) -> str:
        """Return method and path; what a query holds may be long, or a secret."""
        return f"{self.method} {self.target.partition('?')[0]}"


@frozen
class VersionRange:
    """The versions of the Engine API that an engine has, as far as they are known."""

    oldest: Version | None = None
    newest: Version | None = None

    def choose(self, asked: str | None) -> Version | None:
        """Return the version asked for, moved into the range; without one the newest. None: leave it to the engine.

        Raises `Invalid` for what is no version.
        """
        version = parse_version(asked) if asked else self.newest and min(self.newest, NEWEST_API)
        if version is None:
            return None
        if self.newest is not None:
            version = min(version, self.newest)
        return version if self.oldest is None else max(version, self.oldest)


def request_head(request: EngineRequest, versions: VersionRange) -> RequestHead:
    """Return the head to send; the length of a body at hand is left to the connection."""
    headers = request.headers.plus(("Host", "docker"))
    if request.upgrade:
        headers = headers.plus(("Connection", "Upgrade"), ("Upgrade", request.upgrade))
    if request.upload is not None and not request.raw:
        chunked = ("Transfer-Encoding", "chunked")
        headers = headers.plus(chunked if request.length is None else ("Content-Length", str(request.length)))
    elif not request.body and request.method in ("POST", "PUT"):
        headers = headers.plus(("Content-Length", "0"))
    version = versions.choose(request.version)
    prefix = "/v{}.{}".format(*version) if version else ""
    return RequestHead(request.method, prefix + request.target, headers)


def bridge(request: EngineRequest, versions: VersionRange, host: str) -> EngineRequest:
    """Return the request as an engine of these versions understands it, where it has not the one that is asked for.

    Raises `Unimplemented` for what it cannot do. A body that is uploaded goes as it is.
    """
    chosen = versions.choose(request.version) if request.version else None
    if request.version is None or chosen is None or chosen == parse_version(request.version):
        return request
    target, body = bridged(
        request.target,
        request.method,
        request.body,
        asked=request.version,
        chosen="{}.{}".format(*chosen),
        host=host,
    )
    return evolve(request, target=target, body=body)


def parse_version(text: str) -> Version:
    """Read "1.41"; raise `Invalid` for anything else."""
    major, _, minor = text.partition(".")
    if not (major.isdigit() and minor.isdigit()):
        raise Invalid(f"not a version of the Engine API: {text!r} (it is two numbers, such as 1.41)")
    return int(major), int(minor)
