"""Messages of the support resources: capability, time, end devices, assignments, responses, log events, subscriptions.

Source: IEEE 2030.5-2018 clauses 8 and 9; CSIP-AUS ConnectionPoint. Conventions as in der.py.
"""

from dataclasses import dataclass
from typing import Annotated

from protocols.ieee2030_5.wire import datatypes
from protocols.ieee2030_5.wire.datatypes import Link, ListLink
from protocols.ieee2030_5.wire.scalars import (
    AnyURI,
    Boolean,
    Csipaus,
    HexBinary32,
    HexBinary64,
    Label32,
    LFDIType,
    MRIDType,
    PINType,
    SFDIType,
    String16,
    String32,
    SubscribableType,
    TimeOffsetType,
    TimeType,
    UInt8,
    UInt16,
    UInt32,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCapability:
    """The entry: where everything else is."""

    href: AnyURI | None = None
    pollRate: UInt32 | None = None
    CustomerAccountListLink: ListLink | None = None
    DemandResponseProgramListLink: ListLink | None = None
    DERProgramListLink: ListLink | None = None
    FileListLink: ListLink | None = None
    MessagingProgramListLink: ListLink | None = None
    PrepaymentListLink: ListLink | None = None
    ResponseSetListLink: ListLink | None = None
    TariffProfileListLink: ListLink | None = None
    TimeLink: Link | None = None
    UsagePointListLink: ListLink | None = None
    EndDeviceListLink: ListLink | None = None
    MirrorUsagePointListLink: ListLink | None = None
    SelfDeviceLink: Link | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Time:
    """The server's clock; quality 3 external .. 7 intentionally uncoordinated."""

    href: AnyURI | None = None
    pollRate: UInt32 | None = None
    currentTime: TimeType
    dstEndTime: TimeType
    dstOffset: TimeOffsetType
    dstStartTime: TimeType
    localTime: TimeType | None = None
    quality: UInt8
    tzOffset: TimeOffsetType


@dataclass(frozen=True, slots=True, kw_only=True)
class EndDevice:
    """One respondent as the server knows it."""

    href: AnyURI | None = None
    subscribable: SubscribableType | None = None
    ConfigurationLink: Link | None = None
    DERListLink: ListLink | None = None
    deviceCategory: HexBinary32 | None = None
    DeviceInformationLink: Link | None = None
    DeviceStatusLink: Link | None = None
    FileStatusLink: Link | None = None
    IPInterfaceListLink: ListLink | None = None
    lFDI: LFDIType | None = None
    LoadShedAvailabilityListLink: ListLink | None = None
    LogEventListLink: ListLink | None = None
    PowerStatusLink: Link | None = None
    sFDI: SFDIType
    changedTime: TimeType
    enabled: Boolean | None = None
    FlowReservationRequestListLink: ListLink | None = None
    FlowReservationResponseListLink: ListLink | None = None
    FunctionSetAssignmentsListLink: ListLink | None = None
    postRate: UInt32 | None = None
    RegistrationLink: Link | None = None
    SubscriptionListLink: ListLink | None = None
    ConnectionPointLink: Annotated[Link | None, Csipaus()] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndDeviceList:
    """One page of EndDevices."""

    href: AnyURI | None = None
    subscribable: SubscribableType | None = None
    all: UInt32
    results: UInt32
    pollRate: UInt32 | None = None
    items: tuple[EndDevice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """The six-digit PIN shared out of band."""

    href: AnyURI | None = None
    pollRate: UInt32 | None = None
    dateTimeRegistered: TimeType
    pIN: PINType


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionPoint:
    """Where the EndDevice is connected (CSIP-AUS): usually the NMI."""

    href: AnyURI | None = None
    connectionPointId: Annotated[String32, Csipaus(mandatory=True, first_name="id")]


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSetAssignments:
    """What one group assigns to its members."""

    href: AnyURI | None = None
    subscribable: SubscribableType | None = None
    CustomerAccountListLink: ListLink | None = None
    DemandResponseProgramListLink: ListLink | None = None
    DERProgramListLink: ListLink | None = None
    FileListLink: ListLink | None = None
    MessagingProgramListLink: ListLink | None = None
    PrepaymentListLink: ListLink | None = None
    ResponseSetListLink: ListLink | None = None
    TariffProfileListLink: ListLink | None = None
    TimeLink: Link | None = None
    UsagePointListLink: ListLink | None = None
    mRID: MRIDType
    description: Label32 | None = None
    version: UInt16 | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSetAssignmentsList:
    """One page of FunctionSetAssignments."""

    href: AnyURI | None = None
    subscribable: SubscribableType | None = None
    all: UInt32
    results: UInt32
    pollRate: UInt32 | None = None
    items: tuple[FunctionSetAssignments, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What one EndDevice says of one event (`subject` = its mRID)."""

    href: AnyURI | None = None
    createdDateTime: TimeType | None = None
    endDeviceLFDI: LFDIType
    status: UInt8 | None = None
    subject: MRIDType


@dataclass(frozen=True, slots=True, kw_only=True)
class DERControlResponse:
    """A Response to a DERControl."""

    href: AnyURI | None = None
    createdDateTime: TimeType | None = None
    endDeviceLFDI: LFDIType
    status: UInt8 | None = None
    subject: MRIDType


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseList:
    """One page of Responses."""

    href: AnyURI | None = None
    all: UInt32
    results: UInt32
    items: tuple[Response, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseSet:
    """A place for Responses."""

    href: AnyURI | None = None
    mRID: MRIDType
    description: Label32 | None = None
    version: UInt16 | None = None
    ResponseListLink: ListLink | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseSetList:
    """One page of ResponseSets."""

    href: AnyURI | None = None
    all: UInt32
    results: UInt32
    pollRate: UInt32 | None = None
    items: tuple[ResponseSet, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEvent:
    """One entry of a device's log; functionSet 11 = DER, logEventPEN 40732 = the CSIP alarm table."""

    href: AnyURI | None = None
    createdDateTime: TimeType
    details: Label32 | None = None
    extendedData: UInt32 | None = None
    functionSet: UInt8
    logEventCode: UInt8
    logEventID: UInt16
    logEventPEN: UInt32
    profileID: UInt8


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEventList:
    """One page of LogEvents."""

    href: AnyURI | None = None
    subscribable: SubscribableType | None = None
    all: UInt32
    results: UInt32
    pollRate: UInt32 | None = None
    items: tuple[LogEvent, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Asks to be told of changes; encoding 0 = XML, level "+S1"."""

    href: AnyURI | None = None
    subscribedResource: AnyURI
    Condition: datatypes.Condition | None = None
    encoding: UInt8
    level: String16
    limit: UInt32
    notificationURI: AnyURI


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionList:
    """One page of Subscriptions."""

    href: AnyURI | None = None
    all: UInt32
    results: UInt32
    pollRate: UInt32 | None = None
    items: tuple[Subscription, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """A change is told: 0 ok, 1..4 the subscription ended. Its copy of the resource is not read: it is fetched anew."""

    href: AnyURI | None = None
    subscribedResource: AnyURI
    newResourceURI: AnyURI | None = None
    status: UInt8
    subscriptionURI: AnyURI


@dataclass(frozen=True, slots=True, kw_only=True)
class Error:
    """Why a request failed: 0 format, 1 values, 2 resource limit, 3 no conditional subscription, 4 too frequent."""

    maxRetryDuration: UInt16 | None = None
    reasonCode: UInt16


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceInformation:
    """Maker, model, serial number and software."""

    href: AnyURI | None = None
    pollRate: UInt32 | None = None
    DRLCCapabilities: datatypes.DRLCCapabilities | None = None
    functionsImplemented: HexBinary64 | None = None
    gpsLocation: datatypes.GPSLocationType | None = None
    lFDI: LFDIType
    mfDate: TimeType
    mfHwVer: Label32
    mfID: UInt32
    mfInfo: Label32 | None = None
    mfModel: Label32
    mfSerNum: Label32
    primaryPower: UInt8
    secondaryPower: UInt8
    SupportedLocaleListLink: ListLink | None = None
    swActTime: TimeType
    swVer: Label32
