"""Alarms of devices -> DERStatus.alarmStatus and LogEvents (IEEE 2030.5-2018 DERStatus; CSIP table of alarms).

Bit n of alarmStatus is the alarm whose LogEvent has the code 2n when it begins and 2n + 1 when things are normal again.
"""

from collections.abc import Iterable, Iterator
from enum import IntEnum

from grid_functions.model.device import Role, Seen
from protocols.ieee2030_5.wire.resources import LogEvent

DER_FUNCTION_SET = 11
PROFILE = 2  # IEEE 2030.5
PEN = 40732  # of IEEE 2030.5 itself


class Fault(IntEnum):
    """The bits of alarmStatus."""

    OVER_CURRENT = 0
    OVER_VOLTAGE = 1
    UNDER_VOLTAGE = 2
    OVER_FREQUENCY = 3
    UNDER_FREQUENCY = 4
    VOLTAGE_IMBALANCE = 5
    CURRENT_IMBALANCE = 6
    EMERGENCY_LOCAL = 7
    EMERGENCY_REMOTE = 8
    LOW_POWER_INPUT = 9
    PHASE_ROTATION = 10


_FAULTS = {
    "AC_OVER_VOLT": Fault.OVER_VOLTAGE,
    "AC_UNDER_VOLT": Fault.UNDER_VOLTAGE,
    "OVER_FREQUENCY": Fault.OVER_FREQUENCY,
    "UNDER_FREQUENCY": Fault.UNDER_FREQUENCY,
    "MANUAL_SHUTDOWN": Fault.EMERGENCY_LOCAL,
    "OVER_CHARGE_CURRENT_ALARM": Fault.OVER_CURRENT,
    "OVER_DISCHARGE_CURRENT_ALARM": Fault.OVER_CURRENT,
    "VOLTAGE_IMBALANCE_WARNING": Fault.VOLTAGE_IMBALANCE,
    "CURRENT_IMBALANCE_WARNING": Fault.CURRENT_IMBALANCE,
}
"""By the names SunSpec gives them (701.Alrm, 101-113.Evt1, 802.Evt1); the voltage of a battery's own cells is no voltage of the grid's."""


def alarm_status(seen: Iterable[Seen]) -> int | None:
    """The bits that are set at any device; None when there are alarms, but none that 2030.5 has a word for."""
    ders = [one for one in seen if one.condition.online]
    bits = 0
    for one in ders:
        for name in one.condition.alarms & _FAULTS.keys():
            bits |= 1 << _FAULTS[name]
    return bits if bits or not any(one.condition.alarms for one in ders) else None


def standing(seen: Iterable[Seen], before: int) -> int:
    """Which alarms stand now. ``before``: those that stood; a device that is silent neither begins nor ends one."""
    ders = [one for one in seen if one.role is not Role.METER]
    bits = alarm_status(ders) or 0
    return bits if ders and all(one.condition.online for one in ders) else bits | before


def log_events(before: int, after: int, first_id: int, at_s: float) -> Iterator[LogEvent]:
    """One LogEvent for each alarm that began or ended, numbered on from ``first_id`` (UInt16, it wraps)."""
    number = first_id
    for fault in Fault:
        bit = 1 << fault
        if before & bit == after & bit:
            continue
        yield LogEvent(
            createdDateTime=int(at_s),
            details=fault.name if after & bit else f"{fault.name} over",
            functionSet=DER_FUNCTION_SET,
            logEventCode=2 * fault + (0 if after & bit else 1),
            logEventID=number % 2**16,
            logEventPEN=PEN,
            profileID=PROFILE,
        )
        number += 1
