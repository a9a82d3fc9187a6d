"""What a device can obey, from what of it can be set; pure."""

from collections.abc import Mapping
from typing import Final, Protocol

from adapters.knobs.knob import Aspect, Knob
from grid_functions.model.control import Mode
from grid_functions.model.device import Ability, Capability, Currents, How, Role, Temperatures

_CONSUMED: Final = (Mode.LOAD_LIMIT, Mode.IMPORT_LIMIT)
_POWERS: Final = (
    (Aspect.PRODUCE_MAX, (Mode.MAX_POWER, Mode.GENERATION_LIMIT, Mode.EXPORT_LIMIT)),
    (Aspect.CONSUME_MAX, _CONSUMED),
    (Aspect.TARGET, (Mode.TARGET_POWER, Mode.FIXED_POWER, Mode.STORAGE_POWER)),
)
_NATIVE: Final = Ability(How.NATIVE)


class Ratings(Protocol):
    """Of a device's options what its server does not tell. ``minimum_a``, ``maximum_a``: per phase; ``rated_w``: 0 = not told."""

    @property
    def minimum_a(self) -> float:
        """The least current to charge with."""

    @property
    def maximum_a(self) -> float:
        """Its rating, or its fuse."""

    @property
    def phases(self) -> int:
        """How many a charger uses."""

    @property
    def rated_w(self) -> float:
        """What it can do at most."""


def capability_of(role: Role, options: Ratings, knobs: Mapping[Aspect, Knob], settle_s: float) -> Capability:
    """No revert timer: what a server was told outlives us."""
    abilities: dict[Mode, Ability] = {}
    heat, amps, off = (knobs.get(one) for one in (Aspect.TEMPERATURE, Aspect.CURRENT, Aspect.SWITCH))
    if off is not None:
        abilities[Mode.ENERGIZE] = _NATIVE
    if role is Role.LOAD and knobs:
        abilities[Mode.THERMOSTAT] = (
            _NATIVE if heat is not None else Ability(How.NOT_POSSIBLE, "has no single setpoint")
        )
    for aspect, modes in _POWERS:
        abilities |= dict.fromkeys(modes, _NATIVE) if aspect in knobs else {}
    currents = None
    if role is Role.EVSE and amps is not None:
        if amps.least > 0 and off is None:
            why = f"cannot pause: {amps.entity} ends at {amps.least:g} A; give it a switch"
            abilities |= dict.fromkeys(_CONSUMED, Ability(How.NOT_POSSIBLE, why))
        else:
            abilities |= dict.fromkeys(_CONSUMED, _NATIVE)
            least = max(options.minimum_a, amps.least)
            most = max(least, min(options.maximum_a, amps.most))
            currents = Currents(most, least, amps.resolution(least))
    temperatures = None
    if heat is not None:
        temperatures = Temperatures(heat.celsius(heat.least), heat.celsius(heat.most), heat.step_k)
    return Capability(
        abilities,
        settle_s=settle_s,
        resolution_w=max((knobs[aspect].step for aspect, _ in _POWERS if aspect in knobs), default=1.0),
        writes_per_minute=12.0,
        currents=currents,
        temperatures=temperatures,
        off_capable=role is not Role.EVSE or off is not None,
    )
