"""A car that came late, or took less than it was offered, is made up for before it leaves."""

import pytest

from grid_functions.building import charging
from grid_functions.building.dwelling import CarOf, Dwelling
from grid_functions.building.execution import Executing, Stay
from grid_functions.building.part import Horizon
from grid_functions.building.storage import Store
from grid_functions.model.device import Role, Vehicle
from grid_functions.model.instants import Instants
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity
from tests.grid_functions.building.test_steward import NOON, seen

HOUR_S = 3600.0
# At 6 kW at most; below 6 A of 230 V it pauses.
CAR = CarOf("evse", Store(40_000.0, 6000.0, 0.0), 13 * HOUR_S, 18 * HOUR_S, least_w=1380.0, step_w=230.0)
DWELLING = Dwelling(cars=(CAR,))
STAY = Stay(1, 6)


def snapshot(counted_wh: float | None, vehicle: Vehicle = Vehicle.CHARGING) -> Snapshot:
    told = {} if counted_wh is None else {"session_energy": counted_wh}
    return Snapshot("house", Instants(0.0, NOON), {}, {"evse": seen("evse", Role.EVSE, vehicle, **told)})


def told_w(
    planned_w: tuple[float, ...],
    at_h: float,
    counted_wh: float | None,
    vehicle: Vehicle = Vehicle.CHARGING,
    stay: Stay = STAY,
) -> float:
    """What the charger is told so many hours after noon; a plan of hours, the car counted on from 13:00 to 18:00."""
    ones = tuple((Quantity.CONSUMED, power_w) for power_w in planned_w)
    plan = Executing(NOON, HOUR_S, {"evse": ones}, stays={"evse": (stay,)})
    quantity, power_w = charging.told(plan, snapshot(counted_wh, vehicle), DWELLING, NOON + at_h * HOUR_S)["evse"]
    assert quantity is Quantity.CONSUMED
    return power_w


PLANNED_W = (0.0, 0.0, 3000.0, 0.0, 3000.0, 0.0, 0.0)


def test_a_car_that_took_what_was_planned_is_told_the_plan() -> None:
    """Also in the midst of an hour, of which half is due, and if it took more."""
    assert told_w(PLANNED_W, 3.0, 3000.0) == 0.0
    assert told_w(PLANNED_W, 2.5, 1500.0) == 3000.0
    assert told_w(PLANNED_W, 4.0, 5000.0) == 3000.0


def test_what_is_owed_is_charged_when_the_plan_charges_anyway() -> None:
    """It came at 15:00: 3 kWh are owed, and from 16:00 on there is room for them, 6 kW less 3 for an hour: until then nothing."""
    assert told_w(PLANNED_W, 3.5, 0.0) == 0.0
    assert told_w(PLANNED_W, 4.0, 0.0) == 6000.0


def test_each_of_the_hours_left_takes_the_same_share_of_its_room() -> None:
    """2 kWh owed at 15:00; room for 1 + 3 kWh in two hours: half of it, so 5000 + 500, and of steps of 230 W the next above: 24."""
    assert told_w((0.0, 0.0, 2000.0, 5000.0, 3000.0, 0.0, 0.0), 3.0, 0.0) == 24 * 230.0


def test_what_these_hours_cannot_hold_is_charged_beside_them() -> None:
    """4 kWh owed, room for 2: the other 2 in the two idle hours, 1 kW each, and below 1380 W it would pause; not for half an hour of that.

    3 kWh taken by 17:00 leave 5 for the last hour: of steps of 230 W the next above are 22. Over at 18:00.
    """
    planned_w = (0.0, 0.0, 4000.0, 0.0, 4000.0, 0.0, 0.0)
    assert told_w(planned_w, 3.0, 0.0) == 1380.0
    assert told_w(planned_w, 3.0, 1300.0) == 1380.0
    assert told_w(planned_w, 3.0, 1320.0) == 0.0
    assert told_w(planned_w, 5.0, 3000.0) == 22 * 230.0
    assert told_w(planned_w, 6.0, 0.0) == 0.0


def test_it_is_never_told_more_than_it_can_take() -> None:
    assert told_w((0.0, 0.0, 6000.0, 6000.0, 6000.0, 0.0, 0.0), 4.0, 0.0) == 6000.0
    assert told_w((0.0, 0.0, 6000.0, 6000.0, 6000.0, 0.0, 0.0), 5.5, 0.0) == 6000.0


def test_little_is_not_run_after() -> None:
    """Half an hour of the least is 690 Wh: nearer to nothing than to what it can keep."""
    assert told_w(PLANNED_W, 5.0, 6000.0 - 690.0) == 0.0
    assert told_w(PLANNED_W, 5.0, 6000.0 - 700.0) == 1380.0


def test_what_its_session_had_before_the_plan_does_not_count_for_it() -> None:
    """5 kWh of before, and 3 since: as planned. A count below 5 kWh is of a new session: 3 kWh of it."""
    before = Stay(0, 6, 5000.0)
    assert told_w(PLANNED_W, 3.0, 8000.0, stay=before) == 0.0
    assert told_w(PLANNED_W, 5.0, 8000.0, stay=before) == 3220.0
    assert told_w(PLANNED_W, 5.0, 3000.0, stay=before) == 3220.0


@pytest.mark.parametrize("vehicle", [Vehicle.ABSENT, Vehicle.FAULT, Vehicle.NO_POWER])
def test_who_is_not_there_is_owed_nothing(vehicle: Vehicle) -> None:
    """Chargers go on telling of the last session."""
    assert told_w(PLANNED_W, 5.0, 0.0, vehicle) == 0.0


def test_of_a_charger_that_does_not_count_nothing_is_concluded() -> None:
    assert told_w(PLANNED_W, 5.0, None) == 0.0
    assert told_w(PLANNED_W, 5.0, -1.0) == 0.0
    assert told_w(PLANNED_W, 5.0, float("nan")) == 0.0


def test_any_power_is_told_in_grades() -> None:
    """1 kWh owed for the last hour of three: 1000 W, and of 32 grades of 6000 W the next above: 6."""
    free = CarOf("evse", CAR.store)
    plan = Executing(
        NOON, HOUR_S, {"evse": ((Quantity.CONSUMED, 1000.0), (Quantity.CONSUMED, 0.0))}, stays={"evse": (Stay(0, 2),)}
    )
    found = charging.told(plan, snapshot(0.0), Dwelling(cars=(free,)), NOON + HOUR_S)
    assert found["evse"][1] == pytest.approx(6 * 187.5)


def clock(utc_s: float) -> tuple[int, float]:
    return 0, utc_s % 86_400.0


def test_a_car_is_counted_on_between_its_usual_hours() -> None:
    """Away at noon: from 13:00 to 18:00 today and tomorrow."""
    horizon = Horizon(NOON, HOUR_S, 36)
    found = charging.stays(DWELLING, snapshot(700.0, Vehicle.ABSENT), horizon, clock)
    assert found == {"evse": (Stay(1, 6), Stay(25, 30))}


def test_one_that_is_there_stays_and_has_what_it_has() -> None:
    """Plugged in at noon, out of its hours: counted as there on."""
    horizon = Horizon(NOON, HOUR_S, 28)
    found = charging.stays(DWELLING, snapshot(700.0), horizon, clock)
    assert found == {"evse": (Stay(0, 6, 700.0), Stay(25, 28))}
