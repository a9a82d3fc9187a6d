"""Messages of the DER function set (IEEE 2030.5-2018 clause 10.10; CSIP-AUS 1.1a, 1.2 and 1.3 additions).

A field named href, all, results, pollRate, subscribable, replyTo or responseRequired is an XML attribute; every other
field is a child element, in schema order, CSIP-AUS elements last. Absent is None. Times and durations are seconds.
"""

from dataclasses import dataclass
from typing import Annotated

from protocols.ieee2030_5.wire import datatypes
from protocols.ieee2030_5.wire.datatypes import (
    ActivePower,
    AmpereHour,
    ApparentPower,
    CurrentRMS,
    FreqDroopType,
    Link,
    ListLink,
    PowerFactor,
    PowerFactorWithExcitation,
    ReactivePower,
    ReactiveSusceptance,
    VoltageRMS,
    WattHour,
)
from protocols.ieee2030_5.wire.scalars import (
    Added2018,
    AnyURI,
    Boolean,
    Count,
    Csipaus,
    DERCurveType,
    DERUnitRefType,
    HexBinary8,
    HexBinary32,
    Int16,
    Label32,
    MRIDType,
    OneHourRangeType,
    PerCent,
    PowerOfTenMultiplierType,
    SignedPerCent,
    SubscribableType,
    TimeType,
    UInt8,
    UInt16,
    UInt32,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DERControlBase:
    """The modes one control asks for, all optional; rampTms is in hundredths of a second."""

    opModConnect: Boolean | None = None
    opModEnergize: Boolean | None = None
    opModFixedPFAbsorbW: Annotated[PowerFactorWithExcitation | None, Added2018()] = None
    opModFixedPFInjectW: Annotated[PowerFactorWithExcitation | None, Added2018()] = None
    opModFixedVar: datatypes.FixedVar | None = None
    opModFixedW: SignedPerCent | None = None
    opModFreqDroop: FreqDroopType | None = None
    opModFreqWatt: Link | None = None
    opModHFRTMayTrip: Annotated[Link | None, Added2018()] = None
    opModHFRTMustTrip: Link | None = None
    opModHVRTMayTrip: Annotated[Link | None, Added2018()] = None
    opModHVRTMomentaryCessation: Link | None = None
    opModHVRTMustTrip: Link | None = None
    opModLFRTMayTrip: Annotated[Link | None, Added2018()] = None
    opModLFRTMustTrip: Link | None = None
    opModLVRTMayTrip: Annotated[Link | None, Added2018()] = None
    opModLVRTMomentaryCessation: Link | None = None
    opModLVRTMustTrip: Link | None = None
    opModMaxLimW: PerCent | None = None
    opModTargetVar: ReactivePower | None = None
    opModTargetW: ActivePower | None = None
    opModVoltVar: Link | None = None
    opModVoltWatt: Link | None = None
    opModWattPF: Link | None = None
    opModWattVar: Link | None = None
    rampTms: UInt16 | None = None
    opModImpLimW: Annotated[ActivePower | None, Csipaus()] = None
    opModExpLimW: Annotated[ActivePower | None, Csipaus()] = None
    opModGenLimW: Annotated[ActivePower | None, Csipaus()] = None
    opModLoadLimW: Annotated[ActivePower | None, Csipaus()] = None
    opModStorageTargetW: Annotated[ActivePower | None, Csipaus("1.3")] = None


_DERControlBase = DERControlBase


@dataclass(frozen=True, slots=True, kw_only=True)
class DERControl:
    """One event. responseRequired bit 0 = received, bit 1 = specific, bit 2 = of the user; absent means 0."""

    href: AnyURI | None = None
    replyTo: AnyURI | None = None
    responseRequired: HexBinary8 | None = None
    subscribable: SubscribableType | None = None
    mRID: MRIDType
    description: Label32 | None = None
    version: UInt16 | None = None
    creationTime: TimeType
    EventStatus: datatypes.EventStatus
    interval: datatypes.DateTimeInterval
    randomizeDuration: OneHourRangeType | None = None
    randomizeStart: OneHourRangeType | None = None
    DERControlBase: _DERControlBase
    deviceCategory: Annotated[HexBinary32 | None, Added2018()] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DERControlList:
    """One page of DERControls."""

    href: AnyURI | None = None
    subscribable: SubscribableType | None = None
    all: UInt32
    results: UInt32
    items: tuple[DERControl, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultDERControl:
    """What holds when no event does. setES: 1/100 s, 1/100 Hz, 1/100 %; setGradW: 1/100 % of setMaxW per second."""

    href: AnyURI | None = None
    subscribable: SubscribableType | None = None
    mRID: MRIDType
    description: Label32 | None = None
    version: UInt16 | None = None
    DERControlBase: _DERControlBase
    setESDelay: UInt32 | None = None
    setESHighFreq: UInt16 | None = None
    setESHighVolt: Int16 | None = None
    setESLowFreq: UInt16 | None = None
    setESLowVolt: Int16 | None = None
    setESRampTms: UInt32 | None = None
    setESRandomDelay: UInt32 | None = None
    setGradW: UInt16 | None = None
    setSoftGradW: UInt16 | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DERProgram:
    """A program; the smaller primacy wins."""

    href: AnyURI | None = None
    subscribable: SubscribableType | None = None
    mRID: MRIDType
    description: Label32 | None = None
    version: UInt16 | None = None
    ActiveDERControlListLink: ListLink | None = None
    DefaultDERControlLink: Link | None = None
    DERControlListLink: ListLink | None = None
    DERCurveListLink: ListLink | None = None
    primacy: UInt8


@dataclass(frozen=True, slots=True, kw_only=True)
class DERProgramList:
    """One page of DERPrograms."""

    href: AnyURI | None = None
    subscribable: SubscribableType | None = None
    all: UInt32
    results: UInt32
    pollRate: UInt32 | None = None
    items: tuple[DERProgram, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DERCurve:
    """Up to ten points with their scale; Tms fields are hundredths of a second."""

    href: AnyURI | None = None
    mRID: MRIDType
    description: Label32 | None = None
    version: UInt16 | None = None
    autonomousVRefEnable: Boolean | None = None
    autonomousVRefTimeConstant: UInt32 | None = None
    creationTime: TimeType
    CurveData: Annotated[tuple[datatypes.CurveData, ...], Count(1, 10)]
    curveType: DERCurveType
    openLoopTms: UInt16 | None = None
    rampDecTms: UInt16 | None = None
    rampIncTms: UInt16 | None = None
    rampPT1Tms: UInt16 | None = None
    vRef: PerCent | None = None
    xMultiplier: PowerOfTenMultiplierType
    yMultiplier: PowerOfTenMultiplierType
    yRefType: DERUnitRefType


@dataclass(frozen=True, slots=True, kw_only=True)
class DERCurveList:
    """One page of DERCurves."""

    href: AnyURI | None = None
    all: UInt32
    results: UInt32
    items: tuple[DERCurve, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DER:
    """Links of one DER of an EndDevice."""

    href: AnyURI | None = None
    subscribable: SubscribableType | None = None
    AssociatedDERProgramListLink: ListLink | None = None
    AssociatedUsagePointLink: Link | None = None
    CurrentDERProgramLink: Link | None = None
    DERAvailabilityLink: Link | None = None
    DERCapabilityLink: Link | None = None
    DERSettingsLink: Link | None = None
    DERStatusLink: Link | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DERList:
    """One page of DERs."""

    href: AnyURI | None = None
    all: UInt32
    results: UInt32
    pollRate: UInt32 | None = None
    items: tuple[DER, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DERCapability:
    """Ratings (nameplate); doeModesSupported is mandatory for CSIP-AUS peers."""

    href: AnyURI | None = None
    modesSupported: HexBinary32
    rtgAbnormalCategory: UInt8 | None = None
    rtgMaxA: CurrentRMS | None = None
    rtgMaxAh: AmpereHour | None = None
    rtgMaxChargeRateVA: ApparentPower | None = None
    rtgMaxChargeRateW: ActivePower | None = None
    rtgMaxDischargeRateVA: ApparentPower | None = None
    rtgMaxDischargeRateW: ActivePower | None = None
    rtgMaxV: VoltageRMS | None = None
    rtgMaxVA: ApparentPower | None = None
    rtgMaxVar: ReactivePower | None = None
    rtgMaxVarNeg: ReactivePower | None = None
    rtgMaxW: ActivePower
    rtgMaxWh: WattHour | None = None
    rtgMinPFOverExcited: PowerFactor | None = None
    rtgMinPFUnderExcited: PowerFactor | None = None
    rtgMinV: VoltageRMS | None = None
    rtgNormalCategory: UInt8 | None = None
    rtgOverExcitedPF: PowerFactor | None = None
    rtgOverExcitedW: ActivePower | None = None
    rtgReactiveSusceptance: ReactiveSusceptance | None = None
    rtgUnderExcitedPF: PowerFactor | None = None
    rtgUnderExcitedW: ActivePower | None = None
    rtgVNom: VoltageRMS | None = None
    type: UInt8
    doeModesSupported: Annotated[HexBinary8 | None, Csipaus(mandatory=True)] = None
    vppModesSupported: Annotated[HexBinary8 | None, Csipaus("1.3")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DERSettings:
    """Settings in force, each at most its rating; setGradW in hundredths of a percent of setMaxW per second."""

    href: AnyURI | None = None
    subscribable: SubscribableType | None = None
    modesEnabled: HexBinary32 | None = None
    setESDelay: UInt32 | None = None
    setESHighFreq: UInt16 | None = None
    setESHighVolt: Int16 | None = None
    setESLowFreq: UInt16 | None = None
    setESLowVolt: Int16 | None = None
    setESRampTms: UInt32 | None = None
    setESRandomDelay: UInt32 | None = None
    setGradW: UInt16
    setMaxA: CurrentRMS | None = None
    setMaxAh: AmpereHour | None = None
    setMaxChargeRateVA: ApparentPower | None = None
    setMaxChargeRateW: ActivePower | None = None
    setMaxDischargeRateVA: ApparentPower | None = None
    setMaxDischargeRateW: ActivePower | None = None
    setMaxV: Annotated[VoltageRMS | None, Added2018()] = None
    setMaxVA: ApparentPower | None = None
    setMaxVar: ReactivePower | None = None
    setMaxVarNeg: ReactivePower | None = None
    setMaxW: ActivePower
    setMaxWh: WattHour | None = None
    setMinPFOverExcited: Annotated[PowerFactor | None, Added2018()] = None
    setMinPFUnderExcited: Annotated[PowerFactor | None, Added2018()] = None
    setMinV: Annotated[VoltageRMS | None, Added2018()] = None
    setSoftGradW: UInt16 | None = None
    setVNom: Annotated[VoltageRMS | None, Added2018()] = None
    setVRef: VoltageRMS | None = None
    setVRefOfs: VoltageRMS | None = None
    updatedTime: TimeType
    doeModesEnabled: Annotated[HexBinary8 | None, Csipaus()] = None
    vppModesEnabled: Annotated[HexBinary8 | None, Csipaus("1.3")] = None
    setMinWh: Annotated[WattHour | None, Csipaus("1.3")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DERStatus:
    """How the DER is now; operationalModeStatus 0 n/a, 1 off, 2 operational, 3 test, 100..108 demand response codes."""

    href: AnyURI | None = None
    subscribable: SubscribableType | None = None
    alarmStatus: Annotated[HexBinary32 | None, Added2018()] = None
    genConnectStatus: datatypes.ConnectStatusType | None = None
    inverterStatus: datatypes.StatusType | None = None
    localControlModeStatus: datatypes.StatusType | None = None
    manufacturerStatus: datatypes.ManufacturerStatusType | None = None
    operationalModeStatus: datatypes.StatusType | None = None
    readingTime: TimeType
    stateOfChargeStatus: datatypes.StateOfChargeStatusType | None = None
    storageModeStatus: datatypes.StatusType | None = None
    storConnectStatus: datatypes.ConnectStatusType | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DERAvailability:
    """What is in reserve; percentages in hundredths, of rtgMaxWh or the like."""

    href: AnyURI | None = None
    subscribable: SubscribableType | None = None
    availabilityDuration: UInt32 | None = None
    maxChargeDuration: UInt32 | None = None
    readingTime: TimeType
    reserveChargePercent: PerCent | None = None
    reservePercent: PerCent | None = None
    statVarAvail: ReactivePower | None = None
    statWAvail: ActivePower | None = None
