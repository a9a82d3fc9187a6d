"""Commissioning: steps a device's limit down and back, or a resting battery's power, and measures how it obeys. Awaits.

Everything is told to the device as the driver would tell it, through its family; what it does is read from its own power. Whatever
happens, it is given back the values it had.
"""

import asyncio
import math
import statistics
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Literal, TypeVar

from adapters.family import Conversation, Family, Look, Points, Writing
from adapters.modbus.link import Link
from grid_functions.model.control import Mode
from grid_functions.model.device import Capability, How, Nameplate
from grid_functions.model.errors import DeviceFault, OperatorFault, Unreachable
from grid_functions.model.instants import Instants
from grid_functions.model.ports import Clock
from grid_functions.model.reading import Quality
from grid_functions.model.setpoint import Revert, Setpoint
from grid_functions.model.units import Quantity

Found = TypeVar("Found")
Raw = TypeVar("Raw")
T = TypeVar("T")

Sleep = Callable[[float], Coroutine[Any, Any, None]]

LEAST_SHARE = 0.1
"""A device that runs at less of its rating shows too little to be measured; a battery with less in it cannot give it."""

PATIENCE_S = 90.0
"""The slowest device met in the field settles in 75 s."""

REVERT_S = 20.0
_POLL_S = 0.5
_BAND_SHARE = 0.02
_CALM_LOOKS = 6
_STEPS_PCT = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Steps of the limit tried for the true resolution, percent of the rating, besides the register's own."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing told to the device: how much, W, what flowed in the end, W, and how long it took, s (None = never, or not ``timed``)."""

    what: str
    limit_w: float | None
    power_w: float
    after_s: float | None = None
    timed: bool = True


@dataclass(frozen=True, slots=True)
class Findings:
    """How a device obeys.

    ``by``: what was told, a "limit" of production or, to a battery at rest, a "power" to give. ``settle_s``: write acknowledged to
    steady power; None: it never came there. ``resolution_w``: the least step of what was told that its power was seen to follow.
    ``enable_edge``: a changed value acts only after its enable went from 0 to 1. ``revert``: what happened when the timer ran out.
    ``learnt``: what writes have shown. ``restored``: it reads as before.
    """

    nameplate: Nameplate
    start_w: float
    obeys: bool
    by: Literal["limit", "power"] = "limit"
    settle_s: float | None = None
    resolution_w: float | None = None
    enable_edge: bool | None = None
    revert: str = "not tried"
    learnt: Mapping[str, str | int] = field(default_factory=dict)
    trials: tuple[Trial, ...] = ()
    restored: bool = False
    doubts: tuple[str, ...] = ()


