"""A device behind EdgeX by itself: settings and their reading back, locks, ages, doubts."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.edgex import messages
from adapters.edgex.messages import FLOATS, INTEGERS, Answer
from adapters.edgex.points import Point
from adapters.edgex.unit import Put
from adapters.knobs.keeping import VERSION, decoded
from adapters.knobs.knob import Aspect
from adapters.settings import Pinned
from grid_functions.model.control import Mode, Thermostat
from grid_functions.model.device import How, Role, Trouble
from grid_functions.model.reading import MeterKey, Quality
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.units import Phase, Quantity
from tests.adapters.edgex.foundry import Machine, Resource
from tests.adapters.edgex.stage import START_UTC_S, Stage

NET: MeterKey = (Quantity.NET, None)


def inverter(limit: Any = 5000, kind: str = "Uint16", power: float = -3000.0) -> Machine:
    """Generator-signed in nothing; a limit of production in W."""
    return Machine({"Limit": Resource(kind, limit), "Power": Resource("Float32", power, "R", "W")})


def pv(machine: Machine | None = None, **options: Any) -> Stage:
    told = {"limit_production": "Limit W", "power": "Power W", "rated_w": 5000, **options}
    made = Stage(machine or inverter(), **told)
    made.read()
    return made


def test_it_is_read_set_read_back_and_held() -> None:
    made = pv()
    seen = made.look()
    assert seen.condition.online
    assert seen.condition.readings[NET].value == -3000.0
    assert seen.nameplate.rated_w == 5000
    assert seen.nameplate.model == "Profile"
    assert seen.capability.abilities[Mode.EXPORT_LIMIT].how is How.NATIVE
    put = made.want(7, produce_max_w=2000.0)
    assert put == Put("Dev", "Limit", "Limit", "2000")
    assert made.condition.holds is not None
    assert made.condition.holds.decision == 0
    made.done(put)
    assert made.condition.holds == Setpoint("x", 7, produce_max_w=2000.0)
    assert made.edgex.machines["Dev"].resources["Limit"].value == 2000
    assert Trouble.NO_WATCHDOG in made.condition.troubles


def test_what_it_held_before_is_kept_and_given_back() -> None:
    made = pv(inverter(4400))
    made.done(made.want(produce_max_w=1000.0))
    kept = decoded(VERSION, made.unit.keeping.encoded())
    assert kept.before == {Aspect.PRODUCE_MAX: 4400.0}
    again = Stage(made.machine, keeping=kept, limit_production="Limit W", rated_w=5000)
    again.read()
    put = again.want()
    assert put == Put("Dev", "Limit", "Limit", "4400")
    again.done(put)
    assert again.due() is None
    assert again.unit.released()


def test_a_setting_that_does_not_show_is_told_again_and_then_given_time() -> None:
    made = pv()
    made.machine.resources["Limit"].deaf = True
    made.done(made.want(produce_max_w=1000.0))
    assert made.later(9.0) is None
    assert made.later(2.0) == Put("Dev", "Limit", "Limit", "1000")
    made.done(made.said[-1])
    made.later(11.0)
    condition = made.condition
    assert Trouble.NOT_HELD in condition.troubles
    assert condition.text == "told produce_max 1000.0, but it shows 5000.0"
    made.machine.resources["Limit"].deaf = False
    made.done(made.later(10.0))
    assert Trouble.NOT_HELD not in made.condition.troubles


def test_until_it_shows_it_is_read_each_second() -> None:
    made = pv(power="")
    made.machine.resources["Limit"].deaf = True
    made.done(made.want(produce_max_w=1000.0))
    before = len(made.asked)
    made.later(5.0)
    assert len(made.asked) - before == 5


def test_an_event_reads_back_too() -> None:
    made = pv()
    put = made.want(3, produce_max_w=1000.0)
    assert put is not None
    made.answer("Limit", "set", {"Limit": put.value})
    made.unit.answered(made.unit.set_done(Answer()), made.now)
    made.t_s += 0.2
    assert made.hear("Limit")
    assert made.condition.holds == Setpoint("x", 3, produce_max_w=1000.0)


def test_less_goes_out_at_once_and_more_waits_for_the_last_to_show() -> None:
    made = pv()
    made.machine.resources["Limit"].deaf = True
    made.done(made.want(1, produce_max_w=3000.0))
    assert made.want(2, produce_max_w=4000.0) is None
    assert made.want(3, produce_max_w=500.0) == Put("Dev", "Limit", "Limit", "500")


@pytest.mark.parametrize(
    ("resource", "text", "asked_w", "told"),
    [
        (Resource("Uint8", 100), "Limit 50W", 2600.0, "52"),
        (Resource("Uint8", 100), "Limit 50W", 2649.0, "52"),
        (Resource("Uint8", 100), "Limit 0.3kW", 1000.0, "3"),
        (Resource("Float32", 5.0), "Limit kW", 2500.0, "2.5"),
        (Resource("Int32", 50000), "Limit 0.1W", 1234.0, "12340"),
        (Resource("Int8", 100), "Limit 50W", 0.0, "0"),
        (Resource("Uint16", 5000), "Limit W", 99999.0, None),
        (Resource("Uint16", 5000), "Limit W", float("nan"), "0"),
        (Resource("Float64", 5000.0), "Limit W", float("inf"), None),
    ],
)
def test_units_and_scales_of_a_limit_and_never_more_than_asked(
    resource: Resource, text: str, asked_w: float, told: str | None
) -> None:
    made = pv(Machine({"Limit": resource, "Power": Resource("Float32", 0.0, "R")}), limit_production=text)
    put = made.want(produce_max_w=asked_w)
    assert (None if put is None else put.value) == told


def test_a_step_that_is_no_number_of_counts_is_the_next_that_is() -> None:
    """One count is 50 W and it obeys in 75 W: 100 W are two counts; of 180 W asked that is one step."""
    made = pv(
        Machine({"Limit": Resource("Uint8", 100), "Power": Resource("Float32", 0.0, "R")}),
        limit_production="Limit 50W",
        step_w=75,
    )
    put = made.want(produce_max_w=180.0)
    assert put is not None
    assert put.value == "2"
    assert made.look().capability.resolution_w == 100.0


@pytest.mark.parametrize(
    ("text", "target_w", "told"),
    [("Target W", -1500.0, "-1500"), ("Target -1W", -1500.0, "1500"), ("Target -0.1kW", 2000.0, "-20")],
)
def test_a_batterys_target_and_its_sign(text: str, target_w: float, told: str) -> None:
    machine = Machine(
        {"Target": Resource("Int16", 0), "Soc": Resource("Uint8", 55, "R"), "P": Resource("Int16", 700, "R")}
    )
    made = Stage(machine, Role.BATTERY, target_power=text, state_of_charge="Soc %", power="P -1W", rated_w=3000)
    made.read()
    assert made.condition.readings[NET].value == -700.0
    assert made.condition.readings[Quantity.STATE_OF_CHARGE, None].value == 55.0
    put = made.want(5, target_w=target_w)
    assert put is not None
    assert put.value == told
    made.done(put)
    assert made.condition.holds == Setpoint("x", 5, target_w=target_w)
    put = made.want(6)
    assert put is not None
    assert put.value == "0"


def test_a_target_ends_at_its_rating_either_way() -> None:
    machine = Machine({"Target": Resource("Int16", 0)})
    made = Stage(machine, Role.BATTERY, target_power="Target W", rated_w=3000, rated_discharge_w=2000)
    made.read()
    assert made.look().nameplate.rated_discharge_w == 2000
    put = made.want(target_w=-9000.0)
    assert put is not None
    assert put.value == "-2000"
    made.done(put)
    put = made.want(target_w=9000.0)
    assert put is None
    assert made.later(1.1) == Put("Dev", "Target", "Target", "3000")


def test_a_charger_by_amperes_pauses_at_nought() -> None:
    machine = Machine({"MaxCurrent": Resource("Float32", 16.0, "RW", "A"), "I1": Resource("Float32", 12.5, "R", "A")})
    made = Stage(machine, Role.EVSE, limit_current="MaxCurrent A", current_a="I1 A", maximum_a=16)
    made.read()
    seen = made.look()
    assert seen.capability.currents is not None
    assert seen.capability.currents.minimum_a == 6.0
    assert seen.condition.readings[Quantity.CURRENT, Phase.A].value == 12.5
    put = made.want(current_max_a=9.7)
    assert put is not None
    assert put.value == "9.0"
    made.done(put)
    made.done(made.want(current_max_a=3.0))
    assert machine.resources["MaxCurrent"].value == 0.0


@pytest.mark.parametrize(
    ("resource", "text", "off", "on"),
    [
        (Resource("Bool", True), "Relay", "false", "true"),
        (Resource("String", "RUN"), "Relay RUN/STOP", "STOP", "RUN"),
        (Resource("Bool", False), "Relay false/true", "true", "false"),
        (Resource("Uint8", 1), "Relay 1/0", "0", "1"),
    ],
)
def test_a_load_is_switched_and_given_back(resource: Resource, text: str, off: str, on: str) -> None:
    made = Stage(Machine({"Relay": resource}), Role.LOAD, switch=text)
    made.read()
    put = made.want(on=False)
    assert put is not None
    assert put.value == off
    made.done(put)
    assert made.condition.holds is not None
    assert made.condition.holds.on is False
    put = made.want()
    assert put is not None
    assert put.value == on


def test_a_thermostat_in_either_unit() -> None:
    machine = Machine({"Set": Resource("Float32", 68.0, "RW", "°F"), "T": Resource("Float32", 66.2, "R", "°F")})
    made = Stage(machine, Role.LOAD, set_temperature="Set °F", temperature="T °F")
    made.read()
    assert made.condition.readings[Quantity.TEMPERATURE, None].value == pytest.approx(19.0)
    put = made.want(thermostat=Thermostat(-2.0, offset=True))
    assert put is not None
    assert float(put.value) == pytest.approx(64.4)
    made.done(put)
    assert made.condition.holds is not None
    assert made.condition.holds.thermostat == Thermostat(-2.0, offset=True)


@pytest.mark.parametrize(("state", "words"), [("admin", "device Dev locked"), ("operating", "OperatingState is DOWN")])
def test_a_locked_device_is_a_condition_an_alarm_and_tried_ever_more_slowly(state: str, words: str) -> None:
    made = pv()
    setattr(made.machine, state, "LOCKED" if state == "admin" else "DOWN")
    made.later(10.0)
    condition = made.condition
    assert not condition.online
    assert condition.alarms == {"LOCKED"}
    assert Trouble.SILENT in condition.troubles
    assert words in condition.text
    assert condition.readings[NET].quality is Quality.STALE
    assert made.want(produce_max_w=0.0) is None
    tries = []
    for _ in range(1000):
        before = len(made.asked)
        made.later(1.0)
        tries += [made.t_s] * (len(made.asked) - before)
    # 5 s doubling: 10, 20, 40, 80, 160, then 300
    gaps = [round(b - a) for a, b in itertools.pairwise(tries)]
    assert gaps == [10, 20, 40, 80, 160, 300, 300][: len(gaps)]
    assert len(gaps) >= 5
    setattr(made.machine, state, "UNLOCKED" if state == "admin" else "UP")
    assert made.later(301.0) == Put("Dev", "Limit", "Limit", "0")
    assert made.condition.online
    assert made.condition.alarms == frozenset()


def test_a_setting_that_meets_a_lock_is_one_too_and_is_made_when_it_ends() -> None:
    made = pv()
    put = made.want(produce_max_w=1000.0)
    made.machine.admin = "LOCKED"
    made.done(put)
    assert made.condition.alarms == {"LOCKED"}
    made.machine.admin = "UNLOCKED"
    put = made.later(6.0)
    made.done(put or made.later(10.0))
    assert made.condition.holds == Setpoint("x", 1, produce_max_w=1000.0)


def test_a_refused_token_is_the_operators_and_tried_rarely() -> None:
    made = pv()
    made.t_s += 10.0
    assert made.unit.asks(made.now) is not None
    made.unit.got(Answer("HTTP 401", 401), made.now)
    assert made.condition.alarms == {"REFUSED"}
    assert made.unit.asks(made.now) is None


@pytest.mark.parametrize("change", [{"maximum": 500.0}, {"access": "R"}])
def test_what_is_refused_is_told_and_given_time(change: dict[str, Any]) -> None:
    made = pv()
    for name, value in change.items():
        setattr(made.machine.resources["Limit"], name, value)
    made.done(made.want(produce_max_w=1000.0))
    assert Trouble.WRITE_REFUSED in made.condition.troubles
    assert made.condition.text.startswith("40")
    assert made.later(9.0) is None
    assert made.later(2.0) is not None


def test_a_resource_that_is_not_there_spoils_no_other() -> None:
    made = pv(energy="Energie kWh")
    condition = made.condition
    assert condition.online
    assert condition.readings[NET].quality is Quality.GOOD
    assert condition.readings[Quantity.ENERGY_CONSUMED, None].quality is Quality.MISSING
    assert condition.text == "Energie: 404 deviceResource Energie not found"


def test_a_resource_that_cannot_be_read_is_never_set() -> None:
    made = pv()
    made.machine.resources["Limit"].access = "W"
    again = pv(made.machine)
    assert again.want(produce_max_w=0.0) is None
    assert again.condition.text == "Limit: 405 deviceResource Limit is marked as write-only"


def test_a_device_that_is_not_there_says_so_and_is_asked_ever_more_slowly() -> None:
    made = pv()
    del made.edgex.machines["Dev"]
    made.later(40.0)
    assert not made.condition.online
    assert "404 device Dev not found" in made.condition.text
    before = len(made.asked)
    made.later(120.0)
    assert len(made.asked) - before <= 6


def test_one_command_reads_many_resources() -> None:
    machine = Machine(
        {"P": Resource("Int32", 100, "R"), "U": Resource("Float32", 230.0, "R"), "Hz": Resource("Float32", 50.0, "R")},
        commands={"All": ("P", "U", "Hz")},
    )
    made = Stage(machine, Role.METER, power="All/P W", voltage_a="All/U V", frequency="All/Hz Hz")
    made.read()
    assert [one.command for one in made.asked] == ["All"]
    assert {key: one.value for key, one in made.condition.readings.items()} == {
        NET: 100.0,
        (Quantity.VOLTAGE, Phase.A): 230.0,
        (Quantity.FREQUENCY, None): 50.0,
    }


def test_events_save_the_reading() -> None:
    made = pv(limit_production="", rated_w=0)
    before = len(made.asked)
    for _ in range(30):
        made.later(1.0)
        made.hear("Power")
    assert len(made.asked) == before


def test_a_reading_older_than_its_age_is_stale_and_then_the_device_is_silent() -> None:
    made = pv(every_s=5, stale_s=12)
    made.machine.resources["Power"].broken = True
    made.later(11.0)
    assert made.condition.readings[NET].quality is Quality.GOOD
    made.later(2.0)
    condition = made.condition
    assert condition.online
    assert condition.readings[NET].quality is Quality.STALE
    made.machine.resources["Limit"].broken = True
    made.later(13.0)
    condition = made.condition
    assert not condition.online
    assert "error reading" in condition.text


def test_a_reading_is_as_old_as_its_origin() -> None:
    made = pv()
    made.t_s += 4.0
    assert made.hear("Power", origin_s=START_UTC_S + 1.5)
    reading = made.condition.readings[NET]
    assert reading.at_s == pytest.approx(1.5, abs=1e-3)
    assert reading.utc_s == pytest.approx(START_UTC_S + 1.5, abs=1e-3)


def test_duplicates_and_what_comes_late_change_nothing() -> None:
    made = pv()
    made.t_s += 4.0
    made.machine.resources["Power"].value = -100.0
    assert made.hear("Power", origin_s=START_UTC_S + 3.0)
    made.machine.resources["Power"].value = -200.0
    assert not made.hear("Power", origin_s=START_UTC_S + 2.0)
    assert not made.hear("Power", origin_s=START_UTC_S + 3.0)
    assert made.condition.readings[NET].value == -100.0


def test_what_is_from_the_future_is_not_taken_and_said() -> None:
    made = pv()
    made.machine.resources["Power"].value = -1.0
    assert not made.hear("Power", origin_s=START_UTC_S + 3600.0)
    condition = made.condition
    assert condition.online
    assert condition.readings[NET].value == -3000.0
    assert "3600 s ahead" in condition.text
    made.later(2.0)
    made.machine.resources["Power"].value = -2.0
    assert made.hear("Power")
    assert made.condition.text == ""


def test_a_clock_that_is_behind_makes_stale_and_is_an_alarm() -> None:
    made = Stage(inverter(), power="Power W")
    made.edgex.skew_s = -7200.0
    made.read()
    condition = made.condition
    assert not condition.online
    assert condition.alarms == {"CLOCK"}
    assert "7200 s ago" in condition.text


def test_the_servers_clock_is_what_origins_are_measured_by() -> None:
    made = Stage(inverter(), power="Power W")
    made.edgex.skew_s = 3600.0
    assert made.unit.asks(made.now) is not None
    made.unit.got(made.answer("Power", "get", None), made.now, offset_s=3600.0)
    assert made.condition.readings[NET].at_s == pytest.approx(0.0, abs=1e-3)
    assert made.condition.alarms == frozenset()


def test_by_arrival_no_clock_counts_but_nothing_kept_for_us_does() -> None:
    made = Stage(inverter(), power="Power W", clock="arrival")
    assert not made.hear("Power", origin_s=START_UTC_S - 9e6, live=False)
    assert made.hear("Power", origin_s=START_UTC_S - 9e6)
    assert made.condition.readings[NET].at_s == 0.0


@pytest.mark.parametrize(
    ("kind", "value", "units", "quality"),
    [
        ("Float32", "1e30", "", Quality.SUSPECT),
        ("Float64", "NaN", "", Quality.SUSPECT),
        ("String", "12", "", Quality.SUSPECT),
        ("Bool", "true", "", Quality.SUSPECT),
        ("Uint8", "300", "", Quality.SUSPECT),
        ("Float32", "12", "kW", Quality.SUSPECT),
        ("Float32", "12", "W", Quality.GOOD),
        ("Float32", "12", "furlongs", Quality.GOOD),
    ],
)
def test_what_is_no_power_is_doubted(kind: str, value: str, units: str, quality: Quality) -> None:
    made = pv()
    made.t_s += 1.0
    event = made.edgex.event("Dev", "Power")
    event["readings"][0] |= {"valueType": kind, "value": value, "units": units}
    made.hear("Power", readings=event["readings"])
    assert made.condition.readings[NET].quality is quality


def test_a_picture_in_its_place_is_left_out_with_a_word() -> None:
    made = pv()
    event = made.edgex.event("Dev", "Power")
    event["readings"][0] |= {"valueType": "Binary", "value": None, "binaryValue": "AAAA", "mediaType": "image/png"}
    assert not made.hear("Power", readings=event["readings"])
    assert made.condition.text == "Power: Binary is neither a number nor a switch"
    assert made.condition.readings[NET].value == -3000.0


def test_events_of_another_device_are_not_its() -> None:
    made = pv()
    made.t_s += 1.0
    assert not made.hear("Power", deviceName="Other")


def test_an_answer_for_another_device_is_none() -> None:
    made = pv()
    made.t_s += 10.0
    get = made.unit.asks(made.now)
    assert get is not None
    other = made.edgex.event("Dev", get.command) | {"deviceName": "Other"}
    for reading in other["readings"]:
        reading["deviceName"] = "Other"
    body = json.dumps({"apiVersion": "v3", "statusCode": 200, "event": other}).encode()
    made.unit.got(messages.answer(200, body), made.now)
    assert "answers for another device, Other" in made.condition.text


def test_an_answer_without_its_event_is_none() -> None:
    made = pv()
    made.t_s += 10.0
    assert made.unit.asks(made.now) is not None
    made.unit.got(Answer(), made.now)
    assert "answers without an event" in made.condition.text


def test_another_profile_than_the_one_commissioned_is_read_only() -> None:
    made = Stage(inverter(), pinned=Pinned(model="Another"), limit_production="Limit W", rated_w=5000)
    made.read()
    assert made.want(produce_max_w=0.0) is None
    assert Trouble.WRONG_DEVICE in made.condition.troubles


def test_one_that_is_only_observed_is_never_set() -> None:
    made = Stage(inverter(), read_only=True, limit_production="Limit W", rated_w=5000)
    made.read()
    assert made.want(produce_max_w=0.0) is None


def test_somebody_else_who_keeps_setting_it_is_left_alone_but_for_less() -> None:
    made = pv()
    made.done(made.want(produce_max_w=1000.0))
    for value in (2000, 3000, 4000):
        made.machine.resources["Limit"].value = value
        made.later(11.0)
        made.later(6.0)
        if made.said[-1].value == "1000" and made.machine.resources["Limit"].value == value:
            made.done(made.said[-1])
    assert Trouble.FOREIGN_WRITER in made.condition.troubles
    made.machine.resources["Limit"].value = 4500
    made.later(11.0)
    assert made.later(10.0) == Put("Dev", "Limit", "Limit", "1000")


@settings(max_examples=200, deadline=None)
@given(
    kind=st.sampled_from([*INTEGERS, *FLOATS]),
    worth=st.sampled_from(["W", "50W", "0.1W", "kW", "0.37kW", "1e-3W"]),
    step_w=st.sampled_from([0.001, 1.0, 7.0, 75.0]),
    asked_w=st.floats(0, 6000),
)
def test_what_a_resource_is_told_is_never_more_than_asked(kind: str, worth: str, step_w: float, asked_w: float) -> None:
    """And it is told in its own type: the stand-in parses it as Go does."""
    resource = Resource(kind, 0)
    made = pv(Machine({"Limit": resource}), power="", limit_production=f"Limit {worth}", step_w=step_w)
    put = made.want(produce_max_w=asked_w)
    if put is None:
        return  # it is at that already
    made.done(put)
    point = made.unit.settings.options.knobs[Aspect.PRODUCE_MAX]
    assert isinstance(point, Point)
    assert 0 <= point.in_ours(float(resource.value)) <= asked_w * (1 + 1e-6) + 1e-3
    assert made.condition.holds is not None
