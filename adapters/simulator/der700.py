"""A PV inverter of the SunSpec 700 series: models 1, 701 to 704. Pure.

704: WMaxLimPct and WSet with their reversion values and timers. Interpretation: a write to Ena, the value, WSetMod or
RvrtTms while Ena is 1 restarts the timer (0 stops it), a write of the reversion values alone does not; when it ends,
the Rvrt value and EnaRvrt are copied into the value and Ena. A PV plant cannot absorb: WSet runs from 0 to WMax. 703:
ES 0 ceases at once, ES 1 waits ESDlyTms and a draw of ESRndTms, then ramps at WMax per ESRmpTms. Reactive functions are
not implemented and read so.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from adapters.simulator.plan import InverterPlan, Quirks
from adapters.simulator.power import chance, counts, energy_ws, moved_ceiling, scale_for, seconds_left
from adapters.simulator.registers import Image, PointKey, Refusal, identity, layout, refusal

VOLTS = 230.0


@dataclass(frozen=True, slots=True)
class Der700:
    """State of one inverter: registers held, timers, whether in service, the power stage."""

    plan: InverterPlan
    seed: int
    quirks: Quirks
    held: Mapping[PointKey, int]
    ceiling_w: float
    in_service: bool = True
    soft_start: bool = False
    entering_s: float | None = None
    limit_revert_s: float | None = None
    set_revert_s: float | None = None
    energy_ws: float = 0.0

    @property
    def image(self) -> Image:
        """The registers of this device."""
        return layout((1, 701, 702, 703, 704))

    @property
    def goal_w(self) -> float:
        """Where the ceiling is heading."""
        if self.quirks.ignores:
            return self._w_max
        if not self.in_service:
            return 0.0
        return min(self._w_max, self._limit_w, self._set_w)

    @property
    def sampled(self) -> tuple[PointKey, ...]:
        """The points worth a row each second."""
        limit = ("WMaxLimPct", "WMaxLimPctEna", "WMaxLimPctRvrtRem", "WSetEna")
        return ((701, "W"), (703, "ES"), *((704, name) for name in limit))

    def produced_w(self, available_w: float) -> float:
        """AC output at this instant."""
        return min(available_w, self.ceiling_w)

    def next_cut(self) -> float:
        """The next instant at which something changes by itself."""
        due = [self.entering_s]
        if not self.quirks.revert_off:
            due += [self.limit_revert_s, self.set_revert_s]
        return min((t for t in due if t is not None), default=math.inf)

    def stepped(self, from_s: float, to_s: float, available_w: float) -> "Der700":
        """The state at `to_s`, which lies no further than `next_cut`; `available_w` holds in between."""
        made = energy_ws(self.ceiling_w, self.goal_w, self._rate, to_s - from_s, available_w)
        ceiling = moved_ceiling(self.ceiling_w, self.goal_w, self._rate, to_s - from_s)
        soft = self.soft_start and ceiling < self.goal_w
        state = replace(self, ceiling_w=ceiling, energy_ws=self.energy_ws + made, soft_start=soft)
        if state.entering_s is not None and state.entering_s <= to_s:
            state = replace(state, entering_s=None, in_service=True, soft_start=True)
        return state._frozen(to_s - from_s) if self.quirks.revert_off else state._reverted(to_s)

    def written(self, points: Mapping[PointKey, int], now_s: float) -> "Der700 | Refusal":
        """The state after a write, or why it is refused; nothing of a refused write is kept."""
        if (why := refusal(points, _ranges(self.plan))) is not None:
            return why
        state = replace(self, held={**self.held, **points})
        if points.keys() & _STARTS_LIMIT:
            state = replace(state, limit_revert_s=state._deadline("WMaxLimPctEna", "WMaxLimPctRvrtTms", now_s))
        if points.keys() & _STARTS_SET:
            state = replace(state, set_revert_s=state._deadline("WSetEna", "WSetRvrtTms", now_s))
        return state._serving(now_s)

    def values(self, now_s: float, available_w: float) -> dict[PointKey, int | str]:
        """What the registers read at this instant."""
        return {
            **identity(self.plan.maker, f"DER {self.plan.rated_w}", self.plan.serial, self.plan.unit),
            **self._measured(available_w),
            **_nameplate(self.plan),
            **self.held,
            (703, "ESDlyRemTms"): seconds_left(self.entering_s, now_s),
            (704, "WMaxLimPctRvrtRem"): seconds_left(self.limit_revert_s, now_s),
            (704, "WSetRvrtRem"): seconds_left(self.set_revert_s, now_s),
        }

    @property
    def _w_max(self) -> float:
        return self.held[702, "WMax"] * 10.0 ** self.held[702, "W_SF"]

    @property
    def _limit_w(self) -> float:
        if not self.held[704, "WMaxLimPctEna"]:
            return math.inf
        return self._w_max * self.held[704, "WMaxLimPct"] * 10.0 ** self.held[704, "WMaxLimPct_SF"] / 100

    @property
    def _set_w(self) -> float:
        if not self.held[704, "WSetEna"]:
            return math.inf
        if self.held[704, "WSetMod"] == 1:
            return self.held[704, "WSet"] * 10.0 ** self.held[704, "WSet_SF"]
        return self._w_max * self.held[704, "WSetPct"] * 10.0 ** self.held[704, "WSetPct_SF"] / 100

    @property
    def _rate(self) -> float:
        if not self.in_service and not self.quirks.ignores:
            return math.inf
        if self.soft_start and self.held[703, "ESRmpTms"]:
            return self._w_max / self.held[703, "ESRmpTms"]
        if self.goal_w > self.ceiling_w and (704, "WRmp") in self.held:
            return self._w_max * self.held[704, "WRmp"] / 100
        return self._w_max * self.plan.ramp_pct_per_s / 100

    def _deadline(self, enable: str, seconds: str, now_s: float) -> float | None:
        runs = self.held[704, enable] and self.held[704, seconds]
        return now_s + self.held[704, seconds] if runs else None

    def _serving(self, now_s: float) -> "Der700":
        """Follow 703.ES."""
        wanted = self.held[703, "ES"] == 1
        if not wanted:
            ceiling = self.ceiling_w if self.quirks.ignores else 0.0
            return replace(self, in_service=False, entering_s=None, soft_start=False, ceiling_w=ceiling)
        if self.in_service or self.entering_s is not None:
            return self
        wait = self.held[703, "ESDlyTms"]
        drawn = self.held[703, "ESRndTms"] * chance(self.seed, self.plan.name, "ESRndTms", now_s)
        if wait + drawn == 0:
            return replace(self, in_service=True, soft_start=True)
        return replace(self, entering_s=now_s + wait + drawn)

    def _reverted(self, now_s: float) -> "Der700":
        state = self
        if state.limit_revert_s is not None and state.limit_revert_s <= now_s:
            copied = _copied(state.held, {"WMaxLimPct": "WMaxLimPctRvrt", "WMaxLimPctEna": "WMaxLimPctEnaRvrt"})
            state = replace(state, held=copied, limit_revert_s=None)
        if state.set_revert_s is not None and state.set_revert_s <= now_s:
            pairs = {"WSet": "WSetRvrt", "WSetPct": "WSetPctRvrt", "WSetEna": "WSetEnaRvrt"}
            state = replace(state, held=_copied(state.held, pairs), set_revert_s=None)
        return state

    def _frozen(self, dt_s: float) -> "Der700":
        """Timers that stand still: their ends move on with the clock."""
        limit, target = self.limit_revert_s, self.set_revert_s
        return replace(
            self,
            limit_revert_s=None if limit is None else limit + dt_s,
            set_revert_s=None if target is None else target + dt_s,
        )

    def _measured(self, available_w: float) -> dict[PointKey, int | str]:
        rated, watts, phases = self.plan.rated_w, self.produced_w(available_w), self.plan.phases
        w_sf, a_sf = scale_for(rated, 32767), scale_for(rated / VOLTS, 32767, -2)
        total, amps = counts(watts, w_sf), counts(watts / phases / VOLTS, a_sf)
        named = {
            "ACType": 2 if phases == 3 else 0,
            "St": int(self.in_service),
            "InvSt": self._operating(available_w),
            "ConnSt": int(self.in_service),
            "Alrm": 0,
            "DERMode": 1,
            "W": total,
            "VA": total,
            "Var": 0,
            "PF": 1000,
            "A": amps * phases,
            "LNV": counts(VOLTS, -1),
            "Hz": 50000,
            "TotWhInj": int(self.energy_ws / 3600),
            "TotWhAbs": 0,
            "TmpCab": counts(25 + 30 * watts / rated, -1),
            **({"LLV": counts(VOLTS * 3**0.5, -1)} if phases == 3 else {}),
            **self._throttled(available_w),
            "A_SF": a_sf,
            "V_SF": -1,
            "Hz_SF": -3,
            "W_SF": w_sf,
            "PF_SF": -3,
            "VA_SF": w_sf,
            "Var_SF": w_sf,
            "TotWh_SF": 0,
            "Tmp_SF": -1,
        }
        for phase, share in zip(("L1", "L2", "L3"), _shared(total, phases), strict=False):
            named |= {f"W{phase}": share, f"VA{phase}": share, f"Var{phase}": 0, f"PF{phase}": 1000}
            named |= {f"A{phase}": amps, f"V{phase}": counts(VOLTS, -1)}
        return {(701, name): value for name, value in named.items()}

    def _operating(self, available_w: float) -> int:
        """701.InvSt: 0 off, 1 sleeping, 2 starting, 3 running, 4 throttled."""
        if not self.in_service and not self.quirks.ignores:
            return 0 if self.entering_s is None else 2
        if available_w < 0.005 * self.plan.rated_w:
            return 1
        return 4 if self.produced_w(available_w) < min(available_w, self._w_max) else 3

    def _throttled(self, available_w: float) -> dict[str, int]:
        """Interpretation: ThrotPct is the power held back as a share of WMax; the sources are what binds."""
        back = min(available_w, self._w_max) - self.produced_w(available_w)
        binding = back > 0 and self.in_service and not self.quirks.ignores
        by_limit = binding and self._limit_w <= self._set_w
        by_set = binding and self._set_w <= self._limit_w and self.held[704, "WSetEna"] == 1
        share = min(100, math.ceil(100 * back / self._w_max))
        return {
            "ThrotPct": share,
            "ThrotSrc": int(by_limit and self.held[704, "WMaxLimPctEna"] == 1) | int(by_set) << 1,
        }


def born_der700(plan: InverterPlan, seed: int) -> Der700:
    """A device fresh from its box, in service, running freely."""
    enter = {"ES": 1, "ESVHi": 1050, "ESVLo": 917, "ESHzHi": 50100, "ESHzLo": 49500, "ESRndTms": 0}
    enter |= {"ESDlyTms": plan.enter_delay_s, "ESRmpTms": plan.enter_ramp_s, "V_SF": -1, "Hz_SF": -3}
    full = counts(100, plan.limit_sf)
    control = {"WMaxLimPctEna": 0, "WMaxLimPct": full, "WMaxLimPctRvrt": full, "WMaxLimPctEnaRvrt": 0}
    control |= {"WMaxLimPctRvrtTms": 0, "WSetEna": 0, "WSetMod": 1, "WSet": 0, "WSetRvrt": 0, "WSetPct": 0}
    control |= {"WSetPctRvrt": 0, "WSetEnaRvrt": 0, "WSetRvrtTms": 0, "WRmpRef": 1}
    control |= {"WMaxLimPct_SF": plan.limit_sf, "WSet_SF": 0, "WSetPct_SF": -1}
    w_sf = scale_for(plan.rated_w, 65534)
    held = {(703, name): raw for name, raw in enter.items()} | {(704, name): raw for name, raw in control.items()}
    held |= {(702, "WMax"): counts(plan.rated_w, w_sf), (702, "W_SF"): w_sf}
    if plan.ramp_pct_per_s == int(plan.ramp_pct_per_s):
        held[704, "WRmp"] = int(plan.ramp_pct_per_s)
    return Der700(plan, seed, plan.quirks, held, ceiling_w=float(plan.rated_w))


_STARTS_LIMIT = {(704, "WMaxLimPctEna"), (704, "WMaxLimPct"), (704, "WMaxLimPctRvrtTms")}
_STARTS_SET = {(704, name) for name in ("WSetEna", "WSetMod", "WSet", "WSetPct", "WSetRvrtTms")}
_SECONDS = (0, 0xFFFF_FFFE)


def _ranges(plan: InverterPlan) -> dict[PointKey, tuple[int, int]]:
    full, rated = counts(100, plan.limit_sf), counts(plan.rated_w, scale_for(plan.rated_w, 65534))
    control = {"WMaxLimPctEna": (0, 1), "WMaxLimPct": (0, full), "WMaxLimPctRvrt": (0, full)}
    control |= {"WMaxLimPctEnaRvrt": (0, 1), "WMaxLimPctRvrtTms": _SECONDS, "WSetEna": (0, 1), "WSetMod": (0, 1)}
    control |= {
        "WSet": (0, plan.rated_w),
        "WSetRvrt": (0, plan.rated_w),
        "WSetPct": (0, 1000),
        "WSetPctRvrt": (0, 1000),
    }
    control |= {"WSetEnaRvrt": (0, 1), "WSetRvrtTms": _SECONDS, "WRmp": (1, 1000), "WRmpRef": (1, 1)}
    # Windows after IEEE 1547-2018 table 4, moved to 50 Hz: this grid stands at 100 % and 50 Hz, always inside.
    enter = {
        "ES": (0, 1),
        "ESVHi": (1050, 1060),
        "ESVLo": (880, 950),
        "ESHzHi": (50100, 51000),
        "ESHzLo": (49000, 49900),
    }
    enter |= {"ESDlyTms": (0, 600), "ESRndTms": (0, 1000), "ESRmpTms": (0, 1000)}
    ranges = {(704, name): pair for name, pair in control.items()} | {(703, name): pair for name, pair in enter.items()}
    return {**ranges, (702, "WMax"): (1, rated)}


def _copied(held: Mapping[PointKey, int], pairs: Mapping[str, str]) -> dict[PointKey, int]:
    return {**held, **{(704, to): held[704, source] for to, source in pairs.items()}}


def _nameplate(plan: InverterPlan) -> dict[PointKey, int | str]:
    w_sf, a_sf = scale_for(plan.rated_w, 65534), scale_for(plan.rated_w / VOLTS, 65534, -2)
    watts, amps = counts(plan.rated_w, w_sf), counts(plan.rated_w / plan.phases / VOLTS, a_sf)
    named = {
        "WMaxRtg": watts,
        "VAMaxRtg": watts,
        "VarMaxInjRtg": 0,
        "VarMaxAbsRtg": 0,
        "VNomRtg": 2300,
        "AMaxRtg": amps,
    }
    named |= {"VMaxRtg": 2760, "VMinRtg": 1840, "CtrlModes": 0b11, "VAMax": watts, "VNom": 2300, "AMax": amps}
    named |= {"W_SF": w_sf, "VA_SF": w_sf, "Var_SF": w_sf, "V_SF": -1, "A_SF": a_sf, "PF_SF": -3}
    return {(702, name): raw for name, raw in named.items()}


def _shared(total: int, phases: int) -> tuple[int, ...]:
    if phases == 1:
        return (total,)
    third = round(total / 3)
    return (third, third, total - 2 * third)
