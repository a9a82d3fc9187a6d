"""A function in another process, as decisions see it: asked when there is something new, heard once, and held to what it said."""

from dataclasses import replace

import pytest

from grid_functions.alarm import Alarm, alarm_of, message_of
from grid_functions.guest import (
    Failed,
    Guest,
    GuestOptions,
    GuestState,
    Keepsake,
    Posed,
    Remembered,
    Said,
    Stepped,
    Turn,
)
from grid_functions.model.claim import Basis, Bound, Claim, ConnectionPoint, InForce, Source, SourceKind
from grid_functions.model.control import ExportLimit, ImportLimit, Mode
from grid_functions.model.event import Rank
from grid_functions.model.function import Answer, AreaInputs, Ask, Output, Receipt, SiteInputs, WakeAt
from grid_functions.model.instants import OWN, Moment
from grid_functions.model.lease import Grant, MemberReport, Message
from grid_functions.model.units import Quantity
from tests.grid_functions.house import at, seen, snapshot, terms

GUEST = Guest("guest", GuestOptions("house", '{"a":1}'))
OWN_MEMORY = Keepsake("Count", 1, '{"steps":1}')


def claim(until_s: float, limit_w: float = 500.0) -> Claim:
    """Its bound on export, until then."""
    until = Moment(OWN, 1_000_000.0 + until_s)
    source = Source(SourceKind.LOCAL, "guest")
    cause = InForce(ExportLimit(limit_w), source, Rank(0.0), Basis.CONFIGURED, Moment(OWN, 0.0), until, 0.0)
    want = Bound(limit_w)
    return Claim(ConnectionPoint(), Quantity.PRODUCED, want, want, Mode.EXPORT_LIMIT, cause, valid_until=until)


class Talk:
    """One guest at a site or in an area: looks go in, and what it puts out is sorted."""

    def __init__(self, state: GuestState | None = None) -> None:
        self.state = state or GUEST.empty()
        self.outputs: tuple[Output, ...] = ()

    def look(self, now_s: float, meter_w: float = 0.0, *news: Answer | Message) -> list[Ask]:
        """One decision at a site; what it asks."""
        answers = tuple(one for one in news if isinstance(one, Answer))
        letters = tuple(one for one in news if isinstance(one, Message))
        shown = snapshot([seen("a")], meter_w, now_s, meter_at_s=0.0)
        return self._step(SiteInputs(terms(), (), shown, letters, answers), now_s)

    def rounds(self, now_s: float, power_w: float = 0.0, *answers: Answer) -> list[Ask]:
        """One decision of an area whose one member reports anew."""
        report = MemberReport("m", 1_000_000.0 + now_s, power_w, 0.0, 0.0)
        return self._step(AreaInputs((), {}, {"m": report}, enrolled=("m",), answers=answers), now_s)

    def _step(self, inputs: SiteInputs | AreaInputs, now_s: float) -> list[Ask]:
        done = GUEST.step(self.state, inputs, at(now_s))
        self.state, self.outputs = done.state, done.outputs
        return [one for one in done.outputs if isinstance(one, Ask)]

    @property
    def limits(self) -> list[float]:
        return [one.want.limit for one in self.outputs if isinstance(one, Claim) and isinstance(one.want, Bound)]

    @property
    def alarms(self) -> list[str]:
        found = [alarm_of(one) for one in self.outputs if isinstance(one, Message)]
        return [one.text for one in found if one is not None]

    @property
    def wakes(self) -> list[float]:
        return [one.moment.at_s - 1_000_000.0 for one in self.outputs if isinstance(one, WakeAt)]


def letter(name: str, size: int = 2) -> Message:
    """One that came down from an area."""
    return Message("guest", "house", "feeder", "word", name, b"x" * size)


def shown(asks: list[Ask]) -> list[str]:
    """The letters in the one turn that is asked."""
    (ask,) = asks
    assert isinstance(ask.problem, Turn)
    return [one.id for one in ask.problem.inputs.messages]


