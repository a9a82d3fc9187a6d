"""Voltage and frequency leave the band: devices bear it, cease, trip and return, by hand-made times."""

from typing import Any

import pytest

from adapters.simulator.fields import PlanError
from adapters.simulator.site import Site, step
from tests.adapters.simulator.situations import attempt, plan, put, raw, site

TRIPS = [707, 708, 709, 710]
OLD_TRIPS = [129, 130, 135, 136, 137, 138, 139, 140, 141, 142]
OVER_FREQUENCY, UNDER_FREQUENCY, AC_OVER_VOLT, AC_UNDER_VOLT = 1 << 8, 1 << 9, 1 << 10, 1 << 11


def _new(**changes: Any) -> Site:
    """8 kW, 9 kW of sun, trips as fresh from the box, returning at once and without a ramp."""
    device = {"name": "new", "kind": "der700", "rated_w": 8000, "dc_w": 9000, "link": "b", "models": TRIPS}
    return site(inverters=[{**device, "enter_delay_s": 0, "enter_ramp_s": 0, **changes}])


def _old(**changes: Any) -> Site:
    device = {"name": "old", "kind": "legacy", "rated_w": 5000, "dc_w": 5500, "link": "a", "models": OLD_TRIPS}
    return site(inverters=[{**device, "enter_delay_s": 60, **changes}])


def _curve(before: Site, model: int, *points: tuple[int, int]) -> Site:
    """A curve of an older model in force: raw x (% or Hz) and hundredths of a second."""
    axis = "V" if model in (129, 130, 137, 138, 139, 140) else "Hz"
    named = {"curve[1].ActPt": len(points)}
    for n, (x, tms) in enumerate(points, 1):
        named |= {f"curve[1].{axis}{n}": x, f"curve[1].Tms{n}": tms}
    return put(before, "old", model, **named, ActCrv=1, ModEna=1)


@pytest.mark.parametrize(
    ("grid", "borne_s", "alarm"),
    [
        # The defaults: 70 % for 10 s, 45 % for 0.16 s; 110 % for 2 s, 120 % for 0.16 s.
        ((69.0, None), 10.0, AC_UNDER_VOLT),
        ((44.0, None), 0.16, AC_UNDER_VOLT),
        ((111.0, None), 2.0, AC_OVER_VOLT),
        ((121.0, None), 0.16, AC_OVER_VOLT),
        # 48.5 Hz for 300 s, 46.5 Hz for 0.16 s; 51.2 Hz for 300 s, 52 Hz for 0.16 s.
        ((None, 48.4), 300.0, UNDER_FREQUENCY),
        ((None, 46.4), 0.16, UNDER_FREQUENCY),
        ((None, 51.3), 300.0, OVER_FREQUENCY),
        ((None, 52.1), 0.16, OVER_FREQUENCY),
    ],
)
def test_a_device_bears_each_limit_for_its_time_and_no_longer(
    grid: tuple[float | None, float | None], borne_s: float, alarm: int
) -> None:
    off_band = step(_new(), 5).with_grid(*grid)
    borne = step(off_band, borne_s - 0.01)
    assert borne.produced_w("new") == pytest.approx(8000)
    assert raw(borne, "new", 701, "Alrm") == 0
    tripped = step(off_band, borne_s + 0.01)
    assert tripped.produced_w("new") == 0
    assert raw(tripped, "new", 701, "Alrm") == alarm
    assert (raw(tripped, "new", 701, "ConnSt"), raw(tripped, "new", 701, "InvSt")) == (0, 0)


@pytest.mark.parametrize("grid", [(70.0, None), (110.0, None), (None, 48.5), (None, 51.2)])
def test_the_limit_itself_is_borne_for_ever(grid: tuple[float | None, float | None]) -> None:
    assert step(_new().with_grid(*grid), 3600).produced_w("new") == pytest.approx(8000)


def test_a_dip_that_ends_in_time_starts_anew() -> None:
    """9 s of 69 %, a second of rest, 9 s again: never 10 s on end."""
    dipped = step(_new().with_grid(69.0, None), 9)
    again = step(step(dipped.with_grid(100.0, None), 1).with_grid(69.0, None), 9)
    assert again.produced_w("new") == pytest.approx(8000)
    assert step(again, 1.1).produced_w("new") == 0


def test_a_disabled_curve_trips_nothing() -> None:
    assert step(put(_new(), "new", 707, Ena=0).with_grid(20.0, None), 60).produced_w("new") == pytest.approx(8000)


