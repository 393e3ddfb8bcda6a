"""The first bytes of a connection: what each peer says of itself, and the version that both speak (sections 1, 3)."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from ..errors import Unimplemented
from .codec import decode, encode
from .frames import Type, frame
from .limits import LEAST_FRAME, Limits, limits_of
from .violations import Violation

PREFACE = b"SWMKIT\r\n"
VERSIONS = (1, 1)
"""The lowest and the highest version that is spoken here."""

MAX_AGENT = 256
"""Bytes of UTF-8; with them a HELLO fits the smallest frame."""


@frozen
class Hello:
    """What a peer says of itself. ValueError for an agent that is too long."""

    agent: str
    root: bool
    limits: Limits
    versions: tuple[int, int] = VERSIONS
    features: tuple[str, ...] = field(default=())

    def __attrs_post_init__(self) -> None:
        if len(self.agent.encode()) > MAX_AGENT:
            raise ValueError(f"an agent has {MAX_AGENT} bytes at most: {self.agent[:40]}…")


def encode_greeting(hello: Hello) -> bytes:
    """Make the first bytes of a connection: the preface and the HELLO."""
    said = {
        "versions": list(hello.versions),
        "agent": hello.agent,
        "root": hello.root,
        "features": list(hello.features),
        "limits": hello.limits.as_map(),
    }
    return PREFACE + frame(Type.HELLO, 0, encode(said, Limits()))


def decode_hello(payload: bytes) -> Hello:
    """Read the payload of a HELLO; raise `Violation` for what is none."""
    if len(payload) > LEAST_FRAME:
        raise Violation(f"a HELLO of {len(payload)} bytes, where {LEAST_FRAME} are taken")
    match decode(payload, Limits()):
        case {
            "versions": [lowest, highest],
            "agent": str() as agent,
            "root": bool() as root,
            "features": list() as features,
            "limits": dict() as limits,
        } if _is_range(lowest, highest) and all(isinstance(feature, str) for feature in features):
            return _checked(agent, root, limits_of(limits), (lowest, highest), tuple(features))
    raise Violation("a HELLO that does not say versions, agent, root, features and limits")


def _is_range(lowest: Any, highest: Any) -> bool:
    return type(lowest) is int and type(highest) is int and 0 < lowest <= highest


def _checked(agent: str, root: bool, limits: Limits, versions: tuple[int, int], features: Any) -> Hello:
    try:
        return Hello(agent, root, limits, versions, features)
    except ValueError as error:
        raise Violation(str(error)) from None


def agree(ours: Hello, theirs: Hello) -> int:
    """Return the version to be spoken; raise `Unimplemented` where there is none."""
    version = min(ours.versions[1], theirs.versions[1])
    if version < max(ours.versions[0], theirs.versions[0]):
        spoken, theirs_spoken = ("{} to {}".format(*hello.versions) for hello in (ours, theirs))
        raise Unimplemented(f"no common version: {ours.agent} speaks {spoken}, {theirs.agent} {theirs_spoken}")
    return version
