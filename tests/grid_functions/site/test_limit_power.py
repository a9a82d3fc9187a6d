"""From limits in force to bounds: scope, quantity and watts."""

import math
from dataclasses import replace
from typing import Any

import pytest

from grid_functions.alarm import alarm_of
from grid_functions.model.claim import Bound, Claim, ConnectionPoint, Scope, SourceKind
from grid_functions.model.control import (
    Control,
    ExportLimit,
    GenerationLimit,
    ImportLimit,
    LoadLimit,
    MaxPower,
)
from grid_functions.model.device import Role, Seen
from grid_functions.model.errors import ConfigurationFault
from grid_functions.model.event import Respondent
from grid_functions.model.function import SiteInputs
from grid_functions.model.instants import OWN, Moment
from grid_functions.model.lease import Message
from grid_functions.model.policy import Connection, SiteTerms
from grid_functions.model.units import Quantity
from grid_functions.site.limit_power import LimitPower, LimitPowerOptions
from tests.grid_functions.house import at, in_force, on, seen, snapshot, terms

SITE = {"pv": Role.PV, "battery": Role.BATTERY, "evse": Role.EVSE, "boiler": Role.LOAD, "meter": Role.METER}


def step(
    control: Control, *, site: SiteTerms | None = None, devices: tuple[Seen, ...] = (), **told: Any
) -> tuple[list[Claim], list[str]]:
    """Claims and alarms for one control."""
    held = in_force(control, **told)
    done = LimitPower().step(
        LimitPower().empty(),
        SiteInputs(site or terms(SITE), (held,), snapshot(devices, None)),
        at(0.0),
    )
    claims = [one for one in done.outputs if isinstance(one, Claim)]
    alarms = [alarm.text for one in done.outputs if isinstance(one, Message) and (alarm := alarm_of(one))]
    return claims, alarms


@pytest.mark.parametrize(
    ("control", "scope", "quantity"),
    [
        (ExportLimit(1500.0), ConnectionPoint(), Quantity.PRODUCED),
        (ImportLimit(1500.0), ConnectionPoint(), Quantity.CONSUMED),
        (GenerationLimit(1500.0), on("pv", "battery"), Quantity.PRODUCED),
        (LoadLimit(1500.0), on("battery", "evse"), Quantity.CONSUMED),
    ],
)
def test_a_limit_is_of_the_connection_or_of_the_devices_that_can_break_it(
    control: Control, scope: Scope, quantity: Quantity
) -> None:
    claims, alarms = step(control)
    assert [(one.scope, one.quantity, one.want, one.goal) for one in claims] == [
        (scope, quantity, Bound(1500.0), Bound(1500.0))
    ]
    assert alarms == []


def test_percent_is_of_the_summed_setting_else_of_the_rating() -> None:
    """60 % of (4000 W set + 5000 W rated) = 5400 W."""
    pv = seen("pv", rated_w=6000.0)
    pv = replace(pv, nameplate=replace(pv.nameplate, max_w=4000.0))
    claims, _ = step(MaxPower(60.0), devices=(pv, seen("battery", Role.BATTERY, rated_w=5000.0)))
    assert claims[0].want == Bound(5400.0)
    assert claims[0].scope == on("pv", "battery")


def test_a_device_that_never_told_its_rating_adds_nothing_to_the_base() -> None:
    claims, _ = step(MaxPower(50.0), devices=(seen("pv", rated_w=None), seen("battery", Role.BATTERY, rated_w=2000.0)))
    assert claims[0].want == Bound(1000.0)


@pytest.mark.parametrize("limit_w", [-1.0, -32768.0, -math.inf, math.nan])
def test_a_negative_limit_is_zero_and_an_alarm(limit_w: float) -> None:
    claims, alarms = step(ExportLimit(limit_w))
    assert claims[0].want == Bound(0.0)
    assert len(alarms) == 1
    assert "taken as 0 W" in alarms[0]


def test_a_negative_percent_is_zero() -> None:
    claims, alarms = step(MaxPower(-5.0), devices=(seen("pv"), seen("battery", Role.BATTERY)))
    assert claims[0].want == Bound(0.0)
    assert alarms


@pytest.mark.parametrize("limit_w", [50_000.1, 3.2767e13, math.inf])
def test_an_absurd_limit_is_none_of_that_source(limit_w: float) -> None:
    """Ten times the connection's 5 kW is where it ends; the largest a 2030.5 ActivePower can say is 32767e9 W."""
    site = terms({"pv": Role.PV}, connection=Connection(export_limit_w=5000.0))
    claims, alarms = step(ExportLimit(limit_w), site=site, devices=(seen("pv"),))
    assert claims == []
    assert "is no limit" in alarms[0]


def test_ten_times_the_connection_is_still_a_limit() -> None:
    site = terms({"pv": Role.PV}, connection=Connection(export_limit_w=5000.0))
    claims, alarms = step(ExportLimit(50_000.0), site=site, devices=(seen("pv"),))
    assert claims[0].want == Bound(50_000.0)
    assert alarms == []


@pytest.mark.parametrize("percent", [1000.1, math.inf])
def test_an_absurd_percent_is_no_limit(percent: float) -> None:
    claims, alarms = step(MaxPower(percent), devices=(seen("pv"), seen("battery", Role.BATTERY)))
    assert claims == []
    assert alarms


def test_without_any_rating_only_infinity_is_absurd() -> None:
    assert step(ExportLimit(9e9))[0]
    assert not step(ExportLimit(math.inf))[0]
    assert step(ImportLimit(9e9))[0]


def test_a_test_event_claims_nothing_and_raises_nothing() -> None:
    assert step(ExportLimit(-1.0), test=True) == ([], [])


def test_a_respondent_without_devices_reaches_none() -> None:
    """Refused rather than applied to all."""
    claims, alarms = step(GenerationLimit(0.0), respondent=Respondent("utility", "stranger"))
    assert claims == []
    assert "reaches no device" in alarms[0]


def test_addressees_narrow_the_set_and_strangers_are_no_devices() -> None:
    claims, _ = step(GenerationLimit(0.0), addressees=frozenset({"battery", "elsewhere"}))
    assert claims[0].scope == on("battery")


def test_an_operator_speaks_for_every_device() -> None:
    claims, _ = step(GenerationLimit(10.0), kind=SourceKind.OPERATOR, name="operator", respondent=None)
    assert claims[0].scope == on("pv", "battery")


def test_a_claim_ends_with_its_control() -> None:
    until = Moment(OWN, 1_000_060.0)
    assert step(ExportLimit(1.0), until=until)[0][0].valid_until == until


@pytest.mark.parametrize("factor", [0.0, 0.99, 1000.1, -1.0, math.nan])
def test_options_refuse_a_factor_that_makes_no_sense(factor: float) -> None:
    with pytest.raises(ConfigurationFault, match="absurd_factor"):
        LimitPowerOptions(factor)
