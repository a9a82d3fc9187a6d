"""When to ask again: one due time per resource, never a task that could cancel another.

Pace, in shares of the poll window W (the adopted pollRate): a good read is followed by the next one 0.97 to 1.03 W after its own start; a
failure first by a quick retry (at most 30 s, at least 0.05 W later), then by one each 0.6 to 0.9 W. So a gap never exceeds
1.5 W, and no three windows see more than six polls, whatever fails.
"""

from grid_functions.model.ports import Dice
from protocols.ieee2030_5.session.terms import Terms

DEFAULT_S = 900.0
"""pollRate where a server gives none (schema default)."""

UNKNOWN_S = 60.0
"""Window of a resource whose rate was never read: after a start against a dead server nobody waits a quarter of an hour."""

REFUSED_S = 600.0
"""Pace while the relation is refused: a certificate or PIN is mended by people."""


def window(rate: int | None, terms: Terms) -> float:
    """The poll window for a pollRate as read, within the configured floor and ceiling, s."""
    asked = DEFAULT_S if rate is None else float(rate)
    return min(max(asked, terms.floor_s), max(terms.ceiling_s, terms.floor_s))


def after_read(window_s: float, started_s: float, dice: Dice) -> float:
    """Due time after a good read that began at ``started_s``."""
    return started_s + dice.jitter(0.97 * window_s, 1.03 * window_s)


def after_failure(window_s: float, started_s: float, failures: int, now_s: float, dice: Dice) -> float:
    """Due time after the ``failures``-th failure in a row of a poll that began at ``started_s``; never before ``now_s``."""
    if failures <= 1:
        quick = max(0.05 * window_s, min(0.4 * window_s, 30.0))
        wait = dice.jitter(quick, 1.25 * quick)
    else:
        wait = dice.jitter(0.6 * window_s, 0.9 * window_s)
    return max(started_s + wait, now_s)


def backoff(failures: int, dice: Dice, least_s: float = 5.0, most_s: float = 300.0) -> float:
    """Wait after the ``failures``-th failure of something that is sent, not polled: doubling, with jitter, s."""
    wait: float = min(most_s, least_s * 2.0 ** min(failures - 1, 10))
    return dice.jitter(0.75 * wait, wait)
