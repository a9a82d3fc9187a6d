"""Sharing by capability, arithmetic by hand."""

import math

import pytest

from grid_functions.allocate.share import Fence, Part, floor_to, serve, share


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
        # more steps than there are numbers: whoever asks for so much is no reason to stop deciding
        (1.7e308, 0.8, 1.7e308),
        (5000.0, 5e-324, 5000.0),
    ],
)
def test_rounding_goes_down_but_not_over_a_crumb(value_w: float, step_w: float, floored: float) -> None:
    assert floor_to(value_w, step_w) == pytest.approx(floored)


def counting(room_w: float, **counts: float) -> Fence:
    """At most so much, of which each counts by so much."""
    return Fence(frozenset(counts), room_w, counts)


def test_only_what_counts_of_a_device_uses_a_fence() -> None:
    """A third of a and all of b: they rise by 3 to 1 and use as much, 1500 W of 3000 W each."""
    given = share({"a": Part(9000.0), "b": Part(3000.0)}, [counting(3000.0, a=1 / 3, b=1.0)])
    assert given == pytest.approx({"a": 4500.0, "b": 1500.0})
    fence_ = Fence(frozenset({"a", "b"}), 0.0, {"a": 0.5})
    assert fence_.used_w({"a": 10.0, "b": 20.0, "c": 40.0}) == 25.0
    assert fence_.used_w({}) == 0.0


def test_whom_a_fence_does_not_count_it_does_not_hold() -> None:
    assert share({"a": Part(5000.0), "b": Part(5000.0)}, [counting(1000.0, a=1.0, b=0.0)]) == pytest.approx(
        {"a": 1000.0, "b": 5000.0}
    )


@pytest.mark.parametrize("rooms", [(5000.0, 3000.0), (3000.0, 5000.0), (3000.0, 3000.0)])
def test_of_two_fences_over_the_same_the_tighter_holds_in_any_order(rooms: tuple[float, float]) -> None:
    parts = {"a": Part(4000.0), "b": Part(4000.0)}
    plain = share(parts, [fence(room_w, "a", "b") for room_w in rooms])
    counted = share(parts, [counting(room_w, a=0.5, b=0.5) for room_w in rooms])
    assert plain == pytest.approx({"a": 1500.0, "b": 1500.0})
    assert counted == pytest.approx({"a": 3000.0, "b": 3000.0})


def test_fences_that_count_otherwise_both_hold() -> None:
    """a alone may use 1000 W of the first, a half of b 500 W of the second."""
    parts = {"a": Part(4000.0), "b": Part(4000.0)}
    given = share(parts, [counting(1000.0, a=1.0, b=0.0), counting(500.0, a=0.0, b=0.5)])
    assert given == pytest.approx({"a": 1000.0, "b": 1000.0})


@pytest.mark.parametrize(
    ("part", "given_w"),
    [
        (Part(1000.0), 1000.0),
        (Part(1000.0, step_w=300.0), 900.0),
        (Part(1000.0, step_w=300.0, least_w=900.0), 900.0),
        (Part(1000.0, step_w=300.0, least_w=901.0), 0.0),
        (Part(1000.0, least_w=1380.0), 1000.0),  # it can do no more
        (Part(0.0, least_w=1380.0), 0.0),
        (Part(math.inf, step_w=50.0), math.inf),
    ],
)
def test_what_no_fence_holds_does_all_it_can(part: Part, given_w: float) -> None:
    """Without a fence, and behind one that has room for all."""
    assert share({"a": part}, []) == {"a": given_w}
    assert share({"a": part}, [fence(math.inf, "a")]) == {"a": given_w}
    assert share({"a": part, "b": Part(10.0)}, [fence(1.0, "b")]) == pytest.approx({"a": given_w, "b": 1.0})


@pytest.mark.parametrize(
    ("room_w", "first_w", "second_w"),
    [
        (1379.0, 0.0, 0.0),
        (1380.0, 1380.0, 0.0),
        (2000.0, 2000.0, 0.0),
        (2759.0, 2759.0, 0.0),
        (2760.0, 1380.0, 1380.0),
        (4760.0, 2380.0, 2380.0),
    ],
)
@pytest.mark.parametrize(("first", "second"), [("a", "b"), ("b", "a")])
def test_who_queues_enters_by_place_as_long_as_there_is_room_for_his_least(
    first: str, second: str, room_w: float, first_w: float, second_w: float
) -> None:
    parts = {first: Part(7360.0, least_w=1380.0, place=(0.0,)), second: Part(7360.0, least_w=1380.0, place=(1.0,))}
    assert share(parts, [fence(room_w, "a", "b")]) == pytest.approx({first: first_w, second: second_w})


