"""A heater by itself: registers and bytes by hand, whose hand it was, what it is given back, and what it cannot tell."""

import math
from typing import Any

import pytest

from adapters.budget import decode_budget, encode_budget
from adapters.heaters.profile import read_heater
from adapters.knobs.keeping import VERSION, decoded
from adapters.knobs.knob import Aspect
from adapters.modbus.frames import Write, encode_request
from adapters.settings import Pinned
from grid_functions.model.control import Mode, Thermostat
from grid_functions.model.device import How, Role, Temperatures, Trouble
from grid_functions.model.reading import MeterKey, Quality
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.units import Quantity
from tests.adapters.heaters.stage import BLUEPRINT, MADE_UP, ROOM, START_UTC_S, TANK, Box, Stage, made_up

FINE = "target_now: {at: 105, table: input, type: i16, scale: 0.01}"
HEAT: MeterKey = (Quantity.TEMPERATURE, None)
NET: MeterKey = (Quantity.NET, None)
C18, C19 = Thermostat(18.0, offset=False), Thermostat(19.0, offset=False)


def room(**more: Any) -> Stage:
    return Stage(Box(ROOM), **more)


def test_a_room_is_read() -> None:
    seen = room().look()
    reading = seen.condition.readings[HEAT]
    assert (reading.value, reading.quality) == (21.5, Quality.GOOD)
    assert (seen.role, seen.condition.online) == (Role.LOAD, True)
    assert seen.nameplate.maker == "Stiebel Eltron / Tecalor"
    assert seen.capability.temperatures == Temperatures(5.0, 30.0, 0.1)
    assert seen.capability.abilities.keys() == {Mode.THERMOSTAT}
    assert seen.capability.abilities[Mode.THERMOSTAT].how is How.NATIVE
    assert NET not in seen.condition.readings


def test_a_tank_says_who_it_is_and_what_it_takes() -> None:
    seen = Stage(Box(TANK), "mypv-elwa-2").look()
    plate, readings = seen.nameplate, seen.condition.readings
    assert (plate.model, plate.serial, plate.version, plate.rated_w) == ("AC ELWA 2", "2001240601010012", "210", 3500)
    assert readings[HEAT].value == pytest.approx(52.3)
    assert readings[NET].value == 1500.0


def test_what_it_does_not_tell_the_installer_does() -> None:
    assert Stage(Box(TANK), "mypv-elwa-2", rated_w=2000.0).look().nameplate.rated_w == 2000.0


@pytest.mark.parametrize(
    ("family", "registers", "asked_c", "frame"),
    [
        # 18.4 degrees are 184 = B8; register 1501 = 05DD; function 6.
        ("stiebel-isg-room-1", ROOM, 18.4, "0007 0000 0006 01 06 05DD 00B8"),
        ("stiebel-isg-room-2", {"I587": 200, "H1504": 210, "I5001": 390}, 18.4, "0007 0000 0006 01 06 05E0 00B8"),
        # 55.5 degrees are 555 = 022B; register 1509 = 05E5.
        ("stiebel-isg-water", {"I521": 480, "H1509": 500, "I5001": 391}, 55.5, "0007 0000 0006 01 06 05E5 022B"),
        ("daikin-homehub-room", {"I49": 2050, "I50": 0, "H3": 1, "H5": 21}, 18.4, "0007 0000 0006 01 06 0005 0012"),
        ("daikin-homehub-water", {"I42": 4800, "H9": 50, "H11": 1}, 55.4, "0007 0000 0006 01 06 0009 0037"),
        # 45.0 degrees are 450 = 01C2; register 1002 = 03EA; function 16.
        ("mypv-elwa-2", TANK, 45.0, "0007 0000 0009 01 10 03EA 0001 02 01C2"),
    ],
)
def test_what_is_told_byte_by_byte(family: str, registers: dict[str, int], asked_c: float, frame: str) -> None:
    call = Stage(Box(registers), family).want(thermostat=Thermostat(asked_c, offset=False))
    assert call is not None
    assert encode_request(call, 7) == bytes.fromhex(frame)


def test_it_is_set_read_back_and_held() -> None:
    made = room()
    made.done(made.want(7, thermostat=C18))
    assert made.box.registers["H1501"] == 180
    assert made.condition.holds == Setpoint("x", 7, thermostat=C18)
    assert made.due() is None
    assert Trouble.NO_WATCHDOG in made.condition.troubles


@pytest.mark.parametrize(
    ("asked", "raw"),
    [
        (Thermostat(18.26, offset=False), 183),
        (Thermostat(3.0, offset=False), 50),
        (Thermostat(40.0, offset=False), 300),
        (Thermostat(-2.0, offset=True), 190),
    ],
)
def test_the_nearest_step_the_ends_and_an_offset_to_what_was_set_before(asked: Thermostat, raw: int) -> None:
    assert room().want(thermostat=asked) == Write(1, 1501, (raw,), 6)


