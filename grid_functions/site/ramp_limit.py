"""How fast the site's import and export may rise, W per second: a bound that runs a little ahead of what flows."""

import math
from dataclasses import dataclass

from grid_functions.model.claim import Claim, ConnectionPoint
from grid_functions.model.errors import ConfigurationFault
from grid_functions.model.function import Output, SiteInputs, Step, WakeAt
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.units import Quantity
from grid_functions.site.local import bound, drawn_w

NAME = "ramp_limit"
AHEAD_S = 10.0
"""The bound is at most what flows and so many seconds of the ramp: devices need room to rise into. Who cannot start within that does not
start: a charger's least, 1380 W on one phase, needs a ramp of 138 W/s."""

_STEP_S = 1.0


@dataclass(frozen=True, slots=True)
class RampLimitOptions:
    """W per second, more than 0; None = as fast as it likes. Falling is never slowed down."""

    import_w_per_s: float | None = None
    export_w_per_s: float | None = None

    def __post_init__(self) -> None:
        told = {"import_w_per_s": self.import_w_per_s, "export_w_per_s": self.export_w_per_s}
        wrong = {name: one for name, one in told.items() if one is not None and not 0 < one < math.inf}
        if wrong:
            raise ConfigurationFault(
                tuple(f"{NAME}.{name} is {one}: give watts per second, more than 0" for name, one in wrong.items())
            )


@dataclass(frozen=True, slots=True)
class RampLimitState:
    """The bounds as they were at monotonic ``at_s``, W; none before the first look at the meter."""

    at_s: float = -math.inf
    import_w: float = math.inf
    export_w: float = math.inf
    version: int = 1


@dataclass(frozen=True, slots=True)
class RampLimit:
    """A local voice; while the meter is dark its bounds stand still (rule 6)."""

    options: RampLimitOptions = RampLimitOptions()

    def empty(self) -> RampLimitState:
        """The state at birth."""
        return RampLimitState()

    def step(self, state: RampLimitState, inputs: SiteInputs, now: Instants) -> Step[RampLimitState]:
        """Never faster than the ramp since the last step, and never further ahead of what flows than ten seconds of it."""
        ours = self.options
        if ours.import_w_per_s is None and ours.export_w_per_s is None:
            return Step(state)
        net_w = drawn_w(inputs.snapshot, inputs.terms.meter_stale_s)
        span_s = max(0.0, now.mono_s - state.at_s)
        after = RampLimitState(
            now.mono_s,
            _onward(state.import_w, ours.import_w_per_s, span_s, net_w),
            _onward(state.export_w, ours.export_w_per_s, span_s, None if net_w is None else 0.0 - net_w),
        )
        said: list[Output] = [WakeAt(Moment(OWN, now.utc_s + _STEP_S))]
        said += _claims(Quantity.CONSUMED, after.import_w) + _claims(Quantity.PRODUCED, after.export_w)
        return Step(after, tuple(said))


def _onward(before_w: float, w_per_s: float | None, span_s: float, flows_w: float | None) -> float:
    if w_per_s is None:
        return math.inf
    if flows_w is None:
        return before_w
    ahead_w = max(0.0, flows_w) + w_per_s * AHEAD_S
    return ahead_w if math.isinf(before_w) else min(before_w + w_per_s * span_s, ahead_w)


def _claims(quantity: Quantity, limit_w: float) -> list[Claim]:
    return [] if math.isinf(limit_w) else [bound(NAME, ConnectionPoint(), quantity, limit_w)]
