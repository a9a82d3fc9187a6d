"""What reports say: every payload type once, worked out by hand from a site of known figures."""

from dataclasses import replace
from typing import Any

import pytest

from grid_functions.model.policy import BaselineKind, BaselineTerms
from grid_functions.model.reading import Metered, Quality
from grid_functions.model.usual import Hours, Usual
from protocols.openadr3.report import book, values
from protocols.openadr3.report.book import Book
from protocols.openadr3.report.values import Circumstances
from protocols.openadr3.timing import Span
from tests.protocols.openadr3.report.site import battery, charger, minute, picture, pv, reading

START_S = 1_795_953_600.0  # noon
DAY_S = 86_400.0
QUARTER = Span(0, 3, START_S, START_S + 900.0)


def kept(*powers_w: float, coverage: float = 1.0, **more: Any) -> Book:
    """A book of minutes from noon on; the devices are a battery, a charger and PV."""
    found = Book()
    snapshot = picture([battery(**more), charger(), pv()], counter_wh=123_400.0)
    for number, power_w in enumerate(powers_w):
        found = book.taken(found, snapshot, [minute(START_S + 60.0 * number, power_w, coverage)], frozenset())
    return found


def told(kind: str, found: Book, units: str = "", span: Span = QUARTER, **more: Any) -> values.Value | None:
    given: dict[str, Any] = {"now_s": START_S + 930.0, "whole_site": True}
    return values.value_of(kind, Circumstances(book=found, span=span, **(given | more)), units)


FIFTEEN = [3000.0] * 10 + [6000.0] * 5  # mean 4000 W, so 1 kWh in a quarter of an hour


ROWS: list[tuple[str, float | str]] = [
    ("USAGE", 1.0),
    ("DEMAND", 4.0),
    ("READING", 123.4),
    ("SETPOINT", -2.0),
    ("REGULATION_SETPOINT", -2.0),
    ("OPERATING_STATE", "RUNNING_NORMAL"),
    ("UP_REGULATION_AVAILABLE", 11.0),  # the battery could give 4 kW more, the charger stop its 7 kW
    ("DOWN_REGULATION_AVAILABLE", 9.0),  # the battery could take 5 kW instead of giving 1, the PV stop its 3 kW
    ("STORAGE_USABLE_CAPACITY", 10.0),
    ("STORAGE_CHARGE_LEVEL", 0.6),
    ("STORAGE_MAX_DISCHARGE_POWER", 5.0),
    ("STORAGE_MAX_CHARGE_POWER", 5.0),
    ("SIMPLE_LEVEL", 2.0),
    ("STORAGE_DISPATCH_FORECAST", -2.0),
    ("LOAD_SHED_DELTA_AVAILABLE", 7.0),
    ("GENERATION_DELTA_AVAILABLE", 4.0),
    ("DATA_QUALITY", "OK"),
    ("USAGE_FORECAST", 1.0),  # nothing known of other days: the 4 kW of now
]


@pytest.mark.parametrize(("kind", "value"), ROWS)
def test_a_payload_type_says(kind: str, value: float | str) -> None:
    assert told(kind, kept(*FIFTEEN, target_w=-2000.0), level=2) == value


