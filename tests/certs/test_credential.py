"""A shared context shows each client's own certificate, whoever's turn it was before."""

import asyncio
import gc
import shutil
import socket
import ssl
from pathlib import Path

import pytest

from certs import credential, dev_ca, tls
from certs.credential import Credential, client_credential
from certs.errors import CertificateError
from certs.identity import identify
from tests.certs.test_tls import NOW, REFUSED, Lab, lab, listening

__all__ = ["lab"]
"""The fixture."""


def lfdi(files: tls.TlsFiles) -> str:
    return identify(files.certificate.read_bytes()).lfdi


def begun(port: int, made: Credential | ssl.SSLContext) -> ssl.SSLSocket:
    """A connection whose handshake waits."""
    return made.wrap_socket(socket.create_connection(("127.0.0.1", port)), do_handshake_on_connect=False)


async def spoken(link: ssl.SSLSocket) -> bytes:
    """Its handshake, and one line there and back."""

    def talk() -> bytes:
        with link:
            link.do_handshake()
            link.sendall(b"hello\n")
            return link.recv(6)

    return await asyncio.to_thread(talk)


@pytest.mark.parametrize("depth", dev_ca.DEPTHS)
async def test_each_connection_shows_the_certificate_that_it_was_begun_with(depth: int, tmp_path: Path) -> None:
    lab = Lab(dev_ca.authority("lab", NOW, depth), tmp_path)
    files = [lab.files(name) for name in ("one", "two")]
    one, two = map(client_credential, files)
    async with listening(tls.server_context(lab.files("server"))) as seen:
        order = [(one, files[0]), (two, files[1]), (two, files[1]), (one, files[0])]
        links = [begun(seen.port, made) for made, _ in order]  # all of them before the first handshake
        for link, (_, own) in zip(links, order, strict=True):
            assert await spoken(link) == b"hello\n"
            assert seen.lfdi == lfdi(own)


async def test_what_becomes_of_its_files_does_not_matter(lab: Lab) -> None:
    files = lab.files("one")
    own = lfdi(files)
    made = client_credential(files)
    shutil.copy(lab.files("two").certificate, files.certificate)
    files.key.unlink()
    async with listening(tls.server_context(lab.files("server"))) as seen:
        await spoken(begun(seen.port, made))
    assert seen.lfdi == own


async def test_other_roots_and_other_ciphers_are_nobody_s_but_theirs(lab: Lab, tmp_path: Path) -> None:
    foreign = Lab(dev_ca.authority("lab", NOW), tmp_path / "foreign")
    strangers = client_credential(foreign.files("one"))
    ours, strict = client_credential(lab.files("one")), client_credential(lab.files("two"), ("CCM8",))
    async with listening(tls.server_context(lab.files("server"), ("GCM",))) as seen:
        for refusing in (strangers, strict):
            with pytest.raises(REFUSED):
                await spoken(begun(seen.port, refusing))
        assert seen.lfdi is None
        assert await spoken(begun(seen.port, ours)) == b"hello\n"


def test_a_key_of_another_is_refused_when_it_is_made_and_harms_nobody(lab: Lab) -> None:
    files, other = lab.files("one"), lab.files("two")
    kept = client_credential(files)
    with pytest.raises(CertificateError, match="does not belong to"):
        client_credential(tls.TlsFiles(files.certificate, other.key, files.ca))
    assert isinstance(kept, Credential)


def test_those_who_trust_the_same_share_and_the_last_one_leaves_nothing(lab: Lab) -> None:
    gc.collect()
    before = len(credential._SHARED)
    made = [client_credential(lab.files(name)) for name in ("one", "two", "three")]
    assert len(credential._SHARED) == before + 1
    del made
    gc.collect()
    assert len(credential._SHARED) == before


def test_where_there_are_no_files_in_memory_each_has_its_own_context(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("certs.credential.sys.platform", "darwin")
    assert isinstance(client_credential(lab.files("one")), ssl.SSLContext)
