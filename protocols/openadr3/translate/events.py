"""A VTN's event -> events of the model, one for each stretch that is randomised by itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from grid_functions.model.control import Control, Mode, mode_of
from grid_functions.model.errors import MalformedMessage
from grid_functions.model.event import Event, EventKey, EventStatus, Interval, Rank, RefusalKind, Reject, Respondent
from protocols.openadr3 import timing
from protocols.openadr3.translate.faults import Invalid, Unsupported
from protocols.openadr3.translate.payloads import control_of
from protocols.openadr3.wire import objects
from protocols.openadr3.wire.objects import EventDescriptor

NO_PRIORITY = float(2**53)
"""The level of an event without priority: behind every priority there is."""


@dataclass(frozen=True, slots=True)
class Seen:
    """How an event stands with us. ``version`` rises whenever what it says changes; ``anchor_s``: when it was first seen so."""

    version: int
    anchor_s: float


def rank_of(event: objects.Event) -> Rank:
    """0 is the highest priority, none the lowest; at the same priority, which the standard leaves open, the newer event goes first."""
    level = NO_PRIORITY if event.priority is None else float(min(event.priority, int(NO_PRIORITY) - 1))
    return Rank(level, event.created_s, event.id)


def events_of(
    event: objects.Event,
    program: objects.Program,
    respondent: Respondent,
    seen: Seen,
    now_s: float,
    addressees: frozenset[str] = frozenset(),
) -> tuple[tuple[Event, ...], Reject | None, tuple[str, ...]]:
    """The events it is, or why it is refused, and remarks for people.

    Neither: it asks for nothing but reports. Interpretation: where one value of a type we know is none, the whole event is refused, so
    that a broken copy never unseats the good one that is known; what we do not know is left out and the rest is taken.
    """
    if timing.is_cancelled(event):
        return (_cancelled(event, respondent, seen),), None, ()
    try:
        schedules = timing.schedules(event, now_s, seen.anchor_s)
    except MalformedMessage as malformed:
        return (), Reject(event.id, RefusalKind.INVALID, str(malformed)), ()
    descriptors = _descriptors(program.descriptors) | _descriptors(event.descriptors)
    remarks: dict[str, None] = {}
    if event.zoneless:
        remarks["a start without a zone, taken as UTC"] = None
    found: list[Event] = []
    for part, schedule in enumerate(schedules):
        try:
            intervals = _intervals(schedule, descriptors, remarks)
        except Invalid as invalid:
            return (), Reject(event.id, RefusalKind.INVALID, str(invalid)), tuple(remarks)
        if intervals:
            found.append(_event(event, respondent, seen, schedule, intervals, part, addressees))
    if not found and any(interval.payloads for interval in event.intervals):
        why = "; ".join(remarks) or "it asks for nothing we know"
        return (), Reject(event.id, RefusalKind.NOT_APPLICABLE, why), tuple(remarks)
    return tuple(found), None, tuple(remarks)


def _intervals(
    schedule: timing.Schedule, descriptors: Mapping[str, EventDescriptor], remarks: dict[str, None]
) -> tuple[Interval, ...]:
    found: list[Interval] = []
    for piece in schedule.pieces:
        controls: dict[Mode, Control] = {}
        for kind, value in piece.values:
            descriptor = descriptors.get(kind, EventDescriptor(kind))
            try:
                control = control_of(kind, value, descriptor)
            except Unsupported as unsupported:
                remarks[str(unsupported)] = None
                continue
            if descriptor.units.upper() in ("KVA", "VA"):
                remarks[f"{kind} in {descriptor.units}, taken as active power"] = None
            controls[mode_of(control)] = control
        if controls:
            found.append(Interval(piece.offset_s, piece.duration_s, tuple(controls.values())))
    return tuple(found)


def _event(
    event: objects.Event,
    respondent: Respondent,
    seen: Seen,
    schedule: timing.Schedule,
    intervals: tuple[Interval, ...],
    part: int,
    addressees: frozenset[str],
) -> Event:
    """The window of the draw begins a whole range early: the timeline draws from 0 to twice that."""
    rank = rank_of(event)
    return Event(
        key=EventKey(respondent, _part_name(event.id, part)),
        version=seen.version,
        program=event.program_id,
        rank=Rank(rank.level, rank.created_s, _part_name(event.id, part)),
        start_s=schedule.start_s - schedule.random_s,
        duration_s=schedule.duration_s,
        intervals=intervals,
        random_start_s=2.0 * schedule.random_s,
        addressees=addressees,
    )


def _cancelled(event: objects.Event, respondent: Respondent, seen: Seen) -> Event:
    return Event(
        key=EventKey(respondent, event.id),
        version=seen.version,
        program=event.program_id,
        rank=rank_of(event),
        start_s=seen.anchor_s,
        duration_s=None,
        intervals=(),
        status=EventStatus.CANCELLED,
    )


def _part_name(name: str, part: int) -> str:
    """The first stretch has the event's own name; '#' is in no objectID."""
    return f"{name}#{part}" if part else name


def _descriptors(given: Iterable[EventDescriptor]) -> dict[str, EventDescriptor]:
    return {one.payload_type: one for one in given}
