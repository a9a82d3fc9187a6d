"""Reversion timers: which writes start one, and what it leaves behind. One table per device kind. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.simulator.registers import PointKey

Deadlines = Mapping[str, float]
"""Instants at which something ends, by name."""


@dataclass(frozen=True, slots=True)
class Timer:
    """Runs while `enable` holds one of `armed`; a write to one of `starts` restarts it for `seconds`.

    `ends`: what is copied at its end, to a point from another point or a number.
    """

    name: str
    enable: PointKey
    seconds: PointKey
    starts: frozenset[PointKey]
    ends: tuple[tuple[PointKey, PointKey | int], ...]
    armed: frozenset[int] = frozenset({1})


def restarted(
    timers: tuple[Timer, ...],
    running: Deadlines,
    held: Mapping[PointKey, int],
    written: frozenset[PointKey],
    now_s: float,
) -> Deadlines:
    """The deadlines after a write."""
    after = dict(running)
    for timer in timers:
        if timer.enable not in held or not written & timer.starts:
            continue
        after.pop(timer.name, None)
        if held[timer.enable] in timer.armed and held[timer.seconds]:
            after[timer.name] = now_s + held[timer.seconds]
    return after


def expired(
    timers: tuple[Timer, ...], running: Deadlines, held: Mapping[PointKey, int], now_s: float
) -> tuple[Deadlines, Mapping[PointKey, int], tuple[Timer, ...]]:
    """What still runs, the registers after the reversions that are due, and which those were."""
    due = tuple(timer for timer in timers if running.get(timer.name, now_s + 1) <= now_s)
    if not due:
        return running, held, ()
    names = {timer.name for timer in due}
    copied = {to: held[what] if isinstance(what, tuple) else what for timer in due for to, what in timer.ends}
    return {name: at for name, at in running.items() if name not in names}, {**held, **copied}, due


def stopped(timers: tuple[Timer, ...], running: Deadlines, dt_s: float) -> Deadlines:
    """Timers that stand still: their ends move on with the clock."""
    names = {timer.name for timer in timers}
    return {name: at + dt_s if name in names else at for name, at in running.items()}
