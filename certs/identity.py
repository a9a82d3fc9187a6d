"""Who a certificate speaks for: LFDI, SFDI and fingerprint (IEEE 2030.5-2018, clause 6.3; OpenADR 2.0b profile, clause 10)."""

import hashlib
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certs.errors import CertificateError

LFDI_DIGITS = 40
_SFDI_HEX_DIGITS = 9  # the first 36 bits


@dataclass(frozen=True, slots=True)
class Identity:
    """The names of one leaf certificate.

    lfdi: 40 hex digits; sfdi: decimal with its check digit; fingerprint: SHA-256 of the DER, 64 hex digits. Upper case.
    """

    lfdi: str
    sfdi: int
    fingerprint: str


def identify(leaf: bytes) -> Identity:
    """The identity of a leaf in PEM (the first of a chain file) or DER; CertificateError if it is neither."""
    digest = hashlib.sha256(der_of(leaf)).hexdigest().upper()
    lfdi = digest[:LFDI_DIGITS]
    return Identity(lfdi, sfdi(lfdi), digest)


def openadr_fingerprint(leaf: bytes | x509.Certificate) -> str:
    """The fingerprint an OpenADR VTN binds to a venID: the last ten bytes of the SHA-256 of the DER, upper-case hex with colons."""
    der = leaf.public_bytes(Encoding.DER) if isinstance(leaf, x509.Certificate) else der_of(leaf)
    return grouped(hashlib.sha256(der).hexdigest()[-20:].upper(), 2, ":")


def sfdi(lfdi: str) -> int:
    """The SFDI of an LFDI: its first 36 bits in decimal, and a last digit that makes all digits sum to 0 mod 10.

    At least the first nine hex digits are needed, in either case; CertificateError otherwise.
    """
    head = lfdi[:_SFDI_HEX_DIGITS]
    if len(head) < _SFDI_HEX_DIGITS or not set(lfdi) <= set("0123456789abcdefABCDEF"):
        raise CertificateError(f"an LFDI is {LFDI_DIGITS} hex digits without separators, not {lfdi[:60]!r}")
    body = int(head, 16)
    check = -sum(int(digit) for digit in str(body)) % 10
    return body * 10 + check


def grouped(digits: str, size: int = 4, separator: str = "-") -> str:
    """Digits in groups for people's eyes: an LFDI as 3E4F-45AB-..., a fingerprint with size 2 and a colon."""
    return separator.join(digits[at : at + size] for at in range(0, len(digits), size))


def der_of(leaf: bytes) -> bytes:
    """The DER of the first certificate in PEM or DER bytes; CertificateError if there is none."""
    try:
        if b"-----BEGIN" in leaf:
            return x509.load_pem_x509_certificate(leaf).public_bytes(Encoding.DER)
        return x509.load_der_x509_certificate(leaf).public_bytes(Encoding.DER)
    except ValueError as fault:
        raise CertificateError(f"this is no certificate in PEM or DER: {fault}") from fault
