"""The 700-series inverter: 704's limit and target with their reversions, 703's service, by hand arithmetic.

8000 W rated, its own rate 50 % of WMax per second = 4000 W/s, sun enough for 9000 W, limit in steps of 0.01 %.
"""

import pytest

from adapters.simulator.quirks import Quirks
from adapters.simulator.registers import Refusal
from adapters.simulator.site import Site, step
from tests.adapters.simulator.situations import attempt, put, raw, site


def _armed(before: Site, seconds: int = 60, back: int = 2000, enabled: int = 1) -> Site:
    """50 % with a way back to `back` hundredths of a percent, in the order of careful writers: Ena last."""
    revert = {"WMaxLimPctRvrt": back, "WMaxLimPctEnaRvrt": enabled, "WMaxLimPctRvrtTms": seconds}
    return put(before, "new", 704, **revert, WMaxLimPct=5000, WMaxLimPctEna=1)


def test_limit_ramps_and_holds() -> None:
    limited = put(site(), "new", 704, WMaxLimPct=5000, WMaxLimPctEna=1)
    # 8000 - 4000 x 0.5 = 6000; 4000 after 1 s.
    assert step(limited, 0.5).produced_w("new") == pytest.approx(6000)
    assert step(limited, 100).produced_w("new") == pytest.approx(4000)
    assert raw(step(limited, 100), "new", 701, "InvSt") == 4
    assert raw(step(limited, 100), "new", 701, "ThrotSrc") == 1
    # min(9000, 8000) - 4000 = 4000 W held back, half of WMax.
    assert raw(step(limited, 100), "new", 701, "ThrotPct") == 50


def test_reversion_counts_down_and_ends_in_its_values() -> None:
    armed = _armed(site(500.0))
    rem = [raw(step(armed, t), "new", 704, "WMaxLimPctRvrtRem") for t in (0, 25, 59.5, 60)]
    assert rem == [60, 35, 1, 0]
    assert raw(step(armed, 59.999), "new", 704, "WMaxLimPct") == 5000
    after = step(armed, 60)
    assert raw(after, "new", 704, "WMaxLimPct") == 2000
    assert raw(after, "new", 704, "WMaxLimPctEna") == 1
    # 4000 -> 1600 at 4000 W/s takes 0.6 s: half way after 0.3 s.
    assert step(after, 0.3).produced_w("new") == pytest.approx(2800)
    assert step(after, 0.6).produced_w("new") == pytest.approx(1600)
    assert step(after, 3600).produced_w("new") == pytest.approx(1600)


def test_reversion_to_disabled_frees_the_inverter() -> None:
    after = step(_armed(site(), enabled=0), 62)
    assert raw(after, "new", 704, "WMaxLimPctEna") == 0
    assert after.produced_w("new") == pytest.approx(8000)


@pytest.mark.parametrize("point", [{"WMaxLimPctRvrtTms": 60}, {"WMaxLimPct": 5000}, {"WMaxLimPctEna": 1}])
def test_rearming_restarts_the_timer(point: dict[str, int]) -> None:
    again = put(step(_armed(site()), 30), "new", 704, **point)
    assert raw(again, "new", 704, "WMaxLimPctRvrtRem") == 60
    assert raw(step(again, 59.9), "new", 704, "WMaxLimPct") == 5000
    assert raw(step(again, 60), "new", 704, "WMaxLimPct") == 2000


def test_writing_only_the_reversion_value_does_not_restart() -> None:
    changed = put(step(_armed(site()), 30), "new", 704, WMaxLimPctRvrt=1000)
    assert raw(changed, "new", 704, "WMaxLimPctRvrtRem") == 30
    assert raw(step(changed, 30), "new", 704, "WMaxLimPct") == 1000


def test_timer_zero_and_disabling_stop_it() -> None:
    for point in ({"WMaxLimPctRvrtTms": 0}, {"WMaxLimPctEna": 0}):
        stopped = put(_armed(site()), "new", 704, **point)
        assert raw(stopped, "new", 704, "WMaxLimPctRvrtRem") == 0
        assert raw(step(stopped, 100), "new", 704, "WMaxLimPct") == 5000


def test_wset_in_watts_and_percent() -> None:
    watts = put(site(), "new", 704, WSetMod=1, WSet=3000, WSetEna=1)
    assert step(watts, 5).produced_w("new") == pytest.approx(3000)
    assert raw(step(watts, 5), "new", 701, "ThrotSrc") == 0b10
    percent = put(site(), "new", 704, WSetMod=0, WSetPct=250, WSetEna=1)
    # 25.0 % of 8000
    assert step(percent, 5).produced_w("new") == pytest.approx(2000)


def test_limit_and_target_together_take_the_lower() -> None:
    both = put(site(), "new", 704, WSet=3000, WSetEna=1, WMaxLimPct=2500, WMaxLimPctEna=1)
    assert step(both, 5).produced_w("new") == pytest.approx(2000)
    assert step(put(both, "new", 704, WMaxLimPct=5000), 5).produced_w("new") == pytest.approx(3000)


