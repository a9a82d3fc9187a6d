"""Handshakes of a VEN over loopback: the suites of rule 67, and who is refused. The fingerprint as a peer computes it."""

import asyncio
import ssl
from asyncio.sslproto import SSLProtocol
from pathlib import Path

import pytest
from openleadr.utils import certificate_fingerprint

from certs.errors import CertificateError
from certs.identity import openadr_fingerprint
from certs.tls import OPENADR_CIPHERS, TlsFiles, openadr_client_context, openadr_server_context
from tests.protocols.openadr2b.authority import Authority, Party, authority

REFUSED = (ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)


@pytest.fixture(scope="module", params=["ec", "rsa"])
def root(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="module")
def party(root: Authority) -> Party:
    return root.issue("vtn")


async def shaken(
    server: ssl.SSLContext, client: ssl.SSLContext, host: str = "127.0.0.1", said: bytes = b"x"
) -> tuple[str, str]:
    """Suite and version of a handshake that both sides took, seen after something went through both ways."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(await reader.readexactly(len(said)))
            await writer.drain()
        except REFUSED:
            pass
        writer.close()

    listening = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=server)
    port = listening.sockets[0].getsockname()[1]
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client, server_hostname=host)
        try:
            writer.write(said)
            assert await reader.readexactly(len(said)) == said
            name, version, _ = writer.get_extra_info("cipher")
            return str(name), str(version)
        finally:
            writer.close()
    finally:
        listening.close()


def strict(party: Party, suite: str) -> ssl.SSLContext:
    """A VTN that offers one suite of rule 67, as a conformant one may."""
    return openadr_server_context(party.files, [suite])


async def test_the_suite_a_vtn_must_select_is_offered(party: Party, root: Authority) -> None:
    suite = "AES128-SHA256" if root.kind == "rsa" else "ECDHE-ECDSA-AES128-SHA256"
    found, _ = await shaken(strict(party, suite), openadr_client_context(party.files))
    assert found == suite


async def test_pythons_own_context_does_not_offer_it(party: Party, root: Authority) -> None:
    """So the list is not for show."""
    if root.kind == "ec":
        return
    plain = ssl.create_default_context(cafile=party.ca)
    plain.load_cert_chain(party.certificate, party.key)
    plain.maximum_version = ssl.TLSVersion.TLSv1_2
    offered = {suite["name"] for suite in plain.get_ciphers()}
    assert "AES128-SHA256" not in offered
    with pytest.raises(REFUSED):
        await shaken(strict(party, "AES128-SHA256"), plain)


async def test_a_long_message_comes_through_a_small_buffer(party: Party) -> None:
    contexts = openadr_server_context(party.files), openadr_client_context(party.files)
    assert SSLProtocol.max_size <= 4096
    await shaken(*contexts, said=bytes(range(256)) * 4001)


async def test_the_best_suite_is_chosen_where_there_is_a_choice(party: Party) -> None:
    found, _ = await shaken(openadr_server_context(party.files), openadr_client_context(party.files))
    assert found.startswith("ECDHE")
    assert found.endswith("GCM-SHA256")
    assert found in OPENADR_CIPHERS


async def test_tls_1_3_only_where_it_is_asked_for(party: Party) -> None:
    newest = openadr_server_context(party.files, tls13=True)
    name, _ = await shaken(newest, openadr_client_context(party.files, tls13=True))
    assert name.startswith("TLS_")
    name, _ = await shaken(newest, openadr_client_context(party.files))
    assert not name.startswith("TLS_")


async def test_a_client_without_a_certificate_is_refused(party: Party) -> None:
    bare = ssl.create_default_context(cafile=party.ca)
    with pytest.raises(REFUSED):
        await shaken(openadr_server_context(party.files), bare)


async def test_a_vtn_of_another_root_or_name_is_refused(party: Party, root: Authority, tmp_path: Path) -> None:
    other = authority(tmp_path, root.kind).issue("vtn")
    with pytest.raises(ssl.SSLError, match="verify failed"):
        await shaken(openadr_server_context(other.files), openadr_client_context(party.files))
    with pytest.raises(ssl.SSLError, match="verify failed"):
        await shaken(openadr_server_context(party.files), openadr_client_context(party.files), "vtn.example")
    unnamed = openadr_client_context(party.files, check_host=False)
    assert await shaken(openadr_server_context(party.files), unnamed, "vtn.example")


async def test_an_expired_vtn_is_refused(party: Party, root: Authority) -> None:
    old = root.issue("old", days=-1.0)
    with pytest.raises(ssl.SSLError, match="expired"):
        await shaken(openadr_server_context(old.files), openadr_client_context(party.files))


def test_settings_that_cannot_be_used(party: Party, root: Authority, tmp_path: Path) -> None:
    with pytest.raises(CertificateError, match="none are named"):
        openadr_client_context(party.files, [])
    with pytest.raises(CertificateError, match="offers none"):
        openadr_client_context(party.files, ["ROT13"])
    with pytest.raises(CertificateError, match="cannot read"):
        openadr_client_context(TlsFiles(tmp_path / "none", party.key, party.ca))
    if root.kind == "rsa":
        with pytest.raises(CertificateError, match="2048"):
            openadr_client_context(root.issue("short", bits=1024).files)


def test_the_fingerprint_is_the_peers(party: Party) -> None:
    pem = party.certificate.read_bytes()
    told = openadr_fingerprint(pem)
    assert told == certificate_fingerprint(pem.decode())
    assert len(told) == 29
    assert told.count(":") == 9
