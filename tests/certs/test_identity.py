"""LFDI, SFDI and fingerprint against the standard's own example, a peer library and arithmetic by hand."""

import hashlib
import re
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st
from py20305.security.identity import compute_cert_fingerprint, compute_lfdi, compute_sfdi

from certs import dev_ca, identity
from certs.errors import CertificateError

NOW = datetime(2026, 11, 24, tzinfo=UTC)
EXAMPLE = "3E4F45AB31EDFE5B67E343E5E4562E31984E23E5"


@pytest.fixture(scope="module")
def leaf() -> dev_ca.Issued:
    return dev_ca.issue(dev_ca.authority("lab", NOW, depth=3), "SN-1", NOW)


def test_the_example_of_the_standard_gives_its_sfdi() -> None:
    # 0x3E4F45AB3 = 16726121139; 1+6+7+2+6+1+2+1+1+3+9 = 39; 39 + 1 = 40, so the check digit is 1.
    assert 0x3E4F45AB3 == 16726121139
    assert identity.sfdi(EXAMPLE) == 167261211391


@pytest.mark.parametrize(
    ("lfdi", "expected"),
    [
        ("0" * 40, 0),
        ("000000001" + "F" * 31, 19),  # 1: the digit that makes 10 is 9
        ("00000000A" + "0" * 31, 109),  # 10: 1+0, so 9
        ("000000013" + "0" * 31, 190),  # 19: 1+9 = 10 already
        ("F" * 40, 687194767357),  # 2^36 - 1 = 68719476735: 6+8+7+1+9+4+7+6+7+3+5 = 63, so 7
    ],
)
def test_check_digit_by_hand(lfdi: str, expected: int) -> None:
    assert identity.sfdi(lfdi) == expected


@given(st.text(alphabet="0123456789abcdefABCDEF", min_size=40, max_size=40))
def test_sfdi_agrees_with_the_peer_and_its_digits_sum_to_a_multiple_of_ten(lfdi: str) -> None:
    ours = identity.sfdi(lfdi)
    assert ours == compute_sfdi(lfdi)
    assert sum(map(int, str(ours))) % 10 == 0


def test_a_certificate_is_named_as_the_peer_names_it(leaf: dev_ca.Issued) -> None:
    pem = leaf.certificate.public_bytes(Encoding.PEM)
    found = identity.identify(pem)
    assert found.lfdi == compute_lfdi(pem.decode()).upper()
    assert found.fingerprint == compute_cert_fingerprint(pem.decode())
    assert found.sfdi == compute_sfdi(found.lfdi)


def test_lfdi_is_the_first_twenty_bytes_of_the_hash_of_the_der(leaf: dev_ca.Issued) -> None:
    der = leaf.certificate.public_bytes(Encoding.DER)
    assert bytes.fromhex(identity.identify(der).lfdi) == hashlib.sha256(der).digest()[:20]
    assert re.fullmatch("[0-9A-F]{40}", identity.identify(der).lfdi)


def test_of_a_chain_file_the_leaf_speaks(leaf: dev_ca.Issued) -> None:
    assert leaf.chain_pem().count(b"BEGIN CERTIFICATE") == 2
    assert identity.identify(leaf.chain_pem()) == identity.identify(leaf.certificate.public_bytes(Encoding.DER))


def test_text_before_the_pem_changes_nothing(leaf: dev_ca.Issued) -> None:
    assert identity.identify(b"subject=\nissuer=lab\n" + leaf.chain_pem()) == identity.identify(leaf.chain_pem())


@pytest.mark.parametrize(
    "nonsense", [b"", b"\x00" * 40, b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", b"<html>"]
)
def test_what_is_no_certificate_is_refused(nonsense: bytes) -> None:
    with pytest.raises(CertificateError, match="no certificate"):
        identity.identify(nonsense)


def test_a_key_is_no_certificate(leaf: dev_ca.Issued) -> None:
    with pytest.raises(CertificateError):
        identity.identify(leaf.key_pem())


def test_der_with_a_tail_is_refused(leaf: dev_ca.Issued) -> None:
    with pytest.raises(CertificateError):
        identity.identify(leaf.certificate.public_bytes(Encoding.DER) + b"\x00")


@pytest.mark.parametrize(
    "lfdi", ["", "3E4F45AB", "3E4F-45AB-31ED", "0x3E4F45AB31ED", "3E4F45AB3 1ED", "１２３４５６７８９"]
)
def test_what_is_no_lfdi_is_refused(lfdi: str) -> None:
    with pytest.raises(CertificateError, match="40 hex digits"):
        identity.sfdi(lfdi)


def test_digits_are_grouped_for_eyes() -> None:
    assert identity.grouped(EXAMPLE) == "3E4F-45AB-31ED-FE5B-67E3-43E5-E456-2E31-984E-23E5"
    assert identity.grouped("ABCDEF", 2, ":") == "AB:CD:EF"
    assert identity.grouped("ABCDE") == "ABCD-E"
