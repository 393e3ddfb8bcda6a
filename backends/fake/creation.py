"""What a client asks for in a new container: checked as the engine checks it, and completed from the image."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from swarmkit.errors import Invalid

from .defaults import CONFIG, CONFIG_OMITTED, HOST_CONFIG, HOST_CONFIG_OMITTED, filled
from .image import Image
from .signals import parse_signal

MINIMUM_MEMORY = 6 * 1024 * 1024
"""Bytes that a limit of memory has at least."""

POLICIES = ("", "no", "always", "unless-stopped", "on-failure")

_PORT = re.compile(r"[0-9]{1,5}(-[0-9]{1,5})?", re.ASCII)
_VOLUME_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")


@frozen
class Mount:
    """A volume or a folder of the host, at a place in the container."""

    kind: str
    source: str
    target: str
    read_only: bool = False
    mode: str = ""

    @property
    def named(self) -> bool:
        """Whether it is a volume that has a name."""
        return self.kind == "volume" and bool(self.source)


def build_config(given: Mapping[str, Any], image: Image, container_id: str) -> dict[str, Any]:
    """Return the configuration of a new container. Raises Invalid in the engine's words."""
    config = filled(CONFIG, given, CONFIG_OMITTED)
    base = image.config
    if config["Entrypoint"] == [""]:
        config["Entrypoint"] = None  # so a client says that the image's does not count
    elif not config["Entrypoint"]:
        config["Cmd"] = config["Cmd"] or base.get("Cmd")
        config["Entrypoint"] = config["Entrypoint"] if config["Entrypoint"] is not None else base.get("Entrypoint")
    config["Env"] = _environment(config["Env"] or [], base.get("Env") or []) or config["Env"]
    for name in ("User", "WorkingDir"):
        config[name] = config[name] or base.get(name) or ""
    config["Volumes"] = {**(base.get("Volumes") or {}), **(config["Volumes"] or {})} or None
    config["Labels"] = {**(base.get("Labels") or {}), **(config["Labels"] or {})}
    ports = {**(base.get("ExposedPorts") or {}), **(given.get("ExposedPorts") or {})}
    more = {"ExposedPorts": ports, "StopSignal": base.get("StopSignal"), "Healthcheck": base.get("Healthcheck")}
    config = filled(CONFIG, {**{key: value for key, value in more.items() if value}, **config}, CONFIG_OMITTED)
    config["Hostname"] = config["Hostname"] or container_id[:12]
    if not command_of(config):
        raise Invalid("No command specified")
    return config


def check_config(given: Mapping[str, Any]) -> None:
    """Raise Invalid for what no image can make good."""
    folder = given.get("WorkingDir") or ""
    if folder and not folder.startswith("/"):
        raise Invalid(f"the working directory '{folder}' is invalid, it needs to be an absolute path")
    for variable in given.get("Env") or []:
        if not variable.partition("=")[0]:
            raise Invalid(f"invalid environment variable: {variable}")
    if given.get("StopSignal"):
        parse_signal(given["StopSignal"])


def command_of(config: Mapping[str, Any]) -> list[str]:
    """Return the words that a container runs."""
    return [*(config["Entrypoint"] or []), *(config["Cmd"] or [])]


def _environment(own: list[str], images: list[str]) -> list[str]:
    names = {variable.partition("=")[0] for variable in own}
    return [*own, *(variable for variable in images if variable.partition("=")[0] not in names)]


