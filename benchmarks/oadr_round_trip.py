"""The VEN's half of an event's round trip: from the bytes of an oadrDistributeEvent to the bytes of its oadrCreatedEvent.

Ours is believed, read, reconciled, translated, answered, written and signed; openleadr's client is given the same duties from its own
functions but for the reconciling and translating, which it does not do. Unsigned, and with EC and RSA signatures.
"""

import gc
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import process_time
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from openleadr import messaging

from benchmarks.openadr.documents import distribution
from benchmarks.row import Row
from certs.identity import openadr_fingerprint
from certs.signature import Signer, Trust, Verifier
from protocols.openadr2b.session.book import Book, Voice, answer_of, put
from protocols.openadr2b.session.reconcile import reconcile
from protocols.openadr2b.session.terms import Terms
from protocols.openadr2b.wire.events import EiResponse, OadrCreatedEvent, OadrDistributeEvent
from protocols.openadr2b.wire.reader import decode
from protocols.openadr2b.wire.writer import encode

TERMS = Terms(name="vtn", url="http://vtn", ven_name="depot")
ROUNDS = 9
GOALS = {"unsigned": 1 / 4, "ec": 0.8, "rsa": 1 / 30}


@dataclass(frozen=True, slots=True)
class Keys:
    """One party's certificate and key, on disk and in memory."""

    certificate: Path
    key: Path
    fingerprint: str


def run() -> list[dict[str, Any]]:
    """A row per security level. Raises AssertionError if the peer did not believe our answer, or said something else."""
    with tempfile.TemporaryDirectory() as folder:
        return [_row(level, Path(folder)) for level in GOALS]


def _row(level: str, folder: Path) -> dict[str, Any]:
    keys = None if level == "unsigned" else _keys(folder, level)
    sign = None if keys is None else Signer(keys.certificate, keys.key, time.time)
    ours, theirs = _ours(keys, sign), _theirs(keys)
    body = distribution(1)

    def fresh() -> bytes:
        return body if sign is None else sign(_plain(body))

    _check(ours, theirs, fresh, keys)
    gc.collect()
    gc.freeze()
    times: dict[str, list[float]] = {"ours": [], "openleadr": []}
    for _ in range(ROUNDS):
        for name, side, repeats in (("ours", ours, 30), ("openleadr", theirs, 3 if level == "rsa" else 10)):
            documents = [fresh() for _ in range(repeats)]
            start = process_time()
            for document in documents:
                side(document)
            times[name].append(1e3 * (process_time() - start) / repeats)
    gc.unfreeze()
    return Row("oadr_round_trip", level, "ms CPU", times["ours"], times["openleadr"], "openleadr", GOALS[level]).plain()


def _plain(body: bytes) -> bytes:
    """The same message, in the form that our signer signs."""
    return encode(decode(body).message)


def _ours(keys: Keys | None, sign: Signer | None) -> Callable[[bytes], bytes]:
    verify = None if keys is None else Verifier(Trust.of([keys.fingerprint]), time.time)

    def answer(document: bytes) -> bytes:
        decoded = decode(document if verify is None else verify(document))
        message = decoded.message
        assert isinstance(message, OadrDistributeEvent)
        book = reconcile(Book(), message, decoded.unread, TERMS, "ven", 0.0).book
        for known in book.known.values():
            book = put(book, _heard(known))
        answers = tuple(made for known in book.known.values() if (made := answer_of(known)) is not None)
        created = OadrCreatedEvent(eiResponse=EiResponse(responseCode=200), eventResponses=answers, venID="ven")
        written = encode(created)
        return written if sign is None else sign(written)

    return answer


def _heard(known: Any) -> Any:
    return type(known)(
        known.event, known.request_id, known.models, voices={"depot": Voice()}, wants_answer=True, asked_s=0.0
    )


def _theirs(keys: Keys | None) -> Callable[[bytes], bytes]:
    secure: dict[str, Any] = {}
    if keys is not None:
        secure = {"cert": keys.certificate.read_bytes(), "key": keys.key.read_bytes()}

    def answer(document: bytes) -> bytes:
        tree = messaging.validate_xml_schema(document)
        if keys is not None:
            messaging.validate_xml_signature(tree, keys.fingerprint)
        _, payload = messaging.parse_message(document)
        responses = [
            {
                "response_code": 200,
                "response_description": "OK",
                "opt_type": "optIn",
                "request_id": payload["request_id"],
                "modification_number": event["event_descriptor"]["modification_number"],
                "event_id": event["event_descriptor"]["event_id"],
            }
            for event in payload["events"]
        ]
        response = {"response_code": 200, "response_description": "OK", "request_id": payload["request_id"]}
        written = messaging.create_message(
            "oadrCreatedEvent", response=response, event_responses=responses, ven_id="ven", **secure
        )
        return str(written).encode()

    return answer


def _check(
    ours: Callable[[bytes], bytes], theirs: Callable[[bytes], bytes], fresh: Callable[[], bytes], keys: Keys | None
) -> None:
    made, other = ours(fresh()), theirs(fresh())
    tree = messaging.validate_xml_schema(made)
    if keys is not None:
        messaging.validate_xml_signature(tree, keys.fingerprint)
    mine, peers = messaging.parse_message(made)[1], messaging.parse_message(other)[1]
    assert mine["event_responses"] == peers["event_responses"]
    assert mine["ven_id"] == peers["ven_id"]


def _keys(folder: Path, kind: str) -> Keys:
    key: Any = ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, kind)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    keys = Keys(folder / f"{kind}.crt", folder / f"{kind}.key", openadr_fingerprint(certificate))
    keys.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
    keys.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return keys


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
