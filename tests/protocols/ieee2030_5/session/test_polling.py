"""The pace of polls: a gap never exceeds 1.5 windows, no three windows see more than six, whatever fails.

The bounds are those of the CSIP-AUS client procedures (gap > 1.5 x rate is a miss; at most 6 requests per 3 intervals).
"""

from collections.abc import Callable

import pytest

from protocols.ieee2030_5.session.exchange import Request
from protocols.ieee2030_5.session.polling import window
from tests.protocols.ieee2030_5.session.rig import (
    HOST,
    TERMS,
    UTC_S,
    Answer,
    Extremes,
    Middle,
    Rig,
    busiest,
    control,
    gaps,
    house,
    mrid,
    program,
)

HOURS = 2 * 3600.0
POLLED = {
    "/dcap": 300.0,
    "/tm": 900.0,
    "/edev": 300.0,
    "/edev/1/fsa": 300.0,
    "/fsa/1/derp": 60.0,
    "/derp/7/derc": 60.0,
    "/derp/7/dderc": 60.0,
    "/edev/1/der": 60.0,
}
"""Path -> rate the server asks for (900 where it asks for none); control list and default follow the program list."""


def _every(count: int, status: int) -> Callable[[Rig, str], Answer]:
    """Wrong each ``count``-th time."""

    def make(rig: Rig, path: str) -> Answer:
        calls = 0

        def answer(request: Request) -> tuple[int, bytes]:
            nonlocal calls
            calls += 1
            if calls % count == 0:
                return status, b""
            wrong = rig.server.wrong.pop(path)
            try:
                return rig.server.answer(request)
            finally:
                rig.server.wrong[path] = wrong

        return answer

    return make


FAULTS: dict[str, Callable[[Rig, str], Answer]] = {
    "each second time 500": _every(2, 500),
    "each third time reset": _every(3, 0),
    "always 503": lambda rig, path: lambda request: (503, b""),
    "always HTML": lambda rig, path: lambda request: (200, b"<html><body>maintenance</body></html>"),
    "each second time 404": _every(2, 404),
    "each fourth time 204": _every(4, 204),
}


@pytest.mark.parametrize("dice", [Middle, Extremes])
def test_every_resource_is_polled_on_its_own_clock(dice: type[Middle] | type[Extremes]) -> None:
    rig = house()
    rig.dice = dice()
    rig.run(HOURS)
    for path, rate in POLLED.items():
        between = gaps(rig.gets(path))
        assert 0.95 * rate <= min(between), path
        assert max(between) <= 1.05 * rate, path


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("path", [path for path in POLLED if path != "/dcap"])
def test_a_failing_resource_is_asked_neither_too_often_nor_too_seldom(path: str, fault: str) -> None:
    rig = house()
    rig.dice = Extremes()
    rig.run(1)
    rig.server.wrong[path] = FAULTS[fault](rig, path)
    rig.run(HOURS)
    for polled, rate in POLLED.items():
        times = rig.gets(polled)
        assert max(gaps(times)) <= 1.5 * rate, polled
        assert busiest(times, 3 * rate) <= 6, polled


def test_an_outage_costs_no_burst_and_no_poll_clock() -> None:
    rig = house()
    rig.dice = Extremes()
    rig.run(600)
    rig.server.down = True
    rig.run(1800)
    rig.server.down = False
    rig.run(1800)
    for path, rate in POLLED.items():
        times = rig.gets(path)
        assert max(gaps(times)) <= 1.5 * rate, path
        assert busiest(times, 3 * rate) <= 6, path


def test_a_new_control_is_found_after_an_outage() -> None:
    """The best known client is deaf here: its recovery cancels every poll, its own included."""
    rig = house()
    rig.run(600)
    rig.server.down = True
    rig.run(1800)
    rig.server.down = False
    rig.server.lists["/derp/7/derc"] = [control(1, start=int(rig.server.now()) + 60)]
    rig.run(90)
    assert [event.key.id for event in rig.reads[-1].events] == [mrid(1)]


def test_a_server_dead_at_the_start_is_found_when_it_comes() -> None:
    rig = house()
    rig.server.down = True
    rig.run(3600)
    rig.server.down = False
    rig.run(90)
    assert any(read.complete for read in rig.reads)


def test_a_changed_rate_is_adopted_on_the_next_read_both_ways() -> None:
    rig = house()
    rig.run(300)
    rig.server.rates["/fsa/1/derp"] = 120
    rig.run(61)
    slow_from = rig.mono
    rig.run(1200)
    for path in ("/fsa/1/derp", "/derp/7/derc", "/derp/7/dderc"):
        assert [round(gap) for gap in gaps([at for at in rig.gets(path) if at >= slow_from])] == [120] * 9, path
    rig.server.rates["/fsa/1/derp"] = 60
    rig.run(121)
    fast_from = rig.mono
    rig.run(600)
    for path in ("/fsa/1/derp", "/derp/7/derc", "/derp/7/dderc"):
        assert [round(gap) for gap in gaps([at for at in rig.gets(path) if at >= fast_from])] == [60] * 9, path


