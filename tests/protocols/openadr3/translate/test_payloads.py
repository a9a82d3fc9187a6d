"""The whole table of event payload types: one row each, the control worked out by hand."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grid_functions.model.control import (
    Alert,
    Control,
    Curve,
    CurveKind,
    CurvePoint,
    DispatchKind,
    ExportLimit,
    ImportLimit,
    LoadControl,
    LoadControlKind,
    LoadDispatch,
    LoadShape,
    ShedLevel,
    StorageCharge,
    StorageEnergy,
    mode_of,
)
from grid_functions.model.tariff import Capacity, CapacityKind, Direction, Price, Priced, PriceKind
from grid_functions.model.units import PercentBase
from protocols.openadr3.translate.faults import Invalid, Unsupported
from protocols.openadr3.translate.payloads import SITE_RULES, TABLE, control_of
from protocols.openadr3.wire.objects import EventDescriptor, Point

IN, OUT = Direction.IMPORT, Direction.EXPORT


def absolute(of: Priced, value: float, currency: str = "") -> Price:
    return Price(of, PriceKind.ABSOLUTE, value, currency)


ROWS: list[tuple[str, Any, str, Control]] = [
    ("SIMPLE", 0, "", ShedLevel(0)),
    ("SIMPLE", 3.0, "", ShedLevel(3)),
    ("PRICE", 0.25, "KWH", absolute(Priced.IMPORT, 0.25)),
    ("PRICE", -12.5, "MWH", absolute(Priced.IMPORT, -0.0125)),
    ("PRICE", 0.25, "", absolute(Priced.IMPORT, 0.25)),
    ("PRICE", 8, "KW", absolute(Priced.DEMAND, 8.0)),
    ("EXPORT_PRICE", 0.08, "KWH", absolute(Priced.EXPORT, 0.08)),
    ("PRICE_ALTERNATE", 0.3, "KWH", absolute(Priced.ALTERNATE, 0.3)),
    ("GHG", 412, "GHG", absolute(Priced.EMISSIONS, 412.0)),
    ("CHARGE_STATE_SETPOINT", 0.8, "PERCENT", StorageCharge(80.0)),
    ("CHARGE_STATE_SETPOINT", 7.5, "KWH", StorageEnergy(7500.0)),
    ("DISPATCH_SETPOINT", 3.5, "KW", LoadDispatch(DispatchKind.SETPOINT_W, 3500.0)),
    ("DISPATCH_SETPOINT", -2, "KW", LoadDispatch(DispatchKind.SETPOINT_W, -2000.0)),
    ("DISPATCH_SETPOINT_RELATIVE", -1.5, "KW", LoadDispatch(DispatchKind.DELTA_W, -1500.0)),
    ("DISPATCH_SETPOINT_RELATIVE", -0.25, "PERCENT", LoadDispatch(DispatchKind.MULTIPLIER, 0.75)),
    ("CONTROL_SETPOINT", 21.5, "CELSIUS", LoadControl(LoadControlKind.SETPOINT, 21.5)),
    ("CONTROL_LEVEL_OFFSET", -3, "", LoadControl(LoadControlKind.LEVEL_OFFSET, 3.0)),
    ("CONTROL_LEVEL_OFFSET_PERCENT", -0.4, "PERCENT", LoadControl(LoadControlKind.PERCENT_OFFSET, -40.0)),
    ("CONTROL_PERCENT_OFFSET", 0.1, "", LoadControl(LoadControlKind.PERCENT_OFFSET, 10.0)),
    ("OLS", 0.35, "", LoadShape(0.35)),
    ("IMPORT_CAPACITY_SUBSCRIPTION", 10, "KW", Capacity(IN, CapacityKind.SUBSCRIPTION, 10_000.0)),
    ("IMPORT_CAPACITY_RESERVATION", 2, "KW", Capacity(IN, CapacityKind.RESERVATION, 2000.0)),
    ("IMPORT_CAPACITY_RESERVATION_FEE", 1.5, "KW", absolute(Priced.IMPORT_RESERVATION, 1.5)),
    ("IMPORT_CAPACITY_AVAILABLE", 4, "KW", Capacity(IN, CapacityKind.AVAILABLE, 4000.0)),
    ("IMPORT_CAPACITY_AVAILABLE_PRICE", 2.5, "", absolute(Priced.IMPORT_AVAILABLE, 2.5)),
    ("EXPORT_CAPACITY_SUBSCRIPTION", 5, "KW", Capacity(OUT, CapacityKind.SUBSCRIPTION, 5000.0)),
    ("EXPORT_CAPACITY_RESERVATION", 1, "KW", Capacity(OUT, CapacityKind.RESERVATION, 1000.0)),
    ("EXPORT_CAPACITY_RESERVATION_FEE", 0.5, "KW", absolute(Priced.EXPORT_RESERVATION, 0.5)),
    ("EXPORT_CAPACITY_AVAILABLE", 0, "KW", Capacity(OUT, CapacityKind.AVAILABLE, 0.0)),
    ("EXPORT_CAPACITY_AVAILABLE_PRICE", 1, "KW", absolute(Priced.EXPORT_AVAILABLE, 1.0)),
    ("IMPORT_CAPACITY_LIMIT", 4.2, "KW", ImportLimit(4200.0)),
    ("IMPORT_CAPACITY_LIMIT", 4.2, "", ImportLimit(4200.0)),
    ("IMPORT_CAPACITY_LIMIT", 4200, "W", ImportLimit(4200.0)),
    ("EXPORT_CAPACITY_LIMIT", 0, "KW", ExportLimit(0.0)),
    ("EXPORT_CAPACITY_LIMIT", -1, "KW", ExportLimit(-1000.0)),  # rule 6 makes it nothing and an alarm
    ("ALERT_GRID_EMERGENCY", "switch off", "", Alert("grid_emergency", "switch off")),
    ("ALERT_BLACK_START", "restart", "", Alert("black_start", "restart")),
    ("ALERT_POSSIBLE_OUTAGE", "storm", "", Alert("possible_outage", "storm")),
    ("ALERT_FLEX_ALERT", "save", "", Alert("flex_alert", "save")),
    ("ALERT_FIRE", ("north", "south"), "", Alert("fire", "north; south")),
    ("ALERT_FREEZING", "cold", "", Alert("freezing", "cold")),
    ("ALERT_WIND", "gale", "", Alert("wind", "gale")),
    ("ALERT_TSUNAMI", "wave", "", Alert("tsunami", "wave")),
    ("ALERT_AIR_QUALITY", 3, "", Alert("air_quality", "3")),
    ("ALERT_OTHER", "?", "", Alert("other", "?")),
    (
        "CURVE",
        (Point(0.92, 0.44), Point(0.98, 0.0), Point(1.02, 0.0), Point(1.08, -0.44)),
        "KVAR",
        Curve(
            CurveKind.VOLT_VAR,
            (CurvePoint(92.0, 44.0), CurvePoint(98.0, 0.0), CurvePoint(102.0, 0.0), CurvePoint(108.0, -44.0)),
            PercentBase.MAX_REACTIVE,
        ),
    ),
    (
        "CURVE",
        (Point(1.06, 1.0), Point(1.1, 0.0)),
        "KW",
        Curve(
            CurveKind.VOLT_WATT, (CurvePoint(106.0, 100.0), CurvePoint(110.00000000000001, 0.0)), PercentBase.MAX_POWER
        ),
    ),
]


@pytest.mark.parametrize(("kind", "value", "units", "control"), ROWS)
def test_a_payload_is_a_control(kind: str, value: Any, units: str, control: Control) -> None:
    assert control_of(kind, value, EventDescriptor(kind, units)) == control


def test_the_table_has_a_row_here_for_every_type() -> None:
    assert {row[0] for row in ROWS} == set(TABLE)


def test_the_currency_comes_along() -> None:
    assert control_of("PRICE", 0.25, EventDescriptor("PRICE", "KWH", "EUR")) == absolute(Priced.IMPORT, 0.25, "EUR")


def test_no_two_types_of_one_event_are_one_mode_but_those_that_mean_the_same() -> None:
    modes: dict[Any, set[str]] = {}
    for kind, value, units, _ in ROWS:
        modes.setdefault(mode_of(control_of(kind, value, EventDescriptor(kind, units))), set()).add(kind)
    shared = [kinds for kinds in modes.values() if len(kinds) > 1]
    assert shared == [
        {"DISPATCH_SETPOINT", "DISPATCH_SETPOINT_RELATIVE"},
        {"CONTROL_SETPOINT", "CONTROL_LEVEL_OFFSET", "CONTROL_LEVEL_OFFSET_PERCENT", "CONTROL_PERCENT_OFFSET"},
    ]


@pytest.mark.parametrize("kind", [*sorted(SITE_RULES), "X_PRIVATE", "simple", ""])
def test_what_needs_a_rule_of_the_site_is_not_supported(kind: str) -> None:
    with pytest.raises(Unsupported):
        control_of(kind, 1, EventDescriptor(kind))


@pytest.mark.parametrize(
    ("kind", "units"),
    [
        ("PRICE", "THERMS"),
        ("IMPORT_CAPACITY_LIMIT", "AMPS"),
        ("IMPORT_CAPACITY_LIMIT", "KWH"),
        ("IMPORT_CAPACITY_LIMIT", "PERCENT"),
        ("DISPATCH_SETPOINT", "PERCENT"),
        ("CHARGE_STATE_SETPOINT", ""),
        ("CHARGE_STATE_SETPOINT", "KW"),
        ("GHG", "KWH"),
        ("CURVE", "PERCENT"),
        ("CURVE", ""),
    ],
)
def test_units_that_do_not_fit_are_not_supported(kind: str, units: str) -> None:
    with pytest.raises(Unsupported):
        control_of(kind, 1.0, EventDescriptor(kind, units))


@pytest.mark.parametrize(
    ("kind", "value", "units"),
    [
        ("SIMPLE", 4, ""),
        ("SIMPLE", -1, ""),
        ("SIMPLE", 1.5, ""),
        ("SIMPLE", "1", ""),
        ("SIMPLE", True, ""),
        ("PRICE", "0.25", "KWH"),
        ("PRICE", float("inf"), "KWH"),
        ("PRICE", 10**400, "KWH"),
        ("IMPORT_CAPACITY_LIMIT", 1e307, "KW"),
        ("PRICE", (), "KWH"),
        ("PRICE", Point(1.0, 2.0), "KWH"),
        ("IMPORT_CAPACITY_LIMIT", "5", "KW"),
        ("IMPORT_CAPACITY_LIMIT", False, "KW"),
        ("IMPORT_CAPACITY_SUBSCRIPTION", -1, "KW"),
        ("CHARGE_STATE_SETPOINT", 80, "PERCENT"),
        ("CHARGE_STATE_SETPOINT", -0.1, "PERCENT"),
        ("CHARGE_STATE_SETPOINT", -1, "KWH"),
        ("DISPATCH_SETPOINT_RELATIVE", -25, "PERCENT"),
        ("CONTROL_LEVEL_OFFSET", 11, ""),
        ("CONTROL_LEVEL_OFFSET", 0.5, ""),
        ("CONTROL_LEVEL_OFFSET_PERCENT", -40, ""),
        ("OLS", 1.01, ""),
        ("CURVE", (Point(0.9, 1.0),), "KVAR"),
        ("CURVE", (Point(1.1, 1.0), Point(0.9, 0.0)), "KVAR"),
        ("CURVE", (Point(207.0, 1.0), Point(253.0, 0.0)), "KVAR"),
        ("CURVE", (Point(0.9, 1.0), Point(1.1, -44.0)), "KVAR"),
        ("CURVE", (Point(0.9, 1.0), Point(1.1, -0.5)), "KW"),
        ("CURVE", (0.9, 1.0), "KW"),
        ("CURVE", tuple(Point(0.9 + n / 100, 0.0) for n in range(11)), "KW"),
    ],
)
def test_a_value_that_its_type_does_not_allow_is_invalid(kind: str, value: Any, units: str) -> None:
    with pytest.raises(Invalid):
        control_of(kind, value, EventDescriptor(kind, units))


VALUES = st.floats() | st.integers() | st.text(max_size=5) | st.booleans() | st.builds(Point, st.floats(), st.floats())


@settings(max_examples=300)
@given(
    st.sampled_from(sorted(TABLE)),
    VALUES | st.lists(VALUES, max_size=4).map(tuple),
    st.sampled_from(["", "KW", "KWH", "PERCENT", "KVAR"]),
)
def test_whatever_comes_is_a_control_or_refused(kind: str, value: Any, units: str) -> None:
    try:
        control = control_of(kind, value, EventDescriptor(kind, units))
    except (Invalid, Unsupported):
        return
    numbers = repr(control) if not isinstance(control, Alert) else ""
    assert "nan" not in numbers
    assert "inf" not in numbers
