"""Days at a site in simulated time: its steward keeps them, learns from them at night, says how well, and plans by it."""

import math
from dataclasses import replace

import numpy as np
import pytest

from gateway.cli.phrases import learning
from gateway.ledger.codec import Codec
from gateway.solving import Solving
from grid_functions.building.civil import Civil
from grid_functions.building.diary import Diary
from grid_functions.building.dwelling import Dwelling, ZoneOf
from grid_functions.building.forecast import Sample
from grid_functions.building.heating import Heating, Zone, dynamics
from grid_functions.building.learning import History
from grid_functions.building.lesson import HOLDS_S, Lesson, Model, Taught, due, learnt
from grid_functions.building.options import HomeOptions
from grid_functions.building.program import Problem
from grid_functions.building.steward import HomeDurable, HomeState, Steward
from grid_functions.letters import Weather, write
from grid_functions.model.device import Capability, Condition, Nameplate, Role, Seen
from grid_functions.model.function import Answer, Ask, SiteInputs
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.lease import Message
from grid_functions.model.policy import DeviceTerms
from grid_functions.model.reading import MeterKey, Quality, Reading
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity
from tests.grid_functions.house import terms

DAY = 86_400.0
MIDNIGHT = 20_454.0 * DAY  # 2026-01-01, UTC
TRUE = Zone(3000.0, 150.0, 6000.0)
BELIEVED = Zone(6000.0, 60.0, 6000.0)
LOOK_S = 120.0
OPTIONS = HomeOptions(
    Dwelling(zones=(ZoneOf("living", BELIEVED),)), steps=2, replan_s=DAY, learns_s=3 * 3600.0, base_w=50.0
)
TERMS = replace(terms(), devices={"living": DeviceTerms(Role.LOAD)}, meter_stale_s=LOOK_S)


class Site:
    """A room under a coarse thermostat, weather, a household with an evening, and the steward that looks on."""

    def __init__(self, options: HomeOptions = OPTIONS, state: HomeState | None = None) -> None:
        self.steward = Steward(options)
        self.state = state or self.steward.empty()
        self.utc_s = MIDNIGHT
        self.room_c, self.power_w = 20.0, 0.0
        self.lessons: list[float] = []
        self.problems: list[Problem] = []
        self.deaf = False
        self._step = dynamics(Heating((TRUE,)), LOOK_S)
        self._draw = np.random.default_rng(4)

    def outdoor_c(self, utc_s: float) -> float:
        return -6.0 + 5.0 * math.sin(2.0 * math.pi * utc_s / DAY) + 2.0 * math.sin(2.0 * math.pi * utc_s / 1.7e5)

    def base_w(self, utc_s: float) -> float:
        hour = utc_s % DAY / 3600.0
        return 1500.0 if 17.0 <= hour < 21.0 else 300.0

    def live(self, days: float) -> None:
        end_s = self.utc_s + days * DAY
        while self.utc_s < end_s:
            if self.utc_s % DAY == 0.0:
                self._look(self._weather())
            else:
                self._look()
            outdoor = self.outdoor_c(self.utc_s)
            self.power_w = 6000.0 if self.room_c < 20.0 + 0.7 * float(self._draw.normal()) else 0.0
            now_c = self._step.advance(np.array([self.room_c]), np.array([self.power_w]), outdoor, np.zeros(1))
            self.room_c = float(now_c[0])
            self.utc_s += LOOK_S

    def said(self) -> str:
        return learning(self.steward.told(self.state)["learning"])

    def _weather(self) -> Message:
        hours = [self.outdoor_c(self.utc_s + 3600.0 * (k + 0.5)) for k in range(30)]
        return write(Weather(self.utc_s, 3600.0, tuple(hours), (0.0,) * 30), "home", "house", "provider", "weather")

    def _look(self, *messages: Message) -> None:
        answers: tuple[Answer, ...] = ()
        while True:
            now = Instants(self.utc_s - MIDNIGHT, self.utc_s)

            def read(value: float, at: Instants = now) -> Reading:
                return Reading(value, Quality.GOOD, at.mono_s, at.utc_s)

            readings: dict[MeterKey, Reading] = {
                (Quantity.TEMPERATURE, None): read(self.room_c),
                (Quantity.NET, None): read(self.power_w),
            }
            room = Seen("living", Role.LOAD, Nameplate(), Capability(), Condition(True, readings=readings))
            meter: dict[MeterKey, Reading] = {(Quantity.NET, None): read(self.power_w + self.base_w(self.utc_s))}
            snapshot = Snapshot("house", now, meter, {"living": room})
            done = self.steward.step(self.state, SiteInputs(TERMS, (), snapshot, messages, answers), now)
            self.state, messages = done.state, ()
            asks = [one for one in done.outputs if isinstance(one, Ask)]
            answers = tuple(self._answer(one) for one in asks if isinstance(one.problem, Lesson))
            self.problems += [one.problem for one in asks if isinstance(one.problem, Problem)]
            if not answers:
                return

    def _answer(self, ask: Ask) -> Answer:
        assert isinstance(ask.problem, Lesson)
        self.lessons.append(self.utc_s)
        return Answer("home", ask.id, None if self.deaf else ask.problem.taught())


