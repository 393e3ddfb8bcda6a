"""What ssh says, read: the texts are those of OpenSSH 9.2, each provoked once."""

from __future__ import annotations

import pytest

from backends.ssh import parse_address
from backends.ssh.reasons import SSH_FAILED, failure_of

WEB = parse_address("ops@web-1:2222")

PROXY_ENDED = "kex_exchange_identification: Connection closed by remote host\nConnection closed by UNKNOWN port 65535\n"

CHANGED = """\
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
Someone could be eavesdropping on you right now (man-in-the-middle attack)!
It is also possible that a host key has just been changed.
The fingerprint for the ED25519 key sent by the remote host is
SHA256:EedmuNarp/Tro1ImrLIpAJ/p2ZVg99D5HUWlciiW12E.
Please contact your system administrator.
Add correct host key in /home/me/.ssh/known_hosts to get rid of this message.
Offending ED25519 key in /home/me/.ssh/known_hosts:7
  remove with:
  ssh-keygen -f "/home/me/.ssh/known_hosts" -R "[web-1]:2222"
Host key for [web-1]:2222 has changed and you have requested strict checking.
Host key verification failed.
"""

DENIED = "ops@web-1: Permission denied (publickey,keyboard-interactive).\n"

NO_PROMPT = (
    "the host takes publickey, keyboard-interactive, and ssh is not let prompt here, so it needs a key without a "
    "passphrase, or an agent (ssh-add)"
)

EARLY = (
    "the host closed the connection before anybody was asked for (too many at once, see its MaxStartups; or it has "
    "banned this address)"
)

UNKNOWN = (
    "its host key is not known: connect once with `ssh -p 2222 ops@web-1` and compare the fingerprint (or, trusting "
    "the network, add what `ssh-keyscan -p 2222 web-1` prints to ~/.ssh/known_hosts)"
)

UNUSABLE_JUMP = "its jump host (or proxy command) is of no use: "

PASSING = [
    (
        "ssh: Could not resolve hostname web-1: Name or service not known\n",
        "the name web-1 cannot be resolved: name or service not known",
    ),
    (
        "ssh: connect to host web-1 port 2222: Connection refused\n",
        "connection refused at port 2222: does an sshd listen there?",
    ),
    ("ssh: connect to host web-1 port 22: No route to host\n", "no connection to port 22: no route to host"),
    ("ssh: connect to host web-1 port 22: Connection timed out\n", "no connection to port 22: connection timed out"),
    (
        "Connection timed out during banner exchange\nConnection to 10.255.255.1 port 22 timed out\n",
        "it does not answer as an sshd does: it said nothing for as long as ConnectTimeout is",
    ),
    ("kex_exchange_identification: Connection closed by remote host\nConnection closed by 10.0.0.1 port 22\n", EARLY),
    ("kex_exchange_identification: read: Connection reset by peer\nConnection reset by 10.0.0.1 port 22\n", EARLY),
    ("Timeout, server web-1 not responding.\n", "it does not answer any more"),
    ("Connection to web-1 closed by remote host.\n", "the host closed it"),
    ("client_loop: send disconnect: Broken pipe\n", "broken pipe"),
    (
        "channel 0: open failed: connect failed: Connection refused\nstdio forwarding failed\n" + PROXY_ENDED,
        UNUSABLE_JUMP + "it does not let us through to web-1: connection refused",
    ),
    (
        "ssh: Could not resolve hostname jump.invalid: Name or service not known\n" + PROXY_ENDED,
        UNUSABLE_JUMP + "the name jump.invalid cannot be resolved: name or service not known",
    ),
    (
        "/bin/bash: line 1: /nonexistent: No such file or directory\n" + PROXY_ENDED,
        UNUSABLE_JUMP + "/bin/bash: line 1: /nonexistent: No such file or directory",
    ),
    (PROXY_ENDED, UNUSABLE_JUMP + "it ended without a word"),
    ("something new\n", "ssh says: something new"),
    ("", "ssh ended without a word (status 255)"),
]

