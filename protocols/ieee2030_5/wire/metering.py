"""Messages of the metering mirror (IEEE 2030.5-2018 clause 10.12.5). Conventions as in der.py."""

from dataclasses import dataclass

from protocols.ieee2030_5.wire.datatypes import DateTimeInterval, UnitValueType
from protocols.ieee2030_5.wire.scalars import (
    AnyURI,
    Boolean,
    HexBinary16,
    Int48,
    Label32,
    LFDIType,
    MRIDType,
    PowerOfTenMultiplierType,
    SubscribableType,
    TimeType,
    UInt8,
    UInt16,
    UInt32,
    UInt48,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingType:
    """What a reading means: uom 38 W, 63 var, 29 V, 33 Hz, 72 Wh; kind 37 power, 12 energy; dataQualifier 2 average."""

    href: AnyURI | None = None
    accumulationBehaviour: UInt8 | None = None
    calorificValue: UnitValueType | None = None
    commodity: UInt8 | None = None
    conversionFactor: UnitValueType | None = None
    dataQualifier: UInt8 | None = None
    flowDirection: UInt8 | None = None
    intervalLength: UInt32 | None = None
    kind: UInt8 | None = None
    maxNumberOfIntervals: UInt8 | None = None
    numberOfConsumptionBlocks: UInt8 | None = None
    numberOfTouTiers: UInt8 | None = None
    phase: UInt8 | None = None
    powerOfTenMultiplier: PowerOfTenMultiplierType | None = None
    subIntervalLength: UInt32 | None = None
    supplyLimit: UInt48 | None = None
    tieredConsumptionBlocks: Boolean | None = None
    uom: UInt8 | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One value, before its ReadingType's multiplier."""

    href: AnyURI | None = None
    subscribable: SubscribableType | None = None
    consumptionBlock: UInt8 | None = None
    qualityFlags: HexBinary16 | None = None
    timePeriod: DateTimeInterval | None = None
    touTier: UInt8 | None = None
    value: Int48 | None = None
    localID: HexBinary16 | None = None


_Reading = Reading
_ReadingType = ReadingType


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorReadingSet:
    """Readings of one period."""

    href: AnyURI | None = None
    mRID: MRIDType
    description: Label32 | None = None
    version: UInt16 | None = None
    timePeriod: DateTimeInterval
    Reading: tuple[_Reading, ...] = ()


_MirrorReadingSet = MirrorReadingSet


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorMeterReading:
    """One quantity of a mirror, with its type at first sight and its newest values."""

    href: AnyURI | None = None
    mRID: MRIDType
    description: Label32 | None = None
    version: UInt16 | None = None
    lastUpdateTime: TimeType | None = None
    MirrorReadingSet: tuple[_MirrorReadingSet, ...] = ()
    nextUpdateTime: TimeType | None = None
    Reading: _Reading | None = None
    ReadingType: _ReadingType | None = None


_MirrorMeterReading = MirrorMeterReading


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorMeterReadingList:
    """Several quantities in one post."""

    href: AnyURI | None = None
    all: UInt32
    results: UInt32
    items: tuple[MirrorMeterReading, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorUsagePoint:
    """What one device mirrors; roleFlags 0003 = the premises, 0049 = a DER."""

    href: AnyURI | None = None
    mRID: MRIDType
    description: Label32 | None = None
    version: UInt16 | None = None
    roleFlags: HexBinary16
    serviceCategoryKind: UInt8
    status: UInt8
    deviceLFDI: LFDIType
    MirrorMeterReading: tuple[_MirrorMeterReading, ...] = ()
    postRate: UInt32 | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorUsagePointList:
    """One page of MirrorUsagePoints."""

    href: AnyURI | None = None
    all: UInt32
    results: UInt32
    pollRate: UInt32 | None = None
    items: tuple[MirrorUsagePoint, ...] = ()
