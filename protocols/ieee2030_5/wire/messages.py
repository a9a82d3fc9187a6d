"""Every message of the 2030.5 wire by the name of its root element."""

from types import MappingProxyType

from protocols.ieee2030_5.wire.der import (
    DER,
    DefaultDERControl,
    DERAvailability,
    DERCapability,
    DERControl,
    DERControlList,
    DERCurve,
    DERCurveList,
    DERList,
    DERProgram,
    DERProgramList,
    DERSettings,
    DERStatus,
)
from protocols.ieee2030_5.wire.metering import (
    MirrorMeterReading,
    MirrorMeterReadingList,
    MirrorReadingSet,
    MirrorUsagePoint,
    MirrorUsagePointList,
    Reading,
    ReadingType,
)
from protocols.ieee2030_5.wire.resources import (
    ConnectionPoint,
    DERControlResponse,
    DeviceCapability,
    DeviceInformation,
    EndDevice,
    EndDeviceList,
    Error,
    FunctionSetAssignments,
    FunctionSetAssignmentsList,
    LogEvent,
    LogEventList,
    Notification,
    Registration,
    Response,
    ResponseList,
    ResponseSet,
    ResponseSetList,
    Subscription,
    SubscriptionList,
    Time,
)

ListMessage = (
    DERControlList
    | DERCurveList
    | DERList
    | DERProgramList
    | EndDeviceList
    | FunctionSetAssignmentsList
    | LogEventList
    | MirrorMeterReadingList
    | MirrorUsagePointList
    | ResponseList
    | ResponseSetList
    | SubscriptionList
)

Message = (
    ListMessage
    | ConnectionPoint
    | DER
    | DERAvailability
    | DERCapability
    | DERControl
    | DERControlResponse
    | DERCurve
    | DERProgram
    | DERSettings
    | DERStatus
    | DefaultDERControl
    | DeviceCapability
    | DeviceInformation
    | EndDevice
    | Error
    | FunctionSetAssignments
    | LogEvent
    | MirrorMeterReading
    | MirrorReadingSet
    | MirrorUsagePoint
    | Notification
    | Reading
    | ReadingType
    | Registration
    | Response
    | ResponseSet
    | Subscription
    | Time
)

LISTS: MappingProxyType[type[ListMessage], type[Message]] = MappingProxyType(
    {
        DERControlList: DERControl,
        DERCurveList: DERCurve,
        DERList: DER,
        DERProgramList: DERProgram,
        EndDeviceList: EndDevice,
        FunctionSetAssignmentsList: FunctionSetAssignments,
        LogEventList: LogEvent,
        MirrorMeterReadingList: MirrorMeterReading,
        MirrorUsagePointList: MirrorUsagePoint,
        ResponseList: Response,
        ResponseSetList: ResponseSet,
        SubscriptionList: Subscription,
    }
)
"""List message -> the message it lists; the items' element is named after their type."""

ROOTS: MappingProxyType[str, type[Message]] = MappingProxyType(
    {
        kind.__name__: kind
        for kind in (
            *LISTS,
            ConnectionPoint,
            DER,
            DERAvailability,
            DERCapability,
            DERControl,
            DERControlResponse,
            DERCurve,
            DERProgram,
            DERSettings,
            DERStatus,
            DefaultDERControl,
            DeviceCapability,
            DeviceInformation,
            EndDevice,
            Error,
            FunctionSetAssignments,
            LogEvent,
            MirrorMeterReading,
            MirrorReadingSet,
            MirrorUsagePoint,
            Notification,
            Reading,
            ReadingType,
            Registration,
            Response,
            ResponseSet,
            Subscription,
            Time,
        )
    }
)
"""Root element's local name -> message type."""
