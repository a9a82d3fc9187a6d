"""A certificate authority of OpenADR kind for tests: RSA or P-256, written to files."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from certs.identity import openadr_fingerprint
from certs.tls import TlsFiles


@dataclass(frozen=True)
class Party:
    """One leaf, as files."""

    certificate: Path
    key: Path
    ca: Path

    @property
    def files(self) -> TlsFiles:
        return TlsFiles(self.certificate, self.key, self.ca)

    @property
    def fingerprint(self) -> str:
        return openadr_fingerprint(self.certificate.read_bytes())


@dataclass(frozen=True)
class Authority:
    """Signs leaves; ``kind``: rsa or ec."""

    folder: Path
    kind: str
    certificate: x509.Certificate
    key: Any

    def issue(self, name: str, *, days: float = 30.0, bits: int = 2048) -> Party:
        key = new_key(self.kind, bits)
        now = datetime.now(UTC)
        leaf = (
            _builder(name, self.certificate.subject, key, now, days)
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]), False
            )
            .sign(self.key, hashes.SHA256())
        )
        paths = [self.folder / f"{name}.{part}" for part in ("crt", "key", "ca")]
        paths[0].write_bytes(leaf.public_bytes(Encoding.PEM))
        paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        paths[2].write_bytes(self.certificate.public_bytes(Encoding.PEM))
        return Party(*paths)


def authority(folder: Path, kind: str) -> Authority:
    key = new_key(kind, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{kind} root")])
    certificate = (
        _builder(f"{kind} root", name, key, datetime.now(UTC), 30)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    return Authority(folder, kind, certificate, key)


def new_key(kind: str, bits: int) -> Any:
    if kind == "ec":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(65537, bits)


def _builder(name: str, issuer: x509.Name, key: Any, now: datetime, days: float) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + timedelta(days=days))
    )
