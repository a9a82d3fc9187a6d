"""Client procedures of CSIP-AUS end to end in simulated time: the desk's bytes in, the timeline's decisions, Responses at the desk."""

from typing import Any

import pytest

from grid_functions import outcomes
from grid_functions.model.control import Control, ExportLimit, GenerationLimit, ImportLimit, LoadLimit
from grid_functions.model.event import Read
from grid_functions.model.instants import Instants
from grid_functions.model.outcome import Outcome
from grid_functions.timeline.step import empty, step
from protocols.exchange import Tell, Tick
from tests.protocols.ieee2030_5.desk.talk import Talk
from tests.protocols.ieee2030_5.session.rig import LFDI, TERMS, gaps
from tests.protocols.ieee2030_5.test_client import a_policy
from tests.protocols.ieee2030_5.test_client_and_desk import Both

SEED = b"procedures"
LIMITS: dict[str, type[ExportLimit | GenerationLimit | ImportLimit | LoadLimit]] = {
    "opModExpLimW": ExportLimit,
    "opModGenLimW": GenerationLimit,
    "opModImpLimW": ImportLimit,
    "opModLoadLimW": LoadLimit,
}


class Site(Both):
    """Client, desk, and the timeline that decides on what was read. ``holds``: what is in force, (server time, W)."""

    def __init__(self, *, programs: int = 1, poll_s: int = 60, mode: str = "opModExpLimW") -> None:
        talk = Talk()
        talk.done("PATCH", "/settings", {"derp_poll_s": poll_s, "fsa_poll_s": poll_s})
        talk.done("POST", "/devices", {"lfdi": LFDI, "pin": 111115})
        for primacy in range(1, programs + 1):
            talk.done("POST", "/programs", {"primacy": primacy})
        super().__init__(talk, floor_s=5.0)
        self.state, self.book = empty(TERMS.respondent), outcomes.Book()
        self.policy = a_policy("utility", TERMS.respondent)
        self.holds: list[tuple[float, tuple[Control, ...]]] = []
        self._taken = 0
        self._mode = mode

    def pass_s(self, seconds: int) -> "Site":
        """Let time pass, deciding each second."""
        for _ in range(seconds):
            self.rig.run(1.0)
            self._decide(tuple(self.rig.reads[self._taken :]))
        return self

    def control(self, watts: int, start_in_s: int, duration_s: int, program: int = 1, **fields: Any) -> int:
        """The operator makes one; its number."""
        self.talk.now_s = self.rig.server.now()
        body = {"modes": {self._mode: watts}, "start_in_s": start_in_s, "duration_s": duration_s, **fields}
        number: int = self.talk.done("POST", f"/programs/{program}/controls", body)["number"]
        return number

    def default(self, watts: int, program: int = 1) -> None:
        """The operator sets a default."""
        self.talk.now_s = self.rig.server.now()
        self.talk.done("PUT", f"/programs/{program}/default", {"modes": {self._mode: watts}})

    def cancel(self, number: int) -> None:
        """The operator cancels."""
        self.talk.now_s = self.rig.server.now()
        self.talk.done("POST", f"/controls/{number}/cancel", {})

    def statuses(self, number: int) -> list[int]:
        """What the server has heard of a control, in order."""
        (told,) = self.talk.done("GET", f"/controls/{number}/responses")["devices"]
        found: list[int] = told["statuses"]
        return found

    @property
    def limits_w(self) -> list[float]:
        """The limits of its mode one after the other, without repeats."""
        found: list[float] = []
        for _, controls in self.holds:
            limit = next((one.limit_w for one in controls if isinstance(one, LIMITS[self._mode])), float("inf"))
            if not found or found[-1] != limit:
                found.append(limit)
        return found

    def _decide(self, reads: tuple[Read, ...]) -> None:
        self._taken = len(self.rig.reads)
        now = self.rig.instants()
        told = self.rig.state.clock.told(now.mono_s)
        now = Instants(now.mono_s, now.utc_s, {"utility": told})
        done = step(self.state, self.policy, reads, (), self.book.closed, now, seed=SEED)
        self.state = done.state
        made = outcomes.step(self.book, done.facts, now)
        self.book = made.book
        self.holds.append((told.now_s, tuple(one.control for one in done.in_force)))
        for outcome in made.outcomes:
            self._tell(outcome)
        self.rig.give(Tick())

    def _tell(self, outcome: Outcome) -> None:
        self.rig.give(Tell(outcome))


@pytest.fixture
def site() -> Site:
    found = Site()
    found.default(5000)
    return found.pass_s(30)


def test_the_order_of_answers_over_four_controls(site: Site) -> None:
    """ALL-18: completed 1 2 3, cancelled while it runs 1 2 6, cancelled before 1 6, superseded before its start 1 7."""
    first = site.control(1500, 120, 120)
    site.pass_s(400)
    second = site.control(1400, 120, 600)
    site.pass_s(240)
    site.cancel(second)
    site.pass_s(120)
    third = site.control(1300, 600, 300)
    site.pass_s(120)
    site.cancel(third)
    site.pass_s(120)
    fourth = site.control(1200, 600, 300)
    site.pass_s(120)
    newer = site.control(1100, 480, 300)  # the same ten minutes from now
    site.pass_s(120)
    assert [site.statuses(one) for one in (first, second, third, fourth)] == [[1, 2, 3], [1, 2, 6], [1, 6], [1, 7]]
    assert site.statuses(newer) == [1]
    assert site.refused() == []


def test_controls_back_to_back_leave_no_gap(site: Site) -> None:
    """ALL-21: each 1 2 3, and the default holds at no moment between the first and the last."""
    made = [site.control(1000 + n, 120 + 60 * n, 60) for n in range(24)]
    site.pass_s(120 + 24 * 60 + 60)
    assert [site.statuses(one) for one in made] == [[1, 2, 3]] * 24
    assert site.limits_w[-26:] == [5000.0, *(1000.0 + n for n in range(24)), 5000.0]


