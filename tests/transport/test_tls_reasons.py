"""The words for what OpenSSL finds, for what no handshake here brings about."""

from __future__ import annotations

import re
import ssl

import pytest

from swarmkit.transport import tls_reason


def found(reason: str) -> ssl.SSLError:
    """Make the error that OpenSSL would have raised."""
    error = ssl.SSLError(1, f"[SSL: {reason}] {reason.lower()} (_ssl.c:1)")
    error.reason = reason
    return error


def distrusted(code: int, message: str = "told by OpenSSL") -> ssl.SSLCertVerificationError:
    """Make the error for a certificate that is not trusted."""
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, message
    return error


@pytest.mark.parametrize(
    ("reason", "without", "with_certificate"),
    [
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "it requires a client certificate", "it requires a client certificate"),
        ("SSLV3_ALERT_BAD_CERTIFICATE", "it requires a client certificate", r"it refuses our certificate \(c\.pem\)"),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", "does it require a client certificate", r"handshake of TLS \(handshake fail"),
        ("SSLV3_ALERT_CERTIFICATE_UNKNOWN", "our certificate", r"certificate \(c\.pem\) \(certificate unknown\)"),
        ("SSLV3_ALERT_CERTIFICATE_REVOKED", "our certificate", r"certificate \(c\.pem\) \(certificate revoked\)"),
        ("TLSV1_ALERT_PROTOCOL_VERSION", "no version of TLS from 1.2 on", "no version of TLS from 1.2 on"),
        ("TLSV1_ALERT_INTERNAL_ERROR", r"handshake of TLS \(internal error\)", r"handshake of TLS \(internal error\)"),
        ("TLSV1_UNRECOGNIZED_NAME", r"\(unrecognized name\)", r"\(unrecognized name\)"),
        ("UNSUPPORTED_PROTOCOL", "no version of TLS from 1.2 on", "no version of TLS from 1.2 on"),
        ("NO_SHARED_CIPHER", "TLS failed: no shared cipher", "TLS failed: no shared cipher"),
    ],
)
def test_alerts_are_told_in_words(reason: str, without: str, with_certificate: str) -> None:
    """What one means may hang on whether we have shown a certificate."""
    assert re.search(without, tls_reason(found(reason)))
    assert re.search(with_certificate, tls_reason(found(reason), cert="c.pem"))


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (18, "its certificate is not signed by the CA in ca.pem"),
        (26, "its certificate is not for this use (a server's, or a client's)"),
        (62, "its certificate is not for web"),
        (64, "its certificate is not for web"),
        (23, "its certificate is not to be trusted: told by OpenSSL"),
    ],
)
def test_distrust_is_told_in_words(code: int, says: str) -> None:
    """Where there are none of ours, OpenSSL's."""
    assert tls_reason(distrusted(code), host="web", ca="ca.pem") == says


def test_what_has_no_reason_is_told_as_it_is() -> None:
    """No error is without words."""
    error = found("")
    assert tls_reason(error) == f"TLS failed: {error.strerror}"
