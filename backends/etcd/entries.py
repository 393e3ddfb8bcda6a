"""What an entry of etcd may say: where a host is on the network, and nothing else. Pure.

Whoever can write to etcd is not trusted with more than that: no command, file or socket of this machine, and no option
of ssh or of a part can come out of an entry. How a host is spoken to is said by who reads it: `Means`.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from attrs import frozen

from swarmkit.engine.names import is_host_name
from swarmkit.errors import Invalid
from swarmkit.transport import TlsFiles, is_loopback, words_of

VERSION = 1
"""The version of what is written; another is not read."""

MAX_BYTES = 64 * 1024
"""Bytes of an entry at most."""

MAX_NAME = 128
"""Characters of a member's name at most."""

_FORM = "it reads 'docker tcp://HOST:PORT' or 'docker ssh://[USER@]HOST[:PORT]', or 'remote' in place of 'docker'"
_ADDRESS = re.compile(
    r"(?P<part>docker|remote) (?P<scheme>tcp|ssh)://(?:(?P<user>[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63})@)?"
    r"(?:\[(?P<six>[0-9A-Fa-f:.]{2,45})\]|(?P<host>[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}))(?::(?P<port>[0-9]{1,5}))?"
)
_NUMBER = r"(?:0[xX][0-9A-Fa-f]+|[0-9]+)"
_NUMERIC = re.compile(rf"{_NUMBER}(?:\.{_NUMBER}){{0,3}}\.?")
"""What the resolver takes for an IPv4 address (inet_aton(3)), though not all look like one: `127.1`, `0x7f000001`."""


@frozen
class Means:
    """How members are spoken to: with TLS over TCP, or in the clear where that is meant."""

    tls: TlsFiles | None = None
    insecure: bool = False

    def words(self, host: str) -> list[str]:
        """Return the words behind an address of TCP that say so."""
        if self.tls is not None:
            return words_of(self.tls)
        return ["--insecure"] if self.insecure and not is_loopback(host) else []

    def why_lost(self, stage: str) -> str | None:
        """Return why a member cannot be reached, where nothing says how it is spoken to."""
        return _CLEAR if "tcp://" in stage and self.tls is None and not self.insecure else None


_CLEAR = (
    "plain TCP to another machine is refused: use 'etcd URL/PREFIX --tlsverify', with the files of certificates, or"
    " --insecure if that is meant"
)


@frozen
class Entry:
    """A member: the text of its stage, its labels, and why it cannot be reached, where that is known already."""

    name: str
    stage: str
    labels: Mapping[str, str]
    lost: str | None = None


def read_member(name: str, value: bytes, means: Means) -> Entry:
    """Read what stands under `members/NAME`; raise `Invalid`, with the reason, where it may not say what it says."""
    document = _object(value)
    version = document.get("version")
    if version != VERSION or isinstance(version, bool):
        raise Invalid(f"its version is {_short(version)}, and only {VERSION} is known here")
    if document.get("name") != name:
        raise Invalid(f"it says that it is {_short(document.get('name'))}")
    _check_name(name)
    stage = stage_of(document.get("address"), means)
    return Entry(name, stage, _labels(document.get("labels", {})), means.why_lost(stage))


def read_classic(place: str, value: bytes, means: Means) -> Entry:
    """Read what classic Swarm has written under `nodes/HOST:PORT`; the member is called `HOST-PORT`."""
    if value != place.encode("utf-8", "surrogateescape"):
        raise Invalid(f"it says that it is at {_short(value[:256].decode('utf-8', 'replace'))}")
    stage = stage_of(f"docker tcp://{place}", means)
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", place).strip("-_.")
    _check_name(name)
    return Entry(name, stage, {}, means.why_lost(stage))


def stage_of(address: object, means: Means) -> str:
    """Return the text of the stage that an address means; raise `Invalid` where it is none."""
    found = _ADDRESS.fullmatch(address) if isinstance(address, str) else None
    if found is None:
        raise Invalid(f"its address is {_short(address)}: {_FORM}")
    part, scheme, port = found["part"], found["scheme"], found["port"]
    host = _checked_host(found, means)
    if port is not None and not (0 < int(port) < 65536):
        raise Invalid(f"its port is {port}")
    if scheme == "tcp" and (port is None or found["user"] is not None):
        raise Invalid(f"its address is {_short(address)}: an address of TCP has a port, and no user")
    words = means.words(host) if scheme == "tcp" else []
    return shlex.join([part, str(address).partition(" ")[2], *words])


def _checked_host(found: re.Match[str], means: Means) -> str:
    """Return the host, which is no number in disguise, nor, unless `insecure` is meant, whoever reads this."""
    host = str(found["six"] or found["host"])
    if found["six"] or _NUMERIC.fullmatch(host):
        try:
            ip = ip_address(host)
        except ValueError:
            raise Invalid(f"its host is {host!r}, which is no address as they are written") from None
        local = ip.is_loopback or ip.is_unspecified
    else:
        local = re.fullmatch(r"(?:.*\.)?localhost\.?", host, re.IGNORECASE) is not None
    if local and not means.insecure:
        raise Invalid(
            f"its host is {host!r}, which is whichever machine reads this: register an address that all reach, or read "
            "it with 'etcd URL/PREFIX --insecure'"
        )
    return host


def _object(value: bytes) -> Mapping[str, Any]:
    if len(value) > MAX_BYTES:
        raise Invalid(f"it has {len(value)} bytes, and may have {MAX_BYTES}")
    try:
        document = json.loads(value.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Invalid("it is no JSON in UTF-8") from error
    if not isinstance(document, dict):
        raise Invalid("it is no object of JSON")
    return document


def _check_name(name: str) -> None:
    if not is_host_name(name) or len(name) > MAX_NAME:
        raise Invalid(f"{_short(name)} cannot be a host's name: letters, digits, '_', '.' and '-', no word of the API")


def _labels(labels: object) -> Mapping[str, str]:
    if not isinstance(labels, dict):
        raise Invalid(f"its labels are {_short(labels)}, which is no object of JSON")
    for key, value in labels.items():
        if not isinstance(value, str):
            raise Invalid(f"its label {_short(key)} is {_short(value)}, which is no text")
        if not (key and key.isprintable() and value.isprintable()):
            raise Invalid(f"its label {_short(key)} has characters that cannot be shown")
    return labels


def _short(value: object) -> str:
    """Return a value for a message: one line of ASCII, not too long."""
    text = ascii(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
