"""Controls: the vocabulary of the field, free of any protocol.

A control says what is wanted, never how long or by whom. Percent stays percent, with its base, until a grid function makes it
watts. Signs: :mod:`grid_functions.model.units`.
"""

from dataclasses import dataclass
from enum import StrEnum

from grid_functions.model.tariff import Capacity, Price, Priced
from grid_functions.model.units import PercentBase


class Mode(StrEnum):
    """What a control competes for: within one respondent, one control per mode is in force."""

    CONNECT = "connect"
    ENERGIZE = "energize"
    EXPORT_LIMIT = "export_limit"
    IMPORT_LIMIT = "import_limit"
    GENERATION_LIMIT = "generation_limit"
    LOAD_LIMIT = "load_limit"
    MAX_POWER = "max_power"
    FIXED_POWER = "fixed_power"
    TARGET_POWER = "target_power"
    FIXED_REACTIVE = "fixed_reactive"
    TARGET_REACTIVE = "target_reactive"
    POWER_FACTOR_INJECT = "power_factor_inject"
    POWER_FACTOR_ABSORB = "power_factor_absorb"
    FREQUENCY_DROOP = "frequency_droop"
    FREQUENCY_WATT = "frequency_watt"
    VOLT_VAR = "volt_var"
    VOLT_WATT = "volt_watt"
    WATT_PF = "watt_pf"
    WATT_VAR = "watt_var"
    HFRT_MAY_TRIP = "hfrt_may_trip"
    HFRT_MUST_TRIP = "hfrt_must_trip"
    HVRT_MAY_TRIP = "hvrt_may_trip"
    HVRT_MOMENTARY_CESSATION = "hvrt_momentary_cessation"
    HVRT_MUST_TRIP = "hvrt_must_trip"
    LFRT_MAY_TRIP = "lfrt_may_trip"
    LFRT_MUST_TRIP = "lfrt_must_trip"
    LVRT_MAY_TRIP = "lvrt_may_trip"
    LVRT_MOMENTARY_CESSATION = "lvrt_momentary_cessation"
    LVRT_MUST_TRIP = "lvrt_must_trip"
    SHED_LEVEL = "shed_level"
    LOAD_DISPATCH = "load_dispatch"
    LOAD_CONTROL = "load_control"
    STORAGE_POWER = "storage_power"
    STORAGE_CHARGE = "storage_charge"
    STORAGE_ENERGY = "storage_energy"
    LOAD_SHAPE = "load_shape"
    IMPORT_SUBSCRIPTION = "import_subscription"
    IMPORT_RESERVATION = "import_reservation"
    EXPORT_SUBSCRIPTION = "export_subscription"
    EXPORT_RESERVATION = "export_reservation"
    IMPORT_AVAILABLE = "import_available"
    EXPORT_AVAILABLE = "export_available"
    IMPORT_PRICE = "import_price"
    EXPORT_PRICE = "export_price"
    ALTERNATE_PRICE = "alternate_price"
    DEMAND_CHARGE = "demand_charge"
    IMPORT_RESERVATION_FEE = "import_reservation_fee"
    EXPORT_RESERVATION_FEE = "export_reservation_fee"
    IMPORT_AVAILABLE_PRICE = "import_available_price"
    EXPORT_AVAILABLE_PRICE = "export_available_price"
    EMISSIONS = "emissions"
    THERMOSTAT = "thermostat"
    ALERT_GRID_EMERGENCY = "alert_grid_emergency"
    ALERT_BLACK_START = "alert_black_start"
    ALERT_POSSIBLE_OUTAGE = "alert_possible_outage"
    ALERT_FLEX_ALERT = "alert_flex_alert"
    ALERT_FIRE = "alert_fire"
    ALERT_FREEZING = "alert_freezing"
    ALERT_WIND = "alert_wind"
    ALERT_TSUNAMI = "alert_tsunami"
    ALERT_AIR_QUALITY = "alert_air_quality"
    ALERT_OTHER = "alert_other"


@dataclass(frozen=True, slots=True)
class Connect:
    """Galvanic connection to the grid (2030.5 opModConnect)."""

    on: bool


@dataclass(frozen=True, slots=True)
class Energize:
    """Permission to energize; off is cease to energize (2030.5 opModEnergize, IEEE 1547 permit service)."""

    on: bool


@dataclass(frozen=True, slots=True)
class ExportLimit:
    """Most power the connection point may export, W >= 0 (csipaus opModExpLimW)."""

    limit_w: float


@dataclass(frozen=True, slots=True)
class ImportLimit:
    """Most power the connection point may import, W >= 0 (csipaus opModImpLimW)."""

    limit_w: float


@dataclass(frozen=True, slots=True)
class GenerationLimit:
    """Most power the respondent's DERs may produce together, W >= 0 (csipaus opModGenLimW)."""

    limit_w: float