def test_wset_reverts() -> None:
    armed = put(site(), "new", 704, WSetRvrt=1000, WSetEnaRvrt=1, WSetRvrtTms=10, WSet=3000, WSetEna=1)
    assert raw(step(armed, 4), "new", 704, "WSetRvrtRem") == 6
    assert step(armed, 9.9).produced_w("new") == pytest.approx(3000)
    # 3000 -> 1000 at 4000 W/s: 0.5 s.
    assert step(armed, 10.5).produced_w("new") == pytest.approx(1000)


def test_wrmp_slows_increases_only() -> None:
    slow = put(site(), "new", 704, WRmp=5, WMaxLimPct=5000, WMaxLimPctEna=1)
    down = step(slow, 1)
    assert down.produced_w("new") == pytest.approx(4000)
    # Up at 5 %/s of 8000 = 400 W/s.
    assert step(put(down, "new", 704, WMaxLimPctEna=0), 5).produced_w("new") == pytest.approx(6000)


def test_cease_is_at_once_and_return_waits_then_ramps() -> None:
    quiet = put(site(), "new", 703, ESDlyTms=30, ESRmpTms=100, ES=0)
    assert quiet.produced_w("new") == 0
    assert raw(quiet, "new", 701, "InvSt") == 0
    assert raw(quiet, "new", 701, "ConnSt") == 0
    waiting = put(step(quiet, 10), "new", 703, ES=1)
    assert raw(step(waiting, 12), "new", 703, "ESDlyRemTms") == 18
    assert raw(step(waiting, 12), "new", 701, "InvSt") == 2
    assert step(waiting, 30).produced_w("new") == 0
    # 8000 W in 100 s = 80 W/s.
    assert step(waiting, 40).produced_w("new") == pytest.approx(800)
    assert step(waiting, 130).produced_w("new") == pytest.approx(8000)


def test_cease_during_the_wait_starts_over() -> None:
    waiting = put(put(site(), "new", 703, ESDlyTms=30, ES=0), "new", 703, ES=1)
    again = put(step(waiting, 20), "new", 703, ES=0)
    assert step(again, 3600).produced_w("new") == 0
    assert raw(again, "new", 703, "ESDlyRemTms") == 0


def test_enter_service_random_delay_is_drawn_within_its_bound() -> None:
    off = put(site(), "new", 703, ESDlyTms=0, ESRndTms=100, ESRmpTms=0, ES=0)
    back = put(off, "new", 703, ES=1)
    left = raw(back, "new", 703, "ESDlyRemTms")
    assert 0 < left <= 100
    assert step(back, left + 2.0).produced_w("new") == pytest.approx(8000)


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ((704, "WMaxLimPct"), 10001, Refusal.ILLEGAL_VALUE),
        ((704, "WMaxLimPctEna"), 2, Refusal.ILLEGAL_VALUE),
        ((704, "WMaxLimPctRvrtTms"), 0xFFFFFFFF, Refusal.ILLEGAL_VALUE),
        ((704, "WSet"), -1, Refusal.ILLEGAL_VALUE),
        ((704, "WSet"), 8001, Refusal.ILLEGAL_VALUE),
        ((704, "WRmpRef"), 0, Refusal.ILLEGAL_VALUE),
        ((703, "ES"), 2, Refusal.ILLEGAL_VALUE),
        ((702, "WMax"), 8001, Refusal.ILLEGAL_VALUE),
        ((704, "WMaxLimPctRvrtRem"), 1, Refusal.ILLEGAL_ADDRESS),
        ((704, "WMaxLimPct_SF"), 0, Refusal.ILLEGAL_ADDRESS),
        ((704, "PFWInjEna"), 2, Refusal.ILLEGAL_VALUE),
        ((704, "PFWInj.PF"), 900, Refusal.ILLEGAL_VALUE),  # half of a sync group
        ((704, "VarSetMod"), 5, Refusal.ILLEGAL_VALUE),
        ((701, "W"), 1, Refusal.ILLEGAL_ADDRESS),
        ((702, "WMaxRtg"), 1, Refusal.ILLEGAL_ADDRESS),
    ],
)
def test_refused_writes(key: tuple[int, str], value: int, why: Refusal) -> None:
    assert attempt(site(), "new", key, value) is why


def test_ignores_counts_down_but_power_does_not_follow() -> None:
    deaf = _armed(site().with_quirks("new", Quirks(ignores=True)))
    later = put(step(deaf, 20), "new", 703, ES=0)
    assert raw(later, "new", 704, "WMaxLimPctRvrtRem") == 40
    assert raw(later, "new", 704, "WMaxLimPctEna") == 1
    assert step(later, 5).produced_w("new") == 8000


def test_revert_off_freezes_the_count() -> None:
    stuck = step(_armed(site().with_quirks("new", Quirks(revert_off=True))), 500)
    assert raw(stuck, "new", 704, "WMaxLimPctRvrtRem") == 60
    assert raw(stuck, "new", 704, "WMaxLimPct") == 5000
    assert stuck.produced_w("new") == pytest.approx(4000)


def test_phases_add_up_to_the_total() -> None:
    limited = step(put(site(), "new", 704, WMaxLimPct=1234, WMaxLimPctEna=1), 5)
    # 12.34 % of 8000 = 987.2
    assert raw(limited, "new", 701, "W") == 987
    assert sum(raw(limited, "new", 701, f"WL{n}") for n in (1, 2, 3)) == 987
