"""A setpoint as a plan of writes, and the points it decides; pure.

Order: off, the limit of production, power, the limit of charging, reactive power with the other modes off first, curves, settings,
on last.
"""

from collections import defaultdict
from dataclasses import replace
from functools import lru_cache
from typing import Final

from adapters.devices.sunspec import adjustments, curves, legacy_curves, limits, powers, reactive, switching
from adapters.devices.sunspec.case import Case
from adapters.devices.sunspec.setpoints import ABSORB, INJECT, LIMIT, MODEL, POWER, REACTIVE
from adapters.devices.sunspec.steps import Cannot, Sequence
from grid_functions.model.control import Curve, CurveKind, FrequencyDroop, Mode
from grid_functions.model.setpoint import Setpoint

LOCAL: Final = 1


def plan(case: Case, wanted: Setpoint) -> tuple[Sequence, ...]:
    """What to write so that the device obeys. Nothing at all where it is under local control."""
    if under_local_control(case):
        return ((Cannot("is under local control: it takes no orders from here"),),)
    wanted = _capped(case, wanted)
    sequences: list[Sequence] = []
    on = switching.wish_of(wanted)
    if on is False:
        sequences.append(switching.switch(case, wanted))
    by_storage = powers.by_storage(case, wanted)
    if wanted.produce_max_w is not None and "produce_max_w" not in by_storage:
        sequences.append(limits.production(case, wanted.produce_max_w, wanted.revert, wanted.settings))
    if by_storage:
        sequences.append(powers.storage(case, wanted))
    if wanted.target_w is not None and "target_w" not in by_storage and not _only_capped(case):
        sequences.append(powers.target(case, wanted.target_w, wanted.revert))
    if wanted.consume_max_w is not None and "consume_max_w" not in by_storage and _charges(case):
        # After the power, which keeps to it already: a device that refuses the setting obeys all the same.
        sequences.append(limits.charging(case, wanted.consume_max_w))
    sequences += _reactive(case, wanted)
    sequences += _shapes(case, wanted)
    if wanted.settings is not None:
        sequences.append(adjustments.adjust(case, wanted.settings))
    if on is True:
        sequences.append(switching.switch(case, wanted))
    return tuple(sequence for sequence in sequences if sequence)


def concerns(case: Case, wanted: Setpoint) -> frozenset[str]:
    """The points (``model.point``) that a setpoint decides."""
    wanted = _capped(case, wanted)
    names = set(switching.points(case, wanted))
    by_storage = powers.by_storage(case, wanted)
    if by_storage:
        names |= _named(powers.STORAGE, powers.STORAGE_POINTS)
    if wanted.produce_max_w is not None and (model := case.model(Mode.MAX_POWER)) in (MODEL, limits.LEGACY):
        names |= _named(model, LIMIT.points if model == MODEL else limits.LEGACY_POINTS)
    if wanted.consume_max_w is not None and case.model(Mode.LOAD_LIMIT) == limits.SETTINGS:
        names |= _named(limits.SETTINGS, frozenset({"WChaRteMax"}))
    if wanted.target_w is not None and case.model(Mode.TARGET_POWER) == MODEL and not _only_capped(case):
        names |= _named(MODEL, POWER.points)
    for mode in _reactive_modes(wanted):
        names |= {f"{model}.{point}" for model, point in reactive.others(case, mode)}
    if wanted.reactive is not None and (kept := reactive.mode_of(wanted.reactive)) is not None:
        names |= _reactive_points(case, kept)
    for shape in wanted.shapes:
        if (model := case.model(curves.mode_of(shape))) is not None:
            owned = curves.mirror_points if model >= 700 else legacy_curves.owned_points
            names |= _named(model, owned(case.held, model))
    if wanted.settings is not None:
        names |= adjustments.points(case, wanted.settings)
    return frozenset(names)


def under_local_control(case: Case) -> bool:
    """715 or 802 say LOCAL: somebody stands at the device."""
    return LOCAL in (case.held.value(715, "LocRemCtl"), case.held.value(802, "LocRemCtl"))


def _reactive(case: Case, wanted: Setpoint) -> list[Sequence]:
    modes = _reactive_modes(wanted)
    if not modes:
        return []
    if len(modes) > 1:
        return [(Cannot("two reactive modes in one device: at most one can be enabled"),)]
    first = [reactive.clear(case, modes[0])]
    return first if wanted.reactive is None else [(*first[0], *reactive.hold(case, wanted.reactive, wanted.revert))]


def _shapes(case: Case, wanted: Setpoint) -> list[Sequence]:
    new: dict[int, list[Curve]] = defaultdict(list)
    sequences: list[Sequence] = []
    contested = len(_reactive_modes(wanted)) > 1
    for shape in wanted.shapes:
        mode = curves.mode_of(shape)
        if contested and reactive.mode_of(shape) is not None:
            continue
        match case.model(mode), shape:
            case None, _:
                sequences.append((case.refusal(mode),))
            case curves.DROOP, FrequencyDroop():
                sequences.append(curves.droop(case, shape))
            case curves.DROOP, Curve(kind=CurveKind.FREQUENCY_WATT):
                sequences.append(curves.slope(case, shape))
            case legacy_curves.DROOP, FrequencyDroop():
                sequences.append(legacy_curves.droop(case, shape))
            case int(model), Curve() if model >= 700:
                new[model].append(shape)
            case _, Curve():
                sequences.append(legacy_curves.curve(case, shape))
            case _:
                sequences.append((case.refusal(mode),))
    sequences += [curves.curves(case, model, shapes) for model, shapes in sorted(new.items())]
    return sequences


def _reactive_modes(wanted: Setpoint) -> list[Mode]:
    wishes = (*(() if wanted.reactive is None else (wanted.reactive,)), *wanted.shapes)
    return [mode for wish in wishes if (mode := reactive.mode_of(wish)) is not None]


def _reactive_points(case: Case, mode: Mode) -> frozenset[str]:
    model = case.model(mode)
    if model == MODEL:
        functions = {Mode.POWER_FACTOR_INJECT: INJECT, Mode.POWER_FACTOR_ABSORB: ABSORB}
        return _named(MODEL, functions.get(mode, REACTIVE).points)
    if model is None:
        return frozenset()
    return _named(model, reactive.PF_POINTS if mode is Mode.POWER_FACTOR_INJECT else reactive.VAR_POINTS)


def _only_capped(case: Case) -> bool:
    """Whether a power to keep can only be said as a limit of production."""
    row = case.chosen.get(Mode.TARGET_POWER)
    return row is not None and row.model is not None and any("WMaxLimPct" in name for name in row.needs)


def _capped(case: Case, wanted: Setpoint) -> Setpoint:
    """A power to keep as the limit that is all the device can do about it."""
    if wanted.target_w is None or not _only_capped(case):
        return wanted
    cap_w = max(0.0, -wanted.target_w)
    tighter_w = cap_w if wanted.produce_max_w is None else min(cap_w, wanted.produce_max_w)
    return replace(wanted, produce_max_w=tighter_w)


def _charges(case: Case) -> bool:
    """Whether it consumes at all: what cannot needs no limit."""
    return case.model(Mode.LOAD_LIMIT) is not None


@lru_cache(maxsize=256)
def _named(model: int, points: frozenset[str]) -> frozenset[str]:
    return frozenset(f"{model}.{point}" for point in points)
