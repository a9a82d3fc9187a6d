"""What power does over time: profiles of sun and load, ripple, a ceiling that moves at a finite rate. Pure."""

import math
from dataclasses import dataclass
from hashlib import blake2b

SMOOTH_S = 0.1
"""While a profile is moving, physics is cut into pieces no longer than this."""


@dataclass(frozen=True, slots=True)
class Move:
    """From `at_s` on, go to `value` in a straight line over `over_s` seconds (0: at once)."""

    at_s: float
    value: float
    over_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Profile:
    """A value over time: where it begins, and the moves that follow, ascending in time."""

    begin: float
    moves: tuple[Move, ...] = ()

    def at(self, t_s: float) -> float:
        """The value at an instant; a move that begins before the last has ended starts from where that one was."""
        value = self.begin
        for index, move in enumerate(self.moves):
            if move.at_s > t_s:
                break
            follower = self.moves[index + 1].at_s if index + 1 < len(self.moves) else math.inf
            passed = min(t_s, follower) - move.at_s
            value = move.value if passed >= move.over_s else value + (move.value - value) * passed / move.over_s
        return value

    def next_cut(self, t_s: float) -> float:
        """The next instant after `t_s` at which this profile cannot be taken as constant any more."""
        moving = any(move.at_s <= t_s < move.at_s + move.over_s for move in self.moves)
        begins = min((move.at_s for move in self.moves if move.at_s > t_s), default=math.inf)
        return min(begins, t_s + SMOOTH_S) if moving else begins

    def moved(self, move: Move) -> "Profile":
        """The profile from `move.at_s` on, with that move; what was planned for later stays, the past is forgotten."""
        later = (m for m in self.moves if m.at_s > move.at_s)
        return Profile(self.at(move.at_s), (move, *later))


def chance(seed: int, *what: object) -> float:
    """A number in [0, 1) that depends on nothing but its arguments."""
    text = "/".join(str(part) for part in (seed, *what))
    return int.from_bytes(blake2b(text.encode(), digest_size=6).digest(), "big") / 2**48


def moved_ceiling(ceiling_w: float, goal_w: float, rate_w_per_s: float, dt_s: float) -> float:
    """Where a ceiling stands after moving towards its goal at a finite (or infinite) rate."""
    gap = goal_w - ceiling_w
    if math.isinf(rate_w_per_s) or abs(gap) <= rate_w_per_s * dt_s:
        return goal_w
    return ceiling_w + math.copysign(rate_w_per_s * dt_s, gap)


def energy_ws(
    ceiling_w: float, goal_w: float, rate_w_per_s: float, dt_s: float, highest_w: float, lowest_w: float = -math.inf
) -> float:
    """The exact integral over dt_s of a moving ceiling kept between two bounds, in watt-seconds."""
    end = moved_ceiling(ceiling_w, goal_w, rate_w_per_s, dt_s)
    gap = end - ceiling_w
    ramp_s = 0.0 if gap == 0 or math.isinf(rate_w_per_s) else min(dt_s, abs(gap) / rate_w_per_s)
    held = max(lowest_w, min(highest_w, end)) * (dt_s - ramp_s)
    if ramp_s == 0:
        return held
    grown = _below(end, highest_w, lowest_w) - _below(ceiling_w, highest_w, lowest_w)
    return held + ramp_s * grown / gap


def seconds_left(deadline_s: float | None, now_s: float) -> int:
    """A count-down register: whole seconds, rounded up, 0 when nothing runs."""
    return 0 if deadline_s is None else max(0, math.ceil(deadline_s - now_s - 1e-6))


def scale_for(largest: float, top: int, finest: int = 0) -> int:
    """The finest scale factor, from `finest` up, with which `largest` fits into `top` counts."""
    exponent = finest
    while largest > top * 10.0**exponent:
        exponent += 1
    return exponent


def counts(value: float, exponent: int) -> int:
    """A value as register counts of 10^exponent, rounded half to even."""
    return round(value / 10.0**exponent)


def _below(w: float, highest_w: float, lowest_w: float) -> float:
    """An antiderivative, over `w`, of `w` kept between the bounds."""
    if w > highest_w:
        return highest_w * highest_w / 2 + highest_w * (w - highest_w)
    if w < lowest_w:
        return lowest_w * lowest_w / 2 + lowest_w * (w - lowest_w)
    return w * w / 2
