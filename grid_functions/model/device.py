"""Devices as nouns: what one is, what it can obey, how it is now."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from grid_functions.model.control import Mode, Thermostat
from grid_functions.model.reading import MeterKey, Reading
from grid_functions.model.setpoint import Setpoint


class Role(StrEnum):
    """What a device does at its site."""

    PV = "pv"
    BATTERY = "battery"
    HYBRID = "hybrid"  # PV and storage behind one inverter
    EVSE = "evse"
    METER = "meter"
    LOAD = "load"


@dataclass(frozen=True, slots=True)
class GridRatings:
    """How a device may be joined to a grid, by its own word; None = not told.

    Voltages in V, the most current in A; active power in W at a specified power factor, over-excited = injecting vars; the least power
    factor either way, 0..1. ``normal``: category A or B, ``abnormal``: I, II or III (IEEE 1547-2018).
    """

    max_v: float | None = None
    min_v: float | None = None
    max_a: float | None = None
    over_excited_w: float | None = None
    over_excited_pf: float | None = None
    under_excited_w: float | None = None
    under_excited_pf: float | None = None
    least_pf_over: float | None = None
    least_pf_under: float | None = None
    normal: Literal["A", "B"] | None = None
    abnormal: Literal["I", "II", "III"] | None = None


@dataclass(frozen=True, slots=True)
class Nameplate:
    """What a device says it is. Ratings in W, VA, var, Wh; None = not told."""

    maker: str = ""
    model: str = ""
    serial: str = ""
    version: str = ""
    rated_w: float | None = None
    rated_va: float | None = None
    rated_inject_var: float | None = None
    rated_absorb_var: float | None = None
    rated_charge_w: float | None = None
    rated_discharge_w: float | None = None
    capacity_wh: float | None = None
    nominal_v: float | None = None
    phases: int | None = None
    max_w: float | None = None  # the setting that is the base of percent (702.WMax, 121.WMax)
    rated_a: float | None = None  # most current per phase
    grid: GridRatings = GridRatings()


class InverterState(StrEnum):
    """What an inverter says it does."""

    OFF = "off"
    SLEEPING = "sleeping"
    STARTING = "starting"
    RUNNING = "running"
    THROTTLED = "throttled"
    STOPPING = "stopping"
    FAULT = "fault"
    STANDBY = "standby"


@dataclass(frozen=True, slots=True)
class Word:
    """What an inverter says of itself. ``local``: somebody on the spot has it, and not we; ``code``: its maker's own, empty = none."""

    state: InverterState | None = None
    local: bool | None = None
    code: str = ""


class Vehicle(StrEnum):
    """State of the vehicle at a charger, after the control pilot (IEC 61851-1, table A.3)."""

    ABSENT = "a"
    CONNECTED = "b"
    CHARGING = "c"
    VENTILATION = "d"
    NO_POWER = "e"
    FAULT = "f"


class How(StrEnum):
    """How a device obeys a mode. An approximation that changes meaning is opt-in per site."""

    NATIVE = "native"
    APPROXIMATED = "approximated"
    NOT_POSSIBLE = "not_possible"


@dataclass(frozen=True, slots=True)
class Ability:
    """How one mode is obeyed and, when not natively, by what means."""

    how: How
    means: str = ""


@dataclass(frozen=True, slots=True)
class Fallback:
    """What a charger does by itself when it is not told again within ``after_s`` seconds: ``current_a`` per phase."""

    current_a: float
    after_s: float


@dataclass(frozen=True, slots=True)
class Currents:
    """How a device is limited in amperes per phase, rms.

    ``minimum_a``: below it there is only pause (IEC 61851-1: 6 A); ``maximum_a``: rating or setting, whichever is less;
    ``resolution_a``: step of its limit; ``phases``: the numbers of phases it can be told to use, empty = as it is wired;
    ``fallback``: None = not known, so that while silent it counts at its maximum.
    """

    maximum_a: float
    minimum_a: float = 6.0
    resolution_a: float = 1.0
    phases: tuple[int, ...] = ()
    fallback: Fallback | None = None


@dataclass(frozen=True, slots=True)
class Temperatures:
    """What a thermostat or a tank can be set to, degrees Celsius, in steps of ``step_k``."""

    least_c: float
    most_c: float
    step_k: float = 0.5


@dataclass(frozen=True, slots=True)
class Capability:
    """What a device can obey.

    ``settle_s``: from write to steady power; ``resolution_w``: step of its power limit; ``minimum_w``: least power it can run at short
    of 0; ``writes_per_day``: of each of the points ``wearing`` (None = none wears); ``watchdog``: it has a revert timer with a value
    of its own, so silence may end in something tighter; ``currents``: of a device that is limited in amperes, else None;
    ``temperatures``: of one that takes a temperature.
    """

    abilities: Mapping[Mode, Ability] = field(default_factory=dict)
    settle_s: float = 5.0
    resolution_w: float = 1.0
    minimum_w: float = 0.0
    off_capable: bool = True
    writes_per_minute: float = 60.0
    writes_per_day: float | None = None
    wearing: frozenset[str] = frozenset()
    watchdog: bool = False
    currents: Currents | None = None
    temperatures: Temperatures | None = None


class Trouble(StrEnum):
    """What is wrong between us and a device, for people and for rule 6."""

    SILENT = "silent"
    WRONG_DEVICE = "wrong_device"  # maker, model or serial differ from those pinned: read only
    FOREIGN_WRITER = "foreign_writer"  # a register keeps changing without our write
    WRITE_REFUSED = "write_refused"
    NOT_HELD = "not_held"  # written, but reads back otherwise
    WRITES_SPENT = "writes_spent"  # what loosens waits until it may be written again
    NO_WATCHDOG = "no_watchdog"  # what it holds outlives us


@dataclass(frozen=True, slots=True)
class Touch:
    """What somebody set at the device itself, over what it held of ours, and when."""

    thermostat: Thermostat
    utc_s: float


@dataclass(frozen=True, slots=True)
class Condition:
    """How a device is now.

    ``holds``: the setpoint as read back from the device (``decision`` = the serial it was written for, 0 when found there);
    None = nothing of ours or nothing read yet. ``connected``/``energized``: None = not told. ``vehicle``: of a charger.
    ``touch``: an occupant's last.
    """

    online: bool
    holds: Setpoint | None = None
    readings: Mapping[MeterKey, Reading] = field(default_factory=dict)
    connected: bool | None = None
    energized: bool | None = None
    operating: bool | None = None
    vehicle: Vehicle | None = None
    word: Word = Word()
    touch: Touch | None = None
    alarms: frozenset[str] = frozenset()
    troubles: frozenset[Trouble] = frozenset()
    text: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at one device, as its driver reports it."""

    device: str
    role: Role
    nameplate: Nameplate
    capability: Capability
    condition: Condition