def stepped(number: int, *outputs: Said, own: Keepsake | None = None) -> Answer:
    """The answer to the turn of that number."""
    return Answer("guest", str(number), Stepped(outputs, own))


def test_it_is_asked_at_birth_and_then_when_something_differs_and_never_twice_at_a_time() -> None:
    talk = Talk()
    (first,) = talk.look(0.0)
    assert isinstance(first.problem, Turn)
    assert (first.id, first.problem.options, first.problem.own) == ("1", GUEST.options, None)
    assert talk.look(0.1, 5.0) == []  # still being asked
    (second,) = talk.look(0.2, 5.0, stepped(1))
    assert second.id == "2"
    assert talk.look(0.3, 5.0, stepped(2)) == []  # time alone is nothing new
    assert talk.look(9.0, 5.0) == []
    assert [one.id for one in talk.look(9.1, 6.0)] == ["3"]


def test_what_it_said_stands_until_it_says_other_or_its_time_is_over() -> None:
    talk = Talk()
    talk.look(0.0)
    talk.look(0.1, 0.0, stepped(1, claim(60.0)))
    assert talk.limits == [500.0]
    talk.look(59.9)
    assert talk.limits == [500.0]
    talk.look(60.0)
    assert talk.limits == []


def test_the_next_answer_takes_the_place_of_the_last_whole() -> None:
    talk = Talk()
    talk.look(0.0)
    talk.look(0.1, 1.0, stepped(1, claim(60.0)))
    talk.look(0.2, 1.0, stepped(2, claim(60.0, 300.0)))
    assert talk.limits == [300.0]
    talk.look(0.3, 2.0)
    talk.look(0.4, 2.0, stepped(3))
    assert talk.limits == []


def test_it_is_called_when_it_wanted_to_be() -> None:
    talk = Talk()
    talk.look(0.0)
    talk.look(0.1, 0.0, stepped(1, WakeAt(Moment(OWN, 1_000_030.0))))
    assert talk.wakes == [30.0]
    assert talk.look(29.9) == []
    assert [one.id for one in talk.look(30.0)] == ["2"]
    assert talk.wakes == []


@pytest.mark.parametrize(("again", "asked"), [(True, 1), (False, 0)])
def test_a_failure_is_an_alarm_until_a_step_succeeds_and_what_stands_stands(again: bool, asked: int) -> None:
    talk = Talk()
    talk.look(0.0)
    talk.look(0.1, 1.0, stepped(1, claim(60.0)))
    more = talk.look(0.2, 1.0, Answer("guest", "2", Failed("it broke", again)))
    assert (talk.limits, talk.alarms, len(more)) == ([500.0], ["it broke"], asked)
    talk.look(0.3, 7.0)
    talk.look(0.4, 7.0, Answer("guest", "3", Failed("it broke", again)))
    assert talk.alarms == ["it broke (2 times in a row)"]
    talk.look(0.5, 8.0)
    talk.look(0.6, 8.0, stepped(4))
    assert (talk.limits, talk.alarms) == ([], [])


def test_a_question_that_was_not_put_is_no_failure_and_is_put_anew() -> None:
    talk = Talk()
    talk.look(0.0)
    assert [one.id for one in talk.look(0.1, 0.0, Answer("guest", "1", Failed("", again=True)))] == ["2"]
    assert talk.alarms == []


def test_an_answer_to_another_turn_is_not_heard() -> None:
    talk = Talk()
    talk.look(0.0)
    talk.look(0.1, 0.0, stepped(7, claim(60.0)))
    assert talk.limits == []


def test_an_answer_that_never_comes_is_waited_for_no_longer_than_two_minutes() -> None:
    talk = Talk()
    talk.look(0.0)
    assert talk.look(120.0) == []
    assert [one.id for one in talk.look(120.1)] == ["2"]


