"""The SunSpec family against a device that changes what it said, or says what cannot be: nothing raises, nothing is loosened."""

import math

import pytest

from adapters.devices.sunspec import holds
from adapters.devices.sunspec.case import Case
from adapters.devices.sunspec.family import SunSpec
from adapters.devices.sunspec.found import Found
from adapters.devices.sunspec.steps import Values
from adapters.family import Writing
from adapters.rehearsal import dry
from grid_functions.model.control import Curve, CurveKind, CurvePoint, Flow, Mode, PowerFactor
from grid_functions.model.device import How
from grid_functions.model.instants import Instants
from grid_functions.model.reading import Quality
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.units import Quantity
from tests.adapters import rack as racks
from tests.adapters.devices.images import Unit, points
from tests.adapters.devices.test_sunspec import NET, der700, found_by, legacy, look_at, meter, want


def polled(unit: Unit, family: SunSpec, found: Found) -> Values:
    raw = unit.carry_out(family.poll(found))
    assert raw is not None
    return raw


def told(unit: Unit, wanted: Setpoint, **changed: int) -> Writing[Found]:
    """What comes of a setpoint where points of 703 and 704 read otherwise than when the device was found; -1: not implemented."""
    family = SunSpec()
    found = found_by(unit, family)
    for name, value in changed.items():
        unit.values.pop((704, name), None)
        unit.values |= {} if value == _GONE else points(704, **{name: value})
    return unit.carry_out(family.write(found, polled(unit, family, found), wanted))


_GONE = -(1 << 20)


@pytest.mark.parametrize("scale", [-3, -10])
def test_a_value_that_its_scale_cannot_say_is_refused_in_words(scale: int) -> None:
    """6500 W of 8 kW are 81.25 %, which is 81,250 thousandths: more than 16 bits hold."""
    unit = der700()
    writing = told(unit, want(produce_max_w=6500.0), WMaxLimPct_SF=scale)
    assert "704.WMaxLimPct" in writing.refused
    assert unit.writes == []


def test_what_cannot_be_said_holds_up_nothing_else() -> None:
    unit = der700()
    writing = told(unit, want(produce_max_w=6500.0, on=True), WMaxLimPct_SF=-3)
    assert writing.refused
    unit = der700()
    unit.values |= points(703, ES=0)
    writing = told(unit, want(produce_max_w=6500.0, on=True), WMaxLimPct_SF=-3)
    assert writing.points == {"703.ES": 1}


def test_half_a_group_that_moves_as_one_is_refused_in_words() -> None:
    unit = der700(PFWInjEna=0, PFWAbsEna=0, PF_SF=-2)
    unit.values |= {(704, "PFWInj.PF"): 100, (704, "PFWInj.Ext"): 0}
    family = SunSpec()
    found = found_by(unit, family)
    del unit.values[704, "PFWInj.PF"]
    wanted = want(reactive=PowerFactor(Flow.INJECT, 0.9, absorbs_var=True))
    # Ext is there and may be written only together with PF, which is not read: both are said.
    writing = unit.carry_out(family.write(found, polled(unit, family, found), wanted))
    assert (writing.refused, unit.values[704, "PFWInj.PF"], unit.values[704, "PFWInjEna"]) == ("", 90, 1)


def test_off_is_told_although_the_switch_reads_as_not_implemented_for_once() -> None:
    unit = der700()
    family = SunSpec()
    found = found_by(unit, family)
    del unit.values[703, "ES"]
    raw = polled(unit, family, found)
    assert not dry(family.write(found, raw, want(on=False)))
    unit.carry_out(family.write(found, raw, want(on=False)))
    assert unit.writes == [(unit.address(703, "ES"), (0,), 16)]


def test_a_limit_whose_enabling_point_is_not_read_is_not_taken_for_held() -> None:
    unit = der700(WMaxLimPct=1250, WMaxLimPctEna=1)
    family = SunSpec()
    found = found_by(unit, family)
    del unit.values[704, "WMaxLimPctEna"]
    raw = polled(unit, family, found)
    assert not dry(family.write(found, raw, want(produce_max_w=1000.0)))
    unit.carry_out(family.write(found, raw, want(produce_max_w=1000.0)))
    assert unit.values[704, "WMaxLimPctEna"] == 1