def test_an_installers_range_is_within_the_devices() -> None:
    made = room(least_c=16.0, most_c=24.0)
    assert made.look().capability.temperatures == Temperatures(16.0, 24.0, 0.1)
    assert made.want(thermostat=Thermostat(40.0, offset=False)) == Write(1, 1501, (240,), 6)


def test_what_it_held_is_kept_before_it_is_told_and_given_back() -> None:
    made = room()
    call = made.want(thermostat=C18)
    assert made.unit.unsaved
    kept = decoded(VERSION, made.unit.keeping.encoded())
    assert (kept.before, kept.told) == ({Aspect.TEMPERATURE: 21.0}, {Aspect.TEMPERATURE: 18.0})
    made.done(call)
    made.t_s += 5.0
    made.done(made.want())
    assert made.box.registers["H1501"] == 210
    made.due()
    assert made.unit.released()


def test_a_restart_between_keeping_and_writing_loses_nothing() -> None:
    before = room()
    before.want(thermostat=C18)
    kept = decoded(VERSION, before.unit.keeping.encoded())
    after = Stage(before.box, keeping=kept)
    assert after.unit.touches == []
    after.done(after.want(thermostat=C18))
    assert after.box.registers["H1501"] == 180
    after.t_s += 5.0
    after.done(after.want())
    assert after.box.registers["H1501"] == 210


def test_a_restart_after_writing_gives_back_what_it_held_before() -> None:
    before = room()
    before.done(before.want(thermostat=C18))
    after = Stage(before.box, keeping=decoded(VERSION, before.unit.keeping.encoded()))
    assert after.unit.touches == []
    after.done(after.want())
    assert after.box.registers["H1501"] == 210


def restarted(before: Stage) -> Stage:
    return Stage(before.box, keeping=decoded(VERSION, before.unit.keeping.encoded()))


def test_a_hand_while_the_gateway_was_down_is_the_occupants() -> None:
    before = room()
    before.done(before.want(thermostat=C18))
    before.box.registers["H1501"] = 235
    after = restarted(before)
    touch = after.condition.touch
    assert touch is not None
    assert touch.thermostat == Thermostat(23.5, offset=False)
    after.done(after.want(thermostat=C18) or after.later(6.0))
    after.t_s += 5.0
    after.done(after.want())
    assert after.box.registers["H1501"] == 235


def test_a_word_that_was_lost_in_a_crash_is_no_hand() -> None:
    """It holds 18; 19 was kept and never sent; after the restart it still shows 18."""
    before = room()
    before.done(before.want(thermostat=C18))
    before.t_s += 5.0
    assert before.want(2, thermostat=C19) is not None
    after = restarted(before)
    assert after.unit.touches == []
    after.done(after.want(2, thermostat=C19))
    after.t_s += 5.0
    after.done(after.want())
    assert after.box.registers["H1501"] == 210


def test_a_heater_that_lost_what_it_was_told_is_told_again() -> None:
    """After a cut of the mains it stands where it stood before us."""
    before = room()
    before.done(before.want(thermostat=C18))
    before.box.registers["H1501"] = 210
    after = restarted(before)
    assert after.unit.touches == []
    after.done(after.want(thermostat=C18))
    assert after.box.registers["H1501"] == 180


def test_a_hand_at_the_device_is_the_occupants_and_what_is_given_back() -> None:
    made = room()
    made.done(made.want(thermostat=C18))
    made.box.registers["H1501"] = 235
    made.t_s = 100.0
    made.poll()
    touch = made.condition.touch
    assert touch is not None
    assert (touch.thermostat, touch.utc_s) == (Thermostat(23.5, offset=False), START_UTC_S + 100.0)
    assert made.unit.touches == ["comfort: temperature set to 23.5 by somebody else"]
    assert made.due() is None, "the site decides first whose word holds"
    made.done(made.later(6.0))
    assert made.box.registers["H1501"] == 180
    made.t_s += 5.0
    made.done(made.want())
    assert made.box.registers["H1501"] == 235


def test_a_hand_while_it_was_silent_is_the_occupants_too() -> None:
    made = room()
    made.done(made.want(thermostat=C18))
    made.unit.silent("gone")
    made.box.registers["H1501"] = 235
    assert made.meet()
    touch = made.condition.touch
    assert touch is not None
    assert touch.thermostat == Thermostat(23.5, offset=False)


