"""Transports by the scheme of their address, found through the entry-point group `swarmkit.transports`.

`unix` and `tcp` are sockets and known to whoever asks; another package declares what else there is.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points

from ..errors import Internal
from .dialer import Transport

GROUP = "swarmkit.transports"
"""The entry-point group in which a package declares a transport: `scheme = "module:function"`."""

MakeTransport = Callable[[str], Transport]
"""Make the transport to an address, of the form `scheme://…`; raise `Invalid` where it is none."""


def find_transport(scheme: str) -> MakeTransport | None:
    """Return what makes transports for a scheme, if a package does; raise `Internal` where it cannot be loaded."""
    for entry in entry_points(group=GROUP, name=scheme):
        try:
            found = entry.load()
        except Exception as error:  # whatever a third party's module raises while it is imported
            reason = f"{type(error).__name__}: {error}"
            raise Internal(f"the transport {scheme!r} ({entry.value}) cannot be loaded: {reason}") from error
        if not callable(found):
            raise Internal(f"the transport {scheme!r} ({entry.value}) is no function")
        return found  # type: ignore[no-any-return]  # what an entry point names has no type
    return None
