"""Registration, renewal and cancellation from both sides; polling, back-off and outages; what a restart remembers."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from grid_functions.model.instants import ClockQuality
from grid_functions.model.outcome import OutcomeKind
from protocols.exchange import Tick
from protocols.openadr2b.session import polling
from protocols.openadr2b.session.exchange import Leave, Pushed
from protocols.openadr2b.session.state import Stage
from protocols.openadr2b.wire.events import EiResponse, OadrCreatedEvent, OadrRequestEvent, OadrResponse
from protocols.openadr2b.wire.messages import Message, Service
from protocols.openadr2b.wire.reader import Decoded
from protocols.openadr2b.wire.registration import (
    OadrCanceledPartyRegistration,
    OadrCancelPartyRegistration,
    OadrCreatedPartyRegistration,
    OadrCreatePartyRegistration,
    OadrPoll,
    OadrQueryRegistration,
    OadrRequestReregistration,
    Profile,
)
from protocols.openadr2b.wire.reports import (
    OadrCanceledReport,
    OadrCancelReport,
    OadrCreateReport,
    OadrRegisteredReport,
    OadrRegisterReport,
    ReportRequest,
    SpecifierPayload,
)
from tests.protocols.openadr2b.samples import distribution, event
from tests.protocols.openadr2b.session.rig import OK, TERMS, Low, Talk, Vtn


def kinds(talk: Talk) -> list[str]:
    return [type(message).__name__ for message in talk.vtn.asked]


def begun(vtn: Vtn | None = None, **more: Any) -> Talk:
    talk = Talk(vtn, **more).run()
    talk.vtn.asked.clear()
    talk.sent.clear()
    return talk


def test_the_order_of_a_start() -> None:
    talk = Talk(Vtn(events=[event()])).run(5.0)
    assert kinds(talk) == [
        "OadrQueryRegistration",
        "OadrCreatePartyRegistration",
        "OadrRegisterReport",
        "OadrRequestEvent",
        "OadrCreatedEvent",
        "OadrPoll",
    ]
    (asked,) = talk.vtn.of(OadrCreatePartyRegistration)
    assert (asked.profileName, asked.transportName, asked.venName) == ("2.0b", "simpleHttp", "depot")
    assert (asked.registrationID, asked.venID, asked.httpPullModel, asked.transportAddress) == (None, None, True, None)
    assert [message.venID for message in talk.vtn.of(OadrPoll)] == ["0042"]


def test_ids_given_in_advance_are_used() -> None:
    talk = Talk(terms=replace(TERMS, ven_id="pre", registration_id="assigned", query=False)).run()
    assert kinds(talk)[0] == "OadrRegisterReport"
    talk = Talk(terms=replace(TERMS, ven_id="pre", query=False)).run()
    (asked,) = talk.vtn.of(OadrCreatePartyRegistration)
    assert (asked.venID, asked.registrationID) == ("pre", None)


def test_a_restart_asks_for_events_and_nothing_else() -> None:
    talk = begun(Vtn(events=[event()]))
    again = Talk(Vtn(events=[event()]), memory=talk.memory).run(11.0)
    assert kinds(again)[0] == "OadrRequestEvent"
    assert again.vtn.of(OadrQueryRegistration) == again.vtn.of(OadrCreatePartyRegistration) == []
    assert again.vtn.of(OadrRegisterReport) == []
    assert again.vtn.of(OadrPoll)[0].venID == "0042"


def test_a_restart_with_other_resources_tells_its_reports_again() -> None:
    talk = begun()
    terms = replace(TERMS, respondents={"r9": frozenset()})
    again = Talk(terms=terms, memory=talk.memory).run()
    assert kinds(again)[:2] == ["OadrRegisterReport", "OadrRequestEvent"]


def test_a_restart_with_other_assigned_ids_forgets_the_old_ones() -> None:
    talk = begun()
    again = Talk(terms=replace(TERMS, ven_id="other"), memory=talk.memory).run()
    assert again.vtn.of(OadrCreatePartyRegistration)[0].venID == "other"


@pytest.mark.parametrize("key", ["registration", "events", "clock", "requests", "opts", "unsent"])
@pytest.mark.parametrize("kept", [(1, b""), (1, b"{"), (1, b"[1]"), (1, b"null"), (99, b"{}")])
def test_what_was_kept_and_cannot_be_read_is_done_without(key: str, kept: tuple[int, bytes]) -> None:
    talk = begun()
    again = Talk(Vtn(events=[event()]), memory={**talk.memory, key: kept}).run(11.0)
    assert "e1" in again.events


def test_the_vtn_asks_to_register_again() -> None:
    talk = begun(Vtn(events=[event()]))
    talk.vtn.outbox.append(OadrRequestReregistration(venID="0042"))
    talk.run(11.0)
    assert kinds(talk)[:3] == ["OadrPoll", "OadrResponse", "OadrCreatePartyRegistration"]
    (asked,) = talk.vtn.of(OadrCreatePartyRegistration)
    assert (asked.registrationID, asked.venID) == ("1.10", "0042")
    assert talk.vtn.of(OadrRegisterReport) == []
    assert "e1" in talk.events


def test_a_request_to_register_another_ven_is_452_and_changes_nothing() -> None:
    talk = begun()
    talk.vtn.outbox.append(OadrRequestReregistration(venID="42"))
    talk.run(11.0)
    (answer,) = talk.vtn.of(OadrResponse)
    assert answer.eiResponse.responseCode == 452
    assert talk.vtn.of(OadrCreatePartyRegistration) == []


@pytest.mark.parametrize("code", [452, 453, 463])
def test_a_vtn_that_does_not_know_us_is_registered_with_again(code: int) -> None:
    talk = begun(Vtn(events=[event()]))
    lost = [True]

    def forgetful(message: Message) -> Message | None:
        if isinstance(message, OadrCreatePartyRegistration):
            lost[0] = False
        return OadrResponse(eiResponse=EiResponse(responseCode=code)) if lost[0] else None

    talk.vtn.meddle = forgetful
    talk.run(20.0)
    assert len(talk.vtn.of(OadrCreatePartyRegistration)) == 1
    assert "registration" not in talk.alarms
    assert "e1" in talk.events


def test_openleadr_asks_for_registration_in_place_of_any_answer() -> None:
    talk = begun(Vtn(events=[event()]))
    talk.vtn.meddle = lambda message: (
        OadrRequestReregistration(venID="0042") if isinstance(message, OadrRequestEvent) else None
    )
    talk.vtn.outbox.append(distribution())
    talk.run(12.0)
    assert len(talk.vtn.of(OadrCreatePartyRegistration)) >= 1


def test_a_vtn_that_never_knows_us_is_asked_ever_more_slowly() -> None:
    talk = begun()
    talk.vtn.meddle = lambda message: (
        None
        if isinstance(message, OadrCreatePartyRegistration)
        else OadrResponse(eiResponse=EiResponse(responseCode=463))
    )
    talk.run(600.0)
    assert len(talk.vtn.of(OadrCreatePartyRegistration)) < 25
    assert "registration" in talk.alarms


def test_ids_the_vtn_has_forgotten_are_given_up_for_new_ones() -> None:
    talk = begun()
    talk.vtn.registration_id, talk.vtn.ven_id = "2.0", "0043"

    def forgotten(message: Message) -> Message | None:
        if isinstance(message, OadrPoll) and message.venID == "0042":
            return OadrResponse(eiResponse=EiResponse(responseCode=463))
        if isinstance(message, OadrCreatePartyRegistration) and message.registrationID:
            return OadrCreatedPartyRegistration(eiResponse=EiResponse(responseCode=452), vtnID="VTN")
        return None

    talk.vtn.meddle = forgotten
    talk.run(30.0)
    assert [asked.registrationID for asked in talk.vtn.of(OadrCreatePartyRegistration)] == ["1.10", None]
    assert talk.state.ven_id == "0043"
    assert len(talk.vtn.of(OadrRegisterReport)) == 1


def test_a_refused_registration_is_told_and_tried_seldom() -> None:
    vtn = Vtn(meddle=lambda message: refusal if isinstance(message, OadrCreatePartyRegistration) else None)
    refusal = OadrCreatedPartyRegistration(
        eiResponse=EiResponse(responseCode=451, responseDescription="not you"), vtnID="VTN"
    )
    talk = Talk(vtn).run(1300.0)
    assert 2 <= len(vtn.of(OadrCreatePartyRegistration)) <= 3
    assert talk.alarms["registration"] == "registration refused with 451 not you"
    assert talk.reads == []


def test_another_vtn_than_configured_gets_nothing() -> None:
    talk = Talk(Vtn(vtn_id="evil"), replace(TERMS, vtn_id="VTN")).run(30.0)
    assert "'evil'" in talk.alarms["registration"]
    assert kinds(talk) == ["OadrQueryRegistration", "OadrCreatePartyRegistration"]


def test_the_vtn_cancels_the_registration() -> None:
    talk = begun(Vtn(events=[event()]))
    talk.vtn.outbox.append(OadrCancelPartyRegistration(requestID="c", registrationID="1.10", venID="0042"))
    talk.vtn.events = []
    talk.run(30.0)
    (answer,) = talk.vtn.of(OadrCanceledPartyRegistration)
    assert (answer.eiResponse.responseCode, answer.eiResponse.requestID, answer.registrationID) == (200, "c", "1.10")
    assert kinds(talk)[-1] == "OadrCanceledPartyRegistration"
    assert (talk.reads[-1].refused, talk.reads[-2].events, talk.reads[-3].events) == (
        "the VTN ended the registration",
        (),
        (),
    )
    assert talk.reads[-2].complete
    talk.run(polling.REFUSED_S)
    assert talk.vtn.of(OadrCreatePartyRegistration)[0].registrationID is None


def test_outcomes_that_wait_when_the_registration_ends_wait_no_more() -> None:
    talk = begun(Vtn(events=[event()]))
    talk.vtn.meddle = lambda message: 503 if isinstance(message, OadrCreatedEvent) else None
    talk.tell("e1", OutcomeKind.OPTED_OUT)
    talk.push(Service.REGISTER, OadrCancelPartyRegistration(requestID="c", registrationID="1.10"))
    assert talk.told[-1][1] == "no longer asked for"


def test_a_cancel_of_a_registration_that_is_not_ours_is_452() -> None:
    talk = begun(Vtn(events=[event()]))
    talk.vtn.outbox.append(OadrCancelPartyRegistration(requestID="c", registrationID="1.1"))
    talk.run(11.0)
    (answer,) = talk.vtn.of(OadrCanceledPartyRegistration)
    assert answer.eiResponse.responseCode == 452
    assert "e1" in talk.events
    assert talk.state.registered


def test_we_cancel_the_registration() -> None:
    talk = begun()
    talk.take(Leave())
    talk.run(1000.0)
    assert kinds(talk) == ["OadrCancelPartyRegistration"]
    assert talk.vtn.asked[0] == OadrCancelPartyRegistration(
        requestID=talk.vtn.of(OadrCancelPartyRegistration)[0].requestID, registrationID="1.10", venID="0042"
    )
    assert talk.state.stage is Stage.LEFT
    assert kinds(Talk(memory=talk.memory).run())[0] == "OadrQueryRegistration"


def test_a_vtn_without_our_profile_is_told_of() -> None:
    only_a = (Profile(name="2.0a", transports=("simpleHttp",)),)
    answer = OadrCreatedPartyRegistration(eiResponse=OK, vtnID="VTN", profiles=only_a)
    talk = Talk(Vtn(meddle=lambda message: answer if isinstance(message, OadrQueryRegistration) else None)).run()
    assert "profile" in talk.alarms


@pytest.mark.parametrize(
    "answer",
    [OadrRegisteredReport(eiResponse=EiResponse(responseCode=461)), OadrResponse(eiResponse=OK), 406, 503, b"no XML"],
)
def test_metadata_that_are_not_taken_hold_up_no_event(answer: Message | int | bytes) -> None:
    vtn = Vtn(events=[event()], meddle=lambda message: answer if isinstance(message, OadrRegisterReport) else None)
    talk = Talk(vtn).run(60.0)
    assert "e1" in talk.events
    assert "metadata" in talk.alarms


# Polling


def times(talk: Talk, kind: type[Any]) -> list[float]:
    return [at for at, message in talk.sent if isinstance(message, kind)]


@pytest.mark.parametrize(("asked", "pace"), [(None, 10.0), (60.0, 60.0), (1.0, 5.0), (0.0, 10.0)])
def test_the_pace_is_what_the_vtn_asks_for_within_bounds(asked: float | None, pace: float) -> None:
    talk = Talk(Vtn(poll_s=asked)).run(200.0)
    polls = times(talk, OadrPoll)
    assert [round(b - a, 3) for a, b in pairwise(polls)] == [pace] * (len(polls) - 1)
    assert len(polls) >= 2


@pytest.mark.parametrize(
    ("lengths_s", "asked", "pace"),
    [
        ((3600.0, 1800.0), None, 540.0),  # a fifth of 2700
        ((3600.0, 0.0), None, 720.0),  # what never ends has no length
        ((0.0,), None, 1000.0),
        ((10.0,), None, 5.0),  # not below the floor
        ((36_000.0,), None, 1000.0),  # 7200 is slower than is configured
        ((3600.0, 1800.0), 900.0, 900.0),  # the VTN asks for a pace: not faster
    ],
)
def test_the_pace_is_at_most_a_fifth_of_the_mean_event(
    lengths_s: tuple[float, ...], asked: float | None, pace: float
) -> None:
    events = [event(f"e{place}", duration=length) for place, length in enumerate(lengths_s)]
    talk = Talk(Vtn(events=events, poll_s=asked), terms=replace(TERMS, poll_s=1000.0)).run(4000.0)
    polls = times(talk, OadrPoll)
    assert [round(b - a, 3) for a, b in pairwise(polls)] == [pace] * (len(polls) - 1)
    assert len(polls) >= 2


def test_what_is_cancelled_counts_no_longer() -> None:
    talk = Talk(Vtn(events=[event()]), terms=replace(TERMS, poll_s=1000.0)).run(10.0)
    talk.vtn.show(request="r2")
    talk.run(4000.0)
    late = [at for at in times(talk, OadrPoll) if at > 2000.0]
    assert [round(b - a, 3) for a, b in pairwise(late)] == [1000.0] * (len(late) - 1)
    assert len(late) >= 2


def test_a_queue_is_emptied_without_a_pause_and_not_for_ever() -> None:
    talk = begun(Vtn(events=[event()]))
    talk.vtn.outbox = [distribution(event(modificationNumber=number)) for number in range(1, 6)]
    talk.run(10.5)
    polls = times(talk, OadrPoll)
    assert len(polls) == 6
    assert polls[-1] == polls[0]
    talk.vtn.outbox = [distribution(event(modificationNumber=number)) for number in range(10, 400)]
    talk.run(10.5)
    assert len(times(talk, OadrPoll)) - 6 <= 2 * (polling.MOST_DRAINED + 1)


def test_the_same_events_again_are_no_reason_to_poll_at_once() -> None:
    talk = begun(Vtn(events=[event()]))
    talk.vtn.meddle = lambda message: distribution(event()) if isinstance(message, OadrPoll) else None
    talk.run(31.0)
    assert len(times(talk, OadrPoll)) == 3


def test_an_outage_is_backed_off_from_and_ends_well() -> None:
    talk = begun(Vtn(events=[event()], poll_s=60.0))
    talk.vtn.down = True
    talk.run(600.0)
    gaps = [b - a for a, b in pairwise(times(talk, OadrPoll))]
    assert [round(gap, 1) for gap in gaps[:6]] == [0.9, 1.8, 3.6, 7.2, 14.4, 28.8]
    assert all(gap <= 66.0 for gap in gaps)
    assert "reach" in talk.alarms
    assert not any(read.refused for read in talk.reads)
    talk.vtn.down = False
    talk.run(70.0)
    assert "reach" not in talk.alarms
    assert "e1" in talk.events


@pytest.mark.parametrize("status", [500, 501, 503, 429, 302, 404])
def test_a_vtn_that_answers_badly_is_a_vtn_that_is_down(status: int) -> None:
    vtn = Vtn(events=[event()], meddle=lambda message: status)
    talk = Talk(vtn).run(120.0)
    assert "reach" in talk.alarms
    vtn.meddle = lambda message: None
    talk.run(120.0)
    assert "e1" in talk.events


def test_an_empty_body_is_a_failure_where_an_answer_is_due_and_an_answer_where_none_is() -> None:
    """openleadr's client raises on it (fault 8)."""
    talk = begun(Vtn(events=[event()]))
    talk.vtn.meddle = lambda message: b""
    talk.vtn.outbox.append(distribution(event()))
    talk.run(11.0)
    talk.vtn.meddle = lambda message: None if isinstance(message, OadrPoll) else b""
    talk.run(11.0)
    talk.run(11.0)
    assert len([one for one in kinds(talk) if one == "OadrCreatedEvent"]) == 1
    assert "e1" in talk.events


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_is_told_and_asked_about_seldom(status: int) -> None:
    talk = begun(Vtn(events=[event()]))
    talk.vtn.meddle = lambda message: status
    talk.run(590.0)
    assert len(times(talk, OadrPoll)) <= 2
    assert "access" in talk.alarms
    assert talk.reads[-1].refused
    talk.vtn.meddle = lambda message: None
    talk.run(polling.REFUSED_S + 20.0)
    assert "access" not in talk.alarms
    assert not talk.reads[-1].refused


