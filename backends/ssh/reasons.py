"""Why there is no ssh connection, in one sentence: read from what ssh says as it ends.

ssh has one exit status (255) for all of it, so its words are what there is. They are the same in every language: ssh
translates nothing. The rules are tried in their order, each on the lines from the last to the first, as what a host
says by itself (its banner, its start-up files) comes before ssh's own last words.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Sequence

from attrs import frozen

from .address import SshAddress

SSH_FAILED = 255
"""The exit status with which ssh says that it failed itself; others are the remote command's."""


@frozen
class Failure:
    """Why an attempt to connect failed; `settled` where trying again soon is of no use, and may get us banned."""

    reason: str
    settled: bool = False


def failure_of(lines: Sequence[str], status: int | None, address: SshAddress) -> Failure:
    """Make the reason of what ssh wrote to its standard error and of its exit status."""
    kept = [line.strip() for line in lines if not _NOISE.match(line.strip())]
    proxied = [line for line in kept if not _PROXY_ENDED.match(line)]
    if len(proxied) < len(kept) and any(line.endswith("UNKNOWN port 65535") for line in kept):
        found = _find(proxied, address) or Failure(proxied[-1] if proxied else "it ended without a word")
        return Failure(f"its jump host (or proxy command) is of no use: {found.reason}", found.settled)
    return _find(kept, address) or _unknown(kept, status)


def _find(lines: Sequence[str], address: SshAddress) -> Failure | None:
    for pattern, explain in _RULES:
        for line in reversed(lines):
            if found := pattern.match(line):
                return explain(found, lines, address)
    return None


def _unknown(lines: Sequence[str], status: int | None) -> Failure:
    if lines and (status is None or status >= 0):
        return Failure(f"ssh says: {lines[-1]}")
    if status is not None and status < 0:
        return Failure(f"ssh was ended by {signal.Signals(-status).name}")
    return Failure(f"ssh ended without a word (status {status})")


_NOISE = re.compile(
    r"\Z|@{3,}|@ .* @\Z|Warning: Permanently added|Pseudo-terminal will not|Killed by signal|mux_client_|"
    r".+: terminating, \d+ bad conf|Disconnected from |ControlSocket .* already exists|\*\* "
)
_PROXY_ENDED = re.compile(
    r"(kex_exchange_identification|ssh_exchange_identification|banner exchange): |Connection closed by UNKNOWN port|"
    r"Connection to UNKNOWN port|stdio forwarding failed"
)

Explain = Callable[[re.Match[str], Sequence[str], SshAddress], Failure]


def _key_changed(found: re.Match[str], lines: Sequence[str], address: SshAddress) -> Failure:
    offending = _first(r"Offending \S+ key in (.+?):(\d+)\Z", lines)
    remove = _first(r"(ssh-keygen -f .+)", lines)
    where = f": line {offending[2]} of {offending[1]} has the one that is expected" if offending else ""
    what = f"; if the change is meant, forget the old one: {remove[1]}" if remove else ""
    return Failure(
        f"its host key has changed: it is another machine, or somebody stands in between{where}{what}", settled=True
    )


def _key_unknown(found: re.Match[str], lines: Sequence[str], address: SshAddress) -> Failure:
    port = f"-p {address.port} " if address.port else ""
    whom = f"{address.user}@{address.host}" if address.user else address.host
    return Failure(
        f"its host key is not known: connect once with `ssh {port}{whom}` and compare the fingerprint (or, trusting "
        f"the network, add what `ssh-keyscan {port}{address.host}` prints to ~/.ssh/known_hosts)",
        settled=True,
    )


def _denied(found: re.Match[str], lines: Sequence[str], address: SshAddress) -> Failure:
    keys = [f"{key[1]}: {_lower(key[2])}" for line in lines if (key := _KEY_TROUBLE.match(line))]
    about = f" ({'; '.join(dict.fromkeys(keys))})" if keys else ""
    return Failure(
        f"permission denied for {found[1]}{about}: the host takes {found[2].replace(',', ', ')}, and ssh is not let "
        f"prompt here, so it needs a key without a passphrase, or an agent (ssh-add)",
        settled=True,
    )


_KEY_TROUBLE = re.compile(
    r'(?:Warning: )?(?:Identity file|Load key|no such identity:) "?(.+?)"?(?: not accessible)?: (.+?)\.?\Z'
)


def _say(text: str, *, settled: bool = False) -> Explain:
    """Make an explanation of a text, in which {1} and {2} stand for what was found, in lower case at its beginning."""

    def explain(found: re.Match[str], lines: Sequence[str], address: SshAddress) -> Failure:
        return Failure(
            text.format(found[0], *(_lower(group or "") for group in found.groups()), host=address.host), settled
        )

    return explain


def _first(pattern: str, lines: Sequence[str]) -> re.Match[str] | None:
    return next((found for line in lines if (found := re.match(pattern, line))), None)


def _lower(text: str) -> str:
    second = text[1:2]
    return text if second.isupper() else text[:1].lower() + text[1:]


_CLOSED_EARLY = (
    "the host closed the connection before anybody was asked for (too many at once, see its MaxStartups; or it has "
    "banned this address)"
)

_RULES: tuple[tuple[re.Pattern[str], Explain], ...] = tuple(
    (re.compile(pattern), explain)
    for pattern, explain in (
        (r"Host key for .* has changed and you have requested strict", _key_changed),
        (r"Host key .*was revoked|@ +WARNING: REVOKED HOST KEY", _say("its host key is revoked", settled=True)),
        (r"Host key verification failed", _key_unknown),
        (r"(\S+@\S+): Permission denied \((.*)\)\.\Z", _denied),
        (
            r"Received disconnect from .*: Too many authentication failures",
            _say(
                "it was offered too many keys before the right one: name that with -i KEY and -o IdentitiesOnly=yes",
                settled=True,
            ),
        ),
        (
            r"(?:command-line: line \d+: |[^:]+ line \d+: |.+: line \d+: Bad conf).*|Can't open user config file .*|"
            r"Bad owner or permissions on .*|Cannot execute command-line and remote command\.",
            _say("ssh does not take its configuration: {0}", settled=True),
        ),
        (r"ssh: Could not resolve hostname (\S+): (.*?)\.?\Z", _say("the name {1} cannot be resolved: {2}")),
        (
            r"ssh: connect to host \S+ port (\d+): Connection refused",
            _say("connection refused at port {1}: does an sshd listen there?"),
        ),
        (r"ssh: connect to host \S+ port (\d+): (.*)", _say("no connection to port {1}: {2}")),
        (
            r"Connection timed out during banner exchange|Connection to \S+ port (\d+) timed out",
            _say("it does not answer as an sshd does: it said nothing for as long as ConnectTimeout is"),
        ),
        (r"Unable to negotiate with .*?: (.*)", _say("ssh and the host have nothing in common: {1}", settled=True)),
        (
            r"channel \d+: open failed: (?:[a-z ]+): (.*)",
            _say("it does not let us through to {host}: {1}"),
        ),
        (r"Timeout, server \S+ not responding", _say("it does not answer any more")),
        (
            r"(?:kex|ssh)_exchange_identification: |Connection (?:closed|reset) by \S+ port \d+",
            _say(_CLOSED_EARLY),
        ),
        (r"Connection to \S+ closed by remote host", _say("the host closed it")),
        (r"client_loop: send disconnect: (.*)|Read from remote host \S+: (.*)", _say("{1}{2}")),
        (r"Received disconnect from \S+ port \d+:\d+: (.*)", _say("the host ended it: {1}")),
    )
)
