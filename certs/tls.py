"""The TLS contexts the standards demand, certificates on both sides.

IEEE 2030.5-2018, clause 6.11: version 1.2, P-256, two suites. OpenADR 2.0b profile, clause 10: version 1.2, RSA of 2048 bits or P-256;
a VTN must select one of two suites (rule 67), which today's libraries do not offer by themselves. Modbus/TCP Security
(MB-TCP-Security-v21, 2018): version 1.2 or later, any key.

asyncio holds a buffer of 256 KiB for every TLS connection. Most of what is said over these fits into 4 KiB, and longer messages come in
several turns: whoever makes a context here has that buffer in the whole process.
"""

import ssl
from asyncio import sslproto
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from certs.audit import audit
from certs.errors import CertificateError
from certs.identity import der_of

SUITES = {
    "CCM8": "ECDHE-ECDSA-AES128-CCM8",
    "GCM": "ECDHE-ECDSA-AES128-GCM-SHA256",
}
DEFAULT_CIPHERS = ("CCM8", "GCM")

OPENADR_CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES128-SHA256",
    "ECDHE-RSA-AES128-SHA256",
    "AES128-GCM-SHA256",
    "AES128-SHA256",
)
"""OpenSSL names, best first; the third and the last are the suites of rule 67."""

OCPP_CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
)
"""OpenSSL names, best first: the suites that OCPP demands, and between them those that it permits and everybody has."""

_BUFFER = 4 * 1024


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: own chain (leaf first, then its issuers), own key, and the roots the other side must descend from."""

    certificate: Path
    key: Path
    ca: Path


def client_context(files: TlsFiles, ciphers: Sequence[str] = DEFAULT_CIPHERS) -> ssl.SSLContext:
    """The context of a 2030.5 client; `ciphers` name SUITES, preferred first. CertificateError says what is wrong."""
    return _context(ssl.PROTOCOL_TLS_CLIENT, files, ciphers)


def server_context(files: TlsFiles, ciphers: Sequence[str] = DEFAULT_CIPHERS) -> ssl.SSLContext:
    """The context of a 2030.5 server: refuses a client without a certificate, resumes by session ticket."""
    context = _context(ssl.PROTOCOL_TLS_SERVER, files, ciphers)
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    context.options &= ~ssl.OP_NO_TICKET
    return context


def modbus_context(files: TlsFiles) -> ssl.SSLContext:
    """The context of a Modbus/TCP Security client, clause 8. CertificateError says what is wrong.

    Interpretation: the chain is what is trusted; a device is addressed by whatever number its network gives it today, which its
    certificate does not carry.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    _load_chain(context, files)
    return context


