"""A device that is a table of registers, simulated from its own profile: what it is told acts, what acts it measures. Pure.

A charger has a car behind it and a watchdog of its own; a battery stores; a meter shows what it is set to. Nothing here knows the
codec: values go into registers by the profile's table alone.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from adapters.modbus.frames import Read, Refusal, Reply, Request, Write, Written
from adapters.registers.map import Sort
from adapters.registers.points import Point, Table
from adapters.registers.profile import Aim, Amount, Profile, Step
from adapters.simulator import mapped
from adapters.simulator.car import LEAST_A, Car

VOLTS = 230.0
_PHASES = "abc"


@dataclass(frozen=True, slots=True)
class Twin:
    """``memory``: engineering values last written, by table and address. ``fed_s``: when its watchdog was last fed; None: never yet.

    ``net_w``: what a meter shows, or the sun of a hybrid gives (negative); ``soc_pct`` of ``capacity_wh``. ``obeys`` False: it takes
    what it is told, shows it, and does something else. ``efficiency``: of a battery, each way, 0..1. ``serial``: what it calls
    itself. ``mute``: it answers nothing. ``watches`` False: its watchdog sleeps. ``points``: of its map, by name.
    """

    profile: Profile
    t_s: float = 0.0
    memory: Mapping[tuple[Table, int], float] = field(default_factory=dict)
    fed_s: float | None = None
    fell_back: bool = False
    car: Car | None = None
    net_w: float = 0.0
    soc_pct: float = 50.0
    capacity_wh: float = 10_000.0
    rated_w: float = 5_000.0
    consumed_wh: float = 1_000.0
    produced_wh: float = 500.0
    session_wh: float = 0.0
    obeys: bool = True
    efficiency: float = 1.0
    serial: int = 4711
    mute: bool = False
    watches: bool = True
    points: Mapping[str, Point] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.points:
            named = {name: self.profile.point(name) for name in self.profile.points}
            object.__setattr__(self, "points", named)

    @property
    def limit_a(self) -> float:
        """The current it offers now, A per phase; 0 = paused."""
        if self.fell_back:
            return self.fallback_a
        if self._holds(Aim.PAUSE):
            return 0.0
        box_a = self.profile.currents.maximum_a if self.profile.currents is not None else 0.0
        return self._amount(Aim.CURRENT, box_a)

    @property
    def phases(self) -> int:
        """On how many phases a car is charged."""
        wired = self.profile.currents.phases if self.profile.currents is not None else 3
        told = round(self._amount(Aim.PHASES, wired)) if Aim.PHASES in self.profile.orders else wired
        return min(told, wired, self.car.phases if self.car is not None else wired)

    @property
    def drawn_a(self) -> float:
        """What the car takes, A per phase."""
        offered_a = self.limit_a if self.obeys else math.inf
        return 0.0 if self.car is None else self.car.draws_a(offered_a)

    @property
    def power_w(self) -> float:
        """What flows into it, W; negative = out of it."""
        if self.profile.kind is Sort.CHARGER:
            return self.drawn_a * VOLTS * self.phases
        return self.net_w if self.profile.kind is Sort.METER else self._stored_w()

    @property
    def flowed_wh(self) -> float:
        """Net energy into it so far; a meter takes none."""
        return 0.0 if self.profile.kind is Sort.METER else self.consumed_wh - self.produced_wh

    @property
    def fallback_a(self) -> float:
        """What it falls back to, A per phase."""
        return self._told(Amount.FALLBACK, self._dog_default("fallback_a", 6.0))

    @property
    def timeout_s(self) -> float:
        """How long its watchdog waits."""
        return self._told(Amount.TIMEOUT, self._dog_default("timeout_s", math.inf))

    def at(self, t_s: float) -> "Twin":
        """The same device later: what flowed is counted, a watchdog that nobody fed has bitten. A clock that went back moves nothing."""
        now = self
        bites = self.watches and self.fed_s is not None and not self.fell_back
        if bites and self.fed_s is not None and t_s > self.fed_s + self.timeout_s:
            now = replace(now._flown(max(now.t_s, self.fed_s + self.timeout_s)), fell_back=True)
            now = replace(now, memory=now._fallen())
        return now._flown(t_s)

    def asked(self, request: Request, t_s: float) -> tuple["Twin", Reply]:
        """The device after a request, and its answer."""
        now = self.at(t_s)
        if now.profile.watchdog is not None and now.profile.watchdog.fed_by == "read":
            now = replace(now, fed_s=t_s)
        if isinstance(request, Read):
            return now, now._read(request)
        return now._written(request)

    def told_since(self, before: "Twin") -> dict[str, float]:
        """What its memory holds that it did not before, by the point that is written there."""
        places = {(point.table, point.address): name for name, point in self.points.items() if point.writable}
        return {places[at]: value for at, value in self.memory.items() if before.memory.get(at) != value}

    def plugged(self, car: Car | None) -> "Twin":
        """With this car, or none; a session begins anew."""
        return replace(self, car=car, session_wh=0.0)

    def _flown(self, t_s: float) -> "Twin":
        """Energy in steps short enough for a car that asks for less and less."""
        now = self
        while now.t_s < t_s:
            dt_s = min(t_s - now.t_s, 60.0)
            power_w = now.power_w
            energy_wh = power_w * dt_s / 3600
            now = replace(
                now,
                t_s=now.t_s + dt_s,
                consumed_wh=now.consumed_wh + max(0.0, energy_wh),
                produced_wh=now.produced_wh + max(0.0, -energy_wh),
                session_wh=now.session_wh + max(0.0, energy_wh),
                car=None if now.car is None else now.car.charged(energy_wh),
                soc_pct=now._charged_pct(power_w * dt_s / 3600),
            )
        return now

    def _charged_pct(self, energy_wh: float) -> float:
        if self.profile.kind in (Sort.CHARGER, Sort.METER):
            return self.soc_pct
        stored_wh = energy_wh * self.efficiency if energy_wh > 0 else energy_wh / self.efficiency
        return min(100.0, max(0.0, self.soc_pct + 100 * stored_wh / self.capacity_wh))

    def _stored_w(self) -> float:
        """A battery obeys what it is told as far as it can; told nothing, it lets the sun through."""
        charge_w, discharge_w = self._told_w(Aim.CHARGE), self._told_w(Aim.DISCHARGE)
        power_w = self.net_w
        if charge_w is not None:
            power_w = charge_w if self.soc_pct < 100 else 0.0
        elif discharge_w is not None:
            power_w = -discharge_w if self.soc_pct > 0 else 0.0
        elif self._holds(Aim.IDLE):
            power_w = 0.0
        most_w, least_w = self._amount(Aim.CONSUME_MAX, self.rated_w), -self._amount(Aim.PRODUCE_MAX, self.rated_w)
        return max(least_w, min(most_w, power_w)) if self.obeys else self.net_w

    def _told_w(self, aim: Aim) -> float | None:
        if not self._holds(aim):
            return None
        value = self._amount(aim, 0.0)
        return abs(value) if value else None

    def _dog_default(self, what: str, otherwise: float) -> float:
        dog = self.profile.watchdog
        return otherwise if dog is None else float(getattr(dog, what))

    def _told(self, amount: Amount, otherwise: float) -> float:
        """What the steps of the watchdog have set, else what it has from its box."""
        for step in self.profile.watchdog.setup if self.profile.watchdog is not None else ():
            if step.of is amount:
                return self.memory.get(self._place(step), otherwise)
        return otherwise

    def _holds(self, aim: Aim) -> bool:
        """Whether every constant of an order, and its direction, is in memory."""
        steps = self.profile.orders.get(aim)
        if steps is None:
            return False
        # A charger is enabled as it comes from its box; what else was never written reads 0.
        unwritten = None if self.profile.kind is Sort.CHARGER else 0.0
        for step in steps:
            held = self.memory.get(self._place(step), unwritten)
            if step.value is not None and (held is None or abs(held - step.value) > 1e-6):
                return False
            if aim in (Aim.CHARGE, Aim.DISCHARGE) and step.of in (Amount.POWER_CONSUMED, Amount.POWER_GENERATED):
                consumed = (held or 0.0) * (1 if step.of is Amount.POWER_CONSUMED else -1)
                if (consumed > 0) != (aim is Aim.CHARGE):
                    return False
        return True

    def _amount(self, aim: Aim, otherwise: float) -> float:
        for step in self.profile.orders.get(aim, ()):
            if step.of is None:
                continue
            held = self.memory.get(self._place(step))
            if held is None:
                return otherwise
            if step.values:
                return next((float(n) for n, value in step.values.items() if value == held), otherwise)
            return held * self.rated_w / 100 if step.of is Amount.SHARE else held
        return otherwise

    def _fallen(self) -> dict[tuple[Table, int], float]:
        """Its memory once the watchdog has bitten: the current it falls back to stands where it was told one."""
        memory, fallback_a = dict(self.memory), self.limit_a
        aim = Aim.CURRENT if fallback_a >= LEAST_A else Aim.PAUSE
        for step in self.profile.orders[aim]:
            memory[self._place(step)] = step.value if step.value is not None else fallback_a
        return memory

    def _place(self, step: Step) -> tuple[Table, int]:
        point = self.points[step.point]
        return point.table, point.address

    def _written(self, request: Write) -> tuple["Twin", Reply]:
        found = mapped.told(self.points.values(), request)
        if isinstance(found, Refusal):
            return self, found
        point, value = found
        place = (point.table, point.address)
        now = replace(self, memory={**self.memory, place: value})
        return now._fed(place, value), Written()

    def _fed(self, place: tuple[Table, int], value: float) -> "Twin":
        """What a write means to the watchdog; whoever is told a current again obeys again."""
        dog = self.profile.watchdog
        now = self
        if dog is not None and dog.fed_by == "write" and place in self._anew(dog.anew):
            now = replace(now, fed_s=self.t_s)
        if dog is not None and dog.token is not None and (self._place(dog.token), dog.token.value) == (place, value):
            now = replace(now, fed_s=self.t_s)
        ordered = {self._place(s) for aim in (Aim.CURRENT, Aim.PAUSE) for s in self.profile.orders.get(aim, ())}
        if place in ordered and now.fell_back:
            now = replace(now, fell_back=False, fed_s=self.t_s)
        return now

    def _anew(self, names: Iterable[str]) -> set[tuple[Table, int]]:
        return {(self.points[name].table, self.points[name].address) for name in names}

    def _read(self, request: Read) -> Reply:
        return mapped.shown(
            self.points.values(),
            self.profile.manners,
            request,
            lambda point: mapped.registers(point, self._value(point)),
        )

    def _value(self, point: Point) -> float | str:
        for source in (self._ordered, self._shown, self._measured, self._stated, self._known):
            if (value := source(point)) is not None:
                return value
        return self.memory.get((point.table, point.address), 0.0)

    def _ordered(self, point: Point) -> float | None:
        """What it obeys, at the points where that shows."""
        if self.profile.kind is not Sort.CHARGER:
            return None
        paused = self.limit_a < LEAST_A
        amounts = {Aim.PAUSE: 0.0, Aim.CURRENT: self.limit_a, Aim.PHASES: float(self._amount(Aim.PHASES, 3))}
        for aim in (Aim.PAUSE if paused else Aim.CURRENT, Aim.PHASES):
            for step in self.profile.orders.get(aim, ()):
                if self.points[step.point].shown_by != point.name:
                    continue
                if step.value is not None:
                    return step.value
                return step.values.get(round(amounts[aim]), amounts[aim]) if step.values else amounts[aim]
        return None

    def _shown(self, point: Point) -> float | None:
        """What was written elsewhere and shows here, or was never told and is as from the box."""
        steps = [step for steps in self.profile.orders.values() for step in steps]
        dog = self.profile.watchdog
        for step in (*steps, *(dog.setup if dog is not None else ())):
            if self.points[step.point].shown_by != point.name:
                continue
            held = self.memory.get(self._place(step))
            if held is not None:
                return held
            if step.of in (Amount.FALLBACK, Amount.TIMEOUT) and dog is not None:
                return dog.fallback_a + 4.0 if step.of is Amount.FALLBACK else dog.timeout_s + 30.0
            if step.of is Amount.SHARE:
                return 100.0
        return None

    def _measured(self, point: Point) -> float | None:
        for word, measure in self.profile.measures.items():
            if point.name not in measure.points:
                continue
            quantity, _, phase = word.partition(".")
            value = self._quantity(quantity, phase)
            if quantity in ("power", "reactive") and measure.turn:
                value = -value
            return value / len(measure.points) if not phase else value
        return None

    def _quantity(self, quantity: str, phase: str) -> float:
        charging = self.profile.kind is Sort.CHARGER
        legs = self.phases if charging else 3
        share = (1 / legs if _PHASES.index(phase) < legs else 0.0) if phase else 1.0
        match quantity:
            case "power":
                return self.power_w * share
            case "current":
                return abs(self.power_w) * share / VOLTS
            case "voltage":
                return VOLTS
            case "frequency":
                return 50.0
            case "soc":
                return self.soc_pct
            case "stored_energy":
                return self.soc_pct * self.capacity_wh / 100
            case "energy_consumed":
                return self.consumed_wh * share
            case "energy_produced":
                return self.produced_wh * share
            case "session_energy":
                return self.session_wh
            case _:
                return 0.0

    @property
    def state(self) -> str:
        """The control pilot's letter."""
        if self.car is None:
            return "a"
        return "c" if self.drawn_a > 0 else "b"

    def _stated(self, point: Point) -> float | str | None:
        """The values of the rule that says the state; of a text its beginning."""
        rules = self.profile.vehicle
        if not any(point.name in rule.when for rule in rules):
            return None
        rule = next((rule for rule in rules if rule.state == self.state), None)
        wanted = None if rule is None else rule.when.get(point.name)
        if wanted is None:
            return "" if point.kind == "text" else 0.0
        first = wanted[0] if isinstance(wanted, tuple) else wanted
        return first if isinstance(first, str) else float(first)

    def _known(self, point: Point) -> float | str | None:
        told = self.profile.recognise.get(point.name)
        if told is not None:
            first = told[0] if isinstance(told, tuple) else told
            return first if isinstance(first, str) else float(first)
        ratings = self.profile.ratings
        if point.name in (ratings.rated_w, ratings.rated_charge_w, ratings.rated_discharge_w):
            return self.rated_w
        if point.name == ratings.capacity_wh:
            return self.capacity_wh
        if self.profile.currents is not None and point.name == self.profile.currents.maximum:
            return self.profile.currents.maximum_a
        if point.name in (self.profile.identity.serial, self.profile.identity.model, self.profile.identity.version):
            return str(self.serial) if point.kind == "text" else float(self.serial)
        return None
