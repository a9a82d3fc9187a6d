"""The legacy inverter: model 123's limit, window, ramp, revert and connect, by hand arithmetic.

5000 W rated, its own rate 50 % of WMax per second = 2500 W/s, sun enough for 5500 W, limit in steps of 0.01 %.
"""

import pytest

from adapters.simulator.quirks import Quirks
from adapters.simulator.registers import Refusal
from adapters.simulator.site import Site, advance, step
from tests.adapters.simulator.situations import attempt, put, raw, site


def _limited(before: Site, **points: int) -> Site:
    return put(before, "old", 123, **points, WMaxLim_Ena=1)


def test_runs_freely_at_its_rating() -> None:
    assert site().produced_w("old") == 5000
    assert raw(site(), "old", 103, "St") == 4


def test_limit_without_enable_does_nothing() -> None:
    assert step(put(site(), "old", 123, WMaxLimPct=5000), 10).produced_w("old") == 5000


def test_limit_ramps_at_its_own_rate_and_holds() -> None:
    limited = _limited(site(), WMaxLimPct=5000)
    # 5000 - 2500 x 0.4 = 4000; the goal 2500 is reached after 1.0 s.
    assert step(limited, 0.4).produced_w("old") == pytest.approx(4000)
    assert step(limited, 1.0).produced_w("old") == pytest.approx(2500)
    assert step(limited, 3600).produced_w("old") == pytest.approx(2500)
    assert raw(step(limited, 3600), "old", 103, "St") == 5
    assert raw(step(limited, 3600), "old", 122, "StActCtl") == 1


def test_revert_timer_ends_the_limit() -> None:
    limited = _limited(site(1000.0), WMaxLimPct=5000, WMaxLimPct_RvrtTms=60)
    before, at = step(limited, 59.999), step(limited, 60.0)
    assert before.produced_w("old") == pytest.approx(2500)
    assert raw(before, "old", 123, "WMaxLim_Ena") == 1
    assert raw(at, "old", 123, "WMaxLim_Ena") == 0
    assert raw(at, "old", 123, "WMaxLimPct") == 10000
    # Back at 2500 W/s: 2500 + 2500 x 0.4 = 3500.
    assert step(at, 0.4).produced_w("old") == pytest.approx(3500)
    assert step(at, 1.0).produced_w("old") == pytest.approx(5000)


def test_every_write_to_the_limit_restarts_its_timer() -> None:
    limited = _limited(site(), WMaxLimPct=5000, WMaxLimPct_RvrtTms=60)
    again = put(step(limited, 50), "old", 123, WMaxLimPct=4000)
    assert raw(step(again, 59.9), "old", 123, "WMaxLim_Ena") == 1
    assert raw(step(again, 60), "old", 123, "WMaxLim_Ena") == 0


def test_revert_time_zero_is_no_timer() -> None:
    armed = _limited(site(), WMaxLimPct=5000, WMaxLimPct_RvrtTms=60)
    disarmed = put(armed, "old", 123, WMaxLimPct_RvrtTms=0)
    assert step(disarmed, 3600).produced_w("old") == pytest.approx(2500)


def test_release_by_hand_stops_the_timer() -> None:
    limited = _limited(site(), WMaxLimPct=5000, WMaxLimPct_RvrtTms=60)
    released = put(step(limited, 10), "old", 123, WMaxLim_Ena=0)
    assert step(released, 1.0).produced_w("old") == pytest.approx(5000)
    assert raw(step(released, 100), "old", 123, "WMaxLimPct") == 5000


def test_ramp_time_stretches_the_move() -> None:
    limited = _limited(site(), WMaxLimPct_RmpTms=10, WMaxLimPct=5000)
    # 2500 W in 10 s: 250 W/s.
    assert step(limited, 4).produced_w("old") == pytest.approx(4000)
    assert step(limited, 10).produced_w("old") == pytest.approx(2500)


def test_window_delays_the_start_by_a_draw() -> None:
    limited = put(site(), "old", 123, WMaxLimPct_WinTms=30, WMaxLimPct=5000, WMaxLim_Ena=1)
    starts = [t / 10 for t in range(310) if step(limited, t / 10).produced_w("old") < 5000]
    assert 0 < starts[0] <= 30
    assert step(limited, 31.0).produced_w("old") == pytest.approx(2500)
    other = put(site(seed=2), "old", 123, WMaxLimPct_WinTms=30, WMaxLimPct=5000, WMaxLim_Ena=1)
    assert starts[0] != next(t / 10 for t in range(310) if step(other, t / 10).produced_w("old") < 5000)


