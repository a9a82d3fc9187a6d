"""What a device tells: storage, throttle, heartbeat, float twins, moving scale factors, few requests to find it."""

import math
from struct import pack, unpack

import pytest

from adapters.devices.sunspec.family import SunSpec
from adapters.family import Look
from adapters.modbus.frames import Read, Request
from adapters.pulse import Pulse
from grid_functions.model.device import GridRatings
from grid_functions.model.instants import Instants
from grid_functions.model.reading import Quality
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.units import Phase, Quantity
from tests.adapters.rack import Key, Rack, filled, new, old, points, served, who
from tests.adapters.simulator.situations import Hand
from tests.adapters.stage import UTC_S, desk

NET = (Quantity.NET, None)


def look(rack: Rack) -> Look:
    family = SunSpec()
    found = rack.carry_out(family.find(1))
    assert found is not None
    raw = rack.carry_out(family.poll(found))
    assert raw is not None
    return family.decode(found, raw, Instants(1.0, 2.0))


def floats(model: int, **values: float) -> dict[Key, int | str]:
    """Float points, as the registers' integer."""
    return {(model, name): unpack(">I", pack(">f", value))[0] for name, value in values.items()}


def test_storage_of_the_700_series() -> None:
    rack = new()
    rack.values |= points(713, SoC=555, WHAvail=55, Pct_SF=-1, WH_SF=2, Sta=2)
    seen = look(rack)
    assert seen.readings[Quantity.STATE_OF_CHARGE, None].value == 55.5
    assert seen.readings[Quantity.STORED_ENERGY, None].value == 5500.0
    assert "STORAGE_ERROR" in seen.alarms


def test_a_model_of_storage_without_storage_is_no_state_of_charge() -> None:
    rack = new()
    rack.values |= points(713, SoC=0, WHAvail=0, Pct_SF=-1, WH_SF=2)
    for key in ((702, "WChaRteMaxRtg"), (713, "WHRtg")):
        rack.values.pop(key, None)
    assert (Quantity.STATE_OF_CHARGE, None) not in look(rack).readings
    rack.values[713, "WHRtg"] = 96
    assert look(rack).readings[Quantity.STATE_OF_CHARGE, None].value == 0.0


def test_storage_of_the_older_models() -> None:
    rack = old()
    rack.values |= points(124, ChaState=6050, ChaState_SF=-2)
    assert look(rack).readings[Quantity.STATE_OF_CHARGE, None].value == 60.5
    battery = Rack((1, 802), who() | filled(802) | points(802, SoC=425, SoC_SF=-1, Evt1=0b10))
    seen = look(battery)
    assert seen.readings[Quantity.STATE_OF_CHARGE, None].value == 42.5
    assert seen.alarms == {"OVER_TEMP_ALARM"}


def test_nameplate_of_a_battery() -> None:
    family, rack = SunSpec(), old()
    rack.values |= points(120, WHRtg=96, WHRtg_SF=2)
    found = rack.carry_out(family.find(1))
    assert found is not None
    plate = family.nameplate(found)
    assert (plate.rated_charge_w, plate.rated_discharge_w, plate.capacity_wh) == (4000.0, 4000.0, 9600.0)


def _grid(rack: Rack) -> GridRatings:
    family = SunSpec()
    found = rack.carry_out(family.find(1))
    assert found is not None
    return family.nameplate(found).grid


def test_grid_ratings_of_the_700_series() -> None:
    rack = new()
    rack.values |= points(702, V_SF=-1, A_SF=-1, PF_SF=-2, VMaxRtg=2645, VMinRtg=1800, AMaxRtg=227, WOvrExtRtgPF=90)
    rack.values |= points(702, WUndExtRtgPF=85, NorOpCatRtg=1, AbnOpCatRtg=2, PFOvrExtRtg=70)
    found = _grid(rack)
    assert (found.max_v, found.min_v, found.max_a) == (264.5, 180.0, 22.7)
    assert (found.over_excited_pf, found.under_excited_pf, found.normal, found.abnormal) == (0.9, 0.85, "B", "III")
    assert (found.least_pf_over, found.least_pf_under) == (None, None)  # the points of that name are not used
    rack.values |= points(702, NorOpCatRtg=9)
    assert _grid(rack).normal is None