def ocpp_server_context(files: TlsFiles, *, certificates: bool) -> ssl.SSLContext:
    """The context of a central system: security profile 2 of OCPP or, with ``certificates``, 3, which refuses a station without one.

    Security whitepaper edition 2, clause 2.6; 2.0.1 part 2, A00. CertificateError says what is wrong.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_ciphers(":".join(OCPP_CIPHERS))
    _load_chain(context, files)
    context.verify_mode = ssl.CERT_REQUIRED if certificates else ssl.CERT_NONE
    return context


def openadr_client_context(
    files: TlsFiles, ciphers: Sequence[str] = OPENADR_CIPHERS, *, check_host: bool = True, tls13: bool = False
) -> ssl.SSLContext:
    """The context of a VEN. ``ciphers``: OpenSSL names, per VTN; ``tls13``: offer the newer version too, where a VTN is known to take it.

    CertificateError says what is wrong.
    """
    context = _openadr(ssl.PROTOCOL_TLS_CLIENT, files, ciphers, tls13)
    context.check_hostname = check_host
    return context


def openadr_server_context(
    files: TlsFiles, ciphers: Sequence[str] = OPENADR_CIPHERS, *, tls13: bool = False
) -> ssl.SSLContext:
    """The context of a VEN that is pushed to: refuses a client without a certificate."""
    return _openadr(ssl.PROTOCOL_TLS_SERVER, files, ciphers, tls13)


def _openadr(protocol: ssl._SSLMethod, files: TlsFiles, ciphers: Sequence[str], tls13: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_3 if tls13 else ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    if not ciphers:
        raise CertificateError("ciphers: none are named")
    try:
        context.set_ciphers(":".join(ciphers))
    except ssl.SSLError as fault:
        raise CertificateError(f"this OpenSSL ({ssl.OPENSSL_VERSION}) offers none of {list(ciphers)}") from fault
    key = x509.load_der_x509_certificate(der_of(_read("certificate", files.certificate))).public_key()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < 2048:
        raise CertificateError(
            f"tls certificate {files.certificate}: RSA of {key.key_size} bits; OpenADR asks for 2048"
        )
    _load_chain(context, files)
    return context


def cipher_string(ciphers: Sequence[str]) -> str:
    """The OpenSSL cipher list for names of SUITES; CertificateError if empty, doubled or unknown.

    OpenSSL 3.2 and later rank CCM8 (a 64-bit tag) at security level 0, so asking for it lowers the level: worth a
    line in the log.
    """
    if not ciphers or len(set(ciphers)) != len(ciphers) or not set(ciphers) <= SUITES.keys():
        raise CertificateError(f"ciphers must be one or more of {', '.join(SUITES)}, each once, not {list(ciphers)}")
    names = [SUITES[name] for name in ciphers]
    return ":".join([*names, "@SECLEVEL=0"] if "CCM8" in ciphers else names)


def _context(protocol: ssl._SSLMethod, files: TlsFiles, ciphers: Sequence[str]) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    # set_ciphers does not govern TLS 1.3: without the cap two modern peers pick a suite the standard does not name.
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    # A 2030.5 server certificate may carry a HardwareModuleName and no host name: the chain is what is trusted.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_ecdh_curve("prime256v1")
    _choose_ciphers(context, ciphers)
    _load(context, files)
    audit(context)
    return context


def _choose_ciphers(context: ssl.SSLContext, ciphers: Sequence[str]) -> None:
    try:
        context.set_ciphers(cipher_string(ciphers))
    except ssl.SSLError as fault:
        raise CertificateError(f"this OpenSSL ({ssl.OPENSSL_VERSION}) offers none of {list(ciphers)}") from fault
    # OpenSSL drops a suite it does not know without a word.
    offered = {suite["name"] for suite in context.get_ciphers()}
    absent = [name for name in ciphers if SUITES[name] not in offered]
    if absent:
        raise CertificateError(f"this OpenSSL ({ssl.OPENSSL_VERSION}) does not offer {', '.join(absent)}")


def _load(context: ssl.SSLContext, files: TlsFiles) -> None:
    _check_curve(files.certificate, _read("certificate", files.certificate))
    _load_chain(context, files)


def _load_chain(context: ssl.SSLContext, files: TlsFiles) -> None:
    sslproto.SSLProtocol.max_size = min(sslproto.SSLProtocol.max_size, _BUFFER)
    for role, path in (("certificate", files.certificate), ("key", files.key), ("ca", files.ca)):
        _read(role, path)
    try:
        # An empty password keeps OpenSSL from asking for one on a terminal.
        context.load_cert_chain(files.certificate, files.key, password="")
    except ssl.SSLError as fault:
        reason = "does not belong to" if fault.reason == "KEY_VALUES_MISMATCH" else "cannot be used with"
        raise CertificateError(
            f"tls key {files.key} {reason} certificate {files.certificate} ({fault.reason}); "
            "both must be PEM, the key unencrypted, the chain leaf first"
        ) from fault
    try:
        context.load_verify_locations(files.ca)
    except ssl.SSLError as fault:
        raise CertificateError(f"tls ca: {files.ca} holds no PEM certificate") from fault


def _read(role: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as fault:
        raise CertificateError(f"tls {role}: cannot read {path}: {fault.strerror}") from fault


def _check_curve(path: Path, chain: bytes) -> None:
    key = x509.load_der_x509_certificate(der_of(chain)).public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise CertificateError(f"tls certificate {path} is not on curve P-256; IEEE 2030.5 knows no other")