@pytest.mark.parametrize("limit_w", [0.0, 2000.0])
def test_a_setting_of_zero_is_no_base_and_loosens_nothing(limit_w: float) -> None:
    """WMax reads 0 for a moment: 100 % is then the rating, at least as much, so that the percentage is no larger."""
    unit = der700()
    family = SunSpec()
    found = found_by(unit, family)
    unit.values |= points(702, WMax=0)
    unit.carry_out(family.write(found, polled(unit, family, found), want(produce_max_w=limit_w)))
    assert unit.values[704, "WMaxLimPct"] == round(limit_w / 8000.0 * 10_000)


def test_ratings_of_zero_are_none() -> None:
    """Some firmware says 0 for what it does not implement: nobody then knows what the device can do, or what 100 % means."""
    for unit in (der700(), legacy()):
        unit.values |= dict.fromkeys(((702, "WMaxRtg"), (702, "WMax"), (120, "WRtg"), (121, "WMax")), 0)
        family = SunSpec()
        found = found_by(unit, family)
        plate = family.nameplate(found)
        assert (plate.rated_w, plate.max_w) == (None, None)
        assert family.capability(found).abilities[Mode.MAX_POWER].how is How.NOT_POSSIBLE
        writing = unit.carry_out(family.write(found, polled(unit, family, found), want(produce_max_w=0.0)))
        assert writing.refused == "what 100 % means cannot be read"
        assert unit.writes == []


@pytest.mark.parametrize(
    ("scale", "quality"), [(0, Quality.GOOD), (4, Quality.GOOD), (5, Quality.SUSPECT), (10, Quality.SUSPECT)]
)
def test_a_power_that_no_site_has_is_not_believed(scale: int, quality: Quality) -> None:
    """-1500 at 10^4 is -15 MW; at 10^5 more than the 100 MW that no device of a site passes: its scale factor lies."""
    reading = look_at(meter(W_SF=scale)).readings[NET]
    assert (reading.quality, math.isfinite(reading.value)) == (quality, quality is Quality.GOOD)


def test_more_than_a_full_battery_and_a_frequency_of_no_grid_are_not_believed() -> None:
    rack = racks.new()
    rack.values |= {(713, "SoC"): 101, (701, "Hz"): 500_000}
    family = SunSpec()
    found = rack.carry_out(family.find(1))
    assert found is not None
    raw = rack.carry_out(family.poll(found))
    assert raw is not None
    told = family.decode(found, raw, Instants(1.0, 2.0)).readings
    assert [
        told[quantity, None].quality for quantity in (Quantity.STATE_OF_CHARGE, Quantity.FREQUENCY, Quantity.NET)
    ] == [
        Quality.SUSPECT,
        Quality.SUSPECT,
        Quality.GOOD,
    ]


@pytest.mark.parametrize(
    ("rack", "model", "active", "enable"),
    [(racks.new(), 707, "Crv[1].MustTrip.ActPt", "Ena"), (racks.old(), 129, "curve[1].ActPt", "ModEna")],
)
def test_a_curve_that_counts_more_points_than_it_has_is_none_and_costs_nothing(
    rack: racks.Rack, model: int, active: str, enable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """65,534 points, each looked at by two names, were 20 MB and a third of a second for two bytes of the device's."""
    rack.values |= {(model, active): 0xFFFE, (model, enable): 1}
    looked, pair = 0, holds._pair

    def counting(case: Case, model: int, x: str, y: str) -> CurvePoint | None:
        nonlocal looked
        looked += 1
        return pair(case, model, x, y)

    monkeypatch.setattr(holds, "_pair", counting)
    family = SunSpec()
    found = rack.carry_out(family.find(1))
    assert found is not None
    curve = Curve(CurveKind.LVRT_MUST_TRIP, (CurvePoint(1, 50), CurvePoint(2, 80)))
    raw = rack.carry_out(family.poll(found, family.concerns(found, want(shapes=(curve,)))))
    assert raw is not None
    held = family.decode(found, raw, Instants(1.0, 2.0)).holds
    assert held is not None
    assert held.shapes == ()
    # Four points, or twenty in the older models, and the one that is not there.
    assert 0 < looked <= 21


def test_of_a_model_that_stands_twice_in_a_map_the_first_is_meant_by_all() -> None:
    one = racks.new()
    twice = racks.Rack((*one.models, 704, 705), one.values)
    family = SunSpec()
    found = twice.carry_out(family.find(1))
    assert found is not None
    places: dict[int, int] = {}
    for at, (model, _) in twice.headers.items():
        places.setdefault(model, racks.BASE + at)
    assert found.quick.areas[704].block.address == places[704]
    assert found.slow[705].areas[705].block.address == places[705]
