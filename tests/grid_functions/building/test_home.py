"""A home's plan at given prices, where the best one can be told by hand; solved by the product's own solver."""

import numpy as np
import pytest

from gateway.solver import Solver
from grid_functions.building.heating import Comfort, Heating, HeatingPlan, Zone, dynamics
from grid_functions.building.home import Home, Limits, Plan, Tariff, combined, home
from grid_functions.building.inquiry import Inquiry
from grid_functions.building.part import Horizon, Part, slack
from grid_functions.building.program import Draft, Problem, Status
from grid_functions.building.storage import StoragePlan, Store, Wanted
from grid_functions.building.sun import SunPlan
from grid_functions.building.water import Tank, TankPlan
from grid_functions.model.policy import Connection

HOURS = Horizon(0.0, 3600.0, 4)
LOSSLESS = Store(10_000.0, 3000.0, 3000.0, 1.0, 1.0, wear_price=1e-6)


def tariff(*imported: float, exported: float = 0.0) -> Tariff:
    return Tariff(np.array(imported), np.full(len(imported), exported))


def planned(of: Home, at: Tariff) -> Plan:
    solution = Solver().solve(of.problem(at))
    assert solution.status is Status.OPTIMAL
    return of.plan(solution, at)


def battery(now_wh: float = 0.0, *, wanted: tuple[Wanted, ...] = ()) -> StoragePlan:
    return StoragePlan("battery", LOSSLESS, now_wh, np.ones(4), np.zeros(4), wanted)


def test_energy_moves_to_the_cheap_hours_and_costs_price_times_energy() -> None:
    """1 kW all day; dear in hours 2 and 3: 2 kWh are bought at 0.10 before. Money is 4 kWh at 0.10."""
    plan = planned(home(HOURS, [battery()], np.full(4, 1000.0)), tariff(0.10, 0.10, 0.50, 0.50))
    assert plan.net_w[2:] == pytest.approx([0.0, 0.0], abs=1e-3)
    assert plan.net_w.sum() == pytest.approx(4000.0)
    assert plan.cost == pytest.approx(0.40, abs=1e-4)


def test_nothing_is_planned_beyond_the_connection() -> None:
    """As above, of 1.5 kW: half a kilowatt more in each cheap hour is 1 kWh at 0.10, and the last of the dear is bought at 0.50."""
    of = home(HOURS, [battery()], np.full(4, 1000.0), connection=Connection(1500.0, 0.0))
    plan = planned(of, tariff(0.10, 0.10, 0.50, 0.50))
    assert plan.net_w.max() == pytest.approx(1500.0)
    assert plan.cost == pytest.approx(3.0 * 0.10 + 1.0 * 0.50, abs=1e-4)
    sunny = home(HOURS, [SunPlan("pv", np.full(4, 3000.0))], np.full(4, 1000.0), connection=Connection(None, 500.0))
    assert planned(sunny, tariff(0.1, 0.1, 0.1, 0.1, exported=0.05)).net_w == pytest.approx(np.full(4, -500.0))


def test_what_nobody_decides_may_take_more_than_the_connection_and_leaves_a_plan() -> None:
    of = home(HOURS, [battery()], np.array([4000.0, 1000.0, -4000.0, 1000.0]), connection=Connection(3000.0, 2000.0))
    plan = planned(of, tariff(0.1, 0.1, 0.1, 0.1))
    assert plan.net_w[0] <= 4000.0 + 1e-6
    assert plan.net_w[2] >= -4000.0 - 1e-6


def test_half_the_step_is_half_the_money() -> None:
    halves = Horizon(0.0, 1800.0, 4)
    plan = planned(home(halves, [], np.full(4, 1000.0)), tariff(0.10, 0.10, 0.10, 0.10))
    assert plan.cost == pytest.approx(0.20)


def test_a_car_is_charged_by_its_departure_and_only_while_it_is_there() -> None:
    car = StoragePlan(
        "car",
        Store(40_000.0, 7000.0, 0.0, 1.0, 1.0),
        0.0,
        np.array([0.0, 1.0, 1.0, 1.0]),
        np.zeros(4),
        (Wanted(2, 9000.0),),
    )
    plan = planned(home(HOURS, [car], np.zeros(4)), tariff(0.01, 0.30, 0.20, 0.01))
    assert plan.series["car.charge_w"] == pytest.approx([0.0, 2000.0, 7000.0, 0.0], abs=1e-3)


