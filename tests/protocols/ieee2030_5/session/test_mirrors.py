"""Mirrors on the wire: made once or found again, fed on whole minutes at the server's rate, after outages and deletions too."""

from dataclasses import replace
from itertools import pairwise

import pytest

from grid_functions.model.reading import Average, Metered
from grid_functions.model.units import Quantity
from protocols.ieee2030_5.session import backlog, mirrors
from protocols.ieee2030_5.session.exchange import Method, Picture, Request
from protocols.ieee2030_5.session.state import born
from protocols.ieee2030_5.wire.datatypes import Link, ListLink
from protocols.ieee2030_5.wire.metering import MirrorMeterReadingList, MirrorUsagePoint
from protocols.ieee2030_5.wire.resources import DeviceCapability
from tests.protocols.ieee2030_5.session.rig import LFDI, TERMS, Middle, Rig, house

SITE = "3E4F45AB31EDFE5B" + "0000" + "0003" + "00064000"
DER = "3E4F45AB31EDFE5B" + "0000" + "0049" + "00064000"
ADDRESSES = {SITE: "/mup/1", DER: "/mup/2"}


class Utility:
    """Keeps mirrors as a server does: 201 + Location when new, 204 + Location when known, 404 once deleted."""

    def __init__(self, rig: Rig, rate: int = 60) -> None:
        self.rig, self.rate = rig, rate
        self.points: list[str] = []
        rig.server.lists["/mup"] = []
        rig.server.rates["/mup"] = 300
        rig.server.single["/dcap"] = DeviceCapability(
            pollRate=300,
            TimeLink=Link("/tm"),
            EndDeviceListLink=ListLink("/edev", 1),
            MirrorUsagePointListLink=ListLink("/mup", 0),
        )
        rig.server.wrong["/mup"] = self.answer

    def answer(self, request: Request) -> tuple[int, bytes]:
        server = self.rig.server
        point = request.message
        del server.wrong["/mup"]
        if isinstance(point, MirrorUsagePoint):
            self.points.append(point.mRID)
            known = any(one.mRID == point.mRID for one in server.lists["/mup"])
            where = server.locations["/mup"] = ADDRESSES[point.mRID]
            if not known:
                server.lists["/mup"].append(replace(point, href=where, postRate=self.rate))
            server.wrong.pop(where, None)
            server.answer(request)
            status, body = (204 if known else 201), b""
        else:
            status, body = server.answer(request)
        server.wrong["/mup"] = self.answer
        return status, body

    def paced(self, rate: int) -> None:
        self.rate = rate
        mirrors = self.rig.server.lists["/mup"]
        mirrors[:] = [replace(one, postRate=rate) for one in mirrors]

    def delete(self) -> None:
        self.rig.server.lists["/mup"].clear()
        for path in ADDRESSES.values():
            self.rig.server.wrong[path] = lambda request: (404, b"")


def _utility(memory: dict[str, tuple[int, bytes]] | None = None, rate: int = 60) -> Utility:
    return Utility(house(replace(TERMS, pen=64000), memory), rate)


