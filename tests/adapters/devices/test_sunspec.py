"""The SunSpec family on registers in memory: what it reads, what it makes of it, what it writes and in which order."""

import math
from typing import Any

import pytest

from adapters.devices.sunspec.family import SunSpec
from adapters.devices.sunspec.found import Found
from adapters.devices.sunspec.meter import Positive
from adapters.devices.sunspec.options import Kind, SunSpecOptions
from adapters.family import Look
from adapters.modbus.frames import Read, Refusal, Reply, Request, Write
from grid_functions.model.control import Mode
from grid_functions.model.device import How
from grid_functions.model.instants import Instants
from grid_functions.model.reading import Quality
from grid_functions.model.setpoint import Revert, Setpoint
from grid_functions.model.units import Phase, Quantity
from tests.adapters.devices.images import Unit, identified, points, sixteen_refused

NOW = Instants(100.0, 1_800_000_100.0)
NET = (Quantity.NET, None)

AC701 = points(
    701,
    ACType=2,
    St=1,
    InvSt=3,
    ConnSt=1,
    Alrm=0b1000_0001,
    W=6000,
    Var=-500,
    A=2609,
    LNV=2301,
    Hz=50010,
    TotWhInj=123456,
    WL1=2000,
    WL2=2001,
    WL3=1999,
    VL1=2300,
    AL1=-870,
    A_SF=-2,
    V_SF=-1,
    Hz_SF=-3,
    W_SF=0,
    Var_SF=0,
    TotWh_SF=0,
)
PLATE702 = points(
    702, WMaxRtg=8000, VAMaxRtg=8500, VarMaxInjRtg=4000, VarMaxAbsRtg=3000, VNomRtg=2300, WMax=8000
) | points(702, W_SF=0, VA_SF=0, Var_SF=0, V_SF=-1)
LIMIT704 = points(
    704, WMaxLimPctEna=0, WMaxLimPct=10000, WMaxLimPctRvrt=10000, WMaxLimPctEnaRvrt=0, WMaxLimPctRvrtTms=0
) | points(704, WMaxLimPctRvrtRem=0, WMaxLimPct_SF=-2)
AC103 = points(
    103, A=2175, AphA=725, AphB=725, AphC=725, A_SF=-2, PhVphA=2300, PhVphB=2310, PhVphC=2290, V_SF=-1
) | points(103, W=5000, W_SF=0, Hz=5001, Hz_SF=-2, VAr=300, VAr_SF=0, WH=77, WH_SF=1, St=4, Evt1=0)
CONTROL123 = points(123, Conn_WinTms=0, Conn_RvrtTms=0, Conn=1, WMaxLimPct=10000, WMaxLimPct_WinTms=0) | points(
    123, WMaxLimPct_RvrtTms=0, WMaxLimPct_RmpTms=0, WMaxLim_Ena=0, WMaxLimPct_SF=-2
)
RATED = points(120, WRtg=5000, WRtg_SF=0, VARtg=5200, VARtg_SF=0, VArRtgQ1=2500, VArRtgQ4=-2400, VArRtg_SF=0) | points(
    121, WMax=5000, WMax_SF=0
)
METER203 = points(
    203, W=-1500, WphA=-2000, WphB=300, WphC=200, W_SF=0, VAR=40, VAR_SF=0, A=-65, AphA=-87, A_SF=-1, Hz=5000
) | points(203, Hz_SF=-2, PhV=2300, PhVphA=2310, V_SF=-1, TotWhImp=1000, TotWhExp=2000, TotWh_SF=1, Evt=4)


def der700(**changes: int) -> Unit:
    """8 kW, 700 series; changes to 704."""
    values = {**identified(), **AC701, **PLATE702, **points(703, ES=1), **LIMIT704, **points(704, **changes)}
    return Unit((1, 701, 702, 703, 704), values)


