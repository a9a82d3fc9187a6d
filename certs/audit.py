"""What IEEE 2030.5-2018, clause 6.11, forbids in a chain and OpenSSL lets pass, looked at when a handshake is done (CSIP COMM-004)."""

import hashlib
import ssl
from collections.abc import Sequence
from typing import Any, ClassVar

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

    class Audited(_Audited):
        """Connections of this context, with the leaves that passed."""

        passed: ClassVar[set[bytes]] = set()

    context.sslobject_class = Audited


class _Audited(ssl.SSLObject):
    passed: ClassVar[set[bytes]]

    def do_handshake(self) -> None:
        """As OpenSSL does it, and then what it leaves out."""
        super().do_handshake()
        leaf = hashlib.sha256(self.getpeercert(binary_form=True) or b"").digest()
        if self.session_reused:
            fault = "" if leaf in self.passed else "a session was resumed whose chain was never seen, or refused"
        else:
            fault = fault_of(_verified(self))
        if fault:
            raise ssl.SSLCertVerificationError(f"certificate chain refused: {fault}")
        self.passed.add(leaf)


def _verified(connection: Any) -> tuple[bytes, ...]:
    """The chain that OpenSSL verified, in DER. Public from Python 3.13 on; before, the same call one object further in."""
    told = getattr(connection, "get_verified_chain", None) or connection._sslobj.get_verified_chain
    return tuple(
        one if isinstance(one, bytes) else ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in told() or ()
    )
