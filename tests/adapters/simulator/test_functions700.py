"""704's reactive functions, the curves with their adoption, and storage, by hand arithmetic.

8000 W rated: 8800 VA, 3520 var; sun enough for 9000 W; the battery takes and gives 5000 W.
"""

import pytest

from adapters.simulator.quirks import Quirks
from adapters.simulator.registers import BASE, Refusal
from adapters.simulator.site import Site, step, write
from tests.adapters.simulator.situations import attempt, put, raw, site

CURVES = [705, 706, 711, 712, 713, 715]


def _der(volts_pct: float = 100.0, hz: float = 50.0, storage: bool = False) -> Site:
    inverter = {"name": "new", "kind": "der700", "rated_w": 8000, "dc_w": 0 if storage else 9000, "models": CURVES}
    if storage:
        inverter["storage"] = {"capacity_wh": 1000, "soc_pct": 50}
    return site(inverters=[inverter], grid={"volts_pct": volts_pct, "hz": hz})


def _factor(before: Site, pf: int, ext: int) -> Site:
    point = next(p for p in before.image("new").points if p.key == (704, "PFWInj.PF"))
    outcome = write(before, "new", BASE + point.offset, [pf, ext])
    assert not isinstance(outcome, Refusal)
    return outcome[0]


@pytest.mark.parametrize(
    ("mode", "value", "var"),
    [
        (0, {"VarSetPct": 250}, 2000),  # of 8000 W
        (1, {"VarSetPct": -500}, -1760),  # of 3520 var
        (3, {"VarSetPct": 250}, 2200),  # of 8800 VA
        (4, {"VarSet": -1234}, -1234),
        (2, {"VarSetPct": 500}, 1760),  # sqrt(8800^2 - 8000^2) = 3666 var are left, 3520 the rating
    ],
)
def test_var_set_in_every_mode(mode: int, value: dict[str, int], var: float) -> None:
    ordered = step(put(_der(), "new", 704, VarSetMod=mode, **value, VarSetEna=1), 5)
    assert ordered.produced_var("new") == pytest.approx(var)
    assert raw(ordered, "new", 701, "Var") == round(var)


@pytest.mark.parametrize(("ext", "sign"), [(0, 1), (1, -1)])
def test_power_factor_injects_when_over_excited(ext: int, sign: int) -> None:
    limited = put(_der(), "new", 704, WMaxLimPct=5000, WMaxLimPctEna=1)
    ordered = step(put(_factor(limited, 800, ext), "new", 704, PFWInjEna=1), 5)
    # cos 0.8: tan = 0.75; 4000 W.
    assert ordered.produced_var("new") == pytest.approx(sign * 3000)


def test_var_set_reverts() -> None:
    points = {"VarSetRvrt": 100, "VarSetEnaRvrt": 1, "VarSetRvrtTms": 10, "VarSetMod": 4, "VarSet": 1000}
    armed = put(_der(), "new", 704, **points, VarSetEna=1)
    assert raw(step(armed, 4), "new", 704, "VarSetRvrtRem") == 6
    assert step(armed, 9.9).produced_var("new") == pytest.approx(1000)
    assert step(armed, 10).produced_var("new") == pytest.approx(100)


def test_volt_var_by_the_default_curve() -> None:
    # 105 %: half way from 0 at 102 to -44 % of WMax at 108: -22 % of 8000 W.
    now = step(put(_der(volts_pct=105), "new", 705, Ena=1), 10)
    assert now.produced_var("new") == pytest.approx(-1760)
    assert step(now.with_grid(95, None), 10).produced_var("new") == pytest.approx(1760)


def test_adoption_takes_a_second_and_then_the_curve_acts() -> None:
    before = put(_der(volts_pct=105), "new", 705, Ena=1, **{"Crv[2].Pt[4].Var": -2200})
    asked = put(before, "new", 705, AdptCrvReq=2)
    assert raw(asked, "new", 705, "AdptCrvRslt") == 0
    assert attempt(asked, "new", (705, "AdptCrvReq"), 3) is Refusal.BUSY
    done = step(asked, 1)
    assert raw(done, "new", 705, "AdptCrvRslt") == 1
    assert raw(done, "new", 705, "Crv[1].Pt[4].Var") == -2200
    # Half way to -22 %: -11 % of 8000 W.
    assert step(done, 10).produced_var("new") == pytest.approx(-880)


