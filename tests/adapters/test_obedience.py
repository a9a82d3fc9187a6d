"""What a driver remembers of a device's obedience, in seconds moved by hand."""

import pytest

from adapters.family import Look
from adapters.obedience import Obedience, narrows
from grid_functions.model.device import Trouble
from grid_functions.model.setpoint import Setpoint

OURS = frozenset({"limit"})
WANTED = Setpoint("x", 1, produce_max_w=1000.0)


def look(limit: int, other: int = 0) -> Look:
    return Look({}, points={"limit": limit, "other": other})


def test_the_decision_alone_does_not_make_it_something_else() -> None:
    memory = Obedience()
    memory.failed(WANTED, "exception 3", 0.0)
    later = Setpoint("x", 2, produce_max_w=1000.0)
    assert not memory.may_write(later, None, 9.9)
    assert memory.troubles(later)[0] == {Trouble.WRITE_REFUSED}
    assert memory.may_write(later, None, 10.0)
    assert memory.may_write(Setpoint("x", 2, produce_max_w=900.0), None, 1.0)
    assert memory.troubles(Setpoint("x", 2))[0] == frozenset()


def test_once_not_held_is_tried_again_at_once_twice_is_given_time() -> None:
    memory = Obedience()
    memory.failed(WANTED, "", 0.0)
    assert memory.may_write(WANTED, None, 0.0)
    memory.failed(WANTED, "", 1.0)
    assert not memory.may_write(WANTED, None, 10.9)
    memory.held(look(1))
    assert memory.may_write(WANTED, None, 2.0)


def test_three_changes_in_ten_minutes_are_another_master() -> None:
    memory = Obedience()
    for at_s in (0.0, 100.0, 200.0):
        assert memory.troubles(None)[0] == frozenset()
        memory.held(look(1))
        assert memory.watch(look(2), OURS, at_s)
    assert memory.troubles(None)[0] == {Trouble.FOREIGN_WRITER}
    memory.watch(look(2), OURS, 600.0)  # the first is forgotten after 600 s
    assert memory.troubles(None)[0] == frozenset()


def test_only_points_of_ours_count_and_only_while_it_was_watched() -> None:
    memory = Obedience()
    memory.held(look(1, other=1))
    assert not memory.watch(look(1, other=2), OURS, 0.0)
    memory.held(look(1))
    memory.unknown()
    assert not memory.watch(look(2), OURS, 1.0)


@pytest.mark.parametrize(
    ("wanted", "holds", "narrower"),
    [
        (WANTED, Setpoint("x", produce_max_w=2000.0), True),
        (WANTED, Setpoint("x", produce_max_w=1000.0), False),
        (WANTED, Setpoint("x", produce_max_w=500.0), False),
        (WANTED, Setpoint("x", on=True), True),  # it holds no limit at all
        (WANTED, None, False),  # nothing is known of it
        (Setpoint("x", on=False), None, True),
        (Setpoint("x", produce_max_w=1000.0), Setpoint("x", on=False), False),
    ],
)
def test_narrower(wanted: Setpoint, holds: Setpoint | None, narrower: bool) -> None:
    assert narrows(wanted, holds) is narrower


def test_a_charging_rate_that_is_not_ours_bars_no_tightening() -> None:
    """A device always holds one; against another master, a lower limit of production must still go."""
    holds = Setpoint("x", produce_max_w=3000.0, consume_max_w=5000.0)
    assert narrows(Setpoint("x", produce_max_w=1000.0), holds)
    assert not narrows(Setpoint("x", produce_max_w=4000.0), holds)
    assert not narrows(Setpoint("x", produce_max_w=1000.0, consume_max_w=6000.0), holds)
