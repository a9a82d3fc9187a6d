"""The older models beyond the power limit: 123's var, 124, 126, 127, 131, 132, 134, 802, by hand arithmetic.

5000 W rated: 5500 VA, 2200 var; 2500 W/s; sun enough for 5500 W. The battery takes 4000 W, gives 5000 W, holds 10 kWh.
"""

from typing import Any

import pytest

from adapters.simulator.quirks import Quirks
from adapters.simulator.registers import BASE, Refusal
from adapters.simulator.site import Site, step, write
from tests.adapters.simulator.situations import attempt, put, raw, site

CURVES = [126, 127, 129, 130, 131, 132, 134, 135, 136]


def _array(volts_pct: float = 100.0, hz: float = 50.0, **more: Any) -> Site:
    inverter = {"name": "old", "kind": "legacy", "rated_w": 5000, "dc_w": 5500, "models": CURVES, **more}
    return site(inverters=[inverter], grid={"volts_pct": volts_pct, "hz": hz})


def _hybrid(sun: float = 0.0, soc_pct: float = 50) -> Site:
    battery = {"capacity_wh": 10000, "charge_w": 4000, "discharge_w": 5000, "soc_pct": soc_pct}
    inverter = {
        "name": "old",
        "kind": "legacy",
        "rated_w": 5000,
        "dc_w": 5500,
        "models": [124, 802],
        "storage": battery,
    }
    return site(inverters=[inverter], sun={"fraction": sun})


def _curve(before: Site, model: int, x: str, y: str, *points: tuple[int, int], copy: int = 1, **more: int) -> Site:
    own = f"curve[{copy}]."
    named = {f"{own}ActPt": len(points)} | {f"{own}{name}": value for name, value in more.items()}
    for n, (at, value) in enumerate(points, 1):
        named |= {f"{own}{x}{n}": at, f"{own}{y}{n}": value}
    return put(before, "old", model, **named)


@pytest.mark.parametrize(
    ("mode", "value", "var"),
    [
        (1, {"VArWMaxPct": 250}, 1250),  # of 5000 W
        (2, {"VArMaxPct": -500}, -1100),  # of 2200 var
        (3, {"VArAvalPct": 500}, 1100),  # sqrt(5500^2 - 5000^2) = 2291 var are left, 2200 the rating
        (0, {"VArMaxPct": 500}, 0),
    ],
)
def test_var_in_every_mode(mode: int, value: dict[str, int], var: float) -> None:
    ordered = step(put(_array(), "old", 123, VArPct_Mod=mode, **value, VArPct_Ena=1), 5)
    assert ordered.produced_var("old") == pytest.approx(var)
    assert raw(ordered, "old", 103, "VAr") == var
    assert ordered.produced_w("old") == 5000


@pytest.mark.parametrize("sign", [1, -1])
def test_power_factor_positive_injects(sign: int) -> None:
    limited = put(_array(), "old", 123, WMaxLimPct=5000, WMaxLim_Ena=1)
    # cos 0.8: tan = 0.75; 2500 W.
    ordered = step(put(limited, "old", 123, OutPFSet=sign * 800, OutPFSet_Ena=1), 5)
    assert ordered.produced_var("old") == pytest.approx(sign * 1875)
    # 1875 / 2500 var and watts: 3125 VA, power factor 80.00 %.
    assert (raw(ordered, "old", 103, "VA"), raw(ordered, "old", 103, "PF")) == (3125, sign * 8000)


def test_var_waits_within_its_window_ramps_and_reverts() -> None:
    times = {"VArPct_WinTms": 30, "VArPct_RmpTms": 10, "VArPct_RvrtTms": 100}
    told = put(_array(), "old", 123, **times, VArMaxPct=500, VArPct_Ena=1)
    starts = next(t / 10 for t in range(310) if step(told, t / 10).produced_var("old") > 0)
    assert 0 < starts <= 30.1
    # 1100 var in 10 s; looked at in tenths, so the start is known to 0.1 s = 11 var.
    assert step(told, starts + 5).produced_var("old") == pytest.approx(550, abs=12)
    assert step(told, 42).produced_var("old") == pytest.approx(1100)
    assert raw(step(told, 99.9), "old", 123, "VArPct_Ena") == 1
    assert raw(step(told, 100), "old", 123, "VArPct_Ena") == 0
    assert step(told, 111).produced_var("old") == pytest.approx(0)


def test_power_factor_goes_before_var_and_reverts() -> None:
    both = put(_array(), "old", 123, OutPFSet_RvrtTms=20, OutPFSet=950, OutPFSet_Ena=1, VArMaxPct=-500, VArPct_Ena=1)
    # 5000 x tan(acos 0.95) = 5000 x 0.328684
    assert step(both, 19).produced_var("old") == pytest.approx(1643.4, abs=0.1)
    assert step(both, 21).produced_var("old") == pytest.approx(-1100)


