"""One device behind Home Assistant: told, read back, touched by others, given back. Temperatures in the steps of its thermostat."""

import json
from typing import Any

import pytest

from adapters.homeassistant.messages import Call
from adapters.homeassistant.options import HomeOptions
from adapters.knobs.keeping import VERSION, Keeping, decoded
from adapters.knobs.knob import Aspect
from adapters.settings import Pinned
from grid_functions.model.control import Mode, Thermostat
from grid_functions.model.device import How, Role, Temperatures, Touch, Trouble
from grid_functions.model.setpoint import Setpoint
from tests.adapters.homeassistant.stage import SOMEBODY, START_UTC_S, US, Stage, hall, state

SET_18 = Call("climate", "set_temperature", "climate.hall", {"temperature": 18.0})
SET_BACK = Call("climate", "set_temperature", "climate.hall", {"temperature": 20.5})


def held(made: Stage) -> Setpoint:
    holds = made.condition.holds
    assert holds is not None
    return holds


def test_a_setpoint_is_called_for_and_held_once_its_state_shows_it() -> None:
    made = Stage(hall())
    assert held(made).decision == 0
    assert made.heat(18.0, decision=7) == SET_18
    made.done()
    assert (held(made).decision, held(made).thermostat) == (0, Thermostat(20.5, offset=False))
    made.hear(hall(18.0, user=US))
    assert (held(made).decision, held(made).thermostat) == (7, Thermostat(18.0, offset=False))
    assert made.later(1.0) is None


def test_what_it_held_before_is_kept_before_it_is_told() -> None:
    made = Stage(hall())
    made.heat(18.0)
    assert made.thing.unsaved
    kept = decoded(VERSION, made.thing.keeping.encoded())
    assert kept == Keeping({Aspect.TEMPERATURE: 20.5}, {Aspect.TEMPERATURE: 18.0})
    again = Stage(hall(18.0), keeping=kept)
    assert again.want() == SET_BACK
    again.done(hall(20.5, user=US))
    again.due()
    assert again.thing.released()
    assert again.thing.keeping == Keeping()


def test_an_offset_is_to_what_was_there_before_and_not_to_itself() -> None:
    made = Stage(hall())
    assert made.heat(-2.0, offset=True) == Call("climate", "set_temperature", "climate.hall", {"temperature": 18.5})
    made.done(hall(18.5, user=US))
    assert made.later(60.0) is None
    assert held(made).thermostat == Thermostat(-2.0, offset=True)


def test_a_setting_between_its_steps_goes_to_the_nearest_and_beyond_its_range_to_the_end() -> None:
    assert Stage(hall()).heat(18.3) == Call("climate", "set_temperature", "climate.hall", {"temperature": 18.5})
    assert Stage(hall()).heat(2.0) == Call("climate", "set_temperature", "climate.hall", {"temperature": 7})


def test_in_fahrenheit_both_ways() -> None:
    """18 C = 64.4 F, 64.5 in half degrees; 7 to 30 C are 44.6 to 86 F here told as 45 and 86."""
    made = Stage(hall(69.0, min_temp=45, max_temp=86, current_temperature=66), unit="°F")
    assert made.heat(18.0) == Call("climate", "set_temperature", "climate.hall", {"temperature": 64.5})
    made.done(hall(64.5, min_temp=45, max_temp=86, current_temperature=66))
    assert held(made).thermostat == Thermostat(18.0, offset=False)
    can = made.look().capability.temperatures
    assert can is not None
    assert (round(can.least_c, 2), round(can.most_c, 2), round(can.step_k, 2)) == (7.22, 30.0, 0.28)


def test_a_touch_is_the_occupants_and_what_is_given_back() -> None:
    made = Stage(hall())
    made.heat(18.0)
    made.done(hall(18.0, user=US))
    made.t_s = 100.0
    made.hear(hall(22.0))
    assert made.condition.touch == Touch(Thermostat(22.0, offset=False), START_UTC_S + 100.0)
    assert made.due() is None  # the site decides first
    assert made.heat(22.0, decision=2) is None
    assert held(made).decision == 2
    assert made.want(3) is None
    assert made.thing.released()
    assert made.condition.touch is None


