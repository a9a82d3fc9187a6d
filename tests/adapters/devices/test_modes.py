"""Every mode in both series: setpoint in, registers out and read back, by a driver over Modbus/TCP.

The registers are those that the mapping from DERControl to SunSpec names; each raw value is reckoned by hand beside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from adapters.devices.sunspec.abilities import ROWS, abilities, served
from adapters.devices.sunspec.family import SunSpec
from grid_functions.model.control import (
    Curve,
    CurveKind,
    CurvePoint,
    FixedReactive,
    Flow,
    FrequencyDroop,
    Mode,
    PowerFactor,
)
from grid_functions.model.device import How, Seen
from grid_functions.model.event import Settings
from grid_functions.model.setpoint import Reactive, Revert, Setpoint
from grid_functions.model.units import PercentBase
from tests.adapters.rack import Key, Rack, filled, new, old, points, who
from tests.adapters.rack import served as serving
from tests.adapters.simulator.situations import Hand
from tests.adapters.stage import UTC_S, desk


def curve(kind: CurveKind, *pairs: tuple[float, float], **said: Any) -> Curve:
    return Curve(kind, tuple(CurvePoint(x, y) for x, y in pairs), **said)


@dataclass(frozen=True)
class Cell:
    """One cell of the mapping: what is wanted, and what the registers then say."""

    mode: Mode
    series: int
    wanted: dict[str, Any]
    registers: Mapping[Key, int | str]


VOLT_VAR = curve(CurveKind.VOLT_VAR, (92, 30), (97, 0), (103, 0), (108, -30), y_base=PercentBase.MAX_REACTIVE)
VOLT_WATT = curve(CurveKind.VOLT_WATT, (106, 100), (110, 20), y_base=PercentBase.MAX_POWER)
WATT_VAR = curve(CurveKind.WATT_VAR, (20, 0), (50, -10), (100, -44), y_base=PercentBase.MAX_POWER)
WATT_PF = Curve(CurveKind.WATT_PF, (CurvePoint(50, 1.0, False), CurvePoint(100, 0.95, True)))
FREQ_WATT = curve(CurveKind.FREQUENCY_WATT, (50.2, 100), (51.2, 60))
DROOP = FrequencyDroop(0.036, 0.04, 0.05, 0.06, 5.0)


def trip(
    new_model: int, old_model: int, mode: Mode, branch: str, level: str, *pairs: tuple[float, float]
) -> list[Cell]:
    """A ride-through curve: (duration, level) pairs become level, then duration, in the new models; both as points in the old."""
    wanted = {"shapes": (curve(CurveKind(mode.value), *pairs),)}
    scale = 1000 if level == "Hz" else 10
    held: dict[Key, int | str] = {(new_model, f"Crv[1].{branch}.ActPt"): len(pairs), (new_model, "Ena"): 1}
    older: dict[Key, int | str] = {(old_model, "curve[2].ActPt"): len(pairs), (old_model, "ModEna"): 1}
    older[old_model, "ActCrv"] = 2
    for i, (seconds, value) in enumerate(pairs, 1):
        held[new_model, f"Crv[1].{branch}.Pt[{i}].{level}"] = round(value * scale)
        held[new_model, f"Crv[1].{branch}.Pt[{i}].Tms"] = round(seconds * 100)
        older[old_model, f"curve[2].Tms{i}"] = round(seconds * 100)
        older[old_model, f"curve[2].{level}{i}"] = round(value * (100 if level == "Hz" else 10))
    return [Cell(mode, 700, wanted, held), Cell(mode, 100, wanted, older)]


LOW, HIGH, LOW_HZ, HIGH_HZ = (
    ((0.16, 45), (2, 70)),
    ((0.16, 120), (13, 110)),
    ((0.16, 47), (300, 49)),
    ((0.16, 62), (300, 61)),
)

CELLS = [
    # No point opens a contact in the 700 series: service is withdrawn, and 715 stops.
    Cell(Mode.CONNECT, 700, {"connect": False}, points(703, ES=0) | points(715, OpCtl=0)),
    Cell(Mode.CONNECT, 100, {"connect": False}, points(123, Conn=0)),
    Cell(Mode.ENERGIZE, 700, {"on": False}, points(703, ES=0)),
    Cell(Mode.ENERGIZE, 100, {"on": False}, points(123, Conn=0)),
    # 1500 of 8000 W = 18.75 %; of 5000 W = 30 %, at SF -2.
    *[
        cell
        for mode in (Mode.MAX_POWER, Mode.GENERATION_LIMIT, Mode.EXPORT_LIMIT)
        for cell in (
            Cell(mode, 700, {"produce_max_w": 1500.0}, points(704, WMaxLimPct=1875, WMaxLimPctEna=1)),
            Cell(mode, 100, {"produce_max_w": 1500.0}, points(123, WMaxLimPct=3000, WMaxLim_Ena=1)),
        )
    ],
    # 1000 W, a setting in W; 25 % of 4000 W at SF -1, bit 0 = charging.
    *[
        cell
        for mode in (Mode.LOAD_LIMIT, Mode.IMPORT_LIMIT)
        for cell in (
            Cell(mode, 700, {"consume_max_w": 1000.0}, points(702, WChaRteMax=1000)),
            Cell(mode, 100, {"consume_max_w": 1000.0}, points(124, InWRte=250, StorCtl_Mod=1)),
        )
    ],
    # Consume 1000 W = -1000 W injected; the battery between +25 % in and -25 % out, so at 1000 W.
    *[
        cell
        for mode in (Mode.FIXED_POWER, Mode.TARGET_POWER, Mode.STORAGE_POWER)
        for cell in (
            Cell(mode, 700, {"target_w": 1000.0}, points(704, WSetMod=1, WSet=-1000, WSetEna=1)),
            Cell(mode, 100, {"target_w": 1000.0}, points(124, InWRte=250, OutWRte=-250, StorCtl_Mod=3, ChaGriSet=1)),
        )
    ],
    Cell(
        Mode.POWER_FACTOR_INJECT,
        700,
        {"reactive": PowerFactor(Flow.INJECT, 0.95, True)},
        points(704, PFWInj__PF=950, PFWInj__Ext=1, PFWInjEna=1),
    ),
    # EEI, as 120.PFRtgQ1 = -0.80 shows: absorbing is positive.
    Cell(
        Mode.POWER_FACTOR_INJECT,
        100,
        {"reactive": PowerFactor(Flow.INJECT, 0.95, True)},
        points(123, OutPFSet=95, OutPFSet_Ena=1),
    ),
    Cell(
        Mode.POWER_FACTOR_ABSORB,
        700,
        {"reactive": PowerFactor(Flow.ABSORB, 0.9, False)},
        points(704, PFWAbs__PF=900, PFWAbs__Ext=0, PFWAbsEna=1),
    ),
    # Absorb 30 % = -30 % injected.
    Cell(
        Mode.FIXED_REACTIVE,
        700,
        {"reactive": FixedReactive(30.0, PercentBase.MAX_REACTIVE)},
        points(704, VarSetMod=1, VarSetPct=-300, VarSetEna=1),
    ),
    Cell(
        Mode.FIXED_REACTIVE,
        100,
        {"reactive": FixedReactive(30.0, PercentBase.MAX_REACTIVE)},
        points(123, VArPct_Mod=2, VArMaxPct=-300, VArPct_Ena=1),
    ),
    # Absorb 1000 var; older: of VArMaxQ4 = 2000 var that is 50 %.
    Cell(
        Mode.TARGET_REACTIVE, 700, {"reactive": Reactive(1000.0)}, points(704, VarSetMod=4, VarSet=-1000, VarSetEna=1)
    ),
    Cell(
        Mode.TARGET_REACTIVE,
        100,
        {"reactive": Reactive(1000.0)},
        points(123, VArPct_Mod=2, VArMaxPct=-500, VArPct_Ena=1),
    ),
    Cell(
        Mode.VOLT_VAR,
        700,
        {"shapes": (VOLT_VAR,)},
        {(705, "Ena"): 1, (705, "Crv[1].ActPt"): 4, (705, "Crv[1].DeptRef"): 1, (705, "Crv[1].Pt[1].V"): 920}
        | {(705, "Crv[1].Pt[1].Var"): 300, (705, "Crv[1].Pt[4].V"): 1080, (705, "Crv[1].Pt[4].Var"): -300},
    ),
    Cell(
        Mode.VOLT_VAR,
        100,
        {"shapes": (VOLT_VAR,)},
        {(126, "ModEna"): 1, (126, "ActCrv"): 2, (126, "curve[2].ActPt"): 4, (126, "curve[2].DeptRef"): 2}
        | {(126, "curve[2].V1"): 920, (126, "curve[2].VAr1"): 300, (126, "curve[2].VAr4"): -300},
    ),
    Cell(
        Mode.VOLT_WATT,
        700,
        {"shapes": (VOLT_WATT,)},
        {(706, "Ena"): 1, (706, "Crv[1].ActPt"): 2, (706, "Crv[1].DeptRef"): 0, (706, "Crv[1].Pt[1].V"): 1060}
        | {(706, "Crv[1].Pt[1].W"): 1000, (706, "Crv[1].Pt[2].V"): 1100, (706, "Crv[1].Pt[2].W"): 200},
    ),
    Cell(
        Mode.VOLT_WATT,
        100,
        {"shapes": (VOLT_WATT,)},
        {(132, "ModEna"): 1, (132, "ActCrv"): 2, (132, "curve[2].ActPt"): 2, (132, "curve[2].DeptRef"): 1}
        | {(132, "curve[2].V2"): 1100, (132, "curve[2].W2"): 200},
    ),
    Cell(
        Mode.WATT_VAR,
        700,
        {"shapes": (WATT_VAR,)},
        {(712, "Ena"): 1, (712, "Crv[1].ActPt"): 3, (712, "Crv[1].DeptRef"): 0, (712, "Crv[1].Pt[3].W"): 1000}
        | {(712, "Crv[1].Pt[2].Var"): -100, (712, "Crv[1].Pt[3].Var"): -440},
    ),
    # EEI: 0.95 absorbing is positive, 1.0 that injects nothing negative.
    Cell(
        Mode.WATT_PF,
        100,
        {"shapes": (WATT_PF,)},
        {(131, "ModEna"): 1, (131, "ActCrv"): 2, (131, "curve[2].ActPt"): 2, (131, "curve[2].W1"): 50}
        | {(131, "curve[2].PF1"): -100, (131, "curve[2].W2"): 100, (131, "curve[2].PF2"): 95},
    ),
    Cell(
        Mode.FREQUENCY_DROOP,
        700,
        {"shapes": (DROOP,)},
        {(711, "Ena"): 1, (711, "Ctl[1].DbOf"): 36, (711, "Ctl[1].DbUf"): 40, (711, "Ctl[1].KOf"): 50}
        | {(711, "Ctl[1].KUf"): 60, (711, "Ctl[1].RspTms"): 50},
    ),
    # 100 / (0.05 * 50 Hz) = 40 %/Hz; 0.036 Hz at SF -2 is 4 hundredths.
    Cell(Mode.FREQUENCY_DROOP, 100, {"shapes": (DROOP,)}, points(127, HzStr=4, WGra=40, ModEna=1)),
    # 40 % over 1 Hz from 50.2 Hz: (1 / 50) / 0.4 = 0.05 per unit, dead band 0.2 Hz.
    Cell(
        Mode.FREQUENCY_WATT,
        700,
        {"shapes": (FREQ_WATT,)},
        {(711, "Ena"): 1, (711, "Ctl[1].DbOf"): 200, (711, "Ctl[1].KOf"): 50},
    ),
    Cell(
        Mode.FREQUENCY_WATT,
        100,
        {"shapes": (FREQ_WATT,)},
        {(134, "ModEna"): 1, (134, "ActCrv"): 2, (134, "curve[2].ActPt"): 2, (134, "curve[2].Hz1"): 5020}
        | {(134, "curve[2].W1"): 100, (134, "curve[2].Hz2"): 5120, (134, "curve[2].W2"): 60},
    ),
    *trip(707, 129, Mode.LVRT_MUST_TRIP, "MustTrip", "V", *LOW),
    *trip(707, 137, Mode.LVRT_MAY_TRIP, "MayTrip", "V", *LOW),
    *trip(707, 139, Mode.LVRT_MOMENTARY_CESSATION, "MomCess", "V", *LOW),
    *trip(708, 130, Mode.HVRT_MUST_TRIP, "MustTrip", "V", *HIGH),
    *trip(708, 138, Mode.HVRT_MAY_TRIP, "MayTrip", "V", *HIGH),
    *trip(708, 140, Mode.HVRT_MOMENTARY_CESSATION, "MomCess", "V", *HIGH),
    *trip(709, 135, Mode.LFRT_MUST_TRIP, "MustTrip", "Hz", *LOW_HZ),
    *trip(709, 141, Mode.LFRT_MAY_TRIP, "MayTrip", "Hz", *LOW_HZ),
    *trip(710, 136, Mode.HFRT_MUST_TRIP, "MustTrip", "Hz", *HIGH_HZ),
    *trip(710, 142, Mode.HFRT_MAY_TRIP, "MayTrip", "Hz", *HIGH_HZ),
]
EMPTY = {(Mode.POWER_FACTOR_ABSORB, 100), (Mode.WATT_VAR, 100), (Mode.WATT_PF, 700)}
"""The cells of the mapping that say "none". FREQUENCY_WATT has one in the 700 series that is filled by translation."""


def device(series: int) -> Rack:
    return new() if series == 700 else old()


async def obeyed(rack: Rack, **wanted: Any) -> Seen:
    """What is seen of a device once a driver has brought it to hold this, over Modbus/TCP."""
    async with serving(rack), desk(rack.port, Hand(UTC_S)) as d:
        d.driver.want(Setpoint("device", 7, **wanted))
        for _ in range(6):
            seen = await d.look(1.0)
            holds = seen.condition.holds
            if holds is not None and holds.decision == 7:
                return seen
        raise AssertionError(seen.condition)


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: f"{cell.mode.value}-{cell.series}")
async def test_every_cell_of_the_mapping(cell: Cell) -> None:
    rack = device(cell.series)
    seen = await obeyed(rack, **cell.wanted)
    assert {key: rack.values[key] for key in cell.registers} == cell.registers
    assert not seen.condition.troubles - {"no_watchdog"}
    ability = seen.capability.abilities[cell.mode]
    assert ability.how is not How.NOT_POSSIBLE
    assert ability.means or ability.how is How.NATIVE
    holds = seen.condition.holds
    assert holds is not None
    for name in ("produce_max_w", "consume_max_w", "target_w", "on"):
        if name in cell.wanted:
            assert getattr(holds, name) == cell.wanted[name]


def test_no_cell_is_missing() -> None:
    """Every mode of the mapping, in both series, is a cell above or one that the mapping leaves empty."""
    modes = {row.mode for row in ROWS}
    tried = {(cell.mode, cell.series) for cell in CELLS}
    assert tried | EMPTY == {(mode, series) for mode in modes for series in (700, 100)}
    assert not tried & EMPTY


@pytest.mark.parametrize(("mode", "series"), sorted(EMPTY))
def test_empty_cells_say_why(mode: Mode, series: int) -> None:
    rack, family = device(series), SunSpec()
    found = rack.carry_out(family.find(1))
    assert found is not None
    ability = family.capability(found).abilities[mode]
    assert ability.how is How.NOT_POSSIBLE
    assert ability.means


async def test_pv_of_the_older_models_can_only_be_capped() -> None:
    rack = old()
    rack = Rack(
        (1, 103, 120, 121, 122, 123), {k: v for k, v in rack.values.items() if k[0] in (1, 103, 120, 121, 122, 123)}
    )
    seen = await obeyed(rack, target_w=-2000.0)
    assert rack.raw(123, "WMaxLimPct", "WMaxLim_Ena") == (4000, 1)  # 2000 of 5000 W
    ability = seen.capability.abilities[Mode.TARGET_POWER]
    assert (ability.how, "cap" in ability.means) == (How.APPROXIMATED, True)


async def test_battery_alone_is_switched_by_802() -> None:
    rack = Rack((1, 802, 124), who() | filled(802) | filled(124) | points(802, SetOp=1) | points(124, WChaMax=4000))
    seen = await obeyed(rack, on=False)
    assert rack.raw(802, "SetOp") == (2,)
    assert seen.capability.abilities[Mode.CONNECT].how is How.NATIVE


@pytest.mark.parametrize(
    ("base", "kind", "older"),
    [
        (PercentBase.MAX_POWER, 0, (1, "VArWMaxPct")),
        (PercentBase.MAX_REACTIVE, 1, (2, "VArMaxPct")),
        (PercentBase.AVAILABLE_REACTIVE, 2, (3, "VArAvalPct")),
    ],
)
async def test_bases_of_reactive_power(base: PercentBase, kind: int, older: tuple[int, str]) -> None:
    fresh, aged = new(), old()
    await obeyed(fresh, reactive=FixedReactive(-20.0, base))
    assert fresh.raw(704, "VarSetMod", "VarSetPct", "VarSetEna") == (kind, 200, 1)
    await obeyed(aged, reactive=FixedReactive(-20.0, base))
    assert aged.raw(123, "VArPct_Mod", older[1], "VArPct_Ena") == (older[0], 200, 1)


async def test_injecting_var_is_reckoned_from_the_first_quadrant() -> None:
    rack = old()
    await obeyed(rack, reactive=Reactive(-500.0))
    assert rack.raw(123, "VArMaxPct") == (200,)  # 500 of VArMaxQ1 = 2500 var


@pytest.mark.parametrize(("rated_q1", "raw"), [(-80, 95), (80, -95), (0, 95)])
async def test_sign_of_the_power_factor_is_read_from_the_ratings(rated_q1: int, raw: int) -> None:
    """Quadrant 1 injects; without a rating it is EEI, where injecting is negative, so absorbing is positive."""
    rack = old()
    rack.values |= points(120, PFRtgQ1=rated_q1) | points(121, PFMinQ1=rated_q1)
    await obeyed(rack, reactive=PowerFactor(Flow.INJECT, 0.95, True))
    assert rack.raw(123, "OutPFSet") == (raw,)


async def test_settings_of_a_standing() -> None:
    fresh, aged = new(), old()
    wanted = Settings(
        gradient_pct_per_s=2.0,
        soft_gradient_pct_per_s=0.5,
        enter_service_delay_s=300.0,
        enter_service_random_s=60.0,
        enter_service_high_hz=50.1,
        enter_service_low_hz=49.5,
        enter_service_high_pct=105.0,
        enter_service_low_pct=91.7,
    )
    await obeyed(fresh, settings=wanted)
    # 100 % at 0.5 %/s = 200 s.
    assert fresh.raw(703, "ESVHi", "ESVLo", "ESHzHi", "ESHzLo") == (1050, 917, 50100, 49500)
    assert fresh.raw(703, "ESDlyTms", "ESRndTms", "ESRmpTms") == (300, 60, 200)
    assert fresh.raw(704, "WRmp", "WRmpRef") == (2, 1)
    await obeyed(aged, settings=wanted)
    assert aged.raw(121, "WGra") == (2,)
    assert aged.raw(145, "NomRmpUpRte") == (2,)


async def test_a_gradient_below_one_percent_is_left_to_the_gateway() -> None:
    rack = new()
    await obeyed(rack, settings=Settings(gradient_pct_per_s=0.27))
    assert rack.raw(704, "WRmp") == (0,)


async def test_timers_carry_what_the_device_falls_to() -> None:
    rack = new()
    await obeyed(rack, produce_max_w=2000.0, target_w=-1000.0, reactive=Reactive(-100.0), revert=Revert(60.0, 800.0))
    # 800 of 8000 W = 10 %; power and reactive power are free when the timer ends.
    assert rack.raw(704, "WMaxLimPctRvrt", "WMaxLimPctEnaRvrt", "WMaxLimPctRvrtTms") == (1000, 1, 60)
    assert rack.raw(704, "WSetEnaRvrt", "WSetRvrtTms", "VarSetEnaRvrt", "VarSetRvrtTms") == (0, 60, 0, 60)


def test_rows_of_the_preferred_series_come_first() -> None:
    values: dict[int, dict[str, int | float | str | None]] = {
        704: {"WMaxLimPct": 100, "WMaxLimPctEna": 0, "WMaxLimPct_SF": 0},
        123: {"WMaxLimPct": 100, "WMaxLim_Ena": 0, "WMaxLimPct_SF": 0},
    }
    assert served(values)[Mode.MAX_POWER].model == 704
    assert served(values, 100)[Mode.MAX_POWER].model == 123
    assert abilities(served(values), base_known=False)[Mode.MAX_POWER].how is How.NOT_POSSIBLE


def test_anti_islanding_is_nobodys_to_write() -> None:
    """704.AntiIslEna is protection: no setpoint that a utility can cause decides it."""
    rack, family = new(), SunSpec()
    found = rack.carry_out(family.find(1))
    assert found is not None
    decided = {name for cell in CELLS for name in family.concerns(found, Setpoint("x", 1, **cell.wanted))}
    assert "704.WSet" in decided
    assert "704.AntiIslEna" not in decided
