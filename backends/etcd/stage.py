"""The part `etcd`: where an etcd is, who we are there, and how the members that it lists are spoken to."""

from __future__ import annotations

import os
import shlex
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

import click
from attrs import frozen

from swarmkit.errors import Invalid
from swarmkit.part import Role, Stage, part
from swarmkit.service import Service
from swarmkit.transport import (
    Dialer,
    TlsFiles,
    TlsTransport,
    Transport,
    client_tls,
    open_dialer,
    tls_options,
    words_of,
)

from .address import EtcdAddress, parse_address, transports_to
from .client import EtcdClient
from .credentials import VARIABLE, Credentials, credentials_for
from .entries import Means
from .failures import in_our_words
from .service import open_source


@frozen
class EtcdStage(Stage):
    """The members that are registered in an etcd. One that cannot be reached at opening is asked on and on."""

    role = Role.SOURCE
    name = "etcd"
    address: EtcdAddress
    transports: tuple[Transport, ...]
    credentials: Credentials | None
    means: Means

    @asynccontextmanager
    async def open(self, inner: Service | None) -> AsyncIterator[Service]:
        if self.credentials is not None:
            self.credentials.password()  # a file that cannot be read is told at once
        async with AsyncExitStack() as stack:
            dialers = [await stack.enter_async_context(_open(transport)) for transport in self.transports]
            client = await stack.enter_async_context(aclosing(EtcdClient(dialers, self.credentials)))
            yield await stack.enter_async_context(open_source(self.name, client, self.address.prefix, self.means))

    @property
    def reaches(self) -> frozenset[str]:
        return frozenset(transport.address for transport in self.transports)

    def __str__(self) -> str:
        words = [self.name, str(self.address)]
        if self.credentials is not None and self.credentials.file is not None:
            words += ["--user", self.credentials.user, "--password-file", self.credentials.file]
        transport = self.transports[0]
        if isinstance(transport, TlsTransport):
            words += [in_our_words(word) for word in words_of(transport.files)[1:]]
        words += words_of(self.means.tls) if self.means.tls is not None else []
        return shlex.join([*words, *(["--insecure"] if self.means.insecure else [])])


@asynccontextmanager
async def _open(transport: Transport) -> AsyncIterator[Dialer]:
    """Open the way to an endpoint; raise `Invalid` for files that will not do, by the options that they have here."""
    async with AsyncExitStack() as stack:
        try:
            dialer = await stack.enter_async_context(open_dialer(transport, "etcd", lambda: None))
        except Invalid as error:
            raise Invalid(in_our_words(error.message)) from error
        yield dialer  # outside: what goes wrong while it is open is not about these files


@part(Role.SOURCE)
@click.argument("address", metavar="URL[,URL...]/PREFIX")
@click.option("--user", help=f"Who we are for etcd; by default ${VARIABLE} says it, as NAME:PASSWORD.")
@click.option("--password-file", metavar="FILE", help="Where the password is.")
@click.option("--etcd-cacert", metavar="FILE", help="CA that etcd's certificate is of.")
@click.option("--etcd-cert", metavar="FILE", help="Our certificate for etcd.")
@click.option("--etcd-key", metavar="FILE", help="The key of our certificate for etcd.")
@click.option("--insecure", is_flag=True, help="Allow plain HTTP, and members at plain TCP, on other machines.")
@tls_options
@click.option("--tls", is_flag=True, help="Use TLS without checking the members' certificates.")
def etcd(
    address: str,
    user: str | None,
    password_file: str | None,
    etcd_cacert: str | None,
    etcd_cert: str | None,
    etcd_key: str | None,
    insecure: bool,
    tlsverify: bool,
    ca: str | None,
    cert: str | None,
    key: str | None,
    tls: bool,
) -> Stage:
    """The hosts that are registered in etcd.

    URL is http://HOST:PORT or https://HOST:PORT, of each of its endpoints; the members are those under
    PREFIX/members/. The options of TLS without "etcd" are for the members, as those of the part docker.
    """
    where = parse_address(address)
    transports = transports_to(where, _files(etcd_cacert, etcd_cert, etcd_key), insecure=insecure)
    files = client_tls(tlsverify, ca, cert, key, tls=tls)
    return EtcdStage(where, transports, credentials_for(user, password_file), Means(files, insecure))


def _files(ca: str | None, cert: str | None, key: str | None) -> TlsFiles | None:
    """Return the files of TLS with etcd, if any is named; `~` is the home directory."""
    ca, cert, key = (path and os.path.expanduser(path) for path in (ca, cert, key))
    return TlsFiles(ca, cert, key) if ca or cert or key else None
