"""A message in one line for a person, without what must not be seen. Pure: it never fails on odd values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .message import Message

HIDDEN = "***"

_SECRET = frozenset(
    {
        *("authorization", "proxy-authorization", "x-registry-auth", "x-registry-config", "cookie", "set-cookie"),
        *("auth", "password", "token", "secret", "identitytoken", "registrytoken"),
    }
)
"""Headers and arguments whose values are credentials."""

_SECRET_QUERY = frozenset({"buildargs", "remote", "fromsrc"})
"""Query parameters that at times hold credentials (build arguments, URLs with a password in them)."""

_LONGEST = 120
"""Characters of a text that are shown."""


def line_of(message: Message) -> str:
    """Return a message in one line: verb, path, arguments in brief, and the ends it carries.

    Documents are shown by their size: they hold environments, which hold secrets. Bytes are shown by their length.
    """
    words = [message.verb.name, "/".join(map(str, message.path)) or "."]
    words += [_argument(str(name), value) for name, value in message.args.items()]
    words += [f"+{end}" for end in ("ret", "att") if getattr(message, end) is not None]
    return " ".join(words)


def _argument(name: str, value: Any) -> str:
    if name.lower() in _SECRET:
        return f"{name}={HIDDEN}"
    if name == "headers":
        return f"headers={_headers(value)}"
    if name == "target":
        return f"target={_target(str(value))}"
    if isinstance(value, Mapping) and name in _FACES:
        return f"{name}={_face(value, _FACES[name])}"
    return f"{name}={_brief(value)}"


_FACES = {
    "spec": ("Image", "name", "Name"),
    "row": ("name", "id", "member", "lost"),
    "event": ("Type", "Action", "status", "id"),
    "io": ("stdin", "stdout", "stderr", "logs"),
}
"""Arguments of which a few fields are worth a look, and are safe to show."""


def _face(value: Mapping[Any, Any], fields: Sequence[str]) -> str:
    shown = [f"{field}={_brief(value[field])}" for field in fields if value.get(field) not in (None, "", False)]
    return "{" + " ".join(shown) + "}"


def _brief(value: Any) -> str:
    match value:
        case None | bool() | int() | float():
            return str(value)
        case str():
            text = value if len(value) <= _LONGEST else f"{value[:_LONGEST]}…"
            return text if text and text.isprintable() and " " not in text else repr(text)
        case bytes() | bytearray() | memoryview():
            return f"<{len(value)} bytes>"
        case Mapping():
            return f"{{{len(value)}}}"
        case Sequence():
            return f"[{len(value)}]"
    return type(value).__name__


def _headers(value: Any) -> str:
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        return _brief(value)
    shown = []
    for pair in value:
        match pair:
            case (name, content):
                secret = str(name).lower() in _SECRET
                shown.append(f"{name}: {HIDDEN}" if secret else f"{name}: {_brief(content)}")
            case _:
                shown.append(_brief(pair))
    return f"[{', '.join(shown)}]"


def _target(target: str) -> str:
    path, mark, query = target.partition("?")
    pairs = []
    for pair in query.split("&"):
        name, equals, _ = pair.partition("=")
        pairs.append(f"{name}={HIDDEN}" if equals and name.lower() in _SECRET | _SECRET_QUERY else pair)
    return path + mark + "&".join(pairs)