def test_a_word_that_was_lost_in_the_silence_is_no_hand() -> None:
    """It holds 18; 19 was sent and nobody answered: it may hold either."""
    made = room()
    made.done(made.want(thermostat=C18))
    made.t_s += 5.0
    assert made.want(2, thermostat=C19) == Write(1, 1501, (190,), 6)
    made.unit.silent("gone")
    made.meet()
    assert made.unit.touches == []
    made.done(made.due())
    assert made.box.registers["H1501"] == 190
    made.t_s += 5.0
    made.done(made.want())
    assert made.box.registers["H1501"] == 210


def test_who_keeps_setting_it_is_another_master() -> None:
    made = room()
    made.done(made.want(thermostat=C18))
    for raw in (230, 220, 231):
        made.box.registers["H1501"] = raw
        call = made.later(6.0)
        if call is not None:
            made.done(call)
    assert Trouble.FOREIGN_WRITER in made.condition.troubles
    assert made.later(60.0) is None
    assert made.box.registers["H1501"] == 231


def test_what_somebody_else_wants_by_then_is_left_as_it_is() -> None:
    made = room()
    made.done(made.want(thermostat=C18))
    made.box.registers["H1501"] = 235
    made.t_s += 5.0
    made.poll()
    assert made.want() is None
    assert made.unit.released()
    assert made.box.registers["H1501"] == 235


def test_what_is_read_only_is_told_nothing() -> None:
    made = room(read_only=True)
    assert made.want(thermostat=C18) is None
    assert not made.unit.owes
    assert made.condition.readings[HEAT].value == 21.5


def test_another_device_than_the_pinned_one_is_read_only() -> None:
    made = Stage(Box(TANK), "mypv-elwa-2", pinned=Pinned(serial="2001240601010099"))
    assert made.want(thermostat=Thermostat(45.0, offset=False)) is None
    condition = made.condition
    assert Trouble.WRONG_DEVICE in condition.troubles
    assert condition.text == "serial is '2001240601010012', pinned '2001240601010099'"
    assert condition.readings[HEAT].quality is Quality.GOOD


def test_what_is_not_of_its_kind_is_not_there() -> None:
    made = Stage(Box({**ROOM, "I5001": 103}))
    condition = made.condition
    assert (condition.online, condition.readings) == (False, {})
    assert condition.text == "what answers as unit 1 is no stiebel-isg-room-1: controller is 103"
    assert made.want(thermostat=C18) is None


def test_who_refuses_everything_is_not_there() -> None:
    assert Stage(Box({})).condition.text == "no stiebel-isg-room-1 answers as unit 1"


@pytest.mark.parametrize(
    ("raw", "quality"),
    [(0x8000, Quality.MISSING), (1501, Quality.SUSPECT), (0xFDA7, Quality.SUSPECT), (0xFDA8, Quality.GOOD)],
)
def test_what_it_has_no_value_for_and_what_cannot_be(raw: int, quality: Quality) -> None:
    """8000 is none; 150.1 and -60.1 degrees cannot be, -60.0 can."""
    made = Stage(Box({**ROOM, "I502": raw}))
    reading = made.condition.readings[HEAT]
    assert reading.quality is quality
    assert math.isnan(reading.value) is (quality is not Quality.GOOD)
    assert made.want(thermostat=C18) is not None, "its setpoint stands all the same"


def test_a_setpoint_it_does_not_tell_now_is_not_set() -> None:
    made = Stage(Box({**ROOM, "H1501": 0x8000}))
    assert made.want(thermostat=C18) is None
    assert made.condition.text == "it shows no setpoint in its present mode"
    made.box.registers["H1501"] = 210
    assert made.later(1.0) is not None


def test_a_device_that_does_not_keep_what_it_is_told() -> None:
    made = room()
    made.box.deaf = True
    made.done(made.want(thermostat=C18))
    assert made.unit.awaits
    assert made.later(9.0) is None, "it has ten seconds"
    assert made.later(2.0) == Write(1, 1501, (180,), 6)
    made.done(made.said[-1])
    made.later(11.0)
    condition = made.condition
    assert Trouble.NOT_HELD in condition.troubles
    assert condition.text == "told temperature 18.0, but it shows 21.0"


def test_a_device_that_refuses_is_given_time() -> None:
    made = room()
    made.box.refuses = 4
    made.done(made.want(thermostat=C18))
    assert Trouble.WRITE_REFUSED in made.condition.troubles
    assert made.condition.text == "exception 4 (server device failure)"
    assert made.later(9.0) is None
    made.box.refuses = None
    made.done(made.later(2.0))
    assert made.box.registers["H1501"] == 180


def test_one_that_is_silent_is_offline_with_its_last_readings_stale() -> None:
    made = room()
    made.box.silent = True
    made.poll()
    condition = made.condition
    assert (condition.online, condition.text) == (False, "it is silent")
    assert Trouble.SILENT in condition.troubles
    assert (condition.readings[HEAT].value, condition.readings[HEAT].quality) == (21.5, Quality.STALE)
    assert made.want(thermostat=C18) is None


