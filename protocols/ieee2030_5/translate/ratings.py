"""What devices say of voltage, current, power factor and category -> DERCapability (IEEE 2030.5-2018, clause 10.10; IEEE 1547-2018).

Interpretation: several DERs have one such rating where all that tell it tell the same; otherwise none is told.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final, TypeVar

from grid_functions.model.device import GridRatings, InverterState, Role, Seen
from protocols.ieee2030_5.wire.datatypes import CurrentRMS, PowerFactor, VoltageRMS

T = TypeVar("T")

NORMAL: Final = {"A": 1, "B": 2}
ABNORMAL: Final = {"I": 1, "II": 2, "III": 3}
"""0 would be: not specified."""

STATES: Final = {
    InverterState.OFF: 1,
    InverterState.SLEEPING: 2,
    InverterState.STARTING: 3,
    InverterState.RUNNING: 4,
    InverterState.THROTTLED: 5,
    InverterState.STOPPING: 6,
    InverterState.FAULT: 7,
    InverterState.STANDBY: 8,
}
"""InverterStatusType. 4 is "tracking MPPT power point", which a battery never does: of one that runs nothing is told."""

LEAST_STEP: Final = -3
"""Volts, amperes and power factors are told to the thousandth at most."""


def common(ders: Iterable[Seen], value: Callable[[GridRatings], T | None]) -> T | None:
    """What all that tell it tell."""
    found = {told for der in ders if (told := value(der.nameplate.grid)) is not None}
    return found.pop() if len(found) == 1 else None


def volts(value: float | None) -> VoltageRMS | None:
    """V, in the finest scale that holds it exactly."""
    told = _scaled(value)
    return None if told is None else VoltageRMS(*told)


def amperes(ders: tuple[Seen, ...]) -> CurrentRMS | None:
    """A; of one DER alone: how the currents of several add up depends on their phases."""
    told = _scaled(ders[0].nameplate.grid.max_a) if len(ders) == 1 else None
    return None if told is None else CurrentRMS(*told)


def factor(value: float | None, most: float = 1.0) -> PowerFactor | None:
    """A positive power factor up to ``most``; anything else is none."""
    told = _scaled(value) if value is not None and 0.0 < value <= most else None
    return None if told is None else PowerFactor(displacement=told[1], multiplier=told[0])


def inverter_state(ders: Iterable[Seen]) -> int | None:
    """InverterStatusType of all DERs that tell their state, where it is the same."""
    found = {
        None if der.role is Role.BATTERY and state is InverterState.RUNNING else STATES[state]
        for der in ders
        if der.condition.online and (state := der.condition.word.state) is not None
    }
    return found.pop() if len(found) == 1 else None


def local_control(ders: Iterable[Seen]) -> int | None:
    """LocalControlModeStatusType: 0 local, as soon as one DER is under local control; 1 remote."""
    told = [der.condition.word.local for der in ders if der.condition.online and der.condition.word.local is not None]
    return (0 if any(told) else 1) if told else None


def maker_code(ders: tuple[Seen, ...]) -> str | None:
    """The maker's own code of a single DER, six characters at most; several makers' codes are no one code."""
    code = ders[0].condition.word.code if len(ders) == 1 and ders[0].condition.online else ""
    return code if 0 < len(code) <= 6 else None


def _scaled(value: float | None) -> tuple[int, int] | None:
    """Multiplier and value in an UInt16, or None for what does not fit."""
    if value is None or not 0.0 <= value < 2**16:
        return None
    exact = Decimal(repr(float(value)))
    for multiplier in range(0, LEAST_STEP - 1, -1):
        scaled = exact.scaleb(-multiplier)
        if scaled == scaled.to_integral_value() or multiplier == LEAST_STEP or scaled * 10 >= 2**16:
            return multiplier, int(scaled.to_integral_value())
    return None
