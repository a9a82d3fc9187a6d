"""What the steps with chargers share: their scene, spans of one limit, and what was truly so."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.demo.measured import SETTLE_S, Sample, below, most, overshoot_w, reversals
from gateway.demo.registers import series
from gateway.demo.setting import CAR, MAPPED, METER, ROOF, SPOKEN
from gateway.demo.stage import Stage
from gateway.demo.step import wait_until
from gateway.demo.utility import Control

IMPORT, EXPORT = "import", "export"
_MODE: Final = {IMPORT: "opModImpLimW", EXPORT: "opModExpLimW"}
_HOLD_S: Final = 3.0
_USED_SHARE: Final = 0.7
PHASES: Final = ("a", "b", "c")
MOST_REVERSALS: Final = 6
SWING_A: Final = 1.0
"""What moves less on a conductor is no swing: a step of a charger is one ampere."""

Rows = Sequence[Sequence[Any]]
"""As the simulation recorded them: t_s, device, model, point, value."""


@dataclass(frozen=True, slots=True)
class Span:
    """A limit of the connection point, W, while it held, UTC seconds, and what asked for it. ``told``: received and started were
    answered.
    """

    direction: str
    limit_w: float
    from_s: float
    to_s: float
    told: bool
    control: Control

    @property
    def plain(self) -> list[Any]:
        """For the figures."""
        return [round(self.from_s, 1), round(self.to_s, 1), self.direction, self.limit_w]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of spans: ``settle_s`` of each, None = never; ``worst_w``: the most above a limit once it had settled."""

    ok: bool
    settle_s: tuple[float | None, ...]
    worst_w: float


async def scene(stage: Stage, *, sun: float, cars: Sequence[str] = (), load: float = 800.0) -> None:
    """Sun, W of load and a gateway that is at work; then a car that charges at each of these chargers and none at any other."""
    await stage.site.sun(sun)
    await stage.site.load(load)

    async def at_work() -> bool:
        limited = (read_back(stage, ROOF, "WMaxLimPctEna", stage.now_s, 704) or 0.0) == 1.0
        return limited and bool(await written(stage, SPOKEN, "GetCompositeSchedule"))

    await stage.until("at work", at_work, 3 * SETTLE_S, every_s=0.5)
    for charger in (MAPPED, SPOKEN):
        if charger not in cars:
            await stage.site.car(charger)
        elif await drawn_a(stage, charger) == 0.0:
            await stage.site.car(charger, **CAR)

    async def charging() -> bool:
        return all([await drawn_a(stage, charger) > 0 for charger in cars])

    await stage.until("charging", charging, 2 * SETTLE_S, every_s=0.5)
    # A limit in the very second in which a car begins meets a meter and a charger that tell of different moments, and may pause it.
    await wait_until(stage, stage.now_s + _HOLD_S)


async def span(
    stage: Stage, direction: str, limit_w: int, drawn: tuple[str, float] | None = None, *, duration_s: int = 90
) -> Span:
    """A limit from above for so long; until it is held, most of it is used or a charger draws so many A, and some seconds more."""
    control = await stage.operator.control(stage.programs["area"], {_MODE[direction]: limit_w}, duration_s)
    told = await stage.told(control.mrid, {1, 2}, 8)
    from_s = control.start_s
    sign = 1 if direction == IMPORT else -1

    async def is_held() -> bool:
        return sign * await stage.site.meter_w() <= limit_w + overshoot_w(stage.setting.rated_import_w)

    async def is_used() -> bool:
        if drawn is not None:
            charger, current_a = drawn
            return {await drawn_a(stage, charger), await later_a(charger)} == {current_a}
        return sign * await stage.site.meter_w() >= _USED_SHARE * limit_w

    async def later_a(charger: str) -> float:
        """A current that is drawn in passing is gone a second later."""
        await wait_until(stage, stage.now_s + 1.0)
        return await drawn_a(stage, charger)

    await stage.until("held", is_held, SETTLE_S)
    await stage.until("used", is_used, SETTLE_S)
    await wait_until(stage, stage.now_s + _HOLD_S)
    return Span(direction, limit_w, from_s, stage.now_s, told, control)


async def lift(stage: Stage, spans: Sequence[Span]) -> None:
    """Take away what is left of them: the last of each direction."""
    for one in {one.direction: one for one in spans}.values():
        await stage.operator.cancel(one.control)


def judged(samples: Sequence[Sample], spans: Sequence[Span], rating_w: float) -> Verdict:
    """How the limits were held: each within the time there is to settle, and then never more than the overshoot above it."""
    settle_s, worst_w, band_w = [], [], overshoot_w(rating_w)
    for one in spans:
        seen = [(t_s, w if one.direction == IMPORT else -w) for t_s, w in samples]
        settled_s = below(seen, one.limit_w + band_w, one.from_s, one.to_s)
        settle_s.append(settled_s)
        worst_w.append(most(seen, one.from_s + (settled_s or 0.0) + 0.1, one.to_s) - one.limit_w)
    ok = all(each is not None and each <= SETTLE_S for each in settle_s) and max(worst_w) <= band_w
    return Verdict(ok and all(one.told for one in spans), tuple(settle_s), round(max(0.0, *worst_w), 1))


async def rows(stage: Stage, since_s: float = 0.0) -> Rows:
    """What devices recorded of themselves, each second."""
    found: Rows = (await stage.site.dump(since_s or stage.now_s - 3.0))["samples"]
    return found


async def written(stage: Stage, device: str, what: str, since_s: float = 0.0) -> list[Sample]:
    """What a device recorded as written to it, or as asked, with the value."""
    found: Rows = (await stage.site.dump(since_s or stage.began_s - 60.0))["writes"]
    return [(row[0], row[4]) for row in found if (row[1], row[3]) == (device, what)]


async def drawn_a(stage: Stage, charger: str) -> float:
    """What the car at a charger truly takes now, A per phase."""
    return float((await stage.site.shown(charger))["drawn_a"])


def truth(found: Rows, device: str, point: str) -> list[Sample]:
    """One value of one device over time."""
    return [(row[0], row[4]) for row in found if (row[1], row[2], row[3]) == (device, 0, point)]


def last(found: Rows, device: str, point: str, before_s: float) -> float | None:
    """What it was last before a moment."""
    return next((value for t_s, value in reversed(truth(found, device, point)) if t_s < before_s), None)


def read_back(stage: Stage, device: str, point: str, before_s: float, model: int = 0) -> float | None:
    """What a register read last before a moment, by an independent client."""
    found = series(stage.registers, device, model, point)
    return next((value for t_s, value in reversed(found) if t_s < before_s), None)


def amps(found: Rows) -> dict[str, list[Sample]]:
    """What truly flowed on each conductor, A, negative = fed in."""
    return {phase: truth(found, METER, f"A.{phase}") for phase in PHASES}


def swings(samples: Sequence[Sample], found: Rows, from_s: float, to_s: float, rating_w: float) -> dict[str, int]:
    """The most reversals within a minute: of the total, and of each conductor."""
    inside = [one for one in samples if from_s <= one[0] < to_s]
    turns = {"total": reversals(inside, overshoot_w(rating_w))}
    for phase, flown in amps(found).items():
        turns[phase] = reversals([one for one in flown if from_s <= one[0] < to_s], SWING_A)
    return turns


def worst_a(found: Rows, from_s: float, to_s: float) -> dict[str, float]:
    """The most on each conductor in a span, A."""
    return {
        phase: round(most([(t_s, abs(each)) for t_s, each in flown], from_s, to_s), 1)
        for phase, flown in amps(found).items()
    }