def test_where_a_better_word_than_the_occupants_holds_it_is_set_again_and_the_occupants_given_back() -> None:
    made = Stage(hall())
    made.heat(18.0)
    made.done(hall(18.0, user=US))
    made.hear(hall(22.0, user=SOMEBODY))
    assert made.later(4.9) is None
    assert made.later(0.2) == SET_18
    made.done(hall(18.0, user=US))
    made.t_s += 10.0
    assert made.want(2) == Call("climate", "set_temperature", "climate.hall", {"temperature": 22.0})


def test_whoever_fights_over_it_is_left_alone() -> None:
    made = Stage(hall())
    made.heat(18.0)
    for _ in range(3):
        made.done(hall(18.0, user=US))
        made.hear(hall(22.0))
        made.later(6.0)
    assert Trouble.FOREIGN_WRITER in made.condition.troubles
    made.done(hall(18.0, user=US))
    made.hear(hall(22.0))
    assert made.later(60.0) is None


def test_what_a_restart_of_home_assistant_lost_is_set_again_and_is_nobodys_touch() -> None:
    made = Stage(hall())
    made.heat(18.0)
    made.done(hall(18.0, user=US))
    made.thing.closed("Home Assistant home hung up")
    assert not made.condition.online
    assert made.due() is None
    made.connect(hall(20.5))
    assert made.due() == SET_18
    assert made.condition.touch is None


def test_what_somebody_set_while_we_were_away_is_a_touch() -> None:
    made = Stage(hall())
    made.heat(18.0)
    made.done(hall(18.0, user=US))
    made.thing.closed("gone")
    made.connect(hall(23.0, user=SOMEBODY))
    touch = made.condition.touch
    assert touch is not None
    assert touch.thermostat == Thermostat(23.0, offset=False)


def test_a_word_of_ours_that_was_lost_with_the_connection_is_no_touch() -> None:
    """The occupant had set 20.5 before us, by name; our 18 never arrived."""
    made = Stage(hall(20.5, user=SOMEBODY))
    made.heat(18.0)
    made.thing.closed("gone")
    made.connect(hall(20.5, user=SOMEBODY))
    assert made.condition.touch is None
    assert made.due() == SET_18


def test_what_is_refused_is_given_time_and_said() -> None:
    made = Stage(hall())
    made.heat(18.0)
    made.done(error="service_validation_error: no")
    assert made.later(5.0) is None
    assert Trouble.WRITE_REFUSED in made.condition.troubles
    assert "service_validation_error" in made.condition.text
    assert made.later(5.1) == SET_18


def test_what_was_done_and_never_shows_is_not_held() -> None:
    made = Stage(hall())
    made.heat(18.0)
    made.done()
    assert made.later(9.9) is None
    made.later(0.2)
    assert Trouble.NOT_HELD in made.condition.troubles
    assert "told temperature 18.0, but it shows 20.5" in made.condition.text
    assert len(made.said) == 2


@pytest.mark.parametrize("said", ["unavailable", "unknown"])
def test_what_home_assistant_does_not_know_is_not_there(said: str) -> None:
    made = Stage(hall(), options=HomeOptions(power="sensor.p"))
    made.hear(hall(None, said))
    assert not made.condition.online
    assert made.condition.text == f"climate.hall is {said} in Home Assistant"
    assert made.heat(18.0) is None
    made.hear(None, "climate.hall")
    assert made.condition.text == "climate.hall is not there in Home Assistant"


def test_a_thermostat_without_a_setpoint_in_its_mode_is_waited_for() -> None:
    made = Stage(hall(None))
    assert made.heat(18.0) is None
    assert made.condition.text == "it shows no setpoint in its present mode"
    made.hear(hall())
    assert made.due() == SET_18


def test_one_that_holds_a_range_takes_no_temperature() -> None:
    """Features 2 (a range), 128 and 256 (off and on) without 1: an ecobee in heat_cool."""
    made = Stage(hall(None, "heat_cool", supported_features=386, target_temp_low=21, target_temp_high=24))
    assert made.look().capability.abilities[Mode.THERMOSTAT].how is How.NOT_POSSIBLE
    assert made.heat(18.0) is None


