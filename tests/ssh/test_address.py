"""Addresses: what is one, what is none, and how they come back."""

from __future__ import annotations

import pytest

from backends.ssh import SshAddress, parse_address, transport
from swarmkit import Invalid


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("web-1", SshAddress("web-1")),
        ("ops@web-1", SshAddress("web-1", "ops")),
        ("ops@web_1.example.org:2222", SshAddress("web_1.example.org", "ops", 2222)),
        ("ops@corp.example@web-1", SshAddress("web-1", "ops@corp.example")),
        ("10.0.0.1:22/run/a.sock", SshAddress("10.0.0.1", None, 22, "/run/a.sock")),
        ("web-1/run/user/1000/podman/podman.sock", SshAddress("web-1", socket="/run/user/1000/podman/podman.sock")),
        ("web-1/", SshAddress("web-1")),
        ("web-1/srv/a@b,c=d+e~f.sock", SshAddress("web-1", socket="/srv/a@b,c=d+e~f.sock")),
        ("[2001:db8::1]", SshAddress("2001:db8::1")),
        ("ops@[fe80::1%eth0]:2222/run/a.sock", SshAddress("fe80::1%eth0", "ops", 2222, "/run/a.sock")),
    ],
)
def test_address_is_understood(text: str, expected: SshAddress) -> None:
    """User, port and socket are optional, and `ssh://` in front changes nothing."""
    assert [parse_address(text), parse_address(f"ssh://{text}")] == [expected, expected]


@pytest.mark.parametrize(
    "text", ["web-1", "ops@web-1", "ops@web-1:22/run/a.sock", "[::1]:22", "ops@[fe80::1%eth0]/run/a.sock"]
)
def test_address_comes_back(text: str) -> None:
    """What an address prints is one that makes it; a tunnel's address is the URL."""
    assert str(parse_address(text)) == text
    assert transport(f"ssh://{text}").address == f"ssh://{text}"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "names no host"),
        ("ops@", "names no host"),
        (":22", "names no host"),
        ("-oProxyCommand=x", "'-oProxyCommand=x' is no host's name"),
        ("ops@-web", "'-web' is no host's name"),
        ("-l@web", "'-l' is no user's name"),
        ("@web", "'' is no user's name"),
        ("a b@web", "'a b' is no user's name"),
        ("$(id)@web", "'$(id)' is no user's name"),
        ("we b", "'we b' is no host's name"),
        ("web;id", "'web;id' is no host's name"),
        ("web'", "is no host's name"),
        ("we`b", "is no host's name"),
        ("web\n", "is no host's name"),
        ("wéb", "is no host's name"),
        ("web?x", "is no host's name"),
        ("web#x", "is no host's name"),
        ("%h", "is no host's name"),
        ("fe80::1", "IPv6 address in brackets"),
        ("[web]", "'web' is no IPv6 address"),
        ("[fe80::1%$x]", "is no IPv6 address"),
        ("[::1]x", "IPv6 address in brackets"),
        ("web:0", "'0' is no port"),
        ("web:65536", "'65536' is no port"),
        ("web:99999999999999999999", "is no port"),
        ("web:ssh", "'ssh' is no port"),
        ("web:-1", "'-1' is no port"),
        ("web:²", "is no port"),
        ("web:", "'' is no port"),
        ("web/run/a b", "cannot be a socket's path"),
        ("web/run/a:b", "cannot be a socket's path"),
        ("web/run/%h", "cannot be a socket's path"),
        ("web/run/$X", "cannot be a socket's path"),
        ("web/run/a\n", "cannot be a socket's path"),
        ("web/run/a?b=c", "cannot be a socket's path"),
        ("web/" + "a" * 107, "cannot be a socket's path"),
    ],
)
def test_what_could_be_taken_for_something_else_is_invalid(text: str, why: str) -> None:
    """No part may be an option, an expansion or a shell's word; the error quotes it and says which part it is."""
    with pytest.raises(Invalid) as caught:
        parse_address(text)
    assert why in caught.value.message
    assert repr(text) in caught.value.message


def test_password_is_refused_and_not_repeated() -> None:
    """ssh takes no password from an address, and an error may end up in a log."""
    with pytest.raises(Invalid, match="password") as caught:
        parse_address("ssh://ops:s3cret@web")
    assert "s3cret" not in caught.value.message
