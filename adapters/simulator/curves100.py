"""Curves of the older models: 126, 131, 132 and 134 order power and var; 129, 130 and 135 to 142 tell when to trip. Pure.

There is no handshake: a curve is written, chosen by ActCrv, enabled by ModEna. A curve that cannot be followed cannot be
enabled, and the one in force cannot be written.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise

from adapters.simulator.registers import Image, Point, PointKey
from adapters.simulator.timers import Timer

Held = Mapping[PointKey, int]

AXES: Mapping[int, tuple[tuple[str, str], tuple[str, str]]] = {
    126: (("V", "V_SF"), ("VAr", "DeptRef_SF")),
    131: (("W", "W_SF"), ("PF", "PF_SF")),
    132: (("V", "V_SF"), ("W", "DeptRef_SF")),
    134: (("Hz", "Hz_SF"), ("W", "W_SF")),
}
"""x and y of the curves that order something, with their scale factors."""
_VOLTS, _HERTZ, _SECONDS = ("V", "V_SF"), ("Hz", "Hz_SF"), ("Tms", "Tms_SF")
TRIPS: Mapping[int, tuple[tuple[str, str], tuple[str, str]]] = {
    **dict.fromkeys((129, 130, 137, 138, 139, 140), (_VOLTS, _SECONDS)),
    **dict.fromkeys((135, 136, 141, 142), (_HERTZ, _SECONDS)),
}
"""The same of the curves of trips, whose x may come in any order."""
_ALL = {**AXES, **TRIPS}
MODELS = frozenset(_ALL)
COPIES, POINTS = 2, 20


def born(model: int, image: Image) -> dict[PointKey, int]:
    """Empty curves, none of them in force."""
    named = {"ActCrv": 0, "ModEna": 0, "RvrtTms": 0, "NCrv": COPIES, "NPt": POINTS}
    for point in _points(model, image):
        if point.kind == "sunssf":
            named[point.key[1]] = -3 if point.key[1] in ("PF_SF", "Hz_SF") else -2
    for copy in range(1, COPIES + 1):
        named |= {f"curve[{copy}].ActPt": 0, f"curve[{copy}].ReadOnly": 0}
        if model in (126, 132):
            named[f"curve[{copy}].DeptRef"] = 1
    return {(model, name): raw for name, raw in named.items()}


def ranges(model: int, image: Image) -> dict[PointKey, tuple[int, int]]:
    """What may be written: the switches, and the points of the curves with anything at all."""
    named = {"ActCrv": (0, COPIES), "ModEna": (0, 1), "RvrtTms": (0, 65534)}
    for point in _points(model, image):
        name = point.key[1]
        last = name.partition(".")[2]
        if point.writable and last.rstrip("0123456789") in _WRITTEN and point.kind != "string":
            named[name] = (0, POINTS) if last == "ActPt" else (1, 3) if last == "DeptRef" else (-0x8000, 0xFFFF)
    return {(model, name): pair for name, pair in named.items()}


def timer(model: int) -> Timer:
    """At its end the curve is off."""
    keys = frozenset((model, name) for name in ("ModEna", "ActCrv", "RvrtTms"))
    return Timer(f"revert{model}", (model, "ModEna"), (model, "RvrtTms"), keys, (((model, "ModEna"), 0),))


def sound(before: Held, points: Held) -> bool:
    """Whether a write leaves every enabled curve one that can be followed, and the one in force as it was."""
    after = {**before, **points}
    for model in {key[0] for key in points} & MODELS:
        if not after[model, "ModEna"]:
            continue
        own = f"curve[{before[model, 'ActCrv']}]."
        if before[model, "ModEna"] and any(key[0] == model and key[1].startswith(own) for key in points):
            return False
        if not _followed(model, after):
            return False
    return True


def in_force(model: int, held: Held) -> tuple[tuple[float, float], ...] | None:
    """The points of the curve in force, scaled; None where none is."""
    if not held.get((model, "ModEna")) or not held[model, "ActCrv"]:
        return None
    (x, x_sf), (y, y_sf) = _ALL[model]
    own, scale_x, scale_y = _own(model, held), 10.0 ** held[model, x_sf], 10.0 ** held[model, y_sf]
    count = held[model, f"{own}ActPt"]
    return tuple(
        (held[model, f"{own}{x}{n}"] * scale_x, held[model, f"{own}{y}{n}"] * scale_y) for n in range(1, count + 1)
    )


def reference(model: int, held: Held) -> int:
    """DeptRef of the curve in force."""
    return held[model, f"{_own(model, held)}DeptRef"]


def _followed(model: int, held: Held) -> bool:
    if not held[model, "ActCrv"]:
        return False
    (x, _), (y, _) = _ALL[model]
    own = _own(model, held)
    xs = [held.get((model, f"{own}{x}{n}")) for n in range(1, held[model, f"{own}ActPt"] + 1)]
    ys = [held.get((model, f"{own}{y}{n}")) for n in range(1, len(xs) + 1)]
    known = [value for value in xs if value is not None]
    if not xs or len(known) < len(xs) or None in ys or (model == 132 and reference(model, held) == 3):
        return False
    return model in TRIPS or all(a < b for a, b in pairwise(known))


def _own(model: int, held: Held) -> str:
    return f"curve[{held[model, 'ActCrv']}]."


def _points(model: int, image: Image) -> Iterator[Point]:
    return (point for point in image.points if point.key[0] == model)


_WRITTEN = {"ActPt", "DeptRef", "V", "VAr", "W", "PF", "Hz", "Tms"}