class Commission(Generic[Found, Raw]):
    """One run on one device behind ``link``; ``told(text)`` hears what is under way."""

    def __init__(
        self,
        family: Family[Found, Raw],
        link: Link,
        unit: int,
        clock: Clock,
        told: Callable[[str], None],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._family, self._link, self._unit, self._clock, self._told, self._sleep = (
            family,
            link,
            unit,
            clock,
            told,
            sleep,
        )
        self._found: Found
        self._raw: Raw
        self._plate = Nameplate()
        self._capability = Capability()
        self._by: Literal["limit", "power"] = "limit"
        self._start_w = 0.0
        self._full_w = 0.0
        self._settle_s = 0.0
        self._ripple_w = 0.0
        self._band_w = 0.0
        self._rated_w = 0.0
        self._trials: list[Trial] = []
        self._doubts: list[str] = []

    async def run(self) -> Findings:
        """All of it. Raises Unreachable, DeviceFault, or OperatorFault when the device produces too little to see anything."""
        look = await self._meet()
        baseline = dict(look.points)
        try:
            findings = await self._measure()
        finally:
            restored = await asyncio.shield(self._restore(baseline))
        await self._back()
        return replace(findings, restored=restored, trials=tuple(self._trials), doubts=tuple(self._doubts))

    async def _meet(self) -> Look:
        found = await self._link.converse(self._family.find(self._unit))
        if found is None:
            raise Unreachable(f"no {self._family.name} device answers as unit {self._unit}", "check address and unit")
        self._found = found
        self._plate, self._capability = self._family.nameplate(found), self._family.capability(found)
        rated_w = self._plate.max_w or self._plate.rated_w
        if not rated_w:
            raise DeviceFault("the device tells no rating: what a limit means is unknown")
        self._rated_w = rated_w
        looks = [await self._look() for _ in range(_CALM_LOOKS)]
        powers = [_produced_w(look) for look in looks]
        self._start_w = statistics.median(powers)
        self._ripple_w = max(powers) - min(powers)
        self._band_w = max(_BAND_SHARE * rated_w, 2.0 * self._ripple_w)
        self._full_w = self._start_w
        if self._start_w < LEAST_SHARE * rated_w:
            self._by_power(looks[-1])
        return looks[-1]

    def _by_power(self, look: Look) -> None:
        """It rests: a battery is told what to give, of anything else nothing could be seen."""
        charge = look.readings.get((Quantity.STATE_OF_CHARGE, None))
        ability = self._capability.abilities.get(Mode.TARGET_POWER)
        if charge is None or ability is None or ability.how is How.NOT_POSSIBLE:
            raise OperatorFault(
                f"it produces {max(self._start_w, 0.0):.0f} W of {self._rated_w:.0f} W, too little to see a limit at work",
                f"come back when it produces at least {LEAST_SHARE * self._rated_w:.0f} W",
            )
        if not charge.value >= 100.0 * LEAST_SHARE:
            raise OperatorFault(
                f"its battery is at {charge.value:.0f} %, too little to give power for some minutes",
                f"come back when it is at {100.0 * LEAST_SHARE:.0f} % or more",
            )
        self._by = "power"
        self._full_w = min(self._plate.rated_discharge_w or self._rated_w, self._rated_w)

    async def _measure(self) -> Findings:
        down = await self._trial(f"{self._by}, first", 0.6 * self._full_w)
        if down.after_s is None:
            return Findings(self._plate, self._start_w, False, self._by, learnt=self._family.learnt(self._found))
        edge = await self._edge()
        return Findings(
            self._plate,
            self._start_w,
            obeys=True,
            by=self._by,
            settle_s=self._settle_s,
            resolution_w=None if edge else await self._resolution(),
            enable_edge=edge,
            revert=await self._revert(edge),
            learnt=self._family.learnt(self._found),
        )

    async def _edge(self) -> bool:
        """Whether a changed limit waits for its enable to rise."""
        moved = await self._trial(f"{self._by}, changed while enabled", 0.4 * self._full_w)
        if moved.after_s is not None:
            return False
        await self._give(self._switches())
        again = await self._trial(f"{self._by}, enabled anew", 0.4 * self._full_w)
        if again.after_s is None:
            self._doubts.append(f"a second {self._by} was obeyed neither at once nor after it was enabled anew")
        return again.after_s is not None

    async def _resolution(self) -> float | None:
        """The least step upwards, W, of which at least half is seen in measured power."""
        at_w = 0.4 * self._full_w
        for step_w in sorted({self._capability.resolution_w, *(self._rated_w * pct / 100 for pct in _STEPS_PCT)}):
            # A step smaller than the ripple of the power itself cannot be told from it.
            if step_w < max(self._capability.resolution_w, self._ripple_w) or at_w + step_w > 0.9 * self._full_w:
                continue
            before_w = await self._steady(at_w)
            after_w = await self._steady(at_w + step_w)
            seen = after_w - before_w >= step_w / 2
            what = f"step of {step_w:.3g} W{'' if seen else ', not seen'}"
            self._trials.append(Trial(what, at_w + step_w, after_w, timed=False))
            if seen:
                return step_w
        self._doubts.append(f"no step of the {self._by} was seen in its power")
        return None

    async def _steady(self, limit_w: float) -> float:
        """Power once it has had its time and is as steady as it was at the start, W."""
        await self._tell(self._wanted(limit_w))
        await self._sleep(self._settle_s)  # before that a slow device is as steady as it was
        deadline_s = self._now_s() + PATIENCE_S
        powers: list[float] = []
        while self._now_s() < deadline_s:
            await self._sleep(_POLL_S)
            powers = [*powers[1 - _CALM_LOOKS :], _produced_w(await self._look())]
            if len(powers) == _CALM_LOOKS and max(powers) - min(powers) <= self._band_w:
                break
        return statistics.median(powers)

    async def _revert(self, edge: bool) -> str:
        if not self._capability.watchdog:
            return "no timer of its own"
        self._told(f"revert timer: silent for {REVERT_S:.0f} s")
        fall_w = 0.2 * self._full_w if self._by == "limit" else None  # a power has nothing to fall to
        if edge:
            await self._give(self._switches())
        await self._tell(self._wanted(0.5 * self._full_w, Revert(REVERT_S, fall_w)))
        deadline_s = self._now_s() + REVERT_S + PATIENCE_S
        began_s = self._now_s()
        while self._now_s() < deadline_s:
            await self._sleep(_POLL_S)
            power_w, gone_s = _produced_w(await self._look()), self._now_s() - began_s
            if fall_w is not None and gone_s >= REVERT_S / 2 and abs(power_w - fall_w) <= self._band_w:
                self._trials.append(Trial("revert timer ran out", fall_w, power_w, gone_s))
                early = ", too early" if gone_s < REVERT_S - 2.0 else ""
                return f"falls to its value after {gone_s:.1f} s of {REVERT_S:.0f} s{early}"
            free = power_w >= 0.9 * self._start_w if self._by == "limit" else self._is_at_rest(power_w)
            if gone_s >= REVERT_S and free:
                self._trials.append(Trial("revert timer ran out", fall_w, power_w, gone_s))
                return f"lets go of the {self._by} after {gone_s:.1f} s"
        return f"held the {self._by} as if it had no timer"

    async def _trial(self, what: str, limit_w: float) -> Trial:
        """Tell a limit or power; how long until it is seen at its value and stays so for two looks."""
        self._told(f"{what}: {limit_w:.0f} W")
        await self._tell(self._wanted(limit_w))
        began_s = self._now_s()
        first_s: float | None = None
        power_w = math.nan
        while self._now_s() - began_s < PATIENCE_S:
            power_w, at_s = _produced_w(await self._look()), self._now_s()
            within = abs(power_w - limit_w) <= self._band_w
            if within and first_s is not None:
                trial = Trial(what, limit_w, power_w, first_s)
                self._trials.append(trial)
                self._settle_s = max(self._settle_s, first_s)
                return trial
            first_s = at_s - began_s if within else None
            await self._sleep(_POLL_S)
        trial = Trial(what, limit_w, power_w)
        self._trials.append(trial)
        return trial

    def _wanted(self, watts: float, revert: Revert | None = None) -> Setpoint:
        """To produce at most this, or to give it."""
        if self._by == "power":
            return Setpoint("", target_w=-watts, revert=revert)
        return Setpoint("", produce_max_w=watts, revert=revert)

    def _is_at_rest(self, power_w: float) -> bool:
        return abs(power_w - self._start_w) <= self._band_w

    async def _tell(self, wanted: Setpoint) -> None:
        writing: Writing[Found] = await self._converse(self._family.write(self._found, self._raw, wanted, rearm=True))
        if writing.refused:
            raise DeviceFault(f"the device refused a {self._by}: {writing.refused}")
        self._found = writing.found or self._found
        await self._look()

    def _switches(self) -> Points:
        """The enable of what is told, off."""
        limited = self._family.concerns(self._found, self._wanted(0.0))
        return {name: 0 for name in limited if name.endswith(("Ena", "_Ena"))}

    async def _give(self, points: Points) -> Look:
        """Give these points these values."""
        await self._look()
        writing = await self._converse(self._family.release(self._found, self._raw, points))
        self._found = writing.found or self._found
        return await self._look()

    async def _restore(self, baseline: Points) -> bool:
        self._told("giving back what it held before")
        for _ in range(3):
            try:
                look = await self._give(baseline)
            except (Unreachable, DeviceFault):
                await self._sleep(1.0)
                continue
            if all(_same(look.points.get(name), value) for name, value in baseline.items()):
                return True
        return False

    async def _back(self) -> None:
        """Wait until power is where it was, or say that it did not come back."""
        deadline_s = self._now_s() + PATIENCE_S
        power_w = _produced_w(await self._look())
        while self._now_s() < deadline_s and not (power_w >= 0.9 * self._start_w or self._is_at_rest(power_w)):
            await self._sleep(_POLL_S)
            power_w = _produced_w(await self._look())
        if abs(power_w - self._start_w) > max(0.1 * self._start_w, self._band_w):
            self._doubts.append(
                f"it ended at {power_w:.0f} W after {self._start_w:.0f} W: what it could produce has changed meanwhile"
            )

    async def _look(self) -> Look:
        raw = await self._converse(self._family.poll(self._found))
        if raw is None:
            raise Unreachable("the device did not answer a poll")
        self._raw = raw
        return self._family.decode(self._found, raw, self._clock.now())

    async def _converse(self, conversation: Conversation[T]) -> T:
        return await self._link.converse(conversation)

    def _now_s(self) -> float:
        now: Instants = self._clock.now()
        return now.mono_s


def _produced_w(look: Look) -> float:
    reading = look.readings.get((Quantity.NET, None))
    if reading is None or reading.quality is not Quality.GOOD:
        raise DeviceFault("the device tells no power: nothing can be measured on it")
    return -reading.value


def _same(read: float | str | None, value: float | str) -> bool:
    if isinstance(read, int | float) and isinstance(value, int | float):
        return math.isclose(read, value, rel_tol=1e-9, abs_tol=1e-9)
    return read == value
