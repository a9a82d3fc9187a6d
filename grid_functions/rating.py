"""What a device can do at most, from what it says of itself; the base of percent."""

import math

from grid_functions.model.control import Mode
from grid_functions.model.device import How, Role, Seen, Trouble
from grid_functions.model.reading import Quality
from grid_functions.model.units import UNLIMITED_W, Phase, Quantity

PRODUCERS = frozenset({Role.PV, Role.BATTERY, Role.HYBRID})
CONSUMERS = frozenset({Role.BATTERY, Role.HYBRID, Role.EVSE})
SWITCHED = PRODUCERS | CONSUMERS
"""Rule 5: DERs and chargers are switched, loads and meters never."""

_LIMITING = {
    Quantity.PRODUCED: (Mode.MAX_POWER, Mode.GENERATION_LIMIT, Mode.EXPORT_LIMIT),
    Quantity.CONSUMED: (Mode.LOAD_LIMIT, Mode.IMPORT_LIMIT),
}
_TOTAL: Phase | None = None


def roles_of(quantity: Quantity) -> frozenset[Role]:
    """Who produces, or consumes under our hand."""
    return PRODUCERS if quantity is Quantity.PRODUCED else CONSUMERS


def most_w(seen: Seen, quantity: Quantity) -> float:
    """The most this device can produce or consume, W >= 0; unlimited when it has not told (rule 6)."""
    plate = seen.nameplate
    if seen.role not in roles_of(quantity):
        return 0.0
    told: tuple[float | None, ...]
    if quantity is Quantity.CONSUMED:
        told = (plate.rated_charge_w, plate.max_w, plate.rated_w)
    elif seen.role is Role.BATTERY:
        told = (plate.rated_discharge_w, plate.max_w, plate.rated_w)
    else:
        told = (plate.max_w, plate.rated_w)
    return next((value for value in told if value is not None and 0 <= value < math.inf), UNLIMITED_W)


def percent_base_w(seen: Seen) -> float:
    """What 100 % means: the setting (702.WMax, 121.WMax), else the rating; 0 when neither is known, which tightens (rule 6)."""
    told = (seen.nameplate.max_w, seen.nameplate.rated_w)
    return next((value for value in told if value is not None and 0 <= value < math.inf), 0.0)


def obeys(seen: Seen, quantity: Quantity) -> bool:
    """Whether a limit sent now can reach this device and be obeyed."""
    if seen.role not in roles_of(quantity) or not seen.condition.online:
        return False
    if Trouble.WRONG_DEVICE in seen.condition.troubles:
        return False
    abilities = seen.capability.abilities
    return any(mode in abilities and abilities[mode].how is not How.NOT_POSSIBLE for mode in _LIMITING[quantity])


def measured_w(seen: Seen, quantity: Quantity, now_s: float, stale_s: float) -> float | None:
    """What it produces or consumes now, W >= 0; None when that is unknown or older than ``stale_s``."""
    reading = seen.condition.readings.get((Quantity.NET, _TOTAL))
    if not seen.condition.online or reading is None or reading.quality is not Quality.GOOD:
        return None
    if not math.isfinite(reading.value) or now_s - reading.at_s > stale_s:
        return None
    return max(0.0, reading.value if quantity is Quantity.CONSUMED else -reading.value)
