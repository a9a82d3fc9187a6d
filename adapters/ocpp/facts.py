"""What a charging station says and is told, whichever version it speaks; pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from grid_functions.model.device import Nameplate, Vehicle

Unit = Literal["A", "W"]


@dataclass(frozen=True, slots=True)
class Booted:
    """It has started, or tells again who it is."""

    plate: Nameplate


@dataclass(frozen=True, slots=True)
class Status:
    """How a connector is. ``vehicle`` None: there is one, but what it does is not told here. ``alarms``: errors in the station's words;
    None: not told here, as they were."""

    connector: int
    vehicle: Vehicle | None
    alarms: frozenset[str] | None = frozenset()


@dataclass(frozen=True, slots=True)
class Sample:
    """One measured value in the standard's words. ``value`` NaN: it was no number. ``taken_utc_s`` None: no time."""

    measurand: str
    phase: str
    unit: str
    value: float
    taken_utc_s: float | None


@dataclass(frozen=True, slots=True)
class Sampled:
    """Meter values of one connector."""

    connector: int
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class Began:
    """A transaction. ``meter_wh``: what the meter showed then; None: not told."""

    connector: int
    transaction: str
    meter_wh: float | None


@dataclass(frozen=True, slots=True)
class Ended:
    """A transaction is over."""

    transaction: str


Fact = Booted | Status | Sampled | Began | Ended


class Purpose(StrEnum):
    """What a limit is to be for the station: of every charging on the connector, or of the station as a whole."""

    TX_DEFAULT = "tx_default"
    STATION_MAX = "station_max"


@dataclass(frozen=True, slots=True)
class Period:
    """From so many seconds after the start of its schedule: ``limit`` in the schedule's unit, on so many phases (None: as wired)."""

    start_s: int
    limit: float
    phases: int | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """Limits over time. ``duration_s`` None: the last period has no end."""

    unit: Unit
    periods: tuple[Period, ...]
    start_utc_s: float | None = None
    duration_s: int | None = None


@dataclass(frozen=True, slots=True)
class Tell:
    """Set this limit; it takes the place of the one told before."""

    connector: int
    purpose: Purpose
    stack: int
    schedule: Schedule


@dataclass(frozen=True, slots=True)
class Show:
    """Tell what you obey in the next so many seconds."""

    connector: int
    duration_s: int
    unit: Unit


@dataclass(frozen=True, slots=True)
class Clear:
    """Forget the limit that was set."""

    connector: int
    purpose: Purpose


@dataclass(frozen=True, slots=True)
class AskManners:
    """Tell how you may be limited."""


@dataclass(frozen=True, slots=True)
class SampleEvery:
    """Measure power, current, voltage and energy every so many seconds. ``part``: of the settings that this takes, from 0."""

    seconds: int
    part: int


@dataclass(frozen=True, slots=True)
class Trigger:
    """Say this again."""

    what: Literal["BootNotification", "StatusNotification", "MeterValues"]
    connector: int | None = None


@dataclass(frozen=True, slots=True)
class KeepList:
    """Admit these by yourself when nobody can be asked."""

    tags: tuple[str, ...]
    version: int


Order = Tell | Show | Clear | AskManners | SampleEvery | Trigger | KeepList


class Verdict(StrEnum):
    """What a station says to an order."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    NOT_SUPPORTED = "not_supported"


@dataclass(frozen=True, slots=True)
class Answer:
    """``why``: in the station's words. ``schedule``: of a :class:`Show`; ``manners``: of :class:`AskManners`."""

    verdict: Verdict
    why: str = ""
    schedule: Schedule | None = None
    manners: "Manners | None" = None


@dataclass(frozen=True, slots=True)
class Manners:
    """How a station may be limited. ``units``: in amperes, watts, or both; ``most_periods`` of one schedule; ``most_stack``: the highest
    stack level; ``switches``: it can charge on one phase or on three."""

    units: frozenset[Unit] = frozenset({"A"})
    most_periods: int = 2
    most_stack: int = 0
    switches: bool = False
