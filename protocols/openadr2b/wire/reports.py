"""EiReport: what can be told, what is asked for, and the telling (OpenADR 2.0b profile, clause 8.3)."""

from dataclasses import dataclass
from typing import Annotated

from protocols.openadr2b.wire.events import UNITS, EiResponse, Target, Unit
from protocols.openadr2b.wire.scalars import DURATION, FLOAT, TEXT, TIME, TRUTH, WHOLE, token
from protocols.openadr2b.wire.schema import At

_NAMES = ("HISTORY_USAGE", "HISTORY_GREENBUTTON", "TELEMETRY_USAGE", "TELEMETRY_STATUS")
REPORT_NAME = token((*_NAMES, *(f"METADATA_{name}" for name in _NAMES)), extensible=True)
REPORT_TYPE = token(
    (
        *("reading", "usage", "demand", "setPoint", "deltaUsage", "deltaSetPoint", "deltaDemand", "baseline"),
        *("deviation", "avgUsage", "avgDemand", "operatingState", "upRegulationCapacityAvailable"),
        *("downRegulationCapacityAvailable", "regulationSetpoint", "storedEnergy", "targetEnergyStorage"),
        *("availableEnergyStorage", "price", "level", "powerFactor", "percentUsage", "percentDemand"),
        "x-resourceStatus",
    ),
    extensible=True,
)
READING_TYPE = token(
    (
        *("Direct Read", "Net", "Allocated", "Estimated", "Summed", "Derived", "Mean", "Peak", "Hybrid", "Contract"),
        *("Projected", "x-RMS", "x-notApplicable"),
    ),
    extensible=True,
)
DATA_QUALITY = token(
    (
        "No Quality - No Value",
        "No New Value - Previous Value Used",
        *(f"Quality Bad - {why}" for why in ("Non Specific", "Configuration Error", "Not Connected", "Device Failure")),
        *(f"Quality Bad - {why}" for why in ("Sensor Failure", "Last Known Value", "Comm Failure", "Out of Service")),
        *(f"Quality Uncertain - {why}" for why in ("Non Specific", "Last Usable Value", "Sensor Not Accurate")),
        *(f"Quality Uncertain - {why}" for why in ("EU Units Exceeded", "Sub Normal")),
        *(f"Quality Good - {why}" for why in ("Non Specific", "Local Override")),
        *(f"Quality Limit - Field/{why}" for why in ("Not", "Low", "High", "Constant")),
    ),
    extensible=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadControlValue:
    """One quantity of the load control state."""

    minimum: Annotated[float | None, At("oadr:oadrMin", FLOAT)] = None
    maximum: Annotated[float | None, At("oadr:oadrMax", FLOAT)] = None
    current: Annotated[float, At("oadr:oadrCurrent", FLOAT)]
    normal: Annotated[float | None, At("oadr:oadrNormal", FLOAT)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadControlState:
    """What load control makes of a resource now."""

    capacity: Annotated[LoadControlValue | None, At("oadr:oadrCapacity", LoadControlValue)] = None
    levelOffset: Annotated[LoadControlValue | None, At("oadr:oadrLevelOffset", LoadControlValue)] = None
    percentOffset: Annotated[LoadControlValue | None, At("oadr:oadrPercentOffset", LoadControlValue)] = None
    setPoint: Annotated[LoadControlValue | None, At("oadr:oadrSetPoint", LoadControlValue)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceStatus:
    """oadrPayloadResourceStatus."""

    online: Annotated[bool, At("oadr:oadrOnline", TRUTH)]
    manualOverride: Annotated[bool, At("oadr:oadrManualOverride", TRUTH)]
    loadControlState: Annotated[LoadControlState | None, At("oadr:oadrLoadControlState", LoadControlState)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPayload:
    """One value of one data point; exactly one of ``value`` and ``status``."""

    rID: Annotated[str, At("ei:rID", TEXT)]
    confidence: Annotated[int | None, At("ei:confidence", WHOLE)] = None
    accuracy: Annotated[float | None, At("ei:accuracy", FLOAT)] = None
    value: Annotated[float | None, At("ei:payloadFloat/ei:value", FLOAT)] = None
    status: Annotated[ResourceStatus | None, At("oadr:oadrPayloadResourceStatus", ResourceStatus)] = None
    dataQuality: Annotated[str | None, At("oadr:oadrDataQuality", DATA_QUALITY)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportInterval:
    """One stretch of a report."""

    dtstart: Annotated[float | None, At("xcal:dtstart/xcal:date-time", TIME)] = None
    duration: Annotated[float | None, At("xcal:duration/xcal:duration", DURATION)] = None
    uid: Annotated[str | None, At("xcal:uid/xcal:text", TEXT)] = None
    payloads: Annotated[tuple[ReportPayload, ...], At("oadr:oadrReportPayload", ReportPayload)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingRate:
    """How often a data point can be told, s."""

    minPeriod: Annotated[float, At("oadr:oadrMinPeriod", DURATION)]
    maxPeriod: Annotated[float, At("oadr:oadrMaxPeriod", DURATION)]
    onChange: Annotated[bool, At("oadr:oadrOnChange", TRUTH)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDescription:
    """One data point of a metadata report."""

    rID: Annotated[str, At("ei:rID", TEXT)]
    reportSubject: Annotated[Target | None, At("ei:reportSubject", Target)] = None
    reportDataSource: Annotated[Target | None, At("ei:reportDataSource", Target)] = None
    reportType: Annotated[str, At("ei:reportType", REPORT_TYPE)]
    unit: Annotated[Unit | None, At(UNITS, Unit)] = None
    readingType: Annotated[str, At("ei:readingType", READING_TYPE)]
    marketContext: Annotated[str | None, At("emix:marketContext", TEXT)] = None
    samplingRate: Annotated[SamplingRate | None, At("oadr:oadrSamplingRate", SamplingRate)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """oadrReport: metadata (descriptions) or data (intervals)."""

    dtstart: Annotated[float | None, At("xcal:dtstart/xcal:date-time", TIME)] = None
    duration: Annotated[float | None, At("xcal:duration/xcal:duration", DURATION)] = None
    intervals: Annotated[tuple[ReportInterval, ...], At("strm:intervals/ei:interval", ReportInterval)] = ()
    eiReportID: Annotated[str | None, At("ei:eiReportID", TEXT)] = None
    descriptions: Annotated[tuple[ReportDescription, ...], At("oadr:oadrReportDescription", ReportDescription)] = ()
    reportRequestID: Annotated[str, At("ei:reportRequestID", TEXT)]
    reportSpecifierID: Annotated[str, At("ei:reportSpecifierID", TEXT)]
    reportName: Annotated[str | None, At("ei:reportName", REPORT_NAME)] = None
    createdDateTime: Annotated[float, At("ei:createdDateTime", TIME)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecifierPayload:
    """One data point that is asked for."""

    rID: Annotated[str, At("ei:rID", TEXT)]
    unit: Annotated[Unit | None, At(UNITS, Unit)] = None
    readingType: Annotated[str, At("ei:readingType", READING_TYPE)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRequest:
    """oadrReportRequest: which data points, how fine, how often, from when on for how long (0 = for ever), s."""

    reportRequestID: Annotated[str, At("ei:reportRequestID", TEXT)]
    reportSpecifierID: Annotated[str, At("ei:reportSpecifier/ei:reportSpecifierID", TEXT)]
    granularity: Annotated[float, At("ei:reportSpecifier/xcal:granularity/xcal:duration", DURATION)]
    reportBackDuration: Annotated[float, At("ei:reportSpecifier/ei:reportBackDuration/xcal:duration", DURATION)]
    dtstart: Annotated[
        float | None, At("ei:reportSpecifier/ei:reportInterval/xcal:properties/xcal:dtstart/xcal:date-time", TIME)
    ] = None
    duration: Annotated[
        float | None, At("ei:reportSpecifier/ei:reportInterval/xcal:properties/xcal:duration/xcal:duration", DURATION)
    ] = None
    payloads: Annotated[tuple[SpecifierPayload, ...], At("ei:reportSpecifier/ei:specifierPayload", SpecifierPayload)]


@dataclass(frozen=True, slots=True, kw_only=True)
class OadrRegisterReport:
    """What the sender can tell; ``reportRequestID`` when it was asked to say so."""

    requestID: Annotated[str, At("pyld:requestID", TEXT)]
    reports: Annotated[tuple[Report, ...], At("oadr:oadrReport", Report)] = ()
    venID: Annotated[str | None, At("ei:venID", TEXT)] = None
    reportRequestID: Annotated[str | None, At("ei:reportRequestID", TEXT)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OadrRegisteredReport:
    """The metadata arrived; ``requests``: what is wanted of it at once."""

    eiResponse: Annotated[EiResponse, At("ei:eiResponse", EiResponse)]
    requests: Annotated[tuple[ReportRequest, ...], At("oadr:oadrReportRequest", ReportRequest)] = ()
    venID: Annotated[str | None, At("ei:venID", TEXT)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OadrCreateReport:
    """Tell me these."""

    requestID: Annotated[str, At("pyld:requestID", TEXT)]
    requests: Annotated[tuple[ReportRequest, ...], At("oadr:oadrReportRequest", ReportRequest)]
    venID: Annotated[str | None, At("ei:venID", TEXT)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OadrCreatedReport:
    """They will be told; ``pending``: every request that is still scheduled (rule 329)."""

    eiResponse: Annotated[EiResponse, At("ei:eiResponse", EiResponse)]
    pending: Annotated[tuple[str, ...], At("oadr:oadrPendingReports/ei:reportRequestID", TEXT, frame=1)] = ()
    venID: Annotated[str | None, At("ei:venID", TEXT)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OadrUpdateReport:
    """The telling."""

    requestID: Annotated[str, At("pyld:requestID", TEXT)]
    reports: Annotated[tuple[Report, ...], At("oadr:oadrReport", Report)] = ()
    venID: Annotated[str | None, At("ei:venID", TEXT)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OadrCancelReport:
    """Tell these no more; ``reportToFollow``: but once again what is there."""

    requestID: Annotated[str, At("pyld:requestID", TEXT)]
    reportRequestID: Annotated[tuple[str, ...], At("ei:reportRequestID", TEXT)]
    reportToFollow: Annotated[bool, At("pyld:reportToFollow", TRUTH)]
    venID: Annotated[str | None, At("ei:venID", TEXT)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OadrUpdatedReport:
    """The report arrived; it may end requests at once."""

    eiResponse: Annotated[EiResponse, At("ei:eiResponse", EiResponse)]
    cancel: Annotated[OadrCancelReport | None, At("oadr:oadrCancelReport", OadrCancelReport)] = None
    venID: Annotated[str | None, At("ei:venID", TEXT)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OadrCanceledReport:
    """They are told no more; ``pending``: every request that is still scheduled."""

    eiResponse: Annotated[EiResponse, At("ei:eiResponse", EiResponse)]
    pending: Annotated[tuple[str, ...], At("oadr:oadrPendingReports/ei:reportRequestID", TEXT, frame=1)] = ()
    venID: Annotated[str | None, At("ei:venID", TEXT)] = None
