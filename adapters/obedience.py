"""How a device has obeyed so far: what it refused or did not keep, and what somebody else changed. Pure but for its own memory."""

from dataclasses import dataclass, fields
from typing import Final

from adapters.family import Look
from grid_functions.model.device import Nameplate, Trouble
from grid_functions.model.setpoint import Setpoint

RETRY_S: Final = 10.0
"""How long a device is left alone after it refused what is still wanted."""
FOREIGN_CHANGES: Final = 3
FOREIGN_MEMORY_S: Final = 600.0
"""So many changes without our write within so many seconds: another master."""


MOST_NAMES: Final = 8
"""Under so many names one address may answer in a run, by swaps and mistakes: each has values of its own kept from before us."""


PATIENCE_S: Final = 30.0
"""How long a device may take over what it was told before that counts as a failure."""


@dataclass(frozen=True, slots=True)
class Failure:
    """``wanted`` is not tried again before ``until_s``, unless something else is wanted."""

    wanted: Setpoint
    until_s: float
    trouble: Trouble
    why: str


class Obedience:
    """The memory of one driver about its device, in monotonic seconds."""

    def __init__(self) -> None:
        self._failure: Failure | None = None
        self._confirmed: Look | None = None
        self._changed_s: list[float] = []
        self._waiting: tuple[Setpoint, float] | None = None
        self._names: set[tuple[str, str, str]] = set()

    def named(self, plate: Nameplate) -> str:
        """It calls itself so; what is wrong with that, empty when nothing is."""
        name = plate.maker, plate.model, plate.serial
        if len(self._names) < MOST_NAMES:
            self._names.add(name)
        return "" if name in self._names else "it calls itself something else each time"

    def failed(self, wanted: Setpoint, refused: str, now_s: float, pending: str = "") -> str:
        """It was written, and does not hold; returns why.

        A write that was lost is made again at once; one that is refused, or does not hold twice, is given time.
        """
        again = self._failure is not None and alike(self._failure.wanted, wanted)
        trouble = Trouble.WRITE_REFUSED if refused else Trouble.NOT_HELD
        why = refused or pending or "written, but reads back otherwise"
        wait_s = RETRY_S if refused or again else 0.0
        self._failure = Failure(wanted, now_s + wait_s, trouble, why)
        self._confirmed = None
        return why

    def waits(self, wanted: Setpoint, now_s: float) -> bool:
        """The device has still something to do before the rest of ``wanted`` can be written: whether it may have that time."""
        if self._waiting is None or not alike(self._waiting[0], wanted):
            self._waiting = wanted, now_s
        return now_s - self._waiting[1] < PATIENCE_S

    def held(self, look: Look) -> None:
        """It reads back as wanted."""
        self._failure = self._waiting = None
        self._confirmed = look

    def unknown(self) -> None:
        """What it holds may have changed for reasons of its own: silence, a reconnect, our own write to come."""
        self._confirmed = None

    def watch(self, look: Look, owned: frozenset[str], now_s: float) -> bool:
        """Whether points of ours changed since they were read back as wanted, without a write of ours; it is counted."""
        if self._changed_s:
            self._changed_s = [at_s for at_s in self._changed_s if now_s - at_s < FOREIGN_MEMORY_S]
        before, self._confirmed = self._confirmed, None
        if before is None or before.points is look.points:
            return False
        # What a look does not tell has not been seen to change.
        told = [name for name in owned if name in look.points]
        if all(before.points.get(name) == look.points[name] for name in told):
            return False
        self._changed_s.append(now_s)
        return True

    def may_write(self, wanted: Setpoint, holds: Setpoint | None, now_s: float) -> bool:
        """Not while it is given time. Against another master only what is tighter than it holds: no fight over the rest."""
        failed = self._failure
        if failed is not None and alike(failed.wanted, wanted) and now_s < failed.until_s:
            return False
        return not self._foreign or narrows(wanted, holds)

    def troubles(self, wanted: Setpoint | None) -> tuple[frozenset[Trouble], str]:
        """What is wrong as long as ``wanted`` is wanted, and why."""
        if self._failure is None and not self._changed_s:
            return frozenset(), ""
        found, why = set(), ""
        if self._foreign:
            found.add(Trouble.FOREIGN_WRITER)
        if self._failure is not None and wanted is not None and alike(self._failure.wanted, wanted):
            found.add(self._failure.trouble)
            why = self._failure.why
        return frozenset(found), why

    @property
    def _foreign(self) -> bool:
        return len(self._changed_s) >= FOREIGN_CHANGES


def alike(one: Setpoint, other: Setpoint) -> bool:
    """Whether two ask the same of a device, whichever decisions made them and whatever they call it."""
    return one is other or all(getattr(one, name) == getattr(other, name) for name in _ASKED)


def narrows(wanted: Setpoint, holds: Setpoint | None) -> bool:
    """Whether the power that is wanted lies inside what is held, and is less."""
    if wanted.on is False or holds is None:
        return wanted.on is False
    if holds.current_max_a is not None and (wanted.current_max_a or 0.0) > holds.current_max_a:
        return False
    less_a = wanted.current_max_a is not None and wanted.current_max_a != holds.current_max_a
    (low, high), (old_low, old_high) = wanted.band, holds.band
    if wanted.consume_max_w is None and wanted.target_w is None:
        high = min(high, old_high)  # a charging rate is a setting that is always held, also where it is not ours
    return low >= old_low and high <= old_high and (less_a or (low, high) != (old_low, old_high))


_ASKED: Final = tuple(one.name for one in fields(Setpoint) if one.name not in ("device", "decision"))
