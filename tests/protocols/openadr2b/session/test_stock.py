"""What is kept to report from, and reports that wait: each bound at its edge."""

import pytest

from grid_functions.model.device import Capability, Condition, Nameplate, Role, Seen
from grid_functions.model.reading import Average, Metered
from grid_functions.model.units import Phase, Quantity
from protocols.openadr2b.session import stock
from protocols.openadr2b.session.state import REGISTRATION_KEY
from protocols.openadr2b.session.stock import Stock
from protocols.openadr2b.wire.reports import OadrUpdateReport, Report, ReportInterval, ReportPayload
from tests.protocols.openadr2b.session import test_reports


def net(start_s: float, value: float, of: Metered = Metered.CONNECTION, phase: Phase | None = None) -> Average:
    return Average(Quantity.NET, phase, start_s, 60.0, value, 1.0, of)


def pv(online: bool) -> Seen:
    return Seen("pv", Role.PV, Nameplate(), Capability(), Condition(online=online))


def minutes(of: Stock, name: str = "me") -> dict[int, float]:
    return {int(start_s): one.power_w for start_s, one in of.series[name].minutes.items()}


@pytest.mark.parametrize(("start_s", "minute"), [(60.0, 60), (89.0, 60), (31.0, 60), (91.0, 120), (149.0, 120)])
def test_a_mean_is_of_the_minute_that_its_beginning_is_nearest_to(start_s: float, minute: int) -> None:
    held = stock.seen(Stock(), "me", (), [net(start_s, 5.0)], 200.0, whole=True)
    assert minutes(held) == {minute: 5.0}


@pytest.mark.parametrize(("whole", "kept"), [(True, 1.0), (False, 2.0)])
@pytest.mark.parametrize("turned", [False, True])
def test_the_whole_site_is_its_connection_and_a_resource_its_devices_and_either_where_only_that_is_measured(
    whole: bool, kept: float, turned: bool
) -> None:
    connection, devices = net(60.0, 1.0), net(60.0, 2.0, Metered.DEVICES)
    both = [devices, connection] if turned else [connection, devices]
    assert minutes(stock.seen(Stock(), "me", (), both, 200.0, whole=whole)) == {60: kept}
    for one in both:
        assert minutes(stock.seen(Stock(), "me", (), [one], 200.0, whole=whole)) == {60: one.value}


def test_what_is_no_net_power_of_the_whole_is_passed_over() -> None:
    voltage = Average(Quantity.VOLTAGE, None, 60.0, 60.0, 230.0, 1.0, Metered.CONNECTION)
    empty = Stock()
    assert stock.seen(empty, "me", (), [voltage, net(60.0, 1.0, phase=Phase.A)], 200.0, whole=True) is empty
    assert stock.present(empty, "me") is None


def test_nothing_new_is_the_same_stock_and_a_change_of_status_is_dated() -> None:
    first = stock.seen(Stock(), "me", [pv(online=True)], [net(60.0, 1.0)], 100.0, whole=True)
    assert stock.seen(first, "me", [pv(online=True)], [net(60.0, 1.0)], 200.0, whole=True) is first
    gone = stock.seen(first, "me", [pv(online=False)], [], 300.0, whole=True)
    assert [at_s for at_s, _ in gone.series["me"].changes] == [100.0, 300.0]
    before, now = stock.present(first, "me"), stock.present(gone, "me")
    assert before is not None
    assert now is not None
    assert (before.online, now.online) == (True, False)


def test_the_newest_minutes_and_changes_are_kept() -> None:
    many = [net(60.0 * number, 1.0) for number in range(4322)]
    held = stock.seen(Stock(), "me", (), many, 60.0 * 4322, whole=True)
    assert (len(minutes(held)), min(minutes(held))) == (4320, 120)
    for number in range(1002):
        held = stock.seen(held, "me", [pv(online=bool(number % 2))], (), float(number), whole=True)
    changes = held.series["me"].changes
    assert (len(changes), changes[0][0], changes[-1][0]) == (1000, 2.0, 1001.0)


def report(name: str) -> OadrUpdateReport:
    return OadrUpdateReport(requestID=name)


