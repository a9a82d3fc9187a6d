"""Lists are read to their end, whatever `all` and `results` claim (s, l: IEEE 2030.5-2018 clause 6.6)."""

from urllib.parse import parse_qs, urlsplit

import pytest

from protocols.ieee2030_5.session.exchange import Request
from protocols.ieee2030_5.session.pages import paged
from protocols.ieee2030_5.wire.der import DERControl, DERControlList
from protocols.ieee2030_5.wire.namespaces import CSIP_AUS
from protocols.ieee2030_5.wire.resources import EndDevice
from protocols.ieee2030_5.wire.writer import encode
from tests.protocols.ieee2030_5.session.rig import HOST, UTC_S, Answer, Rig, control, end_device, house, mrid

CONTROLS = tuple(control(number, start=int(UTC_S) + 100 * number) for number in range(1, 121))
LIST = "/derp/7/derc"


def _start(request: Request) -> tuple[int, int]:
    query = parse_qs(urlsplit(request.url).query)
    return int(query["s"][0]), int(query["l"][0])


def _page(items: tuple[DERControl, ...], told: int, results: int | None = None) -> tuple[int, bytes]:
    page = DERControlList(all=told, results=len(items) if results is None else results, items=items)
    return 200, encode(page, dialect=CSIP_AUS)


def _wrong(answer: Answer) -> Rig:
    rig = house()
    rig.server.wrong[LIST] = answer
    return rig.run(5)


def _seen(rig: Rig) -> set[str]:
    return {event.key.id for event in rig.reads[-1].events}


def test_120_controls_come_in_pages_of_50() -> None:
    rig = house()
    rig.server.lists[LIST] = list(CONTROLS)
    rig.run(5)
    asked = [_start(request) for _, request in rig.asked if LIST in request.url]
    assert asked == [(0, 50), (50, 50), (100, 50)]
    assert len(_seen(rig)) == 120
    assert rig.reads[-1].listed == {mrid(7)}


def test_a_server_that_caps_the_page_lower_is_read_to_the_end() -> None:
    def answer(request: Request) -> tuple[int, bytes]:
        start = _start(request)[0]
        return _page(CONTROLS[start : min(start + 7, 40)], 40)

    rig = _wrong(answer)
    assert len(_seen(rig)) == 40
    # 5 pages of 7 and one of 5
    assert len([request for _, request in rig.asked if LIST in request.url]) == 6
    assert rig.reads[-1].complete


def test_all_that_counts_too_few_hides_nothing() -> None:
    """`all` says 1; the full page says that there may be more."""
    rig = _wrong(lambda request: _page(CONTROLS[_start(request)[0] :][:50], 1))
    assert len(_seen(rig)) == 120


def test_all_that_counts_too_many_is_not_the_end_at_first_and_is_when_repeated() -> None:
    rig = _wrong(lambda request: _page(CONTROLS[:3] if _start(request)[0] == 0 else (), 5))
    assert len(_seen(rig)) == 3
    assert not rig.reads[-1].complete
    assert rig.reads[-1].listed == frozenset()
    rig.run(61)
    assert rig.reads[-1].listed == {mrid(7)}


def test_more_results_than_claimed_are_taken() -> None:
    rig = _wrong(lambda request: _page(CONTROLS[:9], 9, results=2))
    assert len(_seen(rig)) == 9
    assert rig.reads[-1].complete


def test_a_server_that_ignores_the_start_ends_by_repetition() -> None:
    rig = _wrong(lambda request: _page(CONTROLS[:50], 50))
    assert len(_seen(rig)) == 50
    assert rig.reads[-1].complete
    assert len(rig.gets(LIST)) == 1


def test_a_page_that_repeats_items_of_the_one_before_counts_them_once() -> None:
    def answer(request: Request) -> tuple[int, bytes]:
        start = _start(request)[0]
        return _page(CONTROLS[:50] if start == 0 else CONTROLS[40:90], 90)

    rig = _wrong(answer)
    assert len(_seen(rig)) == 90


