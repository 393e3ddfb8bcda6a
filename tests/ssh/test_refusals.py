"""Hosts that do not let us in, each with its reason; and a machine without ssh."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import evolve

from backends.ssh import Settings, SshAddress

from .peers import echo, opened, serving, settings
from .sshd import Sshd


async def why_not(made_of: Settings) -> str:
    """Return why a tunnel cannot be dialled."""
    async with opened(made_of) as tunnel:
        return await tunnel.why_not()


def with_known_hosts(sshd: Sshd, path: Path, known_hosts: Path) -> Settings:
    """Return settings that have another file of host keys."""
    made_of = settings(sshd, path)
    extra = tuple(
        f"UserKnownHostsFile={known_hosts}" if option.startswith("UserKnown") else option
        for option in made_of.options.extra
    )
    return evolve(made_of, options=evolve(made_of.options, extra=extra))


async def test_changed_host_key(shared_sshd: Sshd, path: Path, tmp_path: Path) -> None:
    """The line that has the key that is expected is named, and nothing is sent; it is tried again after a long wait."""
    known = tmp_path / "known_hosts"
    _know(known, f"# hosts\n[127.0.0.1]:{shared_sshd.port}", _other_key(tmp_path))
    reason = await why_not(with_known_hosts(shared_sshd, path, known))
    assert reason.startswith("its host key has changed: it is another machine, or somebody stands in between: ")
    assert f": line 2 of {known} has the one that is expected; if the change is meant, forget" in reason
    assert reason.rpartition("; tried again in ")[2] in {f"{seconds} s" for seconds in range(29, 39)}


async def test_unknown_host_key(shared_sshd: Sshd, path: Path, tmp_path: Path) -> None:
    """It is not learnt by itself: the reason has the command by which it becomes known."""
    reason = await why_not(with_known_hosts(shared_sshd, path, tmp_path / "none"))
    command = f"`ssh -p {shared_sshd.port} 127.0.0.1`"
    assert reason.startswith(f"its host key is not known: connect once with {command} and compare the fingerprint")


async def test_permission_denied(shared_sshd: Sshd, path: Path, tmp_path: Path) -> None:
    """The reason says for whom, what the host takes, and that nobody is prompted."""
    _other_key(tmp_path)
    made_of = settings(shared_sshd, path)
    reason = await why_not(evolve(made_of, options=evolve(made_of.options, identities=(str(tmp_path / "other"),))))
    assert "permission denied for " in reason
    assert "the host takes publickey, and ssh is not let prompt here" in reason


async def test_nobody_listens(shared_sshd: Sshd, path: Path) -> None:
    """A port without an sshd refuses."""
    made_of = evolve(settings(shared_sshd, path), address=SshAddress("127.0.0.1", port=1))
    reason = await why_not(made_of)
    assert reason.startswith("connection refused at port 1: does an sshd listen there?; tried again in ")


async def test_bad_option(shared_sshd: Sshd, path: Path) -> None:
    """What ssh does not know, it says itself."""
    reason = await why_not(settings(shared_sshd, path, "Colour=blue"))
    assert reason.startswith("ssh does not take its configuration: command-line: line 0: Bad configuration option")


async def test_no_ssh(shared_sshd: Sshd, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where ssh is not installed, the reason says that it is here that something is missing."""
    monkeypatch.setenv("PATH", str(tmp_path))
    reason = await why_not(settings(shared_sshd, path))
    assert reason.startswith("ssh cannot be started here: there is no ssh on this machine: install the OpenSSH client")


async def test_jump_host(start_sshd: Callable[..., Sshd], shared_sshd: Sshd, path: Path, tmp_path: Path) -> None:
    """A jump host of the user's configuration counts, and is named as the one that failed where it did."""
    jump = start_sshd()
    through = settings(shared_sshd, path)
    config = tmp_path / "ssh_config"
    _write(
        config,
        f"Host jump\n HostName {jump.address}\n Port {jump.port}\n IdentityFile {jump.key}\n"
        f" UserKnownHostsFile {jump.known_hosts}\n IdentitiesOnly yes\n"
        "Host 127.0.0.1\n RequestTTY force\n RemoteCommand true\n LocalForward 1 127.0.0.1:1\n ControlMaster auto\n"
        f" ControlPath {tmp_path}/mine\n SessionType none\n LogLevel QUIET\n",
    )
    options = evolve(through.options, config=str(config), jump="jump")
    async with serving(path, echo), opened(evolve(through, options=options)) as tunnel:
        await (await tunnel.dial()).aclose()
    jump.kill()
    reason = await why_not(evolve(through, options=options))
    assert reason.startswith(f"its jump host (or proxy command) is of no use: connection refused at port {jump.port}")


def _other_key(folder: Path) -> str:
    """Make another key, and return its public part."""
    ssh_keygen = shutil.which("ssh-keygen")
    assert ssh_keygen is not None
    subprocess.run([ssh_keygen, "-q", "-t", "ed25519", "-N", "", "-f", folder / "other"], check=True)
    return " ".join((folder / "other.pub").read_text().split()[:2])


def _know(known: Path, host: str, key: str) -> None:
    known.write_text(f"{host} {key}\n")


def _write(file: Path, text: str) -> None:
    file.write_text(text)
