"""Handshakes over loopback: what a 2030.5 peer must accept and what it must refuse."""

import asyncio
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from cryptography.x509.oid import NameOID
from py20305.client.tls import TlsConfig, create_ssl_context

from certs import dev_ca, tls
from certs.errors import CertificateError
from certs.identity import identify

NOW = datetime.now(UTC)  # OpenSSL judges validity by the system's clock
CCM8 = "ECDHE-ECDSA-AES128-CCM8"
GCM = "ECDHE-ECDSA-AES128-GCM-SHA256"

REFUSED = (ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)


@dataclass(frozen=True)
class Lab:
    """One authority with a server and a device, as files."""

    authority: dev_ca.Issued
    folder: Path

    def files(self, serial: str, ca: Path | None = None, not_after: datetime = dev_ca.FOREVER) -> tls.TlsFiles:
        issued = dev_ca.issue(self.authority, serial, NOW, not_after=not_after)
        paths = dev_ca.write(issued, self.folder, serial)
        return tls.TlsFiles(paths.chain, paths.key, ca or paths.root)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(dev_ca.authority("lab", NOW), tmp_path)


@dataclass
class Seen:
    """What the server knew of the last peer whose handshake ended well."""

    port: int = 0
    lfdi: str | None = None
    cipher: str | None = None
    version: str | None = None


@asynccontextmanager
async def listening(context: ssl.SSLContext) -> AsyncIterator[Seen]:
    """An echo of one line that notes who spoke."""
    seen = Seen()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link: ssl.SSLObject = writer.get_extra_info("ssl_object")
        leaf = link.getpeercert(binary_form=True)
        seen.lfdi = identify(leaf).lfdi if leaf else None
        cipher = link.cipher()
        seen.cipher = cipher[0] if cipher else None
        seen.version = link.version()
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        seen.port = server.sockets[0].getsockname()[1]
        yield seen


