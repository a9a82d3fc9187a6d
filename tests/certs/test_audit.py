"""COMM-004: chains that OpenSSL lets pass and a 2030.5 peer refuses, on both sides of a handshake and over a resumed session."""

import ssl
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from certs import dev_ca, tls
from certs.audit import fault_of
from tests.certs.test_tls import NOW, REFUSED, Lab, listening, speak

USAGES = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
# RFC 5280, 4.2.1.5: one pair, 1.3.6.1.4.1.40732.1.1 to 1.3.6.1.4.1.40732.1.2, in DER
MAPPINGS = x509.UnrecognizedExtension(
    x509.ObjectIdentifier("2.5.29.33"),
    bytes.fromhex("301a3018060a2b0601040182be1c0101060a2b0601040182be1c0102"),
)
BAD = {
    "critical extended key usage": (USAGES, True),
    "policy mappings": (MAPPINGS, False),
    "critical policy mappings": (MAPPINGS, True),
}

Also = Sequence[tuple[x509.ExtensionType, bool]]


def chain(also: Also, depth: int = 4) -> list[bytes]:
    leaf = dev_ca.issue(dev_ca.authority("lab", NOW, depth, also=also), "device", NOW)
    return [one.public_bytes(Encoding.DER) for one in (leaf.certificate, *leaf.issuers, leaf.root)]


def labs(tmp_path: Path, *, server: Also = (), client: Also = ()) -> tuple[tls.TlsFiles, tls.TlsFiles]:
    """A server and a client, each of an authority of its own, that trust one another's roots."""
    one, other = (dev_ca.authority(name, NOW, also=also) for name, also in (("a", server), ("b", client)))
    folders = tmp_path / "a", tmp_path / "b"
    roots = tmp_path / "roots.pem"
    roots.write_bytes(one.root_pem() + other.root_pem())
    return Lab(one, folders[0]).files("server", ca=roots), Lab(other, folders[1]).files("device", ca=roots)


@pytest.mark.parametrize("depth", dev_ca.DEPTHS)
def test_good_chains_of_every_length_pass(depth: int) -> None:
    assert fault_of(chain((), depth)) == ""


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("depth", [3, 4])
def test_an_intermediate_that_is_not_as_the_standard_wants_it_is_named(
    bad: tuple[x509.ExtensionType, bool], depth: int
) -> None:
    assert fault_of(chain([bad], depth)).startswith("certificate 1 above the leaf ")


def test_an_extended_key_usage_that_is_not_critical_passes() -> None:
    assert fault_of(chain([(USAGES, False)])) == ""


def test_the_leaf_may_say_what_it_is_used_for_and_rubbish_above_it_is_refused() -> None:
    leaf, above, *_ = chain([(USAGES, True)])
    assert fault_of([above]) == ""
    assert "cannot be read" in fault_of([leaf, b"no certificate"])


async def test_each_side_takes_the_other_whose_chain_is_good(tmp_path: Path) -> None:
    server, client = labs(tmp_path, server=[(USAGES, False)])
    async with listening(tls.server_context(server)) as seen:
        assert await speak(seen.port, tls.client_context(client)) == b"hello\n"


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
async def test_a_server_of_a_bad_intermediate_is_refused_before_anything_is_sent(
    bad: tuple[x509.ExtensionType, bool], tmp_path: Path
) -> None:
    server, client = labs(tmp_path, server=[bad])
    async with listening(tls.server_context(server)) as seen:
        with pytest.raises(ssl.SSLCertVerificationError, match="above the leaf"):
            # raised by the connection itself, so before the line that would have been spoken
            await speak(seen.port, tls.client_context(client))


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
async def test_a_client_of_a_bad_intermediate_is_refused(bad: tuple[x509.ExtensionType, bool], tmp_path: Path) -> None:
    server, client = labs(tmp_path, client=[bad])
    async with listening(tls.server_context(server)) as seen:
        with pytest.raises(REFUSED):
            await speak(seen.port, tls.client_context(client))
    assert seen.lfdi is None


def shaken(server: ssl.SSLContext, client: ssl.SSLContext, session: ssl.SSLSession | None) -> ssl.SSLObject:
    """Both ends of a handshake in memory; all that either side wrote arrives, also when the other has refused. The client's end."""
    down, up = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(down, up, session=session), server.wrap_bio(up, down, server_side=True)]
    for _ in range(6):
        for end in ends:
            with suppress(ssl.SSLError):
                end.do_handshake()
    return ends[0]


def test_a_ticket_from_a_handshake_that_was_refused_opens_nothing(tmp_path: Path) -> None:
    """The server makes its ticket before it has looked at the chain, and a resumed session shows no chain."""
    server, client = labs(tmp_path, client=[(USAGES, True)])
    serving, asking = tls.server_context(server), tls.client_context(client)
    session = shaken(serving, asking, None).session
    assert session is not None
    assert session.has_ticket
    down, up = ssl.MemoryBIO(), ssl.MemoryBIO()
    mine, theirs = asking.wrap_bio(down, up, session=session), serving.wrap_bio(up, down, server_side=True)
    with pytest.raises(ssl.SSLWantReadError):
        mine.do_handshake()
    with pytest.raises(ssl.SSLWantReadError):
        theirs.do_handshake()
    with suppress(ssl.SSLError):
        mine.do_handshake()
    with pytest.raises(ssl.SSLCertVerificationError, match="never seen, or refused"):
        theirs.do_handshake()
    assert theirs.session_reused
