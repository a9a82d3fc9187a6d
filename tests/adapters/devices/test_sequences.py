"""In which order a device is told: each sequence as the requests that reach it, and what becomes of one that breaks off."""

from collections.abc import Mapping
from typing import Any

import pytest

from adapters.devices.sunspec.curves import one_slope
from adapters.devices.sunspec.family import SunSpec
from adapters.devices.sunspec.found import Found
from adapters.family import Look, Points, Writing
from adapters.modbus.frames import Refusal, Request, Write
from grid_functions.model.control import (
    Curve,
    CurveKind,
    CurvePoint,
    FixedReactive,
    Flow,
    FrequencyDroop,
    PowerFactor,
)
from grid_functions.model.device import Trouble
from grid_functions.model.event import Settings
from grid_functions.model.instants import Instants
from grid_functions.model.setpoint import Reactive, Revert, Setpoint
from grid_functions.model.units import PercentBase
from tests.adapters.rack import Key, Rack, new, old, points, served
from tests.adapters.simulator.situations import Hand
from tests.adapters.stage import UTC_S, desk

FAMILY = SunSpec()
VOLT_VAR = Curve(
    CurveKind.VOLT_VAR,
    (CurvePoint(92, 30), CurvePoint(97, 0), CurvePoint(103, 0), CurvePoint(108, -30)),
    PercentBase.MAX_REACTIVE,
)
VOLT_WATT = Curve(CurveKind.VOLT_WATT, (CurvePoint(106, 100), CurvePoint(110, 20)), PercentBase.MAX_POWER)


def found(rack: Rack) -> Found:
    seen = rack.carry_out(FAMILY.find(1))
    assert seen is not None
    return seen


def tell(rack: Rack, *, rearm: bool = False, **wanted: Any) -> Writing[Found]:
    """One poll and one write conversation; the rack then holds the requests of the write."""
    device, setpoint = found(rack), Setpoint("x", 1, **wanted)
    raw = rack.carry_out(FAMILY.poll(device, FAMILY.concerns(device, setpoint)))
    assert raw is not None
    return rack.carry_out(FAMILY.write(device, raw, setpoint, rearm=rearm))


def look(rack: Rack, ours: frozenset[str] = frozenset()) -> Look:
    device = found(rack)
    raw = rack.carry_out(FAMILY.poll(device, ours))
    assert raw is not None
    return FAMILY.decode(device, raw, Instants(1.0, 2.0))


def give_back(rack: Rack, baseline: Points) -> Writing[Found]:
    device = found(rack)
    raw = rack.carry_out(FAMILY.poll(device, frozenset(baseline)))
    assert raw is not None
    return rack.carry_out(FAMILY.release(device, raw, baseline))


# Setpoints of 704


def test_power_revert_side_then_timer_then_value_then_enable() -> None:
    rack = new()
    tell(rack, target_w=1000.0, revert=Revert(60.0))
    # EnaRvrt reads 0 already and goes with its timer in one request.
    assert rack.names() == ["704.WSetEnaRvrt/WSetRvrtTms", "704.WSetMod/WSet", "704.WSetEna"]


def test_power_factor_goes_as_one_group() -> None:
    rack = new()
    tell(rack, reactive=PowerFactor(Flow.INJECT, 0.95, False))
    # Only PF differs (Ext is 0 already), but the group is never torn.
    assert rack.names() == ["704.PFWInj.PF/PFWInj.Ext", "704.PFWInjEna"]
    assert [w.values for w in rack.asked if isinstance(w, Write)] == [(950, 0), (1,)]


def test_wide_values_go_as_one_request() -> None:
    rack = new()
    tell(rack, reactive=Reactive(-70000.0))
    [value] = [w for w in rack.asked if isinstance(w, Write) and len(w.values) == 2]
    assert (value.values, value.function) == ((1, 4464), 16)  # 70000 = 1 * 65536 + 4464


