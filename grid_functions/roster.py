"""Who belongs to an area, what each may do, and who proved it: enrolment by function, tokens, rates. Pure.

A member is enrolled for functions, one by one, and in each may hear (down), speak (up) or both. It proves itself with a token of which only
the digest is kept; a revoked member is as good as unknown. What it says is limited in rate before anyone reads it.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from grid_functions.letters import Way
from grid_functions.model.instants import Instants
from grid_functions.model.lease import Message

BURST = 120.0
PER_S = 2.0
"""A member may say so many letters at once in one function, and so many a second from then on: a coordination asks for one a round."""

Rights = Mapping[str, frozenset[Way]]
"""By function."""

BOTH = frozenset({Way.DOWN, Way.UP})


@dataclass(frozen=True, slots=True)
class Enrolled:
    """One member. ``digest``: SHA-256 of its token, hexadecimal; tokens are random and long, so that no slow hash is needed."""

    member: str
    digest: str
    rights: Rights
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class Bucket:
    """What a member may still say, and as of which monotonic second."""

    left: float
    at_s: float

    def less(self, letters: int, now: Instants) -> "Bucket | None":
        """After so many letters more; None = that is too many."""
        left = min(BURST, self.left + PER_S * max(0.0, now.mono_s - self.at_s)) - letters
        return Bucket(left, now.mono_s) if left >= 0.0 else None


@dataclass(frozen=True, slots=True)
class Roster:
    """Everyone by name, and the rates of this run."""

    enrolled: Mapping[str, Enrolled] = field(default_factory=dict)
    buckets: Mapping[tuple[str, str], Bucket] = field(default_factory=dict)

    def members_of(self, function: str, way: Way) -> tuple[str, ...]:
        """Who takes part in a function, in that direction."""
        return tuple(
            sorted(
                name
                for name, one in self.enrolled.items()
                if not one.revoked and way in one.rights.get(function, frozenset())
            )
        )


def digest_of(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def enrol(roster: Roster, member: str, token: str, rights: Rights) -> Roster:
    """A new member, or an old one with another token and other rights."""
    return replace(roster, enrolled={**roster.enrolled, member: Enrolled(member, digest_of(token), dict(rights))})


def revoke(roster: Roster, member: str) -> Roster:
    """It neither hears nor speaks any more; it stays on the roster, so that its token is known for a revoked one."""
    one = roster.enrolled.get(member)
    return roster if one is None else replace(roster, enrolled={**roster.enrolled, member: replace(one, revoked=True)})


def heard(roster: Roster, message: Message, token: str, now: Instants) -> tuple[Roster, str]:
    """Whether what a member sends up may be read, and the rates after it; the text says why not, empty = it may."""
    one = roster.enrolled.get(message.sender)
    if one is None or not hmac.compare_digest(one.digest, digest_of(token)):
        return roster, "is no member here, or its token is wrong"
    if one.revoked:
        return roster, "was revoked"
    if Way.UP not in one.rights.get(message.function, frozenset()):
        return roster, f"may not speak in {message.function}"
    key = (message.sender, message.function)
    after = roster.buckets.get(key, Bucket(BURST, now.mono_s)).less(1, now)
    if after is None:
        return roster, f"says more than {PER_S:g} letters a second"
    return replace(roster, buckets={**roster.buckets, key: after}), ""


def may_hear(roster: Roster, member: str, function: str) -> bool:
    """Whether letters and leases of a function may be sent to a member."""
    one = roster.enrolled.get(member)
    return one is not None and not one.revoked and Way.DOWN in one.rights.get(function, frozenset())