@dataclass(frozen=True, slots=True)
class LoadLimit:
    """Most power the respondent's DERs may consume together, W >= 0 (csipaus opModLoadLimW)."""

    limit_w: float


@dataclass(frozen=True, slots=True)
class MaxPower:
    """Most power the respondent's DERs may produce, 0..100 % of their summed setMaxW (2030.5 opModMaxLimW)."""

    limit_pct: float


@dataclass(frozen=True, slots=True)
class FixedPower:
    """Active power of the respondent's DERs in percent of ``base``; positive = consume (2030.5 opModFixedW, turned)."""

    power_pct: float
    base: PercentBase


@dataclass(frozen=True, slots=True)
class TargetPower:
    """Active power of the respondent's DERs, W, positive = consume (2030.5 opModTargetW, turned)."""

    power_w: float


@dataclass(frozen=True, slots=True)
class FixedReactive:
    """Reactive power in percent of ``base``, positive = absorb (2030.5 opModFixedVar, turned)."""

    reactive_pct: float
    base: PercentBase


@dataclass(frozen=True, slots=True)
class TargetReactive:
    """Reactive power, var, positive = absorb (2030.5 opModTargetVar, turned)."""

    reactive_var: float


class Flow(StrEnum):
    """The direction of active power a power factor holds for."""

    INJECT = "inject"
    ABSORB = "absorb"


@dataclass(frozen=True, slots=True)
class PowerFactor:
    """Constant displacement power factor, 0 < cos_phi <= 1, while active power flows in ``flow`` (opModFixedPF...W)."""

    flow: Flow
    cos_phi: float
    absorbs_var: bool


class CurveKind(StrEnum):
    """The curves of IEEE 2030.5 DERCurveType; the axes stay those of the standard."""

    FREQUENCY_WATT = "frequency_watt"
    VOLT_VAR = "volt_var"
    VOLT_WATT = "volt_watt"
    WATT_PF = "watt_pf"
    WATT_VAR = "watt_var"
    HFRT_MAY_TRIP = "hfrt_may_trip"
    HFRT_MUST_TRIP = "hfrt_must_trip"
    HVRT_MAY_TRIP = "hvrt_may_trip"
    HVRT_MOMENTARY_CESSATION = "hvrt_momentary_cessation"
    HVRT_MUST_TRIP = "hvrt_must_trip"
    LFRT_MAY_TRIP = "lfrt_may_trip"
    LFRT_MUST_TRIP = "lfrt_must_trip"
    LVRT_MAY_TRIP = "lvrt_may_trip"
    LVRT_MOMENTARY_CESSATION = "lvrt_momentary_cessation"
    LVRT_MUST_TRIP = "lvrt_must_trip"


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One point on the axes of the curve's standard; ``absorbs_var`` only on power factor curves."""

    x: float
    y: float
    absorbs_var: bool | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """A DERCurve, resolved. Axes as in IEEE 2030.5 (volt curves: x in % of the reference voltage; ride-through: x in s)."""

    kind: CurveKind
    points: tuple[CurvePoint, ...]
    y_base: PercentBase | None = None
    response_s: float | None = None
    voltage_reference_pct: float | None = None
    autonomous_reference_s: float | None = None


@dataclass(frozen=True, slots=True)
class FrequencyDroop:
    """Frequency droop (2030.5 opModFreqDroop): dead bands in Hz, droops per unit frequency per unit power, response in s."""

    over_deadband_hz: float
    under_deadband_hz: float
    over_droop_pu: float
    under_droop_pu: float
    response_s: float


@dataclass(frozen=True, slots=True)
class ShedLevel:
    """A level 0 (normal) to 3 (special) whose effect the site's own table gives (OpenADR SIMPLE)."""

    level: int


class DispatchKind(StrEnum):
    """How a load dispatch value is meant (OpenADR LOAD_DISPATCH, DISPATCH_SETPOINT)."""

    SETPOINT_W = "setpoint_w"
    DELTA_W = "delta_w"
    MULTIPLIER = "multiplier"
    LEVEL = "level"


@dataclass(frozen=True, slots=True)
class LoadDispatch:
    """Power wanted of the addressed resources: W (positive = consume), W against the baseline, a multiplier of it, or a level."""

    kind: DispatchKind
    value: float


class LoadControlKind(StrEnum):
    """How a load control value is meant (OpenADR 2.0b x-loadControl..., 3.x CONTROL_...)."""

    CAPACITY = "capacity"  # fraction of what the load can do at most, 0..1; on and off for simple loads
    LEVEL_OFFSET = "level_offset"  # integer, 0 = normal; 2.0b: higher = less load; 3.x: -10..10, turned in translate
    PERCENT_OFFSET = "percent_offset"  # percent of normal, lower = less load
    SETPOINT = "setpoint"  # the device's own setpoint, its meaning settled by the site