def legacy(**changes: int) -> Unit:
    """5 kW, older models, model 1 without its pad; changes to 123."""
    values = {**identified(), **AC103, **RATED, **points(122, ECPConn=1), **CONTROL123, **points(123, **changes)}
    return Unit((1, 103, 120, 121, 122, 123), values, unpadded=True)


def meter(**changes: int) -> Unit:
    """Wye meter; changes to 203."""
    return Unit((1, 203), {**identified(), **METER203, **points(203, **changes)})


def found_by(unit: Unit, family: SunSpec) -> Found:
    found = unit.carry_out(family.find(1))
    assert found is not None
    return found


def look_at(unit: Unit, family: SunSpec | None = None) -> Look:
    family = family or SunSpec()
    found = found_by(unit, family)
    raw = unit.carry_out(family.poll(found))
    assert raw is not None
    return family.decode(found, raw, NOW)


def written(unit: Unit, wanted: Setpoint, *, rearm: bool = False) -> list[tuple[int, tuple[int, ...], int]]:
    """The writes of one conversation, against what the unit reads now."""
    family = SunSpec()
    found = found_by(unit, family)
    raw = unit.carry_out(family.poll(found))
    assert raw is not None
    unit.carry_out(family.write(found, raw, wanted, rearm=rearm))
    return unit.writes


def want(**fields: Any) -> Setpoint:
    return Setpoint("x", 1, **fields)


# What is read


def test_700_series_injection_is_negative_here_per_phase_and_total() -> None:
    read = {key: reading.value for key, reading in look_at(der700()).readings.items()}
    # W 6000 injected -> -6000; Var -500 (absorbed) -> +500; A 2609 at SF -2; Hz 50010 at SF -3; a current has no sign.
    assert read == {
        NET: -6000.0,
        (Quantity.NET, Phase.A): -2000.0,
        (Quantity.NET, Phase.B): -2001.0,
        (Quantity.NET, Phase.C): -1999.0,
        (Quantity.REACTIVE, None): 500.0,
        (Quantity.CURRENT, None): 26.09,
        (Quantity.CURRENT, Phase.A): 8.7,
        (Quantity.VOLTAGE, None): 230.1,
        (Quantity.VOLTAGE, Phase.A): 230.0,
        (Quantity.FREQUENCY, None): 50.01,
        (Quantity.ENERGY_PRODUCED, None): 123456.0,
    }


def test_older_models_generation_is_negative_here() -> None:
    read = {key: reading.value for key, reading in look_at(legacy()).readings.items()}
    assert read == {
        NET: -5000.0,
        (Quantity.REACTIVE, None): -300.0,
        (Quantity.CURRENT, None): 21.75,
        (Quantity.CURRENT, Phase.A): 7.25,
        (Quantity.CURRENT, Phase.B): 7.25,
        (Quantity.CURRENT, Phase.C): 7.25,
        (Quantity.VOLTAGE, Phase.A): 230.0,
        (Quantity.VOLTAGE, Phase.B): 231.0,
        (Quantity.VOLTAGE, Phase.C): 229.0,
        (Quantity.FREQUENCY, None): 50.01,
        (Quantity.ENERGY_PRODUCED, None): 770.0,
    }


@pytest.mark.parametrize(("positive", "sign"), [(Positive.IMPORT, 1.0), (Positive.EXPORT, -1.0)])
def test_meter_sign_is_as_installed_and_phases_add_up(positive: Positive, sign: float) -> None:
    read = {
        key: r.value for key, r in look_at(meter(), SunSpec(SunSpecOptions(meter_positive=positive))).readings.items()
    }
    # -2000 + 300 + 200 = -1500.
    assert read[NET] == -1500.0 * sign
    assert sum(read[Quantity.NET, phase] for phase in Phase) == read[NET]
    assert read[Quantity.REACTIVE, None] == 40.0 * sign
    assert read[Quantity.CURRENT, Phase.A] == 8.7
    # 1000 and 2000 at SF 1; the counters name their direction themselves.
    assert (read[Quantity.ENERGY_CONSUMED, None], read[Quantity.ENERGY_PRODUCED, None]) == (10000.0, 20000.0)


