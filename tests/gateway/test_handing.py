"""What of a setpoint goes out before its decision is kept: each expectation is the smaller of two numbers."""

import pytest

from gateway.handing import narrowed
from grid_functions.model.setpoint import Reactive, Setpoint


@pytest.mark.parametrize(
    ("old", "new", "handed"),
    [
        # all of it tightens
        (Setpoint("a", 1, produce_max_w=5.0), Setpoint("a", 2, produce_max_w=4.0), Setpoint("a", 2, produce_max_w=4.0)),
        (None, Setpoint("a", 2, produce_max_w=4.0), Setpoint("a", 2, produce_max_w=4.0)),
        (Setpoint("a", 1, produce_max_w=5.0), Setpoint("a", 2, on=False), Setpoint("a", 2, on=False)),
        # none of it does
        (Setpoint("a", 1, produce_max_w=5.0), Setpoint("a", 2, produce_max_w=6.0), None),
        (Setpoint("a", 1, produce_max_w=5.0), Setpoint("a", 2), None),
        (Setpoint("a", 1, on=False), Setpoint("a", 2, on=True), None),
        (None, Setpoint("a", 2, target_w=-3.0), None),
        # half of it does: 5 -> 4 W goes out, 1 -> 9 W waits
        (
            Setpoint("a", 1, produce_max_w=5.0, consume_max_w=1.0),
            Setpoint("a", 2, produce_max_w=4.0, consume_max_w=9.0),
            Setpoint("a", 1, produce_max_w=4.0, consume_max_w=1.0),
        ),
        # the limit goes out, the reactive power beside it waits
        (
            Setpoint("a", 1, produce_max_w=5.0),
            Setpoint("a", 2, produce_max_w=4.0, reactive=Reactive(100.0)),
            Setpoint("a", 1, produce_max_w=4.0),
        ),
        (
            Setpoint("a", 1, current_max_a=16.0),
            Setpoint("a", 2, current_max_a=10.0, on=True),
            Setpoint("a", 1, current_max_a=10.0),
        ),
        # a target that a new limit forbids moves to its edge
        (
            Setpoint("a", 1, target_w=-5.0),
            Setpoint("a", 2, produce_max_w=4.0, reactive=Reactive(1.0)),
            Setpoint("a", 1, target_w=-4.0, produce_max_w=4.0),
        ),
    ],
)
def test_only_what_tightens_goes_out(old: Setpoint | None, new: Setpoint, handed: Setpoint | None) -> None:
    assert narrowed(new, old) == handed
