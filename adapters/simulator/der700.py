"""An inverter of the SunSpec 700 series with an array, a battery or both: models 1, 701 to 704, others by plan. Pure.

703: ES 0 ceases at once; with ES 1, and after a trip, it waits until the grid has been within ESV and ESHz for ESDlyTms and a draw
of ESRndTms, then ramps at WMax per ESRmpTms.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from adapters.simulator import control704, curves, functions700, readings700
from adapters.simulator.lag import Lag, acting, caught_up, delayed, next_due
from adapters.simulator.plan import InverterPlan
from adapters.simulator.power import chance, seconds_left
from adapters.simulator.quirks import Quirks
from adapters.simulator.registers import Image, PointKey, Refusal, Value, layout, refusal
from adapters.simulator.stage import Grid, Orders, Stage
from adapters.simulator.storage import battery_of
from adapters.simulator.timers import Deadlines, Timer, expired, restarted, stopped
from adapters.simulator.trips import Watch, limits700

NOMINAL = Grid()
_ENTER = "enter"
_SETS_BACK = "sets back"


@dataclass(frozen=True, slots=True)
class Der700:
    """State of one inverter: registers held, what runs out when, whether in service, the power stage.

    `before_hz_w`: the power at which the frequency left the dead band of 711; `latched`: values of enabled functions
    that still act in place of what is held; `lag`: values that do so for a while.
    """

    plan: InverterPlan
    seed: int
    quirks: Quirks
    held: Mapping[PointKey, int]
    stage: Stage
    in_service: bool = True
    soft_start: bool = False
    deadlines: Deadlines = field(default_factory=dict)
    before_hz_w: float | None = None
    latched: Mapping[PointKey, int] = field(default_factory=dict)
    lag: Lag = field(default_factory=dict)
    watch: Watch = field(default_factory=Watch)

    @property
    def image(self) -> Image:
        """The registers of this device."""
        return layout((1, 701, 702, 703, 704, *self.plan.models))

    @property
    def energy_ws(self) -> float:
        """Energy given so far, less energy taken."""
        return self.stage.injected_ws - self.stage.absorbed_ws

    @property
    def sampled(self) -> tuple[PointKey, ...]:
        """The points worth a row each second."""
        limit = ("WMaxLimPct", "WMaxLimPctEna", "WMaxLimPctRvrtRem", "WSetEna", "WSet", "VarSetEna")
        more = ((713, "SoC"),) if 713 in self.plan.models else ()
        modes = tuple((model, "Ena") for model in self._curves)
        return ((701, "W"), (701, "Var"), (703, "ES"), *((704, name) for name in limit), *more, *modes)

    def orders(self, grid: Grid) -> Orders:
        """What the registers demand now."""
        held = self._free if self.quirks.ignores else {**acting(self.held, self.lag), **self.latched}
        return functions700.orders(
            held,
            grid,
            storage=self.plan.storage,
            on=self.quirks.ignores or (self.in_service and not self.stopped and not self.watch.ceasing),
            own_pct_per_s=self.plan.ramp_pct_per_s,
            soft=self.soft_start,
            before_hz_w=self.before_hz_w,
        )

    @property
    def stopped(self) -> bool:
        """715.OpCtl holds it back: stopped or in stand-by."""
        return self.held.get((715, "OpCtl"), 1) in (0, 2)

    def produced_w(self, available_w: float, grid: Grid = NOMINAL) -> float:
        """AC output at this instant, negative while charging."""
        return self.stage.output_w(self.orders(grid), available_w)

    def produced_var(self, available_w: float, grid: Grid = NOMINAL) -> float:
        """Reactive power at this instant, positive when injected."""
        return self.stage.output_var(self.orders(grid), available_w)

    def next_cut(self, from_s: float, grid: Grid = NOMINAL) -> float:
        """The next instant at which something changes by itself."""
        frozen = {timer.name for timer in self._timers} if self.quirks.revert_off else set()
        guarded = self._guarded(from_s, grid)
        due = min((at for name, at in guarded.deadlines.items() if name not in frozen), default=math.inf)
        return min(
            due, guarded.watch.next_end(from_s), next_due(self.lag), from_s + self.stage.next_cut(self.orders(grid))
        )

    def stepped(self, from_s: float, to_s: float, available_w: float, grid: Grid = NOMINAL) -> "Der700":
        """The state at `to_s`, which lies no further than `next_cut`; sun and grid hold in between."""
        dt_s = to_s - from_s
        state = self._guarded(from_s, grid)._settled(self.orders(grid), available_w, grid)._watched(available_w, grid)
        orders = state.orders(grid)
        stage = state.stage.stepped(orders, dt_s, available_w)
        soft = state.soft_start and stage.ceiling_w < orders.goal_w
        state = replace(state, stage=stage, soft_start=soft)
        if state.quirks.revert_off:
            state = replace(state, deadlines=stopped(state._timers, state.deadlines, dt_s))
        return state._due(to_s, grid)._guarded(to_s, grid)._settled(orders, available_w, grid)

    def written(
        self, points: Mapping[PointKey, int], now_s: float, available_w: float = 0.0, grid: Grid = NOMINAL
    ) -> "Der700 | Refusal":
        """The state after a write, or why it is refused; nothing of a refused write is kept."""
        if self.quirks.local:
            return Refusal.FAILURE
        if (why := refusal(points, self._ranges())) is not None:
            return why
        if any(f"adopt{model}" in self.deadlines for model, _ in _requests(points)):
            return Refusal.BUSY
        before = self.orders(grid)
        points = control704.in_whole_percent(points, self.plan.limit_sf) if self.quirks.whole_pct else points
        lag = delayed(self.held, self.lag, points, now_s + self.quirks.settle_s) if self.quirks.settle_s else self.lag
        latched = self._latched(points) if self.quirks.edge else {}
        state = replace(self, held={**self.held, **points}, latched=latched, lag=lag)
        running = restarted(state._timers, state.deadlines, state.held, frozenset(points), now_s)
        if self.quirks.sets_back_s:
            running = {**running, _SETS_BACK: now_s + self.quirks.sets_back_s}
        state = replace(state, deadlines=running)
        for model, _ in _requests(points):
            held = {**state.held, (model, curves.FAMILIES[model].result): curves.IN_PROGRESS}
            due = {**state.deadlines, f"adopt{model}": now_s + curves.ADOPT_S}
            state = replace(state, held=held, deadlines=due)
        return state._serving(now_s, grid)._settled(before, available_w, grid)

    def values(self, now_s: float, available_w: float, grid: Grid = NOMINAL) -> dict[PointKey, Value]:
        """What the registers read at this instant."""
        orders = self.orders(grid)
        left = {timer.name: seconds_left(self.deadlines.get(timer.name), now_s) for timer in self._timers}
        rests = {(704, f"{timer.name}RvrtRem"): left[timer.name] for timer in control704.TIMERS}
        rests |= {(model, "RvrtRem"): left[f"revert{model}"] for model in self._curves if f"revert{model}" in left}
        entering = seconds_left(self.deadlines.get(_ENTER), now_s)
        return {
            **readings700.values(self.plan, self.stage, orders, grid, available_w, entering > 0),
            **({(715, "DERHb"): int(now_s) % 2**32} if 715 in self.plan.models else {}),
            **({(715, "LocRemCtl"): int(self.quirks.local)} if 715 in self.plan.models else {}),
            **self.held,
            (701, "Alrm"): self.watch.tripped,
            (701, "ThrotSrc"): functions700.throttled_by(self.held, orders, self.stage, available_w, grid),
            (703, "ESDlyRemTms"): entering,
            **rests,
        }

    @property
    def _curves(self) -> tuple[int, ...]:
        return tuple(model for model in self.plan.models if model in curves.FAMILIES)

    @property
    def _timers(self) -> tuple[Timer, ...]:
        return control704.TIMERS + tuple(curves.timer(m) for m in self._curves if curves.FAMILIES[m].revert)

    @property
    def _free(self) -> Mapping[PointKey, int]:
        off = {(704, name) for name in control704.VALUES} | {(model, "Ena") for model in self._curves}
        return {key: 0 if key in off else raw for key, raw in self.held.items()}

    def _ranges(self) -> dict[PointKey, tuple[int, int]]:
        allowed = functions700.ranges(self.plan)
        for model in self._curves:
            allowed |= curves.ranges(model, self.image, self.held)
        return allowed

    def _latched(self, points: Mapping[PointKey, int]) -> dict[PointKey, int]:
        """What goes on acting because its enable was, and stays, 1."""
        kept: dict[PointKey, int] = {}
        for enable, names in control704.VALUES.items():
            if self.held[704, enable] == 1 and points.get((704, enable), 1) == 1:
                kept |= {(704, name): self.latched.get((704, name), self.held[704, name]) for name in names}
        return kept

    def _watched(self, available_w: float, grid: Grid) -> "Der700":
        """Follow 711: remember the power at which the frequency left its dead band, forget it on return."""
        if not functions700.outside_dead_band(self.held, grid):
            return self if self.before_hz_w is None else replace(self, before_hz_w=None)
        if self.before_hz_w is not None:
            return self
        return replace(self, before_hz_w=self.produced_w(available_w, NOMINAL))

    def _guarded(self, now_s: float, grid: Grid) -> "Der700":
        """Follow 707 to 710, and return to service after a trip."""
        watch = self.watch.reading(self.held, limits700).followed(grid, now_s, self.plan.eager)
        if not watch.tripped and self.in_service:
            return self if watch is self.watch else replace(self, watch=watch)
        return replace(self, watch=watch, in_service=self.in_service and not watch.tripped)._serving(now_s, grid)

    def _serving(self, now_s: float, grid: Grid) -> "Der700":
        """Follow 703: in service only by permission, and again once the grid has been within its window for long enough."""
        others = {name: at for name, at in self.deadlines.items() if name != _ENTER}
        if self.held[703, "ES"] != 1:
            return replace(self, in_service=False, soft_start=False, deadlines=others)
        if self.in_service:
            return self
        if not self._may_enter(grid):
            return replace(self, deadlines=others)
        if _ENTER in self.deadlines:
            return self
        wait = self.held[703, "ESDlyTms"]
        drawn = self.held[703, "ESRndTms"] * chance(self.seed, self.plan.name, "ESRndTms", now_s)
        if wait + drawn == 0:
            return self._entered(others)
        return replace(self, deadlines={**others, _ENTER: now_s + wait + drawn})

    def _may_enter(self, grid: Grid) -> bool:
        volts, hertz = (tuple(self.held[703, f"ES{what}{end}"] for end in ("Lo", "Hi")) for what in ("V", "Hz"))
        return volts[0] <= 10 * grid.volts_pct <= volts[1] and hertz[0] <= 1000 * grid.hz <= hertz[1]

    def _entered(self, deadlines: Deadlines) -> "Der700":
        watch = replace(self.watch, tripped=0)
        return replace(self, deadlines=deadlines, in_service=True, soft_start=True, watch=watch)

    def _settled(self, before: Orders, available_w: float, grid: Grid) -> "Der700":
        return replace(self, stage=self.stage.taken_over(before, self.orders(grid), available_w))

    def _due(self, now_s: float, grid: Grid) -> "Der700":
        timers = () if self.quirks.revert_off else self._timers
        running, held, done = expired(timers, self.deadlines, self.held, now_s)
        for model in self._curves:
            if f"revert{model}" in {timer.name for timer in done}:
                held = {**held, **curves.copied(model, held, held[model, curves.FAMILIES[model].revert])}
            if running.get(f"adopt{model}", now_s + 1) <= now_s:
                held = curves.adopted(model, held, held[model, curves.FAMILIES[model].request])
                running = {name: at for name, at in running.items() if name != f"adopt{model}"}
        state = replace(self, deadlines=running, held=held, lag=caught_up(self.lag, now_s))
        if running.get(_SETS_BACK, now_s + 1) <= now_s:
            fresh = born_der700(self.plan, self.seed)
            return replace(state, deadlines={}, held=fresh.held, latched={}, lag={})._serving(now_s, grid)
        if running.get(_ENTER, now_s + 1) <= now_s:
            state = state._entered({name: at for name, at in running.items() if name != _ENTER})
        return state


def born_der700(plan: InverterPlan, seed: int) -> Der700:
    """A device fresh from its box, in service, running freely."""
    enter = {"ES": 1, "ESVHi": 1050, "ESVLo": 917, "ESHzHi": 50100, "ESHzLo": 49500, "ESRndTms": 0}
    enter |= {"ESDlyTms": plan.enter_delay_s, "ESRmpTms": plan.enter_ramp_s, "V_SF": -1, "Hz_SF": -3}
    held = {(703, name): raw for name, raw in enter.items()} | control704.born(plan.limit_sf)
    held |= functions700.settings(plan)
    if plan.ramp_pct_per_s == int(plan.ramp_pct_per_s):
        held[704, "WRmp"] = int(plan.ramp_pct_per_s)
    if 715 in plan.models:
        held |= {(715, "ControllerHb"): 0, (715, "AlarmReset"): 0, (715, "OpCtl"): 1}
    image = layout((1, *plan.models))
    for model in plan.models:
        if model in curves.FAMILIES:
            held |= curves.born(model, image)
    battery = None if plan.storage is None else battery_of(plan.storage)
    return Der700(plan, seed, plan.quirks, held, Stage(float(plan.rated_w), battery=battery))


def _requests(points: Mapping[PointKey, int]) -> tuple[PointKey, ...]:
    return tuple(key for key in points if key[0] in curves.FAMILIES and key[1] == curves.FAMILIES[key[0]].request)
