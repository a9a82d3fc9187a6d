"""Who may connect, by the security profiles of OCPP (1.6: security whitepaper edition 2, clause 2; 2.0.1 part 2, A00); pure."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError


class SecurityProfile(IntEnum):
    """0 is none of the standard: for a network of one's own."""

    NONE = 0
    BASIC = 1
    TLS_BASIC = 2
    TLS_CERTIFICATE = 3

    @property
    def by_password(self) -> bool:
        """Whether a station shows a password."""
        return self in (SecurityProfile.BASIC, SecurityProfile.TLS_BASIC)

    @property
    def by_tls(self) -> bool:
        """Whether what is said is secret."""
        return self in (SecurityProfile.TLS_BASIC, SecurityProfile.TLS_CERTIFICATE)


@dataclass(frozen=True, slots=True)
class Access:
    """``users``: argon2 hashes of passwords by station."""

    profile: SecurityProfile
    users: Mapping[str, str] = field(default_factory=dict)


class Passwords:
    """Checks passwords; remembers for the length of a run which it has seen to be right, since a hash takes a twentieth of a second and
    after an outage all stations come at once. ``key``: random, of this run."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._right: dict[str, bytes] = {}
        self._hasher = PasswordHasher()

    def known(self, station: str, hashed: str, password: bytes) -> bool:
        """Whether this very password was right before; quick."""
        seen = self._right.get(station)
        return seen is not None and hmac.compare_digest(seen, self._mark(hashed, password))

    def right(self, station: str, hashed: str, password: bytes) -> bool:
        """Whether it is right; slow by design."""
        try:
            self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False
        self._right[station] = self._mark(hashed, password)
        return True

    def _mark(self, hashed: str, password: bytes) -> bytes:
        return hmac.digest(self._key, hashed.encode() + b"\0" + password, hashlib.sha256)


def password_of(header: str | None, station: str) -> bytes | None:
    """What a basic authorisation says; None: it is none, or another station's. The user is the station's identity."""
    kind, _, coded = (header or "").partition(" ")
    if kind.lower() != "basic" or len(coded) > _LONGEST:
        return None
    try:
        user, colon, password = base64.b64decode(coded.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return None
    return password if colon and user == station.encode() else None


def certified(certificate: Mapping[str, Any] | None, station: str) -> bool:
    """Whether a certificate, as :meth:`ssl.SSLSocket.getpeercert` tells it, is the station's: by its common name.

    Interpretation: the whitepaper has the serial number there and the standard the identity in the address; they are to be the same.
    """
    subject = (certificate or {}).get("subject", ())
    return any(name == "commonName" and value == station for part in subject for name, value in part)


def fault_of_hash(text: str) -> str:
    """What is wrong with a configured hash; empty: nothing."""
    return (
        ""
        if text.startswith("$argon2id$") and text.count("$") == 5
        else "no argon2id hash ('osed ocpp hash' makes one)"
    )


_LONGEST: Final = 1024
