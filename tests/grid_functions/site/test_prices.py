"""Prices become one series: told ahead, resolved against the standing price, one value for each moment."""

import math
from dataclasses import replace

import pytest

from grid_functions.decide import restore
from grid_functions.model.claim import SourceKind
from grid_functions.model.event import Event, EventKey, EventStatus, Interval, Rank
from grid_functions.model.function import SiteInputs
from grid_functions.model.instants import ClockQuality, Instants, Moment, UpstreamTime
from grid_functions.model.tariff import Price, Priced, PriceKind
from grid_functions.site.prices import KeepPrices, PricesOptions, PricesState, price_at
from tests.grid_functions.house import seen, snapshot, terms
from tests.scenarios.decide.site import AGGREGATOR, BOOT_S, Site, policy

STANDING = PricesOptions({Priced.IMPORT: 0.30}, "EUR")


def priced(
    name: str,
    *values: float,
    start_s: float = 0.0,
    level: float = 1.0,
    kind: PriceKind = PriceKind.ABSOLUTE,
    of: Priced = Priced.IMPORT,
    test: bool = False,
) -> Event:
    """An event of hours with these prices."""
    hours = tuple(Interval(3600.0 * n, 3600.0, (Price(of, kind, value, "EUR"),)) for n, value in enumerate(values))
    return Event(
        EventKey(AGGREGATOR, name), 0, "p", Rank(level, 0.0, name), BOOT_S + start_s, 3600.0 * len(values), hours,
        status=EventStatus.SCHEDULED, test=test,
    )  # fmt: skip


def house(options: PricesOptions = STANDING, **told: object) -> Site:
    """A site with one VTN."""
    functions = {"prices": KeepPrices(options)}
    return Site([seen("a")], terms({}), {AGGREGATOR: policy(AGGREGATOR, SourceKind.OPENADR, **told)}, functions)


def series(site: Site, of: Priced = Priced.IMPORT) -> list[tuple[float, float | None, float]]:
    """Start and end in hours after boot, and the value."""
    state = site.state.kept["prices"].state
    assert isinstance(state, PricesState)
    return [
        (
            (one.start_utc_s - BOOT_S) / 3600.0,
            None if one.end_utc_s is None else (one.end_utc_s - BOOT_S) / 3600.0,
            round(one.value, 9),
        )
        for one in state.tariff.get(of, ())
    ]


def test_what_is_to_come_is_known_before_it_holds() -> None:
    site = house()
    site.tick(0.0, site.read(0.0, priced("e", 0.2, 0.4, start_s=7200.0), respondent=AGGREGATOR))
    assert series(site) == [(2.0, 3.0, 0.2), (3.0, 4.0, 0.4)]


def test_of_events_that_overlap_the_better_ranked_tells_and_the_other_before_and_after() -> None:
    """Four hours of 10 ct; a better-ranked event says 50 ct for the second of them."""
    site = house()
    events = (priced("e", 0.1, 0.1, 0.1, 0.1, level=2.0), priced("f", 0.5, start_s=3600.0, level=1.0))
    site.tick(0.0, site.read(0.0, *events, respondent=AGGREGATOR))
    assert series(site) == [(0.0, 1.0, 0.1), (1.0, 2.0, 0.5), (2.0, 3.0, 0.1), (3.0, 4.0, 0.1)]


def test_a_relative_price_and_a_multiplier_refer_to_the_standing_price() -> None:
    """30 ct standing: 5 ct less are 25 ct, one and a half times are 45 ct."""
    site = house()
    events = (
        priced("e", -0.05, kind=PriceKind.RELATIVE),
        priced("f", 1.5, start_s=3600.0, kind=PriceKind.MULTIPLIER),
    )
    site.tick(0.0, site.read(0.0, *events, respondent=AGGREGATOR))
    assert series(site) == [(0.0, 1.0, 0.25), (1.0, 2.0, 0.45)]


@pytest.mark.parametrize(("kind", "currency"), [(PriceKind.ABSOLUTE, ""), (PriceKind.RELATIVE, "EUR")])
def test_only_a_price_that_refers_to_the_standing_one_has_its_currency(kind: PriceKind, currency: str) -> None:
    told = replace(
        priced("e"), intervals=(Interval(0.0, 3600.0, (Price(Priced.IMPORT, kind, 0.1, ""),)),), duration_s=3600.0
    )
    site = house()
    site.tick(0.0, site.read(0.0, told, respondent=AGGREGATOR))
    state = site.state.kept["prices"].state
    assert isinstance(state, PricesState)
    assert [one.currency for one in state.tariff[Priced.IMPORT]] == [currency]


