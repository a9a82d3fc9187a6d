"""The published SunSpec model definitions, as tables.

They are the JSON files that the ``sunspec2`` package carries (models 1 to 64415).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pkgutil import get_data
from typing import Any, Final

from adapters.sunspec.points import TYPES, PointType

HEADER: Final = 2
"""Registers of ID and L, which L does not count."""


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a definition. ``scale``: the name of its scale factor, or a fixed exponent."""

    name: str
    type: PointType
    size: int
    scale: str | int
    writable: bool
    mandatory: bool
    units: str
    symbols: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Points, then groups. ``repeat``: None once, a number (0: as often as L has room), or the count point's name.

    ``sync``: all its points are read and written in one request.
    """

    name: str
    points: tuple[Point, ...]
    groups: tuple["Group", ...]
    repeat: int | str | None
    sync: bool

    @property
    def size(self) -> int:
        """Registers of the points of one instance, without its groups."""
        return sum(point.size for point in self.points)


def definition(model_id: int) -> Group | None:
    """The top group of a model, ID and L included, or None when the model is not a published one."""
    try:
        source = get_data("sunspec2", f"models/json/model_{int(model_id)}.json")
    except OSError:
        return None
    return None if source is None else _group(json.loads(source)["group"])


def _group(plain: Mapping[str, Any]) -> Group:
    repeat = plain.get("count")
    return Group(
        plain["name"],
        tuple(_point(point) for point in plain.get("points", ())),
        tuple(_group(group) for group in plain.get("groups", ())),
        None if repeat is None or repeat == 1 else repeat,
        plain["type"] == "sync",
    )


def _point(plain: Mapping[str, Any]) -> Point:
    kind = TYPES[plain["type"]]
    scale = plain.get("sf", 0)
    return Point(
        plain["name"],
        kind,
        kind.registers or plain["size"],
        int(scale) if isinstance(scale, int) or scale.lstrip("-").isdigit() else scale,
        plain.get("access") == "RW",
        plain.get("mandatory") == "M",
        plain.get("units") or "",
        tuple((symbol["name"], symbol["value"]) for symbol in plain.get("symbols", ())),
    )
