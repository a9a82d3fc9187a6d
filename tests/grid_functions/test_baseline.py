"""The like-hours mean: hours are counted, kept and averaged; what an event asked for is left out."""

import pytest

from grid_functions import baseline
from grid_functions.baseline import Baseline, normal_of
from grid_functions.model.claim import ConnectionPoint, InForce
from grid_functions.model.control import DispatchKind, ExportLimit, LoadDispatch
from grid_functions.model.device import Role
from grid_functions.model.entry import Entry
from grid_functions.model.instants import Instants
from grid_functions.model.policy import BaselineTerms, SiteTerms
from grid_functions.model.reading import Quality, Reading
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.tariff import Price, Priced, PriceKind
from tests.grid_functions.house import NET, in_force, on, seen, terms

HOUR_S = 3600.0
MONDAY = 20_000 - (20_000 + 3) % 7
"""Days since 1970 of some Monday: 1970-01-01 was a Thursday."""
SITE = terms({"battery": Role.BATTERY})


class Clock:
    """Walks through hours, looking every ten minutes; the meter reads ``meter_w``, the battery ``battery_w``."""

    def __init__(self, site: SiteTerms = SITE) -> None:
        self.site, self.state, self.entries = site, Baseline(), list[Entry]()
        self.mono_s = 0.0

    def look(self, utc_s: float, meter_w: float | None, battery_w: float, *held: InForce) -> None:
        """One look."""
        now = Instants(self.mono_s, utc_s)
        reading = {} if meter_w is None else {NET: Reading(meter_w, Quality.GOOD, self.mono_s, utc_s)}
        devices = {"battery": seen("battery", Role.BATTERY, power_w=battery_w, at_s=self.mono_s)}
        picture = Snapshot("house", now, reading, devices)
        self.state, entries = baseline.step(self.state, held, picture, self.site, now)
        self.entries += entries

    def hour(self, day: int, hour: int, meter_w: float | None, battery_w: float = 0.0, *held: InForce) -> None:
        """One hour from its first second up to its last."""
        begin_s = day * 86_400.0 + hour * HOUR_S
        for minute in range(0, 60, 10):
            self.look(begin_s + 60.0 * minute, meter_w, battery_w, *held)
            self.mono_s += 600.0

    def like_w(self, day: int, hour: int) -> dict[str, float]:
        """What is known at the beginning of that hour."""
        self.look(day * 86_400.0 + hour * HOUR_S, 0.0, 0.0)
        self.mono_s += 600.0
        return dict(self.state.like_w)


def test_the_same_hour_of_the_last_like_days_is_averaged() -> None:
    """Monday 1 kW, Tuesday 3 kW, then Wednesday's same hour: 2 kW. Other hours and the weekend before count for nothing."""
    clock = Clock()
    clock.hour(MONDAY - 1, 9, 9000.0)
    clock.hour(MONDAY, 9, 1000.0, 200.0)
    clock.hour(MONDAY, 10, 7000.0)
    clock.hour(MONDAY + 1, 9, 3000.0, 400.0)
    clock.hour(MONDAY + 1, 10, 7000.0)
    assert clock.like_w(MONDAY + 2, 9) == {"": 2000.0, "battery": 300.0}


def test_a_weekend_is_like_a_weekend() -> None:
    clock = Clock()
    clock.hour(MONDAY + 4, 9, 1000.0)
    clock.hour(MONDAY + 5, 9, 5000.0)
    clock.hour(MONDAY + 5, 10, 0.0)
    assert clock.like_w(MONDAY + 6, 9)[""] == 5000.0


def test_only_so_many_days_count() -> None:
    """Of 1, 2 and 3 kW the last two: 2.5 kW."""
    site = terms({"battery": Role.BATTERY})
    clock = Clock(SiteTerms("house", site.connection, site.devices, baseline=BaselineTerms(days=2)))
    for number in range(3):
        clock.hour(MONDAY + number, 9, 1000.0 * (number + 1))
        clock.hour(MONDAY + number, 10, 0.0)
    assert clock.like_w(MONDAY + 3, 9)[""] == 2500.0


def test_an_hour_in_which_an_event_asked_for_something_is_left_out_and_a_price_is_no_event() -> None:
    clock = Clock()
    clock.hour(MONDAY, 9, 1000.0, 0.0, in_force(Price(Priced.IMPORT, PriceKind.ABSOLUTE, 0.3)))
    clock.hour(MONDAY, 10, 0.0)
    clock.hour(MONDAY + 1, 9, 5000.0, 0.0, in_force(LoadDispatch(DispatchKind.DELTA_W, -1.0)))
    clock.hour(MONDAY + 1, 10, 0.0)
    clock.hour(MONDAY + 2, 9, 3000.0, 0.0, in_force(ExportLimit(0.0), test=True))
    clock.hour(MONDAY + 2, 10, 0.0)
    assert clock.like_w(MONDAY + 3, 9)[""] == 2000.0


def test_an_hour_that_was_hardly_measured_is_none() -> None:
    """20 of 60 minutes."""
    clock = Clock()
    begin_s = MONDAY * 86_400.0 + 9 * HOUR_S
    for minute in (40, 50):
        clock.look(begin_s + 60.0 * minute, 1000.0, 0.0)
        clock.mono_s += 600.0
    clock.hour(MONDAY, 10, 0.0)
    assert "" not in clock.like_w(MONDAY + 1, 9)


@pytest.mark.parametrize("meter_w", [None, float("nan"), float("inf")])
def test_what_is_no_measurement_is_not_counted(meter_w: float | None) -> None:
    clock = Clock()
    clock.hour(MONDAY, 9, meter_w, 100.0)
    clock.hour(MONDAY, 10, 0.0)
    assert clock.like_w(MONDAY + 1, 9) == {"battery": 100.0}


def test_an_hour_that_the_clock_jumps_out_of_is_none() -> None:
    clock = Clock()
    clock.hour(MONDAY, 9, 1000.0)
    clock.hour(MONDAY, 13, 0.0)
    assert "" not in clock.like_w(MONDAY + 1, 9)


def test_hours_survive_a_restart() -> None:
    clock = Clock()
    clock.hour(MONDAY, 9, 1000.0)
    clock.hour(MONDAY, 10, 0.0)
    clock.state = baseline.restore(clock.entries)
    assert clock.like_w(MONDAY + 1, 9)[""] == 1000.0


def test_the_baseline_of_several_devices_is_their_sum_and_unknown_if_one_is() -> None:
    like_w = {"": 900.0, "a": 100.0, "b": 200.0}
    assert normal_of(like_w, ConnectionPoint()) == 900.0
    assert normal_of(like_w, on("a", "b")) == 300.0
    assert normal_of(like_w, on("a", "c")) is None
    assert normal_of(like_w, on()) is None
