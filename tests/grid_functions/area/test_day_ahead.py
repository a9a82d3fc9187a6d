"""The leader as a machine: messages in, prices, problems, agreement and leases out."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gateway.ledger.codec import Codec
from gateway.solver import Solver
from grid_functions import letters
from grid_functions.alarm import alarm_of
from grid_functions.area.day_ahead import NAME, DayAhead, DayAheadDurable, DayAheadOptions, DayAheadState
from grid_functions.area.tracking import AFTER_S
from grid_functions.building.program import Problem
from grid_functions.letters import Agreed, Prices, Profile, Way
from grid_functions.model.errors import ConfigurationFault
from grid_functions.model.function import Answer, AreaInputs, Ask, WakeAt
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.lease import Grant, MemberReport, Message
from tests.grid_functions.area.fleet import STEPS, Followers, cars

MEMBERS = tuple(f"home-{i:02}" for i in range(4))
OPTIONS = DayAheadOptions(
    charge=0.5,
    begins_s=0.0,
    lead_s=1800.0,
    step_s=3600.0,
    steps=STEPS,
    round_s=30.0,
    gap=0.005,
    base_kw=3.0,
    most_kw=20.0,
)
MIDNIGHT = 86_400.0 * 20_000
BEGIN = Message(NAME, NAME, "operator", "begin", "1", b"{}")

Tamper = Callable[[Message], list[Message]]


def honest(message: Message) -> list[Message]:
    """What a member writes arrives as it is."""
    return [message]


class Area:
    """The leader, its members and a solver, in one place; time moves when nobody has anything to say."""

    def __init__(
        self, options: DayAheadOptions = OPTIONS, tamper: Tamper = honest, utc_s: float = MIDNIGHT + 5.0
    ) -> None:
        self.function = DayAhead(options)
        self.state: DayAheadState = self.function.empty()
        self.utc_s = utc_s
        self.grants: list[Grant] = []
        self.alarms: list[str] = []
        self.agreed: dict[str, Agreed] = {}
        self.prices: list[tuple[str, int]] = []
        self.wake: Moment | None = None
        self._followers, self._solver, self._tamper = Followers(*cars(len(MEMBERS))), Solver(), tamper
        self._messages: list[Message] = []
        self._answers: list[Answer] = []
        self.solve: Callable[[Problem], object] = self._solver.solve

    def step(self, **told: Any) -> None:
        """One step with what came since."""
        inputs = AreaInputs((), {}, {}, enrolled=MEMBERS, messages=tuple(self._messages), answers=tuple(self._answers))
        self._messages, self._answers = [], []
        now = Instants(self.utc_s - MIDNIGHT, self.utc_s)
        done = self.function.step(self.state, replace(inputs, **told), now)
        self.state = done.state
        for one in done.outputs:
            if isinstance(one, Ask):
                assert isinstance(one.problem, Problem)
                self._answers.append(Answer(NAME, one.id, self.solve(one.problem)))
            elif isinstance(one, Grant):
                self.grants.append(one)
            elif isinstance(one, WakeAt):
                self.wake = one.moment
            elif isinstance(one, Message):
                self._deliver(one)

    def run(self, most: int = 400) -> None:
        """Until the talks are over."""
        self.step(orders=(BEGIN,))
        for _ in range(most):
            if self.state.session is None:
                return
            if not self._messages and not self._answers:
                assert self.wake is not None
                self.utc_s = max(self.utc_s + 1.0, self.wake.at_s)
            self.step()
        raise AssertionError("the talks never end")

    def _deliver(self, message: Message) -> None:
        alarm = alarm_of(message)
        if alarm is not None:
            self.alarms.append(f"{alarm.subject}: {alarm.text}")
            return
        letter = letters.read(message, Way.DOWN)
        if isinstance(letter, Agreed):
            self.agreed[message.to] = letter
        if isinstance(letter, Prices):
            self.prices.append((message.to, letter.round))
            price = np.array(letter.added) * letter.step_s / 3600.0
            reply = self._followers.answer(message.to, price)
            profile = Profile(letter.talks, letter.round, reply.cost, tuple(reply.net_kw.tolist()))
            self._messages += self._tamper(letters.write(profile, NAME, NAME, message.to, message.id))


@pytest.fixture(scope="module")
def held() -> Area:
    area = Area()
    area.run()
    return area


def test_the_talks_end_in_a_plan_with_a_certificate(held: Area) -> None:
    agreement = held.state.durable.agreement
    assert agreement is not None
    assert agreement.certificate.gap <= 0.005
    assert agreement.certificate.missing == ()
    assert held.alarms == []
    total = np.sum([agreement.profiles[member] for member in MEMBERS], axis=0)
    assert float(np.max(total)) == pytest.approx(agreement.certificate.peak_kw, abs=1e-3)


def test_every_member_is_told_its_own_profile_and_weights(held: Area) -> None:
    agreement = held.state.durable.agreement
    assert agreement is not None
    for member in MEMBERS:
        told = held.agreed[member]
        assert told.net_kw == agreement.profiles[member]
        assert sum(told.weights) == pytest.approx(1.0)


def test_the_plan_is_leased_from_its_start_and_taken_back_at_its_end(held: Area) -> None:
    """The talks begin 5 s after midnight, so the plan starts at the next whole hour at least half an hour later: 1:00."""
    assert {grant.member for grant in held.grants} == set(MEMBERS)
    assert all(len(grant.series) == STEPS and grant.start_utc_s == MIDNIGHT + 3600.0 for grant in held.grants)
    later = Area()
    later.state = DayAheadState(durable=held.state.durable)
    later.utc_s = MIDNIGHT + 7200.0
    later.step()
    assert all(not grant.nothing for grant in later.grants)
    later.grants.clear()
    later.utc_s = MIDNIGHT + (1 + STEPS) * 3600.0
    later.step()
    assert {grant.member for grant in later.grants if grant.nothing} == set(MEMBERS)


def test_after_a_restart_it_is_leased_again_and_no_talks_begin(held: Area) -> None:
    born = Area(utc_s=MIDNIGHT + 1200.0)
    born.state = DayAheadState(durable=held.state.durable)
    born.step()
    assert born.state.session is None
    assert len(born.grants) == len(MEMBERS)


def test_talks_begin_at_their_time_of_day_and_once() -> None:
    area = Area()
    area.step()
    assert area.state.session is not None
    area = Area(utc_s=MIDNIGHT + 1801.0)
    area.step()
    assert area.state.session is None, "too late for a plan that starts half an hour after midnight"


def fed(area: Area, at_s: float, power_w: float, seconds: int = 60) -> None:
    """Two reports of a member, so far apart, the first ``at_s`` after midnight."""
    for second in (0, seconds):
        area.utc_s = MIDNIGHT + at_s + second
        area.step(members={MEMBERS[0]: MemberReport(MEMBERS[0], area.utc_s, power_w, 0.0, 5000.0)})


def test_delivery_is_measured_until_two_hours_after(held: Area) -> None:
    """The plan begins an hour after midnight. 1.2 kW for a minute in it are 20 Wh, 3 kW for one after it 50 Wh; later nothing counts."""
    start_s, end_s = 3600.0, (1 + STEPS) * 3600.0
    area = Area()
    area.state = DayAheadState(durable=held.state.durable)
    fed(area, start_s - 100.0, 9000.0)
    fed(area, 7200.0, 1200.0)
    found = area.state.delivery
    assert found is not None
    assert (found.during.start_utc_s, found.during.end_utc_s) == (MIDNIGHT + start_s, MIDNIGHT + end_s)
    assert (found.after.start_utc_s, found.after.end_utc_s) == (MIDNIGHT + end_s, MIDNIGHT + end_s + AFTER_S)
    fed(area, end_s + 600.0, 3000.0)
    fed(area, end_s + AFTER_S + 10.0, 9000.0)
    told = area.function.told(area.state)["delivery"][MEMBERS[0]]
    profile = held.state.durable.agreement.profiles[MEMBERS[0]] if held.state.durable.agreement else ()
    assert told == {
        "planned_wh": pytest.approx(1000.0 * (profile[0] + profile[1] / 60.0), abs=0.1),
        "taken_wh": 20.0,
        "measured_s": 60,
        "after_wh": 50.0,
        "after_measured_s": 60,
    }


def test_a_stretch_over_the_end_of_a_plan_is_parted_there(held: Area) -> None:
    """Half a minute of 1.2 kW on either side: 10 Wh each."""
    area = Area()
    area.state = DayAheadState(durable=held.state.durable)
    fed(area, (1 + STEPS) * 3600.0 - 30.0, 1200.0)
    told = area.function.told(area.state)["delivery"][MEMBERS[0]]
    assert (told["taken_wh"], told["after_wh"]) == (10.0, 10.0)


def test_what_is_measured_is_kept_each_hour_and_at_the_end_and_outlives_a_restart(held: Area) -> None:
    area = Area()
    area.state = DayAheadState(durable=held.state.durable)
    fed(area, 7200.0, 1200.0)
    assert area.state.durable == held.state.durable
    fed(area, 7200.0 + 3600.0, 1200.0)
    kept = area.state.durable.delivery
    assert kept is not None
    again = Area()
    again.state = DayAheadState(durable=area.state.durable)
    fed(again, 7200.0 + 3700.0, 1200.0)
    assert again.function.told(again.state)["delivery"][MEMBERS[0]]["measured_s"] >= 120
    end_s = (1 + STEPS) * 3600.0 + AFTER_S
    again.state = replace(again.state, kept_utc_s=MIDNIGHT + end_s)
    fed(again, end_s - 100.0, 600.0)
    assert again.state.durable.delivery == kept
    again.utc_s = MIDNIGHT + end_s + 200.0
    again.step()
    assert again.state.durable.delivery == again.state.delivery != kept


def test_what_members_take_changes_nothing_that_is_kept(held: Area) -> None:
    """All profiles are one entry: of a thousand homes two megabytes, which were written every ten seconds, day and night."""
    area = Area(utc_s=MIDNIGHT + 7200.0)
    area.state = DayAheadState(durable=held.state.durable)
    for second in (0.0, 60.0):
        report = MemberReport(MEMBERS[0], MIDNIGHT + 7200.0 + second, 1200.0, 0.0, 5000.0)
        area.step(members={MEMBERS[0]: report})
        assert area.state.durable == held.state.durable


def test_a_ledger_of_before_is_read(held: Area) -> None:
    codec = Codec((DayAheadDurable,))
    kind, version, body = codec.encode(held.state.durable)
    before = json.loads(body) | {"meter": {"start_utc_s": 0.0, "end_utc_s": 1.0, "last": {}, "sums": {}}}
    assert version == 2
    assert codec.decode(kind, 1, json.dumps(before).encode()) == held.state.durable


def test_a_member_that_answers_nothing_is_named_and_gets_no_lease() -> None:
    area = Area(tamper=lambda message: [] if message.sender == MEMBERS[2] else [message])
    area.run()
    agreement = area.state.durable.agreement
    assert agreement is not None
    assert agreement.certificate.missing == (MEMBERS[2],)
    assert agreement.profiles[MEMBERS[2]] == (3.0,) * STEPS
    assert {grant.member for grant in area.grants} == set(MEMBERS) - {MEMBERS[2]}


def test_whatever_one_member_writes_the_others_agree() -> None:
    """It answers twice, for another round, for another's talks, with what is no letter, and at last far too much."""

    def nonsense(message: Message) -> list[Message]:
        if message.sender != MEMBERS[1]:
            return [message]
        letter = letters.read(message, Way.UP)
        return [
            replace(message, body=b"\xff" + message.body),
            letters.write(replace(letter, round=99), NAME, NAME, message.sender, "x"),
            letters.write(replace(letter, talks="other"), NAME, NAME, message.sender, "x"),
            letters.write(replace(letter, net_kw=(1e9,) * STEPS), NAME, NAME, message.sender, "x"),
            message,
            letters.write(replace(letter, cost=-5.0), NAME, NAME, message.sender, "x"),
        ]

    area = Area(tamper=nonsense)
    area.run()
    agreement = area.state.durable.agreement
    assert agreement is not None
    assert agreement.certificate.gap <= 0.005
    assert agreement.certificate.missing == ()
    assert any(told.startswith(MEMBERS[1]) for told in area.alarms)
    assert [who for who, _ in agreement.certificate.refused] == [MEMBERS[1]]


