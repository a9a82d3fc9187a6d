"""XML signatures: made for a peer, made by a peer, and everything that must not be believed."""

import re
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from openleadr import messaging

from certs.errors import CertificateError
from certs.signature import SignatureRejected, Signer, Trust, Verifier
from protocols.openadr2b.wire.reader import decode
from protocols.openadr2b.wire.registration import OadrPoll
from protocols.openadr2b.wire.writer import encode
from tests.protocols.openadr2b.authority import Authority, Party, authority

POLL = encode(OadrPoll(venID="0042"))
NOW_S = time.time()
OADR = "http://openadr.org/oadr-2.0b/2012/07"


class Clock:
    def __init__(self) -> None:
        self.now_s = NOW_S

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture(scope="module", params=["ec", "rsa"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, kind: str) -> Authority:
    return authority(tmp_path_factory.mktemp(kind), kind)


@pytest.fixture(scope="module")
def party(root: Authority) -> Party:
    """One for all: RSA keys take long to make."""
    return root.issue("vtn")


@pytest.fixture
def clock() -> Clock:
    return Clock()


def signer(party: Party, clock: Clock) -> Signer:
    return Signer(party.certificate, party.key, clock)


def verifier(party: Party, clock: Clock, **more: Any) -> Verifier:
    return Verifier(Trust.of([party.fingerprint]), clock, **more)


def test_what_we_sign_a_peer_believes(party: Party) -> None:
    # the peer looks at the machine's clock and takes nothing older than five seconds
    tree = messaging.validate_xml_schema(Signer(party.certificate, party.key, time.time)(POLL))
    messaging.validate_xml_signature(tree, party.fingerprint)
    assert [child.tag.rpartition("}")[2] for child in tree] == ["Signature", "oadrSignedObject"]


def test_what_a_peer_signs_we_believe_and_read(party: Party) -> None:
    document = messaging.create_message(
        "oadrPoll", cert=party.certificate.read_bytes(), key=party.key.read_bytes(), ven_id="0042"
    ).encode()
    believed = Verifier(Trust.of([party.fingerprint]), time.time)(document)
    assert decode(believed).message == OadrPoll(venID="0042")


def test_what_is_returned_is_what_was_digested_and_nothing_else(party: Party, clock: Clock) -> None:
    believed = verifier(party, clock)(signer(party, clock)(POLL))
    root = etree.fromstring(believed)
    assert root.tag == f"{{{OADR}}}oadrSignedObject"
    assert etree.tostring(root, method="c14n") == believed
    assert b"Signature" not in believed


def test_a_chain_that_ends_in_a_root_is_believed_without_a_fingerprint(party: Party, clock: Clock) -> None:
    verify = Verifier(Trust.of(ca=party.ca), clock)
    assert b"0042" in verify(signer(party, clock)(POLL))
    assert b"0042" in verify(signer(party, clock)(POLL))


def test_another_authoritys_leaf_is_not(tmp_path: Path, kind: str, party: Party, clock: Clock) -> None:
    (tmp_path / "other").mkdir()
    other = authority(tmp_path / "other", kind).issue("vtn")
    with pytest.raises(SignatureRejected, match="not one we trust"):
        Verifier(Trust.of(ca=party.ca), clock)(signer(other, clock)(POLL))
    with pytest.raises(SignatureRejected, match=other.fingerprint):
        verifier(party, clock)(signer(other, clock)(POLL))


def test_a_leaf_signs_no_other_leaf(root: Authority, clock: Clock) -> None:
    leaf = root.issue("leaf")
    with pytest.raises(SignatureRejected, match="not one we trust"):
        Verifier(Trust.of(ca=leaf.certificate), clock)(signer(root.issue("vtn"), clock)(POLL))


def test_stripped(party: Party, clock: Clock) -> None:
    with pytest.raises(SignatureRejected, match="there is none"):
        verifier(party, clock)(POLL)


def test_changed_by_one_letter(party: Party, clock: Clock) -> None:
    document = signer(party, clock)(POLL)
    with pytest.raises(SignatureRejected, match="does not verify"):
        verifier(party, clock)(document.replace(b">0042<", b">0043<"))


def test_replayed(party: Party, clock: Clock) -> None:
    document, verify = signer(party, clock)(POLL), verifier(party, clock)
    verify(document)
    with pytest.raises(SignatureRejected, match="seen before"):
        verify(document)


@pytest.mark.parametrize("late_s", [-301.0, 301.0])
def test_too_old_and_too_new(party: Party, clock: Clock, late_s: float) -> None:
    document = signer(party, clock)(POLL)
    clock.now_s += late_s
    with pytest.raises(SignatureRejected, match="window is 300 s"):
        verifier(party, clock)(document)


@pytest.mark.parametrize("late_s", [-299.0, 299.0])
def test_inside_the_window(party: Party, clock: Clock, late_s: float) -> None:
    document = signer(party, clock)(POLL)
    clock.now_s += late_s
    assert verifier(party, clock)(document)


def test_a_nonce_is_kept_as_long_as_its_timestamp_counts(party: Party, clock: Clock) -> None:
    clock.now_s += 290.0
    document = signer(party, clock)(POLL)
    clock.now_s -= 290.0
    verify = verifier(party, clock)
    verify(document)
    clock.now_s += 580.0
    with pytest.raises(SignatureRejected, match="seen before"):
        verify(document)
    clock.now_s += 60.0
    with pytest.raises(SignatureRejected, match="window"):
        verify(document)


def test_a_timestamp_moved_by_hand_is_no_longer_signed(party: Party, clock: Clock) -> None:
    document = signer(party, clock)(POLL)
    moved = re.sub(rb"timestamp>[^<]*<", b"timestamp>2030-01-01T00:00:00Z<", document)
    assert moved != document
    with pytest.raises(SignatureRejected, match="does not verify"):
        verifier(party, clock)(moved)


@pytest.mark.parametrize("length", [1024, 1025])
def test_a_nonce_is_kept_and_so_has_an_end(party: Party, clock: Clock, length: int) -> None:
    """A hundred thousand are kept for minutes: of four megabytes each they would be all the memory there is."""

    class Long(Signer):
        def _protection(self) -> Any:
            protection = super()._protection()
            protection[1].text = "f" * length
            return protection

    document, verify = Long(party.certificate, party.key, clock)(POLL), verifier(party, clock)
    if length == 1024:
        assert verify(document)
    else:
        with pytest.raises(SignatureRejected, match="nonce"):
            verify(document)


def test_without_replay_protection(party: Party, clock: Clock) -> None:
    class Bare(Signer):
        def _protection(self) -> Any:
            return etree.Element("{urn:x}other", {"Id": "x", "Target": "#y"})

    bare = Bare(party.certificate, party.key, clock)
    with pytest.raises(SignatureRejected, match="no replay protection"):
        verifier(party, clock)(bare(POLL))


def _wrapped(document: bytes, form: str) -> bytes:
    """The signed object moved to where nobody reads, another one put where it is read."""
    root = etree.fromstring(document)
    signature, signed = root[0], root[1]
    evil = etree.fromstring(etree.tostring(signed).replace(b">0042<", b">evil<"))
    match form:
        case "beside, last":
            root.append(evil)
        case "beside, first":
            root.insert(0, evil)
        case "inside the signature":
            holder = etree.SubElement(signature, "{http://www.w3.org/2000/09/xmldsig#}Object")
            holder.append(signed)
            root.append(evil)
        case "inside another element":
            holder = etree.SubElement(root, "{urn:x}wrapper")
            holder.append(signed)
            root.append(evil)
        case "another id":
            evil.set(f"{{{OADR}}}Id", "other")
            root.replace(signed, evil)
            evil.append(signed)
        case "around the payload":
            outer = etree.Element(f"{{{OADR}}}oadrPayload")
            outer.append(evil)
            outer.append(root)
            root = outer
    return etree.tostring(root)


@pytest.mark.parametrize(
    "form",
    [
        "beside, last",
        "beside, first",
        "inside the signature",
        "inside another element",
        "another id",
        "around the payload",
    ],
)
def test_wrapped(party: Party, clock: Clock, form: str) -> None:
    """Whatever is moved around: never is something read that was not signed."""
    document = _wrapped(signer(party, clock)(POLL), form)
    try:
        believed = verifier(party, clock)(document)
    except SignatureRejected:
        return
    assert decode(believed).message == OadrPoll(venID="0042")


def test_two_signatures(party: Party, clock: Clock) -> None:
    document = signer(party, clock)(POLL)
    at, end = document.index(b"<ds:Signature"), document.index(b"</ds:Signature>") + len(b"</ds:Signature>")
    with pytest.raises(SignatureRejected, match="other things"):
        verifier(party, clock)(document[:end] + document[at:end] + document[end:])


def test_an_expired_certificate(root: Authority, clock: Clock) -> None:
    old = root.issue("old", days=-1.0)
    with pytest.raises(SignatureRejected, match="valid until"):
        verifier(old, clock)(signer(old, clock)(POLL))


def test_a_certificate_that_expires_while_we_run(party: Party, clock: Clock) -> None:
    verify = verifier(party, clock)
    verify(signer(party, clock)(POLL))
    clock.now_s += timedelta(days=31).total_seconds()
    with pytest.raises(SignatureRejected, match="valid until"):
        verify(signer(party, clock)(POLL))


@pytest.mark.parametrize(("count", "taken"), [(20, True), (33, False)])
def test_the_canonical_form_is_asked_for_of_a_modest_number_of_namespaces(
    party: Party, clock: Clock, count: int, taken: bool
) -> None:
    """Its cost is cubic in what a stranger may write before anything is verified: 2000 namespaces and as many elements, 46 s."""
    declared = b"".join(b' xmlns:n%d="urn:n%d"' % (one, one) for one in range(count))
    opening = b"<oadr:oadrSignedObject"
    document = signer(party, clock)(POLL.replace(opening, opening + declared, 1))
    if taken:
        assert b"0042" in verifier(party, clock)(document)
        return
    with pytest.raises(SignatureRejected, match="more than 32 prefixes"):
        verifier(party, clock)(document)


def test_the_canonical_form_is_asked_for_of_a_modest_number_of_attributes(party: Party, clock: Clock) -> None:
    """Their sorting is quadratic: 40,000 of them, 10 s."""
    told = b"".join(b' x%d="1"' % one for one in range(33))
    document = signer(party, clock)(POLL)
    with pytest.raises(SignatureRejected, match="more than 32 attributes"):
        verifier(party, clock)(document.replace(b"<ds:SignedInfo", b"<ds:SignedInfo" + told, 1))


BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]>'