def test_a_v2g_car_serves_the_house_in_the_dear_hour() -> None:
    car = StoragePlan("car", LOSSLESS, 5000.0, np.ones(4), np.zeros(4), (Wanted(3, 5000.0),))
    plan = planned(home(HOURS, [car], np.full(4, 1000.0)), tariff(0.10, 0.50, 0.10, 0.10))
    assert plan.series["car.discharge_w"][1] == pytest.approx(1000.0, abs=1e-3)
    assert plan.series["car.energy_wh"][3] == pytest.approx(5000.0, abs=1e-2)


def test_the_road_takes_what_the_trip_needs() -> None:
    driven = np.array([0.0, 4000.0, 0.0, 0.0])
    car = StoragePlan("car", Store(40_000.0, 7000.0, 0.0, 1.0, 1.0), 5000.0, np.array([1.0, 0.0, 1.0, 1.0]), driven)
    plan = planned(home(HOURS, [car], np.zeros(4)), tariff(0.1, 0.1, 0.1, 0.1))
    assert plan.series["car.energy_wh"] == pytest.approx([5000.0, 1000.0, 1000.0, 1000.0], abs=1e-2)


def test_sun_that_is_worth_nothing_is_left() -> None:
    plan = planned(
        home(HOURS, [SunPlan("pv", np.full(4, 3000.0))], np.full(4, 1000.0)), tariff(0.1, 0.1, 0.1, 0.1, exported=-0.05)
    )
    assert plan.series["pv.power_w"] == pytest.approx(np.full(4, 1000.0))


def test_sun_that_is_paid_for_is_sold() -> None:
    plan = planned(
        home(HOURS, [SunPlan("pv", np.full(4, 3000.0))], np.full(4, 1000.0)), tariff(0.1, 0.1, 0.1, 0.1, exported=0.05)
    )
    assert plan.net_w == pytest.approx(np.full(4, -2000.0))
    assert plan.cost == pytest.approx(-4 * 2.0 * 0.05)


def test_a_zone_is_held_at_its_setpoint_by_just_what_it_loses() -> None:
    """Steady state: 100 W/K over 20 K are 2 kW."""
    zones = Heating((Zone(2000.0, 100.0, 5000.0),))
    part = HeatingPlan(
        "heat",
        dynamics(zones, 3600.0),
        np.array([5000.0]),
        np.array([20.0]),
        np.full((4, 1), 20.0),
        np.zeros(4),
        np.zeros((4, 1)),
        Comfort(near=1.0, far=5.0, over=1.0),
    )
    plan = planned(home(HOURS, [part], np.zeros(4)), tariff(0.1, 0.1, 0.1, 0.1))
    assert plan.series["heat.0.heat_w"] == pytest.approx(np.full(4, 2000.0), abs=1.0)
    assert plan.series["heat.0.temperature_c"] == pytest.approx(np.full(4, 20.0), abs=1e-6)


def test_what_cannot_be_kept_is_missed_by_as_little_as_can_be_and_there_is_a_plan() -> None:
    """A heater of 1 kW against a loss of 2 kW: full power all the time, and the temperature by the exact step."""
    zones = Heating((Zone(2000.0, 100.0, 1000.0),))
    step = dynamics(zones, 3600.0)
    part = HeatingPlan(
        "heat", step, np.array([1000.0]), np.array([20.0]), np.full((4, 1), 20.0), np.zeros(4), np.zeros((4, 1))
    )
    plan = planned(home(HOURS, [part], np.zeros(4)), tariff(0.01, 0.01, 0.01, 0.01))
    assert plan.series["heat.0.heat_w"] == pytest.approx(np.full(4, 1000.0), abs=1e-3)
    first = step.advance(np.array([20.0]), np.array([1000.0]), 0.0, np.zeros(1))[0]
    assert plan.series["heat.0.temperature_c"][0] == pytest.approx(first, abs=1e-6)


def test_a_tank_stays_over_its_least_temperature() -> None:
    tank = TankPlan("tank", Tank(200.0, 3000.0), 52.0, np.array([0.0, 60.0, 0.0, 0.0]), least_c=50.0)
    plan = planned(home(HOURS, [tank], np.zeros(4)), tariff(0.1, 0.1, 0.1, 0.1))
    assert plan.series["tank.temperature_c"].min() >= 50.0 - 1e-6
    assert plan.series["tank.short_k"].max() == pytest.approx(0.0, abs=1e-6)


