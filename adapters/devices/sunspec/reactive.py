"""Reactive power and power factor: 704, or 123; and what must be off beside them: exactly one reactive mode holds; pure."""

from typing import Final

from adapters.devices.sunspec.case import Case, seconds
from adapters.devices.sunspec.setpoints import ABSORB, INJECT, MODEL, REACTIVE, Timed, set_block, set_timed
from adapters.devices.sunspec.steps import Cannot, Sequence, Step, Unread
from adapters.sunspec.points import Value
from grid_functions.model.control import Curve, CurveKind, FixedReactive, Flow, FrequencyDroop, Mode, PowerFactor
from grid_functions.model.setpoint import Reactive, Revert
from grid_functions.model.units import PercentBase, turned

LEGACY: Final = 123
PF_TIMERS: Final = ("OutPFSet_WinTms", "OutPFSet_RvrtTms", "OutPFSet_RmpTms")
VAR_TIMERS: Final = ("VArPct_WinTms", "VArPct_RvrtTms", "VArPct_RmpTms")
PF_POINTS: Final = frozenset({"OutPFSet", *PF_TIMERS, "OutPFSet_Ena"})
VAR_POINTS: Final = frozenset({"VArWMaxPct", "VArMaxPct", "VArAvalPct", *VAR_TIMERS, "VArPct_Mod", "VArPct_Ena"})

SWITCHES: Final = {
    700: (
        (MODEL, INJECT.enable),
        (MODEL, ABSORB.enable),
        (MODEL, REACTIVE.enable),
        (705, "Ena"),
        (712, "Ena"),
    ),
    100: ((LEGACY, "OutPFSet_Ena"), (LEGACY, "VArPct_Ena"), (126, "ModEna"), (131, "ModEna")),
}
"""What enables a reactive mode. Interpretation: where both series are, one shows the other, so only one is set."""

CURVES: Final = frozenset({CurveKind.VOLT_VAR, CurveKind.WATT_VAR, CurveKind.WATT_PF})

Wish = Reactive | FixedReactive | PowerFactor


def mode_of(wish: Wish | Curve | FrequencyDroop) -> Mode | None:
    """The mode that a wish for reactive power needs; None for a shape that is none."""
    match wish:
        case Reactive():
            return Mode.TARGET_REACTIVE
        case FixedReactive():
            return Mode.FIXED_REACTIVE
        case PowerFactor(flow=Flow.INJECT):
            return Mode.POWER_FACTOR_INJECT
        case PowerFactor():
            return Mode.POWER_FACTOR_ABSORB
        case Curve(kind=kind) if kind in CURVES:
            return Mode(kind.value)
        case _:
            return None


def switch_of(case: Case, mode: Mode) -> tuple[int, str] | None:
    """What enables a mode."""
    model = case.model(mode)
    if model == MODEL:
        function = {Mode.POWER_FACTOR_INJECT: INJECT, Mode.POWER_FACTOR_ABSORB: ABSORB}.get(mode, REACTIVE)
        return MODEL, function.enable
    if model == LEGACY:
        return LEGACY, "OutPFSet_Ena" if mode is Mode.POWER_FACTOR_INJECT else "VArPct_Ena"
    return None if model is None else (model, "Ena" if model >= 700 else "ModEna")


def others(case: Case, mode: Mode) -> tuple[tuple[int, str], ...]:
    """The switches that have to be off while a mode holds: those of its series, in this device."""
    own = switch_of(case, mode)
    if own is None:
        return ()
    series = SWITCHES[700 if own[0] >= 700 else 100]
    return tuple(switch for switch in series if switch != own and switch[0] in case.held.layouts)


def clear(case: Case, mode: Mode) -> Sequence:
    """Switch the others off, before the one wanted is switched on."""
    return tuple(
        Step(model, {point: 0}) if model in case.held.values else Unread(model) for model, point in others(case, mode)
    )


