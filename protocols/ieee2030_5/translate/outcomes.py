"""Outcomes -> Response status codes (IEEE 2030.5-2018 clause 10.2, table of Response types)."""

from enum import IntEnum

from grid_functions.model.event import RefusalKind, Wanted
from grid_functions.model.outcome import Outcome, OutcomeKind, Part


class Status(IntEnum):
    """Response.status, the values a DER client sends."""

    RECEIVED = 1
    STARTED = 2
    COMPLETED = 3
    OPTED_OUT = 4
    OPTED_IN = 5
    CANCELLED = 6
    SUPERSEDED = 7
    COMPLETED_OPTED_OUT = 8
    COMPLETED_OPTED_IN = 9
    COMPLETED_WITHOUT = 10
    OTHER_SERVER = 13
    OTHER_PROGRAM = 14
    NOT_APPLICABLE = 252
    INVALID = 253
    EXPIRED = 254


def status_of(outcome: Outcome, refusal: RefusalKind | None) -> Status | None:
    """The status that tells this outcome; None = 2030.5 has no word for it. ``refusal``: how we refused the event ourselves.

    Superseded by another program is 14 before the event started and 7 afterwards (CSIP conformance, AGG-007 to 009).
    """
    match outcome.kind:
        case OutcomeKind.SUPERSEDED:
            cause = outcome.cause
            before = cause.by is not None and not cause.same_program and not cause.had_started
            return Status.OTHER_PROGRAM if before else Status.SUPERSEDED
        case OutcomeKind.COMPLETED:
            return _COMPLETED[outcome.cause.part]
        case OutcomeKind.REFUSED:
            return Status.INVALID if refusal is RefusalKind.INVALID else Status.NOT_APPLICABLE
        case kind:
            return _STATUS.get(kind)


def asked_for(status: Status, wants: frozenset[Wanted]) -> bool:
    """Whether responseRequired asks for this status."""
    match status:
        case Status.RECEIVED:
            return Wanted.RECEIPT in wants
        case Status.OPTED_IN | Status.OPTED_OUT:
            return Wanted.USER in wants
        case _:
            return Wanted.SPECIFIC in wants


_STATUS = {
    OutcomeKind.RECEIVED: Status.RECEIVED,
    OutcomeKind.STARTED: Status.STARTED,
    OutcomeKind.CANCELLED: Status.CANCELLED,
    OutcomeKind.DISPLACED: Status.OTHER_SERVER,
    OutcomeKind.OPTED_OUT: Status.OPTED_OUT,
    OutcomeKind.OPTED_IN: Status.OPTED_IN,
    OutcomeKind.EXPIRED: Status.EXPIRED,
}

_COMPLETED = {
    Part.WHOLE: Status.COMPLETED,
    Part.LEFT: Status.COMPLETED_OPTED_OUT,
    Part.JOINED: Status.COMPLETED_OPTED_IN,
    Part.NONE: Status.COMPLETED_WITHOUT,
}
