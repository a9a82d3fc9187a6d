"""A respondent's devices -> DERCapability, DERSettings, DERStatus (IEEE 2030.5-2018 clause 10.10; CSIP-AUS doeModes).

Several devices are one DER with aggregated values: connected while any is (CSIP-AUS multi-DER sites).
"""

from collections.abc import Callable, Iterable
from decimal import Decimal

from grid_functions.model.control import Mode
from grid_functions.model.device import GridRatings, How, Nameplate, Role, Seen
from grid_functions.model.event import Settings
from grid_functions.model.reading import Quality
from grid_functions.model.units import Quantity
from protocols.ieee2030_5.translate.alarms import alarm_status
from protocols.ieee2030_5.translate.demand import held_mode
from protocols.ieee2030_5.translate.ratings import (
    ABNORMAL,
    NORMAL,
    amperes,
    common,
    factor,
    inverter_state,
    local_control,
    maker_code,
    volts,
)
from protocols.ieee2030_5.wire.datatypes import (
    ActivePower,
    ApparentPower,
    ConnectStatusType,
    ManufacturerStatusType,
    ReactivePower,
    StateOfChargeStatusType,
    StatusType,
    WattHour,
)
from protocols.ieee2030_5.wire.der import DERCapability, DERSettings, DERStatus

_DERS = frozenset({Role.PV, Role.BATTERY, Role.HYBRID, Role.EVSE})
_STORAGE = frozenset({Role.BATTERY, Role.HYBRID})
_GENERATION = frozenset({Role.PV, Role.HYBRID})

_TYPES = {
    frozenset({Role.PV}): 4,
    frozenset({Role.BATTERY}): 80,
    frozenset({Role.EVSE}): 82,
    frozenset({Role.HYBRID}): 83,
    frozenset({Role.PV, Role.BATTERY}): 83,
    frozenset({Role.PV, Role.HYBRID}): 83,
    frozenset({Role.BATTERY, Role.HYBRID}): 83,
    frozenset({Role.PV, Role.BATTERY, Role.HYBRID}): 83,
}
"""DERType; any other mixture is 1."""

_MODE_BITS = {
    Mode.CONNECT: 2,
    Mode.ENERGIZE: 3,
    Mode.POWER_FACTOR_ABSORB: 4,
    Mode.POWER_FACTOR_INJECT: 5,
    Mode.FIXED_REACTIVE: 6,
    Mode.FIXED_POWER: 7,
    Mode.FREQUENCY_DROOP: 8,
    Mode.FREQUENCY_WATT: 9,
    Mode.HFRT_MAY_TRIP: 10,
    Mode.HFRT_MUST_TRIP: 11,
    Mode.HVRT_MAY_TRIP: 12,
    Mode.HVRT_MOMENTARY_CESSATION: 13,
    Mode.HVRT_MUST_TRIP: 14,
    Mode.LFRT_MAY_TRIP: 15,
    Mode.LFRT_MUST_TRIP: 16,
    Mode.LVRT_MAY_TRIP: 17,
    Mode.LVRT_MOMENTARY_CESSATION: 18,
    Mode.LVRT_MUST_TRIP: 19,
    Mode.MAX_POWER: 20,
    Mode.TARGET_REACTIVE: 21,
    Mode.TARGET_POWER: 22,
    Mode.VOLT_VAR: 23,
    Mode.VOLT_WATT: 24,
    Mode.WATT_PF: 25,
    Mode.WATT_VAR: 26,
}
"""DERControlType."""

_CHARGE_BIT, _DISCHARGE_BIT = 0, 1
_EXPORT_BIT, _IMPORT_BIT, _GENERATION_BIT, _LOAD_BIT = 0, 1, 2, 3

_PRODUCERS = frozenset({Mode.MAX_POWER, Mode.GENERATION_LIMIT, Mode.EXPORT_LIMIT})
_CONSUMERS = frozenset({Mode.LOAD_LIMIT, Mode.IMPORT_LIMIT})

_IDLE_W = 50.0
"""Storage that moves less than this is holding."""

_AS4777_GRADIENT = 28
"""setGradW where nobody set one: 16.67 % of setMaxW per minute (AS/NZS 4777.2), in hundredths of a percent per second."""


