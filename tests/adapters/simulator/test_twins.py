"""Twins and their cars by arithmetic, and a site that has some of them."""

import json
from dataclasses import replace
from typing import Any

import pytest

from adapters.modbus.frames import Read, Refusal, Registers, Write, Written
from adapters.simulator.car import Car
from adapters.simulator.fields import PlanError
from adapters.simulator.plan import parse_plan
from adapters.simulator.server import Simulator
from adapters.simulator.twin import Twin
from tests.adapters.registers.bench import PROFILES
from tests.adapters.simulator.situations import PLAN, Hand


@pytest.mark.parametrize(
    ("car", "offered_a", "drawn_a"),
    [
        (Car(most_a=16), 32.0, 16.0),
        (Car(most_a=16), 10.0, 10.0),
        (Car(most_a=16), 5.9, 0.0),
        (Car(most_a=16), 0.0, 0.0),
        (Car(most_a=16, asleep=True), 32.0, 0.0),
        (Car(most_a=16, stored_wh=60_000), 32.0, 0.0),
        # Half way from 80 % to full it asks for half.
        (Car(most_a=32, stored_wh=54_000), 32.0, 16.0),
        # Towards the end for the least that there is.
        (Car(most_a=16, stored_wh=59_400), 32.0, 6.0),
    ],
)
def test_what_a_car_takes(car: Car, offered_a: float, drawn_a: float) -> None:
    assert car.draws_a(offered_a) == pytest.approx(drawn_a)


def charger(**changes: Any) -> Twin:
    return replace(Twin(PROFILES["vestel-evc04"], car=Car(most_a=10, stored_wh=20_000)), **changes)


def told(twin: Twin, address: int, value: int, at_s: float) -> Twin:
    twin, reply = twin.asked(Write(255, address, (value,), 6), at_s)
    assert reply == Written()
    return twin


def test_an_hour_of_charging() -> None:
    """10 A on three phases at 230 V for an hour: 6,900 Wh."""
    twin = charger().at(3600)
    assert twin.session_wh == pytest.approx(6900)
    assert twin.car is not None
    assert twin.car.stored_wh == pytest.approx(26_900)
    assert twin.plugged(Car()).session_wh == 0


def test_one_phase_cars() -> None:
    assert charger(car=Car(most_a=10, phases=1)).power_w == pytest.approx(2300)


def test_full_and_no_fuller() -> None:
    twin = charger(car=Car(most_a=16, stored_wh=59_990)).at(7200)
    assert twin.car is not None
    assert (twin.car.full, twin.car.stored_wh, twin.state, twin.power_w) == (True, 60_000, "b", 0.0)


def test_the_watchdog_bites_when_it_is_not_fed() -> None:
    twin = told(told(charger(), 5004, 10, 0), 6000, 1, 1)
    # 20 s from the last token.
    assert (twin.at(21).limit_a, twin.at(21.1).limit_a) == (10, 6)
    fed = told(twin, 6000, 1, 20)
    assert (fed.at(40).limit_a, fed.at(40.1).limit_a) == (10, 6)
    # What flowed until then was counted at the old current: 20 s of 6,900 W, then 20 s of 4,140 W.
    later = fed.at(60)
    assert later.session_wh == pytest.approx((6900 * 40 + 4140 * 20) / 3600)


def test_its_timeout_and_fallback_are_what_it_was_told() -> None:
    twin = told(told(told(told(charger(), 2000, 8, 0), 2002, 5, 0), 5004, 10, 0), 6000, 1, 0)
    assert (twin.at(5).limit_a, twin.at(5.1).limit_a) == (10, 8)


def test_what_is_not_in_the_map_is_refused() -> None:
    twin = charger()
    assert twin.asked(Read(255, 1021, 1, 4), 0)[1] == Refusal(2)
    assert twin.asked(Read(255, 5004, 1, 4), 0)[1] == Refusal(2)
    assert twin.asked(Write(255, 1020, (0, 0)), 0)[1] == Refusal(2)
    assert twin.asked(Write(255, 5004, (6,), 16), 0)[1] == Refusal(1)
    assert twin.asked(Read(255, 1020, 2, 4), 0)[1] == Registers((6900).to_bytes(4, "big"))