def test_vens_that_start_together_do_not_poll_together() -> None:
    class High:
        def jitter(self, low_s: float, high_s: float) -> float:
            return high_s

    assert polling.after_poll(30.0, High()) == 33.0
    assert (polling.first_poll(30.0, Low()), polling.first_poll(30.0, High())) == (3.0, 30.0)
    assert polling.backoff(1, 60.0, High()) == 1.1
    assert polling.backoff(50, 60.0, High()) == 66.0


# The VTN's clock


def test_a_clock_an_hour_ahead_is_told_and_followed() -> None:
    talk = Talk(ahead_s=3600.0).run()
    assert "3600 s ahead" in talk.alarms["clock"]
    told = talk.state.clock.told(talk.mono_s)
    assert told.quality is ClockQuality.SYNCHRONISED
    assert abs(told.now_s - (talk.utc_s + 3600.0)) <= 1.0
    assert float(talk.memory["clock"][1]) == pytest.approx(3600.0, abs=1.0)


def test_a_jump_of_the_clock_is_taken_once_it_is_confirmed() -> None:
    talk = begun()
    talk.ahead_s = 600.0
    talk.run(10.0)
    assert "jumped" in talk.alarms["clock"]
    assert abs(talk.state.clock.now_s(talk.mono_s) - talk.utc_s) < 2.0
    talk.run(10.0)
    assert abs(talk.state.clock.now_s(talk.mono_s) - talk.utc_s - 600.0) < 2.0