@pytest.mark.parametrize("body", [b"", b"<", b"<a/>", BOMB + b"<a>&a;</a>", b"\xff\xfe", b"<a>" * 10_000])
def test_what_is_no_document(party: Party, clock: Clock, body: bytes) -> None:
    with pytest.raises(SignatureRejected):
        verifier(party, clock)(body)


@pytest.mark.parametrize(
    ("part", "instead"),
    [
        (rb"<ds:X509Certificate>[^<]*<", b"<ds:X509Certificate>!!!!<"),
        (rb"<ds:X509Certificate>[^<]*<", b"<ds:X509Certificate>AAAA<"),
        (rb"<ds:X509Data>.*</ds:X509Data>", b""),
        (rb"<ds:SignatureValue>[^<]*<", b"<ds:SignatureValue>AAAA<"),
        (rb"#(rsa|ecdsa)-sha256", b"#hmac-sha256"),
        (rb"xmlenc#sha256", b"xmlenc#sha1"),
        (rb'URI="#oadrSignedObject"', b'URI=""'),
        (
            rb"http://www.w3.org/TR/2001/REC-xml-c14n-20010315(?=\"/></ds:Transforms)",
            b"http://www.w3.org/2000/09/xmldsig#enveloped-signature",
        ),
        (rb'URI="#oadrSignedObject"', b'URI="file:///etc/passwd"'),
    ],
)
def test_tampered_in_its_own_parts(party: Party, clock: Clock, part: bytes, instead: bytes) -> None:
    document = signer(party, clock)(POLL)
    tampered = re.sub(part, instead, document, flags=re.DOTALL)
    assert tampered != document
    with pytest.raises(SignatureRejected):
        verifier(party, clock)(tampered)


