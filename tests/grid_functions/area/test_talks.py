"""A coordination's certificate against the central optimum; who is late, absent or wrong harms nobody."""

from dataclasses import replace

import numpy as np
import pytest

from gateway.solver import Solver
from grid_functions.area import talks
from grid_functions.area.central import central
from grid_functions.area.peak import Column, Demand, Priced, dual, master, planned, pull_after
from grid_functions.area.talks import Reply
from tests.grid_functions.area.fleet import CHARGE, HORIZON, STEPS, Followers, cars, hold, terms_of

COUNT = 6


@pytest.fixture(scope="module")
def optimum() -> tuple[float, float]:
    """Cost and peak of the best there is, kW."""
    homes, tariffs = cars(COUNT)
    whole = central(homes, tariffs, Demand(CHARGE, np.zeros(STEPS)))
    solution = Solver().solve(whole.problem)
    load_kw = sum(plan.net_w for plan in whole.plans(solution)) / 1000.0
    return solution.objective, float(np.max(load_kw))


def test_the_bounds_hold_the_central_optimum_between_them(optimum: tuple[float, float]) -> None:
    homes, tariffs = cars(COUNT)
    done = hold(terms_of(homes), Followers(homes, tariffs))
    assert done.best is not None
    assert done.gap <= 0.001
    assert done.lower - 1e-6 <= optimum[0] <= done.best.cost + 1e-6
    assert done.best.peak_kw <= 1.02 * optimum[1]


def test_the_plan_is_a_mixture_of_each_homes_own_replies() -> None:
    homes, tariffs = cars(COUNT)
    terms = terms_of(homes)
    done = hold(terms, Followers(homes, tariffs))
    assert done.best is not None
    for mine in talks.weights_of(done, terms).values():
        assert sum(weight for _, weight in mine) == pytest.approx(1.0)
        assert all(weight > 0 and 0 <= number < len(done.prices) for number, weight in mine)
    profiles = sum(talks.profile_of(member, done, terms) for member in terms.base_kw)
    assert profiles == pytest.approx(done.best.load_kw, abs=1e-3)


def test_the_price_alone_is_no_plan() -> None:
    """Homes that answer the same price alike: all cars charge in the cheapest hour, far over the plan's peak."""
    homes, tariffs = cars(COUNT)
    terms = terms_of(homes)
    followers = Followers(homes, tariffs)
    done = hold(terms, followers)
    assert done.best is not None
    last = done.prices[done.centre]
    free = sum(followers.answer(member, last).net_kw for member in terms.base_kw)
    assert float(np.max(free)) > 1.2 * done.best.peak_kw


def test_few_groups_find_the_same_plan_in_more_rounds() -> None:
    homes, tariffs = cars(COUNT)
    each = hold(terms_of(homes, gap=0.005), Followers(homes, tariffs))
    two = hold(terms_of(homes, gap=0.005, groups=2), Followers(homes, tariffs))
    assert two.gap <= 0.005
    assert len(two.prices) >= len(each.prices)


def test_late_homes_answer_open_prices_and_the_gap_closes() -> None:
    homes, tariffs = cars(COUNT)
    done = hold(
        terms_of(homes, gap=0.005),
        Followers(homes, tariffs),
        lambda member, number: (int(member[-2:]) + number) % 4 == 0,
    )
    assert done.gap <= 0.005
    assert done.absent == frozenset()


def test_who_never_answers_is_counted_at_its_baseline_and_named() -> None:
    homes, tariffs = cars(COUNT)
    terms = terms_of(homes, gap=0.005)
    done = hold(terms, Followers(homes, tariffs), lambda member, number: member == "home-03")
    told = talks.certificate(done, terms)
    assert told is not None
    assert told.missing == ("home-03",)
    assert told.gap <= 0.005
    assert talks.profile_of("home-03", done, terms) == pytest.approx(np.full(STEPS, 3.0))


def test_nobody_waits_for_who_answered_what_cannot_be_taken() -> None:
    """home-01 would draw 50 kW where it is connected with 12; asked again, it would answer the same."""
    terms = replace(terms_of(cars(2)[0]), most_kw={"home-00": 12.0, "home-01": 12.0})
    beyond = replace(reply(), net_kw=np.full(STEPS, 50.0))
    first = talks.heard(talks.begin(terms), [("home-01", 0, beyond)], terms)
    assert not talks.complete(first, terms)
    second = talks.heard(first, [("home-00", 0, reply())], terms)
    assert talks.complete(second, terms)
    assert second.refused.keys() == {"home-01"}
    assert talks.unanswered(second, terms) == {"home-01": (0,)}


def test_silence_counts_once_patience_is_over_and_no_round_sooner() -> None:
    """Two rounds of patience, of one price each: home-01 is waited for after the first, and counted at its baseline after the second."""
    terms = terms_of(cars(2)[0])
    first = talks.closed_round(talks.heard(talks.begin(terms), [("home-00", 0, reply())], terms), terms)
    assert first.absent == frozenset()
    second = talks.with_prices(first, [Priced(np.full(STEPS, CHARGE / STEPS), 0.0)])
    assert talks.closed_round(talks.heard(second, [("home-00", 1, reply())], terms), terms).absent == {"home-01"}


def test_few_members_are_posted_several_prices_a_round_and_many_one() -> None:
    """The first round is one price; of each later round the last is the nearest to the centre."""
    assert [talks.posts_of(members) for members in (1, 20, 21, 100, 101, 1000)] == [4, 4, 3, 3, 1, 1]
    homes, tariffs = cars(COUNT)
    terms = terms_of(homes)
    done = hold(terms, Followers(homes, tariffs))
    assert done.firsts == (0, *range(1, len(done.prices), 4))
    assert len(done.prices) == 1 + 4 * done.round
    pulls = talks.pulls_of(done, terms)
    assert pulls == tuple(sorted(pulls))
    assert pulls[-1] == done.pull
    told = talks.certificate(done, terms)
    assert told is not None
    assert told.rounds == done.round + 1


