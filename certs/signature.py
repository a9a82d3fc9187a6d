"""XML signatures of OpenADR 2.0b ("high" security): detached, with replay protection (profile specification 1.1, clause 10; rule 514).

What a verification returns are the very bytes whose digest was compared: whoever reads those, and nothing else of the document, cannot be
misled by anything wrapped around them.
"""

import secrets
import threading
from base64 import b64decode
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature as BadSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from lxml import etree
from signxml.algorithms import SignatureConstructionMethod, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.signer import XMLSigner
from signxml.verifier import SignatureConfiguration, XMLVerifier

from certs.errors import CertificateError
from certs.identity import openadr_fingerprint

OADR = "http://openadr.org/oadr-2.0b/2012/07"
DSP = "http://openadr.org/oadr-2.0b/2012/07/xmldsig-properties"
DS = "http://www.w3.org/2000/09/xmldsig#"

WINDOW_S = 300.0
"""How far a timestamp may be from our time, either way. Rule 514 leaves it to the deployment: clocks in the field are minutes apart."""

_C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
_SIGNED = f"{{{OADR}}}oadrSignedObject"
_SIGNED_ID = "oadrSignedObject"
_OPENING, _AFTER = b"<oadr:oadrSignedObject", b"</oadr:oadrPayload>"
_MOST_NONCES = 100_000
_LONGEST_NONCE = 1024
_MOST_LINKS = 5
_MOST_PREFIXES = 32
"""Twice what the profile's schemas need. Canonical form costs the square of these for each element."""

_MOST_ATTRIBUTES = etree.XPath("boolean(//*[count(@*) > 32])")
"""Ten times what the profile's schemas have on one element. Canonical form sorts them one by one."""


class SignatureRejected(ValueError):
    """A document that is not to be believed; the text says why."""


class Signer:
    """Signs documents as this house writes them, with one key, loaded once. Safe in threads."""

    def __init__(self, certificate: Path, key: Path, now: Callable[[], float]) -> None:
        self._now = now
        chain = _load("certificate", certificate, x509.load_pem_x509_certificates)
        self._chain_pem = [one.public_bytes(Encoding.PEM).decode() for one in chain]
        self._key: Any = _load("key", key, lambda pem: load_pem_private_key(pem, None))
        if chain[0].public_key() != self._key.public_key():
            raise CertificateError(f"signing key {key} does not belong to certificate {certificate}")
        if isinstance(self._key, rsa.RSAPrivateKey) and self._key.key_size >= 2048:
            self._method = SignatureMethod.RSA_SHA256
        elif isinstance(self._key, ec.EllipticCurvePrivateKey):
            self._method = SignatureMethod.ECDSA_SHA256
        else:
            raise CertificateError(f"signing key {key} is neither RSA of 2048 bits or more nor of an elliptic curve")

    def __call__(self, document: bytes) -> bytes:
        """The same document with a Signature before its oadrSignedObject."""
        at, end = document.find(_OPENING), document.rfind(_AFTER)
        if not 0 <= at < end:
            raise ValueError("no oadrSignedObject to sign")
        signer = XMLSigner(SignatureConstructionMethod.detached, self._method, c14n_algorithm=_C14N)
        # Canonical form holds every namespace in scope: the signature will stand in an element that declares this one.
        signer.namespaces["oadr"] = OADR
        signature = signer.sign(
            etree.fromstring(document[at:end], _parser()),
            key=self._key,
            cert=self._chain_pem,
            reference_uri=f"#{_SIGNED_ID}",
            signature_properties=self._protection(),
        )
        return document[:at] + etree.tostring(signature) + document[at:]

    def _protection(self) -> Any:
        protection = etree.Element(
            f"{{{DSP}}}ReplayProtect", {"Id": "replay", "Target": f"#{_SIGNED_ID}"}, nsmap={"dsp": DSP}
        )
        moment = datetime.fromtimestamp(self._now(), UTC)
        etree.SubElement(protection, f"{{{DSP}}}timestamp").text = f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"
        etree.SubElement(protection, f"{{{DSP}}}nonce").text = secrets.token_hex(16)
        return protection