def test_who_queues_needs_room_behind_every_fence_that_counts_him() -> None:
    """Of the second fence a third of each counts: 920 W hold the least of both, 919 W of one alone."""
    parts = {"a": Part(7360.0, least_w=1380.0, place=(0.0,)), "b": Part(7360.0, least_w=1380.0, place=(1.0,))}
    wide = fence(5000.0, "a", "b")
    assert share(parts, [wide, counting(920.0, a=1 / 3, b=1 / 3)]) == pytest.approx({"a": 1380.0, "b": 1380.0})
    assert share(parts, [wide, counting(919.0, a=1 / 3, b=1 / 3)]) == pytest.approx({"a": 2757.0, "b": 0.0})


def test_the_smallest_devices_share_by_capability_too() -> None:
    assert share({"a": Part(0.5), "b": Part(1.0)}, [fence(0.6, "a", "b")]) == pytest.approx({"a": 0.2, "b": 0.4})


@pytest.mark.parametrize(
    ("room_w", "a", "b", "a_w", "b_w"),
    [
        # the larger tier first
        (6000.0, Part(5000.0, tier=1), Part(5000.0), 5000.0, 1000.0),
        (6000.0, Part(5000.0), Part(5000.0, tier=1), 1000.0, 5000.0),
        # up to its wish, and what is left when all have theirs
        (6000.0, Part(5000.0, wish_w=2000.0, tier=1), Part(5000.0), 2000.0, 4000.0),
        (9000.0, Part(5000.0, wish_w=2000.0, tier=1), Part(5000.0), 4000.0, 5000.0),
        # what is needed before others of its tier have more
        (4000.0, Part(5000.0, need_w=3000.0), Part(5000.0), 3500.0, 500.0),
        (2500.0, Part(5000.0, need_w=3000.0), Part(5000.0), 2500.0, 0.0),
        (4000.0, Part(5000.0, need_w=3000.0, wish_w=1000.0), Part(5000.0), 1000.0, 3000.0),
        (4000.0, Part(5000.0, need_w=3000.0), Part(5000.0, need_w=3000.0), 2000.0, 2000.0),
        # but not before a larger tier
        (6000.0, Part(5000.0, need_w=3000.0), Part(5000.0, tier=1), 1000.0, 5000.0),
    ],
)
def test_tiers_wishes_and_needs(room_w: float, a: Part, b: Part, a_w: float, b_w: float) -> None:
    assert share({"a": a, "b": b}, [fence(room_w, "a", "b")]) == pytest.approx({"a": a_w, "b": b_w})


@pytest.mark.parametrize(
    ("room_w", "free_first", "aimed", "limits"),
    [
        (6000.0, False, {"a": 4000.0}, {"a": 4000.0, "b": 2000.0}),
        (6000.0, True, {"a": 1000.0}, {"a": 1000.0, "b": 5000.0}),
        (3000.0, False, {"a": 3000.0}, {"a": 3000.0, "b": 0.0}),
        # with room for all an aim is no limit
        (20_000.0, False, {"a": 4000.0}, {"a": 5000.0, "b": 5000.0}),
    ],
)
def test_an_aim_is_served_first_or_last(
    room_w: float, free_first: bool, aimed: dict[str, float], limits: dict[str, float]
) -> None:
    parts = {"a": Part(5000.0), "b": Part(5000.0)}
    served = serve(parts, [fence(room_w, "a", "b")], [fence(4000.0, "a")], free_first=free_first)
    assert served.aimed == pytest.approx(aimed)
    assert served.limits == pytest.approx(limits)


def test_what_one_leaves_undone_of_an_aim_another_does_in_his_place() -> None:
    """6000 W are 3000 W each; a is seen to do 1000 W of them, so b is to do 5000 W."""
    parts = {"a": Part(5000.0, uses_w=1000.0), "b": Part(5000.0)}
    served = serve(parts, [fence(20_000.0, "a", "b")], [fence(6000.0, "a", "b")])
    assert served.aimed == pytest.approx({"a": 3000.0, "b": 5000.0})
    assert serve(parts, [fence(6500.0, "a", "b")], [fence(6000.0, "a", "b")]).aimed == pytest.approx(
        {"a": 3000.0, "b": 3500.0}
    )


def test_an_aim_is_rounded_as_its_limit_is() -> None:
    served = serve({"a": Part(5000.0, step_w=300.0)}, [fence(1000.0, "a")], [fence(4000.0, "a")])
    assert (served.aimed, served.limits) == ({"a": 900.0}, {"a": 900.0})