def test_off_is_a_mode_of_a_thermostat_and_its_own_mode_comes_back() -> None:
    made = Stage(hall(mode="heat"))
    assert made.want(on=False) == Call("climate", "set_hvac_mode", "climate.hall", {"hvac_mode": "off"})
    made.done(hall(mode="off", user=US))
    assert (held(made).on, held(made).decision) == (False, 1)
    assert made.want(2) == Call("climate", "set_hvac_mode", "climate.hall", {"hvac_mode": "heat"})


def test_a_switch_is_switched_off_and_on() -> None:
    made = Stage(state("switch.pump", "on"), entity="switch.pump")
    assert made.look().capability.abilities.keys() == {Mode.ENERGIZE, Mode.THERMOSTAT}
    assert made.look().capability.abilities[Mode.THERMOSTAT].how is How.NOT_POSSIBLE
    assert made.want(on=False) == Call("switch", "turn_off", "switch.pump")
    made.done(state("switch.pump", "off", US))
    assert held(made).on is False
    assert made.want(2) == Call("switch", "turn_on", "switch.pump")
    made.done(state("switch.pump", "on", US))
    made.due()
    assert made.thing.released()


def test_what_was_off_before_stays_off() -> None:
    made = Stage(state("switch.pump", "off"), entity="switch.pump")
    assert made.want(on=False) is None
    assert held(made).on is False
    assert made.want(2) is None
    assert made.thing.released()
    assert made.said == []


def test_an_off_waits_for_nothing_and_an_on_is_not_repeated_within_five_seconds() -> None:
    made = Stage(hall())
    made.heat(18.0)
    made.done(hall(18.0, user=US))
    assert made.heat(17.0, decision=2) is None
    assert made.want(3, on=False) == Call("climate", "set_hvac_mode", "climate.hall", {"hvac_mode": "off"})


def amps(value: float, least: float = 6.0) -> dict[str, object]:
    return state("number.amps", str(value), min=least, max=32, step=1, unit_of_measurement="A")


def charger(*states: dict[str, object], switch: str = "switch.evse") -> Stage:
    options = HomeOptions(switch=switch, maximum_a=16.0, phases=3)
    return Stage(*states, entity="number.amps", role=Role.EVSE, options=options)


def test_a_charger_is_told_whole_amperes_down_and_pauses_by_its_switch() -> None:
    made = charger(amps(16), state("switch.evse", "on"))
    currents = made.look().capability.currents
    assert currents is not None
    assert (currents.maximum_a, currents.minimum_a, currents.resolution_a) == (16.0, 6.0, 1.0)
    assert made.want(current_max_a=10.7) == Call("number", "set_value", "number.amps", {"value": 10.0})
    made.done(amps(10))
    assert held(made).current_max_a == 10.0
    assert made.want(2, current_max_a=0.0) == Call("switch", "turn_off", "switch.evse")
    made.done(state("switch.evse", "off", US))
    assert (held(made).current_max_a, held(made).decision) == (0.0, 2)
    made.t_s = 60.0
    assert made.want(3, current_max_a=8.0) == Call("number", "set_value", "number.amps", {"value": 8.0})
    made.done(amps(8))
    assert made.due() == Call("switch", "turn_on", "switch.evse")


def test_what_only_takes_away_waits_for_no_answer() -> None:
    """A service of a cloud may take as long as a call is waited for: a pause is told meanwhile, and less current too."""
    off, eight = Call("switch", "turn_off", "switch.evse"), Call("number", "set_value", "number.amps", {"value": 8.0})
    made = charger(amps(16), state("switch.evse", "on"))
    assert made.want(current_max_a=12.0) is not None
    asked = made.thing.awaited
    assert made.want(2, current_max_a=0.0) == off
    assert made.due() is None
    # What comes of the first says nothing of the second.
    made.thing.answered("no answer in time", made.now, asked)
    assert made.condition.troubles.isdisjoint({Trouble.WRITE_REFUSED, Trouble.NOT_HELD})
    assert made.due() is None
    made.done(state("switch.evse", "off", US))
    assert held(made).current_max_a == 0.0

    made = charger(amps(6), state("switch.evse", "on"))
    assert made.want(current_max_a=12.0) is not None
    assert made.want(2, current_max_a=8.0) == eight
    # More waits for its turn.
    assert made.want(3, current_max_a=16.0) is None


