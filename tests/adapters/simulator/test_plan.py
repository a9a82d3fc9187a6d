"""Plans: what is filled in, and every mistake named by its field."""

from typing import Any

import pytest

from adapters.simulator.fields import PlanError, number
from adapters.simulator.plan import parse_plan
from adapters.simulator.quirks import Quirks, parse_quirks
from tests.adapters.simulator.situations import PLAN

INVERTER = PLAN["inverters"][0]
METER = PLAN["meter"]


def test_defaults() -> None:
    plan = parse_plan({"inverters": [{"name": "pv", "kind": "der700", "rated_w": 4000}], "meter": {"name": "m"}})
    (inverter,) = plan.inverters
    assert (inverter.dc_w, inverter.link, inverter.unit, inverter.serial) == (4000, "pv", 1, "SN-pv")
    assert (plan.meter.model, plan.meter.positive, plan.meter.link) == (203, "import", "m")
    assert (plan.sun, plan.base_load_w, plan.record, plan.host) == (1.0, 500.0, None, "127.0.0.1")


def test_no_inverters_is_a_site_too() -> None:
    assert parse_plan({"inverters": [], "meter": {"name": "m"}}).inverters == ()


def test_quirks_in_the_plan() -> None:
    plan = parse_plan({**PLAN, "inverters": [{**INVERTER, "quirks": {"ignores": True}}]})
    assert plan.inverters[0].quirks == Quirks(ignores=True)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"meter": None}, "meter"),
        ({"meter": {}}, r"meter\.name"),
        ({"meter": {**METER, "model": 205}}, r"meter\.model"),
        ({"meter": {**METER, "positive": "up"}}, r"meter\.positive"),
        ({"meter": {**METER, "full_scale_w": 0}}, r"meter\.full_scale_w"),
        ({"meter": {**METER, "quirks": {"night": "gone"}}}, "unknown night"),
        ({"inverters": {}}, "inverters"),
        ({"inverters": [{**INVERTER, "models": [143]}]}, r"inverters\[0\]\.models: unknown \[143\]"),
        ({"inverters": [{**INVERTER, "models": [124]}]}, r"inverters\[0\]\.models: 124 and 802"),
        ({"inverters": [{**INVERTER, "floats": 1}]}, r"inverters\[0\]\.floats"),
        ({"inverters": [{**INVERTER, "kind": "der700", "floats": True}]}, r"inverters\[0\]\.floats"),
        ({"inverters": [7]}, r"inverters\[0\]"),
        ({"inverters": [{**INVERTER, "kind": "wind"}]}, r"inverters\[0\]\.kind"),
        ({"inverters": [{**INVERTER, "rated_w": "5 kW"}]}, r"inverters\[0\]\.rated_w"),
        ({"inverters": [{**INVERTER, "rated_w": True}]}, r"inverters\[0\]\.rated_w"),
        ({"inverters": [{**INVERTER, "rated_w": -1}]}, r"inverters\[0\]\.rated_w"),
        ({"inverters": [{**INVERTER, "dc_w": float("nan")}]}, r"inverters\[0\]\.dc_w"),
        ({"inverters": [{**INVERTER, "models": [124]}]}, r"inverters\[0\]\.models"),
        ({"inverters": [{**INVERTER, "storage": {}}]}, r"inverters\[0\]\.storage"),
        ({"inverters": [{**INVERTER, "phases": 2}]}, r"inverters\[0\]\.phases"),
        ({"inverters": [{**INVERTER, "unit": 0}]}, r"inverters\[0\]\.unit"),
        ({"inverters": [{**INVERTER, "unit": 248}]}, r"inverters\[0\]\.unit"),
        ({"inverters": [{**INVERTER, "limit_sf": -3}]}, r"inverters\[0\]\.limit_sf"),
        ({"inverters": [{**INVERTER, "serial": "Ü"}]}, r"inverters\[0\]\.serial"),
        ({"inverters": [{**INVERTER, "colour": "red"}]}, "unknown colour"),
        ({"inverters": [{**INVERTER, "quirks": {"deaf": True}}]}, "unknown deaf"),
        ({"inverters": [{**INVERTER, "quirks": {"ignores": 1}}]}, "true or false"),
        ({"inverters": [INVERTER, INVERTER]}, "share a name"),
        ({"inverters": [INVERTER, {**INVERTER, "name": "twin"}]}, "share a link"),
        ({"house": {"base_w": -1}}, r"house\.base_w"),
        ({"house": {"split": [0.5, 0.5]}}, r"house\.split"),
        ({"house": {"split": [0.5, 0.5, 0.5]}}, r"house\.split"),
        ({"house": {"moves": [{"at_s": 1}]}}, r"house\.moves\[0\]\.value"),
        ({"house": {"moves": [{"at_s": 1, "value": 1, "colour": 1}]}}, "unknown colour"),
        ({"sun": {"fraction": 2}}, r"sun\.fraction"),
        ({"sun": {"moves": [{"at_s": -1, "value": 1}]}}, r"sun\.moves\[0\]\.at_s"),
        ({"sun": 1}, "sun"),
        ({"seed": "x"}, "seed"),
        ({"host": ""}, "host"),
        ({"record": 5}, "record"),
        ({"weather": {}}, "unknown weather"),
    ],
)
def test_mistakes_are_named(change: dict[str, Any], where: str) -> None:
    with pytest.raises(PlanError, match=where):
        parse_plan({**PLAN, **change})


@pytest.mark.parametrize("data", [None, [], "plan", 3])
def test_a_plan_is_an_object(data: object) -> None:
    with pytest.raises(PlanError, match="plan: an object"):
        parse_plan(data)


def test_moves_are_sorted() -> None:
    moves = [{"at_s": 9, "value": 0}, {"at_s": 1, "value": 1}]
    assert [m.at_s for m in parse_plan({**PLAN, "sun": {"moves": moves}}).sun_moves] == [1, 9]


def test_quirks_switch_one_by_one() -> None:
    assert parse_quirks({"revert_off": True}, "q", Quirks(ignores=True), "legacy") == Quirks(
        ignores=True, revert_off=True
    )
    assert parse_quirks({"ignores": False}, "q", Quirks(ignores=True), "legacy") == Quirks()


def test_numbers_are_finite_and_in_range() -> None:
    assert number(3, "n", 0, 5) == 3.0
    for bad in (6, -1, float("nan"), float("inf"), True, "3", None):
        with pytest.raises(PlanError, match="n: a number from 0 to 5"):
            number(bad, "n", 0, 5)
