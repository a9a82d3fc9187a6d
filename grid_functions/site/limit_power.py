"""Limits of active power: export and import at the connection, generation, load and max power of a respondent's devices."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from grid_functions.alarm import Alarm, message_of
from grid_functions.model.claim import Bound, Claim, ConnectionPoint, Devices, InForce, Scope
from grid_functions.model.control import ExportLimit, GenerationLimit, ImportLimit, LoadLimit, MaxPower, mode_of
from grid_functions.model.errors import ConfigurationFault
from grid_functions.model.function import SiteInputs, Step
from grid_functions.model.instants import Instants
from grid_functions.model.policy import SiteTerms
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity
from grid_functions.rating import most_w, percent_base_w, roles_of
from grid_functions.site.reach import devices_of, who

NAME = "limit_power"


@dataclass(frozen=True, slots=True)
class LimitPowerOptions:
    """``absurd_factor``: a limit beyond this many times what connection or devices can do is none of that source, 1 to 1000."""

    absurd_factor: float = 10.0

    def __post_init__(self) -> None:
        if not 1 <= self.absurd_factor <= 1000:
            raise ConfigurationFault((f"limit_power.absurd_factor is {self.absurd_factor}: choose 1 to 1000",))


@dataclass(frozen=True, slots=True)
class LimitPowerState:
    """Nothing to remember."""

    version: int = 1


@dataclass(frozen=True, slots=True)
class LimitPower:
    """The site function of the five limits. Yields one bound per limit in force; a test yields none (rule 10)."""

    acts_on: ClassVar[frozenset[type]] = frozenset({ExportLimit, ImportLimit, GenerationLimit, LoadLimit, MaxPower})
    options: LimitPowerOptions = LimitPowerOptions()

    def empty(self) -> LimitPowerState:
        """The state at birth."""
        return LimitPowerState()

    def step(self, state: LimitPowerState, inputs: SiteInputs, now: Instants) -> Step[LimitPowerState]:
        """Claims for what is in force, alarms for limits that cannot be meant."""
        claims, alarms = claims_of(inputs.in_force, inputs.terms, inputs.snapshot, self.options)
        return Step(state, claims + tuple(message_of(alarm, inputs.terms.name) for alarm in alarms))


def claims_of(
    in_force: Iterable[InForce], terms: SiteTerms, snapshot: Snapshot, options: LimitPowerOptions | None = None
) -> tuple[tuple[Claim, ...], tuple[Alarm, ...]]:
    """The bounds that the limits among ``in_force`` ask for, and what is odd about them."""
    factor = (options or LimitPowerOptions()).absurd_factor
    claims: list[Claim] = []
    alarms: list[Alarm] = []
    for held in in_force:
        asked = None if held.test else _asked(held, terms, snapshot)
        if asked is None:
            continue
        if isinstance(asked.scope, Devices) and not asked.scope.names:
            alarms.append(Alarm(NAME, who(held), f"{mode_of(held.control).value} reaches no device of this site"))
            continue
        if asked.limit_w < 0 or math.isnan(asked.limit_w):
            alarms.append(
                Alarm(NAME, who(held), f"{mode_of(held.control).value} of {asked.limit_w:g} W is taken as 0 W")
            )
        elif asked.limit_w == math.inf or asked.limit_w > factor * asked.reference_w:
            text = (
                f"{mode_of(held.control).value} of {asked.limit_w:g} W is no limit: far beyond {asked.reference_w:g} W"
            )
            alarms.append(Alarm(NAME, who(held), text))
            continue
        limit_w = asked.limit_w if asked.limit_w > 0 else 0.0
        bound = Bound(limit_w)
        claims.append(
            Claim(asked.scope, asked.quantity, bound, bound, mode_of(held.control), held, valid_until=held.until)
        )
    return tuple(claims), tuple(alarms)


@dataclass(frozen=True, slots=True)
class _Asked:
    scope: Scope
    quantity: Quantity
    limit_w: float
    reference_w: float


def _asked(held: InForce, terms: SiteTerms, snapshot: Snapshot) -> _Asked | None:
    match held.control:
        case ExportLimit(limit_w=limit_w):
            return _at_connection(Quantity.PRODUCED, limit_w, terms.connection.export_limit_w, terms, snapshot)
        case ImportLimit(limit_w=limit_w):
            return _at_connection(Quantity.CONSUMED, limit_w, terms.connection.import_limit_w, terms, snapshot)
        case GenerationLimit(limit_w=limit_w):
            return _on_devices(held, Quantity.PRODUCED, limit_w, terms, snapshot)
        case LoadLimit(limit_w=limit_w):
            return _on_devices(held, Quantity.CONSUMED, limit_w, terms, snapshot)
        case MaxPower(limit_pct=limit_pct):
            names = devices_of(held, terms, roles_of(Quantity.PRODUCED))
            base_w = sum(percent_base_w(snapshot.devices[name]) for name in sorted(names) if name in snapshot.devices)
            # 0 times infinity is no number: an infinite percent stays no limit, whatever its base
            limit_w = limit_pct if math.isinf(limit_pct) else limit_pct / 100.0 * base_w
            return _Asked(Devices(names), Quantity.PRODUCED, limit_w, base_w)
        case _:
            return None


def _at_connection(
    quantity: Quantity, limit_w: float, rated_w: float | None, terms: SiteTerms, snapshot: Snapshot
) -> _Asked:
    names = (name for name, device in terms.devices.items() if device.role in roles_of(quantity))
    total_w = _total_w(names, quantity, snapshot)
    # consumption has no total: the house itself is unknown, so only the rating says what is absurd
    reference_w = rated_w if rated_w is not None else (total_w if quantity is Quantity.PRODUCED else math.inf)
    return _Asked(
        ConnectionPoint(), quantity, limit_w, max(reference_w, total_w) if total_w < math.inf else reference_w
    )


def _on_devices(held: InForce, quantity: Quantity, limit_w: float, terms: SiteTerms, snapshot: Snapshot) -> _Asked:
    names = devices_of(held, terms, roles_of(quantity))
    return _Asked(Devices(names), quantity, limit_w, _total_w(names, quantity, snapshot))


def _total_w(names: Iterable[str], quantity: Quantity, snapshot: Snapshot) -> float:
    return sum(
        most_w(snapshot.devices[name], quantity) if name in snapshot.devices else math.inf for name in sorted(names)
    )