def test_threads_do_not_lose_a_replay(party: Party, clock: Clock) -> None:
    document, verify = signer(party, clock)(POLL), verifier(party, clock)
    believed: list[bytes] = []

    def attempt() -> None:
        with suppress(SignatureRejected):
            believed.append(verify(document))

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(believed) == 1


def test_a_key_of_another_certificate(root: Authority, party: Party, clock: Clock) -> None:
    with pytest.raises(CertificateError, match="does not belong"):
        Signer(party.certificate, root.issue("other").key, clock)


def test_files_that_cannot_be_used(tmp_path: Path, party: Party, clock: Clock) -> None:
    with pytest.raises(CertificateError, match="cannot read"):
        Signer(tmp_path / "nowhere", party.key, clock)
    (tmp_path / "junk").write_bytes(b"junk")
    with pytest.raises(CertificateError, match="PEM"):
        Signer(tmp_path / "junk", party.key, clock)
    with pytest.raises(CertificateError, match="a fingerprint or a ca"):
        Trust.of()


def test_a_short_rsa_key(tmp_path: Path, clock: Clock) -> None:
    short = authority(tmp_path, "rsa").issue("short", bits=1024)
    with pytest.raises(CertificateError, match="2048"):
        Signer(short.certificate, short.key, clock)


def test_the_timestamp_is_when_it_was_sent(party: Party, clock: Clock) -> None:
    document = signer(party, clock)(POLL)
    (stamp,) = re.findall(rb"<dsp:timestamp>([^<]*)<", document)
    assert datetime.fromisoformat(stamp.decode()) == datetime.fromtimestamp(NOW_S, UTC)
