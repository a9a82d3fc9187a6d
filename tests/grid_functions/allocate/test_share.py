"""Sharing by capability, arithmetic by hand."""

import math

import pytest

from grid_functions.allocate.share import Fence, Part, floor_to, share


def fence(room_w: float, *names: str) -> Fence:
    """At most so much over these."""
    return Fence(frozenset(names), room_w)


def test_a_limit_is_shared_by_capability_never_given_to_each() -> None:
    """6000 W over 8 kW and 4 kW: two thirds and one third."""
    assert share({"a": Part(8000.0), "b": Part(4000.0)}, [fence(6000.0, "a", "b")]) == pytest.approx(
        {"a": 4000.0, "b": 2000.0}
    )


def test_nobody_gets_more_than_he_can_do() -> None:
    assert share({"a": Part(8000.0), "b": Part(4000.0)}, [fence(50_000.0, "a", "b")]) == {"a": 8000.0, "b": 4000.0}


def test_what_a_tighter_inner_fence_leaves_goes_to_the_others() -> None:
    """Of 6000 W, a may take 1000 W alone, so b has 4000 W, all it can."""
    given = share({"a": Part(8000.0), "b": Part(4000.0)}, [fence(6000.0, "a", "b"), fence(1000.0, "a")])
    assert given == pytest.approx({"a": 1000.0, "b": 4000.0})


def test_crossing_fences_all_hold() -> None:
    """a+b <= 4000 and b+c <= 2000, equal devices: all rise to 1000, where b and c are full; a goes on to 3000."""
    parts = {name: Part(5000.0) for name in "abc"}
    assert share(parts, [fence(4000.0, "a", "b"), fence(2000.0, "b", "c")]) == pytest.approx(
        {"a": 3000.0, "b": 1000.0, "c": 1000.0}
    )


@pytest.mark.parametrize("room_w", [0.0, -500.0, -math.inf])
def test_no_room_is_zero_for_all(room_w: float) -> None:
    assert share({"a": Part(5000.0), "b": Part(5000.0)}, [fence(room_w, "a", "b")]) == {"a": 0.0, "b": 0.0}


def test_what_one_cannot_use_goes_to_who_can_and_back_when_both_can() -> None:
    """3000 W, a can use 400 W: b gets 2600 W. Were there 9000 W, both would have more than a uses."""
    parts = {"a": Part(5000.0, wish_w=400.0), "b": Part(5000.0)}
    assert share(parts, [fence(3000.0, "a", "b")]) == pytest.approx({"a": 400.0, "b": 2600.0})
    assert share(parts, [fence(9000.0, "a", "b")]) == pytest.approx({"a": 4000.0, "b": 5000.0})


def test_a_charger_below_its_minimum_pauses_and_leaves_its_share_to_the_other() -> None:
    """6 A on one phase of 230 V are 1380 W: 2000 W is too little for two, enough for one."""
    parts = {name: Part(7360.0, least_w=1380.0) for name in "ab"}
    assert share(parts, [fence(2000.0, "a", "b")]) == {"a": 0.0, "b": 2000.0}
    assert share(parts, [fence(1379.0, "a", "b")]) == {"a": 0.0, "b": 0.0}
    assert share(parts, [fence(1380.0, "a", "b")]) == {"a": 0.0, "b": 1380.0}


def test_values_are_rounded_down_to_the_step_of_the_device() -> None:
    assert share({"a": Part(5000.0, step_w=50.0)}, [fence(1234.0, "a")]) == {"a": 1200.0}
    assert share({"a": Part(5000.0, step_w=50.0)}, [fence(49.0, "a")]) == {"a": 0.0}


def test_a_device_of_unknown_capability_weighs_as_the_largest_known() -> None:
    given = share({"a": Part(math.inf), "b": Part(4000.0), "c": Part(2000.0)}, [fence(5000.0, "a", "b", "c")])
    assert given == pytest.approx({"a": 2000.0, "b": 2000.0, "c": 1000.0})


def test_without_a_fence_the_unknown_stay_unlimited() -> None:
    assert share({"a": Part(math.inf)}, []) == {"a": math.inf}


def test_no_devices_is_nothing_to_share() -> None:
    assert share({}, [fence(100.0)]) == {}


@pytest.mark.parametrize(
    ("value_w", "step_w", "floored"),
    [
        (99.9, 10.0, 90.0),
        (100.0, 10.0, 100.0),
        (0.3, 0.1, 0.3),
        (-5.0, 1.0, 0.0),
        (7.5, 0.0, 7.5),
        (math.inf, 1.0, math.inf),
    ],
)
def test_rounding_goes_down_but_not_over_a_crumb(value_w: float, step_w: float, floored: float) -> None:
    assert floor_to(value_w, step_w) == pytest.approx(floored)
