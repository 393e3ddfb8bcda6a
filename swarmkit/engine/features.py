"""What of a request came with which version of the Engine API: what an older engine would pass over without a word.

An engine reads what it knows and ignores the rest. So whoever asks an old one for what is new gets something else than
he asked for, and is not told. Here is what must be refused then (or can be left out without harm). Pure data.
Source: the API's version history.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from attrs import frozen

from .versions import version_key


@frozen
class Feature:
    """One thing that came with a version.

    `key` is a parameter (`?signal`), a field (`HostConfig.Init`; `*` is any member), or empty: the operation itself.
    What is `safe` changes nothing that its user would miss, or is the old behaviour put in words.
    """

    since: str
    method: str
    path: re.Pattern[str]
    key: str
    safe: bool
    shown: str

    def is_for(self, method: str, path: str) -> bool:
        """Tell whether a request is one that may have it."""
        return method == self.method and self.path.fullmatch(path) is not None

    def newer_than(self, version: tuple[int, ...]) -> bool:
        """Tell whether a version lacks it."""
        return version < version_key(self.since)


_ROWS = """
1.25 POST /containers/create HostConfig.AutoRemove
1.25 POST /containers/create HostConfig.Init
1.25 POST /containers/create HostConfig.Mounts
1.25 POST /containers/create StopTimeout
1.25 POST /containers/{}/exec Env
1.25 POST /containers/prune
1.25 POST /images/prune
1.25 POST /networks/prune
1.25 POST /volumes/prune
1.25 GET /system/df
1.25 GET /plugins
1.25 DELETE /volumes/{} ?force
1.28 POST /containers/create HostConfig.DeviceCgroupRules
1.28 POST /containers/{}/update NanoCpus
1.29 POST /containers/create Healthcheck.StartPeriod
1.29 POST /networks/create Ingress
1.30 GET /distribution/{}/json
1.30 POST /containers/{}/wait ?condition
1.31 POST /session
1.31 POST /build/prune
1.32 POST /images/create ?platform
1.32 POST /build ?platform
1.35 GET /containers/{}/logs ?until
1.35 POST /containers/{}/exec WorkingDir
1.40 POST /containers/create HostConfig.DeviceRequests
1.40 POST /containers/create HostConfig.Mounts.*.BindOptions.NonRecursive
1.40 POST /containers/{}/update PidsLimit
1.40 POST /build ?outputs
1.41 POST /containers/create ?platform
1.41 POST /containers/create HostConfig.CgroupnsMode
1.41 GET /containers/{}/stats ?one-shot safe
1.42 PUT /volumes/{}
1.42 POST /containers/{}/stop ?signal
1.42 POST /containers/{}/restart ?signal
1.42 POST /containers/create HostConfig.ConsoleSize safe
1.42 POST /containers/{}/exec ConsoleSize safe
1.42 POST /containers/create HostConfig.Mounts.*.BindOptions.CreateMountpoint
1.42 POST /volumes/create ClusterVolumeSpec
1.42 GET /images/json ?shared-size safe
1.42 GET /system/df ?type safe
1.43 POST /containers/create HostConfig.Annotations
1.44 POST /containers/create Healthcheck.StartInterval
1.44 POST /containers/create HostConfig.Mounts.*.BindOptions.ReadOnlyNonRecursive safe
1.44 POST /containers/create HostConfig.Mounts.*.BindOptions.ReadOnlyForceRecursive
1.44 POST /containers/create NetworkingConfig.EndpointsConfig.*.MacAddress
1.44 POST /networks/{}/connect EndpointConfig.MacAddress
1.45 POST /containers/create HostConfig.Mounts.*.VolumeOptions.Subpath
1.46 POST /containers/create HostConfig.Mounts.*.TmpfsOptions.Options
1.46 POST /images/{}/push ?platform
1.47 GET /images/json ?manifests safe
1.48 GET /images/{}/json ?manifests safe
1.48 GET /images/{}/history ?platform
1.48 GET /images/{}/get ?platform
1.48 GET /images/get ?platform
1.48 POST /images/load ?platform
1.48 POST /containers/create HostConfig.Mounts.*.ImageOptions
1.48 POST /containers/create NetworkingConfig.EndpointsConfig.*.GwPriority
1.48 POST /networks/{}/connect EndpointConfig.GwPriority
1.48 POST /networks/create EnableIPv4 safe
1.48 POST /build/prune ?max-used-space
1.48 POST /build/prune ?min-free-space
1.49 GET /images/{}/json ?platform
1.50 DELETE /images/{} ?platforms
1.52 GET /system/df ?verbose safe
1.54 GET /images/json ?identity safe
1.55 GET /images/{}/attestations
1.55 POST /containers/{}/update BlkioWeightDevice
1.55 POST /containers/{}/update BlkioDeviceReadBps
1.55 POST /containers/{}/update BlkioDeviceWriteBps
1.55 POST /containers/{}/update BlkioDeviceReadIOps
1.55 POST /containers/{}/update BlkioDeviceWriteIOps
1.56 POST /containers/create HostConfig.Umask
1.56 POST /containers/prune ?stream safe
1.56 POST /images/prune ?stream safe
1.56 POST /networks/prune ?stream safe
1.56 POST /volumes/prune ?stream safe
1.56 POST /build/prune ?stream safe
"""


def _read(row: str) -> Feature:
    since, method, path, *words = row.split()
    key = words[0] if words else ""
    pattern = re.compile(re.escape(path).replace(r"\{\}", ".+"))
    what = f"`{key.removeprefix('?')}` of {method} {path}" if key else f"{method} {path}"
    return Feature(since, method, pattern, key, "safe" in words[1:], what.replace("{}", "{name}"))


FEATURES: tuple[Feature, ...] = tuple(_read(row) for row in _ROWS.strip().splitlines())
"""Everything that matters, the oldest first."""

_USUAL: dict[str, tuple[Any, ...]] = {
    "condition": ("not-running",),
    "HostConfig.CgroupnsMode": ("host",),
    "force": ("0", "false"),
    "EnableIPv4": (True,),
    "outputs": ("[]", "null"),
}
"""Values that ask for what an engine does anyhow, or that clients always send."""


def asks_for_nothing(key: str, value: Any) -> bool:
    """Tell whether a value is what an engine takes to be none: clients send many a field that nobody has set."""
    name = key.removeprefix("?")
    return not value or value == [0, 0] or value in _USUAL.get(name, ()) or (key != name and value in ("0", "false"))


def fields_at(document: Any, words: list[str]) -> Iterator[tuple[Any, str]]:
    """Yield each place that a dotted key means in a body: the object that holds it, and its name there."""
    word, *rest = words
    if word == "*":
        members = document.values() if isinstance(document, dict) else document if isinstance(document, list) else ()
        for member in members:
            yield from fields_at(member, rest)
    elif isinstance(document, dict) and word in document:
        if rest:
            yield from fields_at(document[word], rest)
        else:
            yield document, word