SETTLED = [
    (
        CHANGED,
        "its host key has changed: it is another machine, or somebody stands in between: line 7 of "
        "/home/me/.ssh/known_hosts has the one that is expected; if the change is meant, forget the old one: "
        'ssh-keygen -f "/home/me/.ssh/known_hosts" -R "[web-1]:2222"',
    ),
    ("Host key verification failed.\n", UNKNOWN),
    ("Host key verification failed.\n" + PROXY_ENDED, UNUSABLE_JUMP + UNKNOWN),
    (DENIED, f"permission denied for ops@web-1: {NO_PROMPT}"),
    (
        "Warning: Identity file /k not accessible: No such file or directory.\n" + DENIED,
        f"permission denied for ops@web-1 (/k: no such file or directory): {NO_PROMPT}",
    ),
    (
        "Permissions 0644 for '/k' are too open.\nThis private key will be ignored.\n"
        'Load key "/k": bad permissions\n' + DENIED,
        f"permission denied for ops@web-1 (/k: bad permissions): {NO_PROMPT}",
    ),
    (DENIED + PROXY_ENDED, UNUSABLE_JUMP + f"permission denied for ops@web-1: {NO_PROMPT}"),
    (
        "Received disconnect from 10.0.0.1 port 22:2: Too many authentication failures\n"
        "Disconnected from 10.0.0.1 port 22\n",
        "it was offered too many keys before the right one: name that with -i KEY and -o IdentitiesOnly=yes",
    ),
    (
        "Unable to negotiate with 10.0.0.1 port 22: no matching cipher found. Their offer: a,b\n",
        "ssh and the host have nothing in common: no matching cipher found. Their offer: a,b",
    ),
    (
        "command-line: line 0: Bad configuration option: badthing\n",
        "ssh does not take its configuration: command-line: line 0: Bad configuration option: badthing",
    ),
    (
        "command-line line 0: invalid time value.\n",
        "ssh does not take its configuration: command-line line 0: invalid time value.",
    ),
    (
        "/home/me/.ssh/config: line 3: Bad configuration option: hots\n"
        "/home/me/.ssh/config: terminating, 1 bad configuration options\n",
        "ssh does not take its configuration: /home/me/.ssh/config: line 3: Bad configuration option: hots",
    ),
    (
        "Can't open user config file /c: No such file or directory\n",
        "ssh does not take its configuration: Can't open user config file /c: No such file or directory",
    ),
]


@pytest.mark.parametrize(("said", "expected"), PASSING)
def test_what_may_pass_is_told(said: str, expected: str) -> None:
    """Each kind of failure has a sentence of its own; what is not known is told in ssh's last words."""
    failure = failure_of(said.splitlines(), SSH_FAILED, WEB)
    assert (failure.reason, failure.settled) == (expected, False)


@pytest.mark.parametrize(("said", "expected"), SETTLED)
def test_what_needs_somebody_to_do_something_is_settled(said: str, expected: str) -> None:
    """Keys, permissions and configurations do not mend themselves: the sentence says what can be done."""
    failure = failure_of(said.splitlines(), SSH_FAILED, WEB)
    assert (failure.reason, failure.settled) == (expected, True)


@pytest.mark.parametrize("said", [said for said, _ in PASSING + SETTLED if said])
def test_what_the_host_says_is_not_taken_for_ssh(said: str) -> None:
    """A banner, or what start-up files write, comes first and changes nothing."""
    banner = ["", "*" * 60, "Welcome! Authorized use only.", "@@@@@", "** WARNING: be nice **", "\r"]
    alone = failure_of(said.splitlines(), SSH_FAILED, WEB)
    if said != PROXY_ENDED:
        assert failure_of([*banner, *said.splitlines()], SSH_FAILED, WEB) == alone


def test_signal_is_named() -> None:
    """An ssh that was killed says nothing itself."""
    assert failure_of([], -9, WEB).reason == "ssh was ended by SIGKILL"
