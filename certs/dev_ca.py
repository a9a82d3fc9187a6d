"""A throwaway 2030.5 certificate authority for labs: SERCA -> (MCA) -> (MICA) -> leaf (2018 edition, clause 6.11).

Nothing here is fit for a grid: keys live in plain files and nothing is ever revoked. Keys are drawn from the system's
randomness; the time is an argument.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from certs.errors import CertificateError

FOREVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)  # RFC 5280, 4.1.2.5: "no well-defined expiration date"
DEPTHS = (2, 3, 4)

_HARDWARE_MODULE_NAME = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.4")
_LAB_HARDWARE_TYPE = "1.3.6.1.4.1.32473.1"  # under the enterprise number that RFC 5612 keeps for examples
_ANY_POLICY = x509.ObjectIdentifier("2.5.29.32.0")
_TEST_POLICY = x509.ObjectIdentifier("1.3.6.1.4.1.40732.2.1")
_INTERMEDIATES = {2: (), 3: ("MICA",), 4: ("MCA", "MICA")}


class Role(Enum):
    """What a leaf is for, by its policy identifier: a device (server or gateway alike), or one keyed after making."""

    DEVICE = "1.3.6.1.4.1.40732.1.1"
    MOBILE = "1.3.6.1.4.1.40732.1.2"
    POST_MANUFACTURE = "1.3.6.1.4.1.40732.1.3"


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with its key. `issuers` are those between it and the root, nearest first; `root` is the SERCA."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    issuers: tuple[x509.Certificate, ...]
    root: x509.Certificate

    def links(self) -> tuple[x509.Certificate, ...]:
        """What a certificate issued from this one has between itself and the root."""
        return () if self.certificate == self.root else (self.certificate, *self.issuers)

    def chain_pem(self) -> bytes:
        """Leaf first, then its issuers without the root: what TLS sends (RFC 5246, 7.4.2 lets the root be left out)."""
        return b"".join(one.public_bytes(Encoding.PEM) for one in (self.certificate, *self.issuers))

    def root_pem(self) -> bytes:
        """The SERCA, which the other side must hold."""
        return self.root.public_bytes(Encoding.PEM)

    def key_pem(self) -> bytes:
        """The private key in PKCS#8, unencrypted."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@dataclass(frozen=True, slots=True)
class Paths:
    """Where one certificate was written: chain, key (mode 0600) and root."""

    chain: Path
    key: Path
    root: Path


def authority(
    name: str, now: datetime, depth: int = 4, *, also: Sequence[tuple[x509.ExtensionType, bool]] = ()
) -> Issued:
    """A fresh authority whose leaves end chains of `depth` certificates, leaf and SERCA included (2, 3 or 4).

    `also`: extensions (and whether critical) of each intermediate, for labs that try what must be refused.
    """
    if depth not in DEPTHS:
        raise CertificateError(f"a 2030.5 chain has 2, 3 or 4 certificates, not {depth}")
    below = _INTERMEDIATES[depth]
    key = _new_key()
    subject = _named(f"{name} SERCA")
    serca = _ca_builder(subject, subject, key, key, now, len(below)).sign(key, hashes.SHA256())
    issuer = Issued(serca, key, (), serca)
    for left, title in enumerate(below, start=1):
        issuer = _intermediate(issuer, f"{name} {title}", now, len(below) - left, also)
    return issuer


def issue(
    issuer: Issued,
    serial: str,
    now: datetime,
    *,
    role: Role = Role.DEVICE,
    hosts: Sequence[str] = (),
    not_after: datetime = FOREVER,
) -> Issued:
    """A leaf for one device or server: empty subject, HardwareModuleName `serial`, no end unless `not_after` says so.

    `hosts` (names or addresses) are added for clients that insist on a host name; the standard needs none.
    """
    length = len(serial.encode(errors="surrogatepass"))
    if not 1 <= length <= 64 or not serial.isprintable():
        raise CertificateError(f"a hardware serial number has 1 to 64 bytes of text, not {length}: {serial[:64]!r}")
    key = _new_key()
    policies = (x509.ObjectIdentifier(role.value), _TEST_POLICY)
    names = [x509.OtherName(_HARDWARE_MODULE_NAME, _hardware_module_name(serial)), *map(_host, hosts)]
    certificate = (
        _builder(x509.Name([]), issuer.certificate.subject, key, now, not_after)
        .add_extension(x509.SubjectAlternativeName(names), critical=True)
        .add_extension(_usage(sign=True, agree=True), critical=True)
        .add_extension(_policies(*policies), critical=True)
        .add_extension(_key_of_issuer(issuer.key), critical=False)
        .sign(issuer.key, hashes.SHA256())
    )
    return Issued(certificate, key, issuer.links(), issuer.root)


