"""Tariffs, division and cold-load pickup by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grid_functions.area import pickup, sharing
from grid_functions.area.pickup import Waiting
from grid_functions.area.tariffs import Flat, Series, Shift, TimeOfUse, Window, prices, series_of
from grid_functions.model.errors import ConfigurationFault
from grid_functions.model.event import Interval
from grid_functions.model.lease import MemberReport
from grid_functions.model.tariff import Price, Priced, PriceKind

HOUR = 3600.0


def test_time_of_use_is_dear_from_16_to_21() -> None:
    told = prices(TimeOfUse(), 0.0, HOUR, 24)
    assert [hour for hour, price in enumerate(told) if price == 0.25] == [16, 17, 18, 19, 20]
    assert told[15] == told[21] == 0.05


def test_local_time_is_utc_and_its_offset() -> None:
    """16:00 five hours behind is 21:00 UTC."""
    assert prices(TimeOfUse(), 21 * HOUR, HOUR, 1, utc_offset_s=-5 * HOUR) == (0.25,)
    assert prices(TimeOfUse(), 16 * HOUR, HOUR, 1, utc_offset_s=-5 * HOUR) == (0.05,)


def test_shift_is_cheap_where_more_is_wanted_and_dear_where_less_is() -> None:
    told = prices(Shift(), 0.0, HOUR, 24)
    assert (told[9], told[10], told[14], told[15]) == (0.08, 0.04, 0.04, 0.08)
    assert (told[16], told[20], told[21]) == (0.16, 0.16, 0.08)


def test_a_window_over_midnight() -> None:
    night = Window(22 * HOUR, 6 * HOUR)
    assert [night.holds(hour * HOUR) for hour in (21, 22, 23, 0, 5, 6)] == [False, True, True, True, True, False]


@pytest.mark.parametrize(("from_s", "to_s"), [(-1.0, 10.0), (86_400.0, 10.0), (10.0, 86_401.0), (10.0, 10.0)])
def test_a_window_that_is_none(from_s: float, to_s: float) -> None:
    with pytest.raises(ConfigurationFault):
        Window(from_s, to_s)


def test_a_series_begins_where_it_begins_and_its_last_price_holds_on() -> None:
    given_ = Series(1000.0, 600.0, (0.1, 0.2, 0.3))
    assert prices(given_, 1300.0, 600.0, 4) == (0.1, 0.2, 0.3, 0.3)
    assert prices(given_, 0.0, 600.0, 2) == (0.1, 0.1)


def test_equal_neighbours_are_one_interval() -> None:
    price = Price(Priced.IMPORT, PriceKind.ABSOLUTE, 0.1)
    dear = Price(Priced.IMPORT, PriceKind.ABSOLUTE, 0.2)
    assert series_of((0.1, 0.1, 0.2), 600.0) == (Interval(0.0, 1200.0, (price,)), Interval(1200.0, 600.0, (dear,)))
    assert prices(Flat(0.1), 0.0, 600.0, 2) == (0.1, 0.1)


def test_the_flat_price_is_osed_s_own_where_none_is_given() -> None:
    """0.08, around which its shift tariff halves and doubles."""
    assert prices(Flat(), 0.0, HOUR, 3) == (0.08, 0.08, 0.08)


def test_a_limit_gives_floors_first_and_the_room_above_by_weight() -> None:
    """10 kW less 2 kW of the rest: floors of 1 and 3 leave 4 kW, shared 1 to 3."""
    parts = sharing.limit(10_000.0, 2000.0, {"a": 1000.0, "b": 3000.0}, {"a": 1.0, "b": 3.0}).parts
    assert parts == {"a": pytest.approx(2000.0), "b": pytest.approx(6000.0)}


def test_floors_beyond_the_limit_are_cut_alike() -> None:
    parts = sharing.limit(3000.0, 0.0, {"a": 2000.0, "b": 4000.0}, {"a": 1.0, "b": 1.0}).parts
    assert parts == {"a": pytest.approx(1000.0), "b": pytest.approx(2000.0)}


def test_a_rest_beyond_the_limit_leaves_nothing() -> None:
    assert sharing.limit(1000.0, 5000.0, {"a": 0.0, "b": 0.0}, {"a": 1.0, "b": 1.0}).parts == {"a": 0.0, "b": 0.0}


powers = st.floats(0.0, 1e5)


@given(powers, powers, st.dictionaries(st.sampled_from("abcd"), powers, min_size=1), st.floats(0.0, 10.0))
def test_the_parts_of_a_limit_never_exceed_it(
    total: float, rest: float, floors: dict[str, float], weight: float
) -> None:
    parts = sharing.limit(total, rest, floors, dict.fromkeys(floors, weight)).parts
    assert sum(parts.values()) <= max(0.0, total - rest) + 1e-6
    assert all(one >= 0.0 for one in parts.values())


def member(name: str, power_w: float, least_w: float, most_w: float) -> MemberReport:
    return MemberReport(name, 0.0, power_w, least_w, most_w)


def test_a_dispatch_moves_each_by_its_reach() -> None:
    """Down by 3 kW: a can give 4 kW, b 2 kW, so 2 and 1."""
    members = {"a": member("a", 5000.0, 1000.0, 6000.0), "b": member("b", 2000.0, 0.0, 2000.0)}
    found = sharing.dispatch(-3000.0, members)
    assert found.parts == {"a": pytest.approx(3000.0), "b": pytest.approx(1000.0)}
    assert found.left == 0.0


def test_what_nobody_can_take_is_told() -> None:
    members = {"a": member("a", 5000.0, 1000.0, 6000.0)}
    assert sharing.dispatch(3000.0, members).left == pytest.approx(2000.0)
    assert sharing.dispatch(-9000.0, members).left == pytest.approx(-5000.0)
    assert sharing.dispatch(1000.0, {}).left == pytest.approx(1000.0)


HOMES = {name: Waiting(name, 6000.0, priority) for name, priority in (("a", 2), ("b", 1), ("c", 2))}


def test_members_return_by_priority_and_only_as_many_as_fit() -> None:
    state = pickup.step(pickup.begin(10_000.0, HOMES), 0.0, {}, 0.0)
    assert [one.member for one, _ in state.back] == ["b"]


def test_the_next_comes_when_the_first_has_settled_and_left_room() -> None:
    """b took 6 kW and settles at 2 kW: 10 - 2 leaves 8 kW, so one more of 6 kW."""
    state = pickup.step(pickup.begin(10_000.0, HOMES), 0.0, {}, 0.0)
    state = pickup.step(state, 2000.0, {"b": 2000.0}, 30.0)
    assert [one.member for one, _ in state.back] == ["b"]
    state = pickup.step(state, 2000.0, {"b": 2000.0}, 61.0)
    assert [one.member for one, _ in state.back] == ["b", "a"]


def test_without_a_meter_nobody_more_returns() -> None:
    assert pickup.step(pickup.begin(1e6, HOMES), None, {}, 0.0).back == ()


def test_who_is_back_and_not_read_counts_at_all_it_may_take() -> None:
    state = pickup.step(pickup.begin(11_000.0, HOMES), 0.0, {}, 0.0)
    state = pickup.step(state, 0.0, {}, 600.0)
    assert [one.member for one, _ in state.back] == ["b"]


@given(st.lists(st.floats(0.0, 12_000.0), min_size=1, max_size=30))
def test_whatever_the_meter_says_those_who_return_at_once_fit_together(readings: list[float]) -> None:
    state = pickup.begin(12_000.0, HOMES)
    for number, area_w in enumerate(readings):
        before = {one.member for one, _ in state.back}
        state = pickup.step(state, area_w, {}, number * 5.0)
        came = [one.most_w for one, _ in state.back if one.member not in before]
        assert sum(came) <= max(0.0, 12_000.0 - area_w)