def test_a_tripped_device_returns_after_its_delay_within_the_window_and_ramps() -> None:
    tripped = step(_new(enter_delay_s=30, enter_ramp_s=100).with_grid(69.0, None), 11)
    # 90 % is above the trip and below ESVLo of 91.7 %.
    waiting = step(tripped.with_grid(90.0, None), 600)
    assert waiting.produced_w("new") == 0
    assert raw(waiting, "new", 703, "ESDlyRemTms") == 0
    back = step(waiting.with_grid(100.0, None), 10)
    assert raw(back, "new", 703, "ESDlyRemTms") == 20
    assert raw(back, "new", 701, "InvSt") == 2
    # A second outside the window, and the delay begins again.
    outside = step(step(back.with_grid(100.0, 50.2), 1).with_grid(100.0, 50.0), 29)
    assert outside.produced_w("new") == 0
    # 8000 W in 100 s; 10 s after the end of the delay.
    ramping = step(outside, 11)
    assert ramping.produced_w("new") == pytest.approx(800)
    assert raw(ramping, "new", 701, "Alrm") == 0
    assert step(ramping, 100).produced_w("new") == pytest.approx(8000)


def test_permission_that_is_given_outside_the_window_waits_for_it() -> None:
    off = put(_new(), "new", 703, ES=0).with_grid(90.0, None)
    asked = put(step(off, 1), "new", 703, ES=1)
    assert step(asked, 60).produced_w("new") == 0
    assert step(asked.with_grid(100.0, None), 5).produced_w("new") == pytest.approx(8000)


def test_a_tripped_device_without_permission_stays_off() -> None:
    tripped = put(step(_new().with_grid(69.0, None), 11), "new", 703, ES=0)
    assert step(tripped.with_grid(100.0, None), 600).produced_w("new") == 0


def test_an_eager_device_trips_as_soon_as_it_may() -> None:
    """137: must remain down to 80 % for 1 s; 129: must trip below 50 % after 2 s."""
    for eager, produced in ((False, 5000.0), (True, 0.0)):
        armed = _curve(_curve(_old(eager=eager), 137, (8000, 100)), 129, (5000, 200))
        assert step(armed.with_grid(75.0, None), 1.1).produced_w("old") == pytest.approx(produced)


@pytest.mark.parametrize(
    ("model", "point", "inside", "outside", "alarm"),
    [
        (129, (8800, 200), (89.0, None), (87.0, None), AC_UNDER_VOLT),
        (130, (11000, 200), (109.0, None), (111.0, None), AC_OVER_VOLT),
        (135, (49000, 200), (None, 49.1), (None, 48.9), UNDER_FREQUENCY),
        (136, (51000, 200), (None, 50.9), (None, 51.1), OVER_FREQUENCY),
    ],
)
def test_the_older_models_trip_and_return_after_their_delay(
    model: int, point: tuple[int, int], inside: Any, outside: Any, alarm: int
) -> None:
    armed = _curve(_old(), model, point)
    assert step(armed.with_grid(*inside), 3600).produced_w("old") == pytest.approx(5000)
    off_band = armed.with_grid(*outside)
    assert step(off_band, 1.9).produced_w("old") == pytest.approx(5000)
    tripped = step(off_band, 2.1)
    assert tripped.produced_w("old") == 0
    assert raw(tripped, "old", 103, "Evt1") == alarm
    assert raw(tripped, "old", 103, "St") == 1
    back = tripped.with_grid(100.0, 50.0)
    assert step(back, 59).produced_w("old") == 0
    # 50 % of 5000 W per second.
    returned = step(back, 61)
    assert returned.produced_w("old") == pytest.approx(2500)
    assert raw(returned, "old", 103, "Evt1") == 0


def test_momentary_cessation_lasts_as_long_as_the_dip() -> None:
    """139: below 50 % for 0.5 s."""
    armed = _curve(_old(), 139, (5000, 50)).with_grid(49.0, None)
    assert step(armed, 0.4).produced_w("old") == pytest.approx(5000)
    ceased = step(armed, 0.6)
    assert ceased.produced_w("old") == 0
    assert raw(ceased, "old", 103, "Evt1") == 0
    back = step(ceased.with_grid(100.0, None), 1)
    assert back.produced_w("old") == pytest.approx(2500)
    assert step(back, 1).produced_w("old") == pytest.approx(5000)


def test_a_curve_of_trips_that_is_not_whole_cannot_be_enabled() -> None:
    half = put(_old(), "old", 129, **{"curve[1].ActPt": 2, "curve[1].V1": 8800, "curve[1].Tms1": 200, "ActCrv": 1})
    assert not isinstance(attempt(_curve(_old(), 129, (8800, 200)), "old", (129, "ModEna"), 0), str)
    assert attempt(half, "old", (129, "ModEna"), 1) != half
    with pytest.raises(AssertionError, match="ModEna"):
        put(half, "old", 129, ModEna=1)


def test_energy_stops_with_the_trip() -> None:
    """2 s of 8 kW to the trip of 111 %, then nothing."""
    tripped = step(_new().with_grid(111.0, None), 60)
    (inverter,) = tripped.inverters
    assert inverter.energy_ws == pytest.approx(16_000, abs=10)


def test_eager_is_true_or_false() -> None:
    with pytest.raises(PlanError, match="eager"):
        plan(inverters=[{"name": "new", "kind": "der700", "rated_w": 8000, "eager": "yes"}])
