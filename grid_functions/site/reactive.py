"""Reactive power: a value to share, a power factor, or a curve. All of them are one contest (rule 4)."""

import math
from dataclasses import dataclass
from typing import ClassVar

from grid_functions.ability import REACTIVE_MODES, capable, roles_for
from grid_functions.alarm import Alarm, message_of
from grid_functions.model.claim import Claim, Devices, InForce, Shape, Target, Want
from grid_functions.model.control import (
    Curve,
    CurveKind,
    FixedReactive,
    PowerFactor,
    TargetReactive,
    mode_of,
)
from grid_functions.model.device import Seen
from grid_functions.model.function import SiteInputs, Step
from grid_functions.model.instants import Instants
from grid_functions.model.units import PercentBase, Quantity
from grid_functions.rating import base_w, most_var, percent_base_w
from grid_functions.site.reach import devices_of, who

NAME = "reactive"


@dataclass(frozen=True, slots=True)
class ReactiveOptions:
    """Nothing to choose."""


@dataclass(frozen=True, slots=True)
class ReactiveState:
    """Nothing to remember."""

    version: int = 1


@dataclass(frozen=True, slots=True)
class ReactivePower:
    """One claim per reactive mode in force, over the devices that can; a test yields none (rule 10)."""

    acts_on: ClassVar[frozenset[type]] = frozenset({FixedReactive, TargetReactive, PowerFactor, Curve})
    options: ReactiveOptions = ReactiveOptions()

    def empty(self) -> ReactiveState:
        """The state at birth."""
        return ReactiveState()

    def step(self, state: ReactiveState, inputs: SiteInputs, now: Instants) -> Step[ReactiveState]:
        """Claims for what is in force, alarms for what nobody can do or nobody can mean."""
        claims: list[Claim] = []
        alarms: list[Alarm] = []
        for held in inputs.in_force:
            mode = mode_of(held.control)
            if held.test or mode not in REACTIVE_MODES:
                continue
            names = devices_of(held, inputs.terms, roles_for(mode))
            names = capable(names, mode, inputs.snapshot, inputs.terms)
            if not names:
                alarms.append(Alarm(NAME, who(held), f"{mode.value} reaches no device that can"))
                continue
            seen = [inputs.snapshot.devices[name] for name in sorted(names) if name in inputs.snapshot.devices]
            want = _want(held, seen)
            magnitude_var = _magnitude_var(want, seen)
            if not math.isfinite(magnitude_var):
                alarms.append(Alarm(NAME, who(held), f"{mode.value} asks for no finite reactive power"))
                continue
            claims.append(
                Claim(
                    Devices(names),
                    Quantity.REACTIVE,
                    want,
                    want,
                    mode,
                    held,
                    valid_until=held.until,
                    magnitude_var=magnitude_var,
                )
            )
        return Step(state, (*claims, *(message_of(alarm, inputs.terms.name) for alarm in alarms)))


def _want(held: InForce, seen: list[Seen]) -> Want:
    """Percent of a rating becomes var here; of what is available now only the device knows."""
    match held.control:
        case TargetReactive(reactive_var=reactive_var):
            return Target(reactive_var)
        case FixedReactive(reactive_pct=percent, base=base) if base is not PercentBase.AVAILABLE_REACTIVE:
            return Target(percent / 100.0 * sum(_base_var(one, base, absorb=percent > 0) for one in seen))
        case control:
            return Shape(control)


def _base_var(seen: Seen, base: PercentBase, *, absorb: bool) -> float:
    return most_var(seen, absorb=absorb) if base is PercentBase.MAX_REACTIVE else percent_base_w(seen)


def _magnitude_var(want: Want, seen: list[Seen]) -> float:
    """The most reactive power a mode can ask for, var.

    Interpretation: "least var magnitude" is compared at full power and at a curve's furthest point, so that the choice between two
    modes stands still while power and voltage move.
    """
    if isinstance(want, Target):
        return abs(want.value)
    most_w = sum(base_w(one, PercentBase.MAX_DISCHARGE) for one in seen)
    rated_var = sum(max(most_var(one, absorb=True), most_var(one, absorb=False)) for one in seen)
    match getattr(want, "control", None):
        case FixedReactive(reactive_pct=percent):
            return abs(percent) / 100.0 * rated_var
        case PowerFactor(cos_phi=cos_phi):
            return most_w * _tangent(cos_phi)
        case Curve(kind=CurveKind.WATT_PF, points=points):
            return max((abs(point.x) / 100.0 * most_w * _tangent(point.y) for point in points), default=0.0)
        case Curve(points=points, y_base=y_base):
            base_var = most_w if y_base is PercentBase.MAX_POWER else rated_var
            return max((abs(point.y) / 100.0 * base_var for point in points), default=0.0)
        case _:
            return math.inf


def _tangent(cos_phi: float) -> float:
    """var per W."""
    return math.tan(math.acos(abs(cos_phi))) if 0 < abs(cos_phi) <= 1 else math.inf
