"""EiOpt: created, cancelled, kept until the VTN took it (openleadr keeps a list in memory and never retries)."""

from dataclasses import replace

import pytest

from grid_functions.model.event import Respondent
from protocols.openadr2b.session import opts
from protocols.openadr2b.session.exchange import Opine, Schedule, Unschedule
from protocols.openadr2b.session.terms import OptBy
from protocols.openadr2b.wire.events import EiResponse, Period, Target
from protocols.openadr2b.wire.registration import OadrCancelOpt, OadrCreatedOpt, OadrCreateOpt
from tests.protocols.openadr2b.samples import START_S, event
from tests.protocols.openadr2b.session.rig import TERMS, Talk, Vtn

ME = Respondent("vtn", "depot")
NIGHTS = OadrCreateOpt(
    optID="nights",
    optType="optOut",
    optReason="x-schedule",
    venID="",
    available=tuple(Period(dtstart=START_S + day * 86_400.0, duration=28_800.0) for day in range(3)),
    createdDateTime=START_S,
    requestID="",
)


def opt(name: str, of: str | None = None, target: Target | None = None) -> OadrCreateOpt:
    """One to an event, or a schedule."""
    number = None if of is None else 0
    return replace(
        NIGHTS, optID=name, eventID=of, modificationNumber=number, available=(), target=target or NIGHTS.target
    )


def standing(*messages: OadrCreateOpt) -> opts.Opts:
    """Taken by the VTN."""
    found = opts.Opts()
    for one in messages:
        found = opts.settled(opts.create(found, one), one.optID, good=True)
    return found


def phases(of: opts.Opts) -> dict[str, str]:
    return {name: str(one.phase) for name, one in of.kept.items()}


def test_another_opt_to_the_same_event_and_target_withdraws_the_one_that_stands_and_no_other() -> None:
    r1 = Target(resourceID=("r1",))
    held = standing(opt("a", "e1"), opt("b", "e2"), opt("c", "e1", target=r1), opt("d"))
    after = opts.create(held, opt("new", "e1"))
    stands = {"b": "stands", "c": "stands", "d": "stands"}
    assert phases(after) == {"a": "to_cancel", **stands, "new": "to_create"}
    # two schedules have no event in common
    assert phases(opts.create(held, opt("new"))) == {"a": "stands", **stands, "new": "to_create"}
    # once more: what the VTN never had is dropped, what is on its way out stays so
    assert phases(opts.create(after, opt("newer", "e1"))) == {"a": "to_cancel", **stands, "newer": "to_create"}


def test_withdrawals_are_posted_first() -> None:
    held = opts.create(standing(opt("a", "e1")), opt("new", "e1"))
    assert opts.waits(held)
    first = opts.due(held, "ven", "r")
    assert first == ("a", OadrCancelOpt(requestID="r", optID="a", venID="ven"))
    held = opts.settled(held, "a", good=True)
    second = opts.due(held, "ven", "r")
    assert second is not None
    assert (second[0], isinstance(second[1], OadrCreateOpt)) == ("new", True)
    held = opts.settled(held, "new", good=True)
    assert (opts.due(held, "ven", "r"), opts.waits(held)) == (None, False)
    assert opts.settled(held, "unknown", good=True) is held
    assert phases(opts.settled(opts.create(held, opt("x")), "x", good=False)) == {"new": "stands"}


def test_five_hundred_are_kept_the_newest() -> None:
    many = standing(*(opt(f"o{number}") for number in range(502)))
    assert (len(many.kept), next(iter(many.kept))) == (500, "o2")


def test_what_is_to_be_said_leaves_at_once_and_not_with_the_next_poll() -> None:
    talk = Talk(terms=replace(TERMS, poll_s=1000.0)).run(200.0)
    said_s = talk.mono_s
    talk.take(Schedule(NIGHTS))
    talk.run(5.0)
    assert [at_s for at_s, message in talk.sent if isinstance(message, OadrCreateOpt)] == [said_s]


