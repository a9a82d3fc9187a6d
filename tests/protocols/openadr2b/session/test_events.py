"""Events against the profile's rules: full sets, modifications, cancels, answers; one bad event never touches another."""

from dataclasses import replace
from typing import Any

import pytest

from grid_functions.model.event import EventKey, EventStatus, Respondent
from grid_functions.model.outcome import OutcomeKind
from protocols.openadr2b.session.exchange import Opine
from protocols.openadr2b.session.terms import OptBy
from protocols.openadr2b.wire.events import (
    EiResponse,
    OadrCreatedEvent,
    OadrDistributeEvent,
    OadrRequestEvent,
    OadrResponse,
    Target,
)
from protocols.openadr2b.wire.messages import Message, Service
from protocols.openadr2b.wire.registration import OadrCreateOpt, OadrPoll
from tests.protocols.openadr2b.samples import HOUR_S, distribution, event, signal
from tests.protocols.openadr2b.session.rig import TERMS, Talk, Vtn, cancelled, modified

REFUSED = OutcomeKind.REFUSED


def said(talk: Talk) -> list[tuple[str, int, int, str]]:
    """Every answer: event, modification, code, opt."""
    return [(a.eventID, a.modificationNumber, a.responseCode, a.optType) for a in talk.vtn.answers]


def begun(*events: Any, **more: Any) -> Talk:
    vtn = Vtn(events=list(events))
    talk = Talk(vtn, **more).run()
    vtn.asked.clear()
    return talk


def test_events_of_the_first_look_are_answered_in_one_message_for_all() -> None:
    talk = Talk(Vtn(events=[event("0042"), event("1.2.3"), event("quiet", responseRequired="never")]))
    talk.run()
    assert sorted(talk.events) == ["0042", "1.2.3", "quiet"]
    assert {answer.requestID for answer in talk.vtn.answers} == {"sync"}
    assert sorted(said(talk)) == [("0042", 0, 200, "optIn"), ("1.2.3", 0, 200, "optIn")]
    assert all(created.eiResponse.requestID == "" for created in talk.vtn.of(OadrCreatedEvent))


def test_later_answers_go_grouped() -> None:
    talk = begun(event("a"), event("b"))
    talk.vtn.show(event("a"), event("b"), request="r2")
    talk.run(11.0)
    (created,) = talk.vtn.of(OadrCreatedEvent)
    assert [(one.eventID, one.requestID) for one in created.eventResponses] == [("a", "r2"), ("b", "r2")]


def test_every_delivery_that_wants_an_answer_gets_the_last_one_again() -> None:
    talk = begun(event())
    for number in range(3):
        talk.vtn.show(event(), request=f"r{number}")
        talk.run(11.0)
    assert [answer.requestID for answer in talk.vtn.answers] == ["r0", "r1", "r2"]
    assert said(talk) == [("e1", 0, 200, "optIn")] * 3


def test_a_higher_modification_replaces_and_a_lower_one_is_450() -> None:
    talk = begun(event(modificationNumber=2))
    longer = modified(event(duration=2 * HOUR_S), 3)
    talk.vtn.show(longer)
    talk.run(11.0)
    assert (talk.events["e1"].version, talk.events["e1"].duration_s) == (3, 2 * HOUR_S)
    talk.vtn.show(modified(event(), 2))
    talk.run(11.0)
    assert (talk.events["e1"].version, talk.events["e1"].duration_s) == (3, 2 * HOUR_S)
    assert said(talk) == [("e1", 3, 200, "optIn"), ("e1", 2, 450, "optOut")]


def test_a_lower_modification_that_cancels_is_450_too() -> None:
    talk = begun(event(modificationNumber=2))
    talk.vtn.show(cancelled(event(), 1))
    talk.run(11.0)
    assert talk.events["e1"].status is not EventStatus.CANCELLED
    assert said(talk) == [("e1", 1, 450, "optOut")]


