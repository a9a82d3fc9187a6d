"""When to ask again (OpenADR 2.0b profile, clause 9: poll frequency, quiesce and back-off; rule 500)."""

from grid_functions.model.ports import Dice
from protocols.openadr2b.session.terms import Terms

MOST_DRAINED = 100
"""Polls in a row without a pause: a queue that never ends is no queue."""

REFUSED_S = 600.0
"""Pace while the VTN refuses us: a registration, a certificate or a key is mended by people."""

QUIESCE = 503
"""The HTTP status of a VTN that wants to be left alone for a while (clause 9)."""

PATIENT = 3
"""Failures in a row that are worth no word yet."""

FIRST_S = 1.0

SPREAD = 0.1
"""Jitter of a back-off, of itself, either way."""


SHARE = 0.2
"""Of the mean duration of events, from poll to poll at most (clause 9)."""


def pace(asked_s: float | None, terms: Terms, mean_s: float | None = None) -> float:
    """Seconds from poll to poll for what the VTN asks; None = it asks nothing. ``mean_s``: the mean duration of its events.

    Interpretation: the standard forbids both to poll faster than the VTN asks and slower than a fifth of the mean event; where these two
    contradict each other the VTN knows its events, and is asked as it asks.
    """
    unasked_s = terms.poll_s if mean_s is None else min(terms.poll_s, SHARE * mean_s)
    wanted = unasked_s if asked_s is None or asked_s <= 0 else asked_s
    return min(max(wanted, terms.floor_s), max(terms.ceiling_s, terms.floor_s))


def after_poll(pace_s: float, dice: Dice) -> float:
    """To the next poll: never faster than the pace, and no two VENs in step."""
    return dice.jitter(pace_s, pace_s * (1.0 + SPREAD))


def first_poll(pace_s: float, dice: Dice) -> float:
    """VENs that were started together spread over the pace."""
    return dice.jitter(0.1 * pace_s, pace_s)


def backoff(failures: int, pace_s: float, dice: Dice) -> float:
    """Truncated binary exponential: 1 s, 2 s, 4 s ... up to the pace (at least a minute), each 10 % either way."""
    wait: float = min(FIRST_S * 2.0 ** min(max(failures, 1) - 1, 20), max(pace_s, 60.0))
    return dice.jitter((1.0 - SPREAD) * wait, (1.0 + SPREAD) * wait)
