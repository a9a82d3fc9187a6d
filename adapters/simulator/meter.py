"""The meter at the connection point: models 1 and 201 or 203. Pure.

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
        w_sf, a_sf = scale_for(self.plan.full_scale_w, 32000), scale_for(self.plan.full_scale_w / VOLTS, 32000, -2)
        legs = phases_w if self.plan.model == 203 else (sum(phases_w),)
        rounded = [counts(sign * w, w_sf) for w in legs[:-1]]
        watts = [_clamped(w) for w in (*rounded, counts(sign * sum(legs), w_sf) - sum(rounded))]
        amps = [_clamped(counts(sign * w / VOLTS, a_sf)) for w in legs]
        imported, exported = self.import_ws, self.export_ws
        if self.quirks.meter_sign:
            imported, exported = exported, imported
        named = {
            "A": _clamped(sum(amps)),
            "W": _clamped(sum(watts)),
            "VA": _clamped(sum(map(abs, watts))),
            "VAR": _clamped(counts(-sign * var, w_sf)),
            "PF": 100,
            "PhV": counts(grid.volts, -1),
            "Hz": counts(grid.hz, -2),
            "TotWhExp": int(exported / 3600) % 2**32,
            "TotWhImp": int(imported / 3600) % 2**32,
            "Evt": 0,
            "A_SF": a_sf,
            "V_SF": -1,
            "Hz_SF": -2,
            "W_SF": w_sf,
            "VA_SF": w_sf,
            "VAR_SF": w_sf,
            "PF_SF": 0,
            "TotWh_SF": 0,
        }
        for phase, watt, amp in zip("ABC", watts, amps, strict=False):
            named |= {f"Aph{phase}": amp, f"PhVph{phase}": counts(grid.volts, -1), f"Wph{phase}": watt}
            named |= {f"VAph{phase}": abs(watt), f"VARph{phase}": 0, f"PFph{phase}": 100}
        if len(legs) == 3:
            named |= {name: counts(grid.volts * 3**0.5, -1) for name in ("PPV", "PhVphAB", "PhVphBC", "PhVphCA")}
        serial = identity(self.plan.maker, f"Meter {self.plan.model}", self.plan.serial, self.plan.unit)
        return serial | {(self.plan.model, name): value for name, value in named.items()}


def _clamped(count: int) -> int:
    return max(-32767, min(32767, count))
