"""Modules and ports of direct current (160, 714): read when somebody asks, for nothing decides by them; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from adapters.devices.sunspec.found import DIRECT, Found
from adapters.devices.sunspec.readings import flags, number
from adapters.devices.sunspec.registers import reads
from adapters.family import Conversation, DcPort
from adapters.sunspec.layouts import Layout
from adapters.sunspec.points import Value
from grid_functions.model.units import turned


def ports(found: Found) -> Conversation[tuple[DcPort, ...]]:
    """All of them, 714 before 160 where both are: it tells what is behind. A unit that does not answer has told of none."""
    access, blocks = found.quick.access, found.direct
    counting = reads(access, blocks, {model: (point,) for model, point in DIRECT.items()})
    told = yield from counting.read()
    if told is None:
        return ()
    counts = counting.decode(told)
    every = reads(access, blocks, dict.fromkeys(DIRECT), counts)
    raw = yield from every.read()
    if raw is None:
        return ()
    values = every.decode(raw)
    model = max(values)
    how, layout, read = _HOW[model], every.areas[model].layout, values[model]
    count = counts[model][DIRECT[model]]
    return tuple(_port(how, layout, read, at) for at in range(1, (count if isinstance(count, int) else 0) + 1))


@dataclass(frozen=True, slots=True)
class _How:
    """Names of a model's repeated group, and of its points where the two models differ."""

    group: str
    title: str
    state: str
    alarms: str
    given: str
    kind: str = ""


_HOW: Final = {
    160: _How("module", "input", "DCSt", "DCEvt", "DCWH"),
    714: _How("Prt", "port", "DCSta", "DCAlrm", "DCWhInj", "PrtTyp"),
}


def _port(how: _How, layout: Layout, read: Mapping[str, Value | None], at: int) -> DcPort:
    def path(point: str) -> str:
        return f"{how.group}[{at}].{point}"

    def told(point: str) -> float | None:
        return number(read.get(path(point)))

    power_w, current_a = told("DCW"), told("DCA")
    return DcPort(
        name=str(read.get(path("IDStr")) or f"{how.title} {at}"),
        kind=_symbol(layout, path(how.kind), read) if how.kind else "",
        # Interpretation: both models count what comes from behind the port as positive, as 701 counts generation.
        power_w=None if power_w is None else turned(power_w),
        current_a=None if current_a is None else turned(current_a),
        voltage_v=told("DCV"),
        given_wh=told(how.given),
        temperature_c=told("Tmp"),
        state=_symbol(layout, path(how.state), read),
        alarms=flags(layout, path(how.alarms), read),
    )


def _symbol(layout: Layout, point: str, read: Mapping[str, Value | None]) -> str:
    value = read.get(point)
    if value is None or point not in layout.points:
        return ""
    names = {number: name for name, number in layout.points[point].point.symbols}
    return names.get(value, str(value)) if isinstance(value, int) else str(value)
