"""What a device behind Home Assistant can obey, from what of it can be set; pure."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Final

from adapters.homeassistant.knobs import Aspect, Knob
from adapters.homeassistant.options import HomeOptions
from grid_functions.model.control import Mode
from grid_functions.model.device import Ability, Capability, Currents, How, Role, Temperatures

_LIMITS: Final = (Mode.LOAD_LIMIT, Mode.IMPORT_LIMIT)
_NATIVE: Final = Ability(How.NATIVE)


def capability_of(role: Role, options: HomeOptions, knobs: Mapping[Aspect, Knob], settle_s: float) -> Capability:
    """No revert timer: Home Assistant has none, so that what it was told outlives us."""
    abilities: dict[Mode, Ability] = {}
    heat, amps, off = (knobs.get(one) for one in (Aspect.TEMPERATURE, Aspect.CURRENT, Aspect.SWITCH))
    if off is not None:
        abilities[Mode.ENERGIZE] = _NATIVE
    if role is Role.LOAD and knobs:
        abilities[Mode.THERMOSTAT] = (
            _NATIVE if heat is not None else Ability(How.NOT_POSSIBLE, "has no single setpoint")
        )
    currents = None
    if role is Role.EVSE and amps is not None:
        if amps.least > 0 and off is None:
            why = f"cannot pause: {amps.entity} ends at {amps.least:g} A; give it a switch"
            abilities |= dict.fromkeys(_LIMITS, Ability(How.NOT_POSSIBLE, why))
        else:
            abilities |= dict.fromkeys(_LIMITS, _NATIVE)
            least = max(options.minimum_a, amps.least)
            currents = Currents(max(least, min(options.maximum_a, amps.most)), least, _step(amps, least))
    temperatures = None
    if heat is not None:
        step_k = heat.step / 1.8 if heat.fahrenheit else heat.step
        temperatures = Temperatures(heat.celsius(heat.least), heat.celsius(heat.most), step_k)
    return Capability(
        abilities,
        settle_s=settle_s,
        writes_per_minute=12.0,
        currents=currents,
        temperatures=temperatures,
        off_capable=role is not Role.EVSE or off is not None,
    )


def _step(amps: Knob, least: float) -> float:
    """Of a list the widest gap, so that what is set never lies further from what was asked."""
    able = [value for value, _ in amps.choices if value >= least]
    return max((after - before for before, after in pairwise(able)), default=amps.step)
