"""A car's charge, kept up with by its charger's own meter: one that came later than planned, or takes less than offered, leaves no emptier.

What is owed is charged in the steps in which the plan charges anyway, of each the same share of what is left of its power; only what these
cannot hold is charged beside them. What a car is offered and does not take, because it is full, costs nothing.
"""

import math
from collections.abc import Sequence

from grid_functions.building.dwelling import CarOf, Dwelling, Local, counted_there, plugged_in, session_wh
from grid_functions.building.execution import Command, Executing, Stay
from grid_functions.building.part import Horizon
from grid_functions.model.snapshot import Snapshot

_LITTLE_WH = 100.0
"""So much is not run after: what chargers count is coarse."""

_GRADES = 32
"""Of its power, where any power can be told: it is not told a new one at each look."""


def stays(dwelling: Dwelling, snapshot: Snapshot, horizon: Horizon, local: Local) -> dict[str, tuple[Stay, ...]]:
    """When a plan that is made now counts on each car."""
    seconds = [local(horizon.start_utc_s + k * horizon.step_s)[1] for k in range(horizon.steps)]
    found = {}
    for car in dwelling.cars:
        here = plugged_in(car, snapshot)
        there = [False, *counted_there(car, here, seconds), False]
        comes = [k for k in range(horizon.steps) if there[k + 1] and not there[k]]
        goes = [k for k in range(1, horizon.steps + 1) if there[k] and not there[k + 1]]
        before_wh = (session_wh(car, snapshot) or 0.0) if here else 0.0
        found[car.device] = tuple(
            Stay(first, end, before_wh if first == 0 else 0.0) for first, end in zip(comes, goes, strict=True)
        )
    return found


def told(plan: Executing, snapshot: Snapshot, dwelling: Dwelling, utc_s: float) -> dict[str, Command]:
    """What devices are told now: the plan's, and chargers more where their car has taken less than it should have by now."""
    commands = plan.at(utc_s)
    begun, step_h = (utc_s - plan.start_utc_s) / plan.step_s, plan.step_s / 3600.0
    for car in dwelling.cars:
        stay = next((one for one in plan.stays.get(car.device, ()) if one.first <= begun < one.end), None)
        counted_wh = session_wh(car, snapshot) if plugged_in(car, snapshot) else None
        if stay is None or counted_wh is None or car.device not in commands:
            continue
        # Plugged in anew it is counted anew.
        taken_wh = counted_wh - stay.before_wh if counted_wh >= stay.before_wh else counted_wh
        planned_w = [value for _, value in plan.told[car.device][stay.first : stay.end]]
        more_w = _more_w(planned_w, begun - stay.first, taken_wh, car, step_h)
        if more_w > 0.0:
            quantity, power_w = commands[car.device]
            commands[car.device] = quantity, _keepable_w(power_w + more_w, car)
    return commands


def _more_w(planned_w: Sequence[float], begun: float, taken_wh: float, car: CarOf, step_h: float) -> float:
    """``begun``: steps since the stay began, with the part of the present one that is over."""
    k, over = int(begun), begun % 1.0
    little_wh, most_w = max(_LITTLE_WH, car.least_w * step_h / 2.0), car.store.charge_w
    owed_wh = (sum(planned_w[:k]) + over * planned_w[k]) * step_h - taken_wh
    left_h = (1.0 - over) * step_h
    ahead = [power_w for power_w in planned_w[k + 1 :] if power_w > 0.0]
    room_wh = sum(most_w - power_w for power_w in ahead) * step_h
    if planned_w[k] > 0.0:
        room_w = most_w - planned_w[k]
        room_wh += room_w * left_h
        return room_w * min(1.0, owed_wh / room_wh) if owed_wh > little_wh and room_wh > 0.0 else 0.0
    idle_h = left_h + (len(planned_w) - k - 1 - len(ahead)) * step_h
    return (owed_wh - room_wh) / idle_h if owed_wh - room_wh > little_wh else 0.0


def _keepable_w(power_w: float, car: CarOf) -> float:
    """The next power above that its charger can keep."""
    grade_w = car.step_w or car.store.charge_w / _GRADES
    return min(car.store.charge_w, max(car.least_w, math.ceil(power_w / grade_w - 1e-6) * grade_w))