def capability_of(seen: Iterable[Seen], csip_aus: bool) -> DERCapability | None:
    """The ratings of all DERs together; None until one has told its rated power (rtgMaxW is mandatory)."""
    ders = _ders(seen)
    rated_w = _sum(ders, lambda plate: plate.rated_w)
    if rated_w is None:
        return None
    normal, abnormal = common(ders, lambda grid: grid.normal), common(ders, lambda grid: grid.abnormal)
    over_pf = factor(common(ders, lambda grid: grid.over_excited_pf))
    under_pf = factor(common(ders, lambda grid: grid.under_excited_pf))
    # A charger's nominal voltage is what is assumed of it, and none that it told.
    told_v = (der.nameplate.nominal_v for der in ders if der.role is not Role.EVSE)
    nominal_v = {told for told in told_v if told is not None}
    return DERCapability(
        modesSupported=_modes(ders),
        rtgAbnormalCategory=None if abnormal is None else ABNORMAL[abnormal],
        rtgMaxA=amperes(ders),
        rtgMaxV=volts(common(ders, lambda grid: grid.max_v)),
        rtgMinPFOverExcited=factor(common(ders, lambda grid: grid.least_pf_over)),
        rtgMinPFUnderExcited=factor(common(ders, lambda grid: grid.least_pf_under), most=0.9999),
        rtgMinV=volts(common(ders, lambda grid: grid.min_v)),
        rtgNormalCategory=None if normal is None else NORMAL[normal],
        rtgOverExcitedPF=over_pf,
        rtgOverExcitedW=None if over_pf is None else _power(_grid_sum(ders, lambda grid: grid.over_excited_w)),
        rtgUnderExcitedPF=under_pf,
        rtgUnderExcitedW=None if under_pf is None else _power(_grid_sum(ders, lambda grid: grid.under_excited_w)),
        rtgVNom=volts(nominal_v.pop() if len(nominal_v) == 1 else None),
        rtgMaxChargeRateW=_power(_sum(ders, lambda plate: plate.rated_charge_w)),
        rtgMaxDischargeRateW=_power(_sum(ders, lambda plate: plate.rated_discharge_w)),
        rtgMaxVA=_apparent(_sum(ders, lambda plate: plate.rated_va)),
        rtgMaxVar=_reactive(_sum(ders, lambda plate: plate.rated_inject_var)),
        rtgMaxVarNeg=_reactive(_negative(_sum(ders, lambda plate: plate.rated_absorb_var))),
        rtgMaxW=active_power(rated_w),
        rtgMaxWh=_energy(_sum(ders, lambda plate: plate.capacity_wh)),
        type=_TYPES.get(frozenset(der.role for der in ders), 1),
        doeModesSupported=_doe_modes(ders) if csip_aus else None,
    )


def settings_of(seen: Iterable[Seen], csip_aus: bool, wanted: Settings, at_s: float) -> DERSettings | None:
    """The settings in force: the devices' own, and what a DefaultDERControl set (``wanted``), echoed."""
    ders = _ders(seen)
    set_w = _sum(ders, lambda plate: plate.rated_w if plate.max_w is None else plate.max_w)
    if set_w is None:
        return None
    gradient = _hundredths(wanted.gradient_pct_per_s)
    return DERSettings(
        modesEnabled=_modes(ders),
        setESDelay=_hundredths(wanted.enter_service_delay_s),
        setESHighFreq=_hundredths(wanted.enter_service_high_hz),
        setESHighVolt=_hundredths(wanted.enter_service_high_pct),
        setESLowFreq=_hundredths(wanted.enter_service_low_hz),
        setESLowVolt=_hundredths(wanted.enter_service_low_pct),
        setESRampTms=_hundredths(wanted.enter_service_ramp_s),
        setESRandomDelay=_hundredths(wanted.enter_service_random_s),
        setGradW=gradient if gradient is not None else _AS4777_GRADIENT if csip_aus else 0,
        setMaxChargeRateW=_power(_sum(ders, lambda plate: plate.rated_charge_w)),
        setMaxDischargeRateW=_power(_sum(ders, lambda plate: plate.rated_discharge_w)),
        setMaxVA=_apparent(_sum(ders, lambda plate: plate.rated_va)),
        setMaxVar=_reactive(_sum(ders, lambda plate: plate.rated_inject_var)),
        setMaxVarNeg=_reactive(_negative(_sum(ders, lambda plate: plate.rated_absorb_var))),
        setMaxW=active_power(set_w),
        setMaxWh=_energy(_sum(ders, lambda plate: plate.capacity_wh)),
        setSoftGradW=_hundredths(wanted.soft_gradient_pct_per_s),
        updatedTime=int(at_s),
        doeModesEnabled=_doe_modes(ders) if csip_aus else None,
    )


def status_of(seen: Iterable[Seen], at_s: float, asked: int | None = None) -> DERStatus | None:
    """How the DERs are now, as read back; None while there is none. ``asked``: the mode of demand response, 100 to 108."""
    ders = _ders(seen)
    if not ders:
        return None
    at = int(at_s)
    generation = [der for der in ders if der.role in _GENERATION]
    storage = [der for der in ders if der.role in _STORAGE]
    running = any(_operating(der) for der in ders)
    charge = _charge(storage)
    held = held_mode(asked, ders, running)
    state, local, code = inverter_state(ders), local_control(ders), maker_code(ders)
    return DERStatus(
        alarmStatus=alarm_status(ders),
        inverterStatus=None if state is None else StatusType(at, state),
        localControlModeStatus=None if local is None else StatusType(at, local),
        manufacturerStatus=None if code is None else ManufacturerStatusType(at, code),
        genConnectStatus=_connect_status(generation, at) if generation or not storage else None,
        operationalModeStatus=StatusType(at, held if held is not None else 2 if running else 1),
        readingTime=at,
        stateOfChargeStatus=None if charge is None else StateOfChargeStatusType(at, charge),
        storageModeStatus=StatusType(at, _storage_mode(storage)) if storage else None,
        storConnectStatus=_connect_status(storage, at) if storage else None,
    )