def test_other_reactive_modes_are_off_before_one_is_on() -> None:
    rack = new()
    rack.values |= points(704, PFWInjEna=1, VarSetEna=1) | points(705, Ena=1)
    tell(rack, reactive=PowerFactor(Flow.ABSORB, 0.9, True))
    assert rack.names() == [
        "704.PFWInjEna",
        "704.VarSetEna",
        "705.Ena",
        "704.PFWAbs.PF/PFWAbs.Ext",
        "704.PFWAbsEna",
    ]
    enabled = [rack.raw(704, "PFWInjEna", "PFWAbsEna", "VarSetEna"), rack.raw(705, "Ena"), rack.raw(712, "Ena")]
    assert enabled == [(0, 1, 0), (0,), (0,)]


def test_older_reactive_modes_are_off_before_one_is_on() -> None:
    rack = old()
    rack.values |= points(123, OutPFSet_Ena=1) | points(126, ModEna=1) | points(131, ModEna=1)
    tell(rack, reactive=FixedReactive(10.0, PercentBase.MAX_POWER))
    assert rack.names()[:3] == ["123.OutPFSet_Ena", "126.ModEna", "131.ModEna"]
    assert rack.raw(123, "OutPFSet_Ena", "VArPct_Ena") == (0, 1)


def test_a_curve_of_var_needs_the_others_off_too() -> None:
    rack = new()
    rack.values |= points(704, VarSetEna=1)
    tell(rack, shapes=(VOLT_VAR,))
    assert rack.names()[0] == "704.VarSetEna"
    assert (rack.raw(704, "VarSetEna"), rack.raw(705, "Ena")) == ((0,), (1,))


def test_two_reactive_modes_are_refused_whole() -> None:
    rack = new()
    writing = tell(rack, reactive=Reactive(1.0), shapes=(VOLT_VAR,))
    assert "at most one" in writing.refused
    assert rack.writes() == []


def test_nothing_is_written_where_nothing_differs() -> None:
    for rack in (new(), old()):
        wanted: dict[str, Any] = {"produce_max_w": 1000.0, "target_w": -500.0, "shapes": (VOLT_VAR, VOLT_WATT)}
        tell(rack, **wanted)
        assert rack.writes()
        assert tell(rack, **wanted).silent
        assert rack.asked == []


def test_enable_rises_anew_where_a_value_acts_only_then() -> None:
    """Fronius GEN24: with Ena kept at 1 the register reads the new value while the old limit runs."""
    rack = old("Fronius")
    rack.values |= {(1, "Md"): "Symo GEN24 10.0"} | points(123, WMaxLim_Ena=1, WMaxLimPct=5000)
    tell(rack, produce_max_w=1000.0)
    assert rack.names()[0] == "123.WMaxLim_Ena"
    assert [w[123, "WMaxLim_Ena"] for w in rack.writes()] == [0, 1]
    assert tell(rack, produce_max_w=1000.0).silent


# Curves of the 700 series


def test_curve_is_written_adopted_enabled() -> None:
    rack = new()
    writing = tell(rack, shapes=(VOLT_WATT,))
    assert (writing.refused, writing.pending) == ("", "")
    assert rack.names()[-2:] == ["706.AdptCrvReq", "706.Ena"]
    assert all(name.startswith("706.Crv[2].") for name in rack.names()[:-2])
    assert rack.raw(706, "AdptCrvReq", "Ena", "RvrtTms") == (2, 1, 0)


def test_curve_that_is_in_force_is_only_enabled() -> None:
    rack = new()
    tell(rack, shapes=(VOLT_WATT,))
    rack.values[706, "Ena"] = 0
    tell(rack, shapes=(VOLT_WATT,))
    assert rack.names() == ["706.Ena"]


def test_slow_adoption_is_waited_for_and_not_asked_twice() -> None:
    rack = new(adopts="later")
    first = tell(rack, shapes=(VOLT_WATT,))
    assert (first.refused, first.pending != "", rack.raw(706, "Ena")) == ("", True, (0,))
    second = tell(rack, shapes=(VOLT_WATT,))
    assert second.pending
    assert rack.writes() == []
    rack.take_over(706, 2)
    third = tell(rack, shapes=(VOLT_WATT,))
    assert (third.pending, rack.names(), rack.raw(706, "Ena")) == ("", ["706.Ena"], (1,))


