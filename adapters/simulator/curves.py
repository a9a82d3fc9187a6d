"""The curves of the 700 series, 705 to 712: writable copies, the adopt handshake, what a device then follows. Pure.

Curve 1 is the one in force and mirrors what was adopted last; it cannot be written. The others are scratch: what they
hold is looked at on adoption only, `ADOPT_S` after the request, while the result reads IN_PROGRESS.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from adapters.simulator.power import counts
from adapters.simulator.registers import Image, PointKey
from adapters.simulator.timers import Timer

ADOPT_S = 1.0
IN_PROGRESS, COMPLETED, FAILED = 0, 1, 2

Held = Mapping[PointKey, int]


@dataclass(frozen=True, slots=True)
class Family:
    """How one model names its curves: `lists` are (prefix, x, y) of its point lists, `extra` the other points.

    `rising`: x must strictly increase from point to point.
    """

    group: str = "Crv"
    request: str = "AdptCrvReq"
    result: str = "AdptCrvRslt"
    count: str = "NCrv"
    revert: str = "RvrtCrv"
    lists: tuple[tuple[str, str, str], ...] = ()
    rising: bool = True


def _trips(x: str) -> Family:
    lists = tuple((f"{region}.", x, "Tms") for region in ("MustTrip", "MayTrip", "MomCess"))
    return Family(count="NCrvSet", revert="", lists=lists, rising=False)


FAMILIES: Mapping[int, Family] = {
    705: Family(lists=(("", "V", "Var"),)),
    706: Family(lists=(("", "V", "W"),)),
    707: _trips("V"),
    708: _trips("V"),
    709: _trips("Hz"),
    710: _trips("Hz"),
    711: Family("Ctl", "AdptCtlReq", "AdptCtlRslt", "NCtl", "RvrtCtl"),
    712: Family(lists=(("", "W", "Var"),)),
}


def born(model: int, image: Image) -> dict[PointKey, int]:
    """The registers of a curve model fresh from the box: every curve holds the standard's default, the trips act."""
    family, default = FAMILIES[model], _DEFAULTS[model]
    copies = len({key[1].split(".")[0] for key in _keys(model, image)})
    top = {**_SCALES[model], "Ena": int(model in _TRIPS), family.request: 1, family.result: COMPLETED}
    top[family.count] = copies
    if family.lists:
        top["NPt"] = points_per_curve(model, image)
    if family.revert:
        top |= {"RvrtTms": 0, family.revert: 1}
    held = {(model, name): raw for name, raw in top.items()}
    for index in range(1, copies + 1):
        prefix = f"{family.group}[{index}]."
        held |= {(model, prefix + name): raw for name, raw in default.items()}
        held[model, f"{prefix}ReadOnly"] = int(index == 1)
    return held


def ranges(model: int, image: Image, held: Held) -> dict[PointKey, tuple[int, int]]:
    """What may be written: the switches within their range, the scratch curves with anything at all."""
    family = FAMILIES[model]
    copies = held[model, family.count]
    allowed = {(model, "Ena"): (0, 1), (model, family.request): (0, 0xFFFF)}
    if family.revert:
        allowed |= {(model, "RvrtTms"): (0, 0xFFFF_FFFE), (model, family.revert): (1, copies)}
    anything = (-(2**31), 2**32 - 1)
    writable = {point.key for point in image.points if point.writable}
    scratch = {key for key in _keys(model, image) if not key[1].startswith(f"{family.group}[1].")}
    return allowed | dict.fromkeys(scratch & writable, anything)


def timer(model: int) -> Timer:
    """The reversion of a curve: at its end the curve that RvrtCrv names is the one in force."""
    keys = frozenset((model, name) for name in ("Ena", FAMILIES[model].request, "RvrtTms"))
    return Timer(f"revert{model}", (model, "Ena"), (model, "RvrtTms"), keys, ())


