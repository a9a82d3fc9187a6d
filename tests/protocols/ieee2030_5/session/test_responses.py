"""Responses: each once, in order, identical until acknowledged."""

from collections.abc import Callable
from typing import Any

import pytest

from grid_functions.model.event import EventKey
from grid_functions.model.instants import Moment
from grid_functions.model.outcome import Outcome, OutcomeKind
from protocols.exchange import Tell
from protocols.ieee2030_5.session.exchange import Request
from protocols.ieee2030_5.wire.resources import DERControlResponse
from tests.protocols.ieee2030_5.session.rig import LFDI, TERMS, UTC_S, Rig, control, house, mrid, program

AT_S = UTC_S + 10


def _outcome(kind: OutcomeKind, number: int = 1, after_s: float = 0.0, name: str = "") -> Outcome:
    key = EventKey(TERMS.respondent, name or mrid(number))
    return Outcome(key, kind, Moment("utility", AT_S + after_s))


def _with_event(**changes: Any) -> Rig:
    rig = house()
    rig.server.lists["/derp/7/derc"] = [control(1, start=int(UTC_S) + 60, **changes)]
    return rig.run(5)


def test_received_started_completed_in_order_one_after_the_other() -> None:
    rig = _with_event()
    for kind in (OutcomeKind.RECEIVED, OutcomeKind.STARTED, OutcomeKind.COMPLETED):
        rig.give(Tell(_outcome(kind)))
    assert len([request for _, request in rig.asked if request.url.endswith("/rsp")]) == 1, (
        "the next waits for the first"
    )
    rig.run(1)
    assert rig.server.responses() == [(mrid(1), 1), (mrid(1), 2), (mrid(1), 3)]
    assert [told.fate for told in rig.told] == ["acknowledged"] * 3


def test_a_response_says_who_what_and_when() -> None:
    rig = _with_event()
    rig.give(Tell(_outcome(OutcomeKind.STARTED, after_s=0.9)))
    rig.run(1)
    (told,) = [told for _, _, told in rig.server.posts]
    assert told == DERControlResponse(createdDateTime=int(UTC_S) + 10, endDeviceLFDI=LFDI, status=2, subject=mrid(1))


def test_a_response_is_repeated_with_identical_bytes_until_acknowledged() -> None:
    rig = _with_event()
    statuses = iter([500, 0, 503, 429, 401])
    bodies: list[object] = []

    def answer(request: Request) -> tuple[int, bytes]:
        bodies.append(request.message)
        return next(statuses, 201), b""

    rig.server.wrong["/rsp"] = answer
    rig.give(Tell(_outcome(OutcomeKind.RECEIVED)))
    rig.give(Tell(_outcome(OutcomeKind.STARTED)))
    rig.run(1800)
    assert len(bodies) == 7
    assert bodies[:6] == [bodies[0]] * 6
    assert [told.outcome.kind for told in rig.told] == [OutcomeKind.RECEIVED, OutcomeKind.STARTED]


def test_the_same_outcome_told_twice_is_sent_once() -> None:
    rig = _with_event()
    rig.give(Tell(_outcome(OutcomeKind.RECEIVED)))
    rig.give(Tell(_outcome(OutcomeKind.RECEIVED)))
    rig.run(10)
    assert rig.server.responses() == [(mrid(1), 1)]


@pytest.mark.parametrize("status", [400, 405, 409, 422])
def test_a_final_no_ends_it_with_an_alarm_and_the_next_goes_on(status: int) -> None:
    rig = _with_event()
    answers = iter([status])
    rig.server.wrong["/rsp"] = lambda request: (next(answers, 201), b"")
    rig.give(Tell(_outcome(OutcomeKind.RECEIVED)))
    rig.give(Tell(_outcome(OutcomeKind.STARTED)))
    rig.run(5)
    assert [told.fate for told in rig.told] == [f"refused with {status}", "acknowledged"]
    assert f"response {mrid(1)}" in {alarm.key for alarm in rig.alarms}


def test_one_event_that_fails_holds_up_no_other() -> None:
    rig = house()
    rig.server.lists["/derp/7/derc"] = [
        control(1, start=int(UTC_S) + 60, replyTo="/bad"),
        control(2, start=int(UTC_S) + 90),
    ]
    rig.server.wrong["/bad"] = lambda request: (500, b"")
    rig.run(5)
    rig.give(Tell(_outcome(OutcomeKind.RECEIVED, 1)))
    rig.give(Tell(_outcome(OutcomeKind.RECEIVED, 2)))
    rig.run(5)
    assert rig.server.responses() == [(mrid(2), 1)]


REQUIRED: list[tuple[int | None, set[int]]] = [
    (None, set()),
    (0, set()),
    (1, {1}),
    (2, {2, 3, 6, 7}),
    (3, {1, 2, 3, 6, 7}),
    (4, {4, 5}),
    (7, {1, 2, 3, 4, 5, 6, 7}),
]


@pytest.mark.parametrize(("required", "sent"), REQUIRED)
def test_only_what_is_asked_for_is_sent(required: int | None, sent: set[int]) -> None:
    """responseRequired: bit 0 received, bit 1 specific, bit 2 of the user."""
    rig = _with_event(responseRequired=required)
    for kind in (
        OutcomeKind.RECEIVED,
        OutcomeKind.STARTED,
        OutcomeKind.COMPLETED,
        OutcomeKind.OPTED_OUT,
        OutcomeKind.OPTED_IN,
        OutcomeKind.CANCELLED,
        OutcomeKind.SUPERSEDED,
    ):
        rig.give(Tell(_outcome(kind)))
    rig.run(5)
    assert {status for _, status in rig.server.responses()} == sent
    assert len(rig.told) == 7, "what is not asked for is settled at once"


