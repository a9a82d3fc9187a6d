"""A PV inverter of the older SunSpec models: 1, 101 or 103, 120 to 123. Pure.

The power limit follows model 123: Ena, WMaxLimPct, a random start within WinTms, a ramp of RmpTms, and a revert timer
that ends the limit. Interpretation: every accepted write to a limit point while Ena is 1 restarts the revert timer; at
its end Ena reads 0 and WMaxLimPct 100 %. Reactive functions are not implemented and read so.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from adapters.simulator.plan import InverterPlan
from adapters.simulator.power import chance, counts, energy_ws, moved_ceiling, scale_for
from adapters.simulator.quirks import Quirks
from adapters.simulator.registers import Image, PointKey, Refusal, Value, identity, layout, refusal
from adapters.simulator.stage import Grid

VOLTS = 230.0
NOMINAL = Grid()


@dataclass(frozen=True, slots=True)
class Legacy:
    """State of one inverter: registers held, what acts now, when something is due, the power stage."""

    plan: InverterPlan
    seed: int
    quirks: Quirks
    held: Mapping[PointKey, int]
    ceiling_w: float
    rate_w_per_s: float
    limit_pct: float = 100.0
    connected: bool = True
    limit_due_s: float | None = None
    conn_due_s: float | None = None
    limit_revert_s: float | None = None
    conn_revert_s: float | None = None
    energy_ws: float = 0.0

    @property
    def image(self) -> Image:
        """The registers of this device; model 1 comes without its Pad (L = 65)."""
        return layout((1, _ac_model(self.plan), 120, 121, 122, 123), unpadded=True)

    @property
    def goal_w(self) -> float:
        """Where the ceiling is heading."""
        if self.quirks.ignores:
            return self._w_max
        return self._w_max * self.limit_pct / 100 if self.connected else 0.0

    @property
    def sampled(self) -> tuple[PointKey, ...]:
        """The points worth a row each second."""
        return ((_ac_model(self.plan), "W"), (123, "WMaxLimPct"), (123, "WMaxLim_Ena"), (123, "Conn"))

    def produced_w(self, available_w: float, grid: Grid = NOMINAL) -> float:
        """AC output at this instant."""
        return min(available_w, self.ceiling_w)

    def produced_var(self, available_w: float, grid: Grid = NOMINAL) -> float:
        """Reactive power at this instant: none."""
        return 0.0

    def next_cut(self, from_s: float, grid: Grid = NOMINAL) -> float:
        """The next instant at which something changes by itself."""
        due = [self.limit_due_s, self.conn_due_s]
        if not self.quirks.revert_off:
            due += [self.limit_revert_s, self.conn_revert_s]
        return min((t for t in due if t is not None), default=math.inf)

    def stepped(self, from_s: float, to_s: float, available_w: float, grid: Grid = NOMINAL) -> "Legacy":
        """The state at `to_s`, which lies no further than `next_cut`; `available_w` holds in between."""
        made = energy_ws(self.ceiling_w, self.goal_w, self.rate_w_per_s, to_s - from_s, available_w)
        ceiling = moved_ceiling(self.ceiling_w, self.goal_w, self.rate_w_per_s, to_s - from_s)
        state = replace(self, ceiling_w=ceiling, energy_ws=self.energy_ws + made)
        if self.quirks.revert_off:
            return state._frozen(to_s - from_s)._due(to_s)
        return state._reverted(to_s)._due(to_s)

    def written(
        self, points: Mapping[PointKey, int], now_s: float, available_w: float = 0.0, grid: Grid = NOMINAL
    ) -> "Legacy | Refusal":
        """The state after a write, or why it is refused; nothing of a refused write is kept."""
        if self.quirks.local:
            return Refusal.FAILURE
        if (why := refusal(points, _ranges(self.plan))) is not None:
            return why
        state = replace(self, held={**self.held, **points})
        if any(key == (123, "WMaxLim_Ena") or key[1].startswith("WMaxLimPct") for key in points):
            seconds = state.held[123, "WMaxLimPct_RvrtTms"] if state.held[123, "WMaxLim_Ena"] else 0
            state = replace(
                state,
                limit_due_s=now_s + state._wait(123, "WMaxLimPct_WinTms", now_s),
                limit_revert_s=now_s + seconds if seconds else None,
            )
        if any(key[1].startswith("Conn") for key in points):
            seconds = 0 if state.held[123, "Conn"] else state.held[123, "Conn_RvrtTms"]
            state = replace(
                state,
                conn_due_s=now_s + state._wait(123, "Conn_WinTms", now_s),
                conn_revert_s=now_s + seconds if seconds else None,
            )
        if (121, "WGra") in points:
            state = replace(state, rate_w_per_s=state._own_rate)
        return state._due(now_s)

    def values(self, now_s: float, available_w: float, grid: Grid = NOMINAL) -> dict[PointKey, Value]:
        """What the registers read at this instant."""
        return {
            **identity(self.plan.maker, f"Legacy {self.plan.rated_w}", self.plan.serial, self.plan.unit),
            **self._measured(available_w, grid),
            **_nameplate(self.plan),
            **self._status(available_w),
            **self.held,
        }

    @property
    def _w_max(self) -> float:
        return self.held[121, "WMax"] * 10.0 ** self.held[121, "WMax_SF"]

    @property
    def _own_rate(self) -> float:
        return self._w_max * self.held[121, "WGra"] / 100 / 100

    def _wait(self, model: int, point: str, now_s: float) -> float:
        window = self.held[model, point]
        return window * chance(self.seed, self.plan.name, point, now_s) if window else 0.0

    def _due(self, now_s: float) -> "Legacy":
        state = self
        if state.limit_due_s is not None and state.limit_due_s <= now_s:
            on = state.held[123, "WMaxLim_Ena"] == 1
            pct = state.held[123, "WMaxLimPct"] * 10.0 ** state.held[123, "WMaxLimPct_SF"] if on else 100.0
            state = replace(state, limit_pct=pct, limit_due_s=None)
            ramp_s, gap = state.held[123, "WMaxLimPct_RmpTms"], abs(state.goal_w - state.ceiling_w)
            state = replace(state, rate_w_per_s=gap / ramp_s if ramp_s and gap else state._own_rate)
        if state.conn_due_s is not None and state.conn_due_s <= now_s:
            connected = state.held[123, "Conn"] == 1
            ceiling = state.ceiling_w if connected or self.quirks.ignores else 0.0
            state = replace(
                state, connected=connected, conn_due_s=None, ceiling_w=ceiling, rate_w_per_s=state._own_rate
            )
        return state

    def _reverted(self, now_s: float) -> "Legacy":
        state = self
        if state.limit_revert_s is not None and state.limit_revert_s <= now_s:
            off = {(123, "WMaxLim_Ena"): 0, (123, "WMaxLimPct"): counts(100, self.plan.limit_sf)}
            state = replace(state, held={**state.held, **off}, limit_revert_s=None, limit_due_s=now_s)
        if state.conn_revert_s is not None and state.conn_revert_s <= now_s:
            state = replace(state, held={**state.held, (123, "Conn"): 1}, conn_revert_s=None, conn_due_s=now_s)
        return state

    def _frozen(self, dt_s: float) -> "Legacy":
        """Timers that stand still: their ends move on with the clock."""
        limit, conn = self.limit_revert_s, self.conn_revert_s
        return replace(
            self,
            limit_revert_s=None if limit is None else limit + dt_s,
            conn_revert_s=None if conn is None else conn + dt_s,
        )

    def _measured(self, available_w: float, grid: Grid) -> dict[PointKey, Value]:
        rated, watts = self.plan.rated_w, self.produced_w(available_w)
        w_sf, a_sf = scale_for(rated, 32767), scale_for(rated / VOLTS, 32767, -2)
        per_phase = counts(watts / self.plan.phases / VOLTS, a_sf)
        named = {
            "A": per_phase * self.plan.phases,
            "A_SF": a_sf,
            "V_SF": -1,
            "W": counts(watts, w_sf),
            "W_SF": w_sf,
            "Hz": counts(grid.hz, -2),
            "Hz_SF": -2,
            "VA": counts(watts, w_sf),
            "VA_SF": w_sf,
            "VAr": 0,
            "VAr_SF": 0,
            "PF": 10000,
            "PF_SF": -2,
            "WH": int(self.energy_ws / 3600) % 2**32,
            "WH_SF": 0,
            "DCW": counts(watts / 0.97, w_sf + 1),
            "DCW_SF": w_sf + 1,
            "TmpCab": counts(25 + 30 * watts / rated, -1),
            "Tmp_SF": -1,
            "St": self._operating(available_w),
            "Evt1": 0,
            "Evt2": 0,
        }
        for phase in "ABC"[: self.plan.phases]:
            named |= {f"Aph{phase}": per_phase, f"PhVph{phase}": counts(grid.volts, -1)}
        model = _ac_model(self.plan)
        return {(model, name): value for name, value in named.items()}

    def _operating(self, available_w: float) -> int:
        """Model 10x operating state: 1 off, 2 sleeping, 4 MPPT, 5 throttled."""
        if not self.connected and not self.quirks.ignores:
            return 1
        if available_w < 0.005 * self.plan.rated_w:
            return 2
        return 5 if self.produced_w(available_w) < min(available_w, self._w_max) else 4

    def _status(self, available_w: float) -> dict[PointKey, Value]:
        operating = self._operating(available_w)
        sf = scale_for(self.plan.rated_w, 65534)
        return {
            (122, "PVConn"): 0 if operating == 1 else 0b011 if operating == 2 else 0b111,
            (122, "StorConn"): 0,
            (122, "ECPConn"): 0 if operating == 1 else 1,
            (122, "ActWh"): int(self.energy_ws / 3600),
            (122, "WAval"): counts(min(available_w, self._w_max), sf),
            (122, "WAval_SF"): sf,
            (122, "StActCtl"): self.held[123, "WMaxLim_Ena"],
        }


def born_legacy(plan: InverterPlan, seed: int) -> Legacy:
    """A device fresh from its box, running freely."""
    w_sf = scale_for(plan.rated_w, 65534)
    settings = {"WMax": counts(plan.rated_w, w_sf), "WMax_SF": w_sf, "VRef": 2300, "VRef_SF": -1, "VRefOfs": 0}
    settings |= {"VRefOfs_SF": -1, "WGra": counts(plan.ramp_pct_per_s, -2), "WGra_SF": -2}
    controls = {"Conn_WinTms": 0, "Conn_RvrtTms": 0, "Conn": 1, "WMaxLimPct": counts(100, plan.limit_sf)}
    controls |= {"WMaxLimPct_WinTms": 0, "WMaxLimPct_RvrtTms": 0, "WMaxLimPct_RmpTms": 0, "WMaxLim_Ena": 0}
    controls |= {"WMaxLimPct_SF": plan.limit_sf}
    held = {(121, name): raw for name, raw in settings.items()} | {(123, name): raw for name, raw in controls.items()}
    own_rate = plan.rated_w * plan.ramp_pct_per_s / 100
    return Legacy(plan, seed, plan.quirks, held, ceiling_w=float(plan.rated_w), rate_w_per_s=own_rate)


def _ac_model(plan: InverterPlan) -> int:
    return 103 if plan.phases == 3 else 101


def _ranges(plan: InverterPlan) -> dict[PointKey, tuple[int, int]]:
    times = {(123, name): (0, 65534) for name in _TIMES}
    return {
        **times,
        (121, "WMax"): (1, counts(plan.rated_w, scale_for(plan.rated_w, 65534))),
        (121, "WGra"): (1, 65534),
        (123, "Conn"): (0, 1),
        (123, "WMaxLimPct"): (0, counts(100, plan.limit_sf)),
        (123, "WMaxLim_Ena"): (0, 1),
    }


def _nameplate(plan: InverterPlan) -> dict[PointKey, Value]:
    w_sf, a_sf = scale_for(plan.rated_w, 65534), scale_for(plan.rated_w / VOLTS, 65534, -2)
    named: dict[str, int] = {"DERTyp": 4, "WRtg": counts(plan.rated_w, w_sf), "WRtg_SF": w_sf, "VArRtg_SF": 0}
    named |= {"VARtg": counts(plan.rated_w, w_sf), "VARtg_SF": w_sf, "PFRtg_SF": -3}
    named |= {"ARtg": counts(plan.rated_w / plan.phases / VOLTS, a_sf), "ARtg_SF": a_sf}
    for quadrant in "1234":
        named |= {f"VArRtgQ{quadrant}": 0, f"PFRtgQ{quadrant}": 1000}
    return {(120, name): raw for name, raw in named.items()}


_TIMES = ("Conn_WinTms", "Conn_RvrtTms", "WMaxLimPct_WinTms", "WMaxLimPct_RvrtTms", "WMaxLimPct_RmpTms")