def test_the_same_modification_with_other_content_changes_nothing() -> None:
    talk = begun(event())
    talk.vtn.show(event(duration=60.0))
    talk.run(11.0)
    assert talk.events["e1"].duration_s == HOUR_S
    assert "changed without a higher modification number" in talk.remarks[-1]


def test_an_explicit_cancel_stops_and_its_repeat_touches_nothing_else() -> None:
    """openleadr opts out of everything here (fault 1)."""
    talk = begun(event("a"), event("b"))
    for request in ("r1", "r2", "r3"):
        talk.vtn.show(cancelled(event("a"), 1), event("b"), request=request)
        talk.run(11.0)
        assert talk.events["a"].status is EventStatus.CANCELLED
        assert talk.events["b"].status is EventStatus.SCHEDULED
    assert said(talk) == [("a", 1, 200, "optIn"), ("b", 0, 200, "optIn")] * 3


def test_a_cancel_of_an_event_we_never_had_is_acknowledged() -> None:
    talk = begun(event("a"))
    talk.vtn.show(cancelled(event("ghost"), 4), event("a"))
    talk.run(11.0)
    assert ("ghost", 4, 200, "optIn") in said(talk)
    assert sorted(talk.events) == ["a"]


def test_a_cancelled_event_does_not_come_back() -> None:
    talk = begun(event())
    talk.vtn.show(cancelled(event(), 1))
    talk.run(11.0)
    talk.vtn.show(modified(event(), 2))
    talk.run(11.0)
    assert talk.events["e1"].status is EventStatus.CANCELLED
    assert said(talk) == [("e1", 1, 200, "optIn"), ("e1", 2, 459, "optOut")]


def test_an_event_that_was_missing_from_one_set_holds_again() -> None:
    talk = begun(event("a"), event("b"))
    talk.vtn.show(event("b"))
    talk.run(5.0)
    talk.vtn.show(event("a"), event("b"))
    talk.run(11.0)
    assert sorted(talk.events) == ["a", "b"]


def test_a_cancel_that_wants_no_answer_gets_none() -> None:
    talk = begun(event("a", responseRequired="never"))
    talk.vtn.show(
        cancelled(event("a", responseRequired="never"), 1), cancelled(event("g", responseRequired="never"), 1)
    )
    talk.run(11.0)
    assert said(talk) == []
    assert talk.events["a"].status is EventStatus.CANCELLED


def test_what_is_not_shown_beside_others_is_cancelled_at_once() -> None:
    """Implied cancel (openleadr: fault 6)."""
    talk = begun(event("a"), event("b"))
    talk.vtn.show(event("b"))
    talk.run(11.0)
    assert sorted(talk.events) == ["b"]
    assert talk.reads[-1].complete
    assert "http://market" in talk.reads[-1].listed
    assert [answer[0] for answer in said(talk)] == ["b"]


def test_an_implied_cancel_with_tolerance_is_spread_too() -> None:
    talk = begun(event("a", startafter=600.0), event("b"))
    talk.vtn.show(event("b"))
    talk.run(11.0)
    assert talk.events["a"].status is EventStatus.CANCELLED_RANDOMISED
    assert talk.events["a"].random_start_s == 600.0


def test_an_explicit_cancel_with_tolerance_is_spread() -> None:
    talk = begun(event(startafter=600.0))
    talk.vtn.show(cancelled(event(startafter=600.0), 1))
    talk.run(11.0)
    assert talk.events["e1"].status is EventStatus.CANCELLED_RANDOMISED


def test_an_empty_set_is_looked_at_twice_at_once_and_then_believed() -> None:
    talk = begun(event("a", startafter=60.0), event("b"))
    talk.vtn.show()
    talk.run(11.0)
    assert len(talk.vtn.of(OadrRequestEvent)) == 1
    last, before = talk.reads[-1], talk.reads[-2]
    assert (last.complete, before.complete) == (True, True)
    assert {one.key.id: one.status for one in last.events} == {"a": EventStatus.CANCELLED_RANDOMISED}
    assert before.events == ()