def test_a_limit_is_kept_by_the_plan() -> None:
    """The flat share of 6 homes is under 12 kW; the plan without a limit peaks higher than with one of 14 kW."""
    homes, tariffs = cars(COUNT)
    terms = terms_of(homes, gap=0.01)
    limited = talks.Terms(
        Demand(0.0001, np.zeros(STEPS), limit_kw=14.0, beyond=2.0), terms.base_kw, terms.most_kw, gap=0.01, rounds=60
    )
    done = hold(limited, Followers(homes, tariffs))
    assert done.best is not None
    assert done.best.peak_kw <= 14.0 + 0.05
    assert done.gap <= 0.01


def reply(value: float = 1.0, cost: float = 1.0, steps: int = STEPS) -> Reply:
    return Reply(cost, np.full(steps, value))


@pytest.mark.parametrize(
    ("member", "number", "answer", "why"),
    [
        ("stranger", 0, reply(), "no member"),
        ("home-00", 1, reply(), "never posted"),
        ("home-00", -1, reply(), "never posted"),
        ("home-00", 0, reply(steps=STEPS - 1), "values"),
        ("home-00", 0, reply(float("nan")), "finite"),
        ("home-00", 0, reply(float("inf")), "finite"),
        ("home-00", 0, reply(cost=float("nan")), "finite"),
        ("home-00", 0, reply(21.0), "connected"),
        ("home-00", 0, reply(-21.0), "connected"),
    ],
)
def test_a_wrong_reply_is_named_and_changes_nothing(member: str, number: int, answer: Reply, why: str) -> None:
    terms = terms_of(cars(COUNT)[0])
    after = talks.heard(talks.begin(terms), [(member, number, answer)], terms)
    assert why in after.refused[member]
    assert after.replies.get(member, {}) == {}


def test_the_first_answer_counts() -> None:
    terms = terms_of(cars(COUNT)[0])
    after = talks.heard(talks.begin(terms), [("home-00", 0, reply(1.0)), ("home-00", 0, reply(2.0))], terms)
    assert after.replies["home-00"][0].net_kw[0] == 1.0
    assert "second time" in after.refused["home-00"]


def test_a_round_is_complete_when_all_have_answered_its_own_prices_whoever_owes_one_of_before() -> None:
    """Prices 0, then 1 and 2. home-01 never answered 0: that delays no later round. Without its answer to 2 there is none."""
    terms = terms_of(cars(2)[0])
    held = talks.heard(talks.begin(terms), [("home-00", 0, reply())], terms)
    assert not talks.complete(held, terms)
    priced = Priced(np.full(STEPS, CHARGE / STEPS), 0.0)
    held = talks.with_prices(held, [priced, priced])
    answers = [(member, number, reply()) for number in (1, 2) for member in ("home-00", "home-01")]
    assert not talks.complete(talks.heard(held, answers[:-1], terms), terms)
    assert talks.complete(talks.heard(held, answers, terms), terms)


def test_a_liar_about_its_cost_moves_the_certificate_and_no_limit() -> None:
    """Its f a thousand too low shifts both bounds by as much and leaves the plan's power within what it is connected with."""
    homes, tariffs = cars(COUNT)

    class Liars(Followers):
        def answer(self, member: str, price: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Reply:
            honest = super().answer(member, price)
            return Reply(honest.cost - 1000.0 * (member == "home-00"), honest.net_kw)

    terms = terms_of(homes, gap=1e-5, rounds=25)
    honest, lied = hold(terms, Followers(homes, tariffs)), hold(terms, Liars(homes, tariffs))
    assert honest.best is not None
    assert lied.best is not None
    assert lied.lower == pytest.approx(honest.lower - 1000.0, abs=0.5)
    assert lied.best.peak_kw == pytest.approx(honest.best.peak_kw, rel=0.05)


def test_two_columns_by_hand() -> None:
    """One group, 2 kW first or 2 kW second at the same cost: half of each peaks at 1 kW, worth 0.5 less at 0.5 per kW."""
    columns = (Column(0, 3.0, np.array([2.0, 0.0])), Column(0, 3.0, np.array([0.0, 2.0])))
    demand = Demand(0.5, np.zeros(2))
    found = planned(Solver().solve(master(columns, 1, demand)), columns, demand)
    assert found.weights == pytest.approx([0.5, 0.5])
    assert found.peak_kw == pytest.approx(1.0)
    assert found.cost == pytest.approx(3.5)
    assert dual(columns[:1], np.array([0.25, 0.25]), demand) == pytest.approx(3.5)


def test_prices_are_never_negative_and_add_up_to_the_charge() -> None:
    homes, tariffs = cars(COUNT)
    done = hold(terms_of(homes), Followers(homes, tariffs))
    for price in done.prices:
        assert np.all(price >= 0)
        assert price.sum() == pytest.approx(CHARGE)
    assert HORIZON.step_h == 1.0


def test_a_price_that_the_pull_held_at_the_centre_lets_go() -> None:
    """It is heard as the bound itself: with the same pull the same price would be posted for ever."""
    assert pull_after(100.0, 5.0, 5.0, 5.2) == 50.0
    assert pull_after(100.0, 5.0, 4.9, 5.2) == pytest.approx(140.0)
    assert pull_after(100.0, 5.0, 5.1, 5.2) == pytest.approx(70.0)
    assert pull_after(100.0, 5.0, 5.01, 5.2) == 100.0
