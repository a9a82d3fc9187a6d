"""Quirks of devices, by hand arithmetic: who else writes, what comes late, what is rounded, what night and time undo.

`new`: 8000 W, 4000 W/s, 9000 W of sun. `old`: 5000 W, 2500 W/s, 5500 W of sun. Limits in steps of 0.01 %.
"""

from typing import Any

import pytest

from adapters.simulator.commands import apply
from adapters.simulator.fields import PlanError
from adapters.simulator.plan import parse_plan
from adapters.simulator.site import Site, step
from tests.adapters.simulator.situations import PLAN, put, raw, site

LIMITS = [("new", 704, "WMaxLimPctEna"), ("old", 123, "WMaxLim_Ena")]
FULL = {"new": 8000, "old": 5000}


def _with(before: Site, device: str, **quirks: Any) -> Site:
    return apply(before, {"do": "quirk", "device": device, "set": quirks})


def _halved(before: Site, device: str, model: int, enable: str) -> Site:
    return put(before, device, model, WMaxLimPct=5000, **{enable: 1})


@pytest.mark.parametrize(("device", "model", "enable"), LIMITS)
def test_another_master_keeps_changing_a_register(device: str, model: int, enable: str) -> None:
    foreign = {"point": f"{model}.WMaxLimPct", "values": [30, 80], "every_s": 20}
    shared = _halved(_with(site(100.0), device, foreign=foreign), device, model, enable)
    assert [raw(step(shared, t), device, model, "WMaxLimPct") for t in (19.9, 20, 39.9, 40, 60)] == [
        5000, 3000, 3000, 8000, 3000,
    ]  # fmt: skip
    # Power follows: 30 % of its rating.
    assert step(shared, 30).produced_w(device) == pytest.approx(0.3 * FULL[device])
    # Between its turns our own write stands.
    ours = put(step(shared, 25), device, model, WMaxLimPct=4500)
    assert raw(step(ours, 14.9), device, model, "WMaxLimPct") == 4500
    assert raw(step(ours, 15), device, model, "WMaxLimPct") == 8000
    # It stops when told, and begins anew with its first value.
    alone = _with(step(shared, 25), device, foreign=None)
    assert raw(step(alone, 500), device, model, "WMaxLimPct") == 3000
    assert raw(step(_with(alone, device, foreign=foreign), 20), device, model, "WMaxLimPct") == 3000


@pytest.mark.parametrize(("device", "model", "enable"), LIMITS)
def test_it_sets_itself_back_after_a_while_without_writes(device: str, model: int, enable: str) -> None:
    limited = _halved(_with(site(), device, sets_back_s=60), device, model, enable)
    assert raw(step(limited, 59.9), device, model, enable) == 1
    after = step(limited, 60)
    assert (raw(after, device, model, enable), raw(after, device, model, "WMaxLimPct")) == (0, 10000)
    assert step(after, 2).produced_w(device) == FULL[device]
    # Any write counts anew.
    again = put(step(limited, 50), device, model, WMaxLimPct=4000)
    assert raw(step(again, 59.9), device, model, "WMaxLimPct") == 4000
    assert raw(step(again, 60), device, model, "WMaxLimPct") == 10000


@pytest.mark.parametrize(("device", "model", "enable"), LIMITS)
def test_what_is_written_reads_back_at_once_and_acts_75_s_later(device: str, model: int, enable: str) -> None:
    limited = _halved(_with(site(), device, settle_s=75), device, model, enable)
    assert raw(limited, device, model, enable) == 1
    assert step(limited, 74.9).produced_w(device) == FULL[device]
    # Half of the rating at half of it per second: there one second later.
    assert step(limited, 75.5).produced_w(device) == pytest.approx(0.75 * FULL[device])
    assert step(limited, 76).produced_w(device) == pytest.approx(0.5 * FULL[device])
    # Written again unchanged, it acts when it would have; changed, 75 s after the change.
    same = put(step(limited, 40), device, model, WMaxLimPct=5000)
    assert step(same, 36).produced_w(device) == pytest.approx(0.5 * FULL[device])
    other = put(step(limited, 80), device, model, WMaxLimPct=2000)
    assert step(other, 74.9).produced_w(device) == pytest.approx(0.5 * FULL[device])
    assert step(other, 76).produced_w(device) == pytest.approx(0.2 * FULL[device])