def test_reports_wait_in_order_and_the_oldest_is_given_up_beyond_the_most() -> None:
    held = Stock()
    for number in range(500):
        held, lost = stock.owed(held, number, report(str(number)))
        assert not lost
    more, lost = stock.owed(held, 500, report("more"))
    assert lost
    assert [more.unsent[0].serial, more.unsent[-1].serial] == [1, 500]
    assert len(more.unsent) == 500


def test_what_waits_is_written_down_where_nobody_waits_for_it() -> None:
    """It may be 500 reports; a registration is a line."""
    talk = test_reports.begun(test_reports.request("q1", "TELEMETRY_USAGE", "power"))
    talk.vtn.meddle = lambda message: 503 if isinstance(message, OadrUpdateReport) else None
    test_reports.minutes(talk, 1.0)
    assert talk.run(60.0).state.stock.unsent
    assert (talk.long[stock.KEY], talk.long[REGISTRATION_KEY]) == (True, False)


def test_one_over_which_a_vtn_stumbles_goes_behind_the_others() -> None:
    held = Stock()
    for number in range(3):
        held, _ = stock.owed(held, number, report(str(number)))
    assert [one.serial for one in stock.put_back(held, 0).unsent] == [1, 2, 0]
    assert [one.serial for one in stock.put_back(held, 9).unsent] == [0, 1, 2]
    assert [one.serial for one in stock.settled(held, 1).unsent] == [0, 2]


def test_reports_outlive_a_restart_under_numbers_below_all_of_the_next_run() -> None:
    held = Stock()
    for number in range(3):
        held, _ = stock.owed(held, number + 7, report(str(number)))
    again = stock.loaded(stock.VERSION, stock.saved(held))
    assert [(one.serial, one.message.requestID) for one in again.unsent] == [(-3, "0"), (-2, "1"), (-1, "2")]
    for version, body in ((stock.VERSION + 1, stock.saved(held)), (stock.VERSION, b"{"), (stock.VERSION, b"[[1]]")):
        assert stock.loaded(version, body) == Stock()


def test_what_a_wrong_clock_noted_ahead_of_time_keeps_nothing_out() -> None:
    """Three days under a clock a year ahead filled all 4320 places, and what was measured afterwards found none for a year."""
    year_s = 365 * 86_400.0
    wrong = stock.seen(Stock(), "me", (), [net(year_s + 60.0 * n, 1.0) for n in range(4320)], 2 * year_s, whole=True)
    assert len(minutes(wrong)) == 4320
    assert minutes(stock.seen(wrong, "me", (), [net(600.0, 7.0)], 660.0, whole=True)) == {600: 7.0}


ONE = ReportPayload(rID="depot/power", value=1234.5, dataQuality="Quality Good - Non Specific")


def big(name: str, values: int) -> OadrUpdateReport:
    told = Report(
        intervals=tuple(ReportInterval(dtstart=0.0, duration=60.0, payloads=(ONE,)) for _ in range(values)),
        reportRequestID=name,
        reportSpecifierID="TELEMETRY_USAGE",
        createdDateTime=0.0,
    )
    return OadrUpdateReport(requestID=name, reports=(told,))


def test_reports_that_wait_are_bounded_in_what_they_tell_and_the_newest_stays() -> None:
    held, lost = stock.owed(Stock(), 0, big("a", 30_000))
    held, lost = stock.owed(held, 1, big("b", 20_000))
    assert ([one.serial for one in held.unsent], lost) == ([0, 1], False)
    held, lost = stock.owed(held, 2, big("c", 1))
    assert ([one.serial for one in held.unsent], lost) == ([1, 2], True)
    held, lost = stock.owed(held, 3, big("d", 60_000))
    assert ([one.serial for one in held.unsent], lost) == ([3], True)


def test_a_report_longer_than_what_a_vtn_may_send_is_still_there_after_a_restart() -> None:
    """Three days of minutes of two points are seven megabytes; read with a stranger's bound of four, all that waited was lost."""
    held, _ = stock.owed(Stock(), 0, big("a", 20_000))
    body = stock.saved(held)
    assert len(body) > 4 * 1_048_576
    assert [one.message.requestID for one in stock.loaded(stock.VERSION, body).unsent] == ["a"]
