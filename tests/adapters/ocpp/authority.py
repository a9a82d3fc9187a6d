"""Certificates as OCPP has them: a common name on each, a host name on the server's; strict by RFC 5280, as Python 3.13 asks."""

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from certs.tls import TlsFiles


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _usage(*, signs: bool, issues: bool) -> x509.KeyUsage:
    others = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return x509.KeyUsage(digital_signature=signs, key_cert_sign=issues, crl_sign=issues, **others)


class Authority:
    """Issues into ``folder``."""

    def __init__(self, folder: Path, name: str = "root") -> None:
        self._folder, self._name = folder, name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.path = folder / f"{name}.pem"
        extension = x509.BasicConstraints(ca=True, path_length=0)
        certificate = self._built(name, self._key.public_key(), extension)
        self.path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, common: str) -> TlsFiles:
        """A leaf for 127.0.0.1, its key, and this authority."""
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = self._built(common, key.public_key(), x509.BasicConstraints(ca=False, path_length=None))
        files = TlsFiles(self._folder / f"{common}.pem", self._folder / f"{common}.key", self.path)
        files.certificate.write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
        plain = serialization.NoEncryption()
        files.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
        return files

    def client(self, files: TlsFiles | None = None) -> ssl.SSLContext:
        """Of a station that trusts this authority and shows a certificate, or none."""
        context = ssl.create_default_context(cafile=str(self.path))
        if files is not None:
            context.load_cert_chain(files.certificate, files.key)
        return context

    def _built(
        self, common: str, key: ec.EllipticCurvePublicKey, constraints: x509.BasicConstraints
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        host = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        return (
            x509.CertificateBuilder()
            .subject_name(_name(common))
            .issuer_name(_name(self._name))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(constraints, critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(_usage(signs=not constraints.ca, issues=constraints.ca), critical=True)
            .add_extension(x509.SubjectAlternativeName([host]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