@pytest.mark.parametrize(("device", "model", "enable"), LIMITS)
def test_a_limit_in_whole_percent(device: str, model: int, enable: str) -> None:
    coarse = put(_with(site(), device, whole_pct=True), device, model, WMaxLimPct=3367, **{enable: 1})
    assert raw(coarse, device, model, "WMaxLimPct") == 3400
    assert step(coarse, 10).produced_w(device) == pytest.approx(0.34 * FULL[device])


@pytest.mark.parametrize(("device", "model"), [("new", 701), ("old", 103)])
def test_at_night_nothing_that_is_measured_is_told(device: str, model: int) -> None:
    dozing = _with(site(), device, night="nan")
    assert raw(dozing, device, model, "W") == FULL[device]
    dark = apply(dozing, {"do": "sun", "fraction": 0})
    assert not [key for key in dark.values(device) if key[0] == model]
    # 0x8000: int16 not implemented. The settings stay.
    point = next(p for p in dark.image(device).points if p.key == (model, "W"))
    assert dark.registers(device)[point.offset] == 0x8000
    assert raw(apply(dark, {"do": "sun", "fraction": 1}), device, model, "W") == FULL[device]


def test_scale_factors_that_move() -> None:
    moving = step(_with(site(1000.0, sun={"fraction": 0.5}), "new", moving_sf=True), 0)
    # 4500 W: counts of 1 W in even seconds, of 10 W in odd ones.
    even = (raw(moving, "new", 701, "W"), raw(moving, "new", 701, "W_SF"))
    odd = (raw(step(moving, 1), "new", 701, "W"), raw(step(moving, 1), "new", 701, "W_SF"))
    assert (even, odd) == ((4500, 0), (450, 1))
    assert raw(step(moving, 1), "new", 704, "WMaxLimPct_SF") == -2


def test_a_meter_inside_an_inverters_map() -> None:
    nested = _with(site(), "new", nested=True)
    own, meter = site().registers("new"), site().registers("meter")
    assert nested.registers("new") == own[:-2] + meter[2:]
    # The second model 1 stands where the end model was.
    assert nested.registers("new")[len(own) - 2] == 1


@pytest.mark.parametrize(
    ("device", "quirks", "why"),
    [
        ("old", {"edge": True}, "unknown edge"),
        ("meter", {"settle_s": 5}, "unknown settle_s"),
        ("new", {"meter_sign": True}, "unknown meter_sign"),
        ("new", {"settle_s": -1}, r"settle_s: a number"),
        ("new", {"night": "dark"}, "night: gone, nan or nothing"),
        ("new", {"night": True}, "night: gone, nan or nothing"),
        ("new", {"max_read": 126}, "max_read: a whole number from 0 to 125"),
        ("new", {"only_6": "704.WMaxLimPct"}, "only_6: a list"),
        ("new", {"only_6": ["WMaxLimPct"]}, "named model.point"),
        ("new", {"only_16": ["701.W"]}, "no 701.W that can be written"),
        ("new", {"foreign": {"point": "123.WMaxLimPct", "values": [1], "every_s": 1}}, "no 123.WMaxLimPct"),
        ("new", {"foreign": {"point": "704.WMaxLimPct", "values": [], "every_s": 1}}, "at least one"),
        ("new", {"foreign": {"point": "704.WMaxLimPct", "values": [1], "every_s": 0}}, "every_s"),
        ("new", {"foreign": {"point": "704.WMaxLimPct", "values": [1]}}, "every_s"),
    ],
)
def test_quirks_that_cannot_be(device: str, quirks: dict[str, Any], why: str) -> None:
    with pytest.raises(PlanError, match=why):
        _with(site(), device, **quirks)


def test_a_plan_has_them_from_the_start() -> None:
    changed = {**PLAN["inverters"][1], "quirks": {"foreign": {"point": "704.WSet", "values": [1500], "every_s": 5}}}
    begun = site(inverters=[changed])
    assert raw(step(begun, 5), "new", 704, "WSet") == 1500
    with pytest.raises(PlanError, match=r"inverters\[0\]\.quirks: unknown deaf"):
        parse_plan({**PLAN, "inverters": [{**PLAN["inverters"][0], "quirks": {"deaf": True}}]})