def test_an_empty_set_that_the_next_look_takes_back_cancels_nothing() -> None:
    talk = begun(event("a"))
    talk.vtn.outbox.append(distribution())
    talk.run(11.0)
    assert len(talk.vtn.of(OadrRequestEvent)) == 1
    assert "a" in talk.events


def test_no_news_is_no_change() -> None:
    talk = begun(event("a"))
    before = len(talk.reads)
    talk.run(35.0)
    assert len(talk.vtn.of(OadrPoll)) == 3
    assert len(talk.reads) == before + 3
    assert talk.reads[-1].events[0] is talk.reads[0].events[0]


def test_each_bad_event_has_its_own_code_and_the_good_one_runs() -> None:
    """One event that raises opts out of all in openleadr (fault 2); none of these codes is sent by it (fault 10)."""
    terms = replace(TERMS, market_contexts=frozenset({"http://market"}))
    talk = Talk(
        Vtn(
            events=[
                event("good"),
                event("signal", signal("x-ours", "level")),
                event("target", target=Target(venID=("else",))),
                event("resource", target=Target(resourceID=("else",))),
                event("context", marketContext="http://else"),
                event("value", signal("SIMPLE", "level", 7.0)),
            ]
        ),
        terms,
    ).run()
    assert {name: (code, opt) for name, _, code, opt in said(talk)} == {
        "good": (200, "optIn"),
        "signal": (460, "optOut"),
        "target": (462, "optOut"),
        "resource": (469, "optOut"),
        "context": (462, "optOut"),
        "value": (454, "optOut"),
    }
    assert sorted(talk.events) == ["good"]
    assert sorted(reject.id for reject in talk.reads[-1].rejects) == [
        "context",
        "resource",
        "signal",
        "target",
        "value",
    ]
    assert all(created.eiResponse.responseCode == 200 for created in talk.vtn.of(OadrCreatedEvent))


def test_a_refused_modification_leaves_what_was_accepted() -> None:
    talk = begun(event())
    talk.vtn.show(modified(event("e1", signal("x-ours", "level")), 1))
    talk.run(11.0)
    assert talk.events["e1"].version == 0
    assert said(talk) == [("e1", 1, 460, "optOut")]


def test_what_the_devices_cannot_do_is_460() -> None:
    talk = Talk(
        Vtn(events=[event("a"), event("b")]), site=lambda e: REFUSED if e.key.id == "a" else OutcomeKind.RECEIVED
    ).run()
    assert sorted(said(talk)) == [("a", 0, 460, "optOut"), ("b", 0, 200, "optIn")]


def test_several_resources_give_one_answer() -> None:
    terms = replace(TERMS, respondents={"r1": frozenset(), "r2": frozenset()})
    talk = Talk(
        Vtn(events=[event()]), terms, site=lambda e: REFUSED if e.key.respondent.id == "r1" else OutcomeKind.RECEIVED
    )
    talk.run()
    assert said(talk) == [("e1", 0, 200, "optIn")]
    talk = Talk(Vtn(events=[event()]), terms, site=lambda e: REFUSED).run()
    assert said(talk) == [("e1", 0, 460, "optOut")]
    assert sorted(outcome.event.respondent.id for outcome, _ in talk.told) == ["r1", "r2"]


def test_a_site_that_says_nothing_takes_part_after_a_while() -> None:
    talk = Talk(Vtn(events=[event()]), site=lambda e: None).run(20.0)
    assert said(talk) == []
    talk.run(15.0)
    assert said(talk) == [("e1", 0, 200, "optIn")]


def test_a_later_opt_out_and_in_again_by_created_event() -> None:
    talk = begun(event())
    talk.tell("e1", OutcomeKind.OPTED_OUT)
    talk.tell("e1", OutcomeKind.OPTED_IN)
    talk.tell("e1", OutcomeKind.DISPLACED)
    talk.tell("e1", OutcomeKind.RESTORED)
    assert [answer[3] for answer in said(talk)] == ["optOut", "optIn", "optOut", "optIn"]
    assert [fate for _, fate in talk.told[1:]] == ["acknowledged"] * 4


