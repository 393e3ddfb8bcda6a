"""The part `remote`: the far end, opened."""

from __future__ import annotations

import os
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click
from attrs import evolve, frozen

from swarmkit.errors import Invalid
from swarmkit.instance import open_instance
from swarmkit.part import Part, Role, Stage
from swarmkit.service import Service
from swarmkit.transport import Transport, client_tls, open_dialer, tls_options
from swarmkit.transport.addresses import host_name, host_name_of, words_for

from .address import FORMS, transport_for
from .command import CommandTransport
from .keeping import Keeper
from .service import RemoteService


@frozen
class RemoteStage(Stage):
    """A service behind a wire. `name` is how its host is called where nothing else names it."""

    role = Role.BACKEND
    transport: Transport
    name: str

    @asynccontextmanager
    async def open(self, inner: Service | None) -> AsyncIterator[Service]:
        keeper = Keeper(self.name)
        async with open_dialer(self.transport, self.name, keeper.hope) as dialer, open_instance() as nursery:
            nursery.start_soon(keeper.run, dialer)
            yield RemoteService(self.name, dialer.address, keeper)

    @property
    def reaches(self) -> frozenset[str]:
        return frozenset({self.transport.address})

    def named(self, name: str) -> Stage:
        return evolve(self, name=name)

    def __str__(self) -> str:
        if isinstance(self.transport, CommandTransport):
            return f"remote --exec {shlex.join(self.transport.words)}"
        return f"remote {words_for(self.transport)}"


class _WithCommand(click.Command):
    """A click command whose option `--exec` takes all the words behind it, which may look like options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--exec" in args:
            place = args.index("--exec")
            words = args[place + 1 :]
            args = [*args[:place], "--exec", words[0] if len(words) == 1 else shlex.join(words)]
        return super().parse_args(ctx, args)


@click.command("remote", cls=_WithCommand, add_help_option=False)
@click.argument("address", required=False, metavar="[ADDR]")
@click.option("--name", help="What the host is called; by default it is named after its address.")
@click.option("--insecure", is_flag=True, help="Allow plain TCP to another machine.")
@tls_options
@click.option("--exec", "command", metavar="COMMAND [ARG]...", help="Speak to the standard streams of a command.")
def _remote(
    address: str | None,
    name: str | None,
    insecure: bool,
    tlsverify: bool,
    ca: str | None,
    cert: str | None,
    key: str | None,
    command: str | None,
) -> Stage:
    """What `listen` serves on another machine.

    ADDR is unix:///PATH, tcp://HOST:PORT (with --tlsverify, and a certificate of ours) or ssh://[USER@]HOST/SOCKET. The
    other way is a command, with all the words behind --exec: `--exec ssh ops@dc1 swarmd "'listen -' docker"`.
    """
    tls = client_tls(tlsverify, ca, cert, key)
    if command is None:
        if address is None:
            raise Invalid(f"where is it? {FORMS}, or --exec COMMAND")
        transport = transport_for(address, insecure=insecure, tls=tls)
        return RemoteStage(transport, name or host_name_of(transport.address, otherwise="remote"))
    if address is not None or tls is not None or insecure:
        raise Invalid("--exec is in place of an address, and of what goes with one")
    words = shlex.split(command)
    if not words:
        raise Invalid("--exec wants a command")
    return RemoteStage(
        CommandTransport(tuple(words)), name or host_name(os.path.basename(words[0]), otherwise="remote")
    )


remote = Part("remote", Role.BACKEND, _remote)
