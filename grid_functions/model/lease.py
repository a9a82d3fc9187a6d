"""Leases: how an area's coordinator speaks to its members (no claims ever travel, only controls)."""

from dataclasses import dataclass

from grid_functions.model.claim import LeaseId, Source
from grid_functions.model.control import Control
from grid_functions.model.event import EventKey, Interval, Rank


@dataclass(frozen=True, slots=True)
class Origin:
    """What a lease was made from: an event of an upstream, whose source and rank it keeps (DESIGN section 3)."""

    event: EventKey
    source: Source
    rank: Rank
    received_utc_s: float


@dataclass(frozen=True, slots=True)
class Lease:
    """Controls, or a series of them, that hold for ``ttl_s`` seconds counted at the receiver unless renewed; 0 ends it.

    ``series`` starts at ``start_utc_s`` and may reach further than the lease; a renewal may leave it out (None = as sent before).
    """

    id: LeaseId
    ttl_s: float
    controls: tuple[Control, ...] = ()
    start_utc_s: float = 0.0
    series: tuple[Interval, ...] | None = None
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """What an area function wants a member to hold, until it grants something else under the same ``subject``; nothing = no more.

    The coordinator makes leases of it and renews them for as long as function, area and itself live.
    """

    member: str
    subject: str
    controls: tuple[Control, ...] = ()
    start_utc_s: float = 0.0
    series: tuple[Interval, ...] = ()
    origin: Origin | None = None

    @property
    def nothing(self) -> bool:
        """Whether it takes back what was granted."""
        return not self.controls and not self.series


@dataclass(frozen=True, slots=True)
class Message:
    """A typed message between an area function and a member. ``body`` is canonical JSON, size-limited per channel."""

    function: str
    to: str
    sender: str
    kind: str
    id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class MemberReport:
    """What a member site last told of itself: power now and how far it can move, W, positive = consume."""

    member: str
    utc_s: float
    power_w: float
    least_w: float
    most_w: float
