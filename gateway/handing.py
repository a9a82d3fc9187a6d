"""What of a setpoint may be handed over before its decision is in the ledger: as much of it as only tightens."""

from dataclasses import replace

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


def _least(held: float | None, asked: float | None) -> float | None:
    return min((one for one in (held, asked) if one is not None), default=None)
