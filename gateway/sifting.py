"""What of a tick can be decided on, where all of it cannot: nobody's reads are lost because of another's."""

from collections.abc import Callable
from dataclasses import replace

from grid_functions.decide import Decision, SiteTick


def sifted(tick: SiteTick, decide: Callable[[SiteTick], Decision]) -> tuple[SiteTick, Decision, Exception | None]:
    """The tick, the decision on it, and None. Where that raises: without the reads of upstreams whose reads alone raise, or without any if
    no one alone is to blame, and what it raised. Raises what ``decide`` raises of a tick without reads.
    """
    try:
        return tick, decide(tick), None
    except Exception as fault:
        if not tick.reads:
            raise
        first = fault
    names = {read.respondent.upstream for read in tick.reads}
    sound = {name for name in names if _stands(_of(tick, {name}), decide)}
    left = _of(tick, sound)
    if sound == names or not _stands(left, decide):
        left = _of(tick, set())
    return left, decide(left), first


def _of(tick: SiteTick, names: set[str]) -> SiteTick:
    return replace(tick, reads=tuple(read for read in tick.reads if read.respondent.upstream in names))


def _stands(tick: SiteTick, decide: Callable[[SiteTick], Decision]) -> bool:
    try:
        decide(tick)
    except Exception:
        return False
    return True
