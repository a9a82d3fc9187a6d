"""What a setpoint permits, and whether writing it over another only tightens."""

import math
from dataclasses import replace

import pytest

from grid_functions.model.control import Curve, CurveKind, CurvePoint, FixedReactive, Flow, PowerFactor
from grid_functions.model.event import Settings
from grid_functions.model.setpoint import Reactive, Revert, Setpoint, tightens
from grid_functions.model.units import PercentBase

INF = math.inf
CURVE = Curve(CurveKind.VOLT_WATT, (CurvePoint(100.0, 100.0), CurvePoint(110.0, 0.0)))
STEEPER = Curve(CurveKind.VOLT_WATT, (CurvePoint(100.0, 100.0), CurvePoint(105.0, 0.0)))


@pytest.mark.parametrize(
    ("setpoint", "band"),
    [
        (Setpoint("a"), (-INF, INF)),
        (Setpoint("a", produce_max_w=3000.0), (-3000.0, INF)),
        (Setpoint("a", consume_max_w=2000.0), (-INF, 2000.0)),
        (Setpoint("a", produce_max_w=3000.0, consume_max_w=2000.0), (-3000.0, 2000.0)),
        (Setpoint("a", produce_max_w=0.0, consume_max_w=0.0), (0.0, 0.0)),
        (Setpoint("a", target_w=-500.0), (-500.0, -500.0)),
        (Setpoint("a", target_w=700.0, produce_max_w=3000.0, consume_max_w=2000.0), (700.0, 700.0)),
        (Setpoint("a", target_w=0.0), (0.0, 0.0)),
        # ceasing to energize, or galvanic disconnection, is zero whatever else is said
        (Setpoint("a", on=False), (0.0, 0.0)),
        (Setpoint("a", connect=False), (0.0, 0.0)),
        (Setpoint("a", on=False, connect=True, target_w=900.0), (0.0, 0.0)),
        (Setpoint("a", on=True, connect=False, produce_max_w=9.0), (0.0, 0.0)),
        # a withdrawn off permits what the limits do
        (Setpoint("a", on=True, connect=True, produce_max_w=9.0), (-9.0, INF)),
        (Setpoint("a", on=True, target_w=5.0), (5.0, 5.0)),
        (Setpoint("a", connect=True, target_w=5.0), (5.0, 5.0)),
    ],
)
def test_band_is_least_and_most_power_positive_consuming(setpoint: Setpoint, band: tuple[float, float]) -> None:
    assert setpoint.band == band


def test_an_empty_setpoint_is_all_not_ours_and_made_by_no_decision() -> None:
    assert Setpoint("a") == Setpoint("a", 0, None, None, None, None, None, None, (), None, None, None, None)
    assert Revert(60.0) == Revert(60.0, None, None)


LIMITED = Setpoint("a", 1, produce_max_w=3000.0, consume_max_w=2000.0)
OFF, AWAY = Setpoint("a", on=False), Setpoint("a", connect=False)


