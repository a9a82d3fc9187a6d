"""What was so when a control began: kept for as long as it is in force, also over a restart."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from grid_functions.model.claim import InForce
from grid_functions.model.control import Mode, mode_of
from grid_functions.model.event import EventKey, Respondent


@dataclass(frozen=True, slots=True)
class Onset:
    """``value`` (W, Wh) when the event's control of that mode was first seen."""

    event: EventKey
    mode: Mode
    value: float


@dataclass(frozen=True, slots=True)
class Onsets:
    """All that are remembered, in the order of their events."""

    noted: tuple[Onset, ...] = ()

    def of(self, held: InForce) -> float | None:
        """What was noted when the control began."""
        key = _key(held)
        return next((one.value for one in self.noted if (one.event, one.mode) == key), None)


def noted(before: Onsets, held: Iterable[InForce], measure: Callable[[InForce], float | None]) -> Onsets:
    """Forget what is over, note what is new. What cannot be measured yet is tried again."""
    found: dict[tuple[EventKey, Mode], Onset] = {}
    for one in held:
        value = before.of(one)
        value = measure(one) if value is None else value
        if value is not None:
            event, mode = _key(one)
            found[event, mode] = Onset(event, mode, value)
    if not found and not before.noted:
        return before
    after = Onsets(tuple(found[key] for key in sorted(found)))
    return before if after == before else after


def _key(held: InForce) -> tuple[EventKey, Mode]:
    cause = held.cause
    if not isinstance(cause, EventKey):
        cause = EventKey(held.source.respondent or Respondent(held.source.kind.value, held.source.name), "")
    return cause, mode_of(held.control)