def test_grid_ratings_of_the_older_models() -> None:
    rack = old()
    rack.values |= points(120, ARtg=217, ARtg_SF=-1, PFRtgQ1=80, PFRtgQ4=-80, PFRtg_SF=-2)
    found = _grid(rack)
    assert (found.max_a, found.least_pf_over, found.least_pf_under) == (21.7, 0.8, 0.8)


@pytest.mark.parametrize("number", range(8))
def test_an_inverters_own_word(number: int) -> None:
    """701.InvSt counts from 0, St of the older models from 1."""
    names = ("off", "sleeping", "starting", "running", "throttled", "stopping", "fault", "standby")
    rack = new()
    rack.values |= points(701, InvSt=number) | points(715, LocRemCtl=number % 2)
    word = look(rack).word
    assert (word.state, word.local, word.code) == (names[number], number % 2 == 1, "")
    rack = old()
    model = next(model for model in rack.models if model in (101, 102, 103))
    rack.values |= points(model, St=number + 1, StVnd=307)
    word = look(rack).word
    assert (word.state, word.local, word.code) == (names[number], None, "307")


def test_a_state_nobody_defined_is_none() -> None:
    rack = new()
    rack.values |= points(701, InvSt=42)
    assert look(rack).word.state is None


def test_what_holds_it_back_is_said() -> None:
    rack = new()
    rack.values |= points(701, ThrotPct=40, ThrotSrc=0b10001)
    assert look(rack).text == "throttled by 40 % (MAX_W, VOLT_VAR)"
    # 122 leaves bit 11 out: 12 is the schedule.
    rack = old()
    rack.values |= points(122, StActCtl=1 << 12 | 1 << 3)
    assert look(rack).text == "active: Scheduled, Volt-VAr"


@pytest.mark.parametrize(("state", "operating"), [(0, False), (1, False), (3, True), (4, True), (6, False), (7, False)])
def test_states_of_701_are_its_own(state: int, operating: bool) -> None:
    """701 counts from 0, 101 to 113 from 1."""
    rack = new()
    rack.values |= points(701, InvSt=state)
    assert look(rack).operating is operating


@pytest.mark.parametrize("model", [111, 112, 113])
def test_float_twins_of_the_inverters(model: int) -> None:
    values = who() | floats(model, W=2500.5, VAr=-100.0, Hz=50.01, PhVphA=230.5, A=10.9, WH=77.0) | points(model, St=4)
    seen = look(Rack((1, model), values))
    assert seen.readings[NET].value == -2500.5
    assert seen.readings[Quantity.REACTIVE, None].value == 100.0
    assert seen.readings[Quantity.VOLTAGE, Phase.A].value == 230.5
    assert (Quantity.VOLTAGE, Phase.B) not in seen.readings


@pytest.mark.parametrize("model", [211, 212, 213, 214])
def test_float_twins_of_the_meters(model: int) -> None:
    seen = look(Rack((1, model), who() | floats(model, W=-1200.5, WphA=-400.0, Hz=50.0, PhV=231.0)))
    assert seen.readings[NET].value == -1200.5
    assert seen.readings[Quantity.NET, Phase.A].value == -400.0


@pytest.mark.parametrize("model", [201, 202, 203, 204])
def test_meters(model: int) -> None:
    rack = Rack((1, model), who() | filled(model) | points(model, W=-12005, W_SF=-1, Hz=5001, Hz_SF=-2))
    seen = look(rack)
    assert (seen.readings[NET].value, seen.readings[Quantity.FREQUENCY, None].value) == (-1200.5, 50.01)


@pytest.mark.parametrize("factor", [-0x8000, 11, -11])
def test_without_a_usable_scale_factor_nothing_is_known_or_written(factor: int) -> None:
    """Unknown, never the raw value."""
    rack = new()
    rack.values |= points(701, W_SF=factor) | points(704, WMaxLimPct_SF=factor, VarSet_SF=factor)
    seen = look(rack)
    assert seen.readings[NET].quality is Quality.MISSING
    assert math.isnan(seen.readings[NET].value)
    assert "704.WMaxLimPct" not in seen.points