def adopted(model: int, held: Held, index: int) -> Held:
    """The registers after curve `index` was asked for: in force if it stands up to the check, FAILED otherwise."""
    family = FAMILIES[model]
    if not _sound(model, held, index):
        return {**held, (model, family.result): FAILED}
    return {**held, **copied(model, held, index), (model, family.result): COMPLETED}


def copied(model: int, held: Held, index: int) -> dict[PointKey, int]:
    """Curve 1 as a copy of curve `index`."""
    group = FAMILIES[model].group
    source, own = f"{group}[{index}].", f"{group}[1]."
    found = {
        (model, own + name.removeprefix(source)): raw
        for (owner, name), raw in held.items()
        if owner == model and name.startswith(source)
    }
    return {**found, (model, f"{own}ReadOnly"): 1}


def in_force(model: int, held: Held, region: str = "") -> tuple[tuple[float, float], ...]:
    """The points of curve 1, scaled: % of nominal voltage, % of WMax or Hz; and % or seconds."""
    family = FAMILIES[model]
    prefix, x, y = next(entry for entry in family.lists if entry[0] == region)
    own = f"{family.group}[1].{prefix}"
    return tuple(
        (_scaled(model, held, f"{own}Pt[{n}].{x}", x), _scaled(model, held, f"{own}Pt[{n}].{y}", y))
        for n in range(1, held[model, f"{own}ActPt"] + 1)
    )


def setting(model: int, held: Held, name: str) -> float:
    """A setting of the curve or control in force, scaled."""
    return _scaled(model, held, f"{FAMILIES[model].group}[1].{name}", name)


def points_per_curve(model: int, image: Image) -> int:
    """NPt as the layout has it."""
    prefix, x, _ = FAMILIES[model].lists[0]
    own = f"{FAMILIES[model].group}[1].{prefix}Pt["
    return sum(key[1].startswith(own) and key[1].endswith(f"].{x}") for key in _keys(model, image))


def _sound(model: int, held: Held, index: int) -> bool:
    family = FAMILIES[model]
    if not 1 <= index <= held[model, family.count]:
        return False
    prefix = f"{family.group}[{index}]."
    fixed = {name: held[model, prefix + name] for name in _FIXED if (model, prefix + name) in held}
    if any(not low <= fixed[name] <= high for name, (low, high) in _FIXED.items() if name in fixed):
        return False
    return all(_sound_list(model, held, prefix + entry[0], entry, family.rising) for entry in family.lists)


def _sound_list(model: int, held: Held, prefix: str, entry: tuple[str, str, str], rising: bool) -> bool:
    _, x, y = entry
    count = held[model, f"{prefix}ActPt"]
    if not int(rising) <= count <= held[model, "NPt"]:
        return False
    xs = [held[model, f"{prefix}Pt[{n}].{x}"] for n in range(1, count + 1)]
    ys = [held[model, f"{prefix}Pt[{n}].{y}"] for n in range(1, count + 1)]
    if any(raw in _UNSET for raw in (*xs, *ys)):
        return False
    return not rising or all(a < b for a, b in pairwise(xs))


def _keys(model: int, image: Image) -> Iterator[PointKey]:
    start = f"{FAMILIES[model].group}["
    return (point.key for point in image.points if point.key[0] == model and point.key[1].startswith(start))


def _scaled(model: int, held: Held, name: str, point: str) -> float:
    scale = ("DeptRef_SF" if model == 706 else "W_SF") if point == "W" else _SCALE_OF.get(point, "")
    return held[model, name] * 10.0 ** held.get((model, scale), 0)