def test_meter_without_a_total_is_the_sum_of_its_phases() -> None:
    unit = meter()
    del unit.values[203, "W"]
    assert look_at(unit).readings[NET].value == -1500.0


def test_meter_without_power_is_missing_and_no_number() -> None:
    unit = meter()
    for name in ("W", "WphA"):
        del unit.values[203, name]
    reading = look_at(unit).readings[NET]
    assert reading.quality is Quality.MISSING
    assert math.isnan(reading.value)


def test_unusable_scale_factor_makes_no_number() -> None:
    for unusable in (-0x8000, 11, -11):
        reading = look_at(meter(W_SF=unusable)).readings[NET]
        assert reading.quality is Quality.MISSING, unusable
        assert math.isnan(reading.value)


def test_all_zero_with_a_fault_is_not_believed() -> None:
    """Fronius answers so for a moment."""
    unit = legacy()
    unit.values[1, "Mn"] = "Fronius"
    family = SunSpec()
    found = found_by(unit, family)
    unit.values |= dict.fromkeys([key for key in AC103 if not key[1].endswith("SF")], 0)
    unit.values[103, "St"] = 7
    raw = unit.carry_out(family.poll(found))
    assert raw is not None
    look = family.decode(found, raw, NOW)
    assert not look.plausible
    assert {r.quality for r in look.readings.values()} == {Quality.SUSPECT}
    assert all(math.isnan(r.value) for r in look.readings.values())
    assert look.holds is None


def test_a_fault_on_a_living_grid_is_believed() -> None:
    unit = legacy()
    unit.values |= points(103, W=0, A=0, AphA=0, AphB=0, AphC=0, St=7)
    look = look_at(unit)
    assert look.plausible
    assert look.readings[NET].value == 0.0
    assert (look.operating, look.energized) == (False, False)


def test_what_a_device_is() -> None:
    family = SunSpec()
    plate = family.nameplate(found_by(der700(), family))
    assert (plate.maker, plate.model, plate.serial, plate.version, plate.phases) == ("Maker", "Thing", "S-1", "2.1", 3)
    assert (plate.rated_w, plate.rated_va, plate.max_w, plate.nominal_v) == (8000.0, 8500.0, 8000.0, 230.0)
    assert (plate.rated_inject_var, plate.rated_absorb_var, plate.rated_charge_w) == (4000.0, 3000.0, None)
    old = family.nameplate(found_by(legacy(), family))
    assert (old.rated_w, old.rated_va, old.max_w, old.phases) == (5000.0, 5200.0, 5000.0, 3)
    assert (old.rated_inject_var, old.rated_absorb_var) == (2500.0, 2400.0)


def test_what_a_device_can_do() -> None:
    family = SunSpec()
    new = family.capability(found_by(der700(), family))
    assert {mode for mode, ability in new.abilities.items() if ability.how is How.NATIVE} == {
        Mode.MAX_POWER,
        Mode.GENERATION_LIMIT,
        Mode.EXPORT_LIMIT,
        Mode.ENERGIZE,
    }
    assert new.abilities[Mode.CONNECT].how is How.APPROXIMATED
    # 0.01 % of 8000 W.
    assert (new.resolution_w, new.settle_s, new.watchdog, new.off_capable) == (0.8, 5.0, True, True)
    old = family.capability(found_by(legacy(), family))
    assert old.abilities[Mode.CONNECT].how is How.NATIVE
    assert (old.resolution_w, old.watchdog) == (0.5, False)
    assert family.capability(found_by(meter(), family)).abilities == {}


def test_no_watchdog_without_a_revert_value() -> None:
    unit = der700()
    del unit.values[704, "WMaxLimPctRvrt"]
    family = SunSpec()
    assert not family.capability(found_by(unit, family)).watchdog