def test_a_verdict_of_last_time_is_not_believed() -> None:
    """Rslt still says COMPLETED, but curve 1 is not what was asked for."""
    rack = new(adopts="not yet")
    writing = tell(rack, shapes=(VOLT_WATT,))
    assert rack.raw(706, "AdptCrvRslt", "Ena") == (1, 0)
    assert writing.pending


def test_curve_that_the_device_rejects_is_told() -> None:
    rack = new(adopts="never")
    writing = tell(rack, shapes=(VOLT_WATT,))
    assert "706" in writing.refused
    assert rack.raw(706, "Ena") == (0,)


def test_unsaid_parts_of_a_curve_stay_as_in_force() -> None:
    rack = new()
    rack.values |= {(705, "Crv[1].Pri"): 1, (705, "Crv[1].VRef"): 1010, (705, "Crv[1].RspTms"): 100}
    tell(rack, shapes=(VOLT_VAR,))
    assert rack.raw(705, "Crv[1].Pri", "Crv[1].VRef", "Crv[1].RspTms") == (1, 1010, 100)


def test_curve_with_reference_and_response() -> None:
    rack = new()
    shape = Curve(VOLT_VAR.kind, VOLT_VAR.points, VOLT_VAR.y_base, 5.0, 98.0, 300.0)
    tell(rack, shapes=(shape,))
    names = ("Crv[1].RspTms", "Crv[1].VRef", "Crv[1].VRefAutoEna", "Crv[1].VRefAutoTms")
    assert rack.raw(705, *names) == (50, 980, 1, 300)


def test_the_curve_to_revert_to_is_not_overwritten() -> None:
    rack = new()
    rack.values |= points(706, RvrtCrv=2)
    tell(rack, shapes=(VOLT_WATT,))
    assert rack.raw(706, "AdptCrvReq") == (3,)


def test_read_only_curves_are_left_alone() -> None:
    rack = new()
    rack.values[706, "Crv[2].ReadOnly"] = 1
    tell(rack, shapes=(VOLT_WATT,))
    assert rack.raw(706, "AdptCrvReq") == (3,)
    rack = new()
    rack.values |= {(706, f"Crv[{k}].ReadOnly"): 1 for k in (2, 3)}
    assert "no curve that can be written" in tell(rack, shapes=(VOLT_WATT,)).refused
    assert rack.writes() == []


def test_the_only_curve_rests_while_it_is_written() -> None:
    rack = new(counts={"NPt": 4, "NCrv": 1, "NCrvSet": 1, "NCtl": 1, "NPrt": 1, "N": 1, "curve": 1})
    rack.values |= {(706, "Crv[1].ReadOnly"): 0, (706, "Ena"): 1, (706, "NCrv"): 1}
    tell(rack, shapes=(VOLT_WATT,))
    assert rack.names()[0] == "706.Ena"
    assert rack.names()[-2:] == ["706.AdptCrvReq", "706.Ena"]
    assert rack.raw(706, "Ena", "Crv[1].ActPt") == (1, 2)


def test_unused_points_read_as_not_implemented_until_they_are_used() -> None:
    rack = new()
    for name in ("Pt[1].V", "Pt[1].W", "Pt[2].V", "Pt[2].W", "ActPt"):
        for k in (1, 2, 3):
            del rack.values[706, f"Crv[{k}].{name}"]
    assert tell(rack, shapes=(VOLT_WATT,)).pending == ""
    assert rack.raw(706, "Ena", "Crv[1].ActPt", "Crv[1].Pt[2].W") == (1, 2, 200)


@pytest.mark.parametrize(
    ("pairs", "why"),
    [
        (((1, 1), (2, 2), (3, 3), (4, 4), (5, 5)), "1 to 4 points"),
        ((), "1 to 4 points"),
        (((110, 20), (106, 100)), "do not rise"),
        (((106, 100), (106, 20)), "do not rise"),
    ],
)
def test_curves_that_cannot_be_said_are_refused_before_anything_is_written(pairs: tuple[Any, ...], why: str) -> None:
    rack = new()
    shape = Curve(CurveKind.VOLT_WATT, tuple(CurvePoint(*pair) for pair in pairs), PercentBase.MAX_POWER)
    assert why in tell(rack, shapes=(shape,)).refused
    assert rack.writes() == []


