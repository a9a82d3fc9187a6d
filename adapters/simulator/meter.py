"""The meter at the connection point: models 1 and one of 201 to 204 or 211 to 214. Pure.

Truth is positive = import; the registers follow the plan.
"""

from dataclasses import dataclass, replace

from adapters.simulator.plan import MeterPlan
from adapters.simulator.power import counts, scale_for
from adapters.simulator.quirks import Quirks
from adapters.simulator.registers import Image, PointKey, Value, identity, layout
from adapters.simulator.stage import Grid

VOLTS = 230.0
NOMINAL = Grid()


@dataclass(frozen=True, slots=True)
class Meter:
    """State of the meter: what it has counted."""

    plan: MeterPlan
    quirks: Quirks
    import_ws: float = 0.0
    export_ws: float = 0.0

    @property
    def image(self) -> Image:
        """The registers of this device."""
        return layout((1, self.plan.model))

    @property
    def sampled(self) -> tuple[PointKey, ...]:
        """The points worth a row each second."""
        return ((self.plan.model, "W"),)

    def counted(self, net_ws: float) -> "Meter":
        """The state after that much net energy (positive = import)."""
        if net_ws >= 0:
            return replace(self, import_ws=self.import_ws + net_ws)
        return replace(self, export_ws=self.export_ws - net_ws)

    def values(
        self, phases_w: tuple[float, float, float], var: float = 0.0, grid: Grid = NOMINAL
    ) -> dict[PointKey, Value]:
        """What the registers read when these powers flow (positive = import). Beyond full scale the meter saturates.

        The total is the sum of the phases also after rounding.
        """
        sign = -1 if (self.plan.positive == "export") != self.quirks.meter_sign else 1
        legs = [sign * w for w in _legs(self.plan.model, phases_w)]
        imported, exported = self.import_ws, self.export_ws
        if self.quirks.meter_sign:
            imported, exported = exported, imported
        energy = {"TotWhExp": exported / 3600, "TotWhImp": imported / 3600}
        shown = (
            self._exact(legs, -sign * var, grid) | energy
            if self.plan.model > 210
            else self._counted(legs, -sign * var, grid)
        )
        if self.plan.model < 210:
            shown |= {name: int(value) % 2**32 for name, value in energy.items()}
        serial = identity(self.plan.maker, f"Meter {self.plan.model}", self.plan.serial, self.plan.unit)
        return serial | {(self.plan.model, name): value for name, value in {**shown, "Evt": 0}.items()}

    def _exact(self, legs: list[float], var: float, grid: Grid) -> dict[str, float]:
        """The float models: nothing is rounded, nothing saturates."""
        named = {
            "A": sum(legs) / VOLTS,
            "W": sum(legs),
            "VA": sum(map(abs, legs)),
            "VAR": var,
            "PF": 100.0,
            "Hz": grid.hz,
        }
        named |= self._volts(grid, "PPVph")
        for phase, watts in zip("ABC", legs, strict=False):
            named[f"Aph{phase}"] = watts / VOLTS
            if self.plan.model != 214:
                named |= {f"Wph{phase}": watts, f"VAph{phase}": abs(watts), f"VARph{phase}": 0.0, f"PFph{phase}": 100.0}
        return named

    def _counted(self, legs: list[float], var: float, grid: Grid) -> dict[str, int]:
        """The integer models, saturated; the phases add up to the total also after rounding."""
        w_sf, a_sf = scale_for(self.plan.full_scale_w, 32000), scale_for(self.plan.full_scale_w / VOLTS, 32000, -2)
        rounded = [counts(w, w_sf) for w in legs[:-1]]
        watts = [_clamped(w) for w in (*rounded, counts(sum(legs), w_sf) - sum(rounded))]
        amps = [_clamped(counts(w / VOLTS, a_sf)) for w in legs]
        named = {"A": _clamped(sum(amps)), "W": _clamped(sum(watts)), "VA": _clamped(sum(map(abs, watts)))}
        named |= {"VAR": _clamped(counts(var, w_sf)), "PF": 100, "Hz": counts(grid.hz, -2)}
        named |= {"A_SF": a_sf, "V_SF": -1, "Hz_SF": -2, "W_SF": w_sf, "VA_SF": w_sf, "VAR_SF": w_sf, "PF_SF": 0}
        named |= {"TotWh_SF": 0} | {name: counts(volts, -1) for name, volts in self._volts(grid, "PhVph").items()}
        for phase, watt, amp in zip("ABC", watts, amps, strict=False):
            named[f"Aph{phase}"] = amp
            if self.plan.model != 204:
                named |= {f"Wph{phase}": watt, f"VAph{phase}": abs(watt), f"VARph{phase}": 0, f"PFph{phase}": 100}
        return named

    def _volts(self, grid: Grid, between: str) -> dict[str, float]:
        """By the kind of the service: to neutral, and between phases (`between` is how the model names those)."""
        kind, volts = self.plan.model % 10, grid.volts
        phases = {1: "A", 2: "AB", 3: "ABC", 4: ""}[kind]
        named = {f"PhVph{phase}": volts for phase in phases} | ({"PhV": volts} if phases else {})
        pairs = {1: (), 2: ("AB",), 3: ("AB", "BC", "CA"), 4: ("AB", "BC", "CA")}[kind]
        apart = volts * (2 if kind == 2 else 3**0.5)
        return named | {f"{between}{pair}": apart for pair in pairs} | ({"PPV": apart} if pairs else {})


def _legs(model: int, phases_w: tuple[float, float, float]) -> list[float]:
    """Interpretation: with one phase everything is on it; in split phase B and C share the second leg."""
    a, b, c = phases_w
    return {1: [a + b + c], 2: [a, b + c]}.get(model % 10, [a, b, c])


def _clamped(count: int) -> int:
    return max(-32767, min(32767, count))
