"""A look as the condition of one device: what it holds under the device's own name, and what is wrong with it. Pure but for its memory."""

from dataclasses import replace
from typing import Final

from adapters.family import Look
from adapters.pulse import Pulse
from grid_functions.model.device import Condition, Trouble
from grid_functions.model.making import maker_of
from grid_functions.model.reading import Quality
from grid_functions.model.setpoint import Setpoint


class Showing:
    """Of the device ``name``. What it holds stays the same object as long as it holds the same."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._pulse = Pulse()
        self._named: dict[int | None, tuple[Setpoint, Setpoint]] = {}

    def held(self, holds: Setpoint | None, decision: int | None) -> Setpoint | None:
        """``decision``: which one it holds, where it reads back as wanted."""
        if holds is None:
            return None
        before = self._named.get(decision)
        if before is None or before[0] is not holds:
            named = replace(holds, device=self._name, decision=holds.decision if decision is None else decision)
            # As found, and as confirmed: more there is not at a time.
            self._named = {kept: known for kept, known in self._named.items() if kept is None}
            before = self._named[decision] = holds, named
        return before[1]

    def condition(
        self, look: Look, at_s: float, held: Setpoint | None, troubles: frozenset[Trouble], why: str
    ) -> Condition:
        """``at_s``: of the poll, monotonic. ``why``: what is wrong, before what the device itself says."""
        return _condition(
            online=True,
            holds=held,
            readings=look.readings,
            connected=look.connected,
            energized=look.energized,
            operating=look.operating,
            vehicle=look.vehicle,
            word=look.word,
            touch=None,
            alarms=look.alarms | {"HEARTBEAT_STOPPED"} if self._pulse.stalled(look.beat, at_s) else look.alarms,
            troubles=troubles,
            text=why or look.text,
        )


_condition: Final = maker_of(Condition)


def silent(before: Condition, holds: Setpoint | None, why: str, *, sleepy: bool) -> Condition:
    """Of a device that does not answer: ``holds``: what it may hold. ``sleepy``: it may be silent without being ill."""
    return replace(
        before,
        online=False,
        holds=holds,
        readings={key: replace(one, quality=Quality.STALE) for key, one in before.readings.items()},
        troubles=before.troubles | (set() if sleepy else {Trouble.SILENT}),
        text=f"asleep, as it may be: {why}" if sleepy else why,
    )
