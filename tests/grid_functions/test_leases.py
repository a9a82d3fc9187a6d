"""Leases at a site: they hold while renewed, run out by themselves, and an older epoch is void."""

from collections.abc import Iterable
from dataclasses import replace

from grid_functions import leases
from grid_functions.leases import LeaseState, Renewed
from grid_functions.model.claim import LeaseId, Source, SourceKind
from grid_functions.model.control import ExportLimit, ImportLimit, TargetPower
from grid_functions.model.entry import Entry, EntryKey
from grid_functions.model.event import EventKey, Interval, Rank, Respondent
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.lease import Lease, Origin
from grid_functions.model.tariff import Price, Priced, PriceKind
from tests.grid_functions.house import at


def lease(limit_w: float = 1000.0, *, epoch: int = 1, ttl_s: float = 60.0, subject: str = "dlc/limit") -> Lease:
    return Lease(LeaseId("feeder", subject, epoch), ttl_s, (ImportLimit(limit_w),))


def after(*rounds: tuple[float, tuple[Lease, ...]]) -> leases.LeaseStep:
    done = leases.LeaseStep(LeaseState(), (), (), ())
    for second, received in rounds:
        done = leases.step(done.state, received, at(second))
    return done


def limits(done: leases.LeaseStep) -> list[float]:
    return [one.control.limit_w for one in done.in_force if isinstance(one.control, ImportLimit)]


def test_a_lease_holds_for_its_ttl_and_no_second_longer() -> None:
    assert limits(after((0.0, (lease(),)), (59.9, ()))) == [1000.0]
    assert limits(after((0.0, (lease(),)), (60.0, ()))) == []


def test_it_asks_to_be_woken_at_its_end() -> None:
    assert after((0.0, (lease(),))).wake == (Moment(OWN, 1_000_060.0),)


def test_a_renewal_makes_it_live_on_and_is_no_new_control() -> None:
    done = after((0.0, (lease(),)), (50.0, (lease(),)), (100.0, ()))
    assert limits(done) == [1000.0]
    assert done.in_force[0].since == Moment(OWN, 1_000_000.0)


def test_a_new_value_takes_the_place_of_the_old_one() -> None:
    done = after((0.0, (lease(),)), (10.0, (lease(500.0),)))
    assert limits(done) == [500.0]
    assert done.in_force[0].since == Moment(OWN, 1_000_010.0)


def test_a_lease_of_no_time_ends_it() -> None:
    assert limits(after((0.0, (lease(),)), (1.0, (lease(ttl_s=0.0),)))) == []


def test_an_older_epoch_is_void_whatever_it_says() -> None:
    assert limits(after((0.0, (lease(epoch=2),)), (1.0, (lease(5000.0, epoch=1),)))) == [1000.0]
    assert limits(after((0.0, (lease(epoch=2),)), (1.0, (lease(ttl_s=0.0, epoch=1),)))) == [1000.0]


def test_a_newer_epoch_voids_all_the_older_gave() -> None:
    done = after((0.0, (lease(), lease(700.0, subject="dac/plan"))), (1.0, (lease(800.0, epoch=2),)))
    assert limits(done) == [800.0]


def test_the_order_of_what_is_received_at_once_does_not_matter() -> None:
    old, new = lease(5000.0, epoch=1), lease(800.0, epoch=2)
    assert limits(after((0.0, (old, new)))) == limits(after((0.0, (new, old)))) == [800.0]


def test_a_series_moves_on_by_itself_and_wakes_at_each_turn() -> None:
    series = (
        Interval(0.0, 600.0, (TargetPower(1000.0),)),
        Interval(600.0, 600.0, (TargetPower(-500.0),)),
    )
    sent = Lease(LeaseId("feeder", "dac/plan", 1), 3600.0, start_utc_s=1_000_000.0, series=series)
    first = leases.step(LeaseState(), (sent,), at(0.0))
    assert [one.control for one in first.in_force] == [TargetPower(1000.0)]
    assert first.in_force[0].until == Moment(OWN, 1_000_600.0)
    assert Moment(OWN, 1_000_600.0) in first.wake
    second = leases.step(first.state, (), at(600.0))
    assert [one.control for one in second.in_force] == [TargetPower(-500.0)]
    assert leases.step(second.state, (), at(1200.0)).in_force == ()


def test_a_renewal_need_not_resend_the_series() -> None:
    series = (Interval(0.0, 7200.0, (TargetPower(1000.0),)),)
    whole = Lease(LeaseId("feeder", "dac/plan", 1), 60.0, start_utc_s=1_000_000.0, series=series)
    renewal = Lease(LeaseId("feeder", "dac/plan", 1), 60.0)
    assert [one.control for one in after((0.0, (whole,)), (50.0, (renewal,)), (100.0, ())).in_force] == [
        TargetPower(1000.0)
    ]


def test_a_renewal_by_another_epoch_brings_no_series_back() -> None:
    series = (Interval(0.0, 7200.0, (TargetPower(1000.0),)),)
    whole = Lease(LeaseId("feeder", "dac/plan", 1), 60.0, start_utc_s=1_000_000.0, series=series)
    renewal = Lease(LeaseId("feeder", "dac/plan", 2), 60.0)
    assert after((0.0, (whole,)), (50.0, (renewal,))).in_force == ()


