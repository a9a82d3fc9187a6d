"""Facts of all rooms, and the outcomes owed upstream."""

from dataclasses import dataclass
from enum import StrEnum

from grid_functions.model.event import EventKey
from grid_functions.model.instants import Moment


class OutcomeKind(StrEnum):
    """What happened to an event."""

    RECEIVED = "received"
    STARTED = "started"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    PARTIALLY_SERVED = "partially_served"
    DISPLACED = "displaced"
    RESTORED = "restored"
    OPTED_OUT = "opted_out"
    OPTED_IN = "opted_in"
    EXPIRED = "expired"
    REFUSED = "refused"
    APPLIED = "applied"
    EFFECTIVE = "effective"
    NOT_EFFECTIVE = "not_effective"
    NOT_OBSERVABLE = "not_observable"
    MISMATCHED = "mismatched"


FINAL = frozenset(
    {
        OutcomeKind.COMPLETED,
        OutcomeKind.CANCELLED,
        OutcomeKind.SUPERSEDED,
        OutcomeKind.EXPIRED,
        OutcomeKind.REFUSED,
    }
)
"""Exactly one of these ends the story of an event for its respondent."""


class Part(StrEnum):
    """What part a completed event's devices had in it (2030.5 responses 3, 8, 9 and 10)."""

    WHOLE = "whole"
    LEFT = "left"  # opted out before the end
    JOINED = "joined"  # opted in after the start
    NONE = "none"  # opted out, or nothing that could take part, all the time


@dataclass(frozen=True, slots=True)
class Cause:
    """Why: the event that did it (superseded, displaced) and how it stands to the one it happened to; words for people."""

    by: EventKey | None = None
    same_program: bool = False
    same_server: bool = False
    had_started: bool = False
    text: str = ""
    part: Part = Part.WHOLE


@dataclass(frozen=True, slots=True)
class Fact:
    """Something a room noticed about an event; may be noticed again."""

    event: EventKey
    what: OutcomeKind
    at: Moment
    cause: Cause = Cause()


@dataclass(frozen=True, slots=True)
class Outcome:
    """A fact told once, in order. ``at`` is on the upstream's clock and becomes the answer's own time, so a retry is identical."""

    event: EventKey
    kind: OutcomeKind
    at: Moment
    cause: Cause = Cause()