def hold(case: Case, wish: Wish, revert: Revert | None) -> Sequence:
    """Keep a reactive power or power factor. At the end of its timer it is off."""
    mode = mode_of(wish)
    assert mode is not None
    model = case.model(mode)
    if model is None:
        return (case.refusal(mode),)
    timer_s, edge = seconds(revert), case.profile.enable_edge
    if model == MODEL:
        function, values = _timed(case, wish)
        if isinstance(values, Cannot):
            return (values,)
        return set_timed(case.held, function, values, None, timer_s, rearm=case.rearm, edge=edge)
    if isinstance(wish, PowerFactor):
        share: dict[str, Value] = {"OutPFSet": over_excited(case) * (-1 if wish.absorbs_var else 1) * wish.cos_phi}
        return set_block(case.held, LEGACY, share, "OutPFSet_Ena", PF_TIMERS, timer_s, rearm=case.rearm, edge=edge)
    block = _percent_block(case, wish)
    if isinstance(block, Cannot):
        return (block,)
    return set_block(case.held, LEGACY, block, "VArPct_Ena", VAR_TIMERS, timer_s, rearm=case.rearm, edge=edge)


def over_excited(case: Case) -> int:
    """The sign of a power factor in 123 and 131 that injects var.

    The device shows its convention where it rates the quadrants: Q1 injects. Else as its profile says, EEI by default.
    """
    for point in ((120, "PFRtgQ1"), (121, "PFMinQ1")):
        if told := case.held.number(*point):
            return 1 if told > 0 else -1
    return 1 if case.profile.pf_sign == "iec" else -1


def _timed(case: Case, wish: Wish) -> tuple[Timed, dict[str, Value] | Cannot]:
    held = case.held
    match wish:
        case PowerFactor():
            function, group = (INJECT, "PFWInj") if wish.flow is Flow.INJECT else (ABSORB, "PFWAbs")
            return function, {f"{group}.PF": wish.cos_phi, f"{group}.Ext": int(wish.absorbs_var)}
        case FixedReactive():
            kind = _MOD_704.get(wish.base)
            if kind is None:
                return REACTIVE, Cannot(f"no reactive power in percent of {wish.base.value}")
            return REACTIVE, {"VarSetMod": kind, "VarSetPct": turned(wish.reactive_pct)}
        case _ if held.has(MODEL, "VarSet") and held.step(MODEL, "VarSet") is not None:
            return REACTIVE, {"VarSetMod": 4, "VarSet": turned(wish.power_var)}
        case _:
            most = held.number(702, "VarMaxAbs" if wish.power_var > 0 else "VarMaxInj")
            if not most:
                return REACTIVE, Cannot("what 100 % of reactive power means cannot be read")
            return REACTIVE, {"VarSetMod": 1, "VarSetPct": 100.0 * turned(wish.power_var) / most}


def _percent_block(case: Case, wish: Reactive | FixedReactive) -> dict[str, Value] | Cannot:
    if isinstance(wish, FixedReactive):
        if (named := _MOD_123.get(wish.base)) is None or not case.held.has(LEGACY, named[1]):
            return Cannot(f"no reactive power in percent of {wish.base.value}")
        kind, point = named
        return {point: turned(wish.reactive_pct), "VArPct_Mod": kind}
    quadrant = "Q4" if wish.power_var > 0 else "Q1"
    most = case.held.number(121, f"VArMax{quadrant}") or case.held.number(120, f"VArRtg{quadrant}")
    if not most:
        return Cannot("what 100 % of reactive power means cannot be read")
    return {"VArMaxPct": 100.0 * turned(wish.power_var) / abs(most), "VArPct_Mod": 2}


_MOD_704: Final = {PercentBase.MAX_POWER: 0, PercentBase.MAX_REACTIVE: 1, PercentBase.AVAILABLE_REACTIVE: 2}
_MOD_123: Final = {
    PercentBase.MAX_POWER: (1, "VArWMaxPct"),
    PercentBase.MAX_REACTIVE: (2, "VArMaxPct"),
    PercentBase.AVAILABLE_REACTIVE: (3, "VArAvalPct"),
}
