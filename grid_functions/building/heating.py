"""Space heating of several zones: a network of heat capacities and conductances, and its exact step.

    C_z dT_z/dt = e_z u_z + q_z + G_z (T_out - T_z) + sum_j K_zj (T_j - T_z)

With heat, gains and weather constant over a step the next temperatures are exact (zero-order hold), whatever the step's length.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from grid_functions.building.part import KILO, Balance, Horizon, Series, slack
from grid_functions.building.program import Draft, Vector


@dataclass(frozen=True, slots=True)
class Zone:
    """``capacity_wh_per_k`` > 0, ``loss_w_per_k`` >= 0 to outdoors, ``heater_w`` electric at most, ``efficiency`` heat per electricity."""

    capacity_wh_per_k: float
    loss_w_per_k: float
    heater_w: float
    efficiency: float = 1.0


@dataclass(frozen=True, slots=True)
class Heating:
    """Zones and the conductances between them, (zone, zone, W/K)."""

    zones: tuple[Zone, ...]
    couplings: tuple[tuple[int, int, float], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Dynamics:
    """One step: ``T' = keep @ T + heat @ u_w + outdoor * T_out + gain @ q_w``; kelvin per watt where it multiplies watts."""

    keep: Vector
    heat: Vector
    outdoor: Vector
    gain: Vector

    def advance(self, temperatures_c: Vector, heat_w: Vector, outdoor_c: float, gain_w: Vector) -> Vector:
        """Temperatures at the step's end, degrees Celsius."""
        return self.keep @ temperatures_c + self.heat @ heat_w + self.outdoor * outdoor_c + self.gain @ gain_w


def dynamics(heating: Heating, step_s: float) -> Dynamics:
    """The exact step of the network, by its symmetric eigenvalues: stable for any step > 0 and any stiffness."""
    count = len(heating.zones)
    capacity_j = np.array([zone.capacity_wh_per_k * 3600.0 for zone in heating.zones])
    loss = np.array([zone.loss_w_per_k for zone in heating.zones])
    network = np.diag(loss)
    for first, second, conductance in heating.couplings:
        network[first, first] += conductance
        network[second, second] += conductance
        network[first, second] -= conductance
        network[second, first] -= conductance
    root = np.sqrt(capacity_j)
    rates, modes = np.linalg.eigh(network / np.outer(root, root))
    decay = np.exp(-rates * step_s)
    # The integral of the decay; of a mode that loses nothing it is the step itself.
    grown = np.where(rates * step_s > 1e-12, -np.expm1(-rates * step_s) / np.maximum(rates, 1e-300), step_s)
    keep = (modes * decay) @ modes.T * np.outer(1.0 / root, root)
    gain = (modes * grown) @ modes.T / np.outer(root, root)
    efficiency = np.diag([zone.efficiency for zone in heating.zones])
    return Dynamics(keep.reshape(count, count), gain @ efficiency, gain @ loss, gain)


@dataclass(frozen=True, slots=True)
class Comfort:
    """What a kelvin-hour is worth, currency: under the setpoint by up to ``free_k``, beyond that, and over it; ``near`` <= ``far``."""

    near: float = 0.02
    far: float = 1.0
    over: float = 0.005
    free_k: float = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class HeatingPlan:
    """The part: ``wanted_c`` (steps, zones) at the end of each step; ``weather``: ``outdoor_c`` (steps) and ``gain_w`` (steps, zones).

    ``final_c``: temperatures that should be there again at the end, at ``final_price`` per kelvin short of them.
    """

    name: str
    step: Dynamics
    heater_w: Vector
    now_c: Vector
    wanted_c: Vector
    outdoor_c: Vector
    gain_w: Vector
    comfort: Comfort = Comfort()
    final_c: Vector | None = None
    final_price: float = 5.0
    names: tuple[str, ...] = field(default=())

    def lay(self, draft: Draft, horizon: Horizon, balance: Balance) -> Mapping[str, Series]:
        """Per zone: heat, temperature, and how far it is under and over its setpoint."""
        steps, zones = horizon.steps, len(self.heater_w)
        laid: dict[str, Series] = {}
        heats, temperatures = [], []
        for zone in range(zones):
            heats.append(draft.block(steps, 0.0, self.heater_w[zone] / KILO))
            temperatures.append(self._temperature(draft, horizon, zone))
            balance.add(heats[zone], 1.0)
            label = self.names[zone] if self.names else str(zone)
            laid[f"{label}.heat_w"] = Series.column(heats[zone], KILO)
            laid[f"{label}.temperature_c"] = temperatures[zone]
        # What is known of each step: weather and gains, and what is wanted, from which temperatures are counted.
        known = self.gain_w @ self.step.gain.T + np.outer(self.outdoor_c, self.step.outdoor) - self.wanted_c
        known += np.vstack((self.now_c, self.wanted_c[:-1])) @ self.step.keep.T
        for k in range(steps):
            for zone in range(zones):
                terms = temperatures[zone].terms(k)
                terms += [(heats[j][k], -KILO * self.step.heat[zone, j]) for j in range(zones)]
                if k > 0:
                    terms += [
                        one for j in range(zones) for one in temperatures[j].terms(k - 1, -self.step.keep[zone, j])
                    ]
                draft.equal(terms, float(known[k, zone]))
        if self.final_c is not None:
            for zone, final_c in enumerate(self.final_c.tolist()):
                short = draft.block(1, cost=self.final_price)[0]
                missing = final_c - float(self.wanted_c[-1, zone])
                draft.row([*temperatures[zone].terms(steps - 1), (short, 1.0)], missing, np.inf)
        return laid

    def _temperature(self, draft: Draft, horizon: Horizon, zone: int) -> Series:
        """What is wanted, plus what is over it, less what is under it."""
        steps, hours = horizon.steps, horizon.step_h
        prices = (self.comfort.near * hours, self.comfort.far * hours)
        under = slack(draft, (self.comfort.free_k,), prices, steps)
        over = draft.block(steps, cost=self.comfort.over * hours)
        return Series(self.wanted_c[:, zone], (over,), under)
