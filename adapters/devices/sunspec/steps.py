"""What to set on a device, in which order: plans of small steps, and the values they are compared with; pure.

A plan says what should read how. Carried out (:mod:`.pen`), only what reads otherwise is written, so that the same plan
is a first write, a repeated one, and the proof that nothing is left to write.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from adapters.sunspec.layouts import Layout
from adapters.sunspec.points import Rounding, Value, agrees, exponent, quantised, resolution, scaled

Values = Mapping[int, Mapping[str, Value | None]]
"""Model -> point -> value; None: not implemented, not read, or its scale factor is unusable."""


@dataclass(frozen=True, slots=True)
class Step:
    """Points of one model, written in register order, neighbours in one request.

    ``whole``: if any of them differs all are written; ``force``: they are written even where nothing differs (timers that
    only a write starts anew, requests to adopt). Points that the device does not implement are left out, save those in
    ``blank``: the unused points of a curve read so until they are used, and what was there when the device was found is written
    although it cannot be read now, for else it would pass for held.
    """

    model: int
    values: Mapping[str, Value]
    whole: bool = False
    force: bool = False
    blank: frozenset[str] = frozenset()
    rounding: Rounding = Rounding.NEAREST


@dataclass(frozen=True, slots=True)
class Adopted:
    """Wait until the device shows ``values``, which it was asked to take over. ``verdict``: the point that reads 2 = failed."""

    model: int
    values: Mapping[str, Value]
    verdict: str


@dataclass(frozen=True, slots=True)
class Unread:
    """The plan can be made only once this model has been read."""

    model: int


@dataclass(frozen=True, slots=True)
class Cannot:
    """What is wanted cannot be said to this device; why."""

    why: str


Item = Step | Adopted | Unread | Cannot
Sequence = tuple[Item, ...]
"""One after the other; what waits or is refused ends the sequence, not the plan. A refusal by the device ends the plan."""


@dataclass(slots=True)
class Held:
    """What a device was read to hold, by model, and where its points stand."""

    layouts: Mapping[int, Layout]
    values: dict[int, dict[str, Value | None]] = field(default_factory=dict)

    def value(self, model: int, point: str) -> Value | None:
        """As read; None also for a model that was not."""
        return self.values.get(model, {}).get(point)

    def number(self, model: int, point: str) -> float | None:
        """As read, if it is a number."""
        value = self.value(model, point)
        return None if value is None or isinstance(value, str) else float(value)

    def has(self, model: int, *points: str) -> bool:
        """Whether all of them were read and are implemented."""
        return all(self.value(model, point) is not None for point in points)

    def scale(self, model: int, point: str) -> int | None:
        """The exponent of a point's step, or None when it is unusable."""
        layout = self.layouts.get(model)
        placed = None if layout is None else layout.points.get(point)
        if placed is None:
            return None
        if isinstance(placed.scale, int):
            return placed.scale
        found = self.value(model, placed.scale)
        return exponent(found) if isinstance(found, int) else None

    def step(self, model: int, point: str) -> float | None:
        """The distance between two values the point can say."""
        scale = self.scale(model, point)
        return None if scale is None else resolution(scale)

    def sayable(self, model: int, point: str, value: float, rounding: Rounding = Rounding.NEAREST) -> Value | None:
        """The value as the device will read it back; None when its scale factor is unusable."""
        scale = self.scale(model, point)
        return None if scale is None else scaled(quantised(value, scale, rounding), scale)

    def differs(self, model: int, wanted: Mapping[str, Value]) -> bool:
        """Whether an implemented point reads otherwise by more than half a step of its scale."""
        return any(self.off(model, name, value) for name, value in wanted.items())

    def off(self, model: int, name: str, value: Value) -> bool:
        """The same for one point."""
        read = self.value(model, name)
        if read is None:
            return False
        scale = self.scale(model, name)
        if isinstance(read, str) or isinstance(value, str) or scale is None:
            return read != value
        return not agrees(value, read, scale)

    def shows(self, model: int, wanted: Mapping[str, Value]) -> bool:
        """Whether all of these are read and agree."""
        return self.has(model, *wanted) and not self.differs(model, wanted)

    def due(self, step: Step) -> tuple[str, ...]:
        """The points that a step has to write now, in register order."""
        points = self.layouts[step.model].points
        read = self.values[step.model]
        there = [name for name in step.values if read.get(name) is not None or (name in step.blank and name in points)]
        if not step.force:
            wrong = [n for n in there if read.get(n) is None or self.off(step.model, n, step.values[n])]
            if step.whole:
                there = there if wrong else []
            else:
                torn = {points[name].group for name in wrong} - {""}
                there = [name for name in there if name in wrong or points[name].group in torn]
        return tuple(sorted(there, key=lambda name: points[name].offset))


def needs(sequences: Iterable[Sequence]) -> frozenset[int]:
    """The models a plan is about."""
    return frozenset(item.model for sequence in sequences for item in sequence if not isinstance(item, Cannot))