def test_an_event_without_a_reply_to_is_settled_unsent() -> None:
    rig = _with_event(replyTo=None)
    rig.give(Tell(_outcome(OutcomeKind.RECEIVED)))
    assert [told.fate for told in rig.told] == ["no replyTo"]


def test_evidence_is_no_message() -> None:
    rig = _with_event()
    for kind in (OutcomeKind.APPLIED, OutcomeKind.EFFECTIVE, OutcomeKind.PARTIALLY_SERVED, OutcomeKind.MISMATCHED):
        rig.give(Tell(_outcome(kind)))
    assert len(rig.told) == 4
    assert rig.server.posts == []


def test_reply_to_is_known_after_a_restart_before_the_event_is_read_again() -> None:
    rig = _with_event()
    again = house(memory=rig.memory)
    again.server.wrong["/derp/7/derc"] = lambda request: (500, b"")
    again.run(5)
    again.give(Tell(_outcome(OutcomeKind.STARTED)))
    again.run(5)
    assert again.server.responses() == [(mrid(1), 2)]


def test_an_answer_owed_for_an_event_not_seen_yet_waits_for_it() -> None:
    rig = house()
    rig.give(Tell(_outcome(OutcomeKind.STARTED)))
    rig.run(30)
    assert (rig.told, rig.server.responses()) == ([], [])
    rig.server.lists["/derp/7/derc"] = [control(1, start=int(UTC_S) + 60)]
    rig.run(90)
    assert rig.server.responses() == [(mrid(1), 2)]


@pytest.mark.parametrize("outage_s", range(1500, 1801, 60))
def test_after_an_outage_what_is_owed_follows_the_first_poll_that_succeeds(outage_s: int) -> None:
    """Poll windows are a minute, the back-off of a Response five by then: it must not wait for that."""
    rig = _with_event()
    rig.server.down = True
    rig.give(Tell(_outcome(OutcomeKind.RECEIVED)))
    rig.run(outage_s)
    rig.server.down = False
    rig.run(62)
    assert rig.server.responses() == [(mrid(1), 1)]


def test_404_on_reply_to_is_sent_where_the_event_says_next() -> None:
    rig = _with_event(replyTo="/gone")
    rig.give(Tell(_outcome(OutcomeKind.RECEIVED)))
    rig.server.wrong["/gone"] = lambda request: (404, b"")
    rig.run(30)
    rig.server.lists["/derp/7/derc"] = [control(1, start=int(UTC_S) + 60, replyTo="/rsp")]
    rig.run(300)
    assert rig.server.responses() == [(mrid(1), 1)]


def test_an_answer_nobody_takes_for_a_week_is_given_up() -> None:
    rig = _with_event()
    rig.server.wrong["/rsp"] = lambda request: (403, b"")
    rig.give(Tell(_outcome(OutcomeKind.RECEIVED)))
    rig.run(86_400.0)
    assert rig.told == []
    rig.mono += 6 * 86_400.0
    rig.run(3600)
    assert [told.fate for told in rig.told] == ["given up after a week"]


def test_a_foreign_reply_to_gets_nothing() -> None:
    rig = _with_event(replyTo="https://elsewhere.example/rsp")
    rig.give(Tell(_outcome(OutcomeKind.RECEIVED)))
    rig.run(5)
    assert [told.fate for told in rig.told] == ["no replyTo"]
    assert all("elsewhere" not in request.url for _, request in rig.asked)


def test_one_mrid_in_two_programs_is_two_events_that_answer_under_one_subject() -> None:
    rig = house()
    rig.server.lists["/fsa/1/derp"].append(program(8))
    rig.server.single["/derp/8/dderc"] = rig.server.single["/derp/7/dderc"]
    rig.server.lists["/derp/7/derc"] = [control(1, start=int(UTC_S) + 60)]
    rig.server.lists["/derp/8/derc"] = [control(1, start=int(UTC_S) + 60, watts=500)]
    rig.run(5)
    names = {event.key.id: event.program for event in rig.reads[-1].events}
    assert names == {mrid(1): mrid(7), f"{mrid(1)}@{mrid(8)}": mrid(8)}
    rig.give(Tell(_outcome(OutcomeKind.RECEIVED, name=f"{mrid(1)}@{mrid(8)}")))
    rig.run(1)
    assert rig.server.responses() == [(mrid(1), 1)]


@pytest.mark.parametrize("spoil", [lambda body: b"{", lambda body: b"[]", lambda body: b'{"a": [1]}'])
def test_spoilt_letters_are_forgotten(spoil: Callable[[bytes], bytes]) -> None:
    assert house(memory={"letters": (1, spoil(b""))}).state.book.letters == {}


def test_a_refused_control_is_answered_by_how_it_failed() -> None:
    rig = house()
    late = control(1, start=10**12)
    rig.server.lists["/derp/7/derc"] = [late]
    rig.run(5)
    assert [reject.kind for reject in rig.reads[-1].rejects] == ["invalid"]
    rig.give(Tell(_outcome(OutcomeKind.REFUSED)))
    rig.run(1)
    assert rig.server.responses() == [(mrid(1), 253)]
