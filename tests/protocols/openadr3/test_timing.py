"""When intervals hold; every expectation is a sum done by hand. Second 0 is noon of 2026-11-29, UTC."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grid_functions.model.errors import MalformedMessage
from protocols.openadr3 import timing
from protocols.openadr3.wire import reader
from protocols.openadr3.wire.objects import Event, Point

NOON_S = 1_795_953_600.0


def at(second: float) -> str:
    hours, rest = divmod(int(second), 3600)
    return f"2026-11-{29 + (12 + hours) // 24:02d}T{(12 + hours) % 24:02d}:{rest // 60:02d}:{rest % 60:02d}Z"


def an_event(*intervals: dict[str, Any], **more: Any) -> Event:
    return reader.event({"id": "e", "programID": "p", "intervals": list(intervals), **more})


def one(number: int, *values: Any, kind: str = "PRICE", **period: str) -> dict[str, Any]:
    found: dict[str, Any] = {"id": number, "payloads": [{"type": kind, "values": list(values) or [number]}]}
    return found | ({"intervalPeriod": period} if period else {})


def laid(
    event: Event, now: float = 0.0, anchor: float = 0.0
) -> list[tuple[float, float | None, list[tuple[int, float, float | None]]]]:
    """Per schedule: start, duration and its pieces (id, offset, duration), starts in seconds after noon."""
    return [
        (one.start_s - NOON_S, one.duration_s, [(piece.id, piece.offset_s, piece.duration_s) for piece in one.pieces])
        for one in timing.schedules(event, NOON_S + now, NOON_S + anchor)
    ]


def test_the_events_period_is_every_intervals() -> None:
    event = an_event(one(0), one(1), one(2), intervalPeriod={"start": at(0), "duration": "PT1H"})
    assert laid(event) == [(0.0, 10_800.0, [(0, 0.0, 3600.0), (1, 3600.0, 3600.0), (2, 7200.0, 3600.0)])]


def test_an_intervals_own_period_overrides_field_by_field() -> None:
    event = an_event(one(0), one(1, duration="PT30M"), one(2), intervalPeriod={"start": at(0), "duration": "PT1H"})
    assert laid(event) == [(0.0, 9000.0, [(0, 0.0, 3600.0), (1, 3600.0, 1800.0), (2, 5400.0, 3600.0)])]


def test_own_starts_leave_gaps() -> None:
    event = an_event(one(0, start=at(0), duration="PT1H"), one(1, start=at(7200), duration="PT1H"))
    assert laid(event) == [(0.0, 10_800.0, [(0, 0.0, 3600.0), (1, 7200.0, 3600.0)])]


def test_intervals_out_of_order_are_put_in_order() -> None:
    event = an_event(one(5, start=at(7200), duration="PT1H"), one(4, start=at(0), duration="PT1H"))
    assert laid(event) == [(0.0, 10_800.0, [(4, 0.0, 3600.0), (5, 7200.0, 3600.0)])]


@pytest.mark.parametrize("start", [{}, {"start": "0001-01-01"}, {"start": "0001-01-01T00:00:00Z"}])
def test_no_start_or_the_year_1_is_now(start: dict[str, str]) -> None:
    event = an_event(one(0), one(1), intervalPeriod={"duration": "PT10M", **start})
    assert laid(event, now=500.0, anchor=100.0) == [(100.0, 1200.0, [(0, 0.0, 600.0), (1, 600.0, 600.0)])]
    assert timing.is_now(event)


def test_the_year_1_in_a_later_interval_follows_the_one_before() -> None:
    event = an_event(
        one(0, start=at(0), duration="PT1H"),
        one(1, start="0001-01-01T00:00:00Z", duration="PT1H"),
        one(2, duration="PT5M"),
    )
    assert laid(event) == [(0.0, 7500.0, [(0, 0.0, 3600.0), (1, 3600.0, 3600.0), (2, 7200.0, 300.0)])]
    assert not timing.is_now(event)


def test_no_period_at_all_is_now_and_for_ever() -> None:
    assert laid(an_event(one(0)), anchor=60.0) == [(60.0, None, [(0, 0.0, None)])]


def test_p9999y_is_for_ever_and_overflows_nothing() -> None:
    event = an_event(
        one(0, "help", kind="ALERT_GRID_EMERGENCY"), intervalPeriod={"start": "0001-01-01", "duration": "P9999Y"}
    )
    assert laid(event, anchor=60.0) == [(60.0, None, [(0, 0.0, None)])]


def test_no_duration_lasts_to_the_next_start_or_for_ever() -> None:
    event = an_event(one(0, start=at(0)), one(1, start=at(900)))
    assert laid(event) == [(0.0, None, [(0, 0.0, 900.0), (1, 900.0, None)])]


def test_no_duration_before_one_that_follows_cannot_be_laid_out() -> None:
    with pytest.raises(MalformedMessage, match="has no duration"):
        laid(an_event(one(0, start=at(0)), one(1)))


def test_nothing_follows_what_never_ends() -> None:
    with pytest.raises(MalformedMessage, match="never ends"):
        laid(an_event(one(0, start=at(0), duration="P9999Y"), one(1, duration="PT1H")))


def test_a_shorter_event_duration_cuts() -> None:
    event = an_event(one(0), one(1), one(2), duration="PT90M", intervalPeriod={"start": at(0), "duration": "PT1H"})
    assert laid(event) == [(0.0, 5400.0, [(0, 0.0, 3600.0), (1, 3600.0, 1800.0)])]


def test_an_event_duration_ends_an_interval_without_end() -> None:
    assert laid(an_event(one(0), duration="PT1H", intervalPeriod={"start": at(0)})) == [
        (0.0, 3600.0, [(0, 0.0, 3600.0)])
    ]


def test_a_longer_event_duration_repeats_and_cuts_the_last() -> None:
    event = an_event(one(0), one(1), duration="PT150M", intervalPeriod={"start": at(0), "duration": "PT30M"})
    pieces = [(0, 0.0, 1800.0), (1, 1800.0, 1800.0), (0, 3600.0, 1800.0), (1, 5400.0, 1800.0), (0, 7200.0, 1800.0)]
    assert laid(event) == [(0.0, 9000.0, pieces)]


def test_an_event_duration_of_nothing_is_the_default_and_says_nothing() -> None:
    event = an_event(one(0), duration="PT0S", intervalPeriod={"start": at(0), "duration": "PT1H"})
    assert laid(event) == [(0.0, 3600.0, [(0, 0.0, 3600.0)])]


def test_for_ever_repeats_around_now_and_on_by_blocks() -> None:
    """24 hours a loop, 14 loops a block (a horizon of 14 days): in block 0 the loops 0 to 27 are laid, in block 1 0 to 41."""
    event = an_event(*map(one, range(24)), duration="P9999Y", intervalPeriod={"start": at(0), "duration": "PT1H"})
    day = 86_400.0
    for now, block, loops in (
        (0.0, 0, range(28)),
        (13.9 * day, 0, range(28)),
        (14.1 * day, 1, range(42)),
        (28.1 * day, 2, range(14, 56)),
    ):
        assert timing.block(event, NOON_S + now, NOON_S) == block
        ((start, duration, pieces),) = laid(event, now)
        assert (start, duration) == (0.0, None)
        assert pieces == [(hour, loop * day + hour * 3600.0, 3600.0) for loop in loops for hour in range(24)]


def test_a_loop_of_no_time_is_refused() -> None:
    with pytest.raises(MalformedMessage, match="cannot be repeated"):
        laid(an_event(one(0), duration="P9999Y", intervalPeriod={"start": at(0), "duration": "PT0.5S"}))


def test_a_loop_of_a_second_stays_small() -> None:
    event = an_event(one(0), duration="P9999Y", intervalPeriod={"start": at(0), "duration": "PT1S"})
    ((_, _, pieces),) = laid(event, now=1e6)
    assert len(pieces) <= timing.MOST_PIECES
    assert any(offset == 1e6 for _, offset, _ in pieces)


def test_n_values_are_n_equal_parts() -> None:
    event = an_event(one(0, 1, 2, 3, 4), intervalPeriod={"start": at(0), "duration": "PT1H"})
    ((_, _, pieces),) = laid(event)
    assert pieces == [(0, 0.0, 900.0), (0, 900.0, 900.0), (0, 1800.0, 900.0), (0, 2700.0, 900.0)]
    (schedule,) = timing.schedules(event, NOON_S, NOON_S)
    assert [piece.values for piece in schedule.pieces] == [(("PRICE", value),) for value in (1, 2, 3, 4)]


def test_payloads_of_unlike_numbers_are_parted_together() -> None:
    """Two prices and three intensities in an hour: cuts at 1/3, 1/2 and 2/3."""
    both = {"id": 0, "payloads": [{"type": "PRICE", "values": [1, 2]}, {"type": "GHG", "values": [10, 20, 30]}]}
    event = an_event(both, intervalPeriod={"start": at(0), "duration": "PT1H"})
    (schedule,) = timing.schedules(event, NOON_S, NOON_S)
    assert [(round(piece.offset_s), dict(piece.values)) for piece in schedule.pieces] == [
        (0, {"PRICE": 1, "GHG": 10}),
        (1200, {"PRICE": 1, "GHG": 20}),
        (1800, {"PRICE": 2, "GHG": 20}),
        (2400, {"PRICE": 2, "GHG": 30}),
    ]


def test_points_and_words_are_one_value() -> None:
    points = [{"x": 0.9, "y": 1.0}, {"x": 1.1, "y": -1.0}]
    curve = {"id": 0, "payloads": [{"type": "CURVE", "values": points}, {"type": "ALERT_FIRE", "values": ["a", "b"]}]}
    (schedule,) = timing.schedules(an_event(curve, intervalPeriod={"start": at(0), "duration": "PT1H"}), NOON_S, NOON_S)
    assert [dict(piece.values) for piece in schedule.pieces] == [
        {"CURVE": (Point(0.9, 1.0), Point(1.1, -1.0)), "ALERT_FIRE": ("a", "b")}
    ]


def test_several_values_cannot_share_eternity() -> None:
    with pytest.raises(MalformedMessage, match="never ends"):
        laid(an_event(one(0, 1, 2), intervalPeriod={"start": at(0), "duration": "P9999Y"}))


def test_more_values_than_anybody_needs_are_refused() -> None:
    many = [one(number, *range(900)) for number in range(30)]
    with pytest.raises(MalformedMessage, match="more than 20000 values"):
        laid(an_event(*many, intervalPeriod={"start": at(0), "duration": "PT1H"}))


def test_one_range_shifts_all() -> None:
    event = an_event(one(0), one(1), intervalPeriod={"start": at(0), "duration": "PT1H", "randomizeStart": "PT5M"})
    (schedule,) = timing.schedules(event, NOON_S, NOON_S)
    assert (schedule.start_s, schedule.random_s, len(schedule.pieces)) == (NOON_S, 300.0, 2)


def test_an_interval_with_a_range_of_its_own_begins_a_stretch_of_its_own() -> None:
    event = an_event(
        one(0),
        one(1),
        one(2, randomizeStart="PT1M"),
        one(3),
        intervalPeriod={"start": at(0), "duration": "PT1H", "randomizeStart": "PT5M"},
    )
    first, second = timing.schedules(event, NOON_S, NOON_S)
    assert (first.start_s - NOON_S, first.duration_s, first.random_s, [piece.id for piece in first.pieces]) == (
        0.0,
        7200.0,
        300.0,
        [0, 1],
    )
    assert (second.start_s - NOON_S, second.duration_s, second.random_s, [piece.id for piece in second.pieces]) == (
        7200.0,
        7200.0,
        60.0,
        [2, 3],
    )


def test_a_range_is_half_an_hour_at_most() -> None:
    event = an_event(one(0), intervalPeriod={"start": at(0), "duration": "PT4H", "randomizeStart": "PT2H"})
    (schedule,) = timing.schedules(event, NOON_S, NOON_S)
    assert schedule.random_s == 1800.0


CALLED_OFF = {"start": "0001-01-01T00:00:00Z", "duration": "PT0S"}


def test_now_and_nothing_is_called_off() -> None:
    assert timing.is_cancelled(an_event(one(0), intervalPeriod=CALLED_OFF))
    assert timing.is_cancelled(an_event(one(0, **CALLED_OFF)))
    assert timing.is_cancelled(an_event(intervalPeriod=CALLED_OFF))


@pytest.mark.parametrize(
    "period",
    [
        None,
        {"start": "0001-01-01"},
        {"start": "0001-01-01", "duration": "PT1S"},
        {"start": "0001-01-01", "duration": "P9999Y"},
        {"start": at(0), "duration": "PT0S"},
        {"duration": "PT0S"},
    ],
)
def test_nothing_else_is_called_off(period: dict[str, str] | None) -> None:
    assert not timing.is_cancelled(an_event(one(0), intervalPeriod=period))


def test_one_interval_of_two_called_off_is_not_the_event() -> None:
    assert not timing.is_cancelled(an_event(one(0, **CALLED_OFF), one(1, start=at(0), duration="PT1H")))


def test_an_event_without_intervals_holds_nothing() -> None:
    assert timing.schedules(an_event(), NOON_S, NOON_S) == ()
    assert timing.block(an_event(), NOON_S, NOON_S) == 0


def test_intervals_are_counted_on_through_repetitions() -> None:
    event = an_event(one(7), one(8), duration="PT5H", intervalPeriod={"start": at(0), "duration": "PT1H"})
    assert timing.Laid(event, NOON_S).last == 4
    spans = [timing.Laid(event, NOON_S).span(number) for number in range(6)]
    found = [(span.id, span.start_s - NOON_S, span.end_s - NOON_S) for span in spans if span is not None]
    assert found == [
        (7, 0.0, 3600.0),
        (8, 3600.0, 7200.0),
        (7, 7200.0, 10800.0),
        (8, 10800.0, 14400.0),
        (7, 14400.0, 18000.0),
    ]
    assert spans[5] is None
    for_ever = an_event(one(7), duration="P9999Y", intervalPeriod={"start": at(0), "duration": "PT1H"})
    assert timing.Laid(for_ever, NOON_S).last is None
    far = timing.Laid(for_ever, NOON_S).span(100_000)
    assert far is not None
    assert far.start_s == NOON_S + 360_000_000.0


SPANS = st.integers(1, 50)


@settings(max_examples=100)
@given(st.lists(SPANS, min_size=1, max_size=6), st.integers(0, 400), st.integers(0, 400))
def test_in_every_second_of_a_repetition_the_interval_that_arithmetic_says(
    lengths: list[int], total: int, second: int
) -> None:
    intervals = [one(number, duration=f"PT{length}S") for number, length in enumerate(lengths)]
    event = an_event(*intervals, duration=f"PT{total}S", intervalPeriod={"start": at(0)})
    whole = total or sum(lengths)
    expected: int | None = None
    if second < whole:
        rest = second % sum(lengths)
        expected = next(number for number in range(len(lengths)) if rest < sum(lengths[: number + 1]))
    holding = [
        piece.id
        for schedule in timing.schedules(event, NOON_S + second, NOON_S)
        for piece in schedule.pieces
        if schedule.start_s + piece.offset_s
        <= NOON_S + second
        < schedule.start_s + piece.offset_s + (piece.duration_s or math.inf)
    ]
    assert holding == ([] if expected is None else [expected])


def test_a_repetition_is_laid_out_by_its_pieces_and_not_by_its_intervals() -> None:
    """One interval of a second with a thousand values, for ever: 1.3 million pieces, and a minute of the loop for one event of 10 KB."""
    period = {"start": at(0), "duration": "PT1S"}
    event = an_event(one(0, *range(1000)), intervalPeriod=period, duration="P9999Y")
    (schedule,) = timing.schedules(event, NOON_S + 5.0, NOON_S)
    assert len(schedule.pieces) == 3 * 1000
    # whatever is laid out, what holds now and in the next second is among it: value 500 in the middle of each
    found = {piece.offset_s: piece.values for piece in schedule.pieces}
    assert found[5.5] == found[6.5] == (("PRICE", 500),)


def test_values_that_part_an_interval_side_by_side_are_counted_as_they_part_it() -> None:
    """Twenty types with 981 to 1000 values each have nearly as many different cuts as values: 20,000 pieces of 20 values."""
    payloads = [{"type": "PRICE", "values": list(range(count))} for count in range(981, 1001)]
    event = an_event({"id": 0, "payloads": payloads}, intervalPeriod={"start": at(0), "duration": "PT1H"})
    with pytest.raises(MalformedMessage, match="parted among their values"):
        laid(event)
    alike = [{"type": kind, "values": list(range(288))} for kind in ("PRICE", "EXPORT_PRICE", "GHG")]
    event = an_event({"id": 0, "payloads": alike}, intervalPeriod={"start": at(0), "duration": "P1D"})
    assert len(laid(event)[0][2]) == 288
