"""What IEEE 2030.5-2018, clause 6.11, forbids in a chain and OpenSSL lets pass, looked at when a handshake is done (CSIP COMM-004)."""

import hashlib
import ssl
from collections.abc import Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

_MAPPINGS = x509.ObjectIdentifier("2.5.29.33")
_EXTENDED_USAGE = ExtensionOID.EXTENDED_KEY_USAGE


def fault_of(chain: Sequence[bytes]) -> str:
    """Why a verified chain, leaf first and in DER, is refused all the same; empty when it is not.

    No certificate of an authority may have a critical extended key usage, or map policies.
    """
    for number, encoded in enumerate(chain[1:], start=1):
        try:
            extensions = list(x509.load_der_x509_certificate(encoded).extensions)
        except ValueError as fault:
            return f"certificate {number} above the leaf cannot be read: {fault}"
        for one in extensions:
            if one.oid == _EXTENDED_USAGE and one.critical:
                return f"certificate {number} above the leaf has a critical extended key usage"
            if one.oid == _MAPPINGS:
                return f"certificate {number} above the leaf maps policies"
    return ""


def audit(context: ssl.SSLContext) -> None:
    """Have every handshake of this context end in an SSLCertVerificationError where the peer's chain is refused.

    A resumed session shows no chain: it is taken only for a leaf that this context has seen in a whole handshake, and not refused.
    """
    _PASSED[context] = set()
    context.sslobject_class = _AuditedObject
    context.sslsocket_class = _AuditedSocket


_PASSED: Final[WeakKeyDictionary[ssl.SSLContext, set[bytes]]] = WeakKeyDictionary()
"""The leaves that passed, by context."""


class _AuditedObject(ssl.SSLObject):
    def do_handshake(self) -> None:
        """As OpenSSL does it, and then what it leaves out."""
        super().do_handshake()
        _audit(self)


class _AuditedSocket(ssl.SSLSocket):
    def do_handshake(self, block: bool = False) -> None:
        """As OpenSSL does it, and then what it leaves out."""
        super().do_handshake(block)
        _audit(self)


def _audit(connection: ssl.SSLObject | ssl.SSLSocket) -> None:
    passed = _PASSED[connection.context]
    leaf = hashlib.sha256(connection.getpeercert(binary_form=True) or b"").digest()
    if connection.session_reused:
        fault = "" if leaf in passed else "a session was resumed whose chain was never seen, or refused"
    else:
        fault = fault_of(_verified(connection))
    if fault:
        raise ssl.SSLCertVerificationError(f"certificate chain refused: {fault}")
    passed.add(leaf)


def _verified(connection: Any) -> tuple[bytes, ...]:
    """The chain that OpenSSL verified, in DER. Public from Python 3.13 on; before, the same call one object further in."""
    told = getattr(connection, "get_verified_chain", None) or connection._sslobj.get_verified_chain
    return tuple(
        one if isinstance(one, bytes) else ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in told() or ()
    )