_TRIPS = (707, 708, 709, 710)
_UNSET = {0xFFFF, -0x8000, 0xFFFF_FFFF}
_FIXED = {
    "DeptRef": (0, 3),
    "Pri": (0, 2),
    "VRef": (9500, 10500),
    "VRefAutoEna": (0, 1),
    "RspTms": (0, 6000),
    "DbOf": (0, 5000),
    "DbUf": (0, 5000),
    "KOf": (1, 1000),
    "KUf": (1, 1000),
    "PMin": (-100, 100),
}
_SCALE_OF = {
    "V": "V_SF",
    "VRef": "V_SF",
    "Var": "DeptRef_SF",
    "Hz": "Hz_SF",
    "Tms": "Tms_SF",
    "RspTms": "RspTms_SF",
    "DbOf": "Db_SF",
    "DbUf": "Db_SF",
    "KOf": "K_SF",
    "KUf": "K_SF",
}
_SCALES: Mapping[int, dict[str, int]] = {
    705: {"V_SF": -2, "DeptRef_SF": -2, "RspTms_SF": -1},
    706: {"V_SF": -2, "DeptRef_SF": -2, "RspTms_SF": -1},
    707: {"V_SF": -2, "Tms_SF": -2},
    708: {"V_SF": -2, "Tms_SF": -2},
    709: {"Hz_SF": -3, "Tms_SF": -2},
    710: {"Hz_SF": -3, "Tms_SF": -2},
    711: {"Db_SF": -3, "K_SF": -3, "RspTms_SF": -1},
    712: {"W_SF": -2, "DeptRef_SF": -2},
}


def _listed(prefix: str, x: str, y: str, scale: tuple[int, int], *points: tuple[float, float]) -> dict[str, int]:
    named = {f"{prefix}ActPt": len(points)}
    for n in range(1, 7 if x == "W" else 5):
        point = points[min(n, len(points)) - 1] if points else (0.0, 0.0)
        raw = (counts(point[0], scale[0]), counts(point[1], scale[1]))
        named |= {f"{prefix}Pt[{n}].{x}": raw[0], f"{prefix}Pt[{n}].{y}": raw[1]}
    return named


def _volt_trips(must: tuple[tuple[float, float], ...], cease: tuple[tuple[float, float], ...]) -> dict[str, int]:
    return (
        _listed("MustTrip.", "V", "Tms", (-2, -2), *must)
        | _listed("MayTrip.", "V", "Tms", (-2, -2))
        | _listed("MomCess.", "V", "Tms", (-2, -2), *cease)
    )


def _hz_trips(*must: tuple[float, float]) -> dict[str, int]:
    regions = [_listed(f"{name}.", "Hz", "Tms", (-3, -2)) for name in ("MayTrip", "MomCess")]
    return _listed("MustTrip.", "Hz", "Tms", (-3, -2), *must) | regions[0] | regions[1]


# IEEE 1547-2018, category B and II, as far as it has a default; frequencies moved to 50 Hz.
_DEFAULTS: Mapping[int, dict[str, int]] = {
    705: {
        **_listed("", "V", "Var", (-2, -2), (92, 44), (98, 0), (102, 0), (108, -44)),
        "DeptRef": 0,
        "Pri": 1,
        "VRef": 10000,
        "VRefAuto": 10000,
        "VRefAutoEna": 0,
        "VRefAutoTms": 300,
        "RspTms": 50,
    },
    706: {**_listed("", "V", "W", (-2, -2), (106, 100), (110, 20)), "DeptRef": 0, "RspTms": 100},
    707: _volt_trips(((45, 0.16), (70, 10)), ((30, 0.16),)),
    708: _volt_trips(((110, 2), (120, 0.16)), ()),
    709: _hz_trips((46.5, 0.16), (48.5, 300)),
    710: _hz_trips((51.2, 300), (52.0, 0.16)),
    711: {"DbOf": 36, "DbUf": 36, "KOf": 50, "KUf": 50, "RspTms": 50, "PMin": 0},
    712: {
        **_listed("", "W", "Var", (-2, -2), (-100, 44), (-50, 0), (-20, 0), (20, 0), (50, 0), (100, -44)),
        "DeptRef": 0,
        "Pri": 1,
    },
}
