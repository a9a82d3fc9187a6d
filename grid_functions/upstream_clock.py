"""An upstream's clock: monotonic time plus an offset, measured at the mid-point of each exchange that tells the time.

Windows stay in their upstream's time; our own clock is never set.
"""

from dataclasses import dataclass, replace

from grid_functions.model.instants import ClockQuality, Instants, UpstreamTime

SLEW = 0.1
"""Seconds of correction per second: at most 1 s in 10 s, so that server time never runs backwards."""

LARGE_S = 30.0
"""A difference from here on is a jump: it counts only when the next reading confirms it."""


@dataclass(frozen=True, slots=True)
class UpstreamClock:
    """Server time = monotonic + offset, the offset moving from ``offset_s`` at ``since_s`` towards ``goal_s``.

    ``doubt_s``: the offset of a jump not yet confirmed.
    """

    offset_s: float
    goal_s: float
    since_s: float
    quality: ClockQuality
    doubt_s: float | None = None

    def now_s(self, mono_s: float) -> float:
        """Server time, seconds since 1970."""
        reach = SLEW * max(0.0, mono_s - self.since_s)
        return mono_s + self.offset_s + max(-reach, min(reach, self.goal_s - self.offset_s))

    def told(self, mono_s: float) -> UpstreamTime:
        """Server time with its quality now."""
        slewing = abs(self.goal_s - self.offset_s) > SLEW * max(0.0, mono_s - self.since_s)
        coordinated = self.quality is ClockQuality.SYNCHRONISED
        return UpstreamTime(self.now_s(mono_s), ClockQuality.SLEWING if slewing and coordinated else self.quality)


def booted(now: Instants, saved_s: float | None) -> UpstreamClock:
    """The clock of a new run. ``saved_s``: server time minus UTC as last saved, None = never."""
    offset = now.utc_s - now.mono_s + (saved_s or 0.0)
    quality = ClockQuality.UNSYNCHRONISED if saved_s is None else ClockQuality.SAVED
    return UpstreamClock(offset, offset, now.mono_s, quality)


def heard(
    clock: UpstreamClock,
    told_s: int,
    sent_s: float,
    received_s: float,
    *,
    adopted: bool,
    coordinated: bool = True,
) -> UpstreamClock:
    """Take one reading, in whole seconds. ``adopted``: a reading of this run was taken before, so that a jump must be confirmed.

    ``coordinated``: the server follows a time reference. Interpretation: what is told is a whole second already begun, so half a second is
    added to it.
    """
    middle = (sent_s + received_s) / 2
    measured = told_s + 0.5 - middle
    doubt = 0.5 + (received_s - sent_s) / 2
    quality = ClockQuality.SYNCHRONISED if coordinated else ClockQuality.UNSYNCHRONISED
    present = clock.now_s(received_s) - received_s
    difference = abs(measured - present)
    if difference <= doubt:
        return UpstreamClock(present, present, received_s, quality)
    if difference <= LARGE_S and (adopted or clock.quality is ClockQuality.SAVED):
        return UpstreamClock(present, measured, received_s, quality)
    confirmed = clock.doubt_s is not None and abs(measured - clock.doubt_s) <= 2.0 + doubt
    if confirmed or not adopted:
        return UpstreamClock(measured, measured, received_s, quality)
    return replace(clock, doubt_s=measured)
