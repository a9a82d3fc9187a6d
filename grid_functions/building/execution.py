"""A plan as it is carried out: what each device is told step by step, and the claim that says so."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from grid_functions.model.claim import (
    Basis,
    Bound,
    Claim,
    Devices,
    InForce,
    Shape,
    Source,
    SourceKind,
    Target,
    Want,
)
from grid_functions.model.control import Control, LoadLimit, TargetPower, Thermostat, mode_of
from grid_functions.model.event import Rank
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.units import Quantity


@dataclass(frozen=True, slots=True)
class Executing:
    """A plan by device and step: what it is told. ``agreed``: with which area's function; empty = the home's own plan."""

    start_utc_s: float
    step_s: float
    told: Mapping[str, tuple[tuple[Quantity, float], ...]]
    agreed: str = ""

    def at(self, utc_s: float) -> dict[str, tuple[Quantity, float]]:
        """What holds now; nothing outside the plan."""
        k = int((utc_s - self.start_utc_s) // self.step_s)
        return {device: ones[k] for device, ones in self.told.items() if 0 <= k < len(ones)}

    @property
    def end_utc_s(self) -> float:
        """When the last step is over."""
        return self.start_utc_s + self.step_s * max((len(ones) for ones in self.told.values()), default=0)


def claim_of(
    device: str, quantity: Quantity, value: float, lease: InForce | None, source: str, now: Instants, step_s: float
) -> Claim:
    """What a device is told, in the name of the lease it was agreed under, else of the optimiser ``source``."""
    control: Control
    want: Want = Target(value)
    match quantity:
        case Quantity.TEMPERATURE:
            control = Thermostat(value, offset=False)
            want = Shape(control)
        case Quantity.CONSUMED:
            control, want = LoadLimit(max(0.0, value)), Bound(max(0.0, value))
        case _:
            control = TargetPower(value)
    since = now.utc_s // step_s * step_s
    own = InForce(
        control,
        Source(SourceKind.OPTIMISER, source),
        Rank(0.0),
        Basis.CONFIGURED,
        Moment(OWN, since),
        Moment(OWN, since + step_s),
        since,
    )
    cause = (
        own
        if lease is None
        else replace(own, source=lease.source, rank=lease.rank, basis=lease.basis, cause=lease.cause)
    )
    return Claim(Devices(frozenset({device})), quantity, want, want, mode_of(control), cause, valid_until=cause.until)
