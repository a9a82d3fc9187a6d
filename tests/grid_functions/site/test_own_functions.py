"""What the site's own functions claim of what they see; numbers by hand."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from grid_functions.model.claim import Bound, Claim, Need, Target
from grid_functions.model.control import ExportLimit, ImportLimit
from grid_functions.model.device import Role, Seen, Vehicle
from grid_functions.model.errors import ConfigurationFault
from grid_functions.model.function import SiteInputs
from grid_functions.model.instants import Instants
from grid_functions.model.reading import MeterKey, Quality, Reading
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.units import Quantity
from grid_functions.site.charging import ChargePlan, Charging, ChargingOptions
from grid_functions.site.power_limit import PowerLimit, PowerLimitOptions, PowerWindow
from grid_functions.site.ramp_limit import RampLimit, RampLimitOptions
from grid_functions.site.storage_limits import StorageLimits, StorageLimitsOptions, StorageLimitsState
from grid_functions.site.storage_mode import StorageMode, StorageModeOptions, StorageUse
from tests.grid_functions.house import charger, in_force, seen, snapshot, terms

CONSUMED, PRODUCED = Quantity.CONSUMED, Quantity.PRODUCED
MIDNIGHT = Instants(0.0, 86_400.0 * 12_000)


def inputs(devices: list[Seen], meter_w: float | None, *held: ExportLimit | ImportLimit) -> SiteInputs:
    site = terms({one.device: one.role for one in devices})
    return SiteInputs(site, tuple(in_force(one) for one in held), snapshot(devices, meter_w))


def battery(power_w: float | None = 0.0, charge_pct: float = 50.0) -> Seen:
    plain = seen("bat", Role.BATTERY, power_w=power_w)
    told = {**plain.condition.readings, (Quantity.STATE_OF_CHARGE, None): Reading(charge_pct, Quality.GOOD, 0.0, 0.0)}
    return replace(plain, condition=replace(plain.condition, readings=told))


def claims(outputs: tuple[object, ...]) -> list[Claim]:
    return [one for one in outputs if isinstance(one, Claim)]


def target_w(options: StorageModeOptions, looks: SiteInputs) -> float | None:
    function = StorageMode(options)
    found = [one.want for one in claims(function.step(function.empty(), looks, MIDNIGHT).outputs)]
    return found[0].value if found and isinstance(found[0], Target) else None


def needed(claim: Claim) -> tuple[float, int]:
    assert isinstance(claim.want, Need)
    return (round(claim.want.power_w, 6), claim.want.tier)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ChargingOptions((ChargePlan("a"), ChargePlan("a"))),
        lambda: ChargingOptions((ChargePlan("a", energy_wh=0.0),)),
        lambda: ChargingOptions((ChargePlan("a", energy_wh=float("nan")),)),
        lambda: ChargingOptions((ChargePlan("a", by_s=86_400.0),)),
        lambda: StorageLimitsOptions(reserve_pct=80.0, fill_pct=80.0),
        lambda: StorageLimitsOptions(reserve_pct=-1.0),
        lambda: StorageLimitsOptions(charge_max_w=-1.0),
        lambda: StorageLimitsOptions(discharge_max_w=float("inf")),
        lambda: StorageModeOptions(peak_w=float("nan")),
        lambda: StorageModeOptions(keep_pct=101.0),
        lambda: StorageModeOptions(keep_w=-1.0),
        lambda: PowerLimitOptions((PowerWindow(import_limit_w=-1.0),)),
        lambda: PowerLimitOptions((PowerWindow(from_s=86_400.0),)),
        lambda: PowerLimitOptions((PowerWindow(duration_s=0.0),)),
        lambda: PowerLimitOptions(margin_w=float("inf")),
        lambda: PowerLimitOptions(order=("a", "a")),
        lambda: RampLimitOptions(import_w_per_s=0.0),
        lambda: RampLimitOptions(export_w_per_s=float("nan")),
    ],
)
def test_options_that_make_no_sense_are_refused(make: Callable[[], Any]) -> None:
    with pytest.raises(ConfigurationFault):
        make()


def test_by_default_none_of_them_claims_anything() -> None:
    looks = inputs([battery(), charger("ev")], 1000.0)
    for function in (Charging(), StorageLimits(), StorageMode(), PowerLimit(), RampLimit()):
        assert function.step(function.empty(), looks, MIDNIGHT).outputs == ()  # type: ignore[arg-type]  # each its own


def test_a_plan_needs_the_mean_power_that_is_left() -> None:
    """20 kWh by 4 o'clock, of which 8 are in: 12 kWh in four hours and a tenth more are 3300 W."""
    car = charger("ev")
    session: dict[MeterKey, Reading] = {(Quantity.SESSION_ENERGY, None): Reading(8_000.0, Quality.GOOD, 0.0, 0.0)}
    car = replace(car, condition=replace(car.condition, readings={**car.condition.readings, **session}))
    function = Charging(ChargingOptions((ChargePlan("ev", 20_000.0, 4 * 3600.0),)))
    found = claims(function.step(function.empty(), inputs([car], 0.0), MIDNIGHT).outputs)
    assert [needed(one) for one in found] == [(3300.0, 0)]