# Push


CANCEL = OadrCancelPartyRegistration(requestID="c", registrationID="1.10")
PUSH = replace(TERMS, push_address="https://depot.example/OpenADR2/Simple/2.0b")


def test_a_ven_that_is_pushed_to_says_where_and_does_not_poll() -> None:
    talk = Talk(Vtn(events=[event()]), PUSH).run(35.0)
    (asked,) = talk.vtn.of(OadrCreatePartyRegistration)
    assert (asked.transportAddress, asked.httpPullModel) == (PUSH.push_address, False)
    assert talk.vtn.of(OadrPoll) == []
    assert len(talk.vtn.of(OadrRequestEvent)) == 5  # at the start, a little later, then at the pace


def test_pushed_events_are_answered_with_a_bare_200_and_a_created_event() -> None:
    talk = begun(terms=PUSH)
    assert talk.push(Service.EVENT, distribution(event("a"), request="p1")) is None
    talk.run(0.5)
    assert [(one.eventID, one.requestID) for one in talk.vtn.answers] == [("a", "p1")]
    assert "a" in talk.events


def test_pushed_registration_messages_are_answered_there() -> None:
    talk = begun(terms=PUSH)
    answer = talk.push(Service.REGISTER, OadrRequestReregistration(venID="0042"))
    assert isinstance(answer, OadrResponse)
    assert answer.eiResponse.responseCode == 200
    talk.run(1.0)
    assert talk.vtn.of(OadrCreatePartyRegistration)[0].registrationID == "1.10"
    answer = talk.push(Service.REGISTER, OadrCancelPartyRegistration(requestID="c", registrationID="1.10"))
    assert isinstance(answer, OadrCanceledPartyRegistration)
    late = talk.push(Service.EVENT, distribution(event("b")))
    assert isinstance(late, OadrResponse)
    assert late.eiResponse.responseCode == 463