def test_a_charger_that_ends_at_six_amperes_and_has_no_switch_cannot_be_limited() -> None:
    ability = charger(amps(16), switch="").look().capability.abilities[Mode.LOAD_LIMIT]
    assert ability.how is How.NOT_POSSIBLE
    assert ability.means == "cannot pause: number.amps ends at 6 A; give it a switch"
    assert charger(amps(16, 0.0), switch="").look().capability.abilities[Mode.LOAD_LIMIT].how is How.NATIVE


def test_a_charger_with_a_list_of_amperes_takes_the_next_below() -> None:
    def listed(said: str) -> dict[str, object]:
        return state("select.amps", said, options=["off", "6 A", "10 A", "16 A"])

    made = Stage(listed("16 A"), entity="select.amps", role=Role.EVSE)
    assert made.want(current_max_a=15.0) == Call("select", "select_option", "select.amps", {"option": "10 A"})
    made.done(listed("10 A"))
    assert held(made).current_max_a == 10.0
    off = Call("select", "select_option", "select.amps", {"option": "off"})
    assert made.want(2, current_max_a=0.0) == off  # what only takes away does not wait


def test_a_tank_and_a_number_take_a_temperature() -> None:
    tank = state(
        "water_heater.tank", "eco", temperature=45, min_temp=43.3, max_temp=60, target_temp_step=1, supported_features=3
    )
    made = Stage(tank, entity="water_heater.tank")
    assert made.heat(50.0) == Call("water_heater", "set_temperature", "water_heater.tank", {"temperature": 50.0})
    assert made.look().capability.temperatures == Temperatures(43.3, 60.0, 1.0)
    flow = state("number.flow", "35", min=20, max=60, step=0.5, unit_of_measurement="°C")
    assert Stage(flow, entity="number.flow").heat(30.2) == Call("number", "set_value", "number.flow", {"value": 30.0})


@pytest.mark.parametrize("step", [1e-320, 1e-9, -0.5, 0.0, 100.0])
def test_a_step_that_cannot_be_makes_no_setpoint_and_breaks_nothing(step: float) -> None:
    """0: none is told, and water temperatures go by whole degrees."""
    flow = state("number.flow", "35", min=20, max=60, step=step, unit_of_measurement="°C")
    call = Stage(flow, entity="number.flow").heat(30.2)
    assert call == (Call("number", "set_value", "number.flow", {"value": 30.0}) if step == 0.0 else None)


def test_another_device_than_was_pinned_and_one_that_is_only_read_are_told_nothing() -> None:
    registries: dict[str, Any] = {
        "entities": [{"entity_id": "climate.hall", "device_id": "d"}],
        "devices": [{"id": "d", "manufacturer": "Acme", "model": "T1", "serial_number": "2"}],
    }
    made = Stage(hall(), pinned=Pinned(serial="1"), **registries)
    assert made.heat(18.0) is None
    assert Trouble.WRONG_DEVICE in made.condition.troubles
    assert made.look().nameplate.maker == "Acme"
    assert Stage(hall(), pinned=Pinned("Acme", "T1", "2"), **registries).heat(18.0) == SET_18
    watched = Stage(hall(), read_only=True)
    assert watched.heat(18.0) is None
    assert watched.thing.released()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"before": {"no": 1}, "told": {}, "touch": null}',
        b'{"before": 3, "told": {}, "touch": null}',
    ],
)
def test_what_was_kept_and_cannot_be_read_is_nothing(body: bytes) -> None:
    assert decoded(VERSION, body) == Keeping()
    assert decoded(VERSION + 1, Keeping({Aspect.SWITCH: "on"}).encoded()) == Keeping()


def test_what_is_kept_is_plain() -> None:
    kept = Keeping({Aspect.SWITCH: "heat"}, {Aspect.SWITCH: "off"}, Touch(Thermostat(21.5, offset=False), 5.0))
    assert json.loads(kept.encoded()) == {"before": {"switch": "heat"}, "told": {"switch": "off"}, "touch": [21.5, 5.0]}
    assert decoded(VERSION, kept.encoded()) == kept
