"""How a device misbehaves: one field, one quirk; all of them can be in a plan and switched by command. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from adapters.simulator.fields import PlanError, known, listed, number, table, text, whole
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
    night: without sun it is not there at all (gone), or every measurement reads not implemented (nan).
    moving_sf: the scale factors of what it measures change every second.
    nested: the meter's models follow in its own map, behind a second model 1 and no end model in between.
    mute: answers nothing until it is let go, then late. silent_s: answers nothing for so long, and then does not catch up.
    busy: answers everything with exception 6. The rest of the wire's is in `wire`.
    """

    ignores: bool = False
    meter_sign: bool = False
    revert_off: bool = False
    local: bool = False
    edge: bool = False
    whole_pct: bool = False
    moving_sf: bool = False
    nested: bool = False
    settle_s: float = 0.0
    sets_back_s: float = 0.0
    night: Literal["", "gone", "nan"] = ""
    foreign: Foreign | None = None
    mute: bool = False
    busy: bool = False
    silent_s: float = 0.0
    slow_s: float = 0.0
    min_gap_s: float = 0.0
    max_read: int = 0
    split: int = 0
    wrong: Literal["", "transaction", "unit", "function"] = ""
    no_spans: bool = False
    bad_end: bool = False
    one_session: bool = False
    only_6: frozenset[PointKey] = frozenset()
    only_16: frozenset[PointKey] = frozenset()


HONEST = Quirks()
WIRE = frozenset(
    {
        "mute",
        "busy",
        "silent_s",
        "slow_s",
        "min_gap_s",
        "max_read",
        "split",
        "wrong",
        "no_spans",
        "bad_end",
        "one_session",
    }
)
_INVERTER = WIRE | {
    "ignores", "revert_off", "local", "whole_pct", "moving_sf", "nested", "settle_s", "sets_back_s", "night", "foreign",
    "only_6", "only_16",
}  # fmt: skip
APPLIES: Mapping[str, frozenset[str]] = {
    "legacy": _INVERTER,
    "der700": _INVERTER | {"edge"},
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
    if name in _COUNTS:
        return whole(data, where, 0, _COUNTS[name])
    if name in _WORDS:
        if data not in ("", *_WORDS[name]):
            raise PlanError(f"{where}: {', '.join(_WORDS[name])} or nothing, not {data!r}")
        return data
    if name in ("only_6", "only_16"):
        return frozenset(_point(item, where) for item in listed(data, where))
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


_SECONDS = {"settle_s", "sets_back_s", "silent_s", "slow_s", "min_gap_s"}
_COUNTS = {"max_read": 125, "split": 260}
_WORDS = {"night": ("gone", "nan"), "wrong": ("transaction", "unit", "function")}