def test_a_base_the_model_does_not_know_is_refused() -> None:
    shape = Curve(CurveKind.VOLT_WATT, VOLT_WATT.points, PercentBase.MAX_CHARGE)
    for rack in (new(), old()):
        assert "max_charge" in tell(rack, shapes=(shape,)).refused
        assert rack.writes() == []


def test_trip_sets_are_filled_whole() -> None:
    """The two curves that nobody spoke of are copied from the set in force."""
    rack = new()
    rack.values |= {(707, "Crv[1].MayTrip.ActPt"): 1, (707, "Crv[1].MayTrip.Pt[1].V"): 880}
    rack.values |= {(707, "Crv[1].MomCess.ActPt"): 1, (707, "Crv[1].MomCess.Pt[1].V"): 500}
    must = Curve(CurveKind.LVRT_MUST_TRIP, (CurvePoint(0.16, 45), CurvePoint(2, 70)))
    tell(rack, shapes=(must,))
    assert rack.raw(707, "Crv[2].MustTrip.ActPt", "Crv[2].MayTrip.ActPt", "Crv[2].MomCess.ActPt") == (2, 1, 1)
    assert rack.raw(707, "Crv[2].MustTrip.Pt[1].V", "Crv[2].MustTrip.Pt[1].Tms") == (450, 16)
    assert rack.raw(707, "Crv[1].MayTrip.Pt[1].V", "Crv[1].MomCess.Pt[1].V") == (880, 500)
    assert [name for name in rack.names() if "AdptCrvReq" in name] == ["707.AdptCrvReq"]


def test_all_trips_of_one_model_are_one_adoption() -> None:
    rack = new()
    kinds = (CurveKind.LVRT_MAY_TRIP, CurveKind.LVRT_MOMENTARY_CESSATION, CurveKind.LVRT_MUST_TRIP)
    tell(rack, shapes=tuple(Curve(kind, (CurvePoint(1, 50), CurvePoint(2, 70))) for kind in kinds))
    assert rack.names().count("707.AdptCrvReq") == 1
    assert rack.raw(707, "Crv[1].MustTrip.ActPt", "Crv[1].MayTrip.ActPt", "Crv[1].MomCess.ActPt") == (2, 2, 2)


def test_droop_keeps_the_least_power() -> None:
    rack = new()
    rack.values[711, "Ctl[1].PMin"] = 20
    tell(rack, shapes=(FrequencyDroop(0.036, 0.036, 0.05, 0.05, 5.0),))
    assert rack.raw(711, "AdptCtlReq", "Ctl[1].PMin", "Ena") == (2, 20, 1)


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        # 60 % over 1.5 Hz of 50 Hz: 0.03 / 0.6 = 0.05.
        (((50.2, 100), (51.7, 40)), (0.2, 0.05)),
        (((49.0, 100), (50.5, 100), (52.5, 20), (53, 20)), (0.5, 0.05)),
        (((50.2, 100), (51.0, 60), (51.7, 40)), None),  # two slopes
        (((50.2, 80), (51.7, 40)), None),  # does not start at full power
        (((49.0, 20), (49.5, 100), (50.2, 100), (51.7, 40)), None),  # rises
        (((49.0, 100), (50.0, 0)), None),  # under-frequency
        (((50.2, 100),), None),
    ],
)
def test_curves_that_are_one_slope(
    pairs: tuple[tuple[float, float], ...], expected: tuple[float, float] | None
) -> None:
    found_slope = one_slope([CurvePoint(*pair) for pair in pairs], 50.0)
    assert found_slope == (None if expected is None else pytest.approx(expected))


# Curves of the older models


def test_older_curve_inactive_first_then_chosen_then_enabled() -> None:
    rack = old()
    tell(rack, shapes=(VOLT_WATT,))
    assert all("curve[2]" in name for name in rack.names()[:-2])
    assert rack.names()[-2:] == ["132.ActCrv", "132.ModEna"]


