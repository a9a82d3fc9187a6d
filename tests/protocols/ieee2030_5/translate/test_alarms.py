"""Alarms as bits of alarmStatus and as LogEvents; bits and codes are those of the standard's DERStatus and CSIP's table."""

import pytest

from grid_functions.model.device import Capability, Condition, Nameplate, Role, Seen
from protocols.ieee2030_5.translate.alarms import alarm_status, log_events, standing


def _device(*alarms: str, online: bool = True, role: Role = Role.PV) -> Seen:
    return Seen("pv", role, Nameplate(), Capability(), Condition(online, alarms=frozenset(alarms)))


@pytest.mark.parametrize(
    ("alarm", "bit", "code"),
    [
        ("OVER_CHARGE_CURRENT_ALARM", 0, 0),
        ("OVER_DISCHARGE_CURRENT_ALARM", 0, 0),
        ("AC_OVER_VOLT", 1, 2),
        ("AC_UNDER_VOLT", 2, 4),
        ("OVER_FREQUENCY", 3, 6),
        ("UNDER_FREQUENCY", 4, 8),
        ("VOLTAGE_IMBALANCE_WARNING", 5, 10),
        ("CURRENT_IMBALANCE_WARNING", 6, 12),
        ("MANUAL_SHUTDOWN", 7, 14),
    ],
)
def test_an_alarm_as_bit_and_as_code(alarm: str, bit: int, code: int) -> None:
    bits = alarm_status([_device(alarm)])
    assert bits == 1 << bit
    (begun,) = log_events(0, bits, 7, 100.9)
    assert (begun.functionSet, begun.profileID, begun.logEventPEN) == (11, 2, 40732)
    assert (begun.logEventCode, begun.logEventID, begun.createdDateTime) == (code, 7, 100)
    (over,) = log_events(bits, 0, 8, 160.0)
    assert (over.logEventCode, over.logEventID) == (code + 1, 8)


def test_no_alarm_is_zero_and_one_without_a_word_is_not_told_as_normal() -> None:
    assert alarm_status([_device()]) == 0
    assert alarm_status([_device("MEMORY_LOSS")]) is None
    assert alarm_status([_device("MEMORY_LOSS", "AC_OVER_VOLT")]) == 0b10


def test_the_voltage_of_a_batterys_cells_is_not_the_grids() -> None:
    assert alarm_status([_device("OVER_VOLT_ALARM")]) is None


def test_a_silent_device_neither_begins_nor_ends_an_alarm() -> None:
    assert standing([_device("AC_OVER_VOLT", online=False)], 0) == 0
    assert standing([_device(online=False)], 0b10) == 0b10
    assert standing([_device(online=False), _device("OVER_FREQUENCY")], 0b10) == 0b1010
    assert standing([_device()], 0b10) == 0
    assert standing([], 0b10) == 0b10


def test_a_meters_alarm_is_no_ders() -> None:
    assert standing([_device("AC_OVER_VOLT", role=Role.METER), _device()], 0) == 0


def test_identifiers_wrap_at_16_bits() -> None:
    assert [one.logEventID for one in log_events(0, 0b11, 65_535, 0.0)] == [65_535, 0]
