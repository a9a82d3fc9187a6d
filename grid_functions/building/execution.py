"""A plan as it is carried out: what each device is told step by step, and the claim that says so."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from grid_functions.model.claim import (
    Basis,
    Bound,
    Claim,
    Devices,
    InForce,
    LeaseId,
    Shape,
    Source,
    SourceKind,
    Target,
    Want,
)
from grid_functions.model.control import Control, LoadDispatch, LoadLimit, TargetPower, Thermostat, mode_of
from grid_functions.model.event import Rank
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.units import Quantity

Command: TypeAlias = tuple[Quantity, float]
"""What a device is told."""


@dataclass(frozen=True, slots=True)
class Sold:
    """Less power was sold between two UTC seconds; ``floors``: the least that a device may be told meanwhile, for what is sold."""

    begins_utc_s: float
    ends_utc_s: float
    floors: Mapping[str, Command]


@dataclass(frozen=True, slots=True)
class Stay:
    """A car counted on at its charger from step ``first`` up to, not including, ``end``; ``before_wh``: what the charger had counted of its
    session when the plan was made.
    """

    first: int
    end: int
    before_wh: float = 0.0


@dataclass(frozen=True, slots=True)
class Executing:
    """A plan by device and step: what it is told. ``agreed``: with which area; empty = the home's own plan. ``stays`` of cars by
    charger, in order.
    """

    start_utc_s: float
    step_s: float
    told: Mapping[str, tuple[Command, ...]]
    agreed: str = ""
    sold: Sold | None = None
    stays: Mapping[str, tuple[Stay, ...]] = field(default_factory=dict)

    def at(self, utc_s: float) -> dict[str, Command]:
        """What holds now; nothing outside the plan."""
        k = self.step_at(utc_s)
        return {device: ones[k] for device, ones in self.told.items() if 0 <= k < len(ones)}

    def step_at(self, utc_s: float) -> int:
        """The number of the step, below 0 before the plan."""
        return int((utc_s - self.start_utc_s) // self.step_s)

    @property
    def sold_until_utc_s(self) -> float:
        """When the last interval that was sold is over; never, where nothing was."""
        return -math.inf if self.sold is None else self.sold.ends_utc_s

    @property
    def end_utc_s(self) -> float:
        """When the last step is over."""
        return self.start_utc_s + self.step_s * max((len(ones) for ones in self.told.values()), default=0)


def lease_of(function: str, plan: Executing, in_force: Iterable[InForce]) -> InForce | None:
    """The lease that says a plan is to be carried out: of the area it was agreed with; of any, where it was kept before that was known."""
    for held in in_force:
        lease = held.cause
        of_function = (
            isinstance(lease, LeaseId) and lease.function == function and plan.agreed in (lease.area, function)
        )
        if of_function and isinstance(held.control, LoadDispatch):
            return held
    return None


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