def test_a_memory_that_wears_is_set_once_a_day_and_always_given_back() -> None:
    made = Stage(Box(TANK), "mypv-elwa-2")
    assert made.look().capability.writes_per_day == 1
    made.done(made.want(1, thermostat=Thermostat(45.0, offset=False)))
    made.t_s += 60.0
    assert made.want(2, thermostat=Thermostat(50.0, offset=False)) is None
    condition = made.condition
    assert Trouble.WRITES_SPENT in condition.troubles
    assert condition.text == "target: its 1 writes of the day are used up"
    assert made.box.registers["H1002"] == 450
    made.done(made.want(3))
    assert made.box.registers["H1002"] == 600
    made.due()
    assert Trouble.WRITES_SPENT not in made.condition.troubles
    assert made.later(60.0) is None
    # 1,700,000,000 s are 22:13:20 UTC: a day later it is another day.
    made.t_s += 6400.0
    made.poll()
    assert made.want(4, thermostat=Thermostat(50.0, offset=False)) == Write(1, 1002, (500,), 16)


def test_the_days_count_outlives_a_restart() -> None:
    before = Stage(Box(TANK), "mypv-elwa-2")
    before.done(before.want(1, thermostat=Thermostat(45.0, offset=False)))
    after = Stage(before.box, "mypv-elwa-2", keeping=before.unit.keeping)
    after.unit.budget = decode_budget(*encode_budget(before.unit.budget))
    after.t_s = 60.0
    assert after.want(2, thermostat=Thermostat(50.0, offset=False)) is None


def test_a_map_that_is_written_here_and_shown_there() -> None:
    made = made_up(Box(MADE_UP))
    seen = made.look()
    assert seen.condition.readings[HEAT].value == -20.0
    assert seen.condition.readings[NET].value == 800.0
    assert seen.condition.readings[Quantity.ENERGY_CONSUMED, None].value == 2500.0
    assert (seen.nameplate.serial, seen.nameplate.rated_w) == ("AB12", 9000.0)
    call = made.want(3, thermostat=Thermostat(17.3, offset=False))
    # In steps of half a degree, 17.3 is 17.5.
    assert call == Write(7, 200, (175,), 6)
    made.done(call)
    assert made.box.registers["I105"] == 175
    assert made.condition.holds is not None
    assert made.condition.holds.decision == 3


def test_what_is_shown_finer_than_it_is_written_is_given_back_as_near_as_may_be() -> None:
    """It shows hundredths and is written in tenths: 20.37 are 20.4."""
    fine = BLUEPRINT.replace("target_now: {at: 105, table: input, type: i16, scale: 0.1}", FINE)
    assert fine != BLUEPRINT
    made = made_up(Box({**MADE_UP, "I105": 2037}), profile=read_heater(fine, "mine.yaml"))
    call = made.want(1, thermostat=Thermostat(17.5, offset=False))
    assert call == Write(7, 200, (175,), 6)
    made.unit.answered("", made.now)
    made.box.registers["I105"] = 1750
    made.t_s += 5.0
    made.poll()
    assert made.want(2) == Write(7, 200, (204,), 6)


def test_it_is_switched_off_and_on_and_a_mode_in_between_is_left_alone() -> None:
    made = made_up(Box(MADE_UP))
    assert Mode.ENERGIZE in made.look().capability.abilities
    call = made.want(5, on=False)
    assert call == Write(7, 201, (0,), 6)
    made.done(call)
    assert made.condition.holds == Setpoint("x", 5, on=False)
    made.t_s += 5.0
    made.done(made.want(6))
    assert made.box.registers["H201"] == 2
    made.box.registers["H201"] = 1
    made.poll()
    assert made.want(7, on=False) is None
    assert made.condition.text == "it shows no switch in its present mode"


def test_a_heat_pump_is_switched_off_where_its_map_says() -> None:
    """Register 3: 1 is on."""
    made = Stage(Box({"I49": 2050, "I50": 123, "H3": 1, "H5": 21}), "daikin-homehub-room")
    assert made.condition.readings[HEAT].value == 20.5
    assert made.condition.readings[NET].value == 1230.0
    assert made.want(1, on=False) == Write(1, 3, (0,), 6)


def test_off_goes_before_a_temperature_and_on_after_it() -> None:
    made = made_up(Box(MADE_UP))
    made.done(made.want(1, on=False, thermostat=C18))
    made.done(made.due())
    assert [call.address for call in made.said] == [201, 200]
    made.t_s += 5.0
    made.done(made.want(2))
    made.done(made.due())
    assert [call.address for call in made.said[2:]] == [200, 201]
