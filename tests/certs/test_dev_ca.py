"""The lab's certificates carry what IEEE 2030.5 asks of them, and their keys stay private."""

import stat
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID
from py20305.client.tls import verify_ieee2030_5_chain

from certs import dev_ca
from certs.errors import CertificateError

NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture(scope="module")
def device() -> dev_ca.Issued:
    return dev_ca.issue(dev_ca.authority("lab", NOW), "SN-0042", NOW)


def test_subject_is_empty_and_the_name_is_the_hardware_module(device: dev_ca.Issued) -> None:
    leaf = device.certificate
    assert list(leaf.subject) == []
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.critical
    (name,) = names.value
    assert isinstance(name, x509.OtherName)
    assert name.type_id.dotted_string == "1.3.6.1.5.5.7.8.4"
    # 1.3.6.1.4.1.32473.1: 1*40+3 = 2B; 32473 = 1*128^2 + 125*128 + 89 = 81 FD 59; nine bytes of content.
    # The serial is seven ASCII bytes; 2 + 9 + 2 + 7 = 20 = 0x14 in the sequence.
    assert name.value == bytes.fromhex("3014 0609 2B0601040181FD5901 0407") + b"SN-0042"


def test_usage_and_policies_are_critical_and_nothing_else_is_but_the_name(device: dev_ca.Issued) -> None:
    extensions = device.certificate.extensions
    critical = {one.oid for one in extensions if one.critical}
    assert critical == {
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.CERTIFICATE_POLICIES,
    }
    # digitalSignature and keyAgreement (bits 0 and 4 of nine), no other.
    usage = extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage == x509.KeyUsage(True, False, False, False, True, False, False, False, False)
    policies = extensions.get_extension_for_class(x509.CertificatePolicies).value
    assert [one.policy_identifier.dotted_string for one in policies] == [
        "1.3.6.1.4.1.40732.1.1",
        "1.3.6.1.4.1.40732.2.1",
    ]


def test_it_never_ends_and_lies_on_p_256(device: dev_ca.Issued) -> None:
    assert device.certificate.not_valid_after_utc == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    key = device.certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"


@pytest.mark.parametrize(
    ("depth", "names"),
    [(2, ["lab SERCA"]), (3, ["lab MICA", "lab SERCA"]), (4, ["lab MICA", "lab MCA", "lab SERCA"])],
)
def test_chains_of_two_three_and_four(depth: int, names: list[str]) -> None:
    leaf = dev_ca.issue(dev_ca.authority("lab", NOW, depth), "SN-1", NOW)
    chain = [leaf.certificate, *leaf.issuers, leaf.root]
    assert [one.issuer.rfc4514_string() for one in chain[:-1]] == [f"CN={name}" for name in names]
    for lower, upper in pairwise(chain):
        lower.verify_directly_issued_by(upper)
    assert leaf.chain_pem().count(b"BEGIN CERTIFICATE") == depth - 1


def test_each_authority_may_sign_no_deeper_chain_than_is_below_it() -> None:
    leaf = dev_ca.issue(dev_ca.authority("lab", NOW), "SN-1", NOW)
    lengths = [
        one.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
        for one in (*leaf.issuers, leaf.root)
    ]
    assert lengths == [0, 1, 2]
    # keyCertSign and cRLSign (bits 5 and 6 of nine), no other.
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    for one in (*leaf.issuers, leaf.root):
        assert one.extensions.get_extension_for_class(x509.KeyUsage).value == usage


def test_the_peer_finds_no_fault_with_the_chain(device: dev_ca.Issued) -> None:
    verify_ieee2030_5_chain(
        [one.public_bytes(Encoding.DER) for one in (device.certificate, *device.issuers, device.root)]
    )


@pytest.mark.parametrize("depth", [0, 1, 5])
def test_other_depths_are_refused(depth: int) -> None:
    with pytest.raises(CertificateError, match="2, 3 or 4"):
        dev_ca.authority("lab", NOW, depth)


