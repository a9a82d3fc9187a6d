"""Readings: units, ages, and what nothing may be concluded from."""

from typing import Any

import pytest

from adapters.homeassistant.options import HomeOptions
from grid_functions.model.device import Role
from grid_functions.model.reading import Quality, Reading
from grid_functions.model.units import Phase, Quantity
from tests.adapters.homeassistant.stage import Stage, hall, state

NET = (Quantity.NET, None)
OPTIONS = HomeOptions(every_s=10.0)


def meter(said: str, unit: str = "W", options: HomeOptions = OPTIONS) -> Stage:
    return Stage(
        state("sensor.grid", said, unit_of_measurement=unit), entity="sensor.grid", role=Role.METER, options=options
    )


def net(made: Stage) -> Reading:
    return made.condition.readings[NET]


@pytest.mark.parametrize(
    ("said", "unit", "value", "quality"),
    [
        ("1.5", "kW", 1500.0, Quality.GOOD),
        ("-250", "W", -250.0, Quality.GOOD),
        ("0.002", "MW", 2000.0, Quality.GOOD),
        ("unavailable", "W", 0.0, Quality.STALE),
        ("unknown", "W", 0.0, Quality.STALE),
        ("nan", "W", 0.0, Quality.SUSPECT),
        ("much", "W", 0.0, Quality.SUSPECT),
        ("1e12", "W", 1e12, Quality.SUSPECT),
        ("3", "VA", 0.0, Quality.MISSING),
    ],
)
def test_a_power_is_in_watts_or_is_none(said: str, unit: str, value: float, quality: Quality) -> None:
    assert (net(meter(said, unit)).value, net(meter(said, unit)).quality) == (value, quality)


def test_a_meter_that_counts_the_other_way_round_is_turned_once() -> None:
    assert net(meter("700", options=HomeOptions(invert=True))).value == -700.0


def test_what_does_not_change_was_true_as_long_ago_as_its_integration_may_sleep() -> None:
    made = meter("100")
    assert net(made).at_s == -10.0  # loaded at 0
    made.t_s = 4.0
    made.hear(state("sensor.grid", "120", unit_of_measurement="W"))
    assert net(made).at_s == 4.0
    made.t_s = 30.0
    made.session.received('{"id": 50, "type": "pong"}', 30.0)
    assert (net(made).at_s, net(made).value) == (20.0, 120.0)
    made.t_s = 60.0  # nobody has been heard since
    assert net(made).at_s == 20.0


def test_the_readings_of_a_server_that_is_gone_are_stale() -> None:
    made = meter("100")
    made.look()
    made.thing.closed("gone")
    assert net(made).quality is Quality.STALE
    assert not made.condition.online


def test_a_thermostat_measures_its_room_in_the_units_of_the_house() -> None:
    made = Stage(hall(66.0, current_temperature=68, min_temp=45, max_temp=86), unit="°F")
    assert made.condition.readings[Quantity.TEMPERATURE, None].value == pytest.approx(20.0)
    assert Quantity.TEMPERATURE not in {key[0] for key in Stage(hall(current_temperature=None)).condition.readings}


def test_sensors_beside_the_device() -> None:
    options = HomeOptions(power="sensor.p", energy="sensor.e", voltage_a="sensor.v", temperature="sensor.t")
    made = Stage(
        hall(),
        state("sensor.p", "0.9", unit_of_measurement="kW"),
        state("sensor.e", "12.5", unit_of_measurement="kWh"),
        state("sensor.v", "231", unit_of_measurement="V"),
        state("sensor.t", "50", unit_of_measurement="°F"),
        options=options,
    )
    told = {key: round(one.value, 3) for key, one in made.condition.readings.items()}
    assert told == {
        NET: 900.0,
        (Quantity.ENERGY_CONSUMED, None): 12500.0,
        (Quantity.VOLTAGE, Phase.A): 231.0,
        (Quantity.TEMPERATURE, None): 10.0,
    }


@pytest.mark.parametrize(
    "options",
    [
        {"power": "no entity"},
        {"power": 3},
        {"switch": "light.a"},
        {"every_s": -1},
        {"every_s": float("nan")},
        {"phases": 4},
        {"phases": True},
        {"invert": "yes"},
        {"minimum_a": 20, "maximum_a": 10},
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        HomeOptions(**options)