def test_two_rates_of_opposite_sign_force_one_power() -> None:
    # -50 % of 5000 W out = 62.5 % of 4000 W in = 2500 W of charging.
    charging = put(_hybrid(), "old", 124, OutWRte=-5000, InWRte=6250, StorCtl_Mod=3)
    assert step(charging, 10).produced_w("old") == pytest.approx(-2500)
    later = step(charging, 3600)
    # 50 % + 2500 Wh of 10 kWh.
    assert raw(later, "old", 124, "ChaState") == 7500
    assert (raw(later, "old", 802, "SoC"), raw(later, "old", 802, "W"), raw(later, "old", 802, "ChaSt")) == (
        750,
        -2500,
        4,
    )
    assert later.meter_w == pytest.approx(3500)
    full = step(charging, 7201)
    assert (full.produced_w("old"), raw(full, "old", 124, "ChaSt")) == (0, 5)


def test_a_negative_charging_rate_forces_discharge_and_the_other_rate_caps_it() -> None:
    # -50 % of 4000 W.
    giving = put(_hybrid(), "old", 124, InWRte=-5000, StorCtl_Mod=1)
    assert step(giving, 10).produced_w("old") == pytest.approx(2000)
    # No more than 20 % of 5000 W.
    assert step(put(giving, "old", 124, OutWRte=2000, StorCtl_Mod=3), 10).produced_w("old") == pytest.approx(1000)


def test_the_charging_cap_bounds_what_is_stored_of_the_surplus() -> None:
    limited = put(_hybrid(sun=1.0), "old", 123, WMaxLimPct=4000, WMaxLim_Ena=1)
    # 5500 W of sun less 2000 W to the grid.
    assert raw(step(limited, 10), "old", 802, "W") == -3500
    capped = put(limited, "old", 124, InWRte=2500, StorCtl_Mod=1)
    assert raw(step(capped, 10), "old", 802, "W") == -1000


def test_charging_from_the_array_only() -> None:
    forced = put(_hybrid(sun=0.3), "old", 124, OutWRte=-5000, InWRte=6250, StorCtl_Mod=3)
    # 1650 W of sun, 850 W from the grid; without the grid none.
    assert step(forced, 10).produced_w("old") == pytest.approx(-850)
    alone = step(put(forced, "old", 124, ChaGriSet=0), 10)
    assert alone.produced_w("old") == pytest.approx(0)
    assert raw(alone, "old", 802, "W") == -1650


def test_storage_rates_revert_and_the_reserve_stays() -> None:
    timed = put(_hybrid(), "old", 124, InOutWRte_RvrtTms=60, InWRte=-5000, StorCtl_Mod=1)
    assert step(timed, 59.9).produced_w("old") == pytest.approx(2000)
    after = step(timed, 60)
    assert (after.produced_w("old"), raw(after, "old", 124, "StorCtl_Mod"), raw(after, "old", 124, "InWRte")) == (
        0,
        0,
        10000,
    )
    kept = step(put(_hybrid(), "old", 124, MinRsvPct=4500, InWRte=-5000, StorCtl_Mod=1), 3600)
    # 500 Wh above the reserve of 45 %, at 2000 W gone after 900 s.
    assert (raw(kept, "old", 124, "ChaState"), kept.produced_w("old")) == (4500, 0)


def test_a_battery_that_is_disconnected_or_stopped_rests() -> None:
    charging = put(_hybrid(), "old", 124, OutWRte=-5000, InWRte=6250, StorCtl_Mod=3)
    for point in ({"SetOp": 2}, {"SetInvState": 1}, {"SetInvState": 2}):
        resting = step(put(charging, "old", 802, **point), 10)
        assert (resting.produced_w("old"), raw(resting, "old", 802, "State")) == (0, 1)


def test_local_control_of_a_battery_and_its_heart() -> None:
    beating = _hybrid()
    assert (raw(step(beating, 7), "old", 802, "Hb") - raw(beating, "old", 802, "Hb")) == 7
    assert raw(put(beating, "old", 802, CtrlHb=41), "old", 802, "CtrlHb") == 41
    local = beating.with_quirks("old", Quirks(local=True))
    assert raw(local, "old", 802, "LocRemCtl") == 1
    assert attempt(local, "old", (802, "SetOp"), 2) is Refusal.FAILURE


def test_volt_var_acts_by_the_curve_that_is_chosen() -> None:
    flat = _curve(_array(volts_pct=105), 126, "V", "VAr", (9200, 0), (10800, 0), DeptRef=2)
    both = _curve(flat, 126, "V", "VAr", (10200, 0), (10800, -4400), copy=2, DeptRef=2)
    assert step(put(both, "old", 126, ActCrv=1, ModEna=1), 1).produced_var("old") == 0
    # Half way from 102 to 108 %: -22 % of 2200 var; of 5000 W with DeptRef 1.
    chosen = put(both, "old", 126, ActCrv=2, ModEna=1)
    assert step(chosen, 1).produced_var("old") == pytest.approx(-484)
    by_watts = put(both, "old", 126, **{"curve[2].DeptRef": 1}, ActCrv=2, ModEna=1)
    assert step(by_watts, 1).produced_var("old") == pytest.approx(-1100)
    reverted = step(put(chosen, "old", 126, RvrtTms=30), 30)
    assert (raw(reverted, "old", 126, "ModEna"), reverted.produced_var("old")) == (0, 0)