def test_older_device_with_one_curve_rests_while_it_is_written() -> None:
    rack = old(counts={"NPt": 4, "NCrv": 1, "NCrvSet": 1, "NCtl": 1, "NPrt": 1, "N": 1, "curve": 1})
    rack.values |= points(132, NCrv=1, ActCrv=1, ModEna=1)
    tell(rack, shapes=(VOLT_WATT,))
    assert (rack.names()[0], rack.names()[-1]) == ("132.ModEna", "132.ModEna")
    assert [w[132, "ModEna"] for w in rack.writes() if (132, "ModEna") in w] == [0, 1]
    assert tell(rack, shapes=(VOLT_WATT,)).silent


def test_older_read_only_curves_are_left_alone() -> None:
    rack = old()
    rack.values |= {(132, "curve[1].ReadOnly"): 1, (132, "curve[2].ReadOnly"): 1}
    assert "no curve that can be written" in tell(rack, shapes=(VOLT_WATT,)).refused


# Storage by 124


def test_storage_rates_first_mode_last() -> None:
    rack = old()
    tell(rack, target_w=-1000.0)
    # Discharge with 25 % of 4000 W: neither more nor less.
    assert rack.names() == [
        "124.OutWRte/InWRte/InOutWRte_WinTms/InOutWRte_RvrtTms/InOutWRte_RmpTms",
        "124.StorCtl_Mod",
    ]
    assert rack.raw(124, "OutWRte", "InWRte", "StorCtl_Mod", "ChaGriSet") == (250, -250, 3, 0)


def test_storage_at_rest() -> None:
    rack = old()
    tell(rack, target_w=0.0)
    assert rack.raw(124, "OutWRte", "InWRte", "StorCtl_Mod") == (0, 0, 3)


def test_storage_that_only_limits() -> None:
    rack = old()
    tell(rack, consume_max_w=1999.0)
    # 49.975 % of 4000 W, rounded down to 49.9; bit 0.
    assert rack.raw(124, "InWRte", "StorCtl_Mod") == (499, 1)


def test_storage_target_stays_inside_its_limits() -> None:
    rack = old()
    tell(rack, target_w=3000.0, consume_max_w=1000.0)
    assert rack.raw(124, "InWRte", "OutWRte") == (250, -250)


def test_storage_timer_is_started_anew() -> None:
    rack = old()
    tell(rack, target_w=500.0, revert=Revert(60.0))
    assert rack.raw(124, "InOutWRte_RvrtTms") == (60,)
    assert tell(rack, target_w=500.0, revert=Revert(60.0)).silent
    tell(rack, rearm=True, target_w=500.0, revert=Revert(60.0))
    assert rack.names() == ["124.OutWRte/InWRte/InOutWRte_WinTms/InOutWRte_RvrtTms/InOutWRte_RmpTms/ChaGriSet"]


def test_a_device_that_refuses_its_charging_rate_obeys_the_power_all_the_same() -> None:
    rack = new()
    rack.values |= points(704, WSetMod=1, WSet=-3000, WSetEna=1)
    at = 40000 + rack.spots[702, "WChaRteMax"].offset
    rack.habit = lambda request: Refusal(3) if isinstance(request, Write) and request.address == at else True
    tell(rack, target_w=0.0, consume_max_w=0.0)
    assert rack.raw(704, "WSet", "WSetEna") == (0, 1)


def test_a_limit_that_moves_by_our_gradient_is_not_bent_by_the_devices_once_more() -> None:
    rack = old()
    rack.values |= points(121, WGra=100, WGra_SF=-2)
    tell(rack, produce_max_w=1000.0)
    assert rack.raw(123, "WMaxLimPct_RmpTms") == (0,), "the installer's gradient is his"
    tell(rack, produce_max_w=1000.0, settings=Settings(gradient_pct_per_s=1.0))
    assert rack.raw(123, "WMaxLimPct_RmpTms") == (1,)
    tell(rack, produce_max_w=1000.0)
    assert rack.raw(123, "WMaxLimPct_RmpTms") == (0,)


