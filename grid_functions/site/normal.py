"""What a respondent's devices would draw by themselves: the base of relative signals."""

from grid_functions.baseline import normal_of
from grid_functions.flow import flow
from grid_functions.model.claim import Devices, InForce
from grid_functions.model.function import SiteInputs
from grid_functions.model.instants import Instants
from grid_functions.model.policy import BaselineKind
from grid_functions.model.units import Quantity
from grid_functions.site.onset import Onsets


def present_w(names: frozenset[str], inputs: SiteInputs, now: Instants) -> float | None:
    """What they draw together now, W, positive = consume; None when a part is unknown."""
    return flow(Devices(names), Quantity.NET, None, inputs.snapshot, inputs.terms, now)


def normal_w(names: frozenset[str], held: InForce, onsets: Onsets, inputs: SiteInputs) -> float | None:
    """The site's choice, W: the like-hours mean, or the power when the control began, which also stands in while no like hour is known.

    The power at the beginning and not the present one: a change relative to what it has itself brought about would run away.
    """
    like_w = normal_of(inputs.normal_w, Devices(names))
    if inputs.terms.baseline.kind is BaselineKind.LIKE_HOURS and like_w is not None:
        return like_w
    return onsets.of(held)