@pytest.mark.parametrize("gone", [(704, "WMaxLimPct"), (704, "WMaxLimPctEna"), (704, "WMaxLimPct_SF")])
def test_no_limit_where_its_points_are_not_implemented(gone: tuple[int, str]) -> None:
    unit = der700()
    del unit.values[gone]
    family = SunSpec()
    assert family.capability(found_by(unit, family)).abilities[Mode.MAX_POWER].how is How.NOT_POSSIBLE
    assert written(unit, want(produce_max_w=1000.0)) == []


def test_percent_base_is_the_setting_then_the_rating() -> None:
    unit = legacy()
    unit.values[121, "WMax"] = 4000
    # 1000 of 4000 W = 25 %.
    assert written(unit, want(produce_max_w=1000.0))[0][1][0] == 2500
    unit = legacy()
    del unit.values[121, "WMax"]
    # 1000 of 5000 W = 20 %.
    assert written(unit, want(produce_max_w=1000.0))[0][1][0] == 2000


def test_states_and_alarms() -> None:
    look = look_at(der700())
    assert (look.connected, look.energized, look.operating) == (True, True, True)
    # Bits 0 and 7.
    assert look.alarms == {"GROUND_FAULT", "OVER_TEMP"}
    assert look_at(meter()).alarms == {"M_EVENT_Power_Failure"}
    off = der700()
    off.values |= points(701, St=0, InvSt=0, ConnSt=0) | points(703, ES=0)
    look = look_at(off)
    assert (look.connected, look.energized, look.operating) == (False, False, False)
    assert look.holds is not None
    assert look.holds.on is False


def test_what_a_device_holds() -> None:
    assert look_at(der700()).holds == Setpoint("", on=True)
    running = der700(
        WMaxLimPctEna=1,
        WMaxLimPct=2500,
        WMaxLimPctRvrt=1000,
        WMaxLimPctEnaRvrt=1,
        WMaxLimPctRvrtTms=60,
        WMaxLimPctRvrtRem=41,
    )
    # 25 and 10 % of 8000 W.
    assert look_at(running).holds == Setpoint("", produce_max_w=2000.0, on=True, revert=Revert(60.0, 800.0))
    running.values |= points(704, WMaxLimPctEnaRvrt=0)
    assert look_at(running).holds == Setpoint("", produce_max_w=2000.0, on=True, revert=Revert(60.0, None))
    # The timer has ended: nothing will change by itself any more.
    running.values |= points(704, WMaxLimPctRvrtRem=0)
    assert look_at(running).holds == Setpoint("", produce_max_w=2000.0, on=True)
    assert look_at(legacy(WMaxLim_Ena=1, WMaxLimPct=3000, WMaxLimPct_RvrtTms=90)).holds == Setpoint(
        "", produce_max_w=1500.0, on=True, revert=Revert(90.0, None)
    )


# How it is read


def test_polls_take_few_reads() -> None:
    """701 to 704: 3..121 of 701, then 702.WMax to 704's last scale factor; older: 103 to 121, then 122 and 123."""
    for unit in (der700(), legacy()):
        family = SunSpec()
        found = found_by(unit, family)
        unit.carry_out(family.poll(found))
        assert len(unit.reads) == 2, unit.reads
        assert max(count for _, count in unit.reads) <= 125


def test_small_readers_are_respected() -> None:
    family = SunSpec(SunSpecOptions(max_read=20))
    unit = der700()
    found = found_by(unit, family)
    assert max(count for _, count in unit.reads) <= 20
    raw = unit.carry_out(family.poll(found))
    assert raw is not None
    assert max(count for _, count in unit.reads) <= 20
    assert family.decode(found, raw, NOW).readings[NET].value == -6000.0


