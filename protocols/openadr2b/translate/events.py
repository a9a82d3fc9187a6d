"""oadrEvent -> events of the model, one for each respondent that is addressed (OpenADR 2.0b profile, clause 8.1)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from grid_functions.model.control import Mode, mode_of
from grid_functions.model.event import Event, EventKey, EventStatus, Interval, Ramp, Rank, Wanted
from grid_functions.model.tariff import Price
from protocols.openadr2b.session.terms import Terms
from protocols.openadr2b.translate.refusal import Code, Refusal
from protocols.openadr2b.translate.signals import BadSignalValue, Meaning, meaning_of
from protocols.openadr2b.translate.targets import addressed, devices_of
from protocols.openadr2b.wire.events import OadrEvent, Signal, SignalInterval

LOWEST = float(2**32)
"""The level of priority 0, which means none and is the lowest (rule 3)."""


@dataclass(frozen=True, slots=True)
class Translated:
    """An event as each addressed respondent has it, and remarks for people."""

    events: tuple[Event, ...]
    remarks: tuple[str, ...] = ()


def events_of(event: OadrEvent, terms: Terms, ven_id: str) -> Translated | Refusal:
    """What an event asks of whom, or why it is refused."""
    context = event.descriptor.marketContext
    if terms.market_contexts and context not in terms.market_contexts:
        return Refusal(Code.TARGET_MISMATCH, f"we take no part in market context {context!r}")
    resources = addressed(event.target, terms, ven_id)
    if isinstance(resources, Refusal):
        return resources
    if event.period.duration < 0 or (event.period.startafter or 0.0) < 0:
        return Refusal(Code.INVALID_DATA, "a negative duration")
    said = _said(event, terms)
    if isinstance(said, Refusal):
        return said
    made = []
    for resource in resources:
        devices = terms.respondents[resource]
        meant = said.devices & devices if said.devices is not None and devices else said.devices
        if meant is not None and not meant:
            continue
        made.append(_event(event, terms, resource, meant or frozenset(), said))
    if not made:
        return Refusal(Code.TARGET_MISMATCH, "no device of that class belongs to the resources it names")
    return Translated(tuple(made), said.remarks)


def stopped(event: Event) -> Event:
    """The same event, cancelled: over its start tolerance, if it has one (rule 65)."""
    randomised = event.random_start_s > 0
    return replace(event, status=EventStatus.CANCELLED_RANDOMISED if randomised else EventStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class _Said:
    """``devices``: the device classes of its signals, None = not narrowed; ``lead_s``: how long before dtstart power begins to move."""

    intervals: tuple[Interval, ...]
    devices: frozenset[str] | None
    lead_s: float
    ramp: Ramp | None
    recovery: Ramp | None
    remarks: tuple[str, ...]


def _said(event: OadrEvent, terms: Terms) -> _Said | Refusal:
    """All signals that can be obeyed. Refused is an event of which none can.

    Interpretation: SIMPLE beside a signal that says more is the fallback of rule 106, and left out; of two signals for one mode the
    first holds; a signal for other device classes than the first one's is left out.
    """
    kept: list[tuple[Signal, Meaning]] = []
    refusals: list[Refusal] = []
    devices: frozenset[str] | None = None
    for signal in event.signals:
        meaning, meant = meaning_of(signal, terms), devices_of(signal.eiTarget, terms)
        if isinstance(meaning, Refusal):
            refusals.append(meaning)
        elif isinstance(meant, Refusal):
            refusals.append(meant)
        elif kept and meant != devices:
            refusals.append(Refusal(Code.TARGET_MISMATCH, f"signal {signal.signalName} is for other device classes"))
        else:
            devices = meant
            kept.append((signal, meaning))
    if not kept:
        return refusals[0]
    if any(not _is_simple(signal) for signal, _ in kept):
        kept = [(signal, meaning) for signal, meaning in kept if not _is_simple(signal)]
    lead_s = max(0.0, event.period.rampUp or 0.0)
    intervals: list[Interval] = []
    modes: set[Mode] = set()
    for signal, meaning in kept:
        made = _intervals(signal.intervals, meaning, lead_s)
        if isinstance(made, Refusal):
            refusals.append(replace(made, text=f"signal {signal.signalName}: {made.text}"))
        elif mode_of(made[0].controls[0]) in modes:
            refusals.append(Refusal(Code.SIGNAL_NOT_SUPPORTED, f"a second signal {signal.signalName}"))
        else:
            intervals += made
            modes.add(mode_of(made[0].controls[0]))
    if not intervals:
        return refusals[-1]
    moves = any(not isinstance(interval.controls[0], Price) for interval in intervals)
    if not moves:
        intervals = [replace(interval, offset_s=interval.offset_s - lead_s) for interval in intervals]
    over_s, back_s = abs(event.period.rampUp or 0.0), abs(event.period.recovery or 0.0)
    return _Said(
        intervals=tuple(intervals),
        devices=devices,
        lead_s=lead_s if moves else 0.0,
        ramp=Ramp(over_s=over_s) if over_s and moves else None,
        recovery=Ramp(over_s=back_s) if back_s and moves else None,
        remarks=tuple(refusal.text for refusal in refusals),
    )


def _is_simple(signal: Signal) -> bool:
    return signal.signalName.upper() == "SIMPLE"


def _intervals(given: Iterable[SignalInterval], meaning: Meaning, lead_s: float) -> list[Interval] | Refusal:
    """A signal's stretches, one after the other from dtstart on; a start of their own is passed over (rule 103)."""
    made: list[Interval] = []
    at_s = 0.0
    ordered = _in_order(tuple(given))
    for place, interval in enumerate(ordered):
        try:
            control = meaning.control(interval.value)
        except BadSignalValue as bad:
            return Refusal(Code.INVALID_DATA, str(bad))
        duration = interval.duration
        last = place == len(ordered) - 1
        if (duration is None or duration <= 0) and not last:
            return Refusal(Code.INVALID_DATA, "an interval without a duration before the last")
        early_s = lead_s if not made and not isinstance(control, Price) else 0.0
        length = None if not duration or duration < 0 else duration + early_s
        made.append(Interval(at_s + lead_s - early_s, length, (control,)))
        at_s += duration or 0.0
    return made


