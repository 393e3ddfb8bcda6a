"""Where a front serves, as the words on its command line say it: the same for all fronts that serve byte streams."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import click
from attrs import field, frozen

from ..errors import Invalid
from .activation import SCHEME, Opened, real_addresses
from .listening import DEFAULT_MODE, Access, check_address, listening_on, permissions
from .tls_files import FreshContext, TlsFiles
from .tls_options import server_files, tls_options, words_of

F = TypeVar("F", bound=Callable[..., Any])


@frozen
class Endpoints:
    """Addresses (`unix://`, `tcp://`, `fd://`), those of TCP over TLS if there are files for it.

    `insecure` allows TCP in the clear that other machines reach.
    """

    addresses: tuple[str, ...]
    access: Access = field(factory=Access)
    tls: TlsFiles | None = None
    insecure: bool = False

    def check(self) -> None:
        """Raise `Invalid` or `Denied` for what does not go together, or cannot be served."""
        if self.tls is not None and self.insecure:
            raise Invalid("--insecure is for TCP in the clear, and there is TLS: leave out one of them")
        if self.tls is not None and not any(address.startswith(("tcp://", SCHEME)) for address in self.addresses):
            raise Invalid("TLS is for addresses of TCP, and there is none: tcp://HOST:PORT")
        for address in self.addresses:
            check_address(address, open_to_all=self._open_to_all)

    @property
    def serves(self) -> frozenset[str]:
        """The addresses; in place of what is handed over those that it has."""
        real = (real_addresses(address) if address.startswith(SCHEME) else {address} for address in self.addresses)
        return frozenset[str]().union(*real)

    @property
    def _open_to_all(self) -> bool:
        return self.insecure or self.tls is not None

    def context(self) -> FreshContext | None:
        """Return what makes the TLS context of each connection, if there is TLS; raise `Invalid` for bad files."""
        return FreshContext(self.tls, self.tls.server_context) if self.tls is not None else None

    def listening(self) -> AbstractContextManager[list[Opened]]:
        """Listen for the length of the block, which gets each listener with its address as clients use it."""
        return listening_on(self.addresses, self.access, open_to_all=self._open_to_all)

    def words(self) -> list[str]:
        """Return the words that mean these."""
        security = words_of(self.tls) if self.tls is not None else ["--insecure"] if self.insecure else []
        mode = ["--mode", f"{self.access.mode:o}"] if self.access.mode != DEFAULT_MODE else []
        group = ["--group", self.access.group] if self.access.group is not None else []
        return [*self.addresses, *mode, *group, *security]


_OPTIONS = (
    click.option(
        "--mode", default=f"{DEFAULT_MODE:o}", show_default=True, help="Permissions of a Unix socket, in octal."
    ),
    click.option("--group", help="Group that a Unix socket belongs to."),
    tls_options,
    click.option("--insecure", is_flag=True, help="Serve TCP in the clear to other machines."),
)


def endpoint_options(function: F) -> F:
    """Give a front the options that `endpoints_of` takes; its addresses are an argument of its own."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def endpoints_of(
    addresses: tuple[str, ...],
    *,
    mode: str,
    group: str | None,
    tlsverify: bool,
    ca: str | None,
    cert: str | None,
    key: str | None,
    insecure: bool,
) -> Endpoints:
    """Settle what the options of `endpoint_options` say; raise `Invalid` for permissions that are none."""
    tls = server_files(ca, cert, key) if tlsverify or ca or cert or key else None
    return Endpoints(addresses, Access(permissions(mode), group), tls, insecure)
