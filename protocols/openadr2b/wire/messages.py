"""Every message of the profile, and the service each is posted to."""

from enum import StrEnum
from typing import Final, get_args

from protocols.openadr2b.wire.events import OadrCreatedEvent, OadrDistributeEvent, OadrRequestEvent, OadrResponse
from protocols.openadr2b.wire.registration import (
    OadrCanceledOpt,
    OadrCanceledPartyRegistration,
    OadrCancelOpt,
    OadrCancelPartyRegistration,
    OadrCreatedOpt,
    OadrCreatedPartyRegistration,
    OadrCreateOpt,
    OadrCreatePartyRegistration,
    OadrPoll,
    OadrQueryRegistration,
    OadrRequestReregistration,
)
from protocols.openadr2b.wire.reports import (
    OadrCanceledReport,
    OadrCancelReport,
    OadrCreatedReport,
    OadrCreateReport,
    OadrRegisteredReport,
    OadrRegisterReport,
    OadrUpdatedReport,
    OadrUpdateReport,
)

Message = (
    OadrDistributeEvent
    | OadrCreatedEvent
    | OadrRequestEvent
    | OadrResponse
    | OadrCancelOpt
    | OadrCanceledOpt
    | OadrCreateOpt
    | OadrCreatedOpt
    | OadrCancelReport
    | OadrCanceledReport
    | OadrCreateReport
    | OadrCreatedReport
    | OadrRegisterReport
    | OadrRegisteredReport
    | OadrUpdateReport
    | OadrUpdatedReport
    | OadrCancelPartyRegistration
    | OadrCanceledPartyRegistration
    | OadrCreatePartyRegistration
    | OadrCreatedPartyRegistration
    | OadrRequestReregistration
    | OadrQueryRegistration
    | OadrPoll
)

ROOTS: Final[dict[str, type]] = {f"o{kind.__name__[1:]}": kind for kind in get_args(Message)}
"""Message types by the local name of their element."""


class Service(StrEnum):
    """The last part of the address a message is posted to; case matters."""

    REGISTER = "EiRegisterParty"
    EVENT = "EiEvent"
    REPORT = "EiReport"
    OPT = "EiOpt"
    POLL = "OadrPoll"


def name_of(message: Message) -> str:
    """The message's element name."""
    return f"o{type(message).__name__[1:]}"


def service_of(message: Message) -> Service | None:
    """Where it is posted; None for oadrResponse, which goes to the service of what it answers."""
    name = type(message).__name__
    if isinstance(message, OadrPoll):
        return Service.POLL
    for word, service in _SERVICES:
        if word in name:
            return service
    return None


_SERVICES = (
    ("egistration", Service.REGISTER),
    ("Event", Service.EVENT),
    ("Report", Service.REPORT),
    ("Opt", Service.OPT),
)
