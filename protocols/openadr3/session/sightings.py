"""When each event was first seen as it is now: what "now" means in its times, and the version that the timeline goes by.

A VTN's modificationDateTime is compared, never computed with: some have no zone, some stand still. Whatever changes what an event says
makes a new version; versions begin at our own seconds, so that they rise even where the memory of them is lost.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from grid_functions.model.event import Event, Reject
from protocols.openadr3.timing import Laid
from protocols.openadr3.translate.events import Seen
from protocols.openadr3.wire import objects

KEY = "sightings"
VERSION = 1

MOST = 5_000
"""Events remembered though not shown any more; the oldest go first."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """``digest``: of what the event says; ``block``: the part of an endless repetition that is laid out."""

    digest: str
    block: int
    version: int
    anchor_s: float

    @property
    def seen(self) -> Seen:
        """As translation asks for it."""
        return Seen(self.version, self.anchor_s)


@dataclass(frozen=True, slots=True)
class Known:
    """An event as last read, and what became of it: per respondent's resource, the events it is. Reused while nothing changes.

    ``laid``: its intervals in time, where it asks for reports of them and they can be laid out.
    """

    event: objects.Event
    program: objects.Program
    sighting: Sighting
    resources: frozenset[str]
    events: Mapping[str, tuple[Event, ...]]
    reject: Reject | None
    remarks: tuple[str, ...]
    laid: Laid | None = None


def sighted(before: Sighting | None, event: objects.Event, program: objects.Program, now_s: float) -> Sighting:
    """The event seen now; block as it was."""
    digest = _digest(event, program)
    if before is not None and before.digest == digest:
        return before
    version = max(before.version + 1 if before is not None else 0, int(now_s))
    return Sighting(digest, 0, version, now_s)


def moved(sighting: Sighting, block: int, now_s: float) -> Sighting:
    """Another part of it is laid out: a new version of the same thing."""
    if sighting.block == block:
        return sighting
    return Sighting(sighting.digest, block, max(sighting.version + 1, int(now_s)), sighting.anchor_s)


def saved(sightings: Mapping[str, Sighting]) -> bytes:
    """As bytes of :data:`VERSION`."""
    plain = {name: [one.digest, one.block, one.version, one.anchor_s] for name, one in sightings.items()}
    return json.dumps(plain).encode()


def loaded(version: int, body: bytes) -> Mapping[str, Sighting]:
    """Those of an earlier run; none when they cannot be read: every event is then seen anew."""
    if version != VERSION:
        return {}
    try:
        return {str(name): _sighting(plain) for name, plain in json.loads(body).items()}
    except (ValueError, TypeError, AttributeError):
        return {}


def pruned(sightings: Mapping[str, Sighting], shown: Iterable[str]) -> Mapping[str, Sighting]:
    """Without the oldest of those not shown any more."""
    keep = frozenset(shown)
    absent = sorted((name for name in sightings if name not in keep), key=lambda name: sightings[name].version)
    drop = frozenset(absent[: max(0, len(absent) - MOST)])
    return {name: one for name, one in sightings.items() if name not in drop} if drop else sightings


def _sighting(plain: Any) -> Sighting:
    digest, block, version, anchor_s = plain
    return Sighting(str(digest), int(block), int(version), float(anchor_s))


def _digest(event: objects.Event, program: objects.Program) -> str:
    return hashlib.blake2b(repr((event, program.descriptors)).encode(), digest_size=12).hexdigest()