def active_power(watts: float) -> ActivePower:
    """W as value x 10^multiplier, in the finest scale that holds it in an Int16."""
    value, multiplier = _scaled(watts, 2**15 - 1)
    return ActivePower(multiplier, value)


def _scaled(number: float, most: int) -> tuple[int, int]:
    exact = Decimal(repr(number))
    for multiplier in range(10):
        value = int(exact.scaleb(-multiplier).to_integral_value())
        if abs(value) <= most:
            return value, multiplier
    return (most if exact > 0 else -most), 9


def _power(watts: float | None) -> ActivePower | None:
    return None if watts is None else active_power(watts)


def _apparent(volt_amperes: float | None) -> ApparentPower | None:
    if volt_amperes is None:
        return None
    value, multiplier = _scaled(volt_amperes, 2**16 - 1)
    return ApparentPower(multiplier, value)


def _reactive(var: float | None) -> ReactivePower | None:
    if var is None:
        return None
    value, multiplier = _scaled(var, 2**15 - 1)
    return ReactivePower(multiplier, value)


def _energy(watt_hours: float | None) -> WattHour | None:
    if watt_hours is None:
        return None
    value, multiplier = _scaled(watt_hours, 2**16 - 1)
    return WattHour(multiplier, value)


def _negative(value: float | None) -> float | None:
    """rtgMaxVarNeg is given as a negative value (its default is minus rtgMaxVar)."""
    return None if value is None else -value


def _hundredths(value: float | None) -> int | None:
    return None if value is None else round(value * 100)


def _ders(seen: Iterable[Seen]) -> tuple[Seen, ...]:
    return tuple(one for one in seen if one.role in _DERS)


def _sum(ders: tuple[Seen, ...], value: Callable[[Nameplate], float | None]) -> float | None:
    known = [found for der in ders if (found := value(der.nameplate)) is not None]
    return sum(known) if known else None


def _grid_sum(ders: tuple[Seen, ...], value: Callable[[GridRatings], float | None]) -> float | None:
    """Of all DERs; None where one does not tell it: the rest would be said to be all there is."""
    known = [value(der.nameplate.grid) for der in ders]
    return None if None in known else sum(one for one in known if one is not None)


def _obeys(der: Seen, modes: frozenset[Mode]) -> bool:
    return any(
        mode in modes and ability.how is not How.NOT_POSSIBLE for mode, ability in der.capability.abilities.items()
    )


def _modes(ders: tuple[Seen, ...]) -> int:
    bits = 0
    for der in ders:
        if der.role in _STORAGE:
            bits |= 1 << _CHARGE_BIT | 1 << _DISCHARGE_BIT
        for mode, ability in der.capability.abilities.items():
            if ability.how is not How.NOT_POSSIBLE and mode in _MODE_BITS:
                bits |= 1 << _MODE_BITS[mode]
    return bits


def _doe_modes(ders: tuple[Seen, ...]) -> int:
    """What the site can hold with these DERs: who limits production holds export, who limits consumption holds import."""
    bits = 0
    if any(_obeys(der, _PRODUCERS) for der in ders):
        bits |= 1 << _EXPORT_BIT | 1 << _GENERATION_BIT
    if any(_obeys(der, _CONSUMERS) for der in ders):
        bits |= 1 << _IMPORT_BIT | 1 << _LOAD_BIT
    return bits


def _connected(der: Seen) -> bool:
    # A device that has no word for it is connected while it answers.
    return der.condition.online and der.condition.connected is not False


def _operating(der: Seen) -> bool:
    condition = der.condition
    return _connected(der) and condition.energized is not False and condition.operating is not False


def _connect_status(ders: Iterable[Seen], at: int) -> ConnectStatusType:
    bits = 0
    for der in ders:
        bits |= _connected(der) << 0
        bits |= der.condition.online << 1
        bits |= _operating(der) << 2
        bits |= bool(der.condition.online and der.condition.alarms) << 4
    return ConnectStatusType(at, bits)


def _charge(storage: Iterable[Seen]) -> int | None:
    """State of charge in hundredths of a percent, weighted by capacity where every capacity is known."""
    found: list[tuple[float, float]] = []
    for der in storage:
        reading = der.condition.readings.get((Quantity.STATE_OF_CHARGE, None))
        if reading is not None and reading.quality is Quality.GOOD:
            found.append((reading.value, der.nameplate.capacity_wh or 0.0))
    if not found:
        return None
    whole = all(weight > 0 for _, weight in found)
    weights = [weight if whole else 1.0 for _, weight in found]
    mean = sum(value * weight for (value, _), weight in zip(found, weights, strict=True)) / sum(weights)
    return round(max(0.0, min(100.0, mean)) * 100)


def _storage_mode(storage: Iterable[Seen]) -> int:
    """0 charging, 1 discharging, 2 holding."""
    power_w = sum(
        reading.value
        for der in storage
        if (reading := der.condition.readings.get((Quantity.NET, None))) is not None and reading.quality is Quality.GOOD
    )
    return 2 if abs(power_w) < _IDLE_W else 0 if power_w > 0 else 1
