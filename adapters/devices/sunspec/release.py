"""Values from before us as a plan of writes; pure.

What was off is switched off before anything of it changes; what was on is set like any other, and enabled last.
"""

from collections.abc import Mapping
from typing import Final

from adapters.devices.sunspec import curves
from adapters.devices.sunspec.case import Case
from adapters.devices.sunspec.steps import Sequence, Step, Unread
from adapters.family import Points
from adapters.sunspec.points import Value

_SWITCHES: Final = frozenset({"Ena", "ModEna", "StorCtl_Mod", "Conn", "ES", "SetOp", "OpCtl"})


def release(case: Case, baseline: Points) -> tuple[Sequence, ...]:
    """What reads otherwise, back to ``baseline``, function by function."""
    models: dict[int, dict[str, Value]] = {}
    for name, value in baseline.items():
        model, _, point = name.partition(".")
        models.setdefault(int(model), {})[point] = value
    unread = tuple(Unread(model) for model in sorted(models) if model not in case.held.values)
    there = {model: points for model, points in sorted(models.items()) if model in case.held.values}
    off = tuple(
        Step(model, {n: v}) for model, points in there.items() for n, v in points.items() if _enables(n) and not v
    )
    on = tuple(Step(model, {n: v}) for model, points in there.items() for n, v in points.items() if _enables(n) and v)
    rest = [_rest(case, model, points) for model, points in there.items()]
    # A plan ends a sequence that waits: what is switched off never waits.
    return tuple(s for s in (off, *rest, on, unread) if s)


def _rest(case: Case, model: int, points: Mapping[str, Value]) -> Sequence:
    values = {name: value for name, value in points.items() if not _enables(name)}
    mirror = curves.mirror_points(case.held, model)
    inside = {name: value for name, value in values.items() if name in mirror and "[1]." in name}
    if inside:
        if not points.get("Ena"):
            return ()  # it was off, so nothing of it holds
        group = "Ctl" if model == curves.DROOP else "Crv"
        return curves.adopt(case.held, model, group, {n.removeprefix(f"{group}[1]."): v for n, v in inside.items()})
    single = any(name.startswith("curve[") for name in values)
    rests = (Step(model, {"ModEna": 0}),) if single and case.held.differs(model, values) else ()
    return (*rests, Step(model, values))


def _enables(name: str) -> bool:
    return "." not in name and (name in _SWITCHES or name.endswith(("Ena", "_Ena")))
