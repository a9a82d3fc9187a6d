"""The profile's table 1, every row: signalName, signalType, unit and scale -> what is wanted, with one signed value each."""

from typing import Any

import pytest

from grid_functions.model.control import (
    DispatchKind,
    LoadControl,
    LoadControlKind,
    LoadDispatch,
    ShedLevel,
    StorageCharge,
    StorageEnergy,
)
from grid_functions.model.tariff import Price, Priced, PriceKind
from protocols.openadr2b.session.terms import Terms
from protocols.openadr2b.translate.refusal import Code, Refusal
from protocols.openadr2b.translate.signals import ROWS, SCALES, BadSignalValue, Meaning, meaning_of
from protocols.openadr2b.wire.events import SIGNAL_NAMES, SIGNAL_TYPES, Signal, SignalInterval, Unit

TERMS = Terms(name="vtn", url="http://vtn", ven_name="depot")


def power(scale: str = "none", kind: str = "powerReal") -> Unit:
    return Unit(kind=kind, description="RealPower", units="W", scale=scale, hertz=50.0, voltage=230.0, ac=True)


def energy(scale: str = "none", kind: str = "energyReal") -> Unit:
    return Unit(kind=kind, description="RealEnergy", units="Wh", scale=scale)


def money(kind: str = "currencyPerKWh", scale: str = "none") -> Unit:
    return Unit(kind=kind, description=kind, units="EUR", scale=scale)


def meant(name: str, kind: str, unit: Unit | None, terms: Terms = TERMS) -> Meaning | Refusal:
    interval = SignalInterval(value=0.0)
    return meaning_of(Signal(intervals=(interval,), signalName=name, signalType=kind, signalID="s", unit=unit), terms)


def control(name: str, kind: str, unit: Unit | None, value: float, terms: Terms = TERMS) -> Any:
    meaning = meant(name, kind, unit, terms)
    assert isinstance(meaning, Meaning), meaning
    return meaning.control(value)


OF = Priced.IMPORT
TABLE: dict[tuple[str, str], tuple[Unit | None, float, Any]] = {
    ("SIMPLE", "level"): (None, 2.0, ShedLevel(2)),
    ("ELECTRICITY_PRICE", "price"): (money(), -0.25, Price(OF, PriceKind.ABSOLUTE, -0.25, "EUR")),
    ("ELECTRICITY_PRICE", "priceRelative"): (money(), 0.1, Price(OF, PriceKind.RELATIVE, 0.1, "EUR")),
    ("ELECTRICITY_PRICE", "priceMultiplier"): (None, 1.5, Price(OF, PriceKind.MULTIPLIER, 1.5)),
    ("ENERGY_PRICE", "price"): (money(scale="c"), 25.0, Price(OF, PriceKind.ABSOLUTE, 0.25, "EUR")),
    ("ENERGY_PRICE", "priceRelative"): (money(), -0.1, Price(OF, PriceKind.RELATIVE, -0.1, "EUR")),
    ("ENERGY_PRICE", "priceMultiplier"): (None, 0.5, Price(OF, PriceKind.MULTIPLIER, 0.5)),
    ("DEMAND_CHARGE", "price"): (money("currencyPerKW"), 9.0, Price(Priced.DEMAND, PriceKind.ABSOLUTE, 9.0, "EUR")),
    ("DEMAND_CHARGE", "priceRelative"): (
        money("currencyPerKW"),
        -1.0,
        Price(Priced.DEMAND, PriceKind.RELATIVE, -1.0, "EUR"),
    ),
    ("DEMAND_CHARGE", "priceMultiplier"): (None, 2.0, Price(Priced.DEMAND, PriceKind.MULTIPLIER, 2.0)),
    ("CHARGE_STATE", "setpoint"): (energy("k"), 12.0, StorageEnergy(12_000.0)),
    ("CHARGE_STATE", "delta"): (energy("k"), -3.0, StorageEnergy(-3000.0, relative=True)),
    ("CHARGE_STATE", "multiplier"): (None, 0.8, StorageCharge(80.0)),
    ("LOAD_DISPATCH", "setpoint"): (power("k"), -5.0, LoadDispatch(DispatchKind.SETPOINT_W, -5000.0)),
    ("LOAD_DISPATCH", "delta"): (power("M"), 0.002, LoadDispatch(DispatchKind.DELTA_W, 2000.0)),
    ("LOAD_DISPATCH", "multiplier"): (None, 0.7, LoadDispatch(DispatchKind.MULTIPLIER, 0.7)),
    ("LOAD_DISPATCH", "level"): (None, -4.0, LoadDispatch(DispatchKind.LEVEL, -4.0)),
    ("LOAD_CONTROL", "x-loadControlCapacity"): (None, 0.4, LoadControl(LoadControlKind.CAPACITY, 0.4)),
    ("LOAD_CONTROL", "x-loadControlLevelOffset"): (None, 2.0, LoadControl(LoadControlKind.LEVEL_OFFSET, 2)),
    ("LOAD_CONTROL", "x-loadControlPercentOffset"): (None, -20.0, LoadControl(LoadControlKind.PERCENT_OFFSET, -20.0)),
    ("LOAD_CONTROL", "x-loadControlSetpoint"): (None, 21.5, LoadControl(LoadControlKind.SETPOINT, 21.5)),
}
AWARDS = {("BID_PRICE", "price"), ("BID_LOAD", "setpoint"), ("BID_ENERGY", "setpoint")}


