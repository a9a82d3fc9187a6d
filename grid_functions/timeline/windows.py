"""Effective windows: nominal start and duration, the draws, and what back-to-back events do to each other."""

import hashlib
import json
from typing import Final

from grid_functions.model.control import Mode, mode_of
from grid_functions.model.event import Event, EventKey
from grid_functions.timeline.state import Tracked

MOST_RANDOM_S: Final = 3600.0
"""Randomisation windows reach this far either way (IEEE 2030.5 OneHourRangeType)."""

FOREVER: Final = float("inf")


def clamped(window_s: float) -> float:
    """A randomisation window within its range."""
    return max(-MOST_RANDOM_S, min(MOST_RANDOM_S, window_s))


def draw_s(seed: bytes, key: EventKey, what: str, window_s: float) -> float:
    """A number between 0 and the signed window, uniform over seeds and keys, the same for the same ones; whole milliseconds."""
    if window_s == 0.0:
        return 0.0
    words = json.dumps([key.respondent.upstream, key.respondent.id, key.id, what]).encode()
    digest = hashlib.blake2b(words, digest_size=8, key=hashlib.sha256(seed).digest()).digest()
    return round(clamped(window_s) * (int.from_bytes(digest) / 2**64), 3)


def modes_of(event: Event) -> frozenset[Mode]:
    """Every mode any of its intervals carries."""
    if len(event.intervals) == 1:
        return frozenset(map(mode_of, event.intervals[0].controls))
    return frozenset(mode_of(control) for interval in event.intervals for control in interval.controls)


def nominal_end_s(event: Event) -> float:
    """The end before any draw; infinite for an open-ended event."""
    return FOREVER if event.duration_s is None else event.start_s + max(0.0, event.duration_s)


def end_s(tracked: Tracked, begin_s: float) -> float:
    """The effective end, given the effective start: never before it; a randomised cancel may bring it forward."""
    duration = tracked.event.duration_s
    end = FOREVER if duration is None else begin_s + max(0.0, max(0.0, duration) + tracked.duration_draw_s)
    return end if tracked.stop_s is None else min(end, tracked.stop_s)