@pytest.mark.parametrize(
    "points", [{"Crv[2].Pt[2].V": 9200}, {"Crv[2].ActPt": 5}, {"Crv[2].ActPt": 0}, {"Crv[2].Pt[1].V": 0xFFFF}]
)
def test_a_bad_curve_is_found_out_on_adoption_and_changes_nothing(points: dict[str, int]) -> None:
    done = step(put(_der(), "new", 705, **points, AdptCrvReq=2), 1)
    assert raw(done, "new", 705, "AdptCrvRslt") == 2
    assert raw(done, "new", 705, "Crv[1].Pt[2].V") == 9800


def test_the_curve_in_force_cannot_be_written() -> None:
    assert attempt(_der(), "new", (705, "Crv[1].ActPt"), 2) is Refusal.ILLEGAL_ADDRESS


def test_a_curve_reverts_to_the_one_named() -> None:
    other = put(_der(), "new", 705, **{"Crv[2].Pt[4].Var": -2200}, RvrtCrv=3, RvrtTms=10, Ena=1, AdptCrvReq=2)
    assert raw(step(other, 5), "new", 705, "Crv[1].Pt[4].Var") == -2200
    assert raw(step(other, 10), "new", 705, "Crv[1].Pt[4].Var") == -4400


def test_volt_watt_and_frequency_droop_hold_power_down() -> None:
    # 108 %: half way from 100 % at 106 to 20 % at 110.
    assert step(put(_der(volts_pct=108), "new", 706, Ena=1), 5).produced_w("new") == pytest.approx(4800)
    # 0.536 - 0.036 = 0.5 Hz over; 0.5 / (50 x 0.05) = 0.2 of 8000 W.
    droop = step(put(_der(hz=50.536), "new", 711, Ena=1), 5)
    assert droop.produced_w("new") == pytest.approx(6400)
    assert raw(droop, "new", 701, "ThrotSrc") == 1 << 5


def test_watt_var_follows_power() -> None:
    # 75 % of 8000 W: half way from 0 at 50 % to -44 % at 100 %: -22 % of 8000 W.
    limited = put(_der(), "new", 704, WMaxLimPct=7500, WMaxLimPctEna=1)
    assert step(put(limited, "new", 712, Ena=1), 5).produced_var("new") == pytest.approx(-1760)


def test_storage_rests_charges_discharges_and_runs_empty_and_full() -> None:
    resting = step(_der(storage=True), 60)
    assert resting.produced_w("new") == 0
    charging = step(put(resting, "new", 704, WSet=-3000, WSetEna=1), 60)
    assert charging.produced_w("new") == pytest.approx(-3000)
    assert raw(charging, "new", 701, "W") == -3000
    # 500 Wh at 3000 W take 600 s; then no more.
    full = step(charging, 600)
    assert full.produced_w("new") == 0
    assert raw(full, "new", 713, "SoC") == 1000
    # 1000 Wh at 5000 W last 720 s.
    giving = put(full, "new", 704, WSet=5000)
    assert step(giving, 600).produced_w("new") == pytest.approx(5000)
    assert step(giving, 730).produced_w("new") == 0
    assert raw(step(giving, 730), "new", 713, "SoC") == 0


def test_local_control_refuses_every_write_and_the_heart_beats() -> None:
    local = _der().with_quirks("new", Quirks(local=True))
    assert attempt(local, "new", (704, "WMaxLimPct"), 5000) is Refusal.FAILURE
    assert raw(local, "new", 715, "LocRemCtl") == 1
    assert raw(step(local, 3), "new", 715, "DERHb") == raw(local, "new", 715, "DERHb") + 3


def test_edge_a_changed_value_acts_only_once_enable_rises() -> None:
    half = step(put(_der().with_quirks("new", Quirks(edge=True)), "new", 704, WMaxLimPct=5000, WMaxLimPctEna=1), 5)
    assert half.produced_w("new") == pytest.approx(4000)
    changed = step(put(half, "new", 704, WMaxLimPct=2500, WMaxLimPctEna=1), 5)
    assert raw(changed, "new", 704, "WMaxLimPct") == 2500
    assert changed.produced_w("new") == pytest.approx(4000)
    risen = put(put(changed, "new", 704, WMaxLimPctEna=0), "new", 704, WMaxLimPctEna=1)
    assert step(risen, 5).produced_w("new") == pytest.approx(2000)