def build_host_config(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the host configuration of a new container; the runtime is settled early where the client sent one."""
    host = filled(HOST_CONFIG, given, HOST_CONFIG_OMITTED)
    host["NetworkMode"] = host["NetworkMode"] or "default"
    host["ShmSize"] = host["ShmSize"] or HOST_CONFIG["ShmSize"]
    for name in ("IpcMode", "CgroupnsMode"):
        host[name] = host[name] or HOST_CONFIG[name]
    if given:
        host["Runtime"] = host.get("Runtime") or "runc"
    host["LogConfig"] = {"Type": host["LogConfig"].get("Type") or "json-file", "Config": {}} | (
        {"Config": host["LogConfig"]["Config"]} if host["LogConfig"].get("Config") else {}
    )
    host["RestartPolicy"] = {**HOST_CONFIG["RestartPolicy"], **host["RestartPolicy"]}
    for bindings in (host["PortBindings"] or {}).values():
        for index, binding in enumerate(bindings or []):
            bindings[index] = {"HostIp": "", "HostPort": "", **binding}
    if host["Memory"] and not host["MemorySwap"]:
        host["MemorySwap"] = 2 * host["Memory"]
    if host["MemorySwappiness"] == -1:  # so the docker command says that there is no wish, and 0 for no limit
        host["MemorySwappiness"] = None
    if (host["PidsLimit"] or 0) <= 0:
        host["PidsLimit"] = None
    return host


def check_host_config(given: Mapping[str, Any]) -> None:
    """Raise Invalid in the engine's words for what cannot be."""
    check_restart_policy(given.get("RestartPolicy") or {})
    policy = (given.get("RestartPolicy") or {}).get("Name") or ""
    if given.get("AutoRemove") and policy not in ("", "no"):
        raise Invalid("can't create 'AutoRemove' container with restart policy")
    if 0 < (given.get("Memory") or 0) < MINIMUM_MEMORY:
        raise Invalid("Minimum memory limit allowed is 6MB")
    for port, bindings in (given.get("PortBindings") or {}).items():
        for number in (port.partition("/")[0], *(binding.get("HostPort") or "0" for binding in bindings or [])):
            if not _PORT.fullmatch(number):
                raise Invalid(f'invalid port specification: "{number}"')


def check_restart_policy(policy: Mapping[str, Any]) -> None:
    """Raise Invalid in the engine's words for a policy that there is not."""
    name, retries = policy.get("Name") or "", policy.get("MaximumRetryCount") or 0
    if name not in POLICIES:
        raise Invalid(f"invalid restart policy '{name}'")
    if retries and name != "on-failure":
        raise Invalid(f"maximum retry count cannot be used with restart policy '{name}'")
    if retries < 0:
        raise Invalid("maximum retry count cannot be negative")


def mounts_of(config: Mapping[str, Any], host: Mapping[str, Any]) -> list[Mount]:
    """Return what is mounted, each place once: by `Mounts`, by `Binds`, or as a volume without a name."""
    mounts = [_from_bind(text) for text in host.get("Binds") or []]
    mounts += [_from_document(document) for document in host.get("Mounts") or []]
    places = {mount.target for mount in mounts}
    anonymous = [Mount("volume", "", place) for place in config.get("Volumes") or {} if place not in places]
    return [*mounts, *anonymous]


def _from_document(document: Mapping[str, Any]) -> Mount:
    kind = document.get("Type") or "volume"
    mode = "z" if kind == "volume" else ""
    return Mount(kind, document.get("Source") or "", document["Target"], bool(document.get("ReadOnly")), mode)


def _from_bind(text: str) -> Mount:
    source, *rest = text.split(":")
    if not rest:
        if not source.startswith("/"):
            raise Invalid(
                f"invalid volume specification: '{text}': invalid mount config for type \"volume\": "
                f"invalid mount path: '{text}' mount path must be absolute",
                status=500,
            )
        return Mount("volume", "", source)
    mode = rest[1] if len(rest) > 1 else ""
    kind = "bind" if source.startswith("/") else "volume"
    if kind == "volume":
        check_volume_name(source)
    return Mount(kind, source, rest[0], "ro" in mode.split(","), mode or ("z" if kind == "volume" else ""))


def check_volume_name(name: str) -> None:
    """Raise Invalid in the engine's words for what is no name of a volume."""
    if not _VOLUME_NAME.fullmatch(name):
        raise Invalid(
            f'create {name}: "{name}" includes invalid characters for a local volume name, only '
            '"[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path'
        )
