"""Structured values inside 2030.5 messages: quantities, status, interval, links.

Field order is the schema's sequence; all times are seconds. Source: IEEE 2030.5-2018 schema 2.1.0.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from protocols.ieee2030_5.wire.scalars import (
    Added2018,
    AnyURI,
    Boolean,
    DERUnitRefType,
    HexBinary8,
    HexBinary32,
    Int16,
    Int32,
    Int48,
    Label192,
    PerCent,
    PowerOfTenMultiplierType,
    SignedPerCent,
    String6,
    String32,
    TimeType,
    UInt8,
    UInt16,
    UInt32,
    UInt48,
)


@dataclass(frozen=True, slots=True)
class ActivePower:
    """value x 10^multiplier W."""

    multiplier: PowerOfTenMultiplierType
    value: Int16

    @property
    def watts(self) -> Decimal:
        """Exact."""
        return Decimal(self.value).scaleb(self.multiplier)


@dataclass(frozen=True, slots=True)
class ReactivePower:
    """value x 10^multiplier var."""

    multiplier: PowerOfTenMultiplierType
    value: Int16

    @property
    def vars(self) -> Decimal:
        """Exact."""
        return Decimal(self.value).scaleb(self.multiplier)


@dataclass(frozen=True, slots=True)
class ApparentPower:
    """value x 10^multiplier VA."""

    multiplier: PowerOfTenMultiplierType
    value: UInt16

    @property
    def volt_amperes(self) -> Decimal:
        """Exact."""
        return Decimal(self.value).scaleb(self.multiplier)


@dataclass(frozen=True, slots=True)
class CurrentRMS:
    """value x 10^multiplier A."""

    multiplier: PowerOfTenMultiplierType
    value: UInt16

    @property
    def amperes(self) -> Decimal:
        """Exact."""
        return Decimal(self.value).scaleb(self.multiplier)


@dataclass(frozen=True, slots=True)
class VoltageRMS:
    """value x 10^multiplier V."""

    multiplier: PowerOfTenMultiplierType
    value: UInt16

    @property
    def volts(self) -> Decimal:
        """Exact."""
        return Decimal(self.value).scaleb(self.multiplier)


@dataclass(frozen=True, slots=True)
class AmpereHour:
    """value x 10^multiplier Ah."""

    multiplier: PowerOfTenMultiplierType
    value: UInt16

    @property
    def ampere_hours(self) -> Decimal:
        """Exact."""
        return Decimal(self.value).scaleb(self.multiplier)


@dataclass(frozen=True, slots=True)
class WattHour:
    """value x 10^multiplier Wh."""

    multiplier: PowerOfTenMultiplierType
    value: UInt16

    @property
    def watt_hours(self) -> Decimal:
        """Exact."""
        return Decimal(self.value).scaleb(self.multiplier)


@dataclass(frozen=True, slots=True)
class RealEnergy:
    """value x 10^multiplier Wh."""

    multiplier: PowerOfTenMultiplierType
    value: UInt48

    @property
    def watt_hours(self) -> Decimal:
        """Exact."""
        return Decimal(self.value).scaleb(self.multiplier)


@dataclass(frozen=True, slots=True)
class ReactiveSusceptance:
    """value x 10^multiplier S."""

    multiplier: PowerOfTenMultiplierType
    value: UInt16

    @property
    def siemens(self) -> Decimal:
        """Exact."""
        return Decimal(self.value).scaleb(self.multiplier)


@dataclass(frozen=True, slots=True)
class PowerFactor:
    """displacement x 10^multiplier, no sign."""

    displacement: UInt16
    multiplier: PowerOfTenMultiplierType

    @property
    def ratio(self) -> Decimal:
        """Exact."""
        return Decimal(self.displacement).scaleb(self.multiplier)


@dataclass(frozen=True, slots=True)
class PowerFactorWithExcitation:
    """displacement x 10^multiplier; excitation true = absorbing reactive power (under-excited)."""

    displacement: UInt16
    excitation: Boolean
    multiplier: PowerOfTenMultiplierType

    @property
    def ratio(self) -> Decimal:
        """Exact."""
        return Decimal(self.displacement).scaleb(self.multiplier)


@dataclass(frozen=True, slots=True)
class UnitValueType:
    """value x 10^multiplier of a unit of measure (uom code)."""

    multiplier: PowerOfTenMultiplierType
    unit: UInt8
    value: Int32


@dataclass(frozen=True, slots=True)
class FixedVar:
    """Hundredths of a percent of what refType names: 1 setMaxW, 2 setMaxVar, 3 statVarAvail; positive = generated."""

    refType: DERUnitRefType
    value: SignedPerCent


@dataclass(frozen=True, slots=True)
class FreqDroopType:
    """Dead bands in mHz, slopes in thousandths, response time in hundredths of a second."""

    dBOF: UInt32
    dBUF: UInt32
    kOF: UInt16
    kUF: UInt16
    openLoopTms: UInt16


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveData:
    """One point, before xMultiplier and yMultiplier; excitation only where y is a power factor."""

    excitation: Annotated[Boolean | None, Added2018()] = None
    xvalue: Int32
    yvalue: Int32


@dataclass(frozen=True, slots=True)
class DateTimeInterval:
    """From `start` (server time) for `duration` seconds."""

    duration: UInt32
    start: TimeType


@dataclass(frozen=True, slots=True, kw_only=True)
class EventStatus:
    """0 scheduled, 1 active, 2 cancelled, 3 cancelled with randomisation, 4 superseded; other codes are kept."""

    currentStatus: UInt8
    dateTime: TimeType
    potentiallySuperseded: Boolean
    potentiallySupersededTime: TimeType | None = None
    reason: Label192 | None = None


@dataclass(frozen=True, slots=True)
class ConnectStatusType:
    """Bit 0 connected, 1 available, 2 operating, 3 test, 4 fault."""

    dateTime: TimeType
    value: HexBinary8


@dataclass(frozen=True, slots=True)
class StatusType:
    """InverterStatus, LocalControlModeStatus, OperationalModeStatus or StorageModeStatus with its time."""

    dateTime: TimeType
    value: UInt8


@dataclass(frozen=True, slots=True)
class ManufacturerStatusType:
    """A maker's own six characters with their time."""

    dateTime: TimeType
    value: String6


@dataclass(frozen=True, slots=True)
class StateOfChargeStatusType:
    """Hundredths of a percent with their time."""

    dateTime: TimeType
    value: PerCent


@dataclass(frozen=True, slots=True)
class Link:
    """Where a resource is: a URI or an absolute path, to be followed as given."""

    href: AnyURI


@dataclass(frozen=True, slots=True)
class ListLink:
    """Where a list is; `all` is only a hint of its length."""

    href: AnyURI
    all: UInt32 | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Notify when a value leaves the band."""

    attributeIdentifier: UInt8
    lowerThreshold: Int48
    upperThreshold: Int48


@dataclass(frozen=True, slots=True, kw_only=True)
class DRLCCapabilities:
    """What demand response can move."""

    averageEnergy: RealEnergy
    maxDemand: ActivePower
    optionsImplemented: HexBinary32


@dataclass(frozen=True, slots=True, kw_only=True)
class GPSLocationType:
    """Degrees as text."""

    lat: String32
    lon: String32
