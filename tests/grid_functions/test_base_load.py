"""The highest load of the house in a week: an inverter that produces 2000 W behind a meter, day 12 of 1970 and later (UTC)."""

from dataclasses import replace

import pytest

from grid_functions.base_load import BaseLoad, Peaks, highest_w, restore, step
from grid_functions.model.device import Role
from grid_functions.model.entry import Entry
from grid_functions.model.instants import Instants
from tests.grid_functions.house import seen, snapshot, terms

DAY_S = 86_400.0
FIRST_S = 12 * DAY_S
TERMS = terms({"a": Role.PV})


def look(base: BaseLoad, mono_s: float, meter_w: float | None, *, utc_s: float | None = None) -> BaseLoad:
    """One look; the house draws what the meter shows and 2000 W more."""
    picture = snapshot([seen("a", power_w=-2000.0, at_s=mono_s)], meter_w, mono_s)
    return step(base, picture, TERMS, Instants(mono_s, FIRST_S + mono_s if utc_s is None else utc_s))[0]


def held(base: BaseLoad, mono_s: float, meter_w: float, *, utc_s: float | None = None) -> BaseLoad:
    """For ten seconds."""
    first = look(BaseLoad(base.peaks), mono_s, meter_w, utc_s=utc_s)
    return look(first, mono_s + 10.0, meter_w, utc_s=None if utc_s is None else utc_s + 10.0)


def test_a_peak_counts_once_it_has_held_for_ten_seconds_rounded_up_to_a_hundred_watts() -> None:
    """-500 W + 2000 W = 1500 W; then 3050 W for nine seconds is none, for ten it is 3100 W."""
    base = held(BaseLoad(), 0.0, -500.0)
    assert base.peaks == Peaks(FIRST_S + 10.0, ((12, 1500.0),))
    for mono_s, meter_w in ((11.0, 1050.0), (19.0, 1050.0), (20.0, -500.0)):
        base = look(base, mono_s, meter_w)
    assert base.peaks is not None
    assert base.peaks.days == ((12, 1500.0),)
    base = held(base, 21.0, 1050.0)
    assert base.peaks is not None
    assert base.peaks.days == ((12, 3100.0),)


def test_only_what_changed_is_kept_anew() -> None:
    base = held(BaseLoad(), 0.0, -500.0)
    picture = snapshot([seen("a", power_w=-2000.0, at_s=20.0)], -600.0, 20.0)
    assert step(base, picture, TERMS, Instants(20.0, FIRST_S + 20.0))[1] == ()
    picture = snapshot([seen("a", power_w=-2000.0, at_s=20.0)], 0.0, 20.0)
    louder = replace(base, least_w=2000.0)
    (entry,) = step(louder, picture, TERMS, Instants(20.0, FIRST_S + 20.0))[1]
    assert restore([entry]) == BaseLoad(Peaks(FIRST_S + 10.0, ((12, 2000.0),)))


def test_the_highest_of_seven_days_and_the_one_that_runs_counts() -> None:
    peaks = Peaks(FIRST_S, ((12, 9000.0), (13, 4000.0), (19, 1000.0)))

    def known(day: float) -> float | None:
        return highest_w(BaseLoad(peaks), Instants(0.0, day * DAY_S))

    assert (known(19.0), known(19.9), known(20.0), known(20.9), known(21.0)) == (9000.0, 9000.0, 4000.0, 4000.0, 1000.0)
    assert known(40.0) is None


def test_what_is_older_than_a_week_is_forgotten() -> None:
    peaks = Peaks(FIRST_S, ((12, 9000.0), (13, 4000.0)))
    base = held(BaseLoad(peaks), 0.0, -500.0, utc_s=20 * DAY_S + 5.0)
    assert base.peaks == Peaks(FIRST_S, ((13, 4000.0), (20, 1500.0)))


def test_a_day_of_counting_makes_it_known() -> None:
    base = held(BaseLoad(), 0.0, -500.0)
    assert highest_w(BaseLoad(), Instants(0.0, FIRST_S)) is None
    assert highest_w(base, Instants(0.0, FIRST_S + 10.0 + DAY_S - 1.0)) is None
    assert highest_w(base, Instants(0.0, FIRST_S + 10.0 + DAY_S)) == 1500.0


def test_a_clock_that_was_set_back_has_counted_no_longer_than_it_shows() -> None:
    base = held(BaseLoad(Peaks(FIRST_S, ((12, 9000.0),))), 0.0, -500.0, utc_s=11 * DAY_S)
    assert base.peaks == Peaks(11 * DAY_S + 10.0, ((11, 1500.0),))


@pytest.mark.parametrize("missing", ["meter", "device"])
def test_while_a_part_is_unknown_nothing_counts(missing: str) -> None:
    first = look(BaseLoad(), 0.0, 5000.0)
    one = seen("a", power_w=-2000.0, at_s=10.0)
    gone = replace(one, condition=replace(one.condition, online=False))
    picture = snapshot([gone if missing == "device" else one], None if missing == "meter" else 5000.0, 10.0)
    assert step(first, picture, TERMS, Instants(10.0, FIRST_S)) == (BaseLoad(), ())


def test_of_what_the_ledger_has_the_peaks_alone_are_taken() -> None:
    peaks = Peaks(FIRST_S, ((12, 100.0),))
    assert restore([Entry(("base_load",), peaks), Entry(("other",), 1)]) == BaseLoad(peaks)
    assert restore([]) == BaseLoad()