def test_a_users_opt_wins_over_a_displacement_that_ends() -> None:
    talk = begun(event())
    talk.tell("e1", OutcomeKind.OPTED_OUT)
    talk.tell("e1", OutcomeKind.DISPLACED)
    talk.tell("e1", OutcomeKind.RESTORED)
    assert [answer[3] for answer in said(talk)] == ["optOut"]


def test_outcomes_that_2_0b_has_no_word_for_settle_at_once() -> None:
    talk = begun(event())
    for kind in (OutcomeKind.STARTED, OutcomeKind.COMPLETED, OutcomeKind.APPLIED):
        assert talk.told[-1][0] is not talk.tell("e1", kind)
        assert talk.told[-1][1] == "no word for it"
    talk.tell("unknown", OutcomeKind.RECEIVED)
    assert talk.told[-1][1] == "no longer known"


def test_opt_by_ei_opt_where_it_is_configured() -> None:
    talk = begun(event(), terms=replace(TERMS, opt_by=OptBy.EI_OPT))
    talk.take(Opine("e1", Respondent("vtn", "depot"), False))
    talk.run()
    (opt,) = talk.vtn.of(OadrCreateOpt)
    assert (opt.eventID, opt.modificationNumber, opt.optType, opt.venID) == ("e1", 0, "optOut", "0042")
    assert said(talk) == []


def test_an_answer_that_is_not_taken_is_found_by_telling_each_alone() -> None:
    def strict(message: Message) -> Message | None:
        """openleadr answers 452 for the whole message when it has dropped one of its events."""
        if isinstance(message, OadrCreatedEvent) and any(one.eventID == "gone" for one in message.eventResponses):
            return OadrResponse(eiResponse=EiResponse(responseCode=452))
        return None

    talk = begun(event("a"), event("gone"), event("b"))
    talk.vtn.meddle = strict
    talk.vtn.show(event("a"), event("gone"), event("b"), request="r2")
    talk.run(11.0)
    sizes = [len(created.eventResponses) for created in talk.vtn.of(OadrCreatedEvent)]
    assert sizes == [3, 1, 1, 1]
    talk.vtn.show(event("a"), event("b"), request="r3")
    talk.run(11.0)
    assert len(talk.vtn.of(OadrCreatedEvent)[-1].eventResponses) == 2


def test_an_answer_nobody_took_is_sent_again_unchanged() -> None:
    talk = begun(event())
    dropped: list[Message] = []

    def deaf(message: Message) -> int | None:
        if isinstance(message, OadrCreatedEvent) and len(dropped) < 2:
            dropped.append(message)
            return 503
        return None

    talk.vtn.meddle = deaf
    talk.vtn.show(event(), request="r2")
    talk.run(20.0)
    created = talk.vtn.of(OadrCreatedEvent)
    assert len(created) >= 3
    assert created[0] == created[1] == created[2]


@pytest.mark.parametrize("vtn_id", ["vtn", "my-vtn", "Vtn"])
def test_the_vtns_id_is_taken_as_it_is(vtn_id: str) -> None:
    """In lower case openleadr's client refuses the whole message (fault 3)."""
    talk = Talk(Vtn(vtn_id=vtn_id, events=[event()])).run()
    assert said(talk) == [("e1", 0, 200, "optIn")]
    assert all(created.eiResponse.responseCode == 200 for created in talk.vtn.of(OadrCreatedEvent))


def test_events_of_another_vtn_are_not_taken() -> None:
    talk = begun(event("a"))
    talk.vtn.outbox.append(OadrDistributeEvent(requestID="r", vtnID="MITM", events=(event("b"),)))
    talk.run(11.0)
    assert sorted(talk.events) == ["a"]
    assert "events" in talk.alarms


