"""DERControl and DefaultDERControl -> events and standings (IEEE 2030.5-2018 clause 10.10)."""

from dataclasses import dataclass
from functools import lru_cache

from grid_functions.model.event import (
    Event,
    EventKey,
    EventStatus,
    Interval,
    Ramp,
    Rank,
    RefusalKind,
    Reject,
    Respondent,
    Settings,
    Standing,
    Wanted,
)
from grid_functions.model.making import maker_of
from protocols.ieee2030_5.translate.controls import Curves, wanted
from protocols.ieee2030_5.wire.der import DefaultDERControl, DERControl, DERControlBase, DERProgram
from protocols.ieee2030_5.wire.reader import Reject as Unread

LAST_START_S = 10**11
"""Interpretation: a start beyond the year 5138 was given in milliseconds; the event is invalid."""


@dataclass(frozen=True, slots=True)
class Awaited:
    """An event whose curve is still to be fetched: neither taken nor refused yet."""

    id: str


def rank_of(program: DERProgram) -> Rank:
    """A program's place: the smaller primacy wins."""
    return Rank(float(program.primacy), 0.0, program.mRID)


def event_of(
    control: DERControl, program: DERProgram, respondent: Respondent, category: int, curves: Curves, name: str
) -> tuple[Event | Reject | Awaited | None, tuple[str, ...]]:
    """One control as an event, and remarks for people.

    None: meant for other device categories, so nobody here answers. ``name``: its name among our events, its mRID unless another program
    reuses that.
    """
    if control.deviceCategory and category and not control.deviceCategory & category:
        return None, ()
    answers = wants_of(control.responseRequired)
    if control.interval.start >= LAST_START_S:
        return Reject(name, RefusalKind.INVALID, f"start {control.interval.start} is not in seconds", answers), ()
    asked = wanted(control.DERControlBase, curves)
    if asked.unresolved:
        return Awaited(name), ()
    if not asked.controls:
        kind = RefusalKind.INVALID if asked.void else RefusalKind.NOT_APPLICABLE
        return Reject(name, kind, "; ".join(asked.void) or "it asks for no mode we know", answers), ()
    duration = float(control.interval.duration)
    told = (*asked.void, *asked.remarks)
    if control.EventStatus.potentiallySuperseded:
        # a hint of an overlap, for people: who wins which mode is seen from the events themselves
        told += ("may be superseded in part",)
    return (
        _event(
            EventKey(respondent, name),
            control.version or 0,
            program.mRID,
            Rank(float(program.primacy), float(control.creationTime), control.mRID),
            float(control.interval.start),
            duration,
            (Interval(0.0, None, asked.controls),),
            _STATUS.get(control.EventStatus.currentStatus, EventStatus.UNKNOWN),
            float(control.randomizeStart or 0),
            float(control.randomizeDuration or 0),
            _ramp(control.DERControlBase),
            None,  # recovery
            _ALL,
            answers,
            False,  # test
            None,  # derived_from
        ),
        tuple(f"control {name}: {text}" for text in told),
    )


_event = maker_of(Event)
_ALL = frozenset[str]()


def standing_of(
    default: DefaultDERControl, program: DERProgram, curves: Curves
) -> tuple[Standing | None, tuple[str, ...]]:
    """A program's default, and remarks for people. None: a curve of it is still to be fetched.

    Interpretation: its rampTms, if any, is the ramp of entering the default; setGradW serves where it is absent.
    """
    asked = wanted(default.DERControlBase, curves)
    if asked.unresolved:
        return None, ()
    settings = Settings(
        gradient_pct_per_s=_hundredths(default.setGradW),
        soft_gradient_pct_per_s=_hundredths(default.setSoftGradW),
        enter_service_delay_s=_hundredths(default.setESDelay),
        enter_service_random_s=_hundredths(default.setESRandomDelay),
        enter_service_ramp_s=_hundredths(default.setESRampTms),
        enter_service_high_hz=_hundredths(default.setESHighFreq),
        enter_service_low_hz=_hundredths(default.setESLowFreq),
        enter_service_high_pct=_hundredths(default.setESHighVolt),
        enter_service_low_pct=_hundredths(default.setESLowVolt),
    )
    remarks = tuple(f"default of {program.mRID}: {text}" for text in (*asked.void, *asked.remarks))
    return Standing(program.mRID, rank_of(program), asked.controls, settings), remarks


def reject_of(unread: Unread) -> Reject:
    """A list item that broke a rule of the schema: invalid (response 253)."""
    return Reject(unread.mRID or "", RefusalKind.INVALID, unread.reason, wants_of(unread.responseRequired))


@lru_cache(maxsize=256)
def wants_of(required: int | None) -> frozenset[Wanted]:
    """responseRequired: bit 0 receipt, bit 1 specific, bit 2 of the user."""
    bits = required or 0
    return frozenset(want for bit, want in enumerate(_WANTS) if bits >> bit & 1)


_WANTS = (Wanted.RECEIPT, Wanted.SPECIFIC, Wanted.USER)

_STATUS = {
    0: EventStatus.SCHEDULED,
    1: EventStatus.ACTIVE,
    2: EventStatus.CANCELLED,
    3: EventStatus.CANCELLED_RANDOMISED,
    4: EventStatus.SUPERSEDED,
    5: EventStatus.COMPLETED,  # 2023 edition
}


def _ramp(base: DERControlBase) -> Ramp | None:
    return None if base.rampTms is None else Ramp(over_s=base.rampTms / 100)


def _hundredths(value: int | None) -> float | None:
    return None if value is None else value / 100
