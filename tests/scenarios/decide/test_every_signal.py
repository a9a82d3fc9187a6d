"""Every row of both signal tables acts on a site that is set up for it: a claim, a price series, an alarm or a word shown."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from grid_functions.catalogue import built_in
from grid_functions.model.claim import SourceKind
from grid_functions.model.control import Control
from grid_functions.model.device import Role, Seen
from grid_functions.model.event import EventKey
from grid_functions.model.reading import MeterKey, Quality, Reading
from grid_functions.model.tariff import Priced
from grid_functions.model.units import Quantity
from grid_functions.site.load_control import ControlLoad, LoadControlOptions, SetpointOf
from grid_functions.site.load_dispatch import DispatchLoad, LoadDispatchOptions
from grid_functions.site.measure import Measure
from grid_functions.site.prices import KeepPrices, PricesOptions
from grid_functions.site.shed import Shed, ShedOptions
from protocols.openadr2b.session.terms import Terms
from protocols.openadr2b.translate.signals import ROWS, BadSignalValue, Meaning, meaning_of
from protocols.openadr2b.wire.events import Signal, Unit
from protocols.openadr3.translate.faults import Invalid
from protocols.openadr3.translate.payloads import TABLE, control_of
from protocols.openadr3.wire.objects import EventDescriptor, Point
from tests.grid_functions.allocate.test_targets import ALL
from tests.grid_functions.house import able, seen, terms
from tests.scenarios.decide.site import AGGREGATOR, Site, event, policy

LESS = Measure("evse", limit_w=2000.0)
UNITS = {"powerReal": "W", "energyReal": "Wh", "currencyPerKWh": "EUR", "currencyPerKW": "EUR"}
TOLD: dict[str, Any] = {"CURVE": (Point(0.95, 0.4), Point(1.05, -0.4)), "SIMPLE": 2}
IN: dict[str, str] = {"CHARGE_STATE_SETPOINT": "PERCENT", "CURVE": "KVAR"}


def house() -> Site:
    """PV, a battery with its charge and a charger, all of which can do everything, with a table for every level and every price."""
    capability = replace(able(), abilities=ALL)
    battery = seen("battery", Role.BATTERY, capability=capability)
    charge: dict[MeterKey, Reading] = {(Quantity.STATE_OF_CHARGE, None): Reading(30.0, Quality.GOOD, 0.0, 0.0)}
    devices: list[Seen] = [
        seen("pv", power_w=-3000.0, capability=capability),
        replace(
            battery,
            nameplate=replace(battery.nameplate, capacity_wh=10_000.0),
            condition=replace(battery.condition, readings={**battery.condition.readings, **charge}),
        ),
        seen("evse", Role.EVSE, power_w=5000.0, capability=capability),
    ]
    site = terms({one.device: one.role for one in devices})
    functions = built_in() | {
        "shed": Shed(ShedOptions({1: (LESS,)})),
        "load_dispatch": DispatchLoad(LoadDispatchOptions({1: (LESS,)})),
        "load_control": ControlLoad(LoadControlOptions({1: (LESS,), -1: (LESS,)}, {"evse": SetpointOf.LIMIT_W})),
        "prices": KeepPrices(PricesOptions({Priced.IMPORT: 0.3, Priced.DEMAND: 8.0}, "EUR")),
    }
    return Site(
        devices,
        replace(site, respondents={AGGREGATOR: frozenset(site.devices)}),
        {AGGREGATOR: policy(AGGREGATOR, SourceKind.OPENADR)},
        functions,
        meter_w=2000.0,
    )


def deeds(control: Control) -> set[str]:
    """What an event of this control brings about."""
    site = house()
    done = site.tick(0.0, site.read(0.0, event("e", control, respondent=AGGREGATOR), respondent=AGGREGATOR))
    key = EventKey(AGGREGATOR, "e")
    found = {"claim" for one in (*done.ruling.bounds, *done.ruling.winners) if one.cause.cause == key}
    tariff = site.state.kept["prices"].state.tariff
    found |= {"price" for slots in tariff.values() for one in slots if one.event == "e"}
    found |= {"alarm" for one in done.alarms if one.room == "alerts"}
    shown = [one for one in done.in_force if one.cause == key]
    assert shown, "it is not even in force"
    return found


def expected(name: str) -> set[str]:
    """By its name: prices and emissions are series, alerts are alarms, what is on offer is shown, the rest claims something."""
    if name.startswith("ALERT_"):
        return {"alarm"}
    if name.endswith("_AVAILABLE"):
        return set()
    if "PRICE" in name or name in ("GHG", "DEMAND_CHARGE") or name.endswith("_FEE"):
        return {"price"}
    return {"claim"}


@pytest.mark.parametrize(("name", "kind"), [key for key, row in ROWS.items() if row.make is not None])
def test_every_row_of_2_0b_acts(name: str, kind: str) -> None:
    row = ROWS[name, kind]
    of = next((one for one in sorted(row.units) if one in UNITS), None)
    unit = None if of is None else Unit(kind=of, description="", units=UNITS[of], scale="none")
    signal = Signal(signalName=name, signalType=kind, signalID="s", intervals=(), unit=unit)
    meaning = meaning_of(signal, Terms(name="aggregator", url="http://vtn", ven_name="ven"))
    assert isinstance(meaning, Meaning)
    assert deeds(meaning.control(1.0)) == expected(name)


@pytest.mark.parametrize("name", TABLE)
def test_every_payload_type_of_3_acts(name: str) -> None:
    control = control_of(name, TOLD.get(name, 1), EventDescriptor(name, units=IN.get(name, ""), currency="EUR"))
    assert deeds(control) == expected(name)


FAR = (0.0, -1.0, 1e15, -1e15, 1e308, -1e308)


def far_controls() -> Iterator[tuple[str, Control]]:
    """Every row of both tables at values that a float can have and a site cannot, as far as the tables take them."""
    for (name, kind), row in ROWS.items():
        for value in FAR if row.make is not None else ():
            of = next((one for one in sorted(row.units) if one in UNITS), None)
            unit = None if of is None else Unit(kind=of, description="", units=UNITS[of], scale="none")
            signal = Signal(signalName=name, signalType=kind, signalID="s", intervals=(), unit=unit)
            meaning = meaning_of(signal, Terms(name="aggregator", url="http://vtn", ven_name="ven"))
            with suppress(BadSignalValue):
                if isinstance(meaning, Meaning):
                    yield f"{name} {kind} {value:g}", meaning.control(value)
    for name in TABLE:
        for value in FAR:
            with suppress(Invalid):
                yield f"{name} {value:g}", control_of(name, value, EventDescriptor(name, units=IN.get(name, "")))


@pytest.mark.parametrize("control", [pytest.param(made, id=name) for name, made in far_controls()])
def test_no_value_stops_a_decision_or_becomes_a_setpoint_of_no_measure(control: Control) -> None:
    """What is no limit is none of that source (rule 6); whatever it is, the utility's read in the same tick is decided on."""
    site = house()
    done = site.tick(0.0, site.read(0.0, event("e", control, respondent=AGGREGATOR), respondent=AGGREGATOR))
    told = [
        value
        for one in done.setpoints
        for value in (one.produce_max_w, one.consume_max_w, one.target_w, one.current_max_a)
        if value is not None
    ]
    assert all(abs(value) <= 1e6 for value in told), done.setpoints