def test_a_member_cannot_answer_for_another() -> None:
    """The sender is whoever the channel says, not what the letter says: a stranger's reply is named and not counted."""
    area = Area(tamper=lambda message: [message, replace(message, sender="stranger")])
    area.run()
    agreement = area.state.durable.agreement
    assert agreement is not None
    assert dict(agreement.certificate.refused)["stranger"] == "no member of this coordination"
    assert "stranger" not in agreement.profiles


def test_a_solver_that_never_answers_in_time_ends_the_talks_without_harm() -> None:
    area = Area()
    area.solve = lambda problem: None
    area.run()
    assert area.state.durable.agreement is None
    assert area.grants == []
    assert any("without any plan" in told for told in area.alarms)


def test_a_solver_that_fails_later_leaves_the_best_plan_so_far() -> None:
    area = Area()
    count = 0
    solver = Solver()

    def tired(problem: Problem) -> object:
        nonlocal count
        count += 1
        # Of six members: a plan and four prices a round.
        return solver.solve(problem) if count <= 10 else None

    area.solve = tired
    area.run()
    agreement = area.state.durable.agreement
    assert agreement is not None
    assert agreement.certificate.rounds == 3


def test_a_limit_that_cannot_be_reached_is_said() -> None:
    area = Area(replace(OPTIONS, limit_kw=1.0, beyond=1.0))
    area.run()
    assert any("cannot be reached" in told for told in area.alarms)


def test_options_out_of_range_are_all_named() -> None:
    with pytest.raises(ConfigurationFault) as found:
        DayAheadOptions(charge=-1.0, rounds=61, gap=0.0)
    assert len(found.value.mistakes) == 3
    with pytest.raises(ConfigurationFault, match="nothing to coordinate"):
        DayAheadOptions(charge=0.0)


def test_it_asks_to_be_woken_at_the_end_of_a_round() -> None:
    area = Area(tamper=lambda message: [])
    area.step(orders=(BEGIN,))
    assert area.wake == Moment(OWN, area.utc_s + 30.0)
