"""What a device can use of its limit. 10 kW device: near is 400 W, headroom 1000 W; settling takes 5 s."""

from math import inf

import pytest

from grid_functions.allocate.wish import Wish, step

ABLE_W, SETTLE_S = 10_000.0, 5.0


def after(
    wish: Wish | None, limit_w: float | None, doing_w: float | None, now_s: float, able_w: float = ABLE_W
) -> Wish:
    return step(wish, limit_w, doing_w, able_w, SETTLE_S, now_s)


def test_it_may_want_everything_at_birth() -> None:
    assert Wish() == Wish(inf, -inf)


@pytest.mark.parametrize(
    ("limit_w", "doing_w", "able_w"), [(None, 100.0, ABLE_W), (5000.0, None, ABLE_W), (5000.0, 100.0, inf)]
)
def test_unlimited_unmeasured_or_unknown_wants_everything(
    limit_w: float | None, doing_w: float | None, able_w: float
) -> None:
    assert after(Wish(700.0, 0.0), limit_w, doing_w, 100.0, able_w) == Wish(inf, 100.0)


def test_pressing_is_within_four_per_cent_of_what_it_can_do() -> None:
    assert after(Wish(700.0, 0.0), 5000.0, 4600.0, 100.0) == Wish(inf, 100.0)
    assert after(Wish(inf, 0.0), 5000.0, 4599.0, 100.0) == Wish(5599.0, 0.0)


def test_what_it_leaves_is_seen_once_it_has_settled_since_it_last_pressed() -> None:
    first = after(None, 5000.0, 2000.0, 10.0)
    assert first == Wish(inf, 10.0)
    assert after(first, 5000.0, 2000.0, 14.9) == first
    assert after(first, 5000.0, 2000.0, 15.0) == Wish(3000.0, 10.0)


def test_a_wish_falls_by_a_whole_headroom_or_stays() -> None:
    """Held at 3000 W: at 1000 W plus twice the headroom of 1000 W it stays, below that it falls to doing plus headroom."""
    held = Wish(3000.0, 0.0)
    assert after(held, 5000.0, 1000.0, 100.0) == held
    assert after(held, 5000.0, 999.0, 100.0) == Wish(1999.0, 0.0)


def test_the_headroom_of_a_small_device_is_a_hundred_watts() -> None:
    assert after(Wish(inf, 0.0), 500.0, 50.0, 100.0, able_w=600.0) == Wish(150.0, 0.0)
    assert after(Wish(inf, 0.0), 900.0, 50.0, 100.0, able_w=1000.0) == Wish(150.0, 0.0)
    assert after(Wish(inf, 0.0), 900.0, 50.0, 100.0, able_w=1100.0) == Wish(160.0, 0.0)
