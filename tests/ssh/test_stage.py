"""The part `ssh`, and the scheme `ssh` of the part `docker`."""

from __future__ import annotations

import pytest

from backends.docker import EngineStage
from backends.ssh import SshTunnel
from backends.ssh.stage import ENGINE
from swarmkit import Invalid, Registry, parse_pipeline
from swarmkit.transport import find_transport


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("ssh web-1", "web-1"),
        ("ssh ops@web-1:2222/run/a.sock", "web-1"),
        ("ssh web-1 -F /c -i '/my key' -J jump -o Compression=yes -o 'Port 22'", "web-1"),
        ("ssh '[fe80::1]'", "fe80--1"),
    ],
)
def test_stage_prints_as_its_words(words: str, name: str) -> None:
    """What a stage prints makes the same stage again; a host is named after its address."""
    stage = parse_pipeline(words).stages[0]
    assert isinstance(stage, EngineStage)
    assert stage.name == name
    assert parse_pipeline(str(stage)).stages[0] == stage
    assert stage.named("a").name == "a"


def test_url_and_name() -> None:
    """A URL is taken, too, and `--name` says how the host is called."""
    pipeline = parse_pipeline("ssh ssh://ops@web-1 --name a")
    assert (pipeline.name, str(pipeline), list(pipeline.reaches)) == ("a", "ssh ops@web-1", ["ssh://ops@web-1"])


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("ssh", "Missing argument"),
        ("ssh -- -oProxyCommand=x", "no host's name"),
        ("ssh web -o ControlPath=/x", "the tunnel sets"),
        ("ssh web -J -x", "not a jump host"),
        ("ssh ops:secret@web", "password"),
    ],
)
def test_wrong_words_are_invalid(words: str, why: str) -> None:
    """What is wrong is said when the pipeline is parsed, and a password in it is not."""
    with pytest.raises(Invalid, match=why) as refused:
        parse_pipeline(words)
    assert "secret" not in refused.value.message


def test_scheme_is_known() -> None:
    """`docker ssh://HOST` is the same tunnel, without options."""
    make = find_transport("ssh")
    assert make is not None
    assert isinstance(make("ssh://web-1"), SshTunnel)
    assert str(parse_pipeline("docker ssh://ops@web-1/run/a.sock")) == "docker ssh://ops@web-1/run/a.sock"


def test_named_socket_is_the_only_one() -> None:
    """Where the address names a socket, nothing is looked for."""
    make = find_transport("ssh")
    assert make is not None
    named, found_out = make("ssh://web/run/a.sock"), make("ssh://web")
    assert isinstance(named, SshTunnel)
    assert isinstance(found_out, SshTunnel)
    assert (named.settings.wanted.default, named.settings.wanted.candidates) == ("/run/a.sock", ())
    assert found_out.settings.wanted == ENGINE


def test_part_explains_itself() -> None:
    """Its help has every option."""
    text = Registry().find("ssh").help()
    assert all(option in text for option in ("-i KEY", "-F FILE", "-J HOST", "-o OPTION", "--name"))