@dataclass(frozen=True, slots=True)
class Trust:
    """Who may sign: fingerprints (OpenADR's ten bytes with colons), or whoever descends from these roots. One of the two at least."""

    fingerprints: frozenset[str] = frozenset()
    authorities: tuple[x509.Certificate, ...] = ()

    @staticmethod
    def of(fingerprints: Iterable[str] = (), ca: Path | None = None) -> "Trust":
        """From the configuration. CertificateError when nobody would be trusted."""
        roots = tuple(_load("ca", ca, x509.load_pem_x509_certificates)) if ca is not None else ()
        trust = Trust(frozenset(one.strip().upper() for one in fingerprints), roots)
        if not trust.fingerprints and not trust.authorities:
            raise CertificateError("signatures need a fingerprint or a ca to be checked against")
        return trust


class Verifier:
    """Verifies documents; keeps the nonces it saw. Safe in threads. ``window_s``: how far a timestamp may be from ``now``."""

    def __init__(self, trust: Trust, now: Callable[[], float], *, window_s: float = WINDOW_S) -> None:
        self._trust = trust
        self._now = now
        self._window_s = window_s
        self._signers: dict[bytes, x509.Certificate] = {}
        self._nonces: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, document: bytes) -> bytes:
        """The canonical bytes of the oadrSignedObject that was signed. SignatureRejected says why it is not believed."""
        root = _opened(document)
        signature = _signature_of(root)
        signer = self._signer(signature)
        try:
            # The schema adds nothing: of a signature nothing is used but what is looked at here, and what it covers.
            results = _InPlace().verify(
                root, x509_cert=signer, parser=_parser(), expect_config=_EXPECTED, validate_schema=False
            )
        except (SignXMLException, etree.LxmlError, ValueError, KeyError, AttributeError, TypeError) as fault:
            raise SignatureRejected(f"it does not verify: {fault}") from None
        verified = results if isinstance(results, list) else [results]
        objects = [one.signed_data for one in verified if _tag(one.signed_xml) == _SIGNED]
        properties = [one.signed_xml for one in verified if _tag(one.signed_xml) != _SIGNED]
        if len(objects) != 1 or len(properties) != 1 or properties[0] is None:
            raise SignatureRejected("it covers other things than one oadrSignedObject and its replay protection")
        self._check_fresh(properties[0])
        return objects[0]

    def _signer(self, signature: Any) -> x509.Certificate:
        told = signature.findall(f"{{{DS}}}KeyInfo/{{{DS}}}X509Data/{{{DS}}}X509Certificate")
        if not 1 <= len(told) <= _MOST_LINKS:
            raise SignatureRejected("it names no certificate")
        try:
            chain = [b64decode("".join((one.text or "").split()), validate=True) for one in told]
            signer = self._signers.get(b"".join(chain))
            if signer is None:
                signer = self._trusted([x509.load_der_x509_certificate(der) for der in chain])
                if len(self._signers) < _MOST_LINKS:
                    self._signers[b"".join(chain)] = signer
        except (ValueError, BadSignature, TypeError) as fault:
            if isinstance(fault, SignatureRejected):
                raise
            raise SignatureRejected(f"its certificate cannot be read: {fault}") from None
        self._check_validity(signer)
        return signer

    def _trusted(self, chain: list[x509.Certificate]) -> x509.Certificate:
        fingerprint = openadr_fingerprint(chain[0])
        if fingerprint in self._trust.fingerprints:
            return chain[0]
        below = chain[0]
        for _ in range(_MOST_LINKS):
            issuer = next((one for one in (*self._trust.authorities, *chain[1:]) if _issued(below, one)), None)
            if issuer is None:
                break
            self._check_validity(issuer)
            if issuer in self._trust.authorities:
                return chain[0]
            below = issuer
        raise SignatureRejected(f"its certificate, fingerprint {fingerprint}, is not one we trust")

    def _check_validity(self, certificate: x509.Certificate) -> None:
        moment = datetime.fromtimestamp(self._now(), UTC)
        if not certificate.not_valid_before_utc <= moment <= certificate.not_valid_after_utc:
            raise SignatureRejected(f"its certificate was valid until {certificate.not_valid_after_utc:%Y-%m-%d} only")

    def _check_fresh(self, properties: Any) -> None:
        stamp, nonce = properties.findtext(f".//{{{DSP}}}timestamp"), properties.findtext(f".//{{{DSP}}}nonce")
        if not stamp or not nonce:
            raise SignatureRejected("it has no replay protection")
        if len(nonce) > _LONGEST_NONCE:
            raise SignatureRejected(f"its nonce has {len(nonce)} characters, which are too many to be kept")
        try:
            moment = datetime.fromisoformat(stamp.strip())
        except ValueError:
            raise SignatureRejected(f"its timestamp {stamp[:40]!r} is no date and time") from None
        at_s = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        now_s = self._now()
        if abs(now_s - at_s) > self._window_s:
            raise SignatureRejected(f"it was made {now_s - at_s:.0f} s ago, the window is {self._window_s:.0f} s")
        with self._lock:
            while self._nonces and next(iter(self._nonces.values())) < now_s - 2 * self._window_s:
                self._nonces.popitem(last=False)
            if nonce in self._nonces:
                raise SignatureRejected("it was seen before")
            if len(self._nonces) >= _MOST_NONCES:
                raise SignatureRejected("too many messages in too short a time")
            self._nonces[nonce] = now_s