def _live(utility: Utility, minutes: int, watts: float = -3500.0) -> None:
    """This many minutes pass; each one's averages are handed over as it ends."""
    rig = utility.rig
    for _ in range(minutes):
        now_s = rig.instants().utc_s
        end_s = (now_s // 60 + 1) * 60
        rig.run(end_s - now_s + 1.0)
        given = tuple(
            Average(quantity, None, end_s - 60, 60.0, value, 1.0, of)
            for of in Metered
            for quantity, value in ((Quantity.NET, watts), (Quantity.VOLTAGE, 230.0))
        )
        rig.give(Picture((), given))
    rig.run(20.0)


def _told(utility: Utility, path: str = "/mup/1") -> list[tuple[int, int, int]]:
    """(start, duration, watts) in the order told."""
    return [
        (one.timePeriod.start, one.timePeriod.duration, one.Reading[0].value or 0)
        for _, where, posted in utility.rig.server.posts
        if where == path and isinstance(posted, MirrorMeterReadingList)
        for meter in posted.items
        if meter.ReadingType is not None and meter.ReadingType.uom == 38
        for one in meter.MirrorReadingSet
    ]


def _posts(utility: Utility, path: str) -> list[float]:
    return [at for at, one in utility.rig.asked if one.method is Method.POST and one.url.endswith(path)]


def _is_whole(told: list[tuple[int, int, int]]) -> bool:
    """No minute twice, none left out, every one on whole minutes."""
    ends = [start + duration for start, duration, _ in told]
    whole = all(start % 60 == 0 and duration and duration % 60 == 0 for start, duration, _ in told)
    return whole and [start for start, _, _ in told[1:]] == ends[:-1]


def test_site_and_der_are_made_once_and_fed_every_minute() -> None:
    """ALL-06: roleFlags 0003 and 0049, averages on whole minutes."""
    utility = _utility()
    _live(utility, 10)
    assert sorted(utility.points) == sorted([SITE, DER])
    for path in ("/mup/1", "/mup/2"):
        told = _told(utility, path)
        assert sum(duration for _, duration, _ in told) >= 9 * 60
        assert _is_whole(told)
        assert {watts for _, _, watts in told} == {-3500}
        assert {duration for _, duration, _ in told[2:]} == {60}


def test_a_mirror_is_found_again_after_a_restart() -> None:
    first = _utility()
    _live(first, 6)
    second = _utility()
    second.rig.server.lists["/mup"] = first.rig.server.lists["/mup"]
    _live(second, 6)
    assert second.points == []
    assert len(_told(second)) >= 4


def _begun_again(first: Utility, after_s: float) -> Utility:
    """The gateway is started again this much later, beside the same server."""
    second = _utility(first.rig.memory, rate=first.rate)
    second.rig.server.lists["/mup"] = first.rig.server.lists["/mup"]
    second.rig.mono = first.rig.mono + after_s
    second.rig.state = born(second.rig.state.terms, first.rig.memory, second.rig.instants())
    return second


@pytest.mark.parametrize("rate", [60, 300])
def test_what_a_restart_in_an_outage_held_back_is_told_afterwards(rate: int) -> None:
    first = _utility(rate=rate)
    _live(first, 10)
    first.rig.server.down = True
    _live(first, 30, watts=-100.0)
    second = _begun_again(first, after_s=180.0)
    _live(second, 10)
    told = _told(first) + _told(second)
    covered = [start + 60 * n for start, duration, _ in told for n in range(duration // 60)]
    assert len(covered) == len(set(covered)), "a minute told twice"
    assert sum(duration for _, duration, watts in _told(second) if watts == -100) >= 30 * 60 - rate
    ends = [start + duration for start, duration, _ in told]
    assert min(start for start, _, _ in _told(second)) <= max(ends[: len(_told(first))]), "a minute between is missing"


def test_what_was_told_is_not_told_again_after_a_restart() -> None:
    first = _utility()
    _live(first, 10)
    second = _begun_again(first, after_s=5.0)
    second.rig.run(600)
    assert {start for start, _, _ in _told(second)}.isdisjoint(start for start, _, _ in _told(first))


def test_an_outage_over_many_restarts_leaves_a_day_at_most_in_memory() -> None:
    utility = _utility()
    _live(utility, 5)
    for _ in range(3):
        utility.rig.server.down = True
        _live(utility, 500)
        utility = _begun_again(utility, after_s=60.0)
    kept = {key: body for key, (_, body) in utility.rig.memory.items() if key in backlog.KEYS}
    assert len(kept) <= 48
    assert 1300 <= len(utility.rig.state.mirrors[Metered.CONNECTION].minutes) <= 1441
    assert max(len(body) for body in kept.values()) < 3 * 60 * 2 * 80


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[1]", b'{"a":[]}', b'{"60":[["net",null]]}', b'{"60":[["furlongs",null,0,60,1,1]]}']
)
def test_what_cannot_be_read_of_a_backlog_is_left_out(body: bytes) -> None:
    first = _utility()
    _live(first, 3)
    first.rig.server.down = True
    _live(first, 3)
    spoiled = {key: (1, body) if key in backlog.KEYS else kept for key, kept in first.rig.memory.items()}
    second = _utility(spoiled)
    _live(second, 5)
    assert sum(duration for _, duration, _ in _told(second)) >= 3 * 60


def test_another_devices_mirror_is_left_alone() -> None:
    utility = _utility()
    stranger = MirrorUsagePoint(
        href="/mup/9", mRID="9" * 32, roleFlags=3, serviceCategoryKind=0, status=1, deviceLFDI=LFDI, postRate=60
    )
    utility.rig.server.lists["/mup"] = [stranger]
    _live(utility, 8)
    assert _posts(utility, "/mup/9") == []
    assert sorted(utility.points) == sorted([SITE, DER])


def test_a_changed_post_rate_is_adopted_both_ways() -> None:
    """ALL-10: 60 -> 300 -> 60."""
    utility = _utility()
    _live(utility, 8)
    utility.paced(300)
    _live(utility, 25)
    assert {duration for _, duration, _ in _told(utility)[-2:]} == {300}
    utility.paced(60)
    _live(utility, 20)
    assert {duration for _, duration, _ in _told(utility)[-5:]} == {60}
    assert _is_whole(_told(utility))


@pytest.mark.parametrize(("rate", "duration"), [(0, 60), (1, 60), (61, 120), (900, 900), (86_400, 3600)])
def test_any_post_rate_becomes_whole_minutes_within_bounds(rate: int, duration: int) -> None:
    utility = _utility(rate=rate)
    _live(utility, 130)
    told = _told(utility)
    assert told[-1][1] == duration
    assert _is_whole(told)


def test_what_an_outage_held_back_is_told_afterwards() -> None:
    """ALL-23: half an hour without a server; not a minute is missing and none is told twice."""
    utility = _utility()
    _live(utility, 5)
    utility.rig.server.down = True
    _live(utility, 30, watts=-100.0)
    before = len(_told(utility))
    utility.rig.server.down = False
    _live(utility, 10)
    told = _told(utility)
    assert _is_whole(told)
    assert len([watts for _, _, watts in told[before:] if watts == -100]) == 30


def test_more_than_a_day_is_not_kept() -> None:
    utility = _utility()
    _live(utility, 5)
    utility.rig.server.down = True
    _live(utility, 1500)
    utility.rig.server.down = False
    before = len(_told(utility))
    _live(utility, 10)
    assert 1430 <= len(_told(utility)) - before <= 1450


def test_a_deleted_mirror_is_made_again_and_misses_nothing() -> None:
    utility = _utility()
    _live(utility, 5)
    utility.delete()
    _live(utility, 10)
    assert sorted(utility.points) == sorted([SITE, DER, SITE, DER])
    assert _is_whole(_told(utility))
    assert sum(duration for _, duration, _ in _told(utility)) >= 14 * 60


def test_a_mirror_that_is_always_gone_makes_no_storm() -> None:
    utility = _utility()
    _live(utility, 3)
    utility.delete()
    utility.rig.server.wrong["/mup"] = lambda request: (201, b"")
    _live(utility, 60)
    assert len(utility.rig.asked) < 60 * 10


def test_a_refused_mirror_is_said_and_asked_for_patiently() -> None:
    utility = _utility()
    lists = utility.rig.server.lists

    def refuse(request: Request) -> tuple[int, bytes]:
        if request.method is Method.POST:
            return 403, b""
        del utility.rig.server.wrong["/mup"]
        answer = utility.rig.server.answer(request)
        utility.rig.server.wrong["/mup"] = refuse
        return answer

    assert lists["/mup"] == []
    utility.rig.server.wrong["/mup"] = refuse
    _live(utility, 60)
    assert len(_posts(utility, "/mup")) <= 2 * 8
    assert "mirror connection" in {alarm.key for alarm in utility.rig.alarms}


def test_refused_readings_are_not_repeated() -> None:
    utility = _utility()
    _live(utility, 4)
    utility.rig.server.wrong["/mup/1"] = lambda request: (400, b"")
    _live(utility, 10)
    assert len(_posts(utility, "/mup/1")) <= 16
    del utility.rig.server.wrong["/mup/1"]
    _live(utility, 5)
    starts = [start for start, _, _ in _told(utility)]
    assert len(starts) == len(set(starts))


def test_a_server_without_mirrors_is_asked_for_none() -> None:
    rig = house(replace(TERMS, pen=64000))
    utility = Utility.__new__(Utility)
    utility.rig, utility.points = rig, []
    _live(utility, 10)
    assert [one for _, one in rig.asked if "/mup" in one.url] == []


def test_minutes_are_told_in_server_time() -> None:
    """The server is two minutes ahead of our UTC."""
    utility = _utility()
    utility.rig.server.clock_ahead_s = 120.0
    _live(utility, 10)
    told = _told(utility)
    assert _is_whole(told)
    last_minute = (utility.rig.instants().utc_s // 60) * 60 + 120 - 60
    assert told[-1][0] == last_minute


def test_an_average_with_holes_counts_for_what_it_covers() -> None:
    """300 s: 100 W over a whole minute and 400 W over half of one: (100 x 60 + 400 x 30) / 90 = 200 W."""
    utility = _utility(rate=300)
    _live(utility, 12)
    rig = utility.rig
    begin = (rig.instants().utc_s // 300 + 1) * 300
    rig.run(begin + 121 - rig.instants().utc_s)
    given = [
        Average(Quantity.NET, None, begin, 60.0, 100.0, 1.0),
        Average(Quantity.NET, None, begin + 60, 60.0, 400.0, 0.5),
    ]
    rig.give(Picture((), tuple(given)))
    rig.run(220)
    assert _told(utility)[-1] == (int(begin), 300, 200)


def test_nothing_is_mirrored_while_the_pin_is_wrong() -> None:
    utility = Utility(house(replace(TERMS, pin=123456)))
    _live(utility, 10)
    assert utility.points == []


def test_a_changed_rate_waits_for_the_end_of_a_back_off() -> None:
    """Three posts failed and the next is due at 500 s: another rate brings it no nearer. Without failures the rate's next turn counts."""
    failing = mirrors.Mirror(Metered.CONNECTION, every_s=60, due_s=500.0, failures=3)
    after = mirrors.paced(failing, 300, 60.0, 3600.0, 1000.0, 0.0, Middle())
    assert (after.every_s, after.due_s) == (300, 500.0)
    # Server time 1000 s is mono 0 s; the next multiple of 300 s is 1200 s, 200 s away.
    well = mirrors.paced(replace(failing, failures=0), 300, 60.0, 3600.0, 1000.0, 0.0, Middle())
    assert well.due_s is not None
    assert 200.0 <= well.due_s <= 230.0


def test_a_failed_post_waits_five_seconds_and_twice_as_long_after_each_further_one() -> None:
    """From three quarters of that on; in the middle 4.375 s, 8.75 s."""
    once, _ = mirrors.answered(
        mirrors.sent(mirrors.Mirror(Metered.CONNECTION), 1, 600), None, "", 0.0, 1000.0, 0.0, Middle()
    )
    again, _ = mirrors.answered(mirrors.sent(once, 2, 600), 503, "", 0.0, 1000.0, 0.0, Middle())
    assert (once.due_s, again.due_s) == (4.375, 8.75)


def test_a_mirror_that_is_refused_brings_no_look_at_the_list_forward() -> None:
    """Its list is read every 300 s, and at once only after a mirror was made, whose rate stands in the list."""

    class Refusing(Utility):
        def answer(self, request: Request) -> tuple[int, bytes]:
            return (503, b"") if request.method is Method.POST else super().answer(request)

    utility = Refusing(house(replace(TERMS, pen=64000)))
    _live(utility, 8)
    looks = [at for at, one in utility.rig.asked if one.method is Method.GET and "/mup?" in one.url]
    assert len(looks) >= 2
    assert all(later - sooner >= 299.0 for sooner, later in pairwise(looks))
