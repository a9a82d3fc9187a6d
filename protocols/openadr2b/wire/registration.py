"""EiRegisterParty, EiOpt and OadrPoll (OpenADR 2.0b profile, clauses 8.2, 8.4 and 8.6)."""

from dataclasses import dataclass
from typing import Annotated

from protocols.openadr2b.wire.events import EVERYTHING, OPT_TYPE, EiResponse, Period, Target
from protocols.openadr2b.wire.scalars import DURATION, TEXT, TIME, TRUTH, WHOLE, token
from protocols.openadr2b.wire.schema import At

PROFILE_NAME = token(("2.0a", "2.0b"))
TRANSPORT_NAME = token(("simpleHttp", "xmpp"))
OPT_REASON = token(
    (
        *("economic", "emergency", "mustRun", "notParticipating", "outageRunStatus", "overrideStatus"),
        *("participating", "x-schedule"),
    ),
    extensible=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One profile a VTN speaks, and over what."""

    name: Annotated[str, At("oadr:oadrProfileName", PROFILE_NAME)]
    transports: Annotated[
        tuple[str, ...], At("oadr:oadrTransports/oadr:oadrTransport*/oadr:oadrTransportName", TRANSPORT_NAME)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class OadrQueryRegistration:
    """What do you speak?"""

    requestID: Annotated[str, At("pyld:requestID", TEXT)]


@dataclass(frozen=True, slots=True, kw_only=True)
class OadrCreatePartyRegistration:
    """Register me; with the IDs of an earlier registration, again."""

    requestID: Annotated[str, At("pyld:requestID", TEXT)]
    registrationID: Annotated[str | None, At("ei:registrationID", TEXT)] = None
    venID: Annotated[str | None, At("ei:venID", TEXT)] = None
    profileName: Annotated[str, At("oadr:oadrProfileName", PROFILE_NAME)] = "2.0b"
    transportName: Annotated[str, At("oadr:oadrTransportName", TRANSPORT_NAME)] = "simpleHttp"
    transportAddress: Annotated[str | None, At("oadr:oadrTransportAddress", TEXT)] = None
    reportOnly: Annotated[bool, At("oadr:oadrReportOnly", TRUTH)] = False
    xmlSignature: Annotated[bool, At("oadr:oadrXmlSignature", TRUTH)]
    venName: Annotated[str | None, At("oadr:oadrVenName", TEXT)] = None
    httpPullModel: Annotated[bool | None, At("oadr:oadrHttpPullModel", TRUTH)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OadrCreatedPartyRegistration:
    """The registration; without IDs the answer to a query. ``pollFreq``: the fastest poll the VTN asks for, s."""

    eiResponse: Annotated[EiResponse, At("ei:eiResponse", EiResponse)]
    registrationID: Annotated[str | None, At("ei:registrationID", TEXT)] = None
    venID: Annotated[str | None, At("ei:venID", TEXT)] = None
    vtnID: Annotated[str, At("ei:vtnID", TEXT)]
    profiles: Annotated[tuple[Profile, ...], At("oadr:oadrProfiles/oadr:oadrProfile", Profile, frame=1)] = ()
    pollFreq: Annotated[float | None, At("oadr:oadrRequestedOadrPollFreq/xcal:duration", DURATION)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OadrCancelPartyRegistration:
    """End the registration; either side may."""

    requestID: Annotated[str, At("pyld:requestID", TEXT)]
    registrationID: Annotated[str, At("ei:registrationID", TEXT)]
    venID: Annotated[str | None, At("ei:venID", TEXT)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OadrCanceledPartyRegistration:
    """It is ended."""

    eiResponse: Annotated[EiResponse, At("ei:eiResponse", EiResponse)]
    registrationID: Annotated[str | None, At("ei:registrationID", TEXT)] = None
    venID: Annotated[str | None, At("ei:venID", TEXT)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OadrRequestReregistration:
    """Register again."""

    venID: Annotated[str, At("ei:venID", TEXT)]


@dataclass(frozen=True, slots=True, kw_only=True)
class OadrPoll:
    """Anything for me?"""

    venID: Annotated[str, At("ei:venID", TEXT)]


@dataclass(frozen=True, slots=True, kw_only=True)
class OadrCreateOpt:
    """An opt: for one event, or (with ``available``) a schedule of availability."""

    optID: Annotated[str, At("ei:optID", TEXT)]
    optType: Annotated[str, At("ei:optType", OPT_TYPE)]
    optReason: Annotated[str, At("ei:optReason", OPT_REASON)]
    marketContext: Annotated[str | None, At("emix:marketContext", TEXT)] = None
    venID: Annotated[str, At("ei:venID", TEXT)]
    available: Annotated[
        tuple[Period, ...], At("xcal:vavailability/xcal:components/xcal:available*/xcal:properties", Period)
    ] = ()
    createdDateTime: Annotated[float, At("ei:createdDateTime", TIME)]
    requestID: Annotated[str, At("pyld:requestID", TEXT)]
    eventID: Annotated[str | None, At("ei:qualifiedEventID/ei:eventID", TEXT)] = None
    modificationNumber: Annotated[int | None, At("ei:qualifiedEventID/ei:modificationNumber", WHOLE)] = None
    target: Annotated[Target, At("ei:eiTarget", Target)] = EVERYTHING
    deviceClass: Annotated[Target | None, At("oadr:oadrDeviceClass", Target)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OadrCreatedOpt:
    """The opt is noted."""

    eiResponse: Annotated[EiResponse, At("ei:eiResponse", EiResponse)]
    optID: Annotated[str, At("ei:optID", TEXT)]


@dataclass(frozen=True, slots=True, kw_only=True)
class OadrCancelOpt:
    """Withdraw an opt."""

    requestID: Annotated[str, At("pyld:requestID", TEXT)]
    optID: Annotated[str, At("ei:optID", TEXT)]
    venID: Annotated[str, At("ei:venID", TEXT)]


@dataclass(frozen=True, slots=True, kw_only=True)
class OadrCanceledOpt:
    """The opt is withdrawn."""

    eiResponse: Annotated[EiResponse, At("ei:eiResponse", EiResponse)]
    optID: Annotated[str | None, At("ei:optID", TEXT)] = None