@pytest.fixture(scope="module")
def site() -> Site:
    """Four days, of which configuration knows neither the room's mass nor what it loses."""
    found = Site()
    found.live(4.0)
    return found


def test_it_learns_as_soon_as_there_is_enough_and_then_each_night(site: Site) -> None:
    """288 whole steps are two days, and two hours for those that are not. Then in the hour from three in the morning on, but not one hour
    after the first.
    """
    hours = [(at_s - MIDNIGHT) / 3600.0 for at_s in site.lessons]
    assert 50.0 <= hours[0] <= 51.1
    assert len(hours) == 2
    assert 75.0 <= hours[1] <= 76.1


def test_what_was_learnt_is_the_house_and_is_told_with_its_error(site: Site) -> None:
    """exp(-150 x 600 / (3000 x 3600)) of a difference is left after ten minutes: 0.99170. Configuration says 0.99833."""
    model = site.state.durable.model
    assert model.taken
    assert model.keep[0][0] == pytest.approx(math.exp(-150.0 / 6.0 / 3000.0), abs=5e-4)
    assert model.error_k is not None
    assert model.error_k < 0.3
    said = site.said()
    assert said.startswith(f"learnt thermal model, errs by {model.error_k:.2f} K over six hours, since 2026-01-0")
    assert "base load foreseen within" in said


def test_since_when_is_when_it_first_held(site: Site) -> None:
    assert site.state.durable.model.since_utc_s == site.lessons[0]
    assert site.state.durable.model.judged_utc_s == site.lessons[-1]


def test_plans_count_on_the_house_as_it_was_learnt_and_the_evening_as_it_was_seen(site: Site) -> None:
    """A plan at 18:00 has 1500 W beside all that is planned, in place of the 50 W of configuration; a room that keeps less."""
    later = Site(replace(OPTIONS, replan_s=60.0), replace(site.state, replan_utc_s=0.0))
    later.utc_s = MIDNIGHT + 4 * DAY + 18 * 3600.0
    later.live(LOOK_S / DAY)
    program = later.problems[-1].program
    assert (
        max(program.row_lower[np.isfinite(program.row_lower)].tolist()) >= 1.4
        or max(abs(one) for one in program.row_upper[np.isfinite(program.row_upper)].tolist()) >= 1.4
    )
    keeps = -site.state.durable.model.keep[0][0]
    assert any(value == pytest.approx(keeps, abs=1e-9) for value in program.values.tolist())


def test_a_restart_loses_an_hour_at_most_and_no_model(site: Site) -> None:
    codec = Codec((HomeDurable,))
    kept = codec.decode(*codec.encode(site.state.durable))
    assert isinstance(kept, HomeDurable)
    again = Site(OPTIONS, replace(Steward(OPTIONS).empty(), durable=kept))
    again.utc_s = site.utc_s
    again.live(2 * LOOK_S / DAY)
    assert kept.model == site.state.durable.model
    assert len(kept.diary.rows) >= 4 * 144 - 7
    assert again.lessons == []


def test_a_ledger_of_before_there_was_a_diary_is_read() -> None:
    found = Codec((HomeDurable,)).decode("HomeDurable", 1, b'{"plans":{}}')
    assert found == HomeDurable()


def test_a_lesson_that_never_ends_is_told_and_asked_for_again() -> None:
    site = Site()
    site.deaf = True
    site.live(2.3)
    assert len(site.lessons) >= 2
    assert site.lessons[1] - site.lessons[0] >= 3600.0
    assert site.said().startswith("configured thermal model")
    assert "did not end in time" in site.said()


def test_after_a_lesson_that_came_to_nothing_an_hour_passes(site: Site) -> None:
    diary, hour = site.state.durable.diary, 3600.0
    assert not due(Model(), diary, site.utc_s - hour + 0.1, 3 * hour, OPTIONS.civil, site.utc_s)
    assert due(Model(), diary, site.utc_s - hour, 3 * hour, OPTIONS.civil, site.utc_s)


