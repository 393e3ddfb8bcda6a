"""Pass bytes between the standard streams and a Unix socket, half-closes included; the tests run it through ssh."""

from __future__ import annotations

import os
import socket
import sys
import threading


def main(path: str) -> None:
    """Connect, and end with the socket's peer."""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(path)
        threading.Thread(target=_send, args=(peer,), daemon=True).start()
        while data := peer.recv(65536):
            os.write(1, data)
    sys.stdout.flush()
    os._exit(0)  # the thread may still read


def _send(peer: socket.socket) -> None:
    while data := os.read(0, 65536):
        peer.sendall(data)
    peer.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    main(sys.argv[1])
