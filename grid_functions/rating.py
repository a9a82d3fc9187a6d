"""What a device can do at most, from what it says of itself; the base of percent."""

import math
from collections.abc import Iterable
from typing import Final

from grid_functions.conductors import ALL, most_volts
from grid_functions.model.control import Mode
from grid_functions.model.device import How, Role, Seen, Trouble
from grid_functions.model.reading import MeterKey, Quality
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import UNLIMITED_W, PercentBase, Quantity

PRODUCERS = frozenset({Role.PV, Role.BATTERY, Role.HYBRID})
CONSUMERS = frozenset({Role.BATTERY, Role.HYBRID, Role.EVSE})
SWITCHED = PRODUCERS | CONSUMERS
"""Rule 5: DERs and chargers are switched, loads and meters never."""
STORAGE = frozenset({Role.BATTERY, Role.HYBRID})
LOADS = frozenset({Role.LOAD})
"""Thermostats, tanks and switched loads: they take temperatures, and what the site's own tables switch."""

_LIMITING = {
    Quantity.PRODUCED: (Mode.MAX_POWER, Mode.GENERATION_LIMIT, Mode.EXPORT_LIMIT),
    Quantity.CONSUMED: (Mode.LOAD_LIMIT, Mode.IMPORT_LIMIT),
}
_FALLBACK_MARGIN_S = 5.0
_PRODUCED: Final = Quantity.PRODUCED
_BATTERY: Final = Role.BATTERY
_GOOD: Final = Quality.GOOD
_NOT_POSSIBLE: Final = How.NOT_POSSIBLE
_WRONG: Final = Trouble.WRONG_DEVICE
_NET: Final[MeterKey] = (Quantity.NET, None)
_CHARGE: Final[MeterKey] = (Quantity.STATE_OF_CHARGE, None)

DEVICE_STALE = 3.0
"""Devices are polled more slowly than meters: their power counts as known for this many times the meter's age."""


def roles_of(quantity: Quantity) -> frozenset[Role]:
    """Who produces, or consumes under our hand."""
    return PRODUCERS if quantity is _PRODUCED else CONSUMERS


def most_w(seen: Seen, quantity: Quantity) -> float:
    """The most this device can produce or consume, W >= 0; unlimited when it has not told (rule 6)."""
    plate, currents = seen.nameplate, seen.capability.currents
    if quantity is _PRODUCED:
        if seen.role not in PRODUCERS:
            return 0.0
        if seen.role is _BATTERY:
            return _first((plate.rated_discharge_w, plate.max_w, plate.rated_w), UNLIMITED_W)
        return _first((plate.max_w, plate.rated_w), UNLIMITED_W)
    if seen.role not in CONSUMERS:
        return 0.0
    if currents is not None:
        return _first((currents.maximum_a * most_volts(seen) * (plate.phases or len(ALL)),), UNLIMITED_W)
    return _first((plate.rated_charge_w, plate.max_w, plate.rated_w), UNLIMITED_W)


def rated_total_w(names: Iterable[str], snapshot: Snapshot, quantity: Quantity) -> float:
    """What these devices can produce or consume together, W; one that has not told its rating adds nothing, which tightens (rule 6)."""
    told = (most_w(snapshot.devices[name], quantity) for name in sorted(names) if name in snapshot.devices)
    return sum(one for one in told if one < UNLIMITED_W)


def able_total_w(names: Iterable[str], snapshot: Snapshot) -> float:
    """What they can do in either direction together, W: a target in the wrong one is no absurdity, it ends at 0. Unlimited if unknown."""
    seen = [snapshot.devices.get(name) for name in sorted(names)]
    return sum(
        UNLIMITED_W if one is None else max(most_w(one, Quantity.PRODUCED), most_w(one, Quantity.CONSUMED))
        for one in seen
    )


def able_w(seen: Seen, quantity: Quantity) -> float:
    """The most a target can ask of it now: as :func:`most_w`, but an empty battery gives nothing and a full one takes nothing."""
    return 0.0 if at_its_end(seen, quantity) else most_w(seen, quantity)


