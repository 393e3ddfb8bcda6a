"""The options of ssh that a user may add."""

from __future__ import annotations

import os

import pytest

from backends.ssh import SshOptions
from backends.ssh.options import OURS
from swarmkit import Invalid


def test_options_are_words_of_sshs_command_line() -> None:
    """Each has the letter that ssh has for it."""
    options = SshOptions(("/k1", "/k2"), "/c", "ops@jump:22,jump2", ("User=ops", "Port 22"))
    expected = ["-F", "/c", "-i", "/k1", "-i", "/k2", "-J", "ops@jump:22,jump2", "-o", "User=ops", "-o", "Port 22"]
    assert options.arguments == expected
    assert str(options) == "-F /c -i /k1 -i /k2 -J ops@jump:22,jump2 -o User=ops -o 'Port 22'"


def test_home_directory_is_expanded_where_ssh_does_not() -> None:
    """ssh expands `~` in `-i` and not in `-F`, and a pipeline's words are expanded by nobody."""
    assert SshOptions(config="~/c").arguments == ["-F", os.path.expanduser("~/c")]


@pytest.mark.parametrize("name", [*OURS, "controlpath", "CONTROLMASTER"])
@pytest.mark.parametrize("form", ["{}=x", "{} x", " {} = x"])
def test_what_the_tunnel_sets_itself_is_refused(name: str, form: str) -> None:
    """An option that would break the tunnel is Invalid, however it is written, and the error says which are ours."""
    with pytest.raises(Invalid, match="ControlPath"):
        SshOptions(extra=(form.format(name),))


@pytest.mark.parametrize("option", ["", "=x", "Compression", "Compression=", "-v", "User=a\nPort=1", "User=\0"])
def test_what_is_no_option_is_refused(option: str) -> None:
    """An option is a name and a value, on one line."""
    with pytest.raises(Invalid, match="not an option of ssh"):
        SshOptions(extra=(option,))


@pytest.mark.parametrize("jump", ["", "-oProxyCommand=x", "a,-b", "a b", "a;b", "a,", "$x", "a\n"])
def test_jump_host_is_no_option(jump: str) -> None:
    """A jump host's name never reaches ssh as an option, nor a shell as anything else."""
    with pytest.raises(Invalid, match="not a jump host"):
        SshOptions(jump=jump)
