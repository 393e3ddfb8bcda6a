"""Certificates for tests: a CA, and what it signs, written to files as a user has them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import trustme

from swarmkit.transport import TlsFiles

PAST, FUTURE = datetime(2001, 1, 1), datetime(2199, 1, 1)


class Authority:
    """A CA whose certificate is in the file `ca`."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._folder = folder
        self._authority = trustme.CA(organization_name=name)
        self.ca = str(folder / f"{name}.pem")
        self._authority.cert_pem.write_to_path(self.ca)

    def issue(
        self,
        stem: str,
        *names: str,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        ca: str | None = None,
    ) -> TlsFiles:
        """Sign a certificate for these names (`localhost` and loopback); return the files of whoever shows it.

        `ca` is another authority that they believe.
        """
        names = names or ("localhost", "127.0.0.1")
        issued = self._authority.issue_cert(*names, not_before=not_before, not_after=not_after)
        cert, key = str(self._folder / f"{stem}.pem"), str(self._folder / f"{stem}-key.pem")
        issued.private_key_pem.write_to_path(key)
        Path(cert).write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        return TlsFiles(ca or self.ca, cert, key)
