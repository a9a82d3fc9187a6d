"""Commissioning of a charger: its limit is stepped and its silence is tried, and what it does is read from its own measurements. Awaits.

It needs a vehicle that charges: what a charger does without one is nothing. Whatever happens, it is given back the values it had.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from adapters.family import Conversation, Family, Look, Points, Writing
from adapters.modbus.link import Link
from grid_functions.model.device import Currents, Nameplate
from grid_functions.model.errors import DeviceFault, OperatorFault, Unreachable
from grid_functions.model.ports import Clock
from grid_functions.model.reading import Quality
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.units import Phase, Quantity

Found = TypeVar("Found")
Raw = TypeVar("Raw")
T = TypeVar("T")

PATIENCE_S = 30.0
GRACE_S = 10.0
"""So much longer than its timeout it is left alone, before it is looked at."""
CLOSE_A = 0.7
"""A vehicle's charger regulates to about half an ampere of its limit."""
_POLL_S = 1.0
_NOMINAL_V = 230.0


@dataclass(frozen=True, slots=True)
class CurrentTrial:
    """One limit told to the charger, what flowed per phase in the end, A, and how long it took, s (None = never)."""

    what: str
    limit_a: float
    current_a: float
    after_s: float | None


@dataclass(frozen=True, slots=True)
class ChargerFindings:
    """How a charger obeys. ``fallback``: what it did when it heard nothing; ``fallback_seen``: that it was what it should be.
    ``restored``: it reads as before.
    """

    nameplate: Nameplate
    start_a: float
    obeys: bool
    settle_s: float | None = None
    fallback: str = "nothing watches"
    fallback_seen: bool = False
    learnt: Mapping[str, str | int] = field(default_factory=dict)
    trials: tuple[CurrentTrial, ...] = ()
    restored: bool = False