def test_who_can_hardly_make_it_is_served_before_the_others() -> None:
    """40 kWh in four hours are 11 kW with the tenth: nearly all of 11,040 W, so one tier higher."""
    function = Charging(ChargingOptions((ChargePlan("ev", 40_000.0, 4 * 3600.0),)))
    found = claims(function.step(function.empty(), inputs([charger("ev")], 0.0), MIDNIGHT).outputs)
    assert [needed(one) for one in found] == [(11_000.0, 1)]


@pytest.mark.parametrize(
    ("meter_w", "limit_w"),
    [(-3000.0, 7000.0), (1000.0, 3000.0), (9000.0, 0.0), (None, 0.0)],
)
def test_the_sun_alone_charges_with_what_would_be_exported(meter_w: float | None, limit_w: float) -> None:
    """The car draws 4 kW; the surplus beside it is that less what is imported."""
    function = Charging(ChargingOptions((ChargePlan("ev", solar=True),)))
    looks = inputs([charger("ev", power_w=4000.0)], meter_w)
    assert [one.want for one in claims(function.step(function.empty(), looks, MIDNIGHT).outputs)] == [Bound(limit_w)]


@pytest.mark.parametrize(
    ("beside", "limit_w"), [(seen("pv", Role.PV, power_w=-5000.0), 7000.0), (battery(-2000.0), 5000.0)]
)
def test_what_a_battery_gives_is_no_sun_and_what_pv_gives_is(beside: Seen, limit_w: float) -> None:
    """4 kW are drawn and 3 kW exported."""
    function = Charging(ChargingOptions((ChargePlan("ev", solar=True),)))
    looks = inputs([charger("ev", power_w=4000.0), beside], -3000.0)
    assert [one.want for one in claims(function.step(function.empty(), looks, MIDNIGHT).outputs)] == [Bound(limit_w)]


def test_a_plan_without_a_vehicle_claims_nothing() -> None:
    function = Charging(ChargingOptions((ChargePlan("ev", 20_000.0, 3600.0),)))
    for vehicle in (Vehicle.ABSENT, Vehicle.FAULT, None):
        looks = inputs([charger("ev", vehicle=vehicle)], 0.0)
        assert function.step(function.empty(), looks, MIDNIGHT).outputs == ()


@pytest.mark.parametrize(
    ("charge_pct", "empty", "full", "limits"),
    [
        (50.0, False, False, {PRODUCED: 3000.0}),
        (20.0, False, False, {PRODUCED: 0.0}),
        (20.1, False, False, {PRODUCED: 3000.0}),
        (21.9, True, False, {PRODUCED: 0.0}),  # two percent beyond its edge before it is lifted
        (22.1, True, False, {PRODUCED: 3000.0}),
        (90.0, False, False, {PRODUCED: 3000.0, CONSUMED: 0.0}),
        (89.9, False, False, {PRODUCED: 3000.0}),
        (88.1, False, True, {PRODUCED: 3000.0, CONSUMED: 0.0}),
        (87.9, False, True, {PRODUCED: 3000.0}),
    ],
)
def test_reserve_and_fill_end_discharge_and_charge(
    charge_pct: float, empty: bool, full: bool, limits: dict[Quantity, float]
) -> None:
    function = StorageLimits(StorageLimitsOptions(20.0, 90.0, discharge_max_w=3000.0))
    state = StorageLimitsState(frozenset({"bat"} if empty else ()), frozenset({"bat"} if full else ()))
    found = claims(function.step(state, inputs([battery(charge_pct=charge_pct)], 0.0), MIDNIGHT).outputs)
    assert {one.quantity: one.want for one in found} == {quantity: Bound(w) for quantity, w in limits.items()}


