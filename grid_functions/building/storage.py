"""Batteries, at home and on wheels: one store of energy with losses in, out and over time.

E' = keep * E + (eta_in * c - d / eta_out) * dt
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from grid_functions.building.part import KILO, Balance, Horizon, Series, softly_above
from grid_functions.building.program import Draft, Vector


@dataclass(frozen=True, slots=True)
class Store:
    """``capacity_wh`` > 0; ``charge_w``, ``discharge_w`` >= 0 at its terminals (V1G: discharge 0); efficiencies 0..1.

    ``loss_pct_per_h``: of what is stored. ``wear_price``: currency per kWh through the terminals, > 0: it also keeps a plan from charging
    and discharging at once.
    """

    capacity_wh: float
    charge_w: float
    discharge_w: float
    efficiency_in: float = 0.96
    efficiency_out: float = 0.96
    loss_pct_per_h: float = 0.0
    wear_price: float = 0.002

    def keep(self, step_s: float) -> float:
        """Share of the stored energy that is left after a step."""
        return float((1.0 - self.loss_pct_per_h / 100.0) ** (step_s / 3600.0))

    def advance(self, energy_wh: float, charge_w: float, discharge_w: float, step_s: float) -> float:
        """Stored energy at the step's end, Wh; not clamped: a plan that leaves the store's bounds is seen to."""
        hours = step_s / 3600.0
        moved = self.efficiency_in * charge_w - discharge_w / self.efficiency_out
        return self.keep(step_s) * energy_wh + moved * hours


@dataclass(frozen=True, slots=True)
class Wanted:
    """At least ``energy_wh`` at the end of step ``step``, at ``price`` per kWh short of it."""

    step: int
    energy_wh: float
    price: float = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class StoragePlan:
    """The part. ``there`` (0 or 1 by step): whether it is plugged in; ``driven_wh`` by step leaves it on the road.

    ``least_wh`` is soft (``short_price`` per kWh and hour), so that a store found empty has a plan too.
    """

    name: str
    store: Store
    now_wh: float
    there: Vector
    driven_wh: Vector
    wanted: tuple[Wanted, ...] = ()
    least_wh: float = 0.0
    short_price: float = 3.0

    def lay(self, draft: Draft, horizon: Horizon, balance: Balance) -> Mapping[str, Series]:
        """Charge, discharge, stored energy."""
        steps, hours, store = horizon.steps, horizon.step_h, self.store
        wear = store.wear_price * hours
        charge = draft.block(steps, 0.0, self.there * store.charge_w / KILO, wear)
        least, most = self.least_wh / KILO, max(store.capacity_wh, self.now_wh) / KILO
        if least > 0.0:
            energy, _ = softly_above(draft, steps, least, (0.0, most), self.short_price * hours)
        else:
            energy = Series.column(draft.block(steps, 0.0, most))
        balance.add(charge, 1.0)
        given = Series(np.zeros(steps), (), unit=KILO)
        if store.discharge_w > 0.0:
            discharge = draft.block(steps, 0.0, self.there * store.discharge_w / KILO, wear)
            balance.add(discharge, -1.0)
            given = Series.column(discharge, KILO)
        keep = store.keep(horizon.step_s)
        for k in range(steps):
            terms = [*energy.terms(k), (charge[k], -store.efficiency_in * hours)]
            terms += given.terms(k, hours / store.efficiency_out)
            known = -float(self.driven_wh[k]) / KILO - energy.base[k]
            if self.driven_wh[k] > 0.0:
                # The road may take more than there is: what is missing is charged on the way, dearly.
                roadside = draft.block(1, 0.0, self.driven_wh[k] / KILO, self.short_price)[0]
                terms.append((roadside, -1.0))
            if k == 0:
                known += keep * self.now_wh / KILO
            else:
                terms += energy.terms(k - 1, -keep)
                known += keep * energy.base[k - 1]
            draft.equal(terms, float(known))
        for one in self.wanted:
            missing = draft.block(1, cost=one.price)[0]
            wanted = one.energy_wh / KILO - float(energy.base[one.step])
            draft.row([*energy.terms(one.step), (missing, 1.0)], wanted, np.inf)
        return {
            "charge_w": Series.column(charge, KILO),
            "discharge_w": given,
            "energy_wh": replace(energy, unit=KILO),
        }
