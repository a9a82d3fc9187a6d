"""What of a setpoint goes out before its decision is kept: each expectation is the smaller of two numbers."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


watts = st.none() | st.sampled_from([0.0, -0.0, 1e-9, 1000.0, 4999.5, 5000.0, math.inf])
setpoints = st.builds(
    Setpoint,
    st.just("a"),
    st.integers(0, 3),
    produce_max_w=watts,
    consume_max_w=watts,
    target_w=st.none() | st.sampled_from([-5000.0, -0.0, 0.0, 2000.0]),
    current_max_a=st.none() | st.sampled_from([0.0, 6.0, 16.0]),
    phases=st.sampled_from([None, 1, 3]),
    reactive=st.none() | st.builds(Reactive, st.sampled_from([0.0, 500.0])),
    on=st.sampled_from([None, True, False]),
    connect=st.sampled_from([None, True, False]),
)


@given(st.none() | setpoints, setpoints)
@settings(max_examples=500, deadline=None)
def test_no_tightening_waits_for_a_loosening_and_nothing_looser_goes_out(old: Setpoint | None, new: Setpoint) -> None:
    """Said slowly: afterwards each limit is no more than before, and no more than is wanted now; an off that is wanted is told."""
    before = old or Setpoint("a")
    after = narrowed(new, old) or before
    if False in (before.on, before.connect):
        assert False in (after.on, after.connect)
    if False in (new.on, new.connect):
        assert False in (after.on, after.connect)
    elif False not in (before.on, before.connect) and new.target_w is None:
        # (a target inside what was permitted is a limit by itself)
        for name in ("produce_max_w", "consume_max_w", "current_max_a"):
            said, had, has = (_most(getattr(one, name)) for one in (new, before, after))
            assert has <= min(said, had), name
    # A target moves no further than to the edge of a new limit.
    if after.target_w is not None and False not in (after.on, after.connect):
        assert before.target_w is not None or after is new
        low, high = min(0.0, before.target_w or 0.0), max(0.0, before.target_w or 0.0)
        assert low <= after.target_w <= high or after.target_w == new.target_w


def _most(limit: float | None) -> float:
    return math.inf if limit is None else limit