@pytest.mark.parametrize(
    ("meter_w", "power_w", "wanted_w"),
    [
        (1500.0, 0.0, -1500.0),
        (0.0, -1500.0, -1500.0),  # what it does itself is not the rest of the site
        (-2000.0, 500.0, 2500.0),
        (None, 0.0, 0.0),
        (1000.0, None, 0.0),
    ],
)
def test_self_consumption_takes_what_the_rest_of_the_site_leaves(
    meter_w: float | None, power_w: float | None, wanted_w: float
) -> None:
    use = StorageModeOptions(StorageUse.SELF_CONSUMPTION)
    assert target_w(use, inputs([battery(power_w)], meter_w)) == wanted_w


@pytest.mark.parametrize(
    ("meter_w", "held", "wanted_w"),
    [
        (6000.0, (), -2000.0),  # above the peak of 4 kW
        (3500.0, (), 500.0),  # it recharges with 1 kW, but no more than the peak leaves
        (1000.0, (), 1000.0),
        (6000.0, (ImportLimit(3000.0),), -3000.0),  # a tighter limit in force counts
        (-5000.0, (ExportLimit(2000.0),), 3000.0),  # what may not be exported is stored
    ],
)
def test_peaks_are_shaved_and_limits_helped(
    meter_w: float, held: tuple[ExportLimit | ImportLimit, ...], wanted_w: float
) -> None:
    use = StorageModeOptions(StorageUse.LIMITS, 4000.0, 80.0, 1000.0)
    assert target_w(use, inputs([battery()], meter_w, *held)) == wanted_w


def test_behind_an_inverter_that_is_held_back_a_little_more_sun_is_looked_for() -> None:
    """Nothing flows, the inverter does all of its 900 W: 100 W more are taken, and the sun may follow."""
    pv = seen("pv", power_w=-900.0, holds=Setpoint("pv", produce_max_w=900.0))
    assert target_w(StorageModeOptions(StorageUse.SELF_CONSUMPTION), inputs([battery(), pv], 0.0)) == 100.0


def test_the_sites_own_limit_holds_in_its_hours_with_its_margin_and_order() -> None:
    options = PowerLimitOptions((PowerWindow(9000.0, None, 3600.0, 7200.0),), 500.0, ("b", "a", "gone"))
    function = PowerLimit(options)
    looks = inputs([charger("a"), charger("b")], 0.0)
    for utc_s, bounds in ((0.0, []), (3600.0, [Bound(8500.0)]), (10_799.0, [Bound(8500.0)]), (10_800.0, [])):
        now = Instants(utc_s, MIDNIGHT.utc_s + utc_s)
        found = claims(function.step(function.empty(), looks, now).outputs)
        assert [one.want for one in found if isinstance(one.want, Bound)] == bounds
        needs = {next(iter(getattr(one.scope, "names", ()))): one.want for one in found if isinstance(one.want, Need)}
        assert needs == {"b": Need(0.0, 0), "a": Need(0.0, 1)}


def test_a_ramp_runs_ten_seconds_ahead_and_no_faster() -> None:
    """100 W/s from 500 W: 1500 W at once, which rises only as what flows does; a dark meter lets it stand."""
    function = RampLimit(RampLimitOptions(import_w_per_s=100.0))
    state, found = function.empty(), []
    for at_s, meter_w in ((0.0, 500.0), (5.0, 5000.0), (10.0, 5000.0), (15.0, None), (20.0, 100.0)):
        looks = inputs([charger("ev")], None)
        picture = snapshot([charger("ev")], meter_w, at_s)
        done = function.step(state, replace(looks, snapshot=picture), Instants(at_s, at_s))
        state = done.state
        found += [one.want.limit for one in claims(done.outputs) if isinstance(one.want, Bound)]
    assert found == [1500.0, 2000.0, 2500.0, 2500.0, 1100.0]
