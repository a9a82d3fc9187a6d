"""How a device sits on the conductors of its connection, and what an ampere of its limit means in watts."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from grid_functions.model.device import Role, Seen
from grid_functions.model.policy import Connection, DeviceTerms
from grid_functions.model.reading import MeterKey, Quality, Reading
from grid_functions.model.units import Phase, Quantity

NOMINAL_V = 230.0
"""Volts to neutral where nobody tells: EN 50160 for public networks in Europe."""

HIGHEST, LOWEST = 1.1, 0.9
"""A voltage that nobody measures may be this far from nominal (EN 50160, 4.2.2.2). Whatever is limited in amperes counts at the highest:
there it takes most watts; whatever is limited in watts at the lowest: there it takes most amperes (rule 6)."""

ALL = (Phase.A, Phase.B, Phase.C)
_GOOD: Final = Quality.GOOD
_VOLTAGES: Final[tuple[MeterKey, ...]] = tuple((Quantity.VOLTAGE, phase) for phase in (*ALL, None))
_CURRENTS: Final[tuple[MeterKey, ...]] = tuple((Quantity.CURRENT, phase) for phase in ALL)
_PLAUSIBLE = (0.5, 1.3)
_GRIDS_V = (90.0, 300.0)
"""Phase to neutral, from Japan's 100 V to the 277 V of 480Y/277: a fuse is not to be counted on by a scale factor that lies."""
_SPLIT_V = 180.0
_USED_A, _UNUSED_A = 4.0, 1.0


@dataclass(frozen=True, slots=True)
class Wires:
    """One device limited in amperes.

    ``conductors``: those it may draw from now; ``used``: on how many of them it is seen to draw, all while that is unknown;
    ``watts``: W for each ampere of its limit; ``amps``: A measured on each conductor, empty when it does not tell.
    """

    conductors: tuple[Phase, ...]
    used: int
    watts: float
    amps: Mapping[Phase, float]


def conductors(phases: int) -> tuple[Phase, ...]:
    """The conductors of a connection of so many phases."""
    return ALL[:phases]


def most_volts(seen: Seen) -> float:
    """The highest phase to neutral at the device, as measured, else the most that is permitted there."""
    return max(_measured_v(seen), default=HIGHEST * _nominal_v(seen))


def least_volts(seen: Seen) -> float:
    """The lowest phase to neutral at the device, as measured, else the least that is permitted there."""
    return min(_measured_v(seen), default=LOWEST * _nominal_v(seen))


def _nominal_v(seen: Seen) -> float:
    """Phase to neutral, by its plate where that names a voltage that a low-voltage grid has.

    Interpretation: beyond those, of three phases, and of a DER on two (SunSpec: split phase) from 180 V on, it is rated between conductors.
    """
    told_v = seen.nameplate.nominal_v or NOMINAL_V
    split = seen.nameplate.phases == 2 and seen.role is not Role.EVSE and told_v > _SPLIT_V
    may_be = (told_v / 2,) if split else (told_v, told_v / math.sqrt(3.0))
    return next((one_v for one_v in may_be if _GRIDS_V[0] <= one_v <= _GRIDS_V[1]), NOMINAL_V)


def _measured_v(seen: Seen) -> list[float]:
    nominal_v, readings = _nominal_v(seen), seen.condition.readings
    least_v, most_v = _PLAUSIBLE[0] * nominal_v, _PLAUSIBLE[1] * nominal_v
    told = [readings[key] for key in _VOLTAGES if key in readings]
    return [one.value for one in told if one.quality is _GOOD and least_v <= one.value <= most_v]


def wires(seen: Seen, device: DeviceTerms, connection: Connection, phases: int | None = None) -> Wires:
    """The wires of a device that has ``currents``; ``phases``: on how many it is told to charge, None = as it is."""
    holds, readings = seen.condition.holds, seen.condition.readings
    held = holds.phases if holds is not None else None
    number = phases or held or seen.nameplate.phases or len(device.phases) or connection.phases
    number = min(number, connection.phases)
    placed = device.phases or ALL[: connection.phases]
    amps = {}
    for at, key in zip(placed, _CURRENTS, strict=False):
        told_a = _good(readings.get(key))
        if told_a is not None:
            amps[at] = abs(told_a)
    on = placed[:number]
    told = [amps[at] for at in on if at in amps]
    used = number
    if len(told) == number and max(told) >= _USED_A:
        used = sum([one_a > _UNUSED_A for one_a in told])
    return Wires(on, used, used * most_volts(seen), amps if len(amps) == min(len(placed), len(_CURRENTS)) else {})


def counts(seen: Seen | None, device: DeviceTerms, connection: Connection) -> dict[Phase, float]:
    """How much of each watt of a device flows on each conductor. One that is on a place nobody told may be on any of them (rule 6)."""
    everywhere = conductors(connection.phases)
    placed = device.phases or everywhere
    told = None if seen is None else seen.nameplate.phases
    if device.phases:
        number = min(len(placed), told or len(placed))
        return dict.fromkeys(placed[:number], 1.0 / number)
    return dict.fromkeys(everywhere, 1.0 / min(told or 1, len(everywhere)))


def _good(reading: Reading | None) -> float | None:
    if reading is None or reading.quality is not _GOOD or not math.isfinite(reading.value):
        return None
    return reading.value
