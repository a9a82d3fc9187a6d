"""Averages at the edges of windows and of what holds. Windows of 10 s, stale after 5 s."""

from grid_functions.model.instants import Instants
from grid_functions.model.reading import Average, MeterKey, Quality, Reading
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Phase, Quantity
from grid_functions.report import ReportState, step
from tests.grid_functions.house import NET

VOLTAGE: MeterKey = (Quantity.VOLTAGE, Phase.A)


def at(utc_s: float, *values: tuple[MeterKey, float], read_s: float | None = None) -> Snapshot:
    """A picture at this second of UTC; the monotonic clock began elsewhere."""
    stamp = utc_s if read_s is None else read_s
    meter = {key: Reading(value, Quality.GOOD, stamp - 7000.0, stamp) for key, value in values}
    return Snapshot("house", Instants(utc_s - 7000.0, utc_s), meter, {})


def closed(*pictures: Snapshot) -> list[Average]:
    state, found = ReportState(), list[Average]()
    for picture in pictures:
        state, some = step(state, picture, 10.0, 5.0)
        found += some
    return found


def figures(found: list[Average]) -> list[tuple[float, float, float]]:
    """(start, value, coverage)."""
    return [(one.start_s, round(one.value, 6), round(one.coverage, 6)) for one in found]


def test_a_window_closes_at_its_last_second_and_not_before() -> None:
    assert closed(at(10_000.0, (NET, 5.0)), at(10_009.9)) == []
    assert figures(closed(at(10_000.0, (NET, 5.0)), at(10_010.0))) == [(10_000.0, 5.0, 0.5)]


def test_windows_are_aligned_to_utc_whatever_the_first_second() -> None:
    assert figures(closed(at(10_007.0, (NET, 5.0)), at(10_012.0, (NET, 5.0)), at(10_020.0))) == [
        (10_000.0, 5.0, 0.3),
        (10_010.0, 5.0, 0.7),  # 2 s of the first, 5 s of the second
    ]


def test_a_reading_goes_stale_from_when_it_was_read_not_from_when_it_was_seen() -> None:
    """Read at 8 s, seen at 10 s: it holds for 3 s more."""
    assert figures(closed(at(10_000.0, (NET, 6.0), read_s=9_998.0), at(10_010.0))) == [(10_000.0, 6.0, 0.3)]


def test_a_reading_already_stale_counts_nothing() -> None:
    assert closed(at(10_000.0, (NET, 6.0), read_s=9_995.0), at(10_010.0)) == []


def test_negative_values_and_zero_are_values() -> None:
    assert figures(
        closed(at(10_000.0, (NET, -100.0)), at(10_004.0, (NET, 0.0)), at(10_008.0, (NET, 0.0)), at(10_010.0))
    ) == [(10_000.0, -40.0, 1.0)]


def test_each_quantity_and_phase_has_its_own_window() -> None:
    found = closed(at(10_000.0, (NET, 1.0), (VOLTAGE, 230.0)), at(10_010.0))
    assert {(one.quantity, one.phase, one.value) for one in found} == {
        (Quantity.NET, None, 1.0),
        (Quantity.VOLTAGE, Phase.A, 230.0),
    }
    assert {one.duration_s for one in found} == {10.0}


def test_a_long_silence_yields_no_row_of_empty_windows() -> None:
    found = closed(at(10_000.0, (NET, 5.0)), at(900_000.0, (NET, 7.0)), at(900_010.0))
    assert figures(found) == [(10_000.0, 5.0, 0.5), (900_000.0, 7.0, 0.5)]


def test_a_clock_set_back_counts_nothing_twice() -> None:
    found = closed(at(10_000.0, (NET, 5.0)), at(10_004.0, (NET, 5.0)), at(10_002.0, (NET, 5.0)), at(10_010.0))
    assert all(one.coverage <= 1.0 for one in found)
    assert figures(found)[0][1] == 5.0