class ChargerTrial(Generic[Found, Raw]):
    """One run on one charger behind ``link``, which nobody else uses meanwhile: ``told(text)`` hears what is under way.

    ``watched``: what it should fall back to, A, and after how many seconds of silence; None: it has no watchdog.
    """

    def __init__(
        self,
        family: Family[Found, Raw],
        link: Link,
        unit: int,
        clock: Clock,
        told: Callable[[str], None],
        watched: tuple[float, float] | None,
        sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep,
    ) -> None:
        self._family, self._link, self._unit, self._clock = family, link, unit, clock
        self._told, self._watched, self._sleep = told, watched, sleep
        self._found: Found
        self._raw: Raw
        self._trials: list[CurrentTrial] = []

    async def run(self) -> ChargerFindings:
        """All of it. Raises Unreachable, DeviceFault, or OperatorFault when no vehicle draws enough to see anything."""
        found = await self._link.converse(self._family.find(self._unit))
        if found is None:
            raise Unreachable(f"no {self._family.name} device answers as unit {self._unit}", "check address and unit")
        self._found = found
        currents = self._family.capability(found).currents
        if currents is None:
            raise DeviceFault(f"{self._family.name} is not limited in amperes")
        look = await self._look()
        start_a, baseline = drawn_a(look), dict(look.points)
        if start_a < currents.minimum_a + 2 * CLOSE_A:
            raise OperatorFault(
                f"its vehicle draws {start_a:.1f} A, too little to see a limit at work",
                f"come back when one draws at least {currents.minimum_a + 2 * CLOSE_A:.0f} A",
            )
        try:
            findings = await self._measure(currents, start_a)
        finally:
            restored = await asyncio.shield(self._restore(baseline))
        return replace(findings, restored=restored, trials=tuple(self._trials))

    async def _measure(self, currents: Currents, start_a: float) -> ChargerFindings:
        plate = self._family.nameplate(self._found)
        down = await self._trial("least current", currents.minimum_a)
        learnt = self._family.learnt(self._found)
        if down.after_s is None:
            return ChargerFindings(plate, start_a, obeys=False, learnt=learnt)
        pause = await self._trial("pause", 0.0)
        resumed = await self._trial("resumed", currents.minimum_a)
        took = [one.after_s for one in (down, pause, resumed) if one.after_s is not None]
        findings = ChargerFindings(plate, start_a, obeys=len(took) == 3, settle_s=max(took), learnt=learnt)
        if self._watched is None:
            return findings
        text, seen = await self._silence(*self._watched, start_a, currents)
        return replace(findings, fallback=text, fallback_seen=seen)

    async def _silence(
        self, fallback_a: float, timeout_s: float, start_a: float, currents: Currents
    ) -> tuple[str, bool]:
        """Told what differs from its fallback, then left alone."""
        other_a = start_a if abs(start_a - fallback_a) > 2 * CLOSE_A else currents.minimum_a
        if abs(other_a - fallback_a) <= 2 * CLOSE_A:
            return f"its fallback of {fallback_a:g} A is what the vehicle draws anyway: nothing to be seen", False
        await self._trial("before silence", other_a)
        self._told(f"silent for {timeout_s + GRACE_S:.0f} s")
        await self._sleep(timeout_s + GRACE_S)
        current_a = drawn_a(await self._look())
        self._trials.append(CurrentTrial("after silence", fallback_a, current_a, timeout_s + GRACE_S))
        paused = fallback_a < currents.minimum_a
        if current_a <= CLOSE_A if paused else abs(current_a - fallback_a) <= CLOSE_A:
            return f"falls to {fallback_a:g} A within {timeout_s + GRACE_S:.0f} s", True
        return (
            f"drew {current_a:.1f} A after {timeout_s + GRACE_S:.0f} s of silence, and should draw {fallback_a:g} A",
            False,
        )

    async def _trial(self, what: str, limit_a: float) -> CurrentTrial:
        """Tell a limit; how long until the current has come to it and stays for two looks."""
        self._told(f"{what}: {limit_a:g} A")
        writing = await self._converse(
            self._family.write(self._found, self._raw, Setpoint("", current_max_a=limit_a), rearm=True)
        )
        if writing.refused:
            raise DeviceFault(f"the charger refused a limit: {writing.refused}")
        self._found = writing.found or self._found
        began_s, first_s, current_a = self._now_s(), None, 0.0
        trial: CurrentTrial | None = None
        while trial is None and self._now_s() - began_s < PATIENCE_S:
            current_a, at_s = drawn_a(await self._look()), self._now_s()
            if not abs(current_a - limit_a) <= CLOSE_A:
                first_s = None
            elif first_s is None:
                first_s = at_s - began_s
            else:
                trial = CurrentTrial(what, limit_a, current_a, first_s)
            await self._sleep(_POLL_S)
        trial = trial or CurrentTrial(what, limit_a, current_a, None)
        self._trials.append(trial)
        return trial

    async def _restore(self, baseline: Points) -> bool:
        self._told("giving back what it held before")
        for _ in range(3):
            try:
                await self._look()
                writing: Writing[Found] = await self._converse(self._family.release(self._found, self._raw, baseline))
                self._found = writing.found or self._found
                if (await self._look()).points == baseline:
                    return True
            except (Unreachable, DeviceFault):
                await self._sleep(_POLL_S)
        return False

    async def _look(self) -> Look:
        concerned = self._family.concerns(self._found, Setpoint("", current_max_a=0.0))
        raw = await self._converse(self._family.poll(self._found, concerned))
        if raw is None:
            raise Unreachable("the charger did not answer a poll")
        self._raw = raw
        return self._family.decode(self._found, raw, self._clock.now())

    async def _converse(self, conversation: Conversation[T]) -> T:
        return await self._link.converse(conversation)

    def _now_s(self) -> float:
        return self._clock.now().mono_s


def drawn_a(look: Look) -> float:
    """What the vehicle draws on its busiest phase, A; by its power where the charger measures no currents."""
    readings = look.readings
    told = [readings[Quantity.CURRENT, phase] for phase in Phase if (Quantity.CURRENT, phase) in readings]
    known = [one.value for one in told if one.quality is Quality.GOOD]
    if known:
        return max(known)
    power = readings.get((Quantity.NET, None))
    if power is None or power.quality is not Quality.GOOD:
        raise DeviceFault("the charger tells neither current nor power: nothing can be measured on it")
    return max(0.0, power.value) / (3 * _NOMINAL_V)