@pytest.mark.parametrize(("asked", "given"), [(0, 5.0), (1, 5.0), (60, 60.0), (None, 900.0), (4_000_000_000, 3600.0)])
def test_absurd_rates_are_held_between_floor_and_ceiling(asked: int | None, given: float) -> None:
    assert window(asked, TERMS) == given


def test_an_empty_fsa_list_at_the_start_is_walked_once_it_fills() -> None:
    rig = house()
    assigned = rig.server.lists["/edev/1/fsa"]
    rig.server.lists["/edev/1/fsa"] = []
    rig.run(600)
    assert rig.gets("/fsa/1/derp") == []
    rig.server.lists["/edev/1/fsa"] = assigned
    rig.run(310)
    assert [dict(read.programs).keys() for read in rig.reads[-1:]] == [{mrid(7)}]
    before = rig.mono
    rig.run(600)
    assert [round(gap) for gap in gaps([at for at in rig.gets("/fsa/1/derp") if at >= before])] == [60] * 9


def test_a_new_program_is_found_and_read_at_the_next_poll_of_its_list() -> None:
    rig = house()
    rig.run(600)
    rig.server.lists["/fsa/1/derp"].append(program(8, primacy=0))
    rig.server.lists["/derp/8/derc"] = [control(1, start=int(UTC_S) + 700)]
    rig.server.single["/derp/8/dderc"] = rig.server.single["/derp/7/dderc"]
    rig.run(65)
    assert mrid(8) in rig.reads[-1].listed
    assert [event.program for event in rig.reads[-1].events] == [mrid(8)]


def test_dcap_without_a_rate_is_read_again_soon_after_registering() -> None:
    rig = house()
    device = rig.server.lists["/edev"]
    rig.server.lists["/edev"] = []
    single = rig.server.single["/dcap"]
    rig.server.single["/dcap"] = type(single)(
        **{name: getattr(single, name) for name in ("TimeLink", "EndDeviceListLink")}
    )
    rig.run(240)
    assert max(gaps(rig.gets("/dcap"))) <= 62
    rig.server.lists["/edev"] = device
    rig.server.rates["/edev"] = 60
    rig.run(301)
    registered = rig.gets("/edev/1/rg")[0]
    assert any(registered - 1 <= at <= registered + 1 for at in rig.gets("/dcap"))


def test_links_are_followed_and_never_built() -> None:
    rig = house()
    rig.run(60)
    known = {"/dcap", "/tm", "/edev", "/edev/1/rg", "/edev/1/fsa", "/fsa/1/derp", "/derp/7/derc", "/derp/7/dderc"}
    asked = {request.url.removeprefix(HOST).split("?")[0] for _, request in rig.asked}
    assert asked == known | {"/edev/1/der"}


@pytest.mark.parametrize("seed", range(8))
def test_whatever_failed_for_an_hour_everything_resumes_by_itself(seed: int) -> None:
    rig = house()
    rig.dice = Extremes()
    rig.run(60)
    state = seed + 1

    def broken(path: str) -> Answer:
        def answer(request: Request) -> tuple[int, bytes]:
            nonlocal state
            state = (state * 1_103_515_245 + 12_345) % 2**31
            bad = [(0, b""), (500, b""), (404, b""), (204, b""), (200, b"<html/>"), (302, b""), (403, b""), (429, b"")]
            if (state >> 8) % 3:
                return bad[(state >> 16) % len(bad)]
            wrong = rig.server.wrong.pop(path)
            try:
                return rig.server.answer(request)
            finally:
                rig.server.wrong[path] = wrong

        return answer

    for path in (*rig.server.lists, *rig.server.single, "/tm"):
        rig.server.wrong[path] = broken(path)
    rig.run(3600)
    rig.server.wrong.clear()
    rig.server.lists["/derp/7/derc"] = [control(1, start=int(rig.server.now()) + 60)]
    healed = rig.mono
    rig.run(1800)
    assert rig.reads[-1].complete or any(read.complete for read in rig.reads[-5:])
    assert [event.key.id for event in rig.reads[-1].events] == [mrid(1)]
    for path, rate in POLLED.items():
        times = [at for at in rig.gets(path) if at > healed]
        assert times, path
        assert rig.mono - times[-1] <= 1.05 * rate, path
