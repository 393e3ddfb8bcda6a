"""The files of TLS: what is wrong with one is said, with its name, and nobody is asked for a passphrase."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from attrs import evolve
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from swarmkit import Invalid
from swarmkit.transport import TlsFiles

from .certificates import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Give a CA."""
    return Authority(tmp_path)


@pytest.fixture
def files(authority: Authority) -> TlsFiles:
    """Give files that will do."""
    return authority.issue("one")


def both(files: TlsFiles) -> list[str]:
    """Return what making a client's and a server's context of files says is wrong."""
    texts = []
    for make in (files.client_context, files.server_context):
        with pytest.raises(Invalid) as caught:
            make()
        texts.append(caught.value.message)
    return texts


def test_contexts_are_strict(files: TlsFiles) -> None:
    """TLS 1.2 at least; a client checks the server and its name, a server requires a certificate."""
    client, server = files.client_context(), files.server_context()
    assert (client.verify_mode, client.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert (server.verify_mode, server.num_tickets) == (ssl.CERT_REQUIRED, 0)
    assert [each.minimum_version for each in (client, server)] == [ssl.TLSVersion.TLSv1_2] * 2


def test_any_server_will_do_only_where_that_is_said(files: TlsFiles) -> None:
    """A server checks its clients all the same."""
    lax = evolve(files, verify=False)
    assert (lax.client_context().verify_mode, lax.client_context().check_hostname) == (ssl.CERT_NONE, False)
    assert lax.server_context().verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("role", "option", "what"),
    [("ca", "--cacert", "CA certificate"), ("cert", "--cert", "certificate"), ("key", "--key", "key")],
)
def test_a_file_that_will_not_do_is_named(role: str, option: str, what: str, files: TlsFiles, tmp_path: Path) -> None:
    """With the option that names it, and what is wrong: missing, a folder, not PEM."""
    path = tmp_path / "x.pem"
    spoilt = evolve(files, **{role: str(path)})  # type: ignore[arg-type]
    assert both(spoilt) == [f"the {what} {path} ({option}) cannot be read: No such file or directory"] * 2
    path.mkdir()
    assert both(spoilt) == [f"the {what} {path} ({option}) cannot be read: Is a directory"] * 2
    path.rmdir()
    path.write_bytes(b"\x30\x82\x03\xff\x00")
    assert [text.partition(":")[0] for text in both(spoilt)] == [f"the {what} {path} ({option}) is not one in PEM"] * 2


@pytest.mark.parametrize("role", ["ca", "cert", "key"])
def test_a_file_that_is_garbled_is_named(role: str, files: TlsFiles, tmp_path: Path) -> None:
    """It looks like PEM, and is none."""
    path = tmp_path / "x.pem"
    kind = "PRIVATE KEY" if role == "key" else "CERTIFICATE"
    path.write_text(f"-----BEGIN {kind}-----\nAAAA\n-----END {kind}-----\n")
    for text in both(evolve(files, **{role: str(path)})):  # type: ignore[arg-type]
        assert str(path) in text
        assert "cannot be used" in text


def test_a_key_of_another_certificate_is_told(authority: Authority, files: TlsFiles) -> None:
    """Both files are named."""
    other = authority.issue("two")
    assert (
        both(evolve(files, key=other.key)) == [f"the key {other.key} is not that of the certificate {files.cert}"] * 2
    )


def test_an_encrypted_key_is_refused(files: TlsFiles) -> None:
    """OpenSSL would ask for its passphrase on the terminal."""
    assert files.key is not None
    key = load_pem_private_key(Path(files.key).read_bytes(), None)
    encrypted = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"secret"))
    Path(files.key).write_bytes(encrypted)
    assert both(files) == [f"the key {files.key} is encrypted, and nobody is asked for a passphrase: decrypt it"] * 2


@pytest.mark.parametrize(("role", "option"), [("cert", "--cert FILE"), ("key", "--key FILE")])
def test_a_certificate_needs_its_key(role: str, option: str, files: TlsFiles) -> None:
    """And a key its certificate."""
    assert all(text.endswith(option) for text in both(evolve(files, **{role: None})))  # type: ignore[arg-type]


def test_what_each_side_needs_is_asked_for(authority: Authority, files: TlsFiles) -> None:
    """A client the CA, and no certificate of its own; a server all."""
    TlsFiles(authority.ca).client_context()
    with pytest.raises(Invalid, match="--cacert FILE"):
        TlsFiles().client_context()
    with pytest.raises(Invalid, match="--cert FILE"):
        TlsFiles(authority.ca).server_context()
    with pytest.raises(Invalid, match="--cacert FILE"):
        evolve(files, ca=None).server_context()
