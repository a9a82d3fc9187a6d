"""What a setpoint asks of each knob, in the knob's own terms; pure."""

import math
from collections.abc import Mapping
from typing import Final

from adapters.knobs.ability import Ratings
from adapters.knobs.keeping import Keeping
from adapters.knobs.knob import OFF, Aspect, Knob, Value
from grid_functions.model.control import Thermostat
from grid_functions.model.setpoint import Setpoint

_POWERS: Final[Mapping[Aspect, str]] = {
    Aspect.PRODUCE_MAX: "produce_max_w",
    Aspect.CONSUME_MAX: "consume_max_w",
    Aspect.TARGET: "target_w",
}


def desired(
    aspect: Aspect, wanted: Setpoint, knobs: Mapping[Aspect, Knob], keeping: Keeping, options: Ratings
) -> Value | None:
    """What the knob should be at; None: not ours."""
    knob = knobs.get(aspect)
    if knob is None:
        return None
    match aspect:
        case Aspect.SWITCH:
            return OFF if wanted.on is False or _paused(wanted, knobs, options) else None
        case Aspect.CURRENT:
            if wanted.current_max_a is None:
                return None
            if _paused(wanted, knobs, options):
                # what a switch keeps off may stay set as it is
                return 0.0 if knob.least <= 0 else keeping.told.get(aspect)
            return knob.fitting(min(wanted.current_max_a, options.maximum_a))
        case Aspect.TEMPERATURE:
            return setting(knob, wanted.thermostat, keeping)
        case Aspect.PRODUCE_MAX | Aspect.CONSUME_MAX | Aspect.TARGET:
            asked: float | None = getattr(wanted, _POWERS[aspect])
            if asked is None:
                return None
            # what is no number allows nothing
            return knob.fitting(0.0 if math.isnan(asked) else min(asked, knob.most))


def setting(knob: Knob, asked: Thermostat | None, keeping: Keeping) -> Value | None:
    """A temperature; an offset is to what was set before."""
    if asked is None or not math.isfinite(asked.value_k):
        return None
    if not asked.offset:
        return knob.fitting(knob.from_celsius(asked.value_k))
    base = keeping.before.get(Aspect.TEMPERATURE, knob.value)
    if base is None or isinstance(base, str):
        return None
    return knob.fitting(base + knob.from_celsius(asked.value_k) - knob.from_celsius(0.0))


def asked_of(wanted: Setpoint) -> set[Aspect]:
    """What must be there for a setpoint to be held."""
    found = {aspect for aspect, name in _POWERS.items() if getattr(wanted, name) is not None}
    found |= {Aspect.TEMPERATURE} if wanted.thermostat is not None else set()
    found |= {Aspect.SWITCH} if wanted.on is False else set()
    return found | ({Aspect.CURRENT} if wanted.current_max_a is not None else set())


def _paused(wanted: Setpoint, knobs: Mapping[Aspect, Knob], options: Ratings) -> bool:
    """A current below the least that it can be set to is none."""
    if wanted.current_max_a is None:
        return False
    knob = knobs.get(Aspect.CURRENT)
    least = max(options.minimum_a, 0.0 if knob is None else knob.least)
    return wanted.current_max_a < least - 1e-6