@dataclass(frozen=True, slots=True)
class LoadControl:
    """Direct load control (OpenADR LOAD_CONTROL, CONTROL_SETPOINT, CONTROL_LEVEL_OFFSET). Level offsets: higher = less load."""

    kind: LoadControlKind
    value: float


@dataclass(frozen=True, slots=True)
class LoadShape:
    """How much of the load is wanted now, 0..1 of what it can do at most (OpenADR 3 OLS, optimum load shape)."""

    fraction: float


@dataclass(frozen=True, slots=True)
class StoragePower:
    """Power of the storage, W, positive = charge (csipaus opModStorageTargetW, turned)."""

    power_w: float


@dataclass(frozen=True, slots=True)
class StorageCharge:
    """State of charge to reach, 0..100 % (OpenADR CHARGE_STATE)."""

    charge_pct: float


@dataclass(frozen=True, slots=True)
class StorageEnergy:
    """Stored energy to reach, Wh >= 0; ``relative``: a change, Wh, of what is stored when the control begins (CHARGE_STATE delta)."""

    energy_wh: float
    relative: bool = False


@dataclass(frozen=True, slots=True)
class Alert:
    """Word for people (OpenADR 3 ALERT_...): ``kind`` in lower case without the prefix; each kind for itself, unknown = ``other``."""

    kind: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Thermostat:
    """A setpoint in degrees Celsius, or an offset in kelvin to the setpoint now."""

    value_k: float
    offset: bool


Control = (
    Connect
    | Energize
    | ExportLimit
    | ImportLimit
    | GenerationLimit
    | LoadLimit
    | MaxPower
    | FixedPower
    | TargetPower
    | FixedReactive
    | TargetReactive
    | PowerFactor
    | Curve
    | FrequencyDroop
    | ShedLevel
    | LoadDispatch
    | LoadControl
    | LoadShape
    | StoragePower
    | StorageCharge
    | StorageEnergy
    | Capacity
    | Price
    | Thermostat
    | Alert
)
"""The tagged union of everything that can be asked."""


def mode_of(control: Control) -> Mode:
    """The mode a control competes for."""
    match control:
        case PowerFactor(flow=Flow.INJECT):
            return Mode.POWER_FACTOR_INJECT
        case PowerFactor():
            return Mode.POWER_FACTOR_ABSORB
        case Curve(kind=kind):
            return Mode(kind.value)
        case Price(of=of):
            return _PRICES[of]
        case Capacity(direction=direction, kind=kind):
            return Mode(f"{direction.value}_{kind.value}")
        case Alert(kind=kind):
            return _ALERTS.get(kind, Mode.ALERT_OTHER)
        case _:
            return _MODES[type(control)]


_MODES: dict[type, Mode] = {
    Connect: Mode.CONNECT,
    Energize: Mode.ENERGIZE,
    ExportLimit: Mode.EXPORT_LIMIT,
    ImportLimit: Mode.IMPORT_LIMIT,
    GenerationLimit: Mode.GENERATION_LIMIT,
    LoadLimit: Mode.LOAD_LIMIT,
    MaxPower: Mode.MAX_POWER,
    FixedPower: Mode.FIXED_POWER,
    TargetPower: Mode.TARGET_POWER,
    FixedReactive: Mode.FIXED_REACTIVE,
    TargetReactive: Mode.TARGET_REACTIVE,
    FrequencyDroop: Mode.FREQUENCY_DROOP,
    ShedLevel: Mode.SHED_LEVEL,
    LoadDispatch: Mode.LOAD_DISPATCH,
    LoadControl: Mode.LOAD_CONTROL,
    StoragePower: Mode.STORAGE_POWER,
    StorageCharge: Mode.STORAGE_CHARGE,
    StorageEnergy: Mode.STORAGE_ENERGY,
    LoadShape: Mode.LOAD_SHAPE,
    Thermostat: Mode.THERMOSTAT,
}

_PRICES: dict[Priced, Mode] = {
    Priced.IMPORT: Mode.IMPORT_PRICE,
    Priced.EXPORT: Mode.EXPORT_PRICE,
    Priced.ALTERNATE: Mode.ALTERNATE_PRICE,
    Priced.DEMAND: Mode.DEMAND_CHARGE,
    Priced.IMPORT_RESERVATION: Mode.IMPORT_RESERVATION_FEE,
    Priced.EXPORT_RESERVATION: Mode.EXPORT_RESERVATION_FEE,
    Priced.IMPORT_AVAILABLE: Mode.IMPORT_AVAILABLE_PRICE,
    Priced.EXPORT_AVAILABLE: Mode.EXPORT_AVAILABLE_PRICE,
    Priced.EMISSIONS: Mode.EMISSIONS,
}

_ALERTS: dict[str, Mode] = {mode.value.removeprefix("alert_"): mode for mode in Mode if mode.value.startswith("alert_")}
