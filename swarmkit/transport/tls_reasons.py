"""What OpenSSL finds wrong with a peer, in words that say what can be done. Pure. "It" is the peer, "we" are we."""

from __future__ import annotations

import re
import ssl

EXPIRED, NOT_YET_VALID = 10, 9
UNKNOWN_CA = frozenset({2, 18, 19, 20, 21})
OTHER_NAME = frozenset({62, 64})
WRONG_PURPOSE = 26
"""Results of verifying a certificate (OpenSSL's X509_V_ERR_*)."""

_ALERT = re.compile(r"(?:SSLV3|TLSV1|TLSV13)_(?:ALERT_)?(.+)")


def tls_reason(error: ssl.SSLError, *, host: str = "its host", ca: str | None = None, cert: str | None = None) -> str:
    """Say why TLS with a peer failed: `host` is what it was called, `ca` and `cert` are the files that were used."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _distrust(error, host, ca)
    reason = error.reason or ""
    if alert := _ALERT.fullmatch(reason):
        return _refusal(alert.group(1), cert)
    if reason == "PEER_DID_NOT_RETURN_A_CERTIFICATE":
        return "it presented no certificate, and one is required"
    if reason in ("UNSUPPORTED_PROTOCOL", "NO_PROTOCOLS_AVAILABLE"):
        return "it speaks no version of TLS from 1.2 on"
    return f"TLS failed: {_words(reason) or error.strerror or error}"


def is_for_another_name(error: ssl.SSLError | None) -> bool:
    """Tell whether the peer's certificate is good, but for another host."""
    return isinstance(error, ssl.SSLCertVerificationError) and error.verify_code in OTHER_NAME


def _distrust(error: ssl.SSLCertVerificationError, host: str, ca: str | None) -> str:
    """Say why we do not trust the peer's certificate."""
    code = error.verify_code
    if code == EXPIRED:
        return "its certificate has expired"
    if code == NOT_YET_VALID:
        return "its certificate is not valid yet: is the clock right, here and there?"
    if code in UNKNOWN_CA:
        return f"its certificate is not signed by the CA in {ca}" if ca else "its certificate's CA is not known here"
    if code in OTHER_NAME:
        return f"its certificate is not for {host}"
    if code == WRONG_PURPOSE:
        return "its certificate is not for this use (a server's, or a client's)"
    return f"its certificate is not to be trusted: {error.verify_message}"


def _refusal(alert: str, cert: str | None) -> str:
    """Say what an alert of the peer means (RFC 8446, 6.2); ones of the certificate mean ours, or that there is none."""
    ours = f"our certificate ({cert})" if cert else "our certificate"
    if alert == "CERTIFICATE_REQUIRED" or (alert == "BAD_CERTIFICATE" and not cert):
        return "it requires a client certificate: --cert and --key"
    if alert == "UNKNOWN_CA":
        return f"it does not trust {ours}: it is not signed by a CA known there"
    if alert == "CERTIFICATE_EXPIRED":
        return f"it refuses {ours}: it has expired, or is not valid yet"
    if alert in ("BAD_CERTIFICATE", "CERTIFICATE_UNKNOWN", "UNSUPPORTED_CERTIFICATE", "CERTIFICATE_REVOKED"):
        return f"it refuses {ours} ({_words(alert)}): is it of the CA used there, still valid, and of the right name?"
    if alert == "HANDSHAKE_FAILURE" and not cert:
        return "it refuses the handshake of TLS: does it require a client certificate (--cert and --key)?"
    if alert == "PROTOCOL_VERSION":
        return "it speaks no version of TLS from 1.2 on"
    return f"it refuses the handshake of TLS ({_words(alert)})"


def _words(constant: str) -> str:
    return constant.replace("_", " ").lower()