def test_watt_power_factor_follows_power() -> None:
    curve = _curve(_array(), 131, "W", "PF", (0, 1000), (5000, -900), (10000, -900))
    limited = put(put(curve, "old", 131, ActCrv=1, ModEna=1), "old", 123, WMaxLimPct=5000, WMaxLim_Ena=1)
    # 2500 W at -0.9: 2500 x tan(acos 0.9) = 2500 x 0.484322.
    assert step(limited, 5).produced_var("old") == pytest.approx(-1210.8, abs=0.1)


@pytest.mark.parametrize(
    ("volts_pct", "hz", "model", "x", "points", "watts"),
    [
        (108, 50, 132, "V", ((10600, 10000), (11000, 2000)), 3000),  # half way: 60 %
        (100, 50.7, 134, "Hz", ((50200, 10000), (51200, 4000)), 3500),  # half way: 70 %
    ],
)
def test_volt_watt_and_frequency_watt(
    volts_pct: float, hz: float, model: int, x: str, points: tuple[tuple[int, int], ...], watts: float
) -> None:
    enabled = put(_curve(_array(volts_pct, hz), model, x, "W", *points), "old", model, ActCrv=1, ModEna=1)
    assert step(enabled, 5).produced_w("old") == pytest.approx(watts)
    assert step(put(enabled, "old", model, ModEna=0), 5).produced_w("old") == 5000


def test_frequency_parameters_lower_the_power_then() -> None:
    watching = put(_array(), "old", 127, WGra=4000, HzStr=200, ModEna=1)
    assert step(watching, 5).produced_w("old") == 5000
    # 0.5 Hz beyond 50.2 at 40 %/Hz: 20 % of 5000 W.
    assert step(watching.with_grid(None, 50.7), 5).produced_w("old") == pytest.approx(4000)
    assert step(step(watching.with_grid(None, 50.7), 5).with_grid(None, 50.0), 5).produced_w("old") == 5000


def test_curves_that_cannot_be() -> None:
    empty = put(_array(), "old", 126, ActCrv=1)
    assert attempt(empty, "old", (126, "ModEna"), 1) is Refusal.ILLEGAL_VALUE
    falling = _curve(empty, 126, "V", "VAr", (10800, 0), (10200, 0))
    assert attempt(falling, "old", (126, "ModEna"), 1) is Refusal.ILLEGAL_VALUE
    none = put(_curve(_array(), 126, "V", "VAr", (9200, 0), (10800, 0)), "old", 126, ActCrv=0)
    assert attempt(none, "old", (126, "ModEna"), 1) is Refusal.ILLEGAL_VALUE
    assert attempt(none, "old", (126, "ActCrv"), 3) is Refusal.ILLEGAL_VALUE
    running = put(none, "old", 126, ActCrv=1, ModEna=1)
    assert attempt(running, "old", (126, "curve[1].V1"), 9000) is Refusal.ILLEGAL_VALUE
    assert raw(put(running, "old", 126, **{"curve[2].V1": 9000}), "old", 126, "curve[2].V1") == 9000
    # What would have no effect is not taken.
    assert attempt(running, "old", (126, "curve[1].RmpTms"), 5) is Refusal.ILLEGAL_ADDRESS
    assert attempt(running, "old", (127, "HysEna"), 1) is Refusal.ILLEGAL_VALUE


@pytest.mark.parametrize(
    ("model", "x", "y"), [(129, "Tms", "V"), (130, "Tms", "V"), (135, "Tms", "Hz"), (136, "Tms", "Hz")]
)
def test_trips_are_stored(model: int, x: str, y: str) -> None:
    point = next(p for p in _array().image("old").points if p.key == (model, "curve[2].ActPt"))
    outcome = write(_array(), "old", BASE + point.offset, [2, 16, 4500, 1000, 7000])
    assert not isinstance(outcome, Refusal)
    kept = put(outcome[0], "old", model, ActCrv=2, ModEna=1)
    names = (f"{x}1", f"{y}1", f"{x}2", f"{y}2")
    assert [raw(kept, "old", model, f"curve[2].{name}") for name in names] == [16, 4500, 1000, 7000]
    assert kept.produced_w("old") == 5000


@pytest.mark.parametrize(("phases", "model"), [(1, 111), (3, 113)])
def test_measurements_as_floats(phases: int, model: int) -> None:
    float_one = _array(floats=True, phases=phases)
    assert float_one.values("old")[model, "W"] == 5000.0
    # 5000 W / 230 V = 21.739 A in all.
    assert float_one.values("old")[model, "A"] == pytest.approx(21.739, abs=0.001)
    point = next(p for p in float_one.image("old").points if p.key == (model, "W"))
    # 5000.0 as IEEE 754: 0x459C4000.
    assert float_one.registers("old")[point.offset : point.offset + 2] == [0x459C, 0x4000]