def test_an_answer_that_comes_after_the_registration_ended_is_nobodys() -> None:
    talk = begun(terms=PUSH)
    talk.run(9.0)

    def meanwhile(message: Message) -> None:
        if isinstance(message, OadrRequestEvent):
            talk.take(Pushed(99, Service.REGISTER, Decoded(CANCEL)))

    talk.vtn.meddle = meanwhile
    talk.vtn.events = [event()]
    talk.run(11.0)
    assert talk.reads[-1].refused == "the VTN ended the registration"
    assert talk.events == {}


def test_what_is_nothing_for_a_ven_is_459() -> None:
    talk = begun(terms=PUSH)
    answer = talk.push(Service.POLL, OadrPoll(venID="0042"))
    assert isinstance(answer, OadrResponse)
    assert answer.eiResponse.responseCode == 459


def test_nothing_is_asked_again_while_an_answer_is_under_way() -> None:
    talk = begun()
    numbers = {talk.state.serial}
    for _ in range(5):
        talk.take(Tick())
        numbers.add(talk.state.serial)
    assert len(numbers) == 1


def _forgets(talk: Talk, kind: type[Message], limit: int = 50) -> None:
    """From now on this is answered with 463, until we register."""
    known = [False]
    said: list[Message] = []

    def meddle(message: Message) -> Message | None:
        known[0] = known[0] or isinstance(message, OadrCreatePartyRegistration)
        said.append(message)
        assert len(said) < limit, "it circles"
        lost = isinstance(message, kind) and not known[0]
        return OadrResponse(eiResponse=EiResponse(responseCode=463)) if lost else None

    talk.vtn.meddle = meddle


