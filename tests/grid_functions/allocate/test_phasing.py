"""A charger that can be told on how many phases it charges: one while three cannot have their least, three while they give more.

At 230 V: 6 A on three phases are 4140 W, 16 A on one are 3680 W.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest

from grid_functions.allocate.step import AllocateState, restore, step
from grid_functions.arbiter import rule
from grid_functions.guard import clamp
from grid_functions.model.device import Role, Seen
from grid_functions.model.entry import Entry
from grid_functions.model.instants import Instants
from grid_functions.model.policy import DEFAULT_PRECEDENCE, Connection, Dwell, SiteTerms
from grid_functions.model.reading import MeterKey, Quality, Reading
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.units import Phase, Quantity
from grid_functions.site.local_safety import claims
from tests.grid_functions.house import bound, charger, on, snapshot, terms

UTC_S = 1_000_000.0


@dataclass
class Yard:
    """One charger and its car, looked at once a second. ``late``: looks until a number of phases is taken; ``deaf``: it never is.

    ``drawn``: W at each second; ``amps``: A on the first conductor; ``switched_at_a``: what it was told when its phases changed.
    """

    limit_w: float
    fuse_a: float | None = None
    house_a: tuple[float, float, float] = (0.0, 0.0, 0.0)
    late: int = 0
    deaf: bool = False
    maximum_a: float = 16.0
    where: SiteTerms = field(init=False)
    state: AllocateState = AllocateState()  # noqa: RUF009 - it is frozen
    kept: dict[tuple[str, ...], Entry] = field(default_factory=dict)
    now_s: float = 0.0
    current_a: float = 16.0
    phases: int = 3
    told: Setpoint | None = None
    waits: int = 0
    drawn: list[float] = field(default_factory=list)
    worst_a: float = 0.0
    switched: list[tuple[float, int, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        plain = terms({"ev": Role.EVSE}, connection=Connection(phases=3, fuse_a=self.fuse_a))
        self.where = replace(plain, dwell=Dwell(120.0, 900.0, 300.0))

    def go(self, seconds: int, limit_w: float | None = None) -> "Yard":
        self.limit_w = self.limit_w if limit_w is None else limit_w
        for _ in range(seconds):
            self._obey()
            self.now_s += 1.0
            self.drawn.append(self.power_w)
            self.worst_a = max(self.worst_a, *self._amps().values())
            self._decide()
        return self

    def restart(self) -> None:
        self.state = restore(self.kept)

    @property
    def power_w(self) -> float:
        return self.current_a * 230.0 * self.phases

    def _amps(self) -> Mapping[Phase, float]:
        own = [self.current_a if leg < self.phases else 0.0 for leg in range(3)]
        return {phase: house + amps for phase, house, amps in zip(Phase, self.house_a, own, strict=True)}

    def _obey(self) -> None:
        if self.told is None:
            return
        wanted = self.told.phases
        if wanted is not None and wanted != self.phases and not self.deaf:
            self.waits += 1
            if self.waits > self.late:
                self.switched.append((self.now_s, wanted, self.current_a))
                self.phases, self.waits = wanted, 0
        if self.told.current_max_a is not None:
            self.current_a = self.told.current_max_a

    def _seen(self) -> Seen:
        plain = charger("ev", power_w=self.power_w, maximum_a=self.maximum_a, at_s=self.now_s)
        currents = plain.capability.currents
        assert currents is not None
        return replace(
            plain,
            capability=replace(plain.capability, currents=replace(currents, phases=(1, 3))),
            condition=replace(plain.condition, holds=Setpoint("ev", current_max_a=self.current_a, phases=self.phases)),
        )

    def _decide(self) -> None:
        picture = snapshot([self._seen()], self.power_w + 230.0 * sum(self.house_a), self.now_s)
        told: dict[MeterKey, Reading] = {
            (Quantity.CURRENT, phase): Reading(a, Quality.GOOD, self.now_s, self.now_s)
            for phase, a in self._amps().items()
        }
        picture = replace(picture, meter={**picture.meter, **told})
        now = Instants(self.now_s, UTC_S + self.now_s)
        asked = [bound(self.limit_w, on("ev"), Quantity.CONSUMED), *claims(self.where, picture)]
        ruling = rule(asked, DEFAULT_PRECEDENCE)
        done = step(self.state, ruling, picture, self.where, now)
        _, clamps = clamp(done.setpoints, ruling, picture, self.where, now)
        assert clamps == ()
        self.state, self.told = done.state, done.setpoints[0]
        self.kept |= {entry.key: entry for entry in done.entries}


def test_what_three_phases_cannot_have_one_takes() -> None:
    """3900 W are less than 6 A on three phases, and more than 16 A on one: all 3680 W of these are used."""
    yard = Yard(3900.0).go(10)
    assert (yard.phases, yard.current_a) == (1, 16.0)
    assert [(to, at_a) for _, to, at_a in yard.switched] == [(1, 0.0)], "paused before it was switched"


def test_what_fits_on_three_phases_stays_there() -> None:
    yard = Yard(4140.0).go(1200)
    assert (yard.phases, yard.current_a, yard.switched) == (3, 6.0, [])


def test_back_on_three_once_they_give_more_for_a_minute_and_the_dwell_is_over() -> None:
    """Switched down in the first seconds; 5000 W from then on are 7 A on three phases, 4830 W, a third more than 3680 W."""
    yard = Yard(3900.0).go(10).go(280, 5000.0)
    assert (yard.phases, yard.current_a) == (1, 16.0), "300 s are not over"
    yard.go(90)
    assert (yard.phases, yard.current_a) == (3, 7.0)
    assert [(to, at_a) for _, to, at_a in yard.switched] == [(1, 0.0), (3, 0.0)]
    down_s, up_s = (at_s for at_s, _, _ in yard.switched)
    assert up_s - down_s >= 300.0


def test_a_little_more_moves_no_contactor() -> None:
    """With 32 A on one phase 7360 W; 8000 W are 11 A on three, 7590 W: three per cent more."""
    yard = Yard(3900.0, maximum_a=32.0).go(10).go(1200, 8000.0)
    assert (yard.phases, yard.current_a) == (1, 32.0)


def test_more_that_does_not_last_moves_no_contactor() -> None:
    yard = Yard(3900.0).go(320)
    for _ in range(10):
        yard.go(50, 5000.0).go(10, 3900.0)
    assert (yard.phases, len(yard.switched)) == (1, 1)


def test_the_dwell_outlives_a_restart() -> None:
    yard = Yard(3900.0).go(100)
    yard.restart()
    yard.go(190, 5000.0)
    assert yard.phases == 1
    yard.go(100)
    assert yard.phases == 3


def test_who_does_not_switch_stays_as_it_is_and_is_asked_again_after_the_dwell() -> None:
    """It is paused anyway, for three phases cannot have their least; with 6000 W it is told 8 A on three at the latest after 60 s."""
    yard = Yard(3900.0, deaf=True).go(30)
    assert yard.told is not None
    assert (yard.told.phases, yard.current_a) == (1, 0.0)
    yard.go(35, 6000.0)
    assert yard.told.phases == 3
    yard.go(130)
    assert (yard.phases, yard.current_a) == (3, 8.0)
    asked = []
    for _ in range(400):
        yard.go(1, 3900.0)
        asked.append(yard.told.phases)
    assert asked.index(1) >= 100, "no sooner than 300 s after it was given up"


def test_a_fuse_that_three_phases_cannot_keep_one_may() -> None:
    """20 A; the house draws 16 A on the second conductor, so that three phases could have 4 A; on the first alone 16 A are left of 18."""
    yard = Yard(22_000.0, fuse_a=20.0, house_a=(2.0, 16.0, 0.0), current_a=0.0).go(40)
    assert (yard.phases, yard.current_a) == (1, 16.0)
    assert yard.worst_a <= 20.0


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.long) for seed in (2, 3))])
def test_no_switch_breaks_a_limit_or_a_fuse(seed: int) -> None:
    """The limit wanders; whatever was drawn in a second was permitted in one of the two before it, for it is told once a second."""
    chance = random.Random(seed)  # noqa: S311
    yard = Yard(11_000.0, fuse_a=25.0, house_a=(8.0, 3.0, 5.0), late=chance.randrange(5))
    yard.go(5)
    limits = [yard.limit_w] * 5
    for _ in range(60):
        limit_w = chance.choice((0.0, 1300.0, 2500.0, 3900.0, 4200.0, 5000.0, 7000.0, 11_000.0))
        for _ in range(chance.randrange(1, 120)):
            yard.go(1, limit_w)
            limits.append(limit_w)
            assert yard.drawn[-1] <= max(limits[-3:]) + 1e-6, yard.now_s
    assert yard.worst_a <= 25.0
    assert all(at_a == 0.0 for _, _, at_a in yard.switched)
    times = [at_s for at_s, _, _ in yard.switched]
    # From decision to decision it is 300 s; between them and the contactor lie a pause and what the charger takes, 7 s at most.
    assert all(later - sooner >= 293.0 for sooner, later in pairwise(times))
    assert len(yard.switched) >= 2, "otherwise nothing was tried"


def test_a_charger_that_has_no_choice_is_told_none() -> None:
    done = step(
        AllocateState(),
        rule([bound(3900.0, on("ev"), Quantity.CONSUMED)], DEFAULT_PRECEDENCE),
        snapshot([charger("ev")], 0.0, 0.0),
        terms({"ev": Role.EVSE}, connection=Connection(phases=3)),
        Instants(0.0, UTC_S),
    )
    assert [(one.current_max_a, one.phases) for one in done.setpoints] == [(0.0, None)]
