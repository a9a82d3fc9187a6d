"""Setpoints <-> steps: what is written to a map so that a device obeys, and what it obeys by what can be read; pure."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from adapters.registers.options import RegisterOptions
from adapters.registers.points import Point, Value
from adapters.registers.profile import Aim, Amount, Profile, Step
from adapters.registers.spans import Values
from grid_functions.model.setpoint import Setpoint

NOMINAL_V: Final = 230.0
"""Interpretation: watts asked of a charger are amperes at the nominal voltage; who must hold watts closely measures and asks again."""


@dataclass(frozen=True, slots=True)
class Put:
    """A value due at a point, as near as its registers come; ``anew``: to be written again although it reads so."""

    point: Point
    value: float
    registers: tuple[int, ...]
    anew: bool = False

    def shown(self, values: Mapping[str, Value | None]) -> bool:
        """Whether the map reads so already. A point that shows nowhere tells nothing against it."""
        if not self.point.shown_by:
            return True
        read = values.get(self.point.shown_by)
        return isinstance(read, int | float) and abs(read - self.value) <= quantum(self.point) / 2


Sequence = tuple[Put, ...]


@dataclass(frozen=True, slots=True)
class Cannot:
    """What is wanted cannot be said to the device."""

    why: str


@dataclass(frozen=True, slots=True)
class Rating:
    """What percent are of, and what a charger may be told: W, A per phase, phases as wired."""

    rated_w: float | None = None
    minimum_a: float = 6.0
    maximum_a: float = 0.0
    resolution_a: float = 1.0
    phases: int = 3


OPTIONAL: Final[tuple[Aim | None, ...]] = (Aim.PHASES, None)
"""What a device of a kind may lack and still be one: the choice of phases, and (None) a fallback that can be set."""


class Orders:
    """The orders of one profile. ``points``: of the map, by name. ``lacks``: which of :data:`OPTIONAL` this device does not have."""

    def __init__(
        self,
        profile: Profile,
        options: RegisterOptions,
        points: Mapping[str, Point],
        lacks: frozenset[Aim | None] = frozenset(),
    ) -> None:
        self._orders = {aim: steps for aim, steps in profile.orders.items() if aim not in lacks}
        self._points = points
        self._setup = profile.watchdog.setup if profile.watchdog is not None and None not in lacks else ()
        dog = profile.watchdog
        self.fallback_a = options.fallback_a if options.fallback_a is not None else (dog.fallback_a if dog else 0.0)
        self.timeout_s = options.timeout_s if options.timeout_s is not None else (dog.timeout_s if dog else 0.0)
        self._anew = frozenset(dog.anew) if dog else frozenset()
        told = tuple(self._told())
        self.read: Final = frozenset(one.shown_by for _, _, one in told if one.shown_by)
        """The points at which what was told can be read back."""
        self._named = {aim: frozenset(one.name for of, _, one in told if of is aim) for aim in (*Aim, None)}
        self._last: tuple[Setpoint, Rating, tuple[list[Sequence | Cannot], frozenset[str]]] | None = None
        self._held: tuple[tuple[Value | None, ...], Rating, Setpoint] | None = None
        self._made: dict[tuple[Aim, float], Sequence | Cannot] = {}
        self._made_for: Rating | None = None
        made = self._puts(self._setup, 0.0, Rating())
        self.setup: Final[Sequence] = () if isinstance(made, Cannot) else made
        """What makes a charger fall back as it should when we are silent."""
        tokens = self._puts((dog.token,) if dog and dog.token else (), 0.0, Rating())
        self.token: Final = None if isinstance(tokens, Cannot) or not tokens else tokens[0]
        """What it wants to be written every so often, to know that we are here."""

    def has(self, *aims: Aim) -> bool:
        """Whether it can be asked for all of these."""
        return all(aim in self._orders for aim in aims)

    def lacking(self, values: Mapping[str, Value | None]) -> frozenset[Aim | None]:
        """What it does not have, by what its map gives no value for."""
        mute = {one.name for one in self._points.values() if one.shown_by and values.get(one.shown_by) is None}
        return frozenset(aim for aim in OPTIONAL if self._named[aim] & mute)

    def told(self, wanted: Setpoint, rating: Rating) -> list[Sequence | Cannot]:
        """What is to be written, in this order: the limit first, for nothing else protects anybody."""
        return self._asked(wanted, rating)[0]

    def shown(self, values: Mapping[str, Value | None]) -> tuple[Value | None, ...]:
        """All that what was told can be read back by: what is written, and what holds, follows from nothing else that is read."""
        return tuple([values.get(name) for name in self.read])

    def holds(self, values: Values, rating: Rating) -> Setpoint | None:
        """What the device obeys by what was read; None when some of it has no value."""
        read = self.shown(values)
        if None in read:
            return None
        last = self._held
        if last is None or last[0] != read or last[1] is not rating:
            last = self._held = read, rating, self._obeyed(values, rating)
        return last[2]

    def _obeyed(self, values: Values, rating: Rating) -> Setpoint:
        shown = {aim: self._shows(aim, values, rating) for aim in self._orders}
        current_a = 0.0 if shown.get(Aim.PAUSE) is not None else shown.get(Aim.CURRENT)
        phases, consume_w = shown.get(Aim.PHASES), shown.get(Aim.CONSUME_MAX)
        if current_a is not None:
            consume_w = current_a * NOMINAL_V * (phases or rating.phases)
        return Setpoint(
            "",
            produce_max_w=shown.get(Aim.PRODUCE_MAX),
            consume_max_w=consume_w,
            target_w=_target_w(shown) if Aim.IDLE in shown else None,
            current_max_a=current_a,
            phases=None if phases is None else round(phases),
            # Interpretation: a charger has no other switch, so a pause is its off.
            on=None if current_a is None else current_a > 0,
        )

    def concerned(self, wanted: Setpoint, rating: Rating) -> frozenset[str]:
        """The points that a setpoint decides, those that make the fallback with a current among them."""
        return self._asked(wanted, rating)[1]

    def _asked(self, wanted: Setpoint, rating: Rating) -> tuple[list[Sequence | Cannot], frozenset[str]]:
        """Both, made once for what is wanted: a driver asks for them several times in a look."""
        if self._last is not None and self._last[0] is wanted and self._last[1] is rating:
            return self._last[2]
        asked = tuple(self._aims(wanted, rating))
        aims: set[Aim | None] = {aim for aim, _ in asked}
        if not aims.isdisjoint(_CHARGING):
            aims |= {*_CHARGING, None}
        if not aims.isdisjoint(_STORING):
            aims |= _STORING
        concerned = frozenset[str]().union(*(self._named[aim] for aim in aims))
        made = [self._sequence(aim, amount, rating) for aim, amount in asked], concerned
        self._last = (wanted, rating, made)
        return made

    def _told(self) -> Iterator[tuple[Aim | None, Step, Point]]:
        for aim, steps in self._orders.items():
            yield from ((aim, step, self._points[step.point]) for step in steps)
        for step in self._setup:
            yield None, step, self._points[step.point]

    def _aims(self, wanted: Setpoint, rating: Rating) -> Iterator[tuple[Aim, float]]:
        current_a = wanted.current_max_a
        if current_a is None and wanted.consume_max_w is not None and Aim.CURRENT in self._orders:
            current_a = wanted.consume_max_w / (NOMINAL_V * (wanted.phases or rating.phases))
        off = False in (wanted.on, wanted.connect)
        if off:
            current_a = 0.0
        if current_a is not None:
            # Rule 1: what lies between nothing and the least current is nothing. What is no number allows nothing either.
            runs = current_a >= rating.minimum_a - 1e-9
            yield (
                (Aim.CURRENT, _down(min(current_a, rating.maximum_a), rating.resolution_a))
                if runs
                else (Aim.PAUSE, 0.0)
            )
        if wanted.phases is not None:
            yield Aim.PHASES, float(wanted.phases)
        if wanted.produce_max_w is not None:
            yield Aim.PRODUCE_MAX, max(0.0, wanted.produce_max_w)
        if wanted.consume_max_w is not None and Aim.CURRENT not in self._orders:
            yield Aim.CONSUME_MAX, max(0.0, wanted.consume_max_w)
        target_w = 0.0 if off and Aim.IDLE in self._orders else wanted.target_w
        if target_w is not None:
            aim = Aim.IDLE if not target_w else (Aim.CHARGE if target_w > 0 else Aim.DISCHARGE)
            yield aim, abs(target_w)

    def _sequence(self, aim: Aim, amount: float, rating: Rating) -> Sequence | Cannot:
        """Kept: a charger is told one of few currents again and again."""
        if aim not in self._orders:
            return Cannot(f"cannot be told {aim.value.replace('_', ' ')}")
        if self._made_for is not rating or len(self._made) >= _MOST_KEPT:
            self._made, self._made_for = {}, rating
        made = self._made.get((aim, amount))
        if made is None:
            limits = aim in (Aim.PRODUCE_MAX, Aim.CONSUME_MAX)
            signed = -amount if aim is Aim.DISCHARGE else amount
            made = self._made[aim, amount] = self._puts(self._orders[aim], signed, rating, limits=limits)
        return made

    def _puts(self, steps: Iterable[Step], amount: float, rating: Rating, *, limits: bool = False) -> Sequence | Cannot:
        """``amount``: of a power positive when consumed. ``limits``: what is beyond the registers of a limit is as good as their most."""
        puts = []
        for step in steps:
            point = self._points[step.point]
            value = step.value if step.value is not None else self._value(step, amount, rating)
            registers = None
            if value is not None:
                registers = point.encode(min(value, point.most) if limits else value, up=value < 0)
            if value is None or registers is None:
                return Cannot(f"{point.name}: cannot hold {amount:g}")
            shown = point.decode(b"".join(one.to_bytes(2, "big") for one in registers))
            said = float(shown) if isinstance(shown, int | float) else value
            puts.append(Put(point, said, registers, point.name in self._anew))
        return tuple(puts)

    def _value(self, step: Step, amount: float, rating: Rating) -> float | None:
        match step.of:
            case Amount.CURRENT:
                return amount
            case Amount.PHASES:
                return step.values.get(round(amount)) if step.values else amount
            case Amount.POWER:
                return abs(amount)
            case Amount.POWER_CONSUMED:
                return amount
            case Amount.POWER_GENERATED:
                return -amount
            case Amount.SHARE:
                return None if not rating.rated_w else min(100.0, 100.0 * abs(amount) / rating.rated_w)
            case Amount.FALLBACK:
                return self.fallback_a
            case Amount.TIMEOUT:
                return self.timeout_s
            case _:
                return None

    def _shows(self, aim: Aim, values: Values, rating: Rating) -> float | None:
        """The amount that the map shows for this aim; None when it is not what holds."""
        amount: float | None = 0.0
        for step in self._orders[aim]:
            point = self._points[step.point]
            read = values.get(point.shown_by) if point.shown_by else None
            if not isinstance(read, int | float):
                continue
            if step.value is not None:
                if abs(read - step.value) > quantum(point) / 2:
                    return None
            elif step.of is Amount.PHASES and step.values:
                amount = next((float(n) for n, one in step.values.items() if one == read), None)
            elif step.of is Amount.SHARE:
                amount = None if rating.rated_w is None else read * rating.rated_w / 100
            elif step.of in (Amount.CURRENT, Amount.PHASES):
                amount = float(read)
            elif step.of in _POWERS:
                amount = abs(float(read))
                if step.of is not Amount.POWER and not _directed(aim, step, read):
                    return None
        return amount


def _target_w(shown: Mapping[Aim, float | None]) -> float | None:
    charge_w, discharge_w = shown[Aim.CHARGE], shown[Aim.DISCHARGE]
    if charge_w is not None:
        return charge_w
    if discharge_w is not None:
        return -discharge_w
    return None if shown[Aim.IDLE] is None else 0.0


def quantum(point: Point) -> float:
    """The least difference that two of its values can have and mean something."""
    return point.scale if point.kind not in ("f32", "f64") else 0.01 * point.scale


def _directed(aim: Aim, step: Step, read: float) -> bool:
    consumed = read if step.of is Amount.POWER_CONSUMED else -read
    return consumed > 0 if aim is Aim.CHARGE else (consumed < 0 if aim is Aim.DISCHARGE else True)


def _down(value: float, step: float) -> float:
    return math.floor(value / step + 1e-6) * step


_MOST_KEPT: Final = 64
_CHARGING: Final = frozenset({Aim.CURRENT, Aim.PAUSE})
_STORING: Final = frozenset({Aim.CHARGE, Aim.DISCHARGE, Aim.IDLE})
_POWERS: Final = frozenset({Amount.POWER, Amount.POWER_CONSUMED, Amount.POWER_GENERATED})