async def test_scale_factors_that_move_are_read_with_their_value() -> None:
    """SolarEdge changes them at run time: value and factor come from one answer."""
    rack, family = new(), SunSpec()
    found = rack.carry_out(family.find(1))
    assert found is not None
    rack.values |= points(701, W=600, W_SF=1)
    raw = rack.carry_out(family.poll(found))
    assert raw is not None
    assert family.decode(found, raw, Instants(1.0, 2.0)).readings[NET].value == -6000.0
    w, factor = (40000 + rack.spots[701, name].offset for name in ("W", "W_SF"))
    reads = [r for r in rack.asked if isinstance(r, Read)]
    assert any(r.address <= w and factor < r.address + r.count for r in reads)


def test_finding_it_takes_few_requests() -> None:
    for spans, most in ((True, 16), (False, 40)):
        rack = new(spans=spans)
        assert rack.carry_out(SunSpec().find(1)) is not None
        assert len(rack.asked) <= most, spans
        assert len({(r.address, r.count) for r in rack.asked if isinstance(r, Read)}) == len(rack.asked)


def test_polling_takes_few_requests() -> None:
    rack, family = new(), SunSpec()
    found = rack.carry_out(family.find(1))
    assert found is not None
    rack.carry_out(family.poll(found))
    # 701; 702 to 704; 713 to 715.
    assert len(rack.asked) == 3


# Heartbeats


@pytest.mark.parametrize(("last", "next_"), [(9, 10), (0xFFFF_FFFE, 0)])
def test_our_heartbeat_counts_on_while_something_is_ours(last: int, next_: int) -> None:
    rack, family = new(), SunSpec()
    rack.values |= points(715, ControllerHb=last)
    found = rack.carry_out(family.find(1))
    assert found is not None
    rack.carry_out(family.poll(found))
    assert rack.writes() == []
    rack.carry_out(family.poll(found, frozenset({"704.WMaxLimPct"})))
    assert rack.writes() == [{(715, "ControllerHb"): next_}]


@pytest.mark.parametrize(("last", "next_"), [(9, 10), (0xFFFE, 0)])
def test_heartbeat_of_a_battery(last: int, next_: int) -> None:
    rack = Rack((1, 802, 124), who() | filled(802) | filled(124) | points(802, CtrlHb=last, Hb=77))
    family = SunSpec()
    found = rack.carry_out(family.find(1))
    assert found is not None
    raw = rack.carry_out(family.poll(found, frozenset({"124.InWRte"})))
    assert raw is not None
    assert rack.writes() == [{(802, "CtrlHb"): next_}]
    assert family.decode(found, raw, Instants(1.0, 2.0)).beat == 77


async def test_heartbeat_is_written_with_every_look_and_missed_when_it_stops() -> None:
    rack = new()

    def alive(request: Request) -> bool:
        if isinstance(request, Read) and moving[0]:
            beat = rack.values[715, "DERHb"]
            assert isinstance(beat, int)
            rack.values[715, "DERHb"] = beat + 1
        return True

    moving = [True]
    rack.habit = alive
    async with served(rack), desk(rack.port, Hand(UTC_S)) as d:
        d.driver.want(Setpoint("device", 1, produce_max_w=1000.0))
        for _ in range(3):
            await d.look(1.0)
        rack.asked.clear()
        for _ in range(12):
            seen = await d.look(1.0)
        assert len([w for w in rack.writes() if (715, "ControllerHb") in w]) == 12
        assert "HEARTBEAT_STOPPED" not in seen.condition.alarms
        moving[0] = False
        for _ in range(12):
            seen = await d.look(1.0)
        assert "HEARTBEAT_STOPPED" in seen.condition.alarms
        moving[0] = True
        seen = await d.look(1.0)
        assert "HEARTBEAT_STOPPED" not in seen.condition.alarms


async def test_no_heartbeat_from_one_that_only_watches() -> None:
    rack = new()
    async with served(rack), desk(rack.port, Hand(UTC_S), read_only=True) as d:
        d.driver.want(Setpoint("device", 1, produce_max_w=1000.0))
        await d.look(1.0)
        assert rack.writes() == []


def test_a_pulse_may_start_anew_and_may_be_absent() -> None:
    pulse = Pulse()
    assert [pulse.stalled(beat, t) for beat, t in ((5, 0.0), (5, 9.9), (5, 10.0), (0, 10.1), (0, 20.0))] == [
        False,
        False,
        True,
        False,
        False,
    ]
    assert not pulse.stalled(None, 99.0)
    assert not pulse.stalled(None, 999.0)