def test_charging_by_702_is_bounded_by_its_rating() -> None:
    rack = new()
    rack.values[702, "WChaRteMax"] = 3000
    tell(rack, consume_max_w=1e9)
    assert rack.raw(702, "WChaRteMax") == (5000,)


# Who may write, and what is seen to be held


@pytest.mark.parametrize("model", [715, 802])
def test_under_local_control_nothing_is_written_and_it_is_said(model: int) -> None:
    rack = new() if model == 715 else old_with_battery()
    rack.values[model, "LocRemCtl"] = 1
    writing = tell(rack, produce_max_w=1000.0, on=False)
    assert "local control" in writing.refused
    assert rack.writes() == []
    before = look(rack).points
    assert give_back(rack, {**before, "704.WMaxLimPctEna": 1}).points == {}


def old_with_battery() -> Rack:
    rack = old()
    values: dict[Key, int | str] = {**rack.values, **points(802, LocRemCtl=0, Hb=3, CtrlHb=4, SoC=50, SoC_SF=0)}
    return Rack((*rack.models, 802), values)


async def test_local_control_is_a_refusal_in_the_look() -> None:
    rack = new()
    rack.values[715, "LocRemCtl"] = 1
    async with served(rack), desk(rack.port, Hand(UTC_S)) as d:
        d.driver.want(Setpoint("device", 1, produce_max_w=1000.0))
        await d.look(1.0)
        seen = await d.look(1.0)
        assert Trouble.WRITE_REFUSED in seen.condition.troubles
        assert "local control" in seen.condition.text
        assert rack.writes() == []


async def test_adoption_that_takes_its_time_is_no_failure_and_ends_held() -> None:
    rack = new(adopts="later")
    hand = Hand(UTC_S)
    async with served(rack), desk(rack.port, hand) as d:
        d.driver.want(Setpoint("device", 1, produce_max_w=1000.0, shapes=(VOLT_WATT,)))
        for _ in range(5):
            seen = await d.look(1.0)
        assert seen.condition.troubles == set()
        # What does not wait is in force already.
        assert rack.raw(704, "WMaxLimPctEna", "WMaxLimPct") == (1, 1250)
        assert [name for name in rack.names() if name == "706.AdptCrvReq"] == ["706.AdptCrvReq"]
        rack.take_over(706, 2)
        for _ in range(2):
            seen = await d.look(1.0)
        assert seen.condition.holds is not None
        assert seen.condition.holds.decision == 1
        [shape] = seen.condition.holds.shapes
        assert isinstance(shape, Curve)
        assert shape.points == VOLT_WATT.points


async def test_adoption_that_never_ends_is_a_failure_after_half_a_minute() -> None:
    rack = new(adopts="later")
    async with served(rack), desk(rack.port, Hand(UTC_S)) as d:
        d.driver.want(Setpoint("device", 1, shapes=(VOLT_WATT,)))
        seen = [await d.look(1.0) for _ in range(29)]
        assert all(Trouble.NOT_HELD not in one.condition.troubles for one in seen)
        late = [await d.look(1.0) for _ in range(4)]
        assert Trouble.NOT_HELD in late[-1].condition.troubles


def test_what_is_held_is_read_back_in_our_signs() -> None:
    rack = new()
    wanted: Mapping[str, Any] = {"produce_max_w": 1000.0, "target_w": -500.0, "reactive": Reactive(300.0)}
    tell(rack, **wanted)
    holds = look(rack).holds
    assert holds is not None
    assert (holds.produce_max_w, holds.target_w, holds.reactive) == (1000.0, -500.0, Reactive(300.0))
    rack = old()
    tell(rack, target_w=1000.0, reactive=PowerFactor(Flow.INJECT, 0.95, True), produce_max_w=2000.0)
    holds = look(rack).holds
    assert holds is not None
    assert (holds.produce_max_w, holds.target_w) == (2000.0, 1000.0)
    assert holds.reactive == PowerFactor(Flow.INJECT, 0.95, True)


# Release