def test_one_model_refused_hides_no_other() -> None:
    unit = legacy()
    family = SunSpec()
    found = found_by(unit, family)
    start, end = unit.address(122, "PVConn"), unit.address(122, "Ris_SF")

    def answering(request: Request) -> Reply | bool | None:
        inside = isinstance(request, Read) and request.address <= end and request.address + request.count > start
        return Refusal(2) if inside else True

    unit.answering = answering
    raw = unit.carry_out(family.poll(found))
    assert raw is not None
    look = family.decode(found, raw, NOW)
    assert look.readings[NET].value == -5000.0
    assert look.points["123.Conn"] == 1
    assert look.connected is True  # 123 tells it instead


@pytest.mark.parametrize("answer", [None, Refusal(11), Refusal(10)])
def test_silence_in_the_middle_of_a_poll_is_no_poll(answer: Reply | None) -> None:
    unit = der700()
    family = SunSpec()
    found = found_by(unit, family)
    unit.answering = lambda request: answer if request.address >= unit.address(702, "WMaxRtg") else True
    assert unit.carry_out(family.poll(found)) is None


def test_a_busy_unit_is_asked_again() -> None:
    unit = der700()
    family = SunSpec()
    found = found_by(unit, family)
    busy = iter([Refusal(6), Refusal(5)])
    unit.answering = lambda request: next(busy, True)
    assert unit.carry_out(family.poll(found)) is not None
    assert len(unit.reads) == 4


def test_known_base_is_asked_first() -> None:
    unit = der700()
    family = SunSpec()
    found = found_by(unit, family)
    unit.carry_out(family.find(1, found))
    assert unit.reads[0][0] == 40000


def test_nobody_and_strangers_are_not_found() -> None:
    family = SunSpec()
    absent = Unit((1, 701), {}, answering=lambda request: Refusal(11))
    assert absent.carry_out(family.find(1)) is None
    mute = Unit((1, 701), {}, answering=lambda request: None)
    assert mute.carry_out(family.find(1)) is None
    assert Unit((1, 160), identified()).carry_out(family.find(1)) is None


def test_meter_and_inverter_in_one_map() -> None:
    """SolarEdge: a second model 1 starts the meter, with a serial number of its own."""
    unit = Unit((1, 103, 120, 121, 122, 123, 203), {**legacy().values, **METER203})
    as_meter = SunSpec(SunSpecOptions(kind=Kind.METER))
    assert look_at(unit, as_meter).readings[NET].value == -1500.0
    assert as_meter.capability(found_by(unit, as_meter)).abilities == {}
    assert look_at(unit, SunSpec(SunSpecOptions(kind=Kind.INVERTER))).readings[NET].value == -5000.0
    assert look_at(unit).readings[NET].value == -5000.0


def test_704_is_preferred_to_123() -> None:
    values = {**der700().values, **CONTROL123}
    unit = Unit((1, 701, 702, 703, 704, 123), values)
    [*_, (address, registers, _)] = written(unit, want(produce_max_w=2000.0))
    assert (address, registers) == (unit.address(704, "WMaxLimPctEna"), (1,))
    assert unit.values[123, "WMaxLim_Ena"] == 0


# What is written


def test_700_series_order_revert_side_value_enable() -> None:
    unit = der700()
    at = unit.address
    assert written(unit, want(produce_max_w=1500.0, revert=Revert(60.0, 500.0))) == [
        # 500 of 8000 W = 6.25 % = 625; EnaRvrt 1; 60 s as two registers.
        (at(704, "WMaxLimPctRvrt"), (625, 1, 0, 60), 16),
        # 1500 of 8000 W = 18.75 % = 1875.
        (at(704, "WMaxLimPct"), (1875,), 16),
        (at(704, "WMaxLimPctEna"), (1,), 16),
    ]


def test_700_series_without_revert_has_no_timer() -> None:
    unit = der700(WMaxLimPctRvrtTms=300)
    at = unit.address
    assert written(unit, want(produce_max_w=1500.0)) == [
        (at(704, "WMaxLimPctRvrtTms"), (0, 0), 16),
        (at(704, "WMaxLimPct"), (1875,), 16),
        (at(704, "WMaxLimPctEna"), (1,), 16),
    ]