@pytest.mark.parametrize("row", TABLE, ids="/".join)
def test_each_row_has_its_meaning(row: tuple[str, str]) -> None:
    unit, value, expected = TABLE[row]
    assert control(*row, unit, value) == expected


def test_the_table_is_whole() -> None:
    assert set(ROWS) == set(TABLE) | AWARDS
    assert {name for name, _ in ROWS} == set(SIGNAL_NAMES) - {"simple"}
    assert {kind for _, kind in ROWS} == set(SIGNAL_TYPES)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *sorted(AWARDS),
        ("x-ours", "level"),
        ("SIMPLE", "setpoint"),
        ("LOAD_DISPATCH", "price"),
        ("CHARGE_STATE", "level"),
    ],
)
def test_what_nobody_here_understands_is_460(name: str, kind: str) -> None:
    refusal = meant(name, kind, None)
    assert isinstance(refusal, Refusal)
    assert refusal.code is Code.SIGNAL_NOT_SUPPORTED


def test_simple_comes_in_lower_case_too() -> None:
    assert control("simple", "level", None, 3.0) == ShedLevel(3)


FACTORS = {"p": -12, "n": -9, "micro": -6, "m": -3, "c": -2, "d": -1, "none": 0, "k": 3, "M": 6, "G": 9, "T": 12}


def test_every_scale_of_the_schema_is_applied() -> None:
    assert set(SCALES) == set(FACTORS)
    for scale, power_of_ten in FACTORS.items():
        dispatched = control("LOAD_DISPATCH", "setpoint", power(scale), 7.0)
        assert dispatched.value == pytest.approx(7.0 * 10.0**power_of_ten, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "kind", "unit"),
    [
        ("LOAD_DISPATCH", "setpoint", power(kind="powerReactive")),
        ("LOAD_DISPATCH", "setpoint", power(kind="powerApparent")),
        ("LOAD_DISPATCH", "delta", energy()),
        ("CHARGE_STATE", "setpoint", energy(kind="energyApparent")),
        ("CHARGE_STATE", "delta", energy(kind="energyReactive")),
        ("ELECTRICITY_PRICE", "price", money("currencyPerThm")),
        ("ELECTRICITY_PRICE", "price", money("currencyPerKW")),
        ("DEMAND_CHARGE", "price", money("currencyPerKWh")),
        ("LOAD_DISPATCH", "setpoint", None),
        ("CHARGE_STATE", "setpoint", None),
    ],
)
def test_a_unit_that_is_not_understood_or_missing_is_460(name: str, kind: str, unit: Unit | None) -> None:
    refusal = meant(name, kind, unit)
    assert isinstance(refusal, Refusal)
    assert refusal.code is Code.SIGNAL_NOT_SUPPORTED


def test_a_power_without_a_unit_is_taken_as_configured() -> None:
    terms = Terms(name="vtn", url="http://vtn", ven_name="depot", assumed_power_w=1000.0)
    assert control("LOAD_DISPATCH", "setpoint", None, 5.0, terms) == LoadDispatch(DispatchKind.SETPOINT_W, 5000.0)
    assert isinstance(meant("CHARGE_STATE", "setpoint", None, terms), Refusal)


@pytest.mark.parametrize(
    ("name", "kind", "unit", "value"),
    [
        ("SIMPLE", "level", None, 4.0),
        ("SIMPLE", "level", None, -1.0),
        ("SIMPLE", "level", None, 1.5),
        ("LOAD_DISPATCH", "level", None, 11.0),
        ("LOAD_CONTROL", "x-loadControlCapacity", None, 1.01),
        ("LOAD_CONTROL", "x-loadControlLevelOffset", None, 0.5),
        ("CHARGE_STATE", "multiplier", None, -0.1),
        ("CHARGE_STATE", "setpoint", energy(), -1.0),
        # 1e300 is a float of the schema; of a tera it makes no number that a site could be moved to
        ("LOAD_DISPATCH", "setpoint", power("T"), 1e300),
        ("LOAD_DISPATCH", "delta", power("T"), -1e300),
        ("CHARGE_STATE", "setpoint", energy("T"), 1e300),
    ],
)
def test_values_outside_their_range_mean_nothing(name: str, kind: str, unit: Unit | None, value: float) -> None:
    meaning = meant(name, kind, unit)
    assert isinstance(meaning, Meaning)
    with pytest.raises(BadSignalValue):
        meaning.control(value)
