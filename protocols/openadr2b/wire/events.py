"""EiEvent: events, their signals and the answers to them (OpenADR 2.0b profile, clause 8.1)."""

from dataclasses import dataclass
from typing import Annotated

from protocols.openadr2b.wire.scalars import CODE, DURATION, EMPTY, FLOAT, TEXT, TIME, TRUTH, WHOLE, token
from protocols.openadr2b.wire.schema import At

SIGNAL_NAMES = (
    "SIMPLE",
    "simple",
    "ELECTRICITY_PRICE",
    "ENERGY_PRICE",
    "DEMAND_CHARGE",
    "BID_PRICE",
    "BID_LOAD",
    "BID_ENERGY",
    "CHARGE_STATE",
    "LOAD_DISPATCH",
    "LOAD_CONTROL",
)
SIGNAL_TYPES = (
    "delta",
    "level",
    "multiplier",
    "price",
    "priceMultiplier",
    "priceRelative",
    "setpoint",
    "x-loadControlCapacity",
    "x-loadControlLevelOffset",
    "x-loadControlPercentOffset",
    "x-loadControlSetpoint",
)
EVENT_STATUS = token(("none", "far", "near", "active", "completed", "cancelled"))
OPT_TYPE = token(("optIn", "optOut"))
RESPONSE_REQUIRED = token(("always", "never"))
SIGNAL_NAME = token(SIGNAL_NAMES, extensible=True)
SIGNAL_TYPE = token(SIGNAL_TYPES)
SI_SCALE = token(("p", "n", "micro", "m", "c", "d", "none", "k", "M", "G", "T"))

UNIT_PREFIXES = {
    **dict.fromkeys(("powerReal", "powerReactive", "powerApparent", "voltage"), "power"),
    **dict.fromkeys(("energyReal", "energyReactive", "energyApparent"), "power"),
    **dict.fromkeys(("currency", "currencyPerKWh", "currencyPerKW", "currencyPerThm"), "oadr"),
    **dict.fromkeys(("current", "frequency", "Therm", "temperature", "pulseCount", "customUnit"), "oadr"),
}
"""The elements that say a unit, and the namespace in which they and what they hold stand."""