def test_disconnect_is_at_once_and_its_timer_reconnects() -> None:
    off = put(site(), "old", 123, Conn_RvrtTms=20, Conn=0)
    assert off.produced_w("old") == 0
    assert raw(off, "old", 103, "St") == 1
    assert step(off, 19.9).produced_w("old") == 0
    assert raw(step(off, 20), "old", 123, "Conn") == 1
    # From zero at 2500 W/s.
    assert step(off, 21).produced_w("old") == pytest.approx(2500)


def test_percent_is_of_the_setting_wmax() -> None:
    limited = _limited(put(site(), "old", 121, WMax=4000), WMaxLimPct=5000)
    assert step(limited, 5).produced_w("old") == pytest.approx(2000)


def test_wgra_sets_the_rate() -> None:
    slow = _limited(put(site(), "old", 121, WGra=1000), WMaxLimPct=5000)
    # 10 %/s of 5000 = 500 W/s: 5000 - 500 x 3 = 3500.
    assert step(slow, 3).produced_w("old") == pytest.approx(3500)


def test_sun_below_the_limit_rules() -> None:
    limited = _limited(site(sun={"fraction": 0.2}), WMaxLimPct=5000)
    # 5500 x 0.2 = 1100, not throttled.
    assert step(limited, 5).produced_w("old") == pytest.approx(1100)
    assert raw(step(limited, 5), "old", 103, "St") == 4
    assert raw(step(limited, 5), "old", 122, "WAval") == 1100


def test_night_sleeps() -> None:
    assert raw(site(sun={"fraction": 0}), "old", 103, "St") == 2


def test_energy_counts() -> None:
    # 5000 W for 1800 s = 2500 Wh.
    assert raw(step(site(), 1800), "old", 103, "WH") == 2500
    assert raw(step(site(), 1800), "old", 122, "ActWh") == 2500


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ((123, "WMaxLimPct"), 10001, Refusal.ILLEGAL_VALUE),
        ((123, "WMaxLim_Ena"), 2, Refusal.ILLEGAL_VALUE),
        ((123, "Conn"), 0xFFFF, Refusal.ILLEGAL_VALUE),
        ((123, "WMaxLimPct_RvrtTms"), 0xFFFF, Refusal.ILLEGAL_VALUE),
        ((121, "WMax"), 0, Refusal.ILLEGAL_VALUE),
        ((121, "WMax"), 5001, Refusal.ILLEGAL_VALUE),
        ((123, "WMaxLimPct_SF"), 0, Refusal.ILLEGAL_ADDRESS),
        ((123, "OutPFSet"), 1001, Refusal.ILLEGAL_VALUE),
        ((123, "VArPct_Ena"), 2, Refusal.ILLEGAL_VALUE),
        ((103, "W"), 1, Refusal.ILLEGAL_ADDRESS),
        ((120, "WRtg"), 9000, Refusal.ILLEGAL_ADDRESS),
    ],
)
def test_refused_writes(key: tuple[int, str], value: int, why: Refusal) -> None:
    assert attempt(site(), "old", key, value) is why


def test_ignores_echoes_the_registers_but_power_does_not_follow() -> None:
    deaf = _limited(site().with_quirks("old", Quirks(ignores=True)), WMaxLimPct=1000)
    later = put(step(deaf, 10), "old", 123, Conn=0)
    assert raw(later, "old", 123, "WMaxLimPct") == 1000
    assert raw(later, "old", 123, "WMaxLim_Ena") == 1
    assert step(later, 10).produced_w("old") == 5000


def test_revert_off_lets_no_timer_run() -> None:
    stuck = _limited(site().with_quirks("old", Quirks(revert_off=True)), WMaxLimPct=5000, WMaxLimPct_RvrtTms=60)
    later = step(stuck, 3600)
    assert later.produced_w("old") == pytest.approx(2500)
    # Let go, the timer has its whole 60 s left.
    free = later.with_quirks("old", Quirks())
    assert raw(step(free, 59), "old", 123, "WMaxLim_Ena") == 1
    assert raw(step(free, 60), "old", 123, "WMaxLim_Ena") == 0


def test_result_does_not_depend_on_how_often_one_looks() -> None:
    limited = _limited(site(), WMaxLimPct=5000, WMaxLimPct_RvrtTms=60)
    often = limited
    for tenth in range(1, 611):
        often = advance(often, tenth / 10)[0]
    once = step(limited, 61.0)
    assert often.produced_w("old") == pytest.approx(once.produced_w("old"))
    assert often.meter.export_ws == pytest.approx(once.meter.export_ws)


def test_single_phase_uses_model_101() -> None:
    inverters = [{"name": "old", "kind": "legacy", "rated_w": 3000, "phases": 1}]
    single = site(inverters=inverters)
    assert raw(single, "old", 101, "W") == 3000
    # 3000 W / 230 V = 13.04 A
    assert raw(single, "old", 101, "AphA") == 1304
    assert (101, "AphB") not in single.values("old")