def at_its_end(seen: Seen, quantity: Quantity) -> bool:
    """Whether it is a battery that has nothing left to give, or takes no more."""
    if seen.role is not _BATTERY:
        return False
    charge = seen.condition.readings.get(_CHARGE)
    if charge is None or charge.quality is not _GOOD:
        return False
    return charge.value <= 0 if quantity is _PRODUCED else charge.value >= 100


def base_w(seen: Seen, base: PercentBase) -> float:
    """What 100 % of active power means on this device, W; 0 where it has none or has not told, which tightens (rule 6)."""
    plate = seen.nameplate
    if base is PercentBase.MAX_CHARGE:
        told: tuple[float | None, ...] = (plate.rated_charge_w, plate.max_w, plate.rated_w)
        told = told if seen.role in CONSUMERS else ()
    elif seen.role not in PRODUCERS:
        told = ()
    elif base is PercentBase.MAX_DISCHARGE or seen.role is Role.BATTERY:
        told = (plate.rated_discharge_w, plate.max_w, plate.rated_w)
    else:
        told = (plate.max_w, plate.rated_w)
    return _first(told, 0.0)


def most_var(seen: Seen, *, absorb: bool) -> float:
    """The most reactive power it can absorb or inject, var; 0 when it has told nothing (rule 6).

    Interpretation: what was told of one direction holds for both; else its VA, which are at least its W.
    """
    plate = seen.nameplate
    told = (plate.rated_absorb_var, plate.rated_inject_var)
    return _first((*(told if absorb else told[::-1]), plate.rated_va, plate.max_w, plate.rated_w), 0.0)


def percent_base_w(seen: Seen) -> float:
    """What 100 % means: the setting (702.WMax, 121.WMax), else the rating; 0 when neither is known, which tightens (rule 6)."""
    return _first((seen.nameplate.max_w, seen.nameplate.rated_w), 0.0)


def obeys(seen: Seen, quantity: Quantity) -> bool:
    """Whether a limit sent now can reach this device and be obeyed."""
    condition, abilities = seen.condition, seen.capability.abilities
    if seen.role not in roles_of(quantity) or not condition.online or _WRONG in condition.troubles:
        return False
    for mode in _LIMITING[quantity]:
        told = abilities.get(mode)
        if told is not None and told.how is not _NOT_POSSIBLE:
            return True
    return False


def unheard_a(seen: Seen, now_s: float) -> float:
    """What a charger that does not answer may draw, A per phase.

    What it holds or, if that is more, its fallback, to which it goes when its timer has run out and not before; its maximum while nobody
    knows its fallback. 0 for what is not limited in amperes.
    """
    currents, holds = seen.capability.currents, seen.condition.holds
    if currents is None:
        return 0.0
    if currents.fallback is None:
        return currents.maximum_a
    heard_s = max((one.at_s for one in seen.condition.readings.values()), default=-math.inf)
    fallback_a = min(currents.fallback.current_a, currents.maximum_a)
    if now_s - heard_s >= currents.fallback.after_s + _FALLBACK_MARGIN_S:
        return fallback_a
    held_a = currents.maximum_a if holds is None or holds.current_max_a is None else holds.current_max_a
    held_a = 0.0 if holds is not None and False in (holds.on, holds.connect) else held_a
    return max(min(held_a, currents.maximum_a), fallback_a)


def measured_w(seen: Seen, quantity: Quantity, now_s: float, stale_s: float) -> float | None:
    """What it produces or consumes now, W >= 0; None when that is unknown or older than ``stale_s``."""
    reading = seen.condition.readings.get(_NET)
    if not seen.condition.online or reading is None or reading.quality is not _GOOD:
        return None
    if not math.isfinite(reading.value) or now_s - reading.at_s > stale_s:
        return None
    return max(0.0, -reading.value if quantity is _PRODUCED else reading.value)


def _first(told: tuple[float | None, ...], otherwise: float) -> float:
    for value in told:
        if value is not None and 0 <= value < math.inf:
            return value
    return otherwise
