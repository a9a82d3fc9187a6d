"""The level of one charger, look by look: down at once, up again only when it has been worth it for 25 s, or 60 s after it was lowered."""

from math import inf

import pytest

from grid_functions.allocate.amperes import Level, step


def told(*looks: tuple[float, float], freed: bool = False) -> list[float]:
    """A at each look, of (second, A that it could have)."""
    level: Level | None = None
    found = []
    for now_s, could_a in looks:
        level = step(level, could_a, now_s, freed=freed)
        found.append(level.told_a)
    return found


LOWERED = ((0.0, 10.0), (100.0, 8.0))


@pytest.mark.parametrize(
    ("looks", "amps"),
    [
        # 25 s after it first could have more it has the least of what it could have since
        (((101.0, 10.0), (125.9, 9.0), (126.0, 10.0)), [8.0, 8.0, 9.0]),
        # once it could not have more in between, the 25 s begin anew
        (((101.0, 10.0), (110.0, 8.0), (126.0, 10.0), (150.9, 10.0), (151.0, 10.0)), [8.0, 8.0, 8.0, 8.0, 10.0]),
        # and so they do where it had to give up more
        (((101.0, 10.0), (110.0, 7.0), (126.0, 10.0), (151.0, 10.0)), [8.0, 7.0, 7.0, 10.0]),
        # after a minute nothing swings any more
        (((101.0, 10.0), (110.0, 8.0), (159.9, 9.0), (160.0, 10.0)), [8.0, 8.0, 8.0, 10.0]),
    ],
)
def test_a_charger_that_was_lowered_waits_for_more(looks: tuple[tuple[float, float], ...], amps: list[float]) -> None:
    """It was lowered from 10 A to 8 A at 100 s."""
    assert told(*LOWERED, *looks) == [10.0, 8.0, *amps]


def test_who_has_all_it_could_waits_for_nothing() -> None:
    waiting = step(Level(8.0, 100.0), 10.0, 101.0, freed=False)
    assert (waiting.due_s, waiting.more_a) == (126.0, 10.0)
    assert step(waiting, 8.0, 110.0, freed=False) == Level(8.0, 100.0)
    assert Level(8.0, 100.0).due_s == inf


def test_a_bound_that_was_raised_is_no_swing_and_a_pause_ends_at_once() -> None:
    assert told((0.0, 10.0), (1.0, 8.0), (2.0, 10.0), freed=True) == [10.0, 8.0, 10.0]
    assert told((0.0, 10.0), (1.0, 0.0), (2.0, 10.0)) == [10.0, 0.0, 10.0]