@pytest.mark.parametrize(
    ("new", "old", "tighter"),
    [
        # bands: inside or equal tightens, past either end loosens
        (LIMITED, LIMITED, True),
        (replace(LIMITED, produce_max_w=2999.0), LIMITED, True),
        (replace(LIMITED, produce_max_w=3001.0), LIMITED, False),
        (replace(LIMITED, consume_max_w=1999.0), LIMITED, True),
        (replace(LIMITED, consume_max_w=2001.0), LIMITED, False),
        (replace(LIMITED, produce_max_w=1.0, consume_max_w=2001.0), LIMITED, False),
        (replace(LIMITED, produce_max_w=3001.0, consume_max_w=1.0), LIMITED, False),
        (replace(LIMITED, produce_max_w=None), LIMITED, False),
        (replace(LIMITED, consume_max_w=None), LIMITED, False),
        (Setpoint("a"), LIMITED, False),
        (LIMITED, Setpoint("a"), True),
        # targets: inside the last band only
        (Setpoint("a", target_w=-3000.0), LIMITED, True),
        (Setpoint("a", target_w=2000.0), LIMITED, True),
        (Setpoint("a", target_w=-3000.1), LIMITED, False),
        (Setpoint("a", target_w=2000.1), LIMITED, False),
        (Setpoint("a", target_w=4.0), Setpoint("a", target_w=4.0), True),
        (Setpoint("a", target_w=3.0), Setpoint("a", target_w=4.0), False),
        # nothing of ours yet: a limit tightens, a target does not, nor does any curve or setting
        (LIMITED, None, True),
        (Setpoint("a"), None, True),
        (Setpoint("a", target_w=0.0), None, False),
        (Setpoint("a", reactive=Reactive(0.0)), None, False),
        (Setpoint("a", shapes=(CURVE,)), None, False),
        (Setpoint("a", settings=Settings()), None, False),
        # switching off tightens, whatever else changes with it
        (OFF, None, True),
        (AWAY, None, True),
        (OFF, LIMITED, True),
        (AWAY, LIMITED, True),
        (replace(OFF, reactive=Reactive(5.0), target_w=9e9), LIMITED, True),
        (replace(OFF, connect=False), OFF, True),
        (replace(OFF, connect=False), AWAY, True),
        (replace(OFF, connect=True), Setpoint("a", connect=True), True),
        (OFF, Setpoint("a", on=True), True),
        # staying off
        (OFF, OFF, True),
        (AWAY, AWAY, True),
        (replace(OFF, produce_max_w=9e9), replace(OFF, produce_max_w=1.0), True),
        (replace(AWAY, shapes=(CURVE,)), AWAY, True),
        # a withdrawn off loosens, even where the other switch goes off in the same write
        (Setpoint("a", on=True), OFF, False),
        (Setpoint("a"), OFF, False),
        (Setpoint("a", connect=True), AWAY, False),
        (Setpoint("a"), AWAY, False),
        (AWAY, OFF, False),
        (OFF, AWAY, False),
        (OFF, replace(OFF, connect=False), False),
        (AWAY, replace(AWAY, on=False), False),
        # "on" is ours now, or ours no more: no off, so not tighter
        (Setpoint("a", on=True), None, False),
        (Setpoint("a", connect=True), LIMITED, False),
        (Setpoint("a"), Setpoint("a", on=True), False),
        # another reactive mode, curve or setting, or one gone
        (replace(LIMITED, reactive=Reactive(100.0)), LIMITED, False),
        (LIMITED, replace(LIMITED, reactive=Reactive(100.0)), False),
        (replace(LIMITED, reactive=Reactive(100.0)), replace(LIMITED, reactive=Reactive(100.0)), True),
        (replace(LIMITED, reactive=Reactive(100.0)), replace(LIMITED, reactive=Reactive(101.0)), False),
        (
            replace(LIMITED, reactive=PowerFactor(Flow.INJECT, 0.9, True)),
            replace(LIMITED, reactive=FixedReactive(10.0, PercentBase.MAX_REACTIVE)),
            False,
        ),
        (replace(LIMITED, shapes=(STEEPER,)), replace(LIMITED, shapes=(CURVE,)), False),
        (replace(LIMITED, shapes=(CURVE,)), replace(LIMITED, shapes=(CURVE,)), True),
        (LIMITED, replace(LIMITED, shapes=(CURVE,)), False),
        (replace(LIMITED, settings=Settings(1.0)), replace(LIMITED, settings=Settings(2.0)), False),
        (replace(LIMITED, settings=Settings(1.0)), replace(LIMITED, settings=Settings(1.0)), True),
        # amperes per phase
        (Setpoint("a", current_max_a=10.0), Setpoint("a", current_max_a=16.0), True),
        (Setpoint("a", current_max_a=16.0), Setpoint("a", current_max_a=16.0), True),
        (Setpoint("a", current_max_a=16.1), Setpoint("a", current_max_a=16.0), False),
        (Setpoint("a"), Setpoint("a", current_max_a=16.0), False),
        (Setpoint("a", current_max_a=16.0), Setpoint("a"), True),
        (
            Setpoint("a", current_max_a=10.0, consume_max_w=9.0),
            Setpoint("a", current_max_a=16.0, consume_max_w=8.0),
            False,
        ),
        # who decided, and what the device would revert to, say nothing of what holds
        (replace(LIMITED, decision=99), LIMITED, True),
        (replace(LIMITED, revert=Revert(60.0, 9e9, 9e9)), LIMITED, True),
    ],
)
def test_a_write_tightens_if_its_band_lies_inside_or_it_switches_off(
    new: Setpoint, old: Setpoint | None, tighter: bool
) -> None:
    assert tightens(new, old) is tighter