UNITS = "|".join(f"{prefix}:{name}" for name, prefix in UNIT_PREFIXES.items())
"""The substitution group of emix:itemBase."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What a value is measured in; ``kind``: the element of the itemBase group. ``scale`` is to be applied."""

    kind: str
    description: Annotated[str, At("power:itemDescription|oadr:itemDescription", TEXT)]
    units: Annotated[str, At("power:itemUnits|oadr:itemUnits", TEXT)]
    scale: Annotated[str | None, At("scale:siScaleCode", SI_SCALE)] = None
    pulse_factor: Annotated[float | None, At("oadr:pulseFactor", FLOAT)] = None
    hertz: Annotated[float | None, At("power:powerAttributes/power:hertz", FLOAT)] = None
    voltage: Annotated[float | None, At("power:powerAttributes/power:voltage", FLOAT)] = None
    ac: Annotated[bool | None, At("power:powerAttributes/power:ac", TRUTH)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """eiTarget: who is meant. All criteria are alternatives (rule 22); none at all = everything of the VEN."""

    aggregatedPnode: Annotated[tuple[str, ...], At("power:aggregatedPnode*/power:node", TEXT)] = ()
    endDeviceAsset: Annotated[tuple[str, ...], At("power:endDeviceAsset*/power:mrid", TEXT)] = ()
    meterAsset: Annotated[tuple[str, ...], At("power:meterAsset*/power:mrid", TEXT)] = ()
    pnode: Annotated[tuple[str, ...], At("power:pnode*/power:node", TEXT)] = ()
    serviceArea: Annotated[tuple[bool, ...], At("emix:serviceArea", EMPTY)] = ()
    serviceDeliveryPoint: Annotated[tuple[str, ...], At("power:serviceDeliveryPoint*/power:node", TEXT)] = ()
    serviceLocation: Annotated[tuple[bool, ...], At("power:serviceLocation", EMPTY)] = ()
    transportInterface: Annotated[tuple[bool, ...], At("power:transportInterface", EMPTY)] = ()
    groupID: Annotated[tuple[str, ...], At("ei:groupID", TEXT)] = ()
    groupName: Annotated[tuple[str, ...], At("ei:groupName", TEXT)] = ()
    resourceID: Annotated[tuple[str, ...], At("ei:resourceID", TEXT)] = ()
    venID: Annotated[tuple[str, ...], At("ei:venID", TEXT)] = ()
    partyID: Annotated[tuple[str, ...], At("ei:partyID", TEXT)] = ()


EVERYTHING = Target()


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """eventDescriptor. ``testEvent``: anything but ``false`` is a test (rule 6)."""

    eventID: Annotated[str, At("ei:eventID", TEXT)]
    modificationNumber: Annotated[int, At("ei:modificationNumber", WHOLE)]
    modificationDateTime: Annotated[float | None, At("ei:modificationDateTime", TIME)] = None
    modificationReason: Annotated[str | None, At("ei:modificationReason", TEXT)] = None
    priority: Annotated[int | None, At("ei:priority", WHOLE)] = None
    marketContext: Annotated[str, At("ei:eiMarketContext/emix:marketContext", TEXT)]
    createdDateTime: Annotated[float, At("ei:createdDateTime", TIME)]
    eventStatus: Annotated[str, At("ei:eventStatus", EVENT_STATUS)]
    testEvent: Annotated[str | None, At("ei:testEvent", TEXT)] = None
    vtnComment: Annotated[str | None, At("ei:vtnComment", TEXT)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The properties of a calendar component, s. ``startafter``: tolerance of its start; ramp up and recovery are signed."""

    dtstart: Annotated[float, At("xcal:dtstart/xcal:date-time", TIME)]
    duration: Annotated[float, At("xcal:duration/xcal:duration", DURATION)]
    startafter: Annotated[float | None, At("xcal:tolerance/xcal:tolerate/xcal:startafter", DURATION)] = None
    notification: Annotated[float | None, At("ei:x-eiNotification/xcal:duration", DURATION)] = None
    rampUp: Annotated[float | None, At("ei:x-eiRampUp/xcal:duration", DURATION)] = None
    recovery: Annotated[float | None, At("ei:x-eiRecovery/xcal:duration", DURATION)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalInterval:
    """One stretch of a signal: its length in s (0 = open-ended), its number, its value."""

    dtstart: Annotated[float | None, At("xcal:dtstart/xcal:date-time", TIME)] = None
    duration: Annotated[float | None, At("xcal:duration/xcal:duration", DURATION)] = None
    uid: Annotated[str | None, At("xcal:uid/xcal:text", TEXT)] = None
    value: Annotated[float, At("ei:signalPayload/ei:payloadFloat/ei:value", FLOAT)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """eiEventSignal."""

    intervals: Annotated[tuple[SignalInterval, ...], At("strm:intervals/ei:interval", SignalInterval)]
    eiTarget: Annotated[Target | None, At("ei:eiTarget", Target)] = None
    signalName: Annotated[str, At("ei:signalName", SIGNAL_NAME)]
    signalType: Annotated[str, At("ei:signalType", SIGNAL_TYPE)]
    signalID: Annotated[str, At("ei:signalID", TEXT)]
    unit: Annotated[Unit | None, At(UNITS, Unit)] = None
    currentValue: Annotated[float | None, At("ei:currentValue/ei:payloadFloat/ei:value", FLOAT)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """eiEventBaseline."""

    dtstart: Annotated[float, At("xcal:dtstart/xcal:date-time", TIME)]
    duration: Annotated[float, At("xcal:duration/xcal:duration", DURATION)]
    intervals: Annotated[tuple[SignalInterval, ...], At("strm:intervals/ei:interval", SignalInterval)]
    baselineID: Annotated[str, At("ei:baselineID", TEXT)]
    resourceID: Annotated[tuple[str, ...], At("ei:resourceID", TEXT)] = ()
    baselineName: Annotated[str, At("ei:baselineName", TEXT)]
    unit: Annotated[Unit | None, At(UNITS, Unit)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OadrEvent:
    """One event of a distribution, and whether it wants an answer."""

    descriptor: Annotated[Descriptor, At("ei:eiEvent/ei:eventDescriptor", Descriptor)]
    period: Annotated[Period, At("ei:eiEvent/ei:eiActivePeriod/xcal:properties", Period)]
    components: Annotated[bool, At("ei:eiEvent/ei:eiActivePeriod/xcal:components", EMPTY)] = True
    signals: Annotated[tuple[Signal, ...], At("ei:eiEvent/ei:eiEventSignals/ei:eiEventSignal", Signal)]
    baseline: Annotated[Baseline | None, At("ei:eiEvent/ei:eiEventSignals/ei:eiEventBaseline", Baseline)] = None
    target: Annotated[Target, At("ei:eiEvent/ei:eiTarget", Target)] = EVERYTHING
    responseRequired: Annotated[str, At("oadr:oadrResponseRequired", RESPONSE_REQUIRED)]


@dataclass(frozen=True, slots=True, kw_only=True)
class EiResponse:
    """eiResponse: a code of three digits, words, and the request it answers (empty where there is none to name)."""

    responseCode: Annotated[int, At("ei:responseCode", CODE)]
    responseDescription: Annotated[str | None, At("ei:responseDescription", TEXT)] = None
    requestID: Annotated[str, At("pyld:requestID", TEXT)] = ""

    @property
    def good(self) -> bool:
        """Whether it is a code of success."""
        return 200 <= self.responseCode < 300


@dataclass(frozen=True, slots=True, kw_only=True)
class EventResponse:
    """The answer to one event."""

    responseCode: Annotated[int, At("ei:responseCode", CODE)]
    responseDescription: Annotated[str | None, At("ei:responseDescription", TEXT)] = None
    requestID: Annotated[str, At("pyld:requestID", TEXT)]
    eventID: Annotated[str, At("ei:qualifiedEventID/ei:eventID", TEXT)]
    modificationNumber: Annotated[int, At("ei:qualifiedEventID/ei:modificationNumber", WHOLE)]
    optType: Annotated[str, At("ei:optType", OPT_TYPE)]


@dataclass(frozen=True, slots=True, kw_only=True)
class OadrDistributeEvent:
    """All far, near and active events of the VEN (rule 50)."""

    eiResponse: Annotated[EiResponse | None, At("ei:eiResponse", EiResponse)] = None
    requestID: Annotated[str, At("pyld:requestID", TEXT)]
    vtnID: Annotated[str, At("ei:vtnID", TEXT)]
    events: Annotated[tuple[OadrEvent, ...], At("oadr:oadrEvent", OadrEvent, apart=True)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OadrCreatedEvent:
    """The VEN's answers, each for itself (rule 19)."""

    eiResponse: Annotated[EiResponse, At("pyld:eiCreatedEvent/ei:eiResponse", EiResponse)]
    eventResponses: Annotated[
        tuple[EventResponse, ...],
        At("pyld:eiCreatedEvent/ei:eventResponses/ei:eventResponse", EventResponse),
    ] = ()
    venID: Annotated[str, At("pyld:eiCreatedEvent/ei:venID", TEXT)]


@dataclass(frozen=True, slots=True, kw_only=True)
class OadrRequestEvent:
    """Show me all my events."""

    requestID: Annotated[str, At("pyld:eiRequestEvent/pyld:requestID", TEXT)]
    venID: Annotated[str, At("pyld:eiRequestEvent/ei:venID", TEXT)]
    replyLimit: Annotated[int | None, At("pyld:eiRequestEvent/pyld:replyLimit", WHOLE)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OadrResponse:
    """The plain answer."""

    eiResponse: Annotated[EiResponse, At("ei:eiResponse", EiResponse)]
    venID: Annotated[str | None, At("ei:venID", TEXT)] = None
