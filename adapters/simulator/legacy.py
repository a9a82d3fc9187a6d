"""An inverter of the older SunSpec models: 1, 101 to 113, 120 to 123, others by plan, with an array, a battery or both. Pure.

A function begins to act a draw within its WinTms after it was written, moves within its RmpTms, and ends by its RvrtTms.
Interpretation: every accepted write to a point of a function while it is enabled restarts its revert timer; at its end the
enable reads 0, and WMaxLimPct and the storage rates 100 %.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from adapters.simulator import curves100, functions100, readings100
from adapters.simulator.lag import Lag, acting, caught_up, delayed, next_due
from adapters.simulator.plan import InverterPlan
from adapters.simulator.power import chance, counts
from adapters.simulator.quirks import Quirks
from adapters.simulator.reactive import wanted_var
from adapters.simulator.registers import Image, PointKey, Refusal, Value, refusal
from adapters.simulator.stage import Grid, Orders, Stage
from adapters.simulator.storage import battery_of
from adapters.simulator.timers import Deadlines, Timer, expired, restarted, stopped
from adapters.simulator.trips import Watch, limits100

NOMINAL = Grid()
_SETS_BACK = "sets back"
_ENTER = "enter"
_ENTER_PCT, _ENTER_HZ = (91.7, 105.0), (49.5, 50.1)
"""Voltage and frequency within which it returns after a trip, as 703 has them."""


@dataclass(frozen=True, slots=True)
class Legacy:
    """State of one inverter: registers held, values that still act in place of written ones, when something ends, the
    power stage and at which rates it moves now. `before_hz_w`: the power at which 127 began to act.
    """

    plan: InverterPlan
    seed: int
    quirks: Quirks
    held: Mapping[PointKey, int]
    stage: Stage
    rate_w_per_s: float
    var_per_s: float = math.inf
    lag: Lag = field(default_factory=dict)
    deadlines: Deadlines = field(default_factory=dict)
    before_hz_w: float | None = None
    watch: Watch = field(default_factory=Watch)

    @property
    def image(self) -> Image:
        """The registers of this device; model 1 comes without its Pad (L = 65)."""
        return functions100.layout_of(self.plan)

    @property
    def energy_ws(self) -> float:
        """Energy given so far, less energy taken."""
        return self.stage.injected_ws - self.stage.absorbed_ws

    @property
    def sampled(self) -> tuple[PointKey, ...]:
        """The points worth a row each second."""
        more = ((124, "ChaState"),) if 124 in self.plan.models else ()
        ac = functions100.ac_model(self.plan)
        return ((ac, "W"), (ac, "VAr"), (123, "WMaxLimPct"), (123, "WMaxLim_Ena"), (123, "Conn"), *more)

    def orders(self, available_w: float, grid: Grid) -> Orders:
        """What the registers demand now."""
        held = self._free if self.quirks.ignores else acting(self.held, self.lag)
        return functions100.orders(
            held,
            grid,
            self.plan,
            serving=not self.watch.tripped and not self.watch.ceasing,
            sun_w=available_w,
            rate_w_per_s=self.rate_w_per_s,
            var_per_s=self.var_per_s,
            before_hz_w=self.before_hz_w,
        )

    def produced_w(self, available_w: float, grid: Grid = NOMINAL) -> float:
        """AC output at this instant, negative while charging."""
        return self.stage.output_w(self.orders(available_w, grid), available_w)

    def produced_var(self, available_w: float, grid: Grid = NOMINAL) -> float:
        """Reactive power at this instant, positive when injected."""
        return self.stage.output_var(self.orders(available_w, grid), available_w)

    def next_cut(self, from_s: float, grid: Grid = NOMINAL) -> float:
        """The next instant at which something changes by itself."""
        frozen = {timer.name for timer in self._timers} if self.quirks.revert_off else set()
        guarded = self._guarded(from_s, grid)
        due = min((at for name, at in guarded.deadlines.items() if name not in frozen), default=math.inf)
        return min(
            due,
            guarded.watch.next_end(from_s),
            next_due(self.lag),
            from_s + self.stage.next_cut(self.orders(math.inf, grid)),
        )

    def stepped(self, from_s: float, to_s: float, available_w: float, grid: Grid = NOMINAL) -> "Legacy":
        """The state at `to_s`, which lies no further than `next_cut`; sun and grid hold in between."""
        dt_s = to_s - from_s
        state = self._guarded(from_s, grid)._taken_over(self, available_w, grid)._watched(available_w, grid)
        stage = state.stage.stepped(state.orders(available_w, grid), dt_s, available_w)
        state = replace(state, stage=stage)
        if state.quirks.revert_off:
            state = replace(state, deadlines=stopped(state._timers, state.deadlines, dt_s))
        after = state._due(to_s)._guarded(to_s, grid)
        return after._taken_over(state, available_w, grid)._paced(state, available_w, grid)

    def written(
        self, points: Mapping[PointKey, int], now_s: float, available_w: float = 0.0, grid: Grid = NOMINAL
    ) -> "Legacy | Refusal":
        """The state after a write, or why it is refused; nothing of a refused write is kept."""
        if self.quirks.local:
            return Refusal.FAILURE
        if (why := refusal(points, functions100.ranges(self.plan))) is not None:
            return why
        if not curves100.sound(self.held, points):
            return Refusal.ILLEGAL_VALUE
        if self.quirks.whole_pct and (123, "WMaxLimPct") in points:
            step = counts(1, self.plan.limit_sf)
            points = {**points, (123, "WMaxLimPct"): round(points[123, "WMaxLimPct"] / step) * step}
        held, lag = {**self.held, **points}, self.lag
        for key, raw in points.items():
            wait = self._wait(functions100.window(held, key), now_s) + self.quirks.settle_s
            lag = delayed(self.held, lag, {key: raw}, now_s + wait) if wait else lag
        running = restarted(self._timers, self.deadlines, held, frozenset(points), now_s)
        if self.quirks.sets_back_s:
            running = {**running, _SETS_BACK: now_s + self.quirks.sets_back_s}
        return replace(self, held=held, lag=lag, deadlines=running)._paced(self, available_w, grid)

    def values(self, now_s: float, available_w: float, grid: Grid = NOMINAL) -> dict[PointKey, Value]:
        """What the registers read at this instant."""
        orders = self.orders(available_w, grid)
        local = {(802, "LocRemCtl"): int(self.quirks.local)} if 802 in self.plan.models else {}
        shown = readings100.values(self.plan, self.stage, orders, self.held, grid, available_w, now_s)
        event = {(functions100.ac_model(self.plan), "Evt1"): self.watch.tripped}
        return {**shown, **local, **event, **self.held}

    @property
    def _own_w_per_s(self) -> float:
        return functions100.setting(self.held, "WMax") * self.held[121, "WGra"] / 100 / 100

    @property
    def _timers(self) -> tuple[Timer, ...]:
        return functions100.timers(self.plan)

    @property
    def _free(self) -> Mapping[PointKey, int]:
        fresh = functions100.born(self.plan)
        return {**self.held, **{key: raw for key, raw in fresh.items() if key in self.held and key[0] != 121}}

    def _wait(self, window: PointKey | None, now_s: float) -> float:
        return 0.0 if window is None else self.held.get(window, 0) * chance(self.seed, self.plan.name, window[1], now_s)

    def _due(self, now_s: float) -> "Legacy":
        timers = () if self.quirks.revert_off else self._timers
        running, held, done = expired(timers, self.deadlines, self.held, now_s)
        ended = {key for timer in done for key, _ in timer.ends}
        lag = {key: entry for key, entry in caught_up(self.lag, now_s).items() if key not in ended}
        if running.get(_SETS_BACK, now_s + 1) <= now_s:
            return replace(self, held=functions100.born(self.plan), lag={}, deadlines={})
        state = replace(self, held=held, lag=lag, deadlines=running)
        if running.get(_ENTER, now_s + 1) <= now_s:
            running = {name: at for name, at in running.items() if name != _ENTER}
            watch = replace(state.watch, tripped=0)
            state = replace(state, deadlines=running, watch=watch, rate_w_per_s=state._own_w_per_s)
        return state

    def _guarded(self, now_s: float, grid: Grid) -> "Legacy":
        """Follow 129 to 142, and return to service after a trip."""
        watch = self.watch.reading(self.held, limits100).followed(grid, now_s, self.plan.eager)
        if not watch.tripped:
            return self if watch is self.watch else replace(self, watch=watch)
        deadlines = {name: at for name, at in self.deadlines.items() if name != _ENTER}
        if _ENTER_PCT[0] <= grid.volts_pct <= _ENTER_PCT[1] and _ENTER_HZ[0] <= grid.hz <= _ENTER_HZ[1]:
            deadlines[_ENTER] = self.deadlines.get(_ENTER, now_s + self.plan.enter_delay_s)
        return replace(self, watch=watch, deadlines=deadlines)

    def _taken_over(self, before: "Legacy", available_w: float, grid: Grid) -> "Legacy":
        """The power stage after the grid or a return has changed what is ordered."""
        if self.watch is before.watch:
            return self
        old, new = before.orders(available_w, grid), self.orders(available_w, grid)
        return replace(self, stage=self.stage.taken_over(old, new, available_w))

    def _watched(self, available_w: float, grid: Grid) -> "Legacy":
        """Follow 127: remember the power at which the frequency rose above its start, forget it on return."""
        if not functions100.droop_pct(self.held, grid):
            return self if self.before_hz_w is None else replace(self, before_hz_w=None)
        if self.before_hz_w is not None:
            return self
        return replace(self, before_hz_w=self.produced_w(available_w, NOMINAL))

    def _paced(self, before: "Legacy", available_w: float, grid: Grid) -> "Legacy":
        """The rates at which power moves after what acts has changed: by RmpTms where there is one, else its own."""
        was, now = acting(before.held, before.lag), acting(self.held, self.lag)
        changed = {key for key in now if now[key] != was.get(key)}
        if not changed:
            return self
        old, new = before.orders(available_w, grid), self.orders(available_w, grid)
        state = replace(self, stage=self.stage.taken_over(old, new, available_w))
        if changed & {(123, "WMaxLimPct"), (123, "WMaxLim_Ena"), (123, "Conn"), (121, "WGra"), (121, "WMax")}:
            ramp_s = self.held[123, "WMaxLimPct_RmpTms"] if not changed & {(123, "Conn"), (121, "WGra")} else 0
            gap = abs(new.goal_w - state.stage.ceiling_w)
            own = self._own_w_per_s
            state = replace(state, rate_w_per_s=gap / ramp_s if ramp_s and gap else own)
        for name in ("OutPFSet", "VArPct"):
            if any(key[1].startswith(name[:3]) for key in changed if key[0] == 123):
                ramp_s = self.held[123, f"{name}_RmpTms"]
                goal = wanted_var(
                    new.wish, new.goal_w and self.stage.output_w(new, available_w), new.va_max, new.var_max
                )
                gap = abs(goal - self.stage.output_var(old, available_w))
                state = replace(state, var_per_s=gap / ramp_s if ramp_s and gap else math.inf)
        return state._reserved()

    def _reserved(self) -> "Legacy":
        """124.MinRsvPct is kept in the battery."""
        battery, percent = self.stage.battery, self.held.get((124, "MinRsvPct"))
        if battery is None or percent is None:
            return self
        reserve_ws = battery.capacity_ws * percent / 10000
        return replace(self, stage=replace(self.stage, battery=replace(battery, reserve_ws=reserve_ws)))


def born_legacy(plan: InverterPlan, seed: int) -> Legacy:
    """A device fresh from its box, running freely."""
    battery = None if plan.storage is None else battery_of(plan.storage)
    own_rate = plan.rated_w * plan.ramp_pct_per_s / 100
    held = functions100.born(plan)
    return Legacy(plan, seed, plan.quirks, held, Stage(float(plan.rated_w), battery=battery), own_rate)
