"""Limits of production and of charging: 704 or 123 in percent of WMax, 702 in watts, 124 in percent of its rates; pure.

A limit that does not bind is written as "no limit", enabled: read back it is seen to be ours, and only an enabled limit has
a running timer that falls to the fail-safe when we go silent.
"""

from typing import Final

from adapters.devices.sunspec.case import Case, seconds
from adapters.devices.sunspec.setpoints import LIMIT, MODEL, set_block, set_timed
from adapters.devices.sunspec.steps import Cannot, Held, Sequence, Step
from adapters.sunspec.points import Rounding, Value
from grid_functions.model.control import Mode
from grid_functions.model.event import Settings
from grid_functions.model.setpoint import Revert

LEGACY: Final = 123
LEGACY_TIMERS: Final = ("WMaxLimPct_WinTms", "WMaxLimPct_RvrtTms", "WMaxLimPct_RmpTms")
LEGACY_POINTS: Final = frozenset({"WMaxLimPct", *LEGACY_TIMERS, "WMaxLim_Ena"})
SETTINGS: Final = 702
STEP_S: Final = 1


def production(case: Case, limit_w: float, revert: Revert | None, settings: Settings | None = None) -> Sequence:
    """Produce no more than this. A limit is rounded down; one at or above WMax is "no limit".

    ``settings``: of ours beside it. A limit moves by the gradient among them, or by an event's ramp, before it comes here: where
    121.WGra would bend it once more, each step is given :data:`STEP_S` by the device's own ramp, which stands before WGra.
    """
    model, base_w = case.model(Mode.MAX_POWER), case.base_w
    if model not in (MODEL, LEGACY):
        return (case.refusal(Mode.MAX_POWER),)
    if base_w is None:
        return (Cannot("what 100 % means cannot be read"),)
    percent = _percent(case, model, "WMaxLimPct", limit_w, base_w)
    if percent is None:
        return (Cannot("its power limit cannot be read, so it is not written"),)
    fall_w = None if revert is None else revert.produce_max_w
    revert_s = seconds(revert)
    if fall_w is not None and not (model == MODEL and falls(case.held)):
        revert_s = 0  # its expiry would loosen
    edge = case.profile.enable_edge
    if model == LEGACY:
        values: dict[str, Value] = {"WMaxLimPct": percent}
        ramp_s = STEP_S if settings is not None and settings.gradient_pct_per_s and case.held.has(121, "WGra") else 0
        return set_block(
            case.held,
            LEGACY,
            values,
            "WMaxLim_Ena",
            LEGACY_TIMERS,
            revert_s,
            rearm=case.rearm,
            edge=edge,
            ramp_s=ramp_s,
        )
    fall = None if fall_w is None else _percent(case, MODEL, "WMaxLimPctRvrt", fall_w, base_w)
    side: dict[str, Value] = {"WMaxLimPctRvrt": case.profile.no_limit_pct if fall is None else fall}
    sequence = set_timed(
        case.held,
        LIMIT,
        {"WMaxLimPct": percent},
        None if fall is None else side,
        revert_s,
        rearm=case.rearm,
        edge=edge,
    )
    if fall is not None or not revert_s:
        return sequence
    # With nothing to fall to, "no limit" is left beside the disabled fall.
    first = sequence[0]
    assert isinstance(first, Step)
    return (Step(MODEL, {**first.values, **side}, whole=True, force=first.force), *sequence[1:])


def charging(case: Case, limit_w: float) -> Sequence:
    """Charge with no more than this, 702.WChaRteMax: a setting, so it has no timer."""
    if case.model(Mode.LOAD_LIMIT) != SETTINGS:
        return (case.refusal(Mode.LOAD_LIMIT),)
    most_w = case.held.number(SETTINGS, "WChaRteMaxRtg")
    wanted_w = max(0.0, limit_w if most_w is None else min(limit_w, most_w))
    value = case.held.sayable(SETTINGS, "WChaRteMax", wanted_w, Rounding.FLOOR) if wanted_w < 1e9 else None
    if value is None:
        return (Cannot("its charging rate has no usable scale factor, or no rating to stand for no limit"),)
    return (Step(SETTINGS, {"WChaRteMax": value}, blank=frozenset({"WChaRteMax"}), rounding=Rounding.FLOOR),)


def falls(held: Held) -> bool:
    """Whether the limit can fall to a value of its own when we are silent."""
    return held.has(MODEL, *LIMIT.fall, LIMIT.enable_fall, LIMIT.timer)


def step_pct(case: Case) -> float | None:
    """The step of the limit in percent, where the limit can be written."""
    model = case.model(Mode.MAX_POWER)
    point = {MODEL: "WMaxLimPct", LEGACY: "WMaxLimPct", 124: "OutWRte"}.get(model or 0)
    step = None if model is None or point is None else case.held.step(model, point)
    return None if step is None else max(step, case.profile.limit_step_pct)


def _percent(case: Case, model: int, point: str, limit_w: float, base_w: float) -> Value | None:
    if limit_w >= base_w:
        return case.held.sayable(model, point, case.profile.no_limit_pct, Rounding.FLOOR)
    percent = 100.0 * max(limit_w, 0.0) / base_w
    if (coarse := case.profile.limit_step_pct) > 0:
        percent = percent // coarse * coarse
    return case.held.sayable(model, point, percent, Rounding.FLOOR)
