"""Until when a chain is good. RFC 5280, 4.1.2.5: the last second of the year 9999 says that there is no such moment."""

from datetime import UTC, datetime

from cryptography import x509

from certs.errors import CertificateError

_NEVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def end_of(chain: bytes) -> datetime | None:
    """When the first certificate of a chain in PEM, or the one in DER, stops being valid; None: none ever does.

    Peers check every link that is sent, and so the first to end counts. Those of IEEE 2030.5 (2018, 6.11) need not end.
    CertificateError if there is none.
    """
    try:
        pem = b"-----BEGIN" in chain
        links = x509.load_pem_x509_certificates(chain) if pem else [x509.load_der_x509_certificate(chain)]
    except ValueError as fault:
        raise CertificateError(f"this is no certificate in PEM or DER: {fault}") from fault
    first = min(link.not_valid_after_utc for link in links)
    return None if first >= _NEVER else first
