"""Rule 9: moves what is wanted now towards its goal. Before the arbiter, so that every source's own way is seen in its bounds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from grid_functions.model.claim import Claim, Scope, Source, Want
from grid_functions.model.control import Mode
from grid_functions.model.instants import Instants
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity

TrackKey = tuple[Source, Scope, Quantity, Mode]
"""The mode too: two modes of one source on one scope are two bounds (rule 2), each with its own way."""


@dataclass(frozen=True, slots=True)
class Track:
    """Where one source's claim on one scope and quantity is, and since which monotonic second."""

    want: Want
    at_s: float


@dataclass(frozen=True, slots=True)
class TrajectoryState:
    """The tracks of all claims that moved or stand."""

    tracks: Mapping[TrackKey, Track] = field(default_factory=dict)
    version: int = 1


def step(
    state: TrajectoryState, claims: Sequence[Claim], snapshot: Snapshot, now: Instants
) -> tuple[TrajectoryState, tuple[Claim, ...]]:
    """Every claim at the value it has reached; with neither ramp nor gradient in force that is its goal at once."""
    moved = tuple(replace(claim, want=claim.goal) for claim in claims)
    tracks: dict[TrackKey, Track] = {}
    for claim in moved:
        key = (claim.cause.source, claim.scope, claim.quantity, claim.mode)
        before = state.tracks.get(key)
        tracks[key] = before if before is not None and before.want == claim.want else Track(claim.want, now.mono_s)
    return TrajectoryState(MappingProxyType(tracks)), moved