def test_after_a_restart_what_was_claimed_stands_and_what_was_kept_is_brought_back() -> None:
    talk = Talk()
    talk.look(0.0)
    talk.look(0.1, 0.0, stepped(1, claim(60.0), own=OWN_MEMORY))
    assert talk.state.durable == Remembered(OWN_MEMORY, (claim(60.0),))
    again = Talk(replace(GUEST.empty(), durable=talk.state.durable))
    (ask,) = again.look(30.0)
    assert again.limits == [500.0]
    assert isinstance(ask.problem, Turn)
    assert ask.problem.own == OWN_MEMORY
    late = Talk(replace(GUEST.empty(), durable=talk.state.durable))
    late.look(61.0)
    assert late.limits == []


def test_one_that_wants_nothing_kept_costs_the_ledger_nothing() -> None:
    talk = Talk()
    talk.look(0.0)
    talk.look(0.1, 0.0, stepped(1))
    assert talk.state.durable is None


def test_in_an_area_a_report_that_tells_nothing_new_is_no_reason_to_ask() -> None:
    talk = Talk()
    assert len(talk.rounds(0.0)) == 1
    grant = Grant("m", "share", (ImportLimit(1000.0),))
    assert talk.rounds(1.0, 0.0, stepped(1, grant)) == []
    assert grant in talk.outputs
    assert talk.rounds(2.0) == []
    assert grant not in talk.outputs  # the coordinator keeps it
    assert len(talk.rounds(3.0, 50.0)) == 1


def test_letters_that_come_during_a_turn_are_shown_in_the_next_each_once() -> None:
    talk = Talk()
    assert shown(talk.look(0.0, 0.0, letter("a"))) == ["a"]
    assert talk.look(0.1, 0.0, letter("b")) == []
    assert talk.look(0.2, 0.0, letter("c")) == []
    assert shown(talk.look(0.3, 0.0, stepped(1))) == ["b", "c"]
    assert talk.look(0.4, 0.0, stepped(2)) == []
    assert shown(talk.look(0.5, 1.0)) == []


@pytest.mark.parametrize(
    ("again", "why", "next_"), [(True, "", ["a"]), (True, "it broke", []), (False, "it broke", None)]
)
def test_letters_of_a_turn_that_was_not_put_come_again_those_of_one_that_failed_are_lost(
    again: bool, why: str, next_: list[str] | None
) -> None:
    talk = Talk()
    talk.look(0.0, 0.0, letter("a"))
    asks = talk.look(0.1, 0.0, Answer("guest", "1", Failed(why, again)))
    assert (shown(asks) if asks else None) == next_


def test_more_than_256_letters_take_two_turns_and_more_than_4096_are_lost_with_an_alarm() -> None:
    talk = Talk()
    assert len(shown(talk.look(0.0, 0.0, *[letter("a")] * 300))) == 256
    assert len(shown(talk.look(0.1, 0.0, stepped(1)))) == 44
    talk.look(0.2, 0.0, *[letter("b")] * 4096)
    assert talk.alarms == []
    talk.look(0.3, 0.0, letter("c"))
    assert talk.alarms == ["1 letters are lost: it does not read as fast as they come"]
    talk.look(0.4, 0.0, stepped(2))
    assert talk.alarms == []


def test_letters_of_more_than_4_mib_are_lost_with_an_alarm() -> None:
    talk = Talk()
    talk.look(0.0)
    talk.look(0.1, 0.0, *[letter("a", 65_536)] * 64)
    assert talk.alarms == []
    talk.look(0.2, 0.0, letter("b", 1))
    assert talk.alarms == ["1 letters are lost: it does not read as fast as they come"]


