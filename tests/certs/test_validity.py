"""When a chain ends: the first link that does, or never."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from certs import dev_ca
from certs.errors import CertificateError
from certs.validity import end_of

NOW = datetime(2026, 11, 29, tzinfo=UTC)
END = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def lab() -> dev_ca.Issued:
    return dev_ca.authority("lab", NOW, depth=3)


def test_a_device_certificate_without_an_end_has_none(lab: dev_ca.Issued) -> None:
    assert end_of(dev_ca.issue(lab, "SN-1", NOW).chain_pem()) is None


def test_an_end_is_told_to_the_second_in_pem_and_der(lab: dev_ca.Issued) -> None:
    issued = dev_ca.issue(lab, "SN-1", NOW, not_after=END)
    assert end_of(issued.chain_pem()) == END
    assert end_of(issued.certificate.public_bytes(Encoding.DER)) == END


def test_the_first_link_to_end_counts_wherever_it_stands_in_the_chain(lab: dev_ca.Issued) -> None:
    pem = {
        end: dev_ca.issue(lab, "SN", NOW, not_after=end).certificate.public_bytes(Encoding.PEM)
        for end in (END, END + timedelta(days=1))
    }
    later, sooner = pem[END + timedelta(days=1)], pem[END]
    assert end_of(later + sooner) == end_of(sooner + later) == END


@pytest.mark.parametrize(
    "told",
    [b"", b"not a certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"],
    ids=["nothing", "words", "broken PEM"],
)
def test_what_is_no_certificate_is_refused(told: bytes) -> None:
    with pytest.raises(CertificateError, match="no certificate"):
        end_of(told)