@pytest.mark.parametrize("serial", ["", "x" * 65, "é" * 33])
def test_serial_numbers_that_do_not_fit_are_refused(serial: str) -> None:
    with pytest.raises(CertificateError, match="1 to 64 bytes"):
        dev_ca.issue(dev_ca.authority("lab", NOW, 2), serial, NOW)


def test_the_longest_serial_number_still_parses() -> None:
    leaf = dev_ca.issue(dev_ca.authority("lab", NOW, 2), "x" * 64, NOW)
    (name,) = leaf.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert name.value.endswith(b"\x04\x40" + b"x" * 64)


def test_hosts_stand_beside_the_hardware_name() -> None:
    leaf = dev_ca.issue(dev_ca.authority("lab", NOW, 2), "SN-1", NOW, hosts=("utility.example", "127.0.0.1", "::1"))
    names = leaf.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["utility.example"]
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]


def test_two_devices_share_nothing() -> None:
    issuer = dev_ca.authority("lab", NOW, 2)
    one, other = dev_ca.issue(issuer, "SN-1", NOW), dev_ca.issue(issuer, "SN-1", NOW)
    assert one.key_pem() != other.key_pem()
    assert one.certificate.serial_number != other.certificate.serial_number


def test_keys_are_written_for_their_owner_alone(device: dev_ca.Issued, tmp_path: Path) -> None:
    paths = dev_ca.write(device, tmp_path / "pki", "device")
    assert stat.S_IMODE(paths.key.stat().st_mode) == 0o600
    assert b"PRIVATE" not in paths.chain.read_bytes() + paths.root.read_bytes()


def test_nothing_is_overwritten(device: dev_ca.Issued, tmp_path: Path) -> None:
    paths = dev_ca.write(device, tmp_path, "device")
    before = paths.key.read_bytes()
    with pytest.raises(CertificateError, match=r"device\.key"):
        dev_ca.write(dev_ca.issue(dev_ca.authority("other", NOW), "SN-1", NOW), tmp_path, "device")
    assert paths.key.read_bytes() == before


def test_an_authority_read_back_issues_below_the_same_root(tmp_path: Path) -> None:
    made = dev_ca.authority("lab", NOW, 4)
    dev_ca.write(made, tmp_path, "ca")
    again = dev_ca.read(tmp_path, "ca")
    leaf = dev_ca.issue(again, "SN-2", NOW)
    assert leaf.root == made.root
    assert leaf.issuers == (made.certificate, *made.issuers)
    leaf.certificate.verify_directly_issued_by(made.certificate)


def test_a_root_read_back_issues_chains_of_two(tmp_path: Path) -> None:
    made = dev_ca.authority("lab", NOW, 2)
    dev_ca.write(made, tmp_path, "ca")
    assert dev_ca.issue(dev_ca.read(tmp_path, "ca"), "SN-2", NOW).issuers == ()


def test_reading_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(CertificateError, match=r"ca\.chain\.pem"):
        dev_ca.read(tmp_path, "ca")


def test_reading_refuses_a_strange_key(device: dev_ca.Issued, tmp_path: Path) -> None:
    paths = dev_ca.write(device, tmp_path, "device")
    paths.key.write_bytes(dev_ca.issue(dev_ca.authority("lab", NOW, 2), "x", NOW).key_pem())
    with pytest.raises(CertificateError, match="does not belong"):
        dev_ca.read(tmp_path, "device")


@pytest.mark.parametrize("part", ["chain.pem", "root.pem", "key"])
def test_reading_refuses_rubbish(device: dev_ca.Issued, tmp_path: Path, part: str) -> None:
    dev_ca.write(device, tmp_path, "device")
    (tmp_path / f"device.{part}").write_bytes(b"rubbish")
    with pytest.raises(CertificateError, match="not PEM"):
        dev_ca.read(tmp_path, "device")


def test_an_authority_needs_a_name_that_fits() -> None:
    with pytest.raises(CertificateError, match="cannot name an authority"):
        dev_ca.authority("x" * 80, NOW)
