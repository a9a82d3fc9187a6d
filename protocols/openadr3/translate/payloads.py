"""Event payloads -> controls: the whole table of OpenADR 3 event payload types (Definitions, "event payload enumerations").

Units come from the payload descriptor of the event, else of the program. Interpretations, where the standard is silent:

- power without units is in kW, the only unit of active power that the enumeration has; kVA is taken as kW, which is the larger of
  the two and so is named in a remark;
- a price without units is per kWh, a capacity fee or price without units per kW;
- PERCENT is a fraction, -1 to 1: 80 is no state of charge.
"""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from grid_functions.model.control import (
    Alert,
    Control,
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
)
from grid_functions.model.tariff import Capacity, CapacityKind, Direction, Price, Priced, PriceKind
from grid_functions.model.units import turned
from protocols.openadr3.translate.curves import curve
from protocols.openadr3.translate.faults import Invalid, Unsupported
from protocols.openadr3.wire.objects import EventDescriptor, Value

Given = Value | tuple[Value, ...]

SITE_RULES: Final = frozenset({"DISPATCH_INSTRUCTION", "CTA2045_REBOOT", "CTA2045_SET_OVERRIDE_STATUS"})
"""Types of the standard whose meaning only a site's own rule could give."""


def control_of(kind: str, value: Given, descriptor: EventDescriptor) -> Control:
    """The control that a value asks for. Raises Invalid for a value that its type does not allow, Unsupported for what we cannot do."""
    make = TABLE.get(kind)
    if make is None:
        why = "has no rule at this site" if kind in SITE_RULES else "is a payload type we do not know"
        raise Unsupported(f"{kind[:60]} {why}")
    if value == ():
        raise Invalid(f"{kind} without a value")
    try:
        return make(value, descriptor)
    except Invalid as invalid:
        raise Invalid(f"{kind}: {invalid}") from invalid
    except Unsupported as unsupported:
        raise Unsupported(f"{kind}: {unsupported}") from unsupported


def _number(value: Given) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Invalid(f"a number is due, not {str(value)[:40]!r}")
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise Invalid("a number beyond all measure")
    return found


def _scaled(value: Given, factor: float) -> float:
    found = _number(value) * factor
    if not math.isfinite(found):
        raise Invalid("a number beyond all measure")
    return found


def _within(value: Given, low: float, high: float) -> float:
    found = _number(value)
    if not low <= found <= high:
        raise Invalid(f"{found:g} is not within {low:g} and {high:g}")
    return found


def _whole(value: Given, low: int, high: int) -> int:
    found = _within(value, low, high)
    if found != int(found):
        raise Invalid(f"{found:g} is no whole number")
    return int(found)


_POWERS: Final = MappingProxyType({"": 1e3, "KW": 1e3, "KVA": 1e3, "W": 1.0, "VA": 1.0, "MW": 1e6})
_ENERGIES: Final = MappingProxyType({"KWH": 1e3, "WH": 1.0, "MWH": 1e6})
_PER_ENERGY: Final = MappingProxyType({"": 1.0, "KWH": 1.0, "WH": 1e3, "MWH": 1e-3})
_PER_POWER: Final = MappingProxyType({"": 1.0, "KW": 1.0, "W": 1e3, "MW": 1e-3})


def _factor(descriptor: EventDescriptor, factors: Mapping[str, float]) -> float:
    found = factors.get(descriptor.units.strip().upper())
    if found is None:
        raise Unsupported(f"in {descriptor.units[:40]!r}; {', '.join(unit for unit in factors if unit)} are understood")
    return found


def _power_w(value: Given, descriptor: EventDescriptor) -> float:
    return _scaled(value, _factor(descriptor, _POWERS))


def _is_percent(descriptor: EventDescriptor) -> bool:
    return descriptor.units.strip().upper() == "PERCENT"


def _level(value: Given, _: EventDescriptor) -> Control:
    return ShedLevel(_whole(value, 0, 3))


def _price(of: Priced) -> Callable[[Given, EventDescriptor], Control]:
    def make(value: Given, descriptor: EventDescriptor) -> Control:
        per_power = of is Priced.IMPORT and descriptor.units.strip().upper() in ("KW", "MW")
        what = Priced.DEMAND if per_power else of
        factor = _factor(descriptor, _PER_POWER if per_power or of in _CAPACITY_PRICES else _PER_ENERGY)
        return Price(what, PriceKind.ABSOLUTE, _scaled(value, factor), descriptor.currency)

    return make


_CAPACITY_PRICES: Final = frozenset(
    {Priced.IMPORT_RESERVATION, Priced.EXPORT_RESERVATION, Priced.IMPORT_AVAILABLE, Priced.EXPORT_AVAILABLE}
)


def _emissions(value: Given, descriptor: EventDescriptor) -> Control:
    """g/kWh, whatever the units say: the enumeration fixes them."""
    if descriptor.units.strip().upper() not in ("", "GHG", "G/KWH"):
        raise Unsupported(f"in {descriptor.units[:40]!r}; GHG is g/kWh")
    return Price(Priced.EMISSIONS, PriceKind.ABSOLUTE, _number(value))


def _charge(value: Given, descriptor: EventDescriptor) -> Control:
    if _is_percent(descriptor):
        return StorageCharge(_within(value, 0.0, 1.0) * 100.0)
    if not descriptor.units:
        raise Unsupported("neither PERCENT nor KWH: what is meant?")
    energy_wh = _scaled(value, _factor(descriptor, _ENERGIES))
    if energy_wh < 0:
        raise Invalid("less than nothing is stored")
    return StorageEnergy(energy_wh)