def test_every_list_is_polled_at_its_rate_meanwhile(site: Site) -> None:
    """ALL-06, ALL-21: no gap of 1.5 rates, no three rates with more than six polls."""
    made = [site.control(1000 + n, 120 + 60 * n, 60) for n in range(10)]
    site.pass_s(1200)
    assert len(made) == 10
    for path in ("/derp/1/derc", "/derp/1/dderc"):
        times = site.rig.gets(path)
        assert max(gaps(times)) <= 90
        assert all(sum(1 for other in times if at <= other <= at + 180) <= 6 for at in times)


def test_the_schedule_and_then_the_default_go_on_without_the_server(site: Site) -> None:
    """ALL-23: seven minutes of errors; a control begins and ends meanwhile, its answers follow."""
    made = site.control(1500, 120, 180)
    site.pass_s(90)
    site.rig.server.down = True
    site.pass_s(420)
    assert site.limits_w[-3:] == [5000.0, 1500.0, 5000.0]
    assert site.statuses(made) == [1]
    site.rig.server.down = False
    site.pass_s(180)
    assert site.statuses(made) == [1, 2, 3]
    again = site.control(1200, 60, 60)
    site.pass_s(240)
    assert site.statuses(again) == [1, 2, 3]


def test_one_limit_in_three_scales(site: Site) -> None:
    """ALL-24: 1500 x 10^0, 15 x 10^2, 150 x 10^1 W."""
    made = []
    for value, multiplier in ((1500, 0), (15, 2), (150, 1)):
        site.talk.now_s = site.rig.server.now()
        modes = {"opModExpLimW": {"value": value, "multiplier": multiplier}}
        body = {"modes": modes, "start_in_s": 120, "duration_s": 60}
        made.append(site.talk.done("POST", "/programs/1/controls", body)["number"])
        site.pass_s(300)
    assert [site.statuses(one) for one in made] == [[1, 2, 3]] * 3
    assert site.limits_w[-6:] == [1500.0, 5000.0] * 3


@pytest.mark.parametrize("mode", LIMITS)
def test_a_cancelled_control_is_back_at_the_default_within_a_minute(mode: str) -> None:
    """GEN-03, GEN-04, GEN-09, LOA-03, LOA-04, LOA-09, P-03: 1 2 6 for a control of a day."""
    site = Site(mode=mode)
    site.default(5000)
    site.pass_s(30)
    made = site.control(1500, 60, 86_400)
    site.pass_s(180)
    assert site.limits_w[-1] == 1500.0
    site.cancel(made)
    site.pass_s(66)
    assert site.limits_w[-1] == 5000.0
    site.pass_s(10)
    assert site.statuses(made) == [1, 2, 6]


@pytest.mark.parametrize("mode", LIMITS)
def test_five_limits_step_by_step(mode: str) -> None:
    """GEN-11, GEN-12, LOA-11, LOA-12."""
    site = Site(mode=mode)
    site.default(5000)
    site.pass_s(30)
    steps = [5000 - 900 * n for n in range(1, 6)]
    made = [site.control(watts, 120 + 120 * n, 120) for n, watts in enumerate(steps)]
    site.pass_s(120 + 600 + 30)
    assert [site.statuses(one) for one in made] == [[1, 2, 3]] * 5
    assert site.limits_w[-6:] == [float(watts) for watts in steps] + [5000.0]


@pytest.mark.parametrize("mode", LIMITS)
def test_a_limit_of_nothing(mode: str) -> None:
    """GEN-01, GEN-02, LOA-01, LOA-02: unconstrained (twice a rating of 5 kW), then 0."""
    site = Site(mode=mode)
    made = [site.control(10_000, 60, 120), site.control(0, 180, 120)]
    site.pass_s(320)
    assert site.limits_w == [float("inf"), 10_000.0, 0.0, float("inf")]
    assert [site.statuses(one) for one in made] == [[1, 2, 3]] * 2


def test_the_better_program_takes_over_from_the_running_one() -> None:
    """GEN-10: the loser had started, so 7; afterwards the best default holds."""
    site = Site(programs=2)
    site.default(5000, program=1)
    site.default(3000, program=2)
    site.pass_s(30)
    worse = site.control(2000, 60, 600, program=2)
    site.pass_s(180)
    assert site.limits_w[-1] == 2000.0
    better = site.control(1000, 60, 120, program=1)
    site.pass_s(300)
    assert (site.statuses(worse), site.statuses(better)) == ([1, 2, 7], [1, 2, 3])
    assert site.limits_w[-2:] == [1000.0, 5000.0]


def test_a_control_begun_a_minute_ago_is_started(site: Site) -> None:
    """ALL-30: found late, started (2) and ended where it would have."""
    site.talk.now_s = site.rig.server.now()
    body = {"modes": {"opModExpLimW": 1500}, "start_s": int(site.talk.now_s) - 60, "duration_s": 300}
    made = site.talk.done("POST", "/programs/1/controls", body)["number"]
    site.pass_s(90)
    assert site.statuses(made) == [1, 2]
    site.pass_s(180)
    assert site.statuses(made) == [1, 2, 3]


def test_a_changed_program_rate_is_adopted_both_ways(site: Site) -> None:
    """ALL-20: 60, 120, 60."""
    found = []
    for rate in (120, 60):
        site.talk.done("PATCH", "/settings", {"derp_poll_s": rate})
        site.pass_s(1200)
        times = site.rig.gets("/derp/1/derc")[-4:]
        found.append(round((times[-1] - times[0]) / 3 / 10) * 10)
    assert found == [120, 60]
