"""What a person reads of controls, setpoints and ages."""

from typing import Any

import pytest

from gateway.cli.phrases import ago, control, left, limits
from gateway.reports import control_of
from grid_functions.model.control import (
    Connect,
    Control,
    Curve,
    CurveKind,
    CurvePoint,
    ExportLimit,
    FixedPower,
    MaxPower,
    TargetPower,
)
from grid_functions.model.units import PercentBase


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (ExportLimit(2000.0), "export limit 2000 W"),
        (ExportLimit(0.0), "export limit 0 W"),
        (MaxPower(62.5), "max power 62.5 %"),
        (TargetPower(-1500.0), "target power -1500 W"),
        (Connect(on=False), "connect off"),
        (FixedPower(-50.0, PercentBase.MAX_POWER), "fixed power -50 %, max power"),
    ],
)
def test_controls(given: Control, said: str) -> None:
    assert control(control_of(given)) == said


def test_a_curve_is_said_by_its_points() -> None:
    told = control_of(Curve(CurveKind.VOLT_VAR, (CurvePoint(92.0, 44.0), CurvePoint(108.0, -44.0))))
    assert control(told) == "volt var 2 points"


def test_what_is_no_control_is_said_as_it_is() -> None:
    assert control("locked to zero") == "locked to zero"


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (None, ""),
        ({}, ""),
        ({"decision": 7, "produce_max_w": 2000.0, "on": True}, "decision 7, produce max 2000 W, on"),
        (
            {"produce_max_w": 1234567.0, "reverts_to_w": 0.0, "reverts_after_s": 60.0},
            "produce max 1234567 W, reverts to 0 W, reverts after 60 s",
        ),
        ({"current_max_a": 6.5, "target_w": None}, "current max 6.5 A"),
    ],
)
def test_setpoints(told: dict[str, Any] | None, said: str) -> None:
    assert limits(told) == said


def test_ages_and_ends() -> None:
    assert (ago(12.4, "never"), ago(None, "never"), ago(None, "always")) == ("12 s ago", "never", "always")
    assert (left(59.6), left(None)) == ("60 s", "open")