def test_a_schedule_is_told_with_its_times_and_our_id() -> None:
    talk = Talk().run()
    talk.take(Schedule(NIGHTS))
    talk.run()
    (told,) = talk.vtn.of(OadrCreateOpt)
    assert (told.optID, told.venID, told.available) == ("nights", "0042", NIGHTS.available)
    assert told.requestID
    talk.take(Unschedule("nights"))
    talk.run()
    (withdrawn,) = talk.vtn.of(OadrCancelOpt)
    assert (withdrawn.optID, withdrawn.venID) == ("nights", "0042")
    assert talk.state.opts.kept == {}


def test_an_opt_waits_out_an_outage_and_a_restart() -> None:
    talk = Talk().run()
    talk.vtn.down = True
    talk.take(Schedule(NIGHTS))
    talk.run(30.0)
    again = Talk(memory=talk.memory).run()
    assert [told.optID for told in again.vtn.of(OadrCreateOpt)] == ["nights"]
    third = Talk(memory=again.memory).run()
    assert third.vtn.of(OadrCreateOpt) == []
    assert "nights" in third.state.opts.kept


def test_one_that_was_never_told_is_withdrawn_silently() -> None:
    talk = Talk().run()
    talk.vtn.down = True
    talk.take(Schedule(NIGHTS))
    talk.run(5.0)
    talk.take(Unschedule("nights"))
    talk.take(Unschedule("unknown"))
    talk.vtn.down = False
    talk.run(120.0)
    assert talk.vtn.of(OadrCreateOpt) == talk.vtn.of(OadrCancelOpt) == []


@pytest.mark.parametrize("answer", [404, OadrCreatedOpt(eiResponse=EiResponse(responseCode=451), optID="nights")])
def test_a_vtn_without_the_service_is_told_of_and_holds_up_nothing(answer: int | OadrCreatedOpt) -> None:
    """openleadr's VTN answers 404."""
    vtn = Vtn(events=[event()], meddle=lambda message: answer if isinstance(message, OadrCreateOpt) else None)
    talk = Talk(vtn).run()
    talk.take(Schedule(NIGHTS))
    talk.run(30.0)
    assert "opt" in talk.alarms
    assert len(vtn.of(OadrCreateOpt)) == 1
    assert talk.reads[-1].at_s > talk.utc_s - 11.0


def test_a_changed_mind_withdraws_the_old_opt_first() -> None:
    talk = Talk(Vtn(events=[event()]), replace(TERMS, opt_by=OptBy.EI_OPT)).run()
    talk.take(Opine("e1", ME, False))
    talk.run()
    talk.take(Opine("e1", ME, True))
    talk.run()
    first, second = talk.vtn.of(OadrCreateOpt)
    (withdrawn,) = talk.vtn.of(OadrCancelOpt)
    assert (first.optType, second.optType) == ("optOut", "optIn")
    assert withdrawn.optID == first.optID
    assert first.eventID == second.eventID == "e1"


def test_an_event_that_wants_no_answer_is_opted_out_of_by_ei_opt() -> None:
    talk = Talk(Vtn(events=[event(responseRequired="never")])).run()
    talk.take(Opine("e1", ME, False))
    talk.run()
    assert [told.optType for told in talk.vtn.of(OadrCreateOpt)] == ["optOut"]
    assert talk.vtn.answers == []


def test_an_opinion_of_an_unknown_event_is_remarked() -> None:
    talk = Talk().run()
    talk.take(Opine("ghost", ME, False))
    assert "no such event" in talk.remarks[-1]


def test_a_mind_changed_twice_before_it_could_be_told_is_no_news() -> None:
    talk = Talk(Vtn(events=[event()])).run()
    talk.vtn.down = True
    talk.take(Opine("e1", ME, False))
    talk.take(Opine("e1", ME, True))
    talk.vtn.down = False
    talk.run(120.0)
    assert talk.vtn.answers[-1].optType == "optIn"


def test_the_same_opinion_twice_is_told_once() -> None:
    talk = Talk(Vtn(events=[event()])).run()
    for _ in range(2):
        talk.take(Opine("e1", ME, False))
        talk.run()
    assert [answer.optType for answer in talk.vtn.answers] == ["optIn", "optOut"]