def test_a_home_whose_sensor_outdoors_is_silent_keeps_configurations_model_and_says_why() -> None:
    site = Site(replace(OPTIONS, outdoor_sensor="roof"))
    site.live(2.3)
    assert len(site.lessons) == 1
    assert site.state.durable.model.dynamics(("living",), 600.0, site.utc_s) is None
    assert site.said().startswith("configured thermal model; base load foreseen within")
    assert site.said().endswith("0 whole steps, 288 are needed")


def test_a_model_that_was_not_judged_for_a_week_holds_no_longer(site: Site) -> None:
    model = site.state.durable.model
    assert model.judged_utc_s is not None
    assert model.dynamics(("living",), 600.0, model.judged_utc_s + HOLDS_S) is not None
    assert model.dynamics(("living",), 600.0, model.judged_utc_s + HOLDS_S + 1.0) is None
    assert model.dynamics(("living", "attic"), 600.0, model.judged_utc_s) is None
    assert model.told(model.judged_utc_s + HOLDS_S + 1.0)["why"] == "it was not judged for a week"


def test_a_home_that_was_never_judged_tells_that_nothing_was_learnt() -> None:
    told = Model().told(MIDNIGHT)
    assert (told["model"], told["steps"], told["doubt_steps"]) == ("configured", 0, 0)
    assert {told[name] for name in ("error_k", "since_utc_s", "learnt_utc_s", "doubt", "doubt_missed")} == {None}


def taught(*levels_w: float) -> Taught:
    """Of a household that took the same all day, each day another power."""
    base = [
        Sample(MIDNIGHT + (day * 144 + k) * 600.0, level_w) for day, level_w in enumerate(levels_w) for k in range(144)
    ]
    nothing = History(np.empty((0, 0)), np.empty((0, 0)), np.empty(0), np.empty(0))
    return Lesson(nothing, None, tuple(base), 600.0, Civil()).taught()


def test_doubt_is_what_the_household_took_more_than_foreseen_in_all_but_a_twentieth_of_the_steps() -> None:
    """Three days of 100 W foresee each other; the fourth takes 150, foreseen as 100. A third of 432 steps took half more: that is doubted.

    The two days before it gave no more to doubt than the least, a tenth: all of the last day went beyond.
    """
    found = taught(100.0, 100.0, 100.0, 150.0)
    assert found.doubt == pytest.approx(0.5)
    assert found.doubt_missed == 1.0
    assert found.doubt_steps == 3 * 144


def test_doubt_has_ends() -> None:
    calm = taught(100.0, 100.0, 100.0, 100.0)
    assert calm.doubt == pytest.approx(0.1)
    assert calm.doubt_missed == 0.0
    assert taught(100.0, 100.0, 100.0, 900.0).doubt == 5.0
    assert taught(100.0, 100.0, 100.0, 0.0).doubt == pytest.approx(0.1), "who takes less has delivered"


def test_of_too_few_days_there_is_no_doubt_and_what_is_configured_holds() -> None:
    found = taught(100.0, 100.0, 100.0)
    assert math.isnan(found.doubt)
    kept = learnt(Model(), found, Diary(), MIDNIGHT)
    assert kept.doubted(0.7, MIDNIGHT) == 0.7
    known = learnt(Model(), taught(100.0, 100.0, 100.0, 150.0), Diary(), MIDNIGHT)
    assert known.doubted(0.7, MIDNIGHT) == pytest.approx(0.5)
    told = known.told(MIDNIGHT)
    assert told["doubt"] == pytest.approx(0.5)
    assert told["doubt_missed"] == 1.0
    week_on_s = MIDNIGHT + 7 * DAY + 1.0
    assert known.doubted(0.7, week_on_s) == 0.7
    assert known.told(week_on_s)["doubt"] is None


async def test_the_solvers_process_learns_too(site: Site) -> None:
    diary = site.state.durable.diary
    fallback = dynamics(Heating((BELIEVED,)), 600.0)
    lesson = Lesson(diary.history(), fallback, diary.base(), 600.0, OPTIONS.civil)
    solving = Solving(site_clock := _Clock())
    try:
        answer = await solving.answer("home", Ask("lesson", lesson, Moment(OWN, site_clock.now().utc_s + 60.0)))
    finally:
        solving.close()
    assert isinstance(answer.solution, Taught)
    assert answer.solution.model is not None
    assert answer.solution.model.taken


class _Clock:
    """Stands still."""

    def now(self) -> Instants:
        return Instants(0.0, MIDNIGHT)