def test_a_list_that_changes_between_pages_is_begun_again() -> None:
    calls = 0

    def answer(request: Request) -> tuple[int, bytes]:
        nonlocal calls
        calls += 1
        items = CONTROLS[:60] if calls == 1 else CONTROLS[1:60]
        start = _start(request)[0]
        return _page(items[start : start + 50], len(items))

    rig = _wrong(answer)
    assert [_start(request)[0] for _, request in rig.asked if LIST in request.url] == [0, 50, 0, 50]
    assert _seen(rig) == {mrid(number) for number in range(2, 61)}
    assert rig.reads[-1].complete


def test_a_list_that_never_ends_is_left() -> None:
    def answer(request: Request) -> tuple[int, bytes]:
        start = _start(request)[0]
        return _page((control(start + 1, start=int(UTC_S) + 60),), 10**9)

    rig = house()
    rig.server.wrong[LIST] = answer
    rig.run(30)
    assert len([request for _, request in rig.asked if LIST in request.url]) == 100
    assert not rig.reads[-1].complete


@pytest.mark.parametrize("body", [(204, b""), (200, b""), _page((), 0), _page((), 5)])
def test_a_list_suddenly_empty_unseats_nothing_at_first(body: tuple[int, bytes]) -> None:
    rig = house()
    rig.server.lists[LIST] = list(CONTROLS[:2])
    rig.run(5)
    rig.reads.clear()
    rig.server.wrong[LIST] = lambda request: body
    rig.run(65)
    assert _seen(rig) == {mrid(1), mrid(2)}
    assert not any(read.complete for read in rig.reads)
    rig.run(120)
    assert rig.reads[-1].events == ()
    assert any(read.complete for read in rig.reads)


def test_a_program_list_suddenly_empty_keeps_its_programs_polled_until_it_says_so_twice() -> None:
    rig = house()
    rig.run(5)
    programs = rig.server.lists["/fsa/1/derp"]
    rig.server.lists["/fsa/1/derp"] = []
    rig.run(60)
    assert dict(rig.reads[-1].programs).keys() == {mrid(7)}
    rig.server.lists["/fsa/1/derp"] = programs
    rig.run(120)
    assert rig.reads[-1].programs
    rig.server.lists["/fsa/1/derp"] = []
    rig.run(130)
    assert dict(rig.reads[-1].programs) == {}


@pytest.mark.parametrize("status", [500, 0])
def test_a_page_that_fails_leaves_the_list_as_it_was(status: int) -> None:
    rig = house()
    rig.server.lists[LIST] = list(CONTROLS)
    rig.run(5)
    rig.server.wrong[LIST] = lambda request: _page(CONTROLS[50:100], 120) if _start(request)[0] == 0 else (status, b"")
    rig.run(125)
    assert len(_seen(rig)) == 120
    assert rig.reads[-1].listed == frozenset()


def test_our_end_device_is_found_on_the_last_page_in_lower_case() -> None:
    rig = house()
    others = [end_device(lFDI=f"{number:040X}", sFDI=number, href=f"/edev/{number}") for number in range(2, 130)]
    ours = end_device(lFDI="3e4f45ab31edfe5b67e343e5e4562e31984e23e5")
    rig.server.lists["/edev"] = [*others, ours]
    rig.run(5)
    assert rig.reads[-1].complete


def test_our_end_device_is_known_by_sfdi_where_the_server_gives_no_lfdi() -> None:
    rig = house()
    rig.server.lists["/edev"] = [EndDevice(sFDI=1, changedTime=0), end_device(lFDI=None)]
    rig.run(5)
    assert rig.reads[-1].complete


def test_another_lfdi_with_our_sfdi_is_not_us() -> None:
    rig = house()
    rig.server.lists["/edev"] = [end_device(lFDI="0" * 40)]
    rig.run(5)
    assert not any(read.complete for read in rig.reads)


def test_a_query_in_the_link_is_kept() -> None:
    assert paged(f"{HOST}/derc?x=1", 10, 50) == f"{HOST}/derc?x=1&s=10&l=50"
