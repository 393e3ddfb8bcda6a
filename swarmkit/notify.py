"""Telling a service manager that started us how far we are (sd_notify(3)); where none did, nothing happens."""

from __future__ import annotations

import logging
import os
import socket

log = logging.getLogger(__name__)


def notify(*states: str) -> None:
    """Send states such as `READY=1` to the socket that `$NOTIFY_SOCKET` names: a path, or `@` and an abstract name.

    A manager that cannot be told is logged, and no reason to stop serving.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        try:
            sender.connect("\0" + address[1:] if address.startswith("@") else address)
            sender.send("\n".join(states).encode())
        except (OSError, ValueError) as error:
            log.warning("cannot tell the service manager %r at %s: %s", states[0], address, error)