def test_its_letters_leave_once_and_its_alarms_stand() -> None:
    talk = Talk()
    talk.look(0.0)
    said = replace(letter("up"), to="feeder", sender="house")
    raised = message_of(Alarm("guest", "pv", "look at it"), "house")
    talk.look(0.1, 0.0, stepped(1, said, raised))
    assert [one for one in talk.outputs if isinstance(one, Message)] == [said, raised]
    talk.look(0.2)
    assert [one for one in talk.outputs if isinstance(one, Message)] == [raised]


def test_its_problem_is_asked_once_and_the_answer_shown_under_its_own_name() -> None:
    talk = Talk()
    talk.look(0.0)
    posed = Ask("1", Posed(7), Moment(OWN, 1_000_005.0))
    (ask,) = talk.look(0.1, 0.0, stepped(1, posed))
    # Its own "1" is none of the numbers of turns.
    assert (ask.id, ask.problem, ask.deadline) == ("problem 1", Posed(7), posed.deadline)
    (turn,) = talk.look(0.2, 0.0, Answer("guest", "problem 1", "solved"))
    assert isinstance(turn.problem, Turn)
    assert turn.problem.inputs.answers == (Answer("guest", "1", "solved"),)


def test_what_it_says_on_receipt_stands_over_a_restart_until_its_next_step_or_five_minutes_of_failing() -> None:
    said = Receipt(Mode.LOAD_DISPATCH)
    talk = Talk()
    talk.look(0.0)
    talk.look(0.1, 1.0, stepped(1, said))
    assert talk.state.durable == Remembered(receipts=(said,))
    again = Talk(replace(GUEST.empty(), durable=talk.state.durable))
    again.look(0.0)
    again.look(1.0, 1.0, Answer("guest", "1", Failed("it broke", again=False)))
    again.look(300.0, 1.0)
    assert again.state.durable == talk.state.durable
    again.look(300.1, 1.0)
    assert again.state.durable == Remembered()
    talk.look(0.2, 1.0, stepped(2))
    assert talk.state.durable == Remembered()


def test_one_that_wants_to_be_called_at_once_for_ever_is_called_twenty_times_a_second() -> None:
    talk = Talk()
    now = WakeAt(Moment(OWN, 0.0))
    talk.look(0.0)
    assert talk.look(0.01, 0.0, stepped(1, now)) == []
    assert talk.wakes == [pytest.approx(0.05)]
    assert [one.id for one in talk.look(0.06)] == ["2"]


def test_so_many_grants_to_a_member_stand_at_a_time_and_no_more() -> None:
    """A new subject with every step: each would be a lease that lives for as long as the area."""
    talk = Talk()
    grants = [Grant("m", f"share-{number}", (ImportLimit(1000.0),)) for number in range(17)]
    talk.rounds(0.0)
    talk.rounds(1.0, 0.0, stepped(1, *grants[:16]))
    assert talk.alarms == []
    talk.rounds(2.0, 1.0)
    talk.rounds(3.0, 1.0, stepped(2, grants[16]))
    assert talk.alarms == ["it grants m more than 16 subjects at a time"]
    assert grants[16] not in talk.outputs
    talk.rounds(4.0, 2.0)
    talk.rounds(5.0, 2.0, stepped(3, Grant("m", "share-0"), grants[16]))
    assert talk.alarms == []
    assert grants[16] in talk.outputs


def test_grants_of_one_that_fails_for_five_minutes_are_taken_back() -> None:
    talk = Talk()
    talk.rounds(0.0)
    talk.rounds(1.0, 0.0, stepped(1, Grant("m", "share", (ImportLimit(1000.0),))))
    talk.rounds(2.0, 1.0)
    talk.rounds(3.0, 1.0, Answer("guest", "2", Failed("it broke", again=False)))
    assert Grant("m", "share") not in talk.outputs
    talk.rounds(301.0, 1.0)
    assert Grant("m", "share") not in talk.outputs
    talk.rounds(301.1, 1.0)
    assert Grant("m", "share") in talk.outputs
    talk.rounds(302.0, 1.0)
    assert Grant("m", "share") not in talk.outputs
