"""One direction at a time: fences, room, what is kept for others, and who waits for whom. Inverters of 5 kW, house by the meter."""

from dataclasses import replace
from math import inf

import pytest

from grid_functions.allocate.direction import Shared, divide, standing_limits, worst_w
from grid_functions.allocate.loop import Loop, Sample
from grid_functions.allocate.stand import Stand, stands
from grid_functions.arbiter import rule
from grid_functions.model.claim import Claim
from grid_functions.model.device import Role, Seen
from grid_functions.model.policy import DEFAULT_PRECEDENCE, LoadCredit
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.units import Quantity
from tests.grid_functions.house import able, bound, on, seen, snapshot, terms

PRODUCED, CONSUMED = Quantity.PRODUCED, Quantity.CONSUMED
NEW = Shared(Loop(), {}, {}, {})


def found(*devices: Seen, sent: dict[str, Setpoint] | None = None, quantity: Quantity = PRODUCED) -> dict[str, Stand]:
    site = terms({one.device: one.role for one in devices})
    return stands(quantity, rule([], DEFAULT_PRECEDENCE), snapshot(devices, 0.0), site, sent or {})


def divided(
    claims: list[Claim],
    devices: dict[str, Stand],
    import_w: float | None = 0.0,
    *,
    quantity: Quantity = PRODUCED,
    vanishing_w: float = 0.0,
    credit: LoadCredit = LoadCredit.ALL,
) -> Shared:
    meter = None if import_w is None else Sample(0.0, import_w)
    return divide(tuple(claims), quantity, devices, meter, replace(terms(), load_credit=credit), vanishing_w, NEW, 0.0)


def test_without_bounds_or_devices_nothing_is_limited() -> None:
    assert divided([], found(seen("a"))) == NEW
    assert divided([bound(1000.0)], {}) == NEW


def test_what_the_house_takes_is_added_to_the_bound() -> None:
    """1000 W bound, house takes 2000 W: 3000 W, half each."""
    done = divided([bound(1000.0)], found(seen("a"), seen("b")), 2000.0)
    assert (done.limits, done.short_w, done.returns) == ({"a": 1500.0, "b": 1500.0}, 0.0, {})


def test_what_vanishes_in_this_step_is_not_counted_on() -> None:
    assert divided([bound(1000.0)], found(seen("a")), 2000.0, vanishing_w=700.0).limits == {"a": 2300.0}


def test_what_cannot_be_kept_from_here_is_told() -> None:
    """The house exports 400 W by itself under 100 W: 300 W too many, and nothing to take."""
    done = divided([bound(100.0)], found(seen("a")), -400.0)
    assert (done.limits, done.short_w) == ({"a": 0.0}, 300.0)


def test_without_a_meter_an_export_bound_is_met_as_if_the_house_took_nothing() -> None:
    assert divided([bound(1000.0)], found(seen("a"), seen("b")), None).limits == {"a": 500.0, "b": 500.0}


def test_without_a_meter_nothing_is_charged_under_an_import_bound() -> None:
    car = found(seen("car", Role.EVSE), quantity=CONSUMED)
    done = divided([bound(9000.0, quantity=CONSUMED)], car, None, quantity=CONSUMED)
    assert (done.limits, done.short_w) == ({"car": 0.0}, 0.0)


def test_a_device_out_of_reach_keeps_its_share_while_nobody_sees_it() -> None:
    """b is away and holds 600 W; a gets the rest."""
    away = seen("b", online=False, holds=Setpoint("b", produce_max_w=600.0))
    done = divided([bound(1000.0)], found(seen("a"), away))
    assert done.limits == {"a": 400.0}
    # on its return: half of the bound, and no more than what is kept for it
    assert done.returns == {"b": 500.0}
    little = seen("b", online=False, holds=Setpoint("b", produce_max_w=100.0))
    assert divided([bound(1000.0)], found(seen("a"), little)).returns == {"b": 100.0}


def test_a_set_of_devices_has_its_bound_beside_the_connections() -> None:
    """a at most 300 W; together at most 1000 W: b takes 700 W."""
    assert divided([bound(1000.0), bound(300.0, on("a"))], found(seen("a"), seen("b"))).limits == {
        "a": 300.0,
        "b": 700.0,
    }


def test_devices_outside_every_bound_are_not_limited() -> None:
    assert divided([bound(300.0, on("a"))], found(seen("a"), seen("b"))).limits == {"a": 300.0}


def test_a_set_that_holds_an_absent_device_leaves_what_it_may_do() -> None:
    away = seen("b", online=False, holds=Setpoint("b", produce_max_w=600.0))
    assert divided([bound(1000.0, on("a", "b"))], found(seen("a"), away)).limits == {"a": 400.0}


def test_credit_for_load_goes_to_who_has_a_timer() -> None:
    """Bound 1000 W, house 3000 W: without a timer b gets its half of 1000 W, a the rest of 4000 W."""
    both = found(seen("a"), seen("b", capability=able(watchdog=False)))
    assert divided([bound(1000.0)], both, 3000.0).limits == {"a": 2000.0, "b": 2000.0}
    assert divided([bound(1000.0)], both, 3000.0, credit=LoadCredit.WATCHDOG).limits == {"a": 3500.0, "b": 500.0}


def test_one_rises_only_once_another_is_seen_to_have_fallen() -> None:
    """a does 800 W of 1000 W and is to go to 500 W; b may rise from 0 to 500 W, by 300 W less until then."""
    a = seen("a", power_w=-800.0, holds=Setpoint("a", produce_max_w=1000.0))
    b = seen("b", power_w=0.0, holds=Setpoint("b", produce_max_w=0.0))
    sent = {"a": Setpoint("a", produce_max_w=1000.0), "b": Setpoint("b", produce_max_w=0.0)}
    done = divided([bound(1000.0)], found(a, b, sent=sent), -800.0)
    assert done.limits["a"] == 500.0
    assert done.limits["b"] == pytest.approx(200.0)
    fallen = seen("a", power_w=-500.0, holds=Setpoint("a", produce_max_w=500.0))
    assert divided([bound(1000.0)], found(fallen, b, sent=sent), -500.0).limits["b"] == 500.0


def test_what_holds_whatever_the_meter_says_are_the_sets() -> None:
    devices = found(seen("a"), seen("b"))
    assert standing_limits((bound(1000.0, on("a")), bound(10.0)), devices) == {"a": 1000.0, "b": 5000.0}
    assert standing_limits((), devices) == {}


def test_the_worst_of_a_bound_is_the_sum_of_limits_or_of_what_may_be_done() -> None:
    devices = found(seen("a"), seen("b"))
    assert worst_w(bound(1.0), devices, {"a": 100.0}) == 5100.0
    assert worst_w(bound(1.0, on("b")), devices, {"a": 100.0, "b": 7.0}) == 7.0


def test_strangers_without_a_rating_are_limited_all_the_same() -> None:
    done = divided([bound(1000.0)], found(seen("a", rated_w=None), seen("b", rated_w=None)))
    assert done.limits == {"a": 500.0, "b": 500.0}
    assert inf not in done.limits.values()