TODAY = int(START_S // DAY_S)
"""A Sunday."""

WEEK = Usual(
    {
        # Noon: 3 kW last Sunday, 9 kW on Friday, which is no day like this, 2 kW on Saturday; at one o'clock 5 kW on Saturday.
        ("", 12): Hours(((TODAY - 7, 3000.0), (TODAY - 2, 9000.0), (TODAY - 1, 2000.0))),
        ("", 13): Hours(((TODAY - 1, 5000.0),)),
        ("evse", 12): Hours(((TODAY - 1, 1000.0),)),
        ("pv", 12): Hours(((TODAY - 1, -400.0),)),
    },
    BaselineTerms(),
)


def usual(usual_: Usual, *powers_w: float) -> Book:
    """Minutes from five before noon on, of the connection; the devices took half of it."""
    found = book.taken(Book(), picture([]), [], frozenset(), usual_)
    for number, power_w in enumerate(powers_w):
        start_s = START_S - 300.0 + 60.0 * number
        both = [minute(start_s, power_w), minute(start_s, power_w / 2, of=Metered.DEVICES)]
        found = book.taken(found, picture([]), both, frozenset(), usual_)
    return found


def test_a_baseline_is_the_sites_own_mean_of_like_hours() -> None:
    found = usual(WEEK, *[0.0] * 5, *FIFTEEN)
    assert told("BASELINE", found) == pytest.approx(0.625)  # 2.5 kW for a quarter of an hour
    assert told("DELTA_USAGE", found) == pytest.approx(0.375)
    assert told("USAGE_FORECAST", found) == pytest.approx(0.625)
    assert values.reading_of("BASELINE", found) == "MEAN"


def test_over_several_hours_each_counts_for_its_time() -> None:
    half = Span(0, 3, START_S + 2700.0, START_S + 4500.0)  # a quarter at 2.5 kW, a quarter at 5 kW
    assert told("BASELINE", usual(WEEK), span=half) == pytest.approx(0.625 + 1.25)


def test_a_resources_baseline_is_of_its_devices() -> None:
    both = frozenset({"evse", "pv"})
    assert told("BASELINE", usual(WEEK), whole_site=False, devices=both) == pytest.approx(0.15)
    assert told("BASELINE", usual(WEEK), whole_site=False, devices=both | {"battery"}) is None


@pytest.mark.parametrize("hours", [(), ((TODAY - 2, 9000.0),), ((TODAY, 3000.0),)], ids=["none", "unlike", "today"])
def test_without_a_like_day_there_is_no_baseline(hours: tuple[tuple[int, float], ...]) -> None:
    found = usual(replace(WEEK, hours={("", 12): Hours(hours)}), *[0.0] * 5, *FIFTEEN)
    assert told("BASELINE", found) is None
    assert told("DELTA_USAGE", found) is None
    assert told("BASELINE", kept(*FIFTEEN)) is None
    assert told("BASELINE", usual(WEEK), span=Span(0, 3, START_S, START_S + 9000.0)) is None  # 14 o'clock is not known


def test_a_baseline_may_be_the_power_when_the_event_began_and_says_so() -> None:
    found = usual(replace(WEEK, terms=BaselineTerms(kind=BaselineKind.PRESENT)), 1.0, 2.0, 3.0, 4.0, 3600.0, *FIFTEEN)
    assert values.reading_of("BASELINE", found) == "DIRECT_READ"
    assert told("BASELINE", found, began_s=START_S) == pytest.approx(0.9)  # the last minute before noon
    assert told("BASELINE", found, began_s=START_S, whole_site=False) == pytest.approx(0.45)
    assert told("BASELINE", found) is None  # it has not begun
    assert told("BASELINE", found, began_s=START_S - 3600.0) is None  # nothing was measured then


def test_every_type_is_tried_here() -> None:
    assert {row[0] for row in ROWS} | {"BASELINE", "DELTA_USAGE"} == set(values.TABLE)


@pytest.mark.parametrize(
    ("kind", "units", "value"), [("USAGE", "WH", 1000.0), ("DEMAND", "W", 4000.0), ("USAGE", "MWH", 0.001)]
)
def test_units_asked_for_are_units_told(kind: str, units: str, value: float) -> None:
    assert told(kind, kept(*FIFTEEN), units) == value
    assert values.units_of(kind, units) == units


def test_units_that_do_not_fit_are_told_in_the_natural_ones() -> None:
    assert (told("USAGE", kept(*FIFTEEN), "THERMS"), values.units_of("USAGE", "THERMS")) == (1.0, "KWH")


def test_the_peak_is_the_highest_minute() -> None:
    assert told("DEMAND", kept(*FIFTEEN), peak=True) == 6.0


def test_part_of_an_interval_stands_for_the_rest_and_says_so() -> None:
    found = kept(4000.0, 4000.0, 4000.0)
    assert told("USAGE", found) == 1.0
    assert told("DATA_QUALITY", found) == "ESTIMATED"
    assert told("DATA_QUALITY", kept(*FIFTEEN, coverage=0.5)) == "ESTIMATED"


def test_nothing_measured_is_missing() -> None:
    assert told("USAGE", Book()) is None
    assert told("DATA_QUALITY", Book()) == "MISSING"
    assert told("STORAGE_CHARGE_LEVEL", Book()) is None


def test_a_resource_is_measured_by_its_own_devices() -> None:
    found = Book()
    for number in range(15):
        both = [minute(START_S + 60.0 * number, 4000.0), minute(START_S + 60.0 * number, 7000.0, of=Metered.DEVICES)]
        found = book.taken(found, picture([charger()]), both, frozenset({"evse"}))
    assert told("USAGE", found, whole_site=False) == 1.75
    assert told("USAGE", found, whole_site=True) == 1.0


def test_a_site_of_which_nothing_answers_is_in_error() -> None:
    found = book.taken(Book(), picture([battery(online=False), charger(online=False)]), [], frozenset())
    assert told("OPERATING_STATE", found) == "ERROR"
    assert told("UP_REGULATION_AVAILABLE", found) is None


@pytest.mark.parametrize("state", ["CURTAILED", "HEIGHTENED", "OPTED_OUT", "NORMAL"])
def test_operating_states_are_idle_or_running(state: str) -> None:
    idle = book.taken(Book(), picture([charger(net_w=0.0)]), [], frozenset())
    assert told("OPERATING_STATE", idle, state=state) == f"IDLE_{state}"
    assert told("OPERATING_STATE", kept(4000.0), state=state) == f"RUNNING_{state}"


def test_a_full_battery_takes_nothing_and_an_empty_one_gives_nothing() -> None:
    full = book.taken(Book(), picture([battery(net_w=0.0, charge_pct=100.0)]), [], frozenset())
    empty = book.taken(Book(), picture([battery(net_w=0.0, charge_pct=0.0)]), [], frozenset())
    assert (told("DOWN_REGULATION_AVAILABLE", full), told("UP_REGULATION_AVAILABLE", full)) == (0.0, 5.0)
    assert (told("DOWN_REGULATION_AVAILABLE", empty), told("UP_REGULATION_AVAILABLE", empty)) == (5.0, 0.0)


def test_readings_that_are_not_good_are_none() -> None:
    seen = charger()
    stale = {key: reading(7000.0, Quality.STALE) for key in seen.condition.readings}
    bad = replace(seen, condition=replace(seen.condition, readings=stale))
    found = book.taken(Book(), picture([bad], net_w=None), [], frozenset())
    assert told("LOAD_SHED_DELTA_AVAILABLE", found) == 0.0
    assert told("USAGE_FORECAST", found) is None


def test_several_as_one() -> None:
    assert values.together("USAGE", [1.0, 2.5]) == 3.5
    assert values.together("STORAGE_CHARGE_LEVEL", [0.4, 0.6]) == 0.5
    assert values.together("OPERATING_STATE", ["RUNNING_NORMAL", "ERROR"]) == "ERROR"
    assert values.together("DATA_QUALITY", ["OK", "ESTIMATED"]) == "ESTIMATED"
    assert values.together("USAGE", []) is None


def test_a_day_and_an_hour_is_kept_and_no_more() -> None:
    found = Book()
    for hour in range(40):
        found = book.taken(found, picture([]), [minute(START_S + 3600.0 * hour, 1.0)], frozenset())
    assert min(found.minutes) == START_S + 3600.0 * 13
    assert len(found.minutes) == 27
