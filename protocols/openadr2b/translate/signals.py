"""Signals -> controls: the profile's table 1, every row (OpenADR 2.0b profile, clause 8.1).

Load is positive on both sides, so nothing is turned here; generation and discharge are negative values of LOAD_DISPATCH.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import isfinite

from grid_functions.model.control import (
    Control,
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
from protocols.openadr2b.wire.events import Signal, Unit

SCALES = {
    "p": 1e-12,
    "n": 1e-9,
    "micro": 1e-6,
    "m": 1e-3,
    "c": 1e-2,
    "d": 1e-1,
    "none": 1.0,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
}
"""siScaleCode: what one of the told unit is in the bare unit."""


class BadSignalValue(ValueError):
    """A value outside what its signal type can mean."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a signal's values become; ``make`` raises BadSignalValue."""

    make: Callable[[float], Control]
    scale: float = 1.0

    def control(self, value: float) -> Control:
        """The control of one value."""
        scaled = value * self.scale
        if not isfinite(scaled):  # 1e300 in tera is a number no longer
            raise BadSignalValue(f"{value:g} times {self.scale:g} is beyond all measure")
        return self.make(scaled)


def meaning_of(signal: Signal, terms: Terms) -> Meaning | Refusal:
    """What a signal says, or why it says nothing to us (460: rule 109)."""
    row = ROWS.get(
        (signal.signalName.upper() if signal.signalName == "simple" else signal.signalName, signal.signalType)
    )
    if row is None:
        return _refused(signal, "is not supported")
    if row.make is None:
        return _refused(signal, row.why)
    if row.units and signal.unit is not None and signal.unit.kind not in row.units:
        return _refused(signal, f"is not understood in {signal.unit.kind}")
    scale = SCALES[signal.unit.scale or "none"] if signal.unit is not None else 1.0
    if row.unit_needed and signal.unit is None:
        if terms.assumed_power_w is None or "powerReal" not in row.units:
            return _refused(signal, "has no unit")
        scale = terms.assumed_power_w
    if row.units:
        return Meaning(partial(row.make, signal.unit), scale)
    return Meaning(partial(row.make, None))


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table. ``units``: the elements it may be measured in, empty = it has none."""

    make: Callable[[Unit | None, float], Control] | None
    units: frozenset[str] = frozenset()
    unit_needed: bool = False
    why: str = ""


def _refused(signal: Signal, why: str) -> Refusal:
    return Refusal(Code.SIGNAL_NOT_SUPPORTED, f"signal {signal.signalName}/{signal.signalType} {why}")


def _within(value: float, low: float, high: float) -> float:
    if not low <= value <= high:
        raise BadSignalValue(f"{value:g} is outside {low:g}..{high:g}")
    return value


def _whole(value: float) -> int:
    if value != int(value):
        raise BadSignalValue(f"{value:g} is not a whole number")
    return int(value)


def _simple(unit: Unit | None, value: float) -> Control:
    return ShedLevel(_whole(_within(value, 0, 3)))


def _price(of: Priced, kind: PriceKind, unit: Unit | None, value: float) -> Control:
    currency = unit.units if unit is not None and kind is not PriceKind.MULTIPLIER else ""
    return Price(of, kind, value, currency)


def _dispatch(kind: DispatchKind, unit: Unit | None, value: float) -> Control:
    return LoadDispatch(kind, _within(value, -10, 10) if kind is DispatchKind.LEVEL else value)


def _load(kind: LoadControlKind, unit: Unit | None, value: float) -> Control:
    match kind:
        case LoadControlKind.CAPACITY:
            return LoadControl(kind, _within(value, 0, 1))
        case LoadControlKind.LEVEL_OFFSET:
            return LoadControl(kind, _whole(value))
        case _:
            return LoadControl(kind, value)


def _stored(unit: Unit | None, value: float) -> Control:
    return StorageEnergy(_within(value, 0, float("inf")))


def _stored_change(unit: Unit | None, value: float) -> Control:
    return StorageEnergy(value, relative=True)


def _charge(unit: Unit | None, value: float) -> Control:
    return StorageCharge(100.0 * _within(value, 0, 1))


_POWER = frozenset({"powerReal"})
_ENERGY = frozenset({"energyReal"})
_PER_KWH = frozenset({"currencyPerKWh", "currency"})
_PER_KW = frozenset({"currencyPerKW", "currency"})
_AWARDS = "is an award of a market we bid in nowhere"


def _prices(of: Priced, units: frozenset[str]) -> dict[str, Row]:
    return {
        "price": Row(partial(_price, of, PriceKind.ABSOLUTE), units),
        "priceRelative": Row(partial(_price, of, PriceKind.RELATIVE), units),
        "priceMultiplier": Row(partial(_price, of, PriceKind.MULTIPLIER)),
    }


_SIGNALS: dict[str, dict[str, Row]] = {
    "SIMPLE": {"level": Row(_simple)},
    "ELECTRICITY_PRICE": _prices(Priced.IMPORT, _PER_KWH),
    "ENERGY_PRICE": _prices(Priced.IMPORT, _PER_KWH),
    "DEMAND_CHARGE": _prices(Priced.DEMAND, _PER_KW),
    "BID_PRICE": {"price": Row(None, why=_AWARDS)},
    "BID_LOAD": {"setpoint": Row(None, why=_AWARDS)},
    "BID_ENERGY": {"setpoint": Row(None, why=_AWARDS)},
    "CHARGE_STATE": {
        "setpoint": Row(_stored, _ENERGY, unit_needed=True),
        "delta": Row(_stored_change, _ENERGY, unit_needed=True),
        "multiplier": Row(_charge),
    },
    "LOAD_DISPATCH": {
        "setpoint": Row(partial(_dispatch, DispatchKind.SETPOINT_W), _POWER, unit_needed=True),
        "delta": Row(partial(_dispatch, DispatchKind.DELTA_W), _POWER, unit_needed=True),
        "multiplier": Row(partial(_dispatch, DispatchKind.MULTIPLIER)),
        "level": Row(partial(_dispatch, DispatchKind.LEVEL)),
    },
    "LOAD_CONTROL": {
        "x-loadControlCapacity": Row(partial(_load, LoadControlKind.CAPACITY)),
        "x-loadControlLevelOffset": Row(partial(_load, LoadControlKind.LEVEL_OFFSET)),
        "x-loadControlPercentOffset": Row(partial(_load, LoadControlKind.PERCENT_OFFSET)),
        "x-loadControlSetpoint": Row(partial(_load, LoadControlKind.SETPOINT)),
    },
}

ROWS = {(name, kind): row for name, kinds in _SIGNALS.items() for kind, row in kinds.items()}
"""Table 1, by signalName and signalType."""
