"""What a device can use of its limit. 10 kW device: near is 400 W, headroom what it does, 200 to 1000 W; settling takes 5 s."""

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
    assert first == Wish(inf, 10.0, 15.0)
    assert after(first, 5000.0, 2000.0, 14.9) == first
    assert after(first, 5000.0, 2000.0, 15.0) == Wish(3000.0, 10.0)


def test_it_is_due_when_it_has_settled_and_only_if_that_changes_anything() -> None:
    """Held at 4000 W, pressed at 10 s: doing 2000 W nothing changes at 15 s, doing 1999 W it falls, be the wake-up a bit early."""
    held = Wish(4000.0, 10.0)
    assert after(held, 5000.0, 2000.0, 12.0).due_s == inf
    waiting = after(held, 5000.0, 1999.0, 12.0)
    assert waiting == Wish(4000.0, 10.0, 15.0)
    assert after(waiting, 5000.0, 1999.0, 15.0 - 1e-6) == Wish(2999.0, 10.0)
    assert after(waiting, 5000.0, 2000.0, 13.0).due_s == inf


def test_a_wish_falls_by_a_whole_headroom_or_stays() -> None:
    """Held at 4000 W: at 2000 W plus twice the headroom of 1000 W it stays, below that it falls to doing plus headroom."""
    held = Wish(4000.0, 0.0)
    assert after(held, 5000.0, 2000.0, 100.0) == held
    assert after(held, 5000.0, 1999.0, 100.0) == Wish(2999.0, 0.0)


@pytest.mark.parametrize(("doing_w", "most_w"), [(0.0, 200.0), (150.0, 350.0), (300.0, 600.0), (1500.0, 2500.0)])
def test_who_does_little_is_left_little(doing_w: float, most_w: float) -> None:
    """What it does once more, at least 2 % and at most 10 % of 10 kW."""
    assert after(Wish(inf, 0.0), 5000.0, doing_w, 100.0) == Wish(most_w, 0.0)


def test_what_is_left_to_an_idle_device_is_enough_to_show_that_it_wants_more() -> None:
    """200 W of 10 kW: 120 W press, for near is 40 % of a small limit; 119 W do not. Idle at its 200 W it rests."""
    idle = Wish(200.0, 0.0)
    assert after(idle, 200.0, 120.0, 100.0) == Wish(inf, 100.0)
    assert after(idle, 200.0, 119.0, 100.0) == idle
    assert after(idle, 200.0, 0.0, 100.0) == idle
    # steps of 1 kW: with less it would be told 0, press on that, get its share, leave it, and so on for ever
    assert step(Wish(inf, 0.0), 5000.0, 0.0, ABLE_W, SETTLE_S, 100.0, 1000.0) == Wish(1000.0, 0.0)


def test_the_headroom_of_a_small_device_is_a_hundred_watts() -> None:
    assert after(Wish(inf, 0.0), 500.0, 50.0, 100.0, able_w=600.0) == Wish(150.0, 0.0)
    assert after(Wish(inf, 0.0), 900.0, 50.0, 100.0, able_w=1000.0) == Wish(150.0, 0.0)
    assert after(Wish(inf, 0.0), 1900.0, 105.0, 100.0, able_w=1100.0) == Wish(210.0, 0.0)