def test_curve_release_ends_it_and_gives_the_others_back() -> None:
    rack = new()
    rack.values |= points(704, VarSetEna=1, VarSetMod=1, VarSetPct=50)
    device = found(rack)
    ours = FAMILY.concerns(device, Setpoint("x", 1, shapes=(VOLT_VAR,)))
    before = look(rack, ours).points
    tell(rack, shapes=(VOLT_VAR,))
    give_back(rack, {name: value for name, value in before.items() if name in ours})
    assert rack.names() == ["705.Ena", "704.VarSetEna"]
    assert (rack.raw(705, "Ena"), rack.raw(704, "VarSetEna")) == ((0,), (1,))
    assert give_back(rack, {name: value for name, value in before.items() if name in ours}).silent


def test_a_curve_that_held_before_us_is_adopted_again() -> None:
    rack = new()
    rack.values |= {(706, "Ena"): 1, (706, "Crv[1].ActPt"): 1, (706, "Crv[1].Pt[1].V"): 1070}
    device = found(rack)
    ours = FAMILY.concerns(device, Setpoint("x", 1, shapes=(VOLT_WATT,)))
    before = {name: value for name, value in look(rack, ours).points.items() if name in ours}
    tell(rack, shapes=(VOLT_WATT,))
    assert rack.raw(706, "Crv[1].ActPt") == (2,)
    give_back(rack, before)
    assert rack.raw(706, "Ena", "Crv[1].ActPt", "Crv[1].Pt[1].V") == (1, 1, 1070)
    assert give_back(rack, before).silent


def test_older_curve_release_chooses_the_one_before() -> None:
    rack = old()
    rack.values |= points(132, ModEna=1, ActCrv=1)
    device = found(rack)
    ours = FAMILY.concerns(device, Setpoint("x", 1, shapes=(VOLT_WATT,)))
    before = {name: value for name, value in look(rack, ours).points.items() if name in ours}
    tell(rack, shapes=(VOLT_WATT,))
    assert rack.raw(132, "ActCrv") == (2,)
    give_back(rack, before)
    assert rack.raw(132, "ActCrv", "ModEna") == (1, 1)


def test_storage_release_ends_the_mode_first() -> None:
    rack = old()
    before = {name: value for name, value in look(rack).points.items() if name.startswith("124.")}
    tell(rack, target_w=1000.0)
    give_back(rack, before)
    assert rack.names()[0] == "124.StorCtl_Mod"
    assert rack.raw(124, "StorCtl_Mod", "InWRte", "OutWRte", "ChaGriSet") == (0, 1000, 1000, 0)


def test_nothing_is_written_to_a_curve_that_was_not_read_before() -> None:
    """Its values from before us are not kept yet."""
    rack = new()
    device = found(rack)
    raw = rack.carry_out(FAMILY.poll(device))
    assert raw is not None
    writing = rack.carry_out(FAMILY.write(device, raw, Setpoint("x", 1, shapes=(VOLT_WATT,))))
    assert (rack.writes(), writing.pending != "", writing.silent) == ([], True, False)


async def test_values_from_before_us_are_kept_before_a_curve_is_touched() -> None:
    rack = new()
    async with served(rack), desk(rack.port, Hand(UTC_S)) as d:
        kept: list[bool] = []
        rack.habit = lambda request: kept_first(d, request, kept)
        d.driver.want(Setpoint("device", 1, shapes=(VOLT_WATT,)))
        for _ in range(4):
            await d.look(1.0)
        assert kept
        assert all(kept)


def kept_first(d: Any, request: Request, kept: list[bool]) -> bool:
    if isinstance(request, Write):
        kept.append(any(b"706.Ena" in body for _, body in d.driver._memory.kept.values()))
    return True


def test_a_refused_step_ends_the_plan() -> None:
    rack = new()
    at = 40000 + rack.spots[704, "WSetMod"].offset
    rack.habit = lambda r: Refusal(3) if isinstance(r, Write) and r.address == at else True
    writing = tell(rack, target_w=1000.0, shapes=(VOLT_WATT,), on=True)
    assert writing.refused.startswith("704.WSetMod")
    assert rack.raw(704, "WSetEna") == (0,)
    assert rack.raw(706, "Ena") == (0,)
