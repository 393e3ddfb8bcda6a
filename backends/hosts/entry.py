"""One host of the file: its table read into the text of a stage."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backends.docker import name_of_address
from swarmkit.engine.names import is_host_name
from swarmkit.errors import Denied, Invalid, SwarmError
from swarmkit.pipeline import parse_stage, split_stages
from swarmkit.registry import Registry
from swarmkit.rows import Row
from swarmkit.source import member_row

from .tables import Mistakes, checked

_HOST = {
    "name": str,
    "address": str,
    "stage": str,
    "labels": dict,
    "ssh": dict,
    "tls": dict,
    "insecure": bool,
    "drained": bool,
}
_SSH = {"key": str, "config": str, "jump": str, "options": list}
_TLS = {"cacert": str, "cert": str, "key": str, "verify": bool}

_SCHEMES = {"ssh": "ssh://", "tls": "tcp://", "insecure": "tcp://"}
"""What makes sense with one kind of address only."""


def read_entry(table: Mapping[str, Any], folder: Path, registry: Registry, mistakes: Mistakes) -> Row | None:
    """Read one `[[host]]` into the row of a member; None where a mistake forbids it.

    An address must be one, and what is refused is listed as down with the reason. A stage of the user's own need only
    be in words: what it is else is found out when it is opened, and holds up no other host.
    """
    before = len(mistakes.found)
    host = checked(table, _HOST, mistakes)
    labels = checked(host.get("labels", {}), dict.fromkeys(host.get("labels", {}), str), mistakes.within("labels"))
    _check_keys(table, host, mistakes)
    text = _stage_text(host, folder, mistakes)
    if len(mistakes.found) > before:
        return None
    name, lost = (host["name"], None) if "stage" in host else _of_address(host["address"], text, registry, mistakes)
    name = host.get("name", name)
    if not is_host_name(name):
        mistakes.add(f"{name!r} cannot be a name: letters, digits, '_', '.' and '-', and no word of the API")
    return member_row(name, text, labels, lost=lost, drained=host.get("drained", False))


def _check_keys(table: Mapping[str, Any], host: Mapping[str, Any], mistakes: Mistakes) -> None:
    """See that what is there goes together; `host` is what is right of the table."""
    address = host.get("address", "")
    for key, scheme in _SCHEMES.items():
        if key in host and not address.startswith(scheme):
            mistakes.add(f"{key} belongs to an address that begins with {scheme}")
    if ("address" in table) == ("stage" in table):
        mistakes.add("it needs an address or a stage" + (", not both" if "address" in table else ""))
    elif "stage" in table and "name" not in table:
        mistakes.add("it needs a name: only of an address one can be made")
    if "address" in host and (not address or address.startswith("-")):  # which the part would take for an option
        mistakes.add(f"{address!r} is no address")


def _stage_text(host: Mapping[str, Any], folder: Path, mistakes: Mistakes) -> str:
    """Return the text of the stage that a table means."""
    ssh = _ssh_words(checked(host.get("ssh", {}), _SSH, mistakes.within("ssh")), folder)
    tls = _tls_words(checked(host.get("tls", {}), _TLS, mistakes.within("tls")), folder)
    if "stage" in host:
        _check_words(host["stage"], mistakes)
        return str(host["stage"])
    part = "ssh" if "ssh" in host else "docker"
    insecure = ["--insecure"] if host.get("insecure") else []
    return shlex.join([part, host.get("address", ""), *ssh, *(tls if "tls" in host else []), *insecure])


def _ssh_words(ssh: Mapping[str, Any], folder: Path) -> list[str]:
    words = ["-i", _path(ssh["key"], folder)] if "key" in ssh else []
    words += ["-F", _path(ssh["config"], folder)] if "config" in ssh else []
    words += ["-J", ssh["jump"]] if "jump" in ssh else []
    return words + [word for option in ssh.get("options", ()) for word in ("-o", option)]


def _tls_words(tls: Mapping[str, Any], folder: Path) -> list[str]:
    words = ["--tlsverify" if tls.get("verify", True) else "--tls"]
    return words + [
        word for key in ("cacert", "cert", "key") if key in tls for word in (f"--{key}", _path(tls[key], folder))
    ]


def _path(text: str, folder: Path) -> str:
    """Return a path as it is from anywhere: `~` is the home directory, and what is relative is so to the folder."""
    return str(folder / os.path.expanduser(text))


def _check_words(stage: str, mistakes: Mistakes) -> None:
    try:
        empty = not all(shlex.split(each) for each in split_stages(stage))
    except (ValueError, Invalid) as error:
        mistakes.add(f"its stage cannot be split into words: {error}")
    else:
        if empty:
            mistakes.add("its stage is empty")


def _of_address(address: str, text: str, registry: Registry, mistakes: Mistakes) -> tuple[str, str | None]:
    """Return the name that an address gives, and why the address is refused, if it is; what is none is a mistake."""
    lost = None
    try:
        return parse_stage(text, registry).name, None
    except Denied as error:
        lost = f"{error.message} (in the file: insecure = true)"
    except Invalid as error:
        mistakes.add(error.message)
    except SwarmError as error:  # of the part, which may be missing here
        lost = error.message
    return name_of_address(address), lost