def test_a_reply_to_a_vtn_that_forgot_us_meanwhile_is_no_reason_not_to_register_again() -> None:
    """The reply was posted again and again at the speed of the wire, and never a registration."""
    talk = begun(Vtn(events=[event()]))
    _forgets(talk, OadrCanceledReport)
    talk.vtn.outbox.append(OadrCancelReport(requestID="c", reportRequestID=("ghost",), reportToFollow=False))
    talk.run(30.0)
    assert kinds(talk).count("OadrCanceledReport") == 1
    assert kinds(talk).count("OadrCreatePartyRegistration") == 1
    assert "OadrPoll" in kinds(talk)[kinds(talk).index("OadrCreatePartyRegistration") :]


@pytest.mark.parametrize("answer", [500, 502, b"no XML"])
def test_a_vtn_that_stumbles_over_what_we_say_is_polled_all_the_same(answer: int | bytes) -> None:
    """An answer it could not take held up every poll: no new event, no cancellation, for ever."""
    talk = begun(Vtn(events=[event("a")]))
    talk.vtn.meddle = lambda message: answer if isinstance(message, OadrCreatedEvent) else None
    talk.vtn.show(event("a"), event("b"), request="r2")
    talk.run(11.0)
    talk.vtn.show(event("a"), request="r3")
    talk.run(120.0)
    assert "b" not in talk.events
    assert "stumbles" in talk.alarms["say"]
    assert len(talk.vtn.of(OadrCreatedEvent)) < 12  # 1, 2, 4, 8 ... s apart, not at the speed of the polls
    talk.vtn.meddle = lambda message: None
    talk.run(70.0)
    assert "say" not in talk.alarms
    assert talk.vtn.answers[-1].requestID == "r3"


def test_a_vtn_that_pushes_and_takes_no_replies_fills_no_memory() -> None:
    talk = begun(Vtn())
    talk.vtn.down = True
    ask = ReportRequest(
        reportRequestID="m",
        reportSpecifierID="METADATA",
        granularity=60.0,
        reportBackDuration=0.0,
        payloads=(SpecifierPayload(rID="x", readingType="Direct Read"),),
    )
    for _ in range(101):
        talk.push(Service.REPORT, OadrCreateReport(requestID="q", requests=(ask,)))
    assert len(talk.state.letters) == 100
