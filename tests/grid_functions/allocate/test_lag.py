"""Who counts as doing more than told, and for how long the others wait for it: 4 % or 100 W, settle_s and two seconds."""

from dataclasses import replace

import pytest

from grid_functions.allocate.lag import beyond, due_s, late
from grid_functions.allocate.loop import Sample
from grid_functions.allocate.stand import Stand
from grid_functions.model.device import Capability

QUICK = Stand(
    "pv",
    Capability(settle_s=3.0),
    obeys=True,
    absent=False,
    off=False,
    able_w=20_000.0,
    aimed_w=20_000.0,
    may_w=20_000.0,
    doing=None,
    sent_w=10_000.0,
)


def doing(watts: float, one: Stand = QUICK) -> Stand:
    return replace(one, doing=Sample(0.0, watts))


@pytest.mark.parametrize(
    ("sent_w", "watts", "more"),
    [(10_000.0, 10_399.0, False), (10_000.0, 10_401.0, True), (1000.0, 1099.0, False), (1000.0, 1101.0, True)],
)
def test_four_percent_or_a_hundred_watts_are_no_disobedience(sent_w: float, watts: float, more: bool) -> None:
    assert bool(beyond({"pv": replace(doing(watts), sent_w=sent_w)}, {}, 50.0)) is more


def test_it_is_known_since_when_and_forgotten_once_it_obeys() -> None:
    assert beyond({"pv": doing(12_000.0)}, {"pv": 20.0}, 50.0) == {"pv": 20.0}
    assert beyond({"pv": doing(12_000.0)}, {}, 50.0) == {"pv": 50.0}
    assert beyond({"pv": doing(9000.0)}, {"pv": 20.0}, 50.0) == {}
    assert beyond({"pv": replace(doing(12_000.0), sent_w=None)}, {}, 50.0) == {}


def test_a_quick_one_is_waited_for_until_it_should_have_settled() -> None:
    """Since 20 s; 3 s to settle and 2 s of patience end at 25 s."""
    ours, since = {"pv": doing(12_000.0)}, {"pv": 20.0}
    assert late(ours, {"pv": 10_000.0}, since, 24.0) == {}
    assert due_s(ours, since, 24.0) == (25.0,)
    assert late(ours, {"pv": 10_000.0}, since, 25.0) == {"pv": 2000.0}
    assert due_s(ours, since, 25.0) == ()


def test_a_slow_one_is_made_up_for_at_once() -> None:
    slow = replace(doing(12_000.0), capability=Capability(settle_s=75.0))
    assert late({"pv": slow}, {"pv": 10_000.0}, {}, 0.0) == {"pv": 2000.0}
    just = replace(slow, capability=Capability(settle_s=10.0))
    assert late({"pv": just}, {"pv": 10_000.0}, {}, 0.0) == {}