def test_older_models_take_one_request_of_five_registers() -> None:
    unit = legacy()
    # 1500 of 5000 W = 30 % = 3000 at SF -2.
    assert written(unit, want(produce_max_w=1500.0)) == [(unit.address(123, "WMaxLimPct"), (3000, 0, 0, 0, 1), 16)]


def test_older_models_arm_no_timer_that_would_loosen() -> None:
    unit = legacy()
    assert written(unit, want(produce_max_w=1500.0, revert=Revert(60.0, 500.0)))[0][1] == (3000, 0, 0, 0, 1)


def test_older_models_arm_their_timer_where_release_is_wanted() -> None:
    unit = legacy()
    wanted = want(produce_max_w=1500.0, revert=Revert(60.0))
    assert written(unit, wanted)[0][1] == (3000, 0, 60, 0, 1)
    assert written(unit, wanted) == []
    # They do not tell how long it still runs: the driver says when it is time.
    assert written(unit, wanted, rearm=True)[0][1] == (3000, 0, 60, 0, 1)


def test_timers_stay_within_what_their_points_can_say() -> None:
    # 0 would mean no timer; 65535 means not implemented.
    assert written(legacy(), want(produce_max_w=1500.0, revert=Revert(0.5)))[0][1] == (3000, 0, 1, 0, 1)
    unit, wanted = legacy(), want(produce_max_w=1500.0, revert=Revert(1e6))
    assert written(unit, wanted)[0][1] == (3000, 0, 65534, 0, 1)
    assert written(unit, wanted) == []
    # 100000 = 1 * 65536 + 34464; a second begun is not promised.
    assert written(der700(), want(produce_max_w=1500.0, revert=Revert(100000.9)))[0][1] == (10000, 0, 1, 34464)


@pytest.mark.parametrize(("left_s", "writes"), [(60, 0), (30, 0), (29, 2), (0, 2)])
def test_700_series_timer_is_renewed_below_half(left_s: int, writes: int) -> None:
    unit = der700(
        WMaxLimPctEna=1,
        WMaxLimPct=1875,
        WMaxLimPctRvrt=625,
        WMaxLimPctEnaRvrt=1,
        WMaxLimPctRvrtTms=60,
        WMaxLimPctRvrtRem=left_s,
    )
    at = unit.address
    expected = [(at(704, "WMaxLimPctRvrt"), (625, 1, 0, 60), 16), (at(704, "WMaxLimPct"), (1875,), 16)]
    # rearm is for timers that the device does not show; this one it shows.
    assert written(unit, want(produce_max_w=1500.0, revert=Revert(60.0, 500.0)), rearm=True) == expected[:writes]


def test_limits_are_rounded_towards_tighter() -> None:
    # 1234.5 of 8000 W = 15.43125 % -> 1543; at SF 0: 15.
    assert written(der700(), want(produce_max_w=1234.5))[0][1] == (1543,)
    assert written(der700(WMaxLimPct_SF=0, WMaxLimPct=100), want(produce_max_w=1234.5))[0][1] == (15,)
    # The revert value too: 999.9 of 8000 W = 12.49875 % -> 1249.
    assert written(der700(), want(produce_max_w=2000.0, revert=Revert(60.0, 999.9)))[0][1] == (1249, 1, 0, 60)


def test_binary_fractions_lose_no_step() -> None:
    # 2300 of 8000 W = 28.75 %, 4.6 W of 8000 W = 0.0575 % -> 5; 0.07 % is 7 steps, not 6.
    assert written(der700(), want(produce_max_w=2300.0))[0][1] == (2875,)
    assert written(der700(), want(produce_max_w=5.6))[0][1] == (7,)