def test_a_set_that_says_it_failed_is_no_set() -> None:
    talk = begun(event("a"))
    talk.vtn.outbox.append(OadrDistributeEvent(eiResponse=EiResponse(responseCode=500), requestID="r", vtnID="VTN"))
    talk.run(11.0)
    assert sorted(talk.events) == ["a"]


def test_a_restart_repeats_answers_and_knows_what_vanished() -> None:
    talk = begun(event("a", startafter=60.0), event("b"))
    again = Talk(Vtn(events=[event("b")]), memory=talk.memory, site=lambda e: None).run()
    assert again.events["a"].status is EventStatus.CANCELLED_RANDOMISED
    assert said(again) == [("b", 0, 200, "optIn")]


def test_an_outcome_of_an_event_that_vanishes_waits_for_nothing() -> None:
    talk = begun(event("a"), event("b"))
    talk.vtn.meddle = lambda message: 503 if isinstance(message, OadrCreatedEvent) else None
    talk.tell("a", OutcomeKind.OPTED_OUT)
    talk.run(1.0)
    assert len(talk.told) == 2
    talk.vtn.meddle = lambda message: 503 if isinstance(message, OadrCreatedEvent) else None
    talk.push(Service.EVENT, distribution(event("b")))
    assert talk.told[-1] == (talk.told[-1][0], "no longer asked for")
    assert talk.told[-1][0].kind is OutcomeKind.OPTED_OUT


def test_an_opt_of_the_site_goes_by_ei_opt_where_it_is_configured() -> None:
    talk = begun(event(), terms=replace(TERMS, opt_by=OptBy.EI_OPT))
    talk.tell("e1", OutcomeKind.OPTED_OUT)
    talk.run()
    assert [opt.optType for opt in talk.vtn.of(OadrCreateOpt)] == ["optOut"]
    assert talk.told[-1][1] == "told by EiOpt"
    assert said(talk) == []
    talk.vtn.show(event(), request="r2")
    talk.run(11.0)
    assert said(talk) == [("e1", 0, 200, "optOut")]


def test_overlapping_and_adjacent_events_are_each_answered() -> None:
    """What they do to each other is the arbitration's; here nobody is lost."""
    overlapping = [event(f"o{n}", dtstart=event().period.dtstart + n * 900.0, priority=n) for n in range(4)]
    talk = Talk(Vtn(events=overlapping)).run()
    assert sorted(talk.events) == ["o0", "o1", "o2", "o3"]
    assert len(said(talk)) == 4


def test_one_id_twice_in_a_set_takes_the_higher_modification() -> None:
    talk = Talk(Vtn(events=[modified(event(), 1), event()])).run()
    assert talk.events["e1"].version == 1
    assert "twice" in talk.remarks[0]


def test_a_test_event_is_answered_like_any_other() -> None:
    talk = Talk(Vtn(events=[event(testEvent="true")])).run()
    assert talk.events["e1"].test
    assert said(talk) == [("e1", 0, 200, "optIn")]


def test_completed_by_itself_changes_nothing() -> None:
    talk = begun(event())
    talk.vtn.show(event(eventStatus="completed"))
    talk.run(11.0)
    assert talk.events["e1"].status is EventStatus.SCHEDULED
    assert talk.events["e1"].duration_s == HOUR_S


def test_no_two_outcomes_of_an_event_are_lost_while_the_vtn_is_down() -> None:
    talk = begun(event())
    talk.vtn.down = True
    talk.tell("e1", OutcomeKind.OPTED_OUT)
    talk.run(60.0)
    assert len(talk.told) == 1
    talk.vtn.down = False
    talk.run(120.0)
    assert said(talk)[-1] == ("e1", 0, 200, "optOut")
    assert talk.told[-1][1] == "acknowledged"
    assert talk.told[-1][0].event == EventKey(Respondent("vtn", "depot"), "e1")
