"""When to ask again."""

from grid_functions.model.ports import Dice

REFUSED_S = 600.0
"""Pace while the VTN refuses us: secrets and grants are mended by people."""

SOON_S = 2.0
"""A hint, or a list suddenly empty, is looked into within this time: not by all VENs of a VTN in the same moment."""

CONFIRM_S = 5.0
"""What a list no longer shows is read once more after this long."""


def after_read(every_s: float, started_s: float, dice: Dice) -> float:
    """Due time after a good round that began at ``started_s``; spread, so that many VENs do not fall into step."""
    return started_s + dice.jitter(0.95 * every_s, 1.05 * every_s)


def backoff(failures: int, dice: Dice, least_s: float = 5.0, most_s: float = 300.0) -> float:
    """Wait after the ``failures``-th failure in a row: doubling, with jitter, s."""
    wait: float = min(most_s, least_s * 2.0 ** min(failures - 1, 12))
    return dice.jitter(0.75 * wait, wait)


def refused(dice: Dice) -> float:
    """Wait while refused."""
    return dice.jitter(0.9 * REFUSED_S, REFUSED_S)