def test_what_came_from_an_event_keeps_its_source_and_rank() -> None:
    feeder = Respondent("utility", "feeder-lfdi")
    source = Source(SourceKind.IEEE2030_5, "utility", feeder)
    origin = Origin(EventKey(feeder, "e1"), source, Rank(3.0, 5.0), 999_990.0)
    given = Lease(LeaseId("feeder", "divide/limit", 1), 60.0, (ExportLimit(1.0),), origin=origin)
    (held,) = leases.step(LeaseState(), (given,), at(0.0)).in_force
    assert (held.source, held.rank, held.received_utc_s) == (source, Rank(3.0, 5.0), 999_990.0)


def test_what_came_from_no_event_is_the_areas_own_and_ranks_by_its_subject_alone() -> None:
    held = leases.step(LeaseState(), (lease(), lease(700.0, subject="dac/plan")), at(0.0)).in_force
    assert {one.source for one in held} == {Source(SourceKind.AREA, "feeder")}
    assert {one.rank for one in held} == {Rank(0.0, tie="dac/plan"), Rank(0.0, tie="dlc/limit")}


def restarted(after_s: float, utc_jump_s: float = 0.0) -> leases.LeaseStep:
    first = leases.step(LeaseState(), (lease(ttl_s=600.0),), at(0.0))
    state = leases.restore(first.entries)
    return leases.step(state, (), Instants(5.0, 1_000_000.0 + after_s + utc_jump_s))


def test_over_a_restart_it_lives_for_what_is_left() -> None:
    assert limits(restarted(599.0)) == [1000.0]
    assert limits(restarted(601.0)) == []


def test_a_clock_set_back_over_a_restart_gives_it_its_whole_length_at_most() -> None:
    done = restarted(10.0, utc_jump_s=-86_400.0)
    assert limits(done) == [1000.0]
    later = leases.step(done.state, (), Instants(605.0, 1_000_000.0 - 86_400.0 + 610.0))
    assert limits(later) == []


def test_within_a_run_a_jump_of_utc_changes_nothing() -> None:
    first = leases.step(LeaseState(), (lease(),), at(0.0))
    assert limits(leases.step(first.state, (), Instants(30.0, 2_000_000.0))) == [1000.0]


def test_the_newest_epoch_outlives_a_restart() -> None:
    first = leases.step(LeaseState(), (lease(epoch=7), lease(epoch=7, ttl_s=0.0)), at(0.0))
    again = leases.step(leases.restore(first.entries), (lease(epoch=6),), at(1.0))
    assert again.in_force == ()


def test_prices_of_a_series_are_told_ahead_of_their_time() -> None:
    told = [Price(Priced.IMPORT, PriceKind.ABSOLUTE, value) for value in (0.1, 0.2, 0.3)]
    series = tuple(Interval(k * 600.0, 600.0, (one, ImportLimit(1000.0))) for k, one in enumerate(told))
    begun = leases.step(
        LeaseState(), [Lease(LeaseId("feeder", "prices", 1), 300.0, (), 1_000_000.0, series)], at(700.0)
    )
    # The first is over; beyond the lease's own 300 s too, for it is renewed; limits are worth nothing before they hold.
    assert [(one.control, one.since.at_s, one.until) for one in begun.ahead] == [
        (told[1], 1_000_600.0, Moment(OWN, 1_001_200.0)),
        (told[2], 1_001_200.0, Moment(OWN, 1_001_800.0)),
    ]
    assert leases.step(begun.state, [], at(1001.0)).ahead == ()


def test_prices_of_a_lease_that_ran_out_are_known_no_more() -> None:
    series = (Interval(0.0, 3600.0, (Price(Priced.IMPORT, PriceKind.ABSOLUTE, 0.5),)),)
    told = Lease(LeaseId("feeder", "tariff/prices", 1), 60.0, (), 1_036_000.0, series)
    assert after((0.0, (told,)), (60.0, ())).ahead == ()


def kept(entries: Iterable[Entry], ledger: dict[EntryKey, object]) -> None:
    """As a ledger keeps them."""
    for entry in entries:
        ledger.pop(entry.key, None)
        if entry.value is not None:
            ledger[entry.key] = entry.value


def test_a_renewal_writes_that_it_came_and_not_what_it_renews() -> None:
    """A week of ten minutes is 90 KB, and is renewed every 100 s: by itself two gigabytes a month."""
    ledger: dict[EntryKey, object] = {}
    series = tuple(Interval(k * 600.0, 600.0, (ImportLimit(1000.0),)) for k in range(1008))
    whole = replace(lease(ttl_s=300.0), start_utc_s=1_000_000.0, series=series)
    first = leases.step(LeaseState(), (whole,), at(0.0))
    kept(first.entries, ledger)
    second = leases.step(first.state, (replace(whole, series=None),), at(100.0))
    (entry,) = second.entries
    assert entry == Entry(("lease", "renewed", "feeder", "dlc/limit"), Renewed(300.0, at(100.0).utc_s))
    kept(second.entries, ledger)
    # A restart 250 s later: 50 s of 300 are left, and all of the series.
    born = leases.step(leases.restore(Entry(key, value) for key, value in ledger.items()), (), at(350.0))
    (held,) = born.state.held.values()
    assert held.series == whole.series
    assert born.state.ends_s == {("feeder", "dlc/limit"): 400.0}
    kept(leases.step(born.state, (), at(400.0)).entries, ledger)
    assert [key for key in ledger if key[1] != "epoch"] == []


def test_what_is_leased_anew_forgets_that_the_old_was_renewed() -> None:
    ledger: dict[EntryKey, object] = {}
    state = LeaseState()
    for second, one in ((0.0, lease()), (30.0, lease()), (50.0, lease(9.0))):
        done = leases.step(state, (one,), at(second))
        kept(done.entries, ledger)
        state = done.state
    assert leases.restore(Entry(key, value) for key, value in ledger.items()).held == state.held