@pytest.mark.parametrize("limit_w", [8000.0, 8000.1, 1e9, math.inf])
def test_a_limit_that_binds_nothing_is_enabled_at_full_power(limit_w: float) -> None:
    """So that it reads back as ours, and so that the timer, which runs only while enabled, can fall to the fail-safe."""
    unit = der700()
    at = unit.address
    assert written(unit, want(produce_max_w=limit_w, revert=Revert(60.0, 500.0))) == [
        (at(704, "WMaxLimPctRvrt"), (625, 1, 0, 60), 16),
        (at(704, "WMaxLimPctEna"), (1,), 16),
    ]


@pytest.mark.parametrize("limit_w", [0.0, -5.0])
def test_zero_and_below_are_zero(limit_w: float) -> None:
    assert written(legacy(), want(produce_max_w=limit_w))[0][1] == (0, 0, 0, 0, 1)


def test_consumption_is_nothing_to_a_pv_inverter() -> None:
    assert written(der700(), want(consume_max_w=0.0)) == []


def test_off_comes_first_and_on_last() -> None:
    unit = der700()
    at = unit.address
    off = written(unit, want(on=False, produce_max_w=2000.0))
    assert off[0] == (at(703, "ES"), (0,), 16)
    on = written(unit, want(on=True, produce_max_w=1000.0))
    assert on[-1] == (at(703, "ES"), (1,), 16)


def test_older_models_disconnect_and_connect() -> None:
    unit = legacy()
    at = unit.address(123, "Conn_WinTms")
    assert written(unit, want(on=False)) == [(at, (0, 0, 0), 16)]
    assert written(unit, want(on=False)) == []
    assert written(unit, want(on=True)) == [(at, (0, 0, 1), 16)]


def test_not_ours_is_not_touched() -> None:
    unit = der700()
    unit.values |= points(703, ES=0)
    assert written(unit, want()) == []
    assert all(write[0] != unit.address(703, "ES") for write in written(unit, want(produce_max_w=1000.0)))


def test_points_not_implemented_are_left_out() -> None:
    unit = legacy()
    for name in ("WMaxLimPct_WinTms", "WMaxLimPct_RmpTms"):
        del unit.values[123, name]
    at = unit.address
    assert written(unit, want(produce_max_w=1500.0)) == [
        (at(123, "WMaxLimPct"), (3000,), 16),
        (at(123, "WMaxLimPct_RvrtTms"), (0,), 16),
        (at(123, "WMaxLim_Ena"), (1,), 16),
    ]


def test_function_six_is_learnt_once_and_kept() -> None:
    """Kostal refuses function 16 on the limit with exception 2 (facts, section 1)."""
    unit = legacy()
    family = SunSpec()
    found = found_by(unit, family)
    raw = unit.carry_out(family.poll(found))
    assert raw is not None
    unit.answering = sixteen_refused
    writing = unit.carry_out(family.write(found, raw, want(produce_max_w=1500.0)))
    assert [function for _, _, function in unit.writes] == [16, 6, 6, 6, 6, 6]
    assert (writing.refused, unit.values[123, "WMaxLimPct"], unit.values[123, "WMaxLim_Ena"]) == ("", 3000, 1)
    learnt = writing.found
    assert learnt is not None
    unit.carry_out(family.write(learnt, raw, want(produce_max_w=1000.0)))
    assert {function for _, _, function in unit.writes} == {6}
    again = unit.carry_out(family.find(1, learnt))
    assert again is not None
    assert again.functions == {"123.WMaxLimPct": 6}


def test_wide_points_never_go_with_function_six() -> None:
    unit = der700()
    family = SunSpec()
    found = found_by(unit, family)
    raw = unit.carry_out(family.poll(found))
    assert raw is not None
    narrow = {unit.address(704, name) for name in ("WMaxLimPct", "WMaxLimPctEna")}
    unit.answering = lambda r: Refusal(2) if isinstance(r, Write) and r.function == 16 and r.address in narrow else True
    writing = unit.carry_out(family.write(found, raw, want(produce_max_w=1500.0, revert=Revert(60.0, 500.0))))
    assert writing.refused == ""
    # Learnt point by point: Kostal refuses 16 on some and takes it on others.
    assert [function for _, _, function in unit.writes] == [16, 16, 6, 16, 6]
    assert unit.values[704, "WMaxLimPctRvrtTms"] == 60