def _dispatch(value: Given, descriptor: EventDescriptor) -> Control:
    return LoadDispatch(DispatchKind.SETPOINT_W, _power_w(value, descriptor))


def _dispatch_relative(value: Given, descriptor: EventDescriptor) -> Control:
    """Interpretation: in PERCENT it is a change by that share of the baseline."""
    if _is_percent(descriptor):
        return LoadDispatch(DispatchKind.MULTIPLIER, 1.0 + _within(value, -1.0, 1.0))
    return LoadDispatch(DispatchKind.DELTA_W, _power_w(value, descriptor))


def _setpoint(value: Given, _: EventDescriptor) -> Control:
    return LoadControl(LoadControlKind.SETPOINT, _number(value))


def _level_offset(value: Given, _: EventDescriptor) -> Control:
    """Interpretation: as a change of consumption, so that -10 is the least; this house counts the other way."""
    return LoadControl(LoadControlKind.LEVEL_OFFSET, turned(float(_whole(value, -10, 10))))


def _percent_offset(value: Given, _: EventDescriptor) -> Control:
    return LoadControl(LoadControlKind.PERCENT_OFFSET, _within(value, -1.0, 1.0) * 100.0)


def _shape(value: Given, _: EventDescriptor) -> Control:
    return LoadShape(_within(value, 0.0, 1.0))


def _capacity(direction: Direction, kind: CapacityKind) -> Callable[[Given, EventDescriptor], Control]:
    def make(value: Given, descriptor: EventDescriptor) -> Control:
        power_w = _power_w(value, descriptor)
        if power_w < 0:
            raise Invalid("a capacity is no less than nothing")
        return Capacity(direction, kind, power_w)

    return make


def _import_limit(value: Given, descriptor: EventDescriptor) -> Control:
    """A negative limit goes on as it is: it is nothing and an alarm, as from any other source (rule 6)."""
    return ImportLimit(_power_w(value, descriptor))


def _export_limit(value: Given, descriptor: EventDescriptor) -> Control:
    return ExportLimit(_power_w(value, descriptor))


def _alert(kind: str) -> Callable[[Given, EventDescriptor], Control]:
    def make(value: Given, _: EventDescriptor) -> Control:
        words = value if isinstance(value, tuple) else (value,)
        return Alert(kind, "; ".join(str(word) for word in words)[:1000])

    return make


_ALERTS: Final = (
    *("GRID_EMERGENCY", "BLACK_START", "POSSIBLE_OUTAGE", "FLEX_ALERT", "FIRE", "FREEZING", "WIND", "TSUNAMI"),
    *("AIR_QUALITY", "OTHER"),
)

_IMPORT, _EXPORT = Direction.IMPORT, Direction.EXPORT

TABLE: Final[Mapping[str, Callable[[Given, EventDescriptor], Control]]] = MappingProxyType(
    {
        "SIMPLE": _level,
        "PRICE": _price(Priced.IMPORT),
        "EXPORT_PRICE": _price(Priced.EXPORT),
        "PRICE_ALTERNATE": _price(Priced.ALTERNATE),
        "GHG": _emissions,
        "CHARGE_STATE_SETPOINT": _charge,
        "DISPATCH_SETPOINT": _dispatch,
        "DISPATCH_SETPOINT_RELATIVE": _dispatch_relative,
        "CONTROL_SETPOINT": _setpoint,
        "CONTROL_LEVEL_OFFSET": _level_offset,
        "CONTROL_LEVEL_OFFSET_PERCENT": _percent_offset,
        "CONTROL_PERCENT_OFFSET": _percent_offset,
        "CURVE": curve,
        "OLS": _shape,
        "IMPORT_CAPACITY_SUBSCRIPTION": _capacity(_IMPORT, CapacityKind.SUBSCRIPTION),
        "IMPORT_CAPACITY_RESERVATION": _capacity(_IMPORT, CapacityKind.RESERVATION),
        "IMPORT_CAPACITY_RESERVATION_FEE": _price(Priced.IMPORT_RESERVATION),
        "IMPORT_CAPACITY_AVAILABLE": _capacity(_IMPORT, CapacityKind.AVAILABLE),
        "IMPORT_CAPACITY_AVAILABLE_PRICE": _price(Priced.IMPORT_AVAILABLE),
        "EXPORT_CAPACITY_SUBSCRIPTION": _capacity(_EXPORT, CapacityKind.SUBSCRIPTION),
        "EXPORT_CAPACITY_RESERVATION": _capacity(_EXPORT, CapacityKind.RESERVATION),
        "EXPORT_CAPACITY_RESERVATION_FEE": _price(Priced.EXPORT_RESERVATION),
        "EXPORT_CAPACITY_AVAILABLE": _capacity(_EXPORT, CapacityKind.AVAILABLE),
        "EXPORT_CAPACITY_AVAILABLE_PRICE": _price(Priced.EXPORT_AVAILABLE),
        "IMPORT_CAPACITY_LIMIT": _import_limit,
        "EXPORT_CAPACITY_LIMIT": _export_limit,
        **{f"ALERT_{name}": _alert(name.lower()) for name in _ALERTS},
    }
)
"""By payload type."""