@pytest.mark.parametrize(
    ("kind", "value"), [(PriceKind.ABSOLUTE, math.inf), (PriceKind.ABSOLUTE, math.nan), (PriceKind.MULTIPLIER, 1e308)]
)
def test_a_price_that_is_no_number_is_told_of_and_is_none(kind: PriceKind, value: float) -> None:
    """30 a kWh standing: 1e308 times as much is beyond what a number can be."""
    site = house(PricesOptions({Priced.IMPORT: 30.0}))
    site.tick(
        0.0, site.read(0.0, priced("e", value, kind=kind), priced("f", 0.2, start_s=3600.0), respondent=AGGREGATOR)
    )
    assert series(site) == [(1.0, 2.0, 0.2)]
    assert [one.text for one in site.state.kept["prices"].state.alarms] == [
        f"a {kind.value} price of import cannot be resolved"
    ]


def test_each_thing_that_has_a_price_has_its_own_series() -> None:
    site = house()
    events = (priced("e", 0.2), priced("f", 0.08, of=Priced.EXPORT), priced("g", 380.0, of=Priced.EMISSIONS))
    site.tick(0.0, site.read(0.0, *events, respondent=AGGREGATOR))
    assert [series(site, of)[0][2] for of in (Priced.IMPORT, Priced.EXPORT, Priced.EMISSIONS)] == [0.2, 0.08, 380.0]


def test_a_vanished_event_and_a_test_tell_nothing() -> None:
    site = house()
    kept, gone = priced("k", 0.2), priced("g", 0.9, start_s=3600.0)
    test = priced("t", 9.9, start_s=7200.0, test=True)
    site.tick(0.0, site.read(0.0, kept, gone, test, respondent=AGGREGATOR))
    site.tick(1.0, site.read(1.0, kept, test, respondent=AGGREGATOR))
    assert series(site) == [(0.0, 1.0, 0.2)]


def test_the_series_survives_a_restart() -> None:
    site = house()
    entries = site.tick(0.0, site.read(0.0, priced("e", 0.2, start_s=60.0), respondent=AGGREGATOR)).entries
    site.state = restore(entries)
    site.tick(1.0)
    assert series(site) == [(60.0 / 3600.0, 3660.0 / 3600.0, 0.2)]


def test_times_are_ours_whatever_the_upstreams_clock_says() -> None:
    site = house()
    site.tick(0.0, site.read(0.0, priced("e", 0.2), respondent=AGGREGATOR))
    told = site.state.timelines[AGGREGATOR].run
    assert told is not None
    ahead = tuple(
        replace(one, since=Moment("vtn", one.since.at_s), until=Moment("vtn", BOOT_S + 3600.0)) for one in told.ahead
    )
    now = Instants(0.0, BOOT_S, {"vtn": UpstreamTime(BOOT_S + 3600.0, ClockQuality.SYNCHRONISED)})
    inputs = SiteInputs(terms({}), (), snapshot((), None), ahead=ahead)
    state = KeepPrices().step(PricesState(), inputs, now).state
    assert [(one.start_utc_s, one.end_utc_s) for one in state.tariff[Priced.IMPORT]] == [(BOOT_S - 3600.0, BOOT_S)]


def test_a_moment_that_nobody_told_has_the_standing_price() -> None:
    site = house()
    site.tick(0.0, site.read(0.0, priced("e", 0.2), respondent=AGGREGATOR))
    tariff = site.state.kept["prices"].state.tariff
    assert price_at(tariff, STANDING, Priced.IMPORT, BOOT_S + 60.0) == 0.2
    assert price_at(tariff, STANDING, Priced.IMPORT, BOOT_S + 3600.0) == 0.30
    assert price_at(tariff, STANDING, Priced.EXPORT, BOOT_S) is None


def test_288_intervals_are_one_series() -> None:
    site = house()
    event = priced("e", *(0.001 * number for number in range(288)))
    site.tick(0.0, site.read(0.0, event, respondent=AGGREGATOR))
    assert len(series(site)) == 288
    assert series(site)[-1] == (287.0, 288.0, 0.287)