def test_after_a_refusal_the_rest_of_the_sequence_is_left_out() -> None:
    unit = der700()
    family = SunSpec()
    found = found_by(unit, family)
    raw = unit.carry_out(family.poll(found))
    assert raw is not None
    value = unit.address(704, "WMaxLimPct")
    unit.answering = lambda r: Refusal(3) if isinstance(r, Write) and r.address == value else True
    writing = unit.carry_out(family.write(found, raw, want(produce_max_w=1500.0, revert=Revert(60.0, 500.0))))
    assert writing.refused == "704.WMaxLimPct: exception 3 (illegal data value)"
    assert unit.values[704, "WMaxLimPctEna"] == 0
    assert writing.found is None


def test_a_write_without_answer_may_have_arrived() -> None:
    unit = der700()
    family = SunSpec()
    found = found_by(unit, family)
    raw = unit.carry_out(family.poll(found))
    assert raw is not None
    unit.answering = lambda r: None if isinstance(r, Write) else True
    writing = unit.carry_out(family.write(found, raw, want(produce_max_w=1500.0)))
    assert (writing.points, writing.refused, writing.silent) == ({"704.WMaxLimPct": 18.75}, "", False)
    assert len(unit.writes) == 1


def test_what_cannot_be_obeyed_is_refused_in_words() -> None:
    unit = Unit((1, 103), {**identified(), **AC103})
    family = SunSpec()
    found = found_by(unit, family)
    raw = unit.carry_out(family.poll(found))
    assert raw is not None
    assert unit.carry_out(family.write(found, raw, want(produce_max_w=1.0))).refused
    assert unit.carry_out(family.write(found, raw, want(on=False))).refused
    assert unit.writes == []


# What is given back


def test_release_switches_a_limit_off_before_it_changes() -> None:
    unit = der700()
    baseline = look_at(unit).points
    written(unit, want(produce_max_w=1500.0, revert=Revert(60.0, 500.0)))
    family = SunSpec()
    found = found_by(unit, family)
    raw = unit.carry_out(family.poll(found))
    assert raw is not None
    unit.carry_out(family.release(found, raw, baseline))
    at = unit.address
    assert unit.writes == [
        (at(704, "WMaxLimPctEna"), (0,), 16),
        # 100 %, fall to 100 %, not enabled, no timer.
        (at(704, "WMaxLimPct"), (10000, 10000, 0, 0, 0), 16),
    ]
    assert look_at(unit).points == baseline


def test_release_of_a_limit_that_was_on_never_switches_it_off() -> None:
    unit = legacy(WMaxLim_Ena=1, WMaxLimPct=7000)
    baseline = look_at(unit).points
    written(unit, want(produce_max_w=1500.0, on=False))
    family = SunSpec()
    found = found_by(unit, family)
    raw = unit.carry_out(family.poll(found))
    assert raw is not None
    unit.carry_out(family.release(found, raw, baseline))
    assert look_at(unit).points == baseline
    assert (unit.address(123, "WMaxLim_Ena"), (0,), 16) not in unit.writes


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("max_read", 3),
        ("max_read", 126),
        ("max_read", 50.5),
        ("max_read", True),
        ("max_read", "50"),
        ("function", 6),
        ("meter_positive", "inward"),
        ("kind", "fridge"),
    ],
)
def test_options_have_ranges(name: str, wrong: Any) -> None:
    with pytest.raises(ValueError, match=name):
        SunSpecOptions(**{name: wrong})


def test_options_are_words_in_the_configuration() -> None:
    plain: dict[str, Any] = {"meter_positive": "export", "kind": "meter"}
    assert look_at(meter(), SunSpec(SunSpecOptions(**plain))).readings[NET].value == 1500.0
