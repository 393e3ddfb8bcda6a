"""The part `ssh`: one Docker Engine on another machine, and the transport to it for addresses of the scheme `ssh`."""

from __future__ import annotations

import click
from attrs import frozen

from backends.docker import EngineStage, name_of_address
from swarmkit.part import Role, Stage, part

from .address import parse_address
from .options import SshOptions
from .settings import Settings, Wanted
from .tunnel import SshTunnel

ENGINE = Wanted(
    default="/var/run/docker.sock",
    candidates=(
        "${DOCKER_HOST#unix://}",
        "/var/run/docker.sock",
        "${XDG_RUNTIME_DIR:-/run/user/$(id -u)}/docker.sock",
        "/run/podman/podman.sock",
        "${XDG_RUNTIME_DIR:-/run/user/$(id -u)}/podman/podman.sock",
    ),
    relays=("docker -H unix://{socket} system dial-stdio", "podman --url unix://{socket} system dial-stdio"),
)
"""The socket of a Docker Engine: what the account's own `docker` would use, rootless ones and Podman's included."""


def transport(address: str, options: SshOptions | None = None) -> SshTunnel:
    """Return the tunnel to an engine's address, `ssh://[USER@]HOST[:PORT][/SOCKET]`; raise `Invalid` for another."""
    where = parse_address(address)
    settings = Settings(where, ENGINE, options or SshOptions())
    return SshTunnel(settings if where.socket is None else settings.found(where.socket))


@frozen
class SshStage(EngineStage):
    """An engine behind a tunnel, which prints as the `words` that make it."""

    words: str

    def __str__(self) -> str:
        return self.words


@part(Role.BACKEND)
@click.argument("address", metavar="[USER@]HOST[:PORT][/SOCKET]")
@click.option("-i", "identities", metavar="KEY", multiple=True, help="A private key (may be repeated).")
@click.option("-F", "config", metavar="FILE", help="The configuration file, in place of the user's and the system's.")
@click.option("-J", "jump", metavar="HOST", help="A jump host, or several with commas.")
@click.option("-o", "extra", metavar="OPTION", multiple=True, help="NAME=VALUE, as in ssh_config (may be repeated).")
@click.option("--name", help="What the host is called; by default it is named after its address.")
def ssh(
    address: str,
    identities: tuple[str, ...],
    config: str | None,
    jump: str | None,
    extra: tuple[str, ...],
    name: str | None,
) -> Stage:
    """One Docker Engine on another machine, through ssh.

    It is the system's ssh: the user's configuration, agent, known hosts and jump hosts count. Nothing is installed on
    the host, and nothing is ever prompted for. SOCKET is the path of the engine's socket; by default it is found out.
    """
    options = SshOptions(identities, config, jump, extra)
    tunnel = transport(address, options)
    words = f"ssh {tunnel.settings.address} {options}".rstrip()
    return SshStage(tunnel, name or name_of_address(tunnel.address), words)