def test_a_tank_is_heated_in_the_cheap_hour_by_its_heat_capacity() -> None:
    """100 l tight and undrawn take 116.3 Wh a kelvin: 1163 W for an hour are the 10 K that are wanted at the end."""
    tight = Tank(100.0, 1163.0, loss_w_per_k=0.0)
    tank = TankPlan("tank", tight, 50.0, np.zeros(4), least_c=50.0, final_c=60.0)
    plan = planned(home(HOURS, [tank], np.zeros(4)), tariff(0.2, 0.1, 0.2, 0.2))
    assert plan.series["tank.power_w"] == pytest.approx([0.0, 1163.0, 0.0, 0.0], abs=1e-3)
    assert plan.series["tank.temperature_c"] == pytest.approx([50.0, 60.0, 60.0, 60.0])


def test_a_tank_whose_least_is_above_its_most_is_kept_to_its_most() -> None:
    """Tight and undrawn at 45 degrees, its most, it lacks 5 K of 50 all day: 4 hours at 2.00 a kelvin-hour, and no power."""
    tight = Tank(200.0, 3000.0, loss_w_per_k=0.0)
    tank = TankPlan("tank", tight, 45.0, np.zeros(4), least_c=50.0, most_c=45.0, short_price=2.0)
    plan = planned(home(HOURS, [tank], np.zeros(4)), tariff(0.1, 0.1, 0.1, 0.1))
    assert plan.series["tank.temperature_c"] == pytest.approx(np.full(4, 45.0))
    assert plan.series["tank.short_k"] == pytest.approx(np.full(4, 5.0))
    assert plan.cost == pytest.approx(4 * 5.0 * 2.0)


def test_a_battery_found_below_its_reserve_is_filled_up_to_it_and_kept_there() -> None:
    """1.5 kWh are wanted and 0.5 are there: 1 kWh is bought at once at 0.10, dear as the next hour is, and none of it is used then."""
    empty = StoragePlan("battery", LOSSLESS, 500.0, np.ones(4), np.zeros(4), least_wh=1500.0, short_price=3.0)
    plan = planned(home(HOURS, [empty], np.zeros(4)), tariff(0.10, 0.90, 0.10, 0.90, exported=0.05))
    assert plan.series["battery.energy_wh"] == pytest.approx(np.full(4, 1500.0), abs=1e-3)
    assert plan.cost == pytest.approx(0.10, abs=1e-4)


def test_what_a_reserve_lacks_is_paid_for_until_it_is_there() -> None:
    """A battery that takes 1 kW lacks 1, then 0 kWh of 2: at 3.00 a kWh and hour the first hour costs 3.00, and 2 kWh at 0.10."""
    slow = Store(10_000.0, 1000.0, 1000.0, 1.0, 1.0, wear_price=1e-6)
    empty = StoragePlan("battery", slow, 0.0, np.ones(4), np.zeros(4), least_wh=2000.0, short_price=3.0)
    plan = planned(home(HOURS, [empty], np.zeros(4)), tariff(0.10, 0.10, 0.10, 0.10, exported=0.05))
    assert plan.series["battery.energy_wh"] == pytest.approx([1000.0, 2000.0, 2000.0, 2000.0], abs=1e-3)
    assert plan.cost == pytest.approx(3.0 + 0.2, abs=1e-3)


def test_a_tank_that_is_too_hot_has_a_plan_too() -> None:
    tank = TankPlan("tank", Tank(200.0, 3000.0), 90.0, np.zeros(4), most_c=65.0)
    plan = planned(home(HOURS, [tank], np.zeros(4)), tariff(0.1, 0.1, 0.1, 0.1))
    assert plan.series["tank.power_w"] == pytest.approx(np.zeros(4), abs=1e-6)


def test_a_limit_on_import_is_kept_where_it_can_be() -> None:
    limits = Limits(np.array([np.inf, np.inf, 500.0, np.inf]), np.full(4, np.inf))
    plan = planned(home(HOURS, [battery()], np.full(4, 1000.0), limits), tariff(0.5, 0.5, 0.1, 0.5))
    assert plan.net_w[2] == pytest.approx(500.0, abs=1e-3)