def _in_order(given: tuple[SignalInterval, ...]) -> tuple[SignalInterval, ...]:
    """By uid where all are numbered 0 to n - 1, else as they stand."""
    uids = [interval.uid or "" for interval in given]
    if sorted(uids) != sorted(map(str, range(len(given)))):
        return given
    return tuple(sorted(given, key=lambda interval: int(interval.uid or 0)))


def _event(event: OadrEvent, terms: Terms, resource: str, devices: frozenset[str], said: _Said) -> Event:
    descriptor, period = event.descriptor, event.period
    # a negative recovery is the last part of the period itself: power is to be back at its end
    inside_s = max(0.0, -(period.recovery or 0.0))
    duration = max(0.0, period.duration - inside_s) + said.lead_s if period.duration else None
    return Event(
        key=EventKey(terms.respondent(resource), descriptor.eventID),
        version=descriptor.modificationNumber,
        program=descriptor.marketContext,
        rank=Rank(float(descriptor.priority or LOWEST), descriptor.createdDateTime, descriptor.eventID),
        start_s=period.dtstart - said.lead_s,
        duration_s=duration,
        intervals=said.intervals,
        status=_STATUS[descriptor.eventStatus],
        random_start_s=period.startafter or 0.0,
        ramp=said.ramp,
        recovery=said.recovery,
        addressees=devices,
        wants=frozenset(Wanted) if event.responseRequired == "always" else frozenset(),
        test=(descriptor.testEvent or "false") != "false",
    )


_STATUS = {
    "none": EventStatus.UNKNOWN,
    "far": EventStatus.SCHEDULED,
    "near": EventStatus.SCHEDULED,
    "active": EventStatus.ACTIVE,
    "completed": EventStatus.COMPLETED,
    "cancelled": EventStatus.CANCELLED,
}
