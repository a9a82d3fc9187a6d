"""The server's clock as its Time resource tells it: all event timing is in server time (IEEE 2030.5-2018, Time function set)."""

from grid_functions import upstream_clock
from grid_functions.upstream_clock import UpstreamClock
from protocols.ieee2030_5.wire.resources import Time

UNCOORDINATED = 7
"""Time.quality of a server that follows no reference on purpose."""


def heard(clock: UpstreamClock, time: Time, sent_s: float, received_s: float, adopted: bool) -> UpstreamClock:
    """Take one reading. ``adopted``: a reading of this run was taken before, so that a jump must be confirmed."""
    coordinated = time.quality != UNCOORDINATED
    return upstream_clock.heard(clock, time.currentTime, sent_s, received_s, adopted=adopted, coordinated=coordinated)