async def speak(port: int, context: ssl.SSLContext) -> bytes:
    """One line there and back: with mutual TLS 1.2 a refusal shows in the handshake or on the first read."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    try:
        writer.write(b"hello\n")
        return await reader.readexactly(6)
    finally:
        writer.close()


@pytest.mark.parametrize("depth", dev_ca.DEPTHS)
async def test_ccm8_is_negotiated_over_chains_of(depth: int, tmp_path: Path) -> None:
    lab = Lab(dev_ca.authority("lab", NOW, depth), tmp_path)
    device = lab.files("device")
    async with listening(tls.server_context(lab.files("server"))) as seen:
        assert await speak(seen.port, tls.client_context(device)) == b"hello\n"
    assert (seen.cipher, seen.version) == (CCM8, "TLSv1.2")
    assert seen.lfdi == identify(device.certificate.read_bytes()).lfdi


@pytest.mark.parametrize(
    ("server", "client", "chosen"),
    [
        (("CCM8",), ("CCM8",), CCM8),
        (("GCM",), ("GCM",), GCM),
        (("CCM8", "GCM"), ("GCM",), GCM),
        (("GCM", "CCM8"), ("CCM8", "GCM"), GCM),  # the server's order counts
    ],
)
async def test_the_cipher_list_is_a_setting(
    lab: Lab, server: tuple[str, ...], client: tuple[str, ...], chosen: str
) -> None:
    async with listening(tls.server_context(lab.files("server"), server)) as seen:
        await speak(seen.port, tls.client_context(lab.files("device"), client))
    assert seen.cipher == chosen


async def test_no_cipher_in_common_is_no_connection(lab: Lab) -> None:
    async with listening(tls.server_context(lab.files("server"), ("CCM8",))) as seen:
        with pytest.raises(REFUSED):
            await speak(seen.port, tls.client_context(lab.files("device"), ("GCM",)))
    assert seen.lfdi is None


async def test_a_server_of_a_foreign_authority_is_refused_by_the_client(lab: Lab, tmp_path: Path) -> None:
    foreign = Lab(dev_ca.authority("lab", NOW), tmp_path / "foreign")
    server = foreign.files("server", ca=lab.files("anchor").ca)
    async with listening(tls.server_context(server)) as seen:
        with pytest.raises(ssl.SSLCertVerificationError):
            await speak(seen.port, tls.client_context(lab.files("device")))
    assert seen.lfdi is None


async def test_a_client_of_a_foreign_authority_is_refused_by_the_server(lab: Lab, tmp_path: Path) -> None:
    server = lab.files("server")
    foreign = Lab(dev_ca.authority("lab", NOW), tmp_path / "foreign")
    async with listening(tls.server_context(server)) as seen:
        with pytest.raises(REFUSED):
            await speak(seen.port, tls.client_context(foreign.files("device", ca=server.ca)))
    assert seen.lfdi is None


async def test_an_expired_server_is_refused(lab: Lab) -> None:
    server = lab.files("server", not_after=NOW - timedelta(hours=1))
    async with listening(tls.server_context(server)) as seen:
        with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
            await speak(seen.port, tls.client_context(lab.files("device")))
    assert seen.lfdi is None


async def test_an_expired_client_is_refused(lab: Lab) -> None:
    device = lab.files("device", not_after=NOW - timedelta(hours=1))
    async with listening(tls.server_context(lab.files("server"))) as seen:
        with pytest.raises(REFUSED):
            await speak(seen.port, tls.client_context(device))
    assert seen.lfdi is None


def bare_client(ca: Path, version: ssl.TLSVersion) -> ssl.SSLContext:
    """A client that holds no certificate of its own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.minimum_version = context.maximum_version = version
    context.load_verify_locations(ca)
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def bare_leaf(key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    """A certificate without any extension, still to be named and signed."""
    builder = x509.CertificateBuilder(public_key=key.public_key(), serial_number=7)
    return builder.not_valid_before(NOW - timedelta(days=1)).not_valid_after(NOW + timedelta(days=1))


def named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


async def test_a_client_without_a_certificate_is_refused(lab: Lab) -> None:
    server = lab.files("server")
    async with listening(tls.server_context(server)) as seen:
        with pytest.raises(REFUSED):
            await speak(seen.port, bare_client(server.ca, ssl.TLSVersion.TLSv1_2))
    assert seen.cipher is None


async def test_a_client_of_tls_1_3_alone_is_refused(lab: Lab) -> None:
    server, device = lab.files("server"), lab.files("device")
    context = bare_client(server.ca, ssl.TLSVersion.TLSv1_3)
    context.load_cert_chain(device.certificate, device.key)
    async with listening(tls.server_context(server)) as seen:
        with pytest.raises(REFUSED):
            await speak(seen.port, context)
    assert seen.cipher is None


async def test_a_self_signed_server_is_refused(lab: Lab, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    own = bare_leaf(key).issuer_name(named("alone")).subject_name(named("alone"))
    certificate = own.sign(key, hashes.SHA256())
    paths = dev_ca.write(dev_ca.Issued(certificate, key, (), certificate), tmp_path / "self", "self")
    async with listening(tls.server_context(tls.TlsFiles(paths.chain, paths.key, paths.root))) as seen:
        with pytest.raises(ssl.SSLCertVerificationError, match="self-signed"):
            await speak(seen.port, tls.client_context(lab.files("device")))
    assert seen.lfdi is None


async def test_a_device_must_not_play_authority(lab: Lab, tmp_path: Path) -> None:
    middle = dev_ca.issue(lab.authority, "middle", NOW)
    forged = dev_ca.issue(middle, "forged", NOW)
    paths = dev_ca.write(forged, tmp_path / "forged", "forged")
    async with listening(tls.server_context(lab.files("server"))) as seen:
        with pytest.raises(REFUSED):
            await speak(seen.port, tls.client_context(tls.TlsFiles(paths.chain, paths.key, paths.root)))
    assert seen.lfdi is None


async def test_a_critical_extension_nobody_knows_is_refused(lab: Lab, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    strange = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.32473.9"), b"\x05\x00")
    leaf = (
        bare_leaf(key)
        .subject_name(x509.Name([]))
        .issuer_name(lab.authority.certificate.subject)
        .add_extension(strange, critical=True)
        .sign(lab.authority.key, hashes.SHA256())
    )
    issued = dev_ca.Issued(leaf, key, lab.authority.links(), lab.authority.root)
    paths = dev_ca.write(issued, tmp_path / "odd", "odd")
    async with listening(tls.server_context(tls.TlsFiles(paths.chain, paths.key, paths.root))) as seen:
        with pytest.raises(ssl.SSLCertVerificationError, match="critical extension"):
            await speak(seen.port, tls.client_context(lab.files("device")))


async def test_a_chain_without_its_intermediates_is_refused(lab: Lab) -> None:
    device = lab.files("device")
    whole = x509.load_pem_x509_certificates(device.certificate.read_bytes())
    device.certificate.write_bytes(whole[0].public_bytes(Encoding.PEM))
    async with listening(tls.server_context(lab.files("server"))) as seen:
        with pytest.raises(REFUSED):
            await speak(seen.port, tls.client_context(device))
    assert seen.lfdi is None


async def test_the_peer_library_connects_with_its_own_context(lab: Lab) -> None:
    device = lab.files("device")
    config = TlsConfig(device.certificate, device.key, device.ca, check_hostname=False)
    async with listening(tls.server_context(lab.files("server"))) as seen:
        assert await speak(seen.port, create_ssl_context(config)) == b"hello\n"
    assert (seen.cipher, seen.version) == (CCM8, "TLSv1.2")
    assert seen.lfdi == identify(device.certificate.read_bytes()).lfdi


async def test_the_peer_library_may_insist_on_the_host_name(lab: Lab, tmp_path: Path) -> None:
    issued = dev_ca.issue(lab.authority, "SN-1", NOW, hosts=("127.0.0.1",))
    paths = dev_ca.write(issued, tmp_path, "named")
    device = lab.files("device")
    config = TlsConfig(device.certificate, device.key, device.ca, check_hostname=True)
    async with listening(tls.server_context(tls.TlsFiles(paths.chain, paths.key, paths.root))) as seen:
        assert await speak(seen.port, create_ssl_context(config)) == b"hello\n"


def test_the_version_is_why_tls_1_3_alone_is_refused(lab: Lab) -> None:
    server, device = lab.files("server"), lab.files("device")
    newer = bare_client(server.ca, ssl.TLSVersion.TLSv1_3)
    newer.load_cert_chain(device.certificate, device.key)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = newer.wrap_bio(to_client, to_server)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    with pytest.raises(ssl.SSLError, match="UNSUPPORTED_PROTOCOL"):
        tls.server_context(server).wrap_bio(to_server, to_client, server_side=True).do_handshake()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command")
async def test_the_openssl_command_sees_the_whole_chain_and_the_suite(lab: Lab) -> None:
    device = lab.files("device")
    async with listening(tls.server_context(lab.files("server"))) as seen:
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{seen.port}", "-tls1_2", "-showcerts"]
        command += ["-cipher", "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0", "-verify_return_error"]
        command += ["-cert", str(device.certificate), "-cert_chain", str(device.certificate)]
        command += ["-key", str(device.key), "-CAfile", str(device.ca)]
        process = await asyncio.create_subprocess_exec(
            *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        output, _ = await process.communicate(b"hello\n")
    assert b"Cipher is ECDHE-ECDSA-AES128-CCM8" in output
    assert b"Verify return code: 0 (ok)" in output
    assert output.count(b"BEGIN CERTIFICATE") >= 3  # leaf, MICA, MCA
    assert b"TLS session ticket:" in output
    assert seen.lfdi == identify(device.certificate.read_bytes()).lfdi


async def test_a_resumed_session_still_names_the_device(lab: Lab) -> None:
    device = lab.files("device")
    context = tls.client_context(device)
    async with listening(tls.server_context(lab.files("server"))) as seen:

        def connect(session: ssl.SSLSession | None) -> tuple[ssl.SSLSession | None, bool]:
            """asyncio cannot hand a session over, so this peer blocks, in a thread."""
            with (
                socket.create_connection(("127.0.0.1", seen.port)) as plain,
                context.wrap_socket(plain, session=session) as link,
            ):
                link.sendall(b"hello\n")
                link.recv(6)
                return link.session, bool(link.session_reused)

        session, reused = await asyncio.to_thread(connect, None)
        assert not reused
        assert session is not None
        assert session.has_ticket
        seen.lfdi = None
        _, reused = await asyncio.to_thread(connect, session)
    assert reused
    assert seen.lfdi == identify(device.certificate.read_bytes()).lfdi


@pytest.mark.parametrize("make", [tls.client_context, tls.server_context])
def test_both_contexts_verify_the_chain_and_not_the_host(
    lab: Lab, make: Callable[[tls.TlsFiles], ssl.SSLContext]
) -> None:
    context = make(lab.files("any"))
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert not context.check_hostname
    assert context.minimum_version is context.maximum_version is ssl.TLSVersion.TLSv1_2


def test_ccm8_alone_lowers_the_security_level() -> None:
    assert tls.cipher_string(("CCM8", "GCM")) == f"{CCM8}:{GCM}:@SECLEVEL=0"
    assert tls.cipher_string(("GCM",)) == GCM


@pytest.mark.parametrize("ciphers", [(), ("RSA",), ("CCM8", "CCM8"), ("ccm8",), ("CCM8", "ALL:eNULL")])
def test_other_suites_are_refused(ciphers: tuple[str, ...]) -> None:
    with pytest.raises(CertificateError, match="CCM8, GCM"):
        tls.cipher_string(ciphers)


@pytest.mark.parametrize("part", ["certificate", "key", "ca"])
def test_a_missing_file_is_named(lab: Lab, part: str) -> None:
    files = lab.files("device")
    absent = lab.folder / "absent.pem"
    with pytest.raises(CertificateError, match=rf"tls {part}: cannot read .*absent\.pem"):
        tls.client_context(replace(files, **{part: absent}))


@pytest.mark.parametrize(
    ("part", "says"), [("certificate", "no certificate"), ("key", "unencrypted"), ("ca", "holds no PEM")]
)
def test_a_file_of_rubbish_is_refused(lab: Lab, part: str, says: str) -> None:
    files = lab.files("device")
    rubbish = lab.folder / "rubbish.pem"
    rubbish.write_text("rubbish")
    with pytest.raises(CertificateError, match=says):
        tls.client_context(replace(files, **{part: rubbish}))


def test_a_key_of_another_certificate_is_refused(lab: Lab) -> None:
    with pytest.raises(CertificateError, match="does not belong to"):
        tls.client_context(replace(lab.files("device"), key=lab.files("other").key))


def test_an_encrypted_key_is_refused_and_asks_nobody(lab: Lab) -> None:
    issued = dev_ca.issue(lab.authority, "locked", NOW)
    paths = dev_ca.write(issued, lab.folder, "locked")
    paths.key.write_bytes(
        issued.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    )
    with pytest.raises(CertificateError, match="unencrypted"):
        tls.client_context(tls.TlsFiles(paths.chain, paths.key, paths.root))


def test_another_curve_is_refused(lab: Lab) -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    leaf = bare_leaf(key).issuer_name(named("wide")).subject_name(named("wide")).sign(key, hashes.SHA256())
    files = lab.files("device")
    files.certificate.write_bytes(leaf.public_bytes(Encoding.PEM))
    with pytest.raises(CertificateError, match="P-256"):
        tls.client_context(files)
