"""The words for TLS on a command line, as the docker command has them, and where its files are by default."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click
from attrs import evolve

from .tls_files import TlsFiles

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--tlsverify", is_flag=True, help="Use TLS, and check the other side's certificate."),
    click.option("--cacert", "--tlscacert", "ca", metavar="FILE", help="CA that the other side's certificate is of."),
    click.option("--cert", "--tlscert", "cert", metavar="FILE", help="Our certificate."),
    click.option("--key", "--tlskey", "key", metavar="FILE", help="The key of our certificate."),
)


def tls_options(function: F) -> F:
    """Give a part the options `tlsverify`, `ca`, `cert` and `key`: each file means TLS, too."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def server_files(ca: str | None, cert: str | None, key: str | None) -> TlsFiles:
    """Return a server's files: those named, else those of the docker command (see `client_files`)."""
    return TlsFiles(ca=_path(ca, "ca"), cert=_path(cert, "cert"), key=_path(key, "key"))


def client_files(
    ca: str | None = None, cert: str | None = None, key: str | None = None, *, verify: bool = True
) -> TlsFiles:
    """Return a client's files: those named, else those of the docker command.

    These are `{ca,cert,key}.pem` in $DOCKER_CERT_PATH, else in the docker command's own folder. Certificate and key are
    left out where they are neither named nor there, and the CA where any server will do.
    """
    files = TlsFiles(_path(ca, "ca") if ca or verify else None, _path(cert, "cert"), _path(key, "key"), verify)
    present = cert or key or any(map(os.path.exists, (files.cert or "", files.key or "")))
    return files if present else evolve(files, cert=None, key=None)


def client_tls(
    tlsverify: bool, ca: str | None, cert: str | None, key: str | None, *, tls: bool = False
) -> TlsFiles | None:
    """Return the files that the options of a client mean, None where none of them is given.

    `tls` is for an option that wants TLS and checks nothing, unless `tlsverify` is given, too.
    """
    if not (tlsverify or tls or ca or cert or key):
        return None
    return client_files(ca, cert, key, verify=tlsverify or not tls)


def _path(named: str | None, stem: str) -> str:
    if named:
        return os.path.expanduser(named)
    folder = os.environ.get("DOCKER_CERT_PATH") or os.environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker")
    return os.path.join(folder, f"{stem}.pem")


def words_of(files: TlsFiles) -> list[str]:
    """Return the words that mean these files."""
    words = ["--tlsverify" if files.verify else "--tls"]
    for option, path in (("--cacert", files.ca), ("--cert", files.cert), ("--key", files.key)):
        words += [option, path] if path is not None else []
    return words