def write(issued: Issued, folder: Path, name: str) -> Paths:
    """Writes name.chain.pem, name.key and name.root.pem into `folder`; never over a file that exists."""
    paths = Paths(folder / f"{name}.chain.pem", folder / f"{name}.key", folder / f"{name}.root.pem")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_new(paths.key, issued.key_pem(), 0o600)
        _write_new(paths.chain, issued.chain_pem(), 0o644)
        _write_new(paths.root, issued.root_pem(), 0o644)
    except OSError as fault:
        # a disk that is full names no file
        raise CertificateError(f"cannot write {fault.filename or folder / name}: {fault.strerror}") from fault
    return paths


def read(folder: Path, name: str) -> Issued:
    """What `write` left under this name, to issue more from it; CertificateError if it is absent or does not match."""
    try:
        chain = x509.load_pem_x509_certificates((folder / f"{name}.chain.pem").read_bytes())
        root = x509.load_pem_x509_certificate((folder / f"{name}.root.pem").read_bytes())
        key = load_pem_private_key((folder / f"{name}.key").read_bytes(), password=None)
    except OSError as fault:
        raise CertificateError(f"cannot read {fault.filename}: {fault.strerror}") from fault
    except (ValueError, TypeError) as fault:
        raise CertificateError(f"{folder / name}.*: not PEM, or the key is encrypted: {fault}") from fault
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != chain[0].public_key():
        raise CertificateError(f"{folder / name}.key does not belong to {folder / name}.chain.pem")
    return Issued(chain[0], key, tuple(chain[1:]), root)


def _intermediate(
    issuer: Issued, name: str, now: datetime, path_length: int, also: Sequence[tuple[x509.ExtensionType, bool]]
) -> Issued:
    key = _new_key()
    subject = _named(name)
    builder = _ca_builder(subject, issuer.certificate.subject, key, issuer.key, now, path_length).add_extension(
        _policies(_ANY_POLICY), critical=True
    )
    for extension, critical in also:
        builder = builder.add_extension(extension, critical=critical)
    certificate = builder.sign(issuer.key, hashes.SHA256())
    return Issued(certificate, key, issuer.links(), issuer.root)


def _ca_builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    now: datetime,
    path_length: int,
) -> x509.CertificateBuilder:
    return (
        _builder(subject, issuer, key, now, FOREVER)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_usage(certify=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_key_of_issuer(issuer_key), critical=False)
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, not_after: datetime
) -> x509.CertificateBuilder:
    # A day of grace: the clocks of a lab disagree.
    not_before = min(now, not_after) - timedelta(days=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
    )


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _named(common_name: str) -> x509.Name:
    try:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    except ValueError as fault:
        raise CertificateError(f"{common_name[:80]!r} cannot name an authority: {fault}") from fault


def _usage(*, sign: bool = False, agree: bool = False, certify: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=agree,
        key_cert_sign=certify,
        crl_sign=certify,
        encipher_only=False,
        decipher_only=False,
    )


def _policies(*identifiers: x509.ObjectIdentifier) -> x509.CertificatePolicies:
    return x509.CertificatePolicies([x509.PolicyInformation(one, None) for one in identifiers])


def _key_of_issuer(key: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        pass
    try:
        return x509.DNSName(host)
    except ValueError as fault:
        raise CertificateError(f"{host[:80]!r} is no host name; in other scripts write its xn-- form") from fault


def _hardware_module_name(serial: str) -> bytes:
    """RFC 4108, clause 5: SEQUENCE { hwType OBJECT IDENTIFIER, hwSerialNum OCTET STRING } in DER."""
    first, second, *arcs = (int(arc) for arc in _LAB_HARDWARE_TYPE.split("."))
    hardware_type = bytes([first * 40 + second]) + b"".join(map(_base128, arcs))
    return _tagged(0x30, _tagged(0x06, hardware_type) + _tagged(0x04, serial.encode()))


def _tagged(tag: int, body: bytes) -> bytes:
    # The short form of a DER length reaches 127; serial numbers stop at 64 bytes.
    return bytes([tag, len(body)]) + body


def _base128(number: int) -> bytes:
    septets = [number & 0x7F]
    while number := number >> 7:
        septets.insert(0, number & 0x7F | 0x80)
    return bytes(septets)


def _write_new(path: Path, content: bytes, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        try:
            file.write(content)
            file.flush()
        except OSError:
            path.unlink()  # half of it is none, and would be in the way of the next attempt
            raise
