"""What is PUT, and when again. The dice here gives the lowest or the highest number."""

from dataclasses import dataclass, replace
from math import inf

import pytest

from protocols.ieee2030_5.session import pushes
from protocols.ieee2030_5.session.pushes import Item, Push, Pushes
from protocols.ieee2030_5.wire.resources import ConnectionPoint


@dataclass(frozen=True)
class Fixed:
    """Dice that always give one end."""

    high: bool

    def jitter(self, low_s: float, high_s: float) -> float:
        return high_s if self.high else low_s


LOW, HIGH = Fixed(False), Fixed(True)


URL = "https://utility.example/cp"
POINT = Item.CONNECTION_POINT


def point(nmi: str) -> ConnectionPoint:
    return ConnectionPoint(connectionPointId=nmi)


def acknowledged(nmi: str = "1", every_s: float | None = None) -> Pushes:
    """PUT at 100 s, answered with 204 at 101 s."""
    wanted = pushes.wish({}, POINT, URL, point(nmi), 100.0, every_s)
    return pushes.answered(pushes.sent(wanted, POINT, 7, 100.0), POINT, 204, 101.0, LOW)[0]


def due_items(wanted: Pushes, now_s: float) -> list[Item]:
    return [item for item, _ in pushes.due(wanted, now_s)]


def test_a_new_push_is_due_at_once_and_on_its_way_no_more() -> None:
    wanted = pushes.wish({}, POINT, URL, point("1"), 100.0)
    assert due_items(wanted, 99.9) == []
    assert due_items(wanted, 100.0) == [POINT]
    assert pushes.next_due(wanted) == 100.0
    away = pushes.sent(wanted, POINT, 7, 100.0)
    assert (away[POINT].asked, away[POINT].carried, away[POINT].last_s) == (7, point("1"), 100.0)
    assert due_items(away, 1e9) == []
    assert pushes.next_due(away) == inf
    assert pushes.next_due({}) == inf


def test_what_was_acknowledged_is_told_again_only_when_it_changes_and_not_within_five_seconds() -> None:
    done = acknowledged()
    assert pushes.next_due(done) == inf
    assert done[POINT].settled == point("1")
    assert pushes.wish(done, POINT, URL, point("1"), 103.0)[POINT].due_s == inf
    assert pushes.wish(done, POINT, URL, point("2"), 103.0)[POINT].due_s == 105.0
    assert pushes.wish(done, POINT, URL, point("2"), 200.0)[POINT].due_s == 200.0
    # at another address all begins anew
    assert pushes.wish(done, POINT, URL + "/2", point("1"), 103.0)[POINT] == Push(URL + "/2", point("1"), due_s=103.0)


def test_what_is_told_on_the_clock_is_due_three_per_cent_around_its_turn() -> None:
    wanted = pushes.sent(pushes.wish({}, POINT, URL, point("1"), 100.0, 60.0), POINT, 7, 100.0)
    assert pushes.answered(wanted, POINT, 200, 101.0, LOW)[0][POINT].due_s == pytest.approx(158.2)
    assert pushes.answered(wanted, POINT, 299, 101.0, HIGH)[0][POINT].due_s == pytest.approx(161.8)
    assert pushes.answered(wanted, POINT, 204, 500.0, HIGH)[0][POINT].due_s == 500.0


def test_another_rate_moves_the_next_turn_forward_only() -> None:
    done = acknowledged(every_s=60.0)
    assert done[POINT].due_s == pytest.approx(158.2)
    assert pushes.wish(done, POINT, URL, point("1"), 110.0, 30.0)[POINT].due_s == 130.0
    assert pushes.wish(done, POINT, URL, point("1"), 110.0, 90.0)[POINT].due_s == pytest.approx(158.2)
    failing = {POINT: replace(done[POINT], failures=1)}
    assert pushes.wish(failing, POINT, URL, point("1"), 110.0, 30.0)[POINT].due_s == pytest.approx(158.2)
    refused = {POINT: replace(done[POINT], refused=True)}
    assert pushes.wish(refused, POINT, URL, point("1"), 110.0, 30.0)[POINT].due_s == pytest.approx(158.2)


@pytest.mark.parametrize("status", [400, 405, 406, 409, 411, 413, 415, 422])
def test_a_final_refusal_is_told_once_and_waits_for_a_change(status: int) -> None:
    wanted = pushes.sent(pushes.wish({}, POINT, URL, point("1"), 100.0, 60.0), POINT, 7, 100.0)
    after, refused = pushes.answered(wanted, POINT, status, 101.0, LOW)
    assert refused
    assert (after[POINT].refused, after[POINT].due_s, after[POINT].asked, after[POINT].failures) == (True, inf, None, 0)
    assert pushes.wish(after, POINT, URL, point("2"), 103.0, 60.0)[POINT].due_s == 105.0


@pytest.mark.parametrize("status", [None, 199, 300, 401, 403, 404, 429, 500, 503])
def test_any_other_answer_is_tried_again_from_ten_seconds_on(status: int | None) -> None:
    wanted = pushes.sent(pushes.wish({}, POINT, URL, point("1"), 100.0), POINT, 7, 100.0)
    after, refused = pushes.answered(wanted, POINT, status, 101.0, HIGH)
    assert not refused
    assert (after[POINT].failures, after[POINT].due_s, after[POINT].asked, after[POINT].settled) == (
        1,
        111.0,
        None,
        None,
    )
    again = pushes.answered(pushes.sent(after, POINT, 8, 111.0), POINT, status, 112.0, HIGH)[0]
    assert (again[POINT].failures, again[POINT].due_s) == (2, 132.0)


def test_a_change_while_one_is_on_its_way_follows_it() -> None:
    away = pushes.sent(pushes.wish({}, POINT, URL, point("1"), 100.0), POINT, 7, 100.0)
    changed = pushes.wish(away, POINT, URL, point("2"), 100.5)
    after = pushes.answered(changed, POINT, 204, 101.0, LOW)[0]
    assert (after[POINT].settled, after[POINT].due_s) == (point("1"), 105.0)
    late = pushes.answered(changed, POINT, 204, 120.0, LOW)[0]
    assert late[POINT].due_s == 120.0
