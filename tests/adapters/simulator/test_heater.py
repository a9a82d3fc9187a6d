"""A simulated heater by arithmetic: what it takes, shows, keeps and refuses."""

from dataclasses import replace

import pytest

from adapters.heaters.profile import heater, read_heater
from adapters.modbus.frames import Read, Refusal, Registers, Write, Written
from adapters.simulator.heater import HeaterTwin
from adapters.simulator.twin import Twin
from adapters.simulator.twins import Twins
from tests.adapters.heaters.stage import BLUEPRINT
from tests.adapters.registers.bench import PROFILES

ROOM = HeaterTwin(heater("stiebel-isg-room-1"), temperature_c=-3.5, setpoint_c=21.0)
MADE_UP = HeaterTwin(read_heater(BLUEPRINT, "mine.yaml"), power_w=2000.0)


def shown(twin: HeaterTwin, address: int, count: int = 1, function: int = 4, unit: int = 1) -> tuple[int, ...]:
    _, reply = twin.asked(Read(unit, address, count, 4 if function == 4 else 3), 0.0)
    assert isinstance(reply, Registers)
    return reply.values


def test_what_it_took_is_counted() -> None:
    """2 kW for an hour and a half are 3,000 Wh, 30 of 100 Wh; a clock that went back moves nothing."""
    later = MADE_UP.at(5400.0)
    assert later.consumed_wh == pytest.approx(3000.0)
    assert shown(later, 103, 2) == (0, 30)
    assert later.at(0.0) is later


def test_it_shows_what_was_set_last_by_whomever() -> None:
    assert shown(ROOM, 502) == (0xFFDD,)
    assert shown(ROOM, 1501, function=3) == (210,)
    told, reply = ROOM.asked(Write(1, 1501, (184,), 6), 0.0)
    assert reply == Written()
    assert told.setpoint_c == pytest.approx(18.4)
    assert shown(replace(told, setpoint_c=22.5), 1501, function=3) == (225,)


def test_no_value_is_what_the_map_calls_so() -> None:
    assert shown(replace(ROOM, temperature_c=None, setpoint_c=None), 502) == (0x8000,)
    assert shown(replace(ROOM, setpoint_c=None), 1501, function=3) == (0x8000,)


def test_a_switch_takes_its_two_values() -> None:
    off, reply = MADE_UP.asked(Write(7, 201, (0,), 6), 0.0)
    assert (reply, off.on) == (Written(), False)
    assert shown(off, 201, function=3, unit=7) == (0,)
    assert off.asked(Write(7, 201, (2,), 6), 0.0)[0].on
    assert MADE_UP.asked(Write(7, 201, (1,), 6), 0.0)[1] == Refusal(3)


def test_what_is_not_in_the_map_is_refused() -> None:
    for request in (Read(1, 501, 1, 4), Read(1, 502, 1, 3), Read(1, 502, 2, 4), Write(1, 1502, (1,), 6)):
        assert ROOM.asked(request, 0.0)[1] == Refusal(2)
    assert ROOM.asked(Write(1, 1501, (184,), 16), 0.0)[1] == Refusal(1)
    assert ROOM.asked(Write(1, 1501, (0x8000,), 6), 0.0)[1] == Refusal(3)


def test_one_that_does_not_obey_takes_it_and_keeps_what_it_had() -> None:
    told, reply = replace(ROOM, obeys=False).asked(Write(1, 1501, (184,), 6), 0.0)
    assert (reply, told.setpoint_c) == (Written(), 21.0)


def test_heaters_stand_beside_other_twins() -> None:
    t_s = 0.0
    behind = Twins({1: Twin(PROFILES["eastron-sdm120"], net_w=500.0), 2: MADE_UP}, lambda: t_s)
    t_s = 3600.0
    assert behind.heater(2).consumed_wh == pytest.approx(2000.0)
    behind.change(2, power_w=0.0, temperature_c=25.0)
    t_s = 7200.0
    assert behind.heater(2).consumed_wh == pytest.approx(2000.0)
    assert behind.heater(2).temperature_c == 25.0
    assert behind.twin(1).net_w == 500.0
    for wrong in (lambda: behind.twin(2), lambda: behind.heater(1), lambda: behind.heater(3)):
        with pytest.raises(KeyError):
            wrong()
