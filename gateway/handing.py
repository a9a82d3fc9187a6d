"""What of a setpoint may be handed over before its decision is in the ledger: as much of it as only tightens."""

from dataclasses import replace

from grid_functions.decide import Decision
from grid_functions.model.setpoint import Setpoint, tightens


def narrowed(new: Setpoint, old: Setpoint | None) -> Setpoint | None:
    """``old`` (None = nothing of ours), tightened as far as ``new`` asks; ``new`` itself where all of it tightens.

    None: nothing of it tightens. A limit moves by itself, so a tighter one need not wait for another that loosens beside it.
    """
    if tightens(new, old):
        return new
    held = old or Setpoint(new.device)
    merged = replace(
        held,
        produce_max_w=_least(held.produce_max_w, new.produce_max_w),
        consume_max_w=_least(held.consume_max_w, new.consume_max_w),
        current_max_a=_least(held.current_max_a, new.current_max_a),
    )
    if held.target_w is not None:
        low_w, high_w = replace(merged, target_w=None, on=None).band
        merged = replace(merged, target_w=min(max(held.target_w, low_w), high_w))
    # It keeps the serial of what it was: not all of the new decision is in it.
    return None if merged == held else merged


def within(decision: Decision, newer: Decision) -> Decision:
    """The setpoints of a decision that do not exceed those of a newer one."""
    wanted = {setpoint.device: setpoint for setpoint in newer.setpoints}
    safe = tuple(one for one in decision.setpoints if one.device not in wanted or tightens(one, wanted[one.device]))
    return replace(decision, setpoints=safe)


def _least(held: float | None, asked: float | None) -> float | None:
    return min((one for one in (held, asked) if one is not None), default=None)


def told(setpoint: Setpoint) -> dict[str, object]:
    """What a setpoint says, for the log."""
    return {
        name: getattr(setpoint, name)
        for name in ("decision", "produce_max_w", "consume_max_w", "target_w", "current_max_a", "on")
        if getattr(setpoint, name) is not None
    }
