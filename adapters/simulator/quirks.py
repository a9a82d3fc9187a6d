"""How a device misbehaves: one field, one quirk; all of them can be in a plan and switched by command. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from adapters.simulator.fields import PlanError, known, listed, number, table, text
from adapters.simulator.registers import PointKey


@dataclass(frozen=True, slots=True)
class Foreign:
    """Another master writes `values` (engineering units) to one point in turn, one every `every_s`."""

    key: PointKey
    values: tuple[float, ...]
    every_s: float


@dataclass(frozen=True, slots=True)
class Quirks:
    """How a device misbehaves. Of times, 0 is off.

    ignores: takes and echoes writes, power does not follow. meter_sign: the meter's sign is inverted.
    revert_off: revert timers stand still. local: switched to local control (715, 802), every write is refused.
    edge: a value of 704 acts only once its enable goes from 0 to 1 (der700).
    settle_s: what is written reads back at once and acts so much later. sets_back_s: so long after the last write it is as
    fresh from its box. whole_pct: keeps its power limit in whole percent. foreign: another master writes too.
    night: without sun every measurement reads not implemented (nan).
    moving_sf: the scale factors of what it measures change every second.
    mute: answers nothing until it is let go, then late. busy: answers everything with exception 6.
    """

    ignores: bool = False
    meter_sign: bool = False
    revert_off: bool = False
    local: bool = False
    edge: bool = False
    whole_pct: bool = False
    moving_sf: bool = False
    settle_s: float = 0.0
    sets_back_s: float = 0.0
    night: Literal["", "nan"] = ""
    foreign: Foreign | None = None
    mute: bool = False
    busy: bool = False


HONEST = Quirks()
WIRE = frozenset({"mute", "busy"})
_INVERTER = WIRE | {"ignores", "revert_off", "local", "moving_sf", "night", "foreign"}
APPLIES: Mapping[str, frozenset[str]] = {
    "legacy": _INVERTER,
    "der700": _INVERTER | {"edge", "settle_s", "sets_back_s", "whole_pct"},
    "meter": WIRE | {"meter_sign"},
}
"""Which quirks each kind of device can have."""


def parse_quirks(data: object, where: str, base: Quirks, kind: str) -> Quirks:
    """`base` with the named quirks set. PlanError: an unknown name, one that this kind has not, a value out of range."""
    given = table(data, where)
    known(given, set(APPLIES[kind]), where)
    return replace(base, **{name: _value(name, value, f"{where}.{name}") for name, value in given.items()})


def _value(name: str, data: object, where: str) -> Any:
    if name in _SECONDS:
        return number(data, where, 0, 86400)
    if name in _WORDS:
        if data not in ("", *_WORDS[name]):
            raise PlanError(f"{where}: {', '.join(_WORDS[name])} or nothing, not {data!r}")
        return data
    if name == "foreign":
        return None if data is None else _foreign(table(data, where), where)
    if not isinstance(data, bool):
        raise PlanError(f"{where}: this quirk is true or false")
    return data


def _foreign(given: Mapping[str, Any], where: str) -> Foreign:
    known(given, {"point", "values", "every_s"}, where)
    values = tuple(number(v, f"{where}.values", -1e9, 1e9) for v in listed(given.get("values"), f"{where}.values"))
    if not values:
        raise PlanError(f"{where}.values: at least one is needed")
    every_s = number(given.get("every_s"), f"{where}.every_s", 0.1, 86400)
    return Foreign(_point(given.get("point"), f"{where}.point"), values, every_s)


def _point(data: object, where: str) -> PointKey:
    model, _, name = text(data, where).partition(".")
    if not model.isdecimal() or not name:
        raise PlanError(f"{where}: a point is named model.point, not {data!r}")
    return int(model), name


_SECONDS = {"settle_s", "sets_back_s"}
_WORDS = {"night": ("nan",)}
