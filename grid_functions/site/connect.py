"""Connect and energize: any off holds, on only withdraws our off (rule 5)."""

from dataclasses import dataclass
from typing import ClassVar

from grid_functions.model.claim import Claim, Devices, Switch
from grid_functions.model.control import Connect, Energize, mode_of
from grid_functions.model.function import SiteInputs, Step
from grid_functions.model.instants import Instants
from grid_functions.model.units import Quantity
from grid_functions.rating import SWITCHED
from grid_functions.site.reach import devices_of

NAME = "connect"


@dataclass(frozen=True, slots=True)
class ConnectOptions:
    """Nothing to choose."""


@dataclass(frozen=True, slots=True)
class ConnectState:
    """Nothing to remember."""

    version: int = 1


@dataclass(frozen=True, slots=True)
class ConnectDevices:
    """Switches DERs and chargers, never loads. A test yields no claim (rule 10)."""

    acts_on: ClassVar[frozenset[type]] = frozenset({Connect, Energize})
    options: ConnectOptions = ConnectOptions()

    def empty(self) -> ConnectState:
        """The state at birth."""
        return ConnectState()

    def step(self, state: ConnectState, inputs: SiteInputs, now: Instants) -> Step[ConnectState]:
        """One switch per control in force that reaches a device."""
        claims: list[Claim] = []
        for held in inputs.in_force:
            if held.test or not isinstance(held.control, Connect | Energize):
                continue
            names = devices_of(held, inputs.terms, SWITCHED)
            if names:
                switch = Switch(held.control.on)
                mode = mode_of(held.control)
                claims.append(
                    Claim(Devices(names), Quantity.CONNECT, switch, switch, mode, held, valid_until=held.until)
                )
        return Step(state, tuple(claims))