class _InPlace(XMLVerifier):
    """Does not copy the whole document for each reference, as the verifier does for the sake of a transform that cuts things out of it.

    Where such a transform is named the document loses its signature, and the next step finds none: it is rejected.
    """

    def _tostring(self, xml_node: Any, **kwargs: Any) -> Any:
        base: Any = super()
        whole = getattr(xml_node, "tag", None) == f"{{{OADR}}}oadrPayload"
        return xml_node if whole else base._tostring(xml_node, **kwargs)

    def _fromstring(self, xml_string: Any, **kwargs: Any) -> Any:
        base: Any = super()
        return base._fromstring(xml_string, **kwargs) if isinstance(xml_string, str | bytes) else xml_string


_EXPECTED = SignatureConfiguration(
    require_x509=True,
    location="./",
    expect_references=2,
    signature_methods=frozenset({SignatureMethod.RSA_SHA256, SignatureMethod.ECDSA_SHA256}),
)


def _parser() -> "etree.XMLParser[Any]":
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )


def _opened(document: bytes) -> Any:
    try:
        root = etree.fromstring(document, _parser())
    except (etree.XMLSyntaxError, ValueError) as fault:
        raise SignatureRejected(f"no well-formed document: {fault}") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise SignatureRejected("a document type declaration is not taken")
    # Before anything is verified, since that begins with the canonical form of what a stranger wrote: 48 KB take it 46 s.
    prefixes: set[str] = set()
    declarations: Any = etree.iterwalk(root, events=("start-ns",))
    for _, (prefix, _) in declarations:
        prefixes.add(prefix)
        if len(prefixes) > _MOST_PREFIXES:
            raise SignatureRejected(f"it declares more than {_MOST_PREFIXES} prefixes of namespaces")
    if _MOST_ATTRIBUTES(root):
        raise SignatureRejected("an element has more than 32 attributes")
    return root


def _signature_of(root: Any) -> Any:
    """The one Signature, and where it belongs: beside one oadrSignedObject, below the payload."""
    tags = [child.tag for child in root]
    if f"{{{DS}}}Signature" not in tags:
        raise SignatureRejected("there is none")
    if root.tag != f"{{{OADR}}}oadrPayload" or tags != [f"{{{DS}}}Signature", _SIGNED]:
        raise SignatureRejected("the payload holds other things than one signature and one signed object")
    return root[0]


def _tag(element: Any) -> str:
    return "" if element is None else str(element.tag)


def _issued(below: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        if not issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return False
        below.verify_directly_issued_by(issuer)
    except (x509.ExtensionNotFound, ValueError, TypeError, BadSignature):
        return False
    return True


def _load(role: str, path: Path, read: Callable[[bytes], Any]) -> Any:
    try:
        return read(path.read_bytes())
    except OSError as fault:
        raise CertificateError(f"signature {role}: cannot read {path}: {fault.strerror}") from fault
    except (ValueError, TypeError) as fault:
        raise CertificateError(f"signature {role}: {path} is not in PEM, or is encrypted: {fault}") from fault
