"""Carries out plans on one device: the writes, their functions, and what the device said to them; pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Literal

from adapters.devices.sunspec.registers import Area, Reads
from adapters.devices.sunspec.steps import Adopted, Cannot, Held, Sequence, Step, Unread
from adapters.family import Conversation
from adapters.modbus.frames import (
    ACKNOWLEDGE,
    BUSY,
    ILLEGAL_ADDRESS,
    ILLEGAL_FUNCTION,
    WRITE_MANY,
    WRITE_ONE,
    Refusal,
    Reply,
    Write,
    Written,
)
from adapters.sunspec.layouts import Layout
from adapters.sunspec.points import Rounding, Value
from grid_functions.model.errors import OurFault

WriteFunction = Literal[6, 16]


class _Unsayable(Exception):
    """By the scale factors that the device tells now, its points cannot say this."""


MOST: Final = 123
"""Registers in one write (function 16)."""


@dataclass(slots=True)
class Pen:
    """Writes points of one device, remembering what was sent and how the device takes writes.

    ``functions``: by ``model.point``, where the device takes another function than 16: configured, or learnt when it refused
    one with exception 1 or 2 and took the other. ``fixed``: points that are never written, as only the installer sets them.
    """

    reads: Mapping[int, Reads]
    held: Held
    functions: dict[str, WriteFunction] = field(default_factory=dict)
    fixed: frozenset[str] = frozenset()
    most: int = MOST
    points: dict[str, Value] = field(default_factory=dict)
    refused: str = ""
    pending: str = ""

    def put(self, model: int, name: str, value: Value) -> Conversation[None]:
        """One value, whatever is read there."""
        yield from self._send(self.reads[model].areas[model], self.held.values[model], {name: value}, Rounding.NEAREST)

    def carry_out(self, plan: Iterable[Sequence]) -> Conversation[None]:
        """All sequences of a plan, until the device refuses something."""
        impossible = ""
        for sequence in plan:
            for item in sequence:
                if isinstance(item, Cannot):
                    impossible = impossible or item.why
                    break
                try:
                    done = yield from self._item(item)
                except _Unsayable as fault:
                    impossible, done = impossible or str(fault), False
                if not done:
                    break
            if self.refused:
                return
        self.refused = impossible

    def _item(self, item: Step | Adopted | Unread) -> Conversation[bool]:
        if isinstance(item, Unread):
            self.pending = self.pending or f"model {item.model} is not read yet"
            return False
        if isinstance(item, Adopted):
            return (yield from self._adopted(item))
        return (yield from self._put(item))

    def _adopted(self, item: Adopted) -> Conversation[bool]:
        if self.held.shows(item.model, item.values):
            return True
        reads = self.reads[item.model]
        raw = yield from reads.read()
        if raw is not None:
            self.held.values[item.model] = dict(reads.decode(raw)[item.model])
        if self.held.shows(item.model, item.values):
            return True
        if self.held.value(item.model, item.verdict) == _FAILED:
            self.refused = f"{item.model}.{item.verdict}: the device does not accept these points"
        else:
            self.pending = f"the device is still taking over what model {item.model} was told"
        return False

    def _put(self, step: Step) -> Conversation[bool]:
        area, read = self.reads[step.model].areas[step.model], self.held.values[step.model]
        due = [name for name in self.held.due(step) if f"{step.model}.{name}" not in self.fixed]
        for run in _runs(area.layout, due, self.most):
            values = {name: step.values[name] for name in run}
            if not (yield from self._send(area, read, values, step.rounding)):
                return False
        for name in self.held.due(step):
            if f"{step.model}.{name}" in self.fixed and self.held.off(step.model, name, step.values[name]):
                self.refused = f"{step.model}.{name} must be set to {step.values[name]} by the installer"
                return False
        return True

    def _send(
        self, area: Area, read: dict[str, Value | None], values: Mapping[str, Value], rounding: Rounding
    ) -> Conversation[bool]:
        """One run of neighbours; with the other function when this one is refused and the other may be known to it."""
        narrow = all(area.layout.points[name].point.size == 1 for name in values)
        key = f"{area.block.id}.{next(iter(values))}"
        function = self.functions.get(key, WRITE_MANY)
        reply = yield from self._try(area, read, values, rounding, function if narrow else WRITE_MANY)
        if isinstance(reply, Refusal) and reply.code in (ILLEGAL_FUNCTION, ILLEGAL_ADDRESS) and narrow:
            other: WriteFunction = WRITE_ONE if function == WRITE_MANY else WRITE_MANY
            first, reply = reply, (yield from self._try(area, read, values, rounding, other))
            if isinstance(reply, Written):
                self.functions[key] = other
            elif isinstance(reply, Refusal):
                reply = first
        if isinstance(reply, Refusal):
            self.refused = f"{area.block.id}.{'/'.join(values)}: {reply}"
        if isinstance(reply, Written):
            read |= values
        return isinstance(reply, Written)

    def _try(
        self,
        area: Area,
        read: Mapping[str, Value | None],
        values: Mapping[str, Value],
        rounding: Rounding,
        function: WriteFunction,
    ) -> Conversation[Reply | None]:
        # Function 6 carries one register.
        parts = [{name: value} for name, value in values.items()] if function == WRITE_ONE else [values]
        reply: Reply | None = None
        for part in parts:
            try:
                chunk = area.layout.write(part, read, rounding)
            except OurFault as fault:
                raise _Unsayable(f"{area.block.id}.{'/'.join(part)}: {fault}") from fault
            for _ in range(_BUSY_TRIES):
                reply = yield Write(area.unit, area.block.address + chunk.offset, chunk.registers, function)
                if not (isinstance(reply, Refusal) and reply.code in (ACKNOWLEDGE, BUSY)):
                    break
            if not isinstance(reply, Refusal):
                self.points |= {f"{area.block.id}.{name}": value for name, value in part.items()}
            if not isinstance(reply, Written):
                break
        return reply


def _runs(layout: Layout, names: list[str], most: int) -> list[list[str]]:
    """Neighbours together, at most ``most`` registers; a sync group is never torn."""
    runs: list[list[str]] = [names[:1]] if names else []
    for before, name in pairwise(names):
        placed, follows = layout.points[before], layout.points[name]
        side_by_side = placed.offset + placed.point.size == follows.offset
        size = follows.offset + follows.point.size - layout.points[runs[-1][0]].offset
        if side_by_side and (size <= most or (placed.group and placed.group == follows.group)):
            runs[-1].append(name)
        else:
            runs.append([name])
    return runs


_BUSY_TRIES: Final = 3
_FAILED: Final = 2
