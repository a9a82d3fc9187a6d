"""The last clamp of one device's own setpoint: its target, its reactive power, its temperature, and what its site lets nobody write."""

import math
from dataclasses import dataclass, replace

from grid_functions.ability import PROTECTION_MODES, REACTIVE_MODES
from grid_functions.model.control import Curve, FrequencyDroop, Mode, PowerFactor, mode_of
from grid_functions.model.device import Seen
from grid_functions.model.event import Settings
from grid_functions.model.policy import SiteTerms
from grid_functions.model.setpoint import Reactive, Setpoint
from grid_functions.model.units import Quantity
from grid_functions.rating import most_var, most_w

_CRUMB = 1e-3


@dataclass(frozen=True, slots=True)
class Clamp:
    """A setpoint that was cut: ``asked`` and ``given`` in W, var, A or °C (inf = no limit), by which rule."""

    device: str
    quantity: Quantity
    asked: float
    given: float
    why: str

    @property
    def text(self) -> str:
        """For people."""
        return f"{self.quantity.value} cut from {self.asked:g} to {self.given:g}: {self.why}"


def clamp(setpoint: Setpoint, seen: Seen | None, terms: SiteTerms) -> tuple[Setpoint, list[Clamp]]:
    """The setpoint as it may leave; of a device never seen no target and no reactive power is known to be harmless."""
    clamps: list[Clamp] = []
    kept = _steered(setpoint, seen, clamps)
    kept = _reactive(kept, seen, clamps)
    kept = _tempered(kept, seen, clamps)
    shapes = _shapes(kept, terms)
    if shapes != kept.shapes:
        why = "protection is read only" if not terms.protection else "one curve of a kind, one reactive mode"
        clamps.append(Clamp(kept.device, Quantity.REACTIVE, float(len(kept.shapes)), float(len(shapes)), why))
        kept = replace(kept, shapes=shapes)
    if kept.settings is not None and not terms.protection and _protects(kept.settings):
        clamps.append(Clamp(kept.device, Quantity.CONNECT, 1.0, 0.0, "protection is read only"))
        kept = replace(kept, settings=None)
    return kept, clamps


def _steered(one: Setpoint, seen: Seen | None, clamps: list[Clamp]) -> Setpoint:
    if one.target_w is None:
        return one
    if math.isnan(one.target_w):
        clamps.append(Clamp(one.device, Quantity.NET, one.target_w, 0.0, "no number"))
        return replace(one, target_w=None)
    produce_w = 0.0 if seen is None else most_w(seen, Quantity.PRODUCED)
    consume_w = 0.0 if seen is None else most_w(seen, Quantity.CONSUMED)
    apparent_va = _rated_va(seen)
    produce_w = min(produce_w, apparent_va, math.inf if one.produce_max_w is None else one.produce_max_w)
    consume_w = min(consume_w, apparent_va, math.inf if one.consume_max_w is None else one.consume_max_w)
    target_w = min(max(one.target_w, -produce_w), consume_w)
    if abs(target_w - one.target_w) <= _CRUMB:
        return one
    clamps.append(Clamp(one.device, Quantity.NET, one.target_w, target_w, "limit or nameplate"))
    return replace(one, target_w=target_w)


def _tempered(one: Setpoint, seen: Seen | None, clamps: list[Clamp]) -> Setpoint:
    asked = one.thermostat
    if asked is None:
        return one
    if not math.isfinite(asked.value_k):
        clamps.append(Clamp(one.device, Quantity.TEMPERATURE, asked.value_k, 0.0, "no number"))
        return replace(one, thermostat=None)
    can = None if seen is None else seen.capability.temperatures
    if can is None:
        clamps.append(Clamp(one.device, Quantity.TEMPERATURE, asked.value_k, 0.0, "it takes no temperature"))
        return replace(one, thermostat=None)
    # what an offset ends at, only the device knows: it keeps its own range
    least, most = (can.least_c - can.most_c, can.most_c - can.least_c) if asked.offset else (can.least_c, can.most_c)
    given = min(max(asked.value_k, least), most)
    if given == asked.value_k:
        return one
    clamps.append(Clamp(one.device, Quantity.TEMPERATURE, asked.value_k, given, "the device's range"))
    return replace(one, thermostat=replace(asked, value_k=given))


def _reactive(one: Setpoint, seen: Seen | None, clamps: list[Clamp]) -> Setpoint:
    if isinstance(one.reactive, PowerFactor) and not 0 < one.reactive.cos_phi <= 1:
        clamps.append(Clamp(one.device, Quantity.REACTIVE, one.reactive.cos_phi, 0.0, "no power factor"))
        return replace(one, reactive=None)
    if not isinstance(one.reactive, Reactive):
        return one
    asked_var = one.reactive.power_var
    if math.isnan(asked_var):
        clamps.append(Clamp(one.device, Quantity.REACTIVE, asked_var, 0.0, "no number"))
        return replace(one, reactive=None)
    rated_var = 0.0 if seen is None else most_var(seen, absorb=asked_var > 0)
    apparent_va = _rated_va(seen)
    left_var = (
        apparent_va if math.isinf(apparent_va) else math.sqrt(max(0.0, apparent_va**2 - (one.target_w or 0.0) ** 2))
    )
    most = min(rated_var, left_var)
    given_var = min(max(asked_var, -most), most)
    if abs(given_var - asked_var) <= _CRUMB:
        return one
    clamps.append(Clamp(one.device, Quantity.REACTIVE, asked_var, given_var, "apparent power"))
    return replace(one, reactive=Reactive(given_var))


def _shapes(one: Setpoint, terms: SiteTerms) -> tuple[Curve | FrequencyDroop, ...]:
    kept: list[Curve | FrequencyDroop] = []
    taken: set[Mode] = set()
    busy = one.reactive is not None
    for shape in one.shapes:
        mode = mode_of(shape)
        if mode in taken or (mode in PROTECTION_MODES and not terms.protection) or (mode in REACTIVE_MODES and busy):
            continue
        busy = busy or mode in REACTIVE_MODES
        taken.add(mode)
        kept.append(shape)
    return tuple(kept)


def _protects(settings: Settings) -> bool:
    gradients = replace(
        Settings(),
        gradient_pct_per_s=settings.gradient_pct_per_s,
        soft_gradient_pct_per_s=settings.soft_gradient_pct_per_s,
    )
    return settings != gradients


def _rated_va(seen: Seen | None) -> float:
    told = None if seen is None else seen.nameplate.rated_va
    return told if told is not None and 0 <= told < math.inf else math.inf
