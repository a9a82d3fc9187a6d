"""What a home sold to a market, kept by its own meter: never more power than its baseline less what it sold.

The plan it bid with is carried out, and corrected where the meter shows too much: storage gives the difference, and what storage cannot
give is shed from heaters and chargers, whole and for the rest of the step, so that nothing switches oftener. It is never corrected the
other way: who takes less than he must has delivered.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from grid_functions.building.dwelling import Dwelling
from grid_functions.building.execution import Command, Executing, Sold
from grid_functions.building.home import Plan
from grid_functions.building.inquiry import Inquiry
from grid_functions.model.reading import Quality, Reading
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity

LEAD_S = 120.0
"""So long before its time what was sold is begun: devices take their time, and the first interval counts from its first second."""

SETTLE_S = 30.0
"""After the beginning of a step, or a correction, before the meter is believed to show it."""

_DEADBAND_W = 50.0
_IDLE = 0.02
"""Of what a heater can: less is planned as nothing."""

_EMPTY_PCT = 1.0


@dataclass(frozen=True, slots=True)
class Keeping:
    """Of this run. ``less_w``: by how much storage takes less than planned; ``shed``: what is held at its floor until ``step`` is over;
    ``at_utc_s``: the last sample of the meter that was judged.
    """

    step: int = -1
    at_utc_s: float = 0.0
    less_w: float = 0.0
    shed: frozenset[str] = frozenset()


def sold(plan: Plan, told: Mapping[str, tuple[Command, ...]], dwelling: Dwelling, inquiry: Inquiry) -> Executing:
    """The plan of a package that won. A heater that is planned off is told its floor: thermostats follow a falling temperature slowly,
    and are not off until it is well below. The floor of a room is as far under its lowest temperature in the plan as comfort leaves free,
    of a tank the least it may have, of a charger a pause.
    """
    span, horizon = inquiry.span, plan.horizon
    floors: dict[str, Command] = {}
    heats: dict[str, tuple[str, float]] = {}
    for zone in dwelling.zones:
        least_c = float(plan.series[f"heating.{zone.device}.temperature_c"][span].min()) - dwelling.comfort.free_k
        floors[zone.device] = Quantity.TEMPERATURE, least_c
        heats[zone.device] = f"heating.{zone.device}.heat_w", zone.zone.heater_w
    for tank in dwelling.tanks:
        floors[tank.device] = Quantity.TEMPERATURE, tank.least_c
        heats[tank.device] = f"{tank.device}.power_w", tank.tank.heater_w
    floors |= {car.device: (Quantity.CONSUMED, 0.0) for car in dwelling.cars}
    commands = dict(told)
    for device, (series, rated_w) in heats.items():
        ones = list(told[device])
        for k in range(span.start, span.stop):
            if plan.series[series][k] < _IDLE * rated_w:
                ones[k] = floors[device]
        commands[device] = tuple(ones)
    begins_s = horizon.start_utc_s + inquiry.first * horizon.step_s
    ends_s = horizon.start_utc_s + inquiry.end * horizon.step_s
    return Executing(horizon.start_utc_s, horizon.step_s, commands, inquiry.asker, Sold(begins_s, ends_s, floors))


def looked(
    keeping: Keeping, plan: Executing, aim_w: float, snapshot: Snapshot, dwelling: Dwelling, utc_s: float
) -> Keeping:
    """After a look at the meter. ``aim_w``: the most that may flow in, W, positive = import."""
    step = plan.step_at(utc_s)
    began_s = plan.start_utc_s + step * plan.step_s
    if step != keeping.step:
        keeping = replace(keeping, step=step, at_utc_s=max(keeping.at_utc_s, began_s), shed=frozenset())
    shown = snapshot.meter.get((Quantity.NET, None))
    if (
        plan.sold is None
        or shown is None
        or shown.quality is not Quality.GOOD
        or shown.utc_s < keeping.at_utc_s + SETTLE_S
    ):
        return keeping
    wanted_w = keeping.less_w + shown.value - aim_w
    room_w = sum(
        _room_w(plan, one.device, one.reserve_pct, one.store.discharge_w, snapshot, utc_s) for one in dwelling.batteries
    )
    missing_w = wanted_w - room_w
    shed = set(keeping.shed)
    for power_w, device in sorted(_taking(snapshot, plan.sold.floors.keys() - shed), reverse=True):
        if missing_w <= _DEADBAND_W:
            break
        missing_w -= power_w
        shed.add(device)
    return replace(keeping, at_utc_s=shown.utc_s, less_w=min(max(0.0, wanted_w), room_w), shed=frozenset(shed))


def prepares(plan: Executing, utc_s: float) -> bool:
    """Whether what was sold is still to come: until then the plan is carried out in the home's own name."""
    return plan.sold is not None and utc_s < plan.sold.begins_utc_s


def told(keeping: Keeping, plan: Executing, snapshot: Snapshot, dwelling: Dwelling, utc_s: float) -> dict[str, Command]:
    """What devices are told now: the plan's, and while something is sold less, by as much as is corrected."""
    assert plan.sold is not None
    if plan.sold.begins_utc_s - LEAD_S <= utc_s < plan.sold.begins_utc_s:
        return plan.at(plan.sold.begins_utc_s)
    commands, left_w = plan.at(utc_s), keeping.less_w
    if plan.step_at(utc_s) != keeping.step:
        return commands
    for one in dwelling.batteries:
        room_w = _room_w(plan, one.device, one.reserve_pct, one.store.discharge_w, snapshot, utc_s)
        if one.device in commands:
            quantity, power_w = commands[one.device]
            commands[one.device] = quantity, power_w - min(left_w, room_w)
            left_w -= min(left_w, room_w)
    return commands | {device: plan.sold.floors[device] for device in keeping.shed}


def _room_w(
    plan: Executing, device: str, reserve_pct: float, discharge_w: float, snapshot: Snapshot, utc_s: float
) -> float:
    """How much less than planned a battery could take; one that is empty can only stop charging."""
    _, power_w = plan.at(utc_s).get(device, (Quantity.NET, 0.0))
    charge = _reading(snapshot, device, Quantity.STATE_OF_CHARGE)
    empty = charge is None or charge.value <= reserve_pct + _EMPTY_PCT
    return max(0.0, power_w + (0.0 if empty else discharge_w))


def _taking(snapshot: Snapshot, devices: Iterable[str]) -> Iterable[tuple[float, str]]:
    """What each takes that takes anything; one that does not tell counts as nothing, so that it comes last."""
    for device in devices:
        power = _reading(snapshot, device, Quantity.NET)
        if power is None or power.value > 0.0:
            yield (0.0 if power is None else power.value), device


def _reading(snapshot: Snapshot, device: str, quantity: Quantity) -> Reading | None:
    seen = snapshot.devices.get(device)
    reading = None if seen is None else seen.condition.readings.get((quantity, None))
    return reading if reading is not None and reading.quality is Quality.GOOD else None