def test_a_battery_fills_up() -> None:
    """2 kW into 10 kWh at half: full after two and a half hours."""
    twin = Twin(PROFILES["sungrow-sh"])
    for address, value in ((13051, 2000), (13050, 0xAA), (13049, 2)):
        twin, reply = twin.asked(Write(1, address, (value,), 6), 0)
        assert reply == Written()
    assert twin.at(3600).soc_pct == pytest.approx(70)
    assert (twin.at(9060).soc_pct, twin.at(9060).power_w) == (100, 0)


TWINS = [
    {"name": "evse", "family": "vestel-evc04", "unit": 255, "car": {"most_a": 10, "phases": 1}},
    {"name": "grid", "family": "eastron-sdm630", "link": "evse", "unit": 2},
]


async def test_a_site_with_twins() -> None:
    """Its meter sees the charger: the car takes 2,300 W on phase A."""
    hand = Hand(1000.0)
    async with Simulator(parse_plan({**PLAN, "twins": TWINS, "sun": {"fraction": 0}}), hand) as site:
        without_w = site.site.load_w
        assert site.site.meter_w == pytest.approx(without_w + 2300)
        assert site.site.phases_w[0] == pytest.approx(without_w * 0.5 + 2300)
        before_ws = site.site.meter.import_ws
        hand.t_s += 10
        assert site.site.meter.import_ws - before_ws == pytest.approx(10 * (without_w + 2300))
        named = {one["name"]: one for one in site.announcement["devices"]}
        assert (named["evse"]["kind"], named["grid"]["kind"]) == ("charger", "meter")
        assert named["evse"]["port"] == named["grid"]["port"]
        after, reply = site.site.asked("grid", Read(2, 52, 2, 4))
        assert isinstance(reply, Registers)
        assert json.dumps(after.plan.twins[0].name) == '"evse"'
        assert site.command({"do": "state"})["devices"]["evse"]["vehicle"] == "c"
        assert site.command({"do": "car", "device": "evse", "car": None})["ok"]
        assert site.command({"do": "state"})["devices"]["evse"]["vehicle"] == "a"
        assert site.site.meter_w == pytest.approx(without_w)
        assert site.command({"do": "car", "device": "evse", "car": {"most_a": 32}})["ok"]
        assert site.command({"do": "state"})["devices"]["evse"]["drawn_a"] == 32
        assert site.command({"do": "quirk", "device": "evse", "set": {"mute": True}})["ok"]
        assert site.site.twins["evse"].mute
        for wrong in (
            {"do": "car", "device": "old", "car": None},
            {"do": "car", "device": "evse", "car": {"most_a": 3}},
            {"do": "car", "device": "evse", "car": {"colour": "red"}},
            {"do": "quirk", "device": "evse", "set": {"mute": 1}},
            {"do": "quirk", "device": "evse", "set": {"deaf": True}},
            {"do": "quirk", "device": "evse", "set": None},
        ):
            assert not site.command(wrong)["ok"]


@pytest.mark.parametrize(
    ("twin", "words"),
    [
        ({"name": "x", "family": "toaster"}, "no profile"),
        ({"name": "x", "family": "peblar", "unit": 256}, "unit"),
        ({"name": "x", "family": "peblar", "car": {"phases": 4}}, "car.phases"),
        ({"name": "x", "family": "peblar", "car": {"asleep": 1}}, "asleep"),
        ({"name": "old", "family": "peblar"}, "share a name"),
        ({"name": "x", "family": "peblar", "colour": "red"}, "unknown colour"),
    ],
)
def test_plans_that_are_none(twin: dict[str, Any], words: str) -> None:
    with pytest.raises(PlanError, match=words):
        parse_plan({**PLAN, "twins": [twin]})