def test_a_limit_that_cannot_be_kept_is_soft_and_dear() -> None:
    limits = Limits(np.full(4, 200.0), np.full(4, np.inf), price=5.0)
    plan = planned(home(HOURS, [], np.full(4, 1000.0), limits), tariff(0.1, 0.1, 0.1, 0.1))
    assert plan.net_w == pytest.approx(np.full(4, 1000.0))
    assert plan.cost == pytest.approx(4 * (0.1 + 0.8 * 5.0))


def test_a_plan_of_two_halves_is_half_of_each() -> None:
    at = home(HOURS, [battery()], np.full(4, 1000.0))
    first, second = planned(at, tariff(0.1, 0.1, 0.5, 0.5)), planned(at, tariff(0.5, 0.5, 0.1, 0.1))
    mixed = combined([first, second], [0.25, 0.75])
    assert mixed.net_w == pytest.approx(0.25 * first.net_w + 0.75 * second.net_w)
    assert mixed.series["battery.energy_wh"] == pytest.approx(
        0.25 * first.series["battery.energy_wh"] + 0.75 * second.series["battery.energy_wh"]
    )


def test_a_plan_of_one_is_that_plan() -> None:
    at = home(HOURS, [battery()], np.full(4, 1000.0))
    only = planned(at, tariff(0.1, 0.1, 0.5, 0.5))
    whole = combined([only], [1.0])
    assert whole.horizon == HOURS
    assert whole.net_w == pytest.approx(only.net_w)
    assert whole.cost == pytest.approx(0.40, abs=1e-4)


def test_an_inquiry_about_no_steps_makes_none_of_them_dearer() -> None:
    at, prices = home(HOURS, [], np.full(4, 1000.0)), tariff(0.1, 0.1, 0.1, 0.1)
    assert Inquiry("feeder", "day_ahead", "t1", at, prices).within(5.0).tolist() == [0.0, 0.0, 0.0, 0.0]
    assert Inquiry("feeder", "day_ahead", "t1", at, prices, 1, 3).within(5.0).tolist() == [0.0, 5.0, 5.0, 0.0]


def test_other_prices_from_where_the_solver_was_are_worth_what_a_new_solver_finds() -> None:
    parts: list[Part] = [
        battery(3000.0, wanted=(Wanted(3, 3000.0),)),
        SunPlan("pv", np.array([0.0, 2000.0, 2000.0, 0.0])),
    ]
    at = home(HOURS, parts, np.full(4, 1000.0))
    warm = Solver()
    for prices in ((0.1, 0.2, 0.3, 0.4), (0.4, 0.3, 0.2, 0.1), (0.1, 0.4, 0.1, 0.4)):
        problem = at.problem(tariff(*prices))
        assert warm.solve(problem).objective == pytest.approx(Solver().solve(problem).objective, abs=1e-9)


def test_prices_that_are_no_numbers_or_pay_to_circulate_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        tariff(0.1, float("nan"), 0.1, 0.1)
    with pytest.raises(ValueError, match="circulate"):
        tariff(0.1, 0.1, 0.1, 0.1, exported=0.1)


def test_pieces_of_a_shortfall_get_dearer() -> None:
    with pytest.raises(ValueError, match="rise"):
        slack(Draft(), (0.5,), (1.0, 0.5))


def test_a_problem_without_an_answer_says_so() -> None:
    draft = Draft()
    column = draft.block(1, 0.0, 1.0, 1.0)[0]
    draft.row([(column, 1.0)], 2.0, np.inf)
    solution = Solver().solve(Problem(draft.program(), draft.cost))
    assert solution.status is Status.INFEASIBLE
    assert not solution.usable


def test_a_problem_without_a_floor_says_so() -> None:
    draft = Draft()
    draft.block(1, -np.inf, np.inf, 1.0)
    assert not Solver().solve(Problem(draft.program(), draft.cost)).usable


def test_whole_numbers_are_whole_and_come_with_a_bound() -> None:
    """Knapsack: weights 3 and 4 into 5, worth 3 and 5: the one of 4. Relaxed it would be worth 5.75."""
    draft = Draft()
    pick = draft.block(2, 0.0, 1.0, np.array([-3.0, -5.0]), integer=True)
    draft.row([(pick[0], 3.0), (pick[1], 4.0)], -np.inf, 5.0)
    solution = Solver().solve(Problem(draft.program(), draft.cost))
    assert solution.x == pytest.approx([0.0, 1.0])
    assert solution.bound == pytest.approx(-5.0)
    assert solution.gap == pytest.approx(0.0)
