"""The options of ssh that a user may add for one host, checked: those that would break the tunnel are refused."""

from __future__ import annotations

import os
import re
import shlex

from attrs import frozen

from swarmkit.errors import Invalid

OURS = (
    "BatchMode",
    "ClearAllForwardings",
    "ControlMaster",
    "ControlPath",
    "ControlPersist",
    "DynamicForward",
    "ForkAfterAuthentication",
    "ForwardAgent",
    "ForwardX11",
    "LocalForward",
    "LogLevel",
    "RemoteCommand",
    "RemoteForward",
    "RequestTTY",
    "SessionType",
    "StdinNull",
    "Tunnel",
)
"""What `-o` may not set: the tunnel depends on it, or has no use for it."""

_OURS = {name.lower() for name in OURS}
_OPTION = re.compile(r"\s*([A-Za-z0-9]+)\s*[=\s]\s*\S")
_JUMP = re.compile(r"[A-Za-z0-9_\[][A-Za-z0-9_.+@:\[\]%/-]*\Z")


@frozen
class SshOptions:
    """Options as ssh has them: `-i`, `-F`, `-J`, and any number of `-o NAME=VALUE`."""

    identities: tuple[str, ...] = ()
    config: str | None = None
    jump: str | None = None
    extra: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        """Raise `Invalid` for what would break the tunnel."""
        for option in self.extra:
            _check_option(option)
        if self.jump is not None:
            _check_jump(self.jump)

    @property
    def arguments(self) -> list[str]:
        """The words on ssh's command line."""
        config = [] if self.config is None else ["-F", os.path.expanduser(self.config)]
        return [*config, *self._others()]

    def __str__(self) -> str:
        config = [] if self.config is None else ["-F", self.config]
        return shlex.join([*config, *self._others()])

    def _others(self) -> list[str]:
        words = [word for path in self.identities for word in ("-i", path)]
        words += [] if self.jump is None else ["-J", self.jump]
        return words + [word for option in self.extra for word in ("-o", option)]


def _check_option(option: str) -> None:
    found = _OPTION.match(option)
    if found is None or "\n" in option or "\0" in option:
        raise Invalid(f"not an option of ssh: {option!r} (NAME=VALUE, as in ssh_config)")
    if found[1].lower() in _OURS:
        raise Invalid(f"-o {option} is refused: the tunnel sets {', '.join(OURS[:-1])} and {OURS[-1]} itself")


def _check_jump(jump: str) -> None:
    if not all(_JUMP.match(hop.removeprefix("ssh://")) for hop in jump.split(",")):
        raise Invalid(f"not a jump host: {jump!r} ([USER@]HOST[:PORT], several with commas)")
