"""What a profile says of one kind of device, checked rule by rule; pure.

A profile is a YAML file that holds data only. Its file name is the family's name in the configuration. ``_blueprint.yaml`` in
``adapters/devices/chargers`` shows and explains every key.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from adapters.registers.map import Condition, Finite, RegisterMap, Sort, Strict, Word, map_inconsistencies
from adapters.registers.points import Point
from grid_functions.model.device import Vehicle


class Aim(StrEnum):
    """What can be asked of a device; each is a sequence of steps."""

    CURRENT = "current"  # most amperes per phase
    PAUSE = "pause"  # no current at all
    PHASES = "phases"  # how many phases
    CHARGE = "charge"  # keep this power, W, into the battery
    DISCHARGE = "discharge"  # keep this power, W, out of it
    IDLE = "idle"  # keep 0 W
    PRODUCE_MAX = "produce_max"  # most power out of the device, W
    CONSUME_MAX = "consume_max"  # most power into the device, W


class Amount(StrEnum):
    """What a step writes that is not a constant."""

    CURRENT = "current"  # A
    PHASES = "phases"  # 1 or 3
    POWER = "power"  # W, a magnitude
    POWER_GENERATED = "power_generated"  # W, positive = out of the device
    POWER_CONSUMED = "power_consumed"  # W, positive = into the device
    SHARE = "share"  # percent of the rating
    FALLBACK = "fallback"  # A
    TIMEOUT = "timeout"  # s


class Rule(Strict):
    """The vehicle's state where all of ``when`` is shown; the first rule that fits holds."""

    state: Literal["a", "b", "c", "d", "e", "f"]
    when: Condition = Field(default_factory=dict)

    @property
    def vehicle(self) -> Vehicle:
        """As the house says it."""
        return Vehicle(self.state)


class Step(Strict):
    """One write: ``value``, or what is wanted ``of`` the device, by ``values`` where the map numbers its choices."""

    point: Word
    value: Finite | None = None
    of: Amount | None = None
    values: dict[int, Finite] = Field(default_factory=dict)


class CurrentsSpec(Strict):
    """``maximum_a``: the hardware's; ``maximum``: the point at which the installer's setting shows; A per phase."""

    minimum_a: Annotated[float, Field(gt=0, le=63)] = 6.0
    maximum_a: Annotated[float, Field(gt=0, le=500)] = 32.0
    maximum: Word | None = None
    resolution_a: Annotated[float, Field(gt=0, le=6)] = 1.0
    phases: Literal[1, 3] = 3


class WatchdogSpec(Strict):
    """What it does when it is not told again.

    ``fed_by``: any request (read), a write of the limit (write), or a ``token``. ``timeout_s``: as the device has it from its box or as
    it is set by ``setup``; ``fallback_a``: the same. ``setup``: steps that set both. ``anew``: points to be written again although
    they read as wanted. ``verified``: seen on a device or told by its maker; else its fallback counts for nothing.
    """

    fed_by: Literal["read", "write", "token"]
    timeout_s: Annotated[float, Field(ge=2, le=86400)]
    fallback_a: Annotated[float, Field(ge=0, le=500)] = 6.0
    token: Step | None = None
    setup: tuple[Step, ...] = ()
    anew: tuple[Word, ...] = ()
    beat_s: Annotated[float, Field(ge=0.5, le=600)] | None = None
    verified: bool = False


class Ratings(Strict):
    """Points, or numbers, of what it is rated for: W, Wh."""

    rated_w: Word | float | None = None
    rated_charge_w: Word | float | None = None
    rated_discharge_w: Word | float | None = None
    capacity_wh: Word | float | None = None


class Profile(RegisterMap):
    """One kind of charger, meter, battery or inverter. ``connector_step``: registers between its connectors."""

    kind: Literal[Sort.CHARGER, Sort.METER, Sort.BATTERY, Sort.INVERTER]
    connector_step: Annotated[int, Field(ge=0, le=10000)] = 0
    ratings: Ratings = Ratings()
    vehicle: tuple[Rule, ...] = ()
    orders: dict[Aim, Annotated[tuple[Step, ...], Field(min_length=1)]] = Field(default_factory=dict)
    currents: CurrentsSpec | None = None
    watchdog: WatchdogSpec | None = None

    @property
    def unverified(self) -> tuple[str, ...]:
        """What of it is recollection: points, and the watchdog."""
        sure = self.watchdog is None or self.watchdog.verified
        return (*super().unverified, *(() if sure else ("watchdog",)))

    def point(self, name: str, connector: int = 1) -> Point:
        """A point as the codec takes it; ``connector`` counts from 1."""
        return self.placed(name, (connector - 1) * self.connector_step)


def inconsistencies(profile: Profile) -> Iterator[tuple[str, str]]:
    """What the shape alone does not forbid: (key, rule broken)."""
    named = [
        *((f"ratings.{what}", name) for what, name in profile.ratings if isinstance(name, str)),
        *((f"vehicle[{n}].when", name) for n, rule in enumerate(profile.vehicle) for name in rule.when),
    ]
    if profile.currents is not None and profile.currents.maximum is not None:
        named.append(("currents.maximum", profile.currents.maximum))
    yield from map_inconsistencies(profile, named)
    for key, step in _steps(profile):
        yield from _of_step(key, step, profile)
    yield from _of_kind(profile)


def _of_step(key: str, step: Step, profile: Profile) -> Iterator[tuple[str, str]]:
    if step.point not in profile.points or profile.points[step.point].access == "read":
        yield key, f"{step.point} is no point that can be written"
    if (step.value is None) == (step.of is None):
        yield key, "a step has either a value, or what it is of"
    if step.values and step.of is not Amount.PHASES:
        yield f"{key}.values", "only phases are numbered"


def _steps(profile: Profile) -> Iterator[tuple[str, Step]]:
    for aim, steps in profile.orders.items():
        yield from ((f"orders.{aim}[{n}]", step) for n, step in enumerate(steps))
    if profile.watchdog is not None:
        yield from ((f"watchdog.setup[{n}]", step) for n, step in enumerate(profile.watchdog.setup))
        if profile.watchdog.token is not None:
            yield "watchdog.token", profile.watchdog.token


def _of_kind(profile: Profile) -> Iterator[tuple[str, str]]:
    orders, watchdog = profile.orders, profile.watchdog
    if profile.kind is Sort.CHARGER:
        if Aim.CURRENT not in orders or Aim.PAUSE not in orders:
            yield "orders", "a charger can be told a current and a pause"
        if profile.currents is None:
            yield "currents", "a charger says what currents it takes"
        if not profile.vehicle:
            yield "vehicle", "a charger says how the vehicle's state is read"
        if strangers := sorted(orders.keys() - {Aim.CURRENT, Aim.PAUSE, Aim.PHASES}):
            yield f"orders.{strangers[0]}", "a charger is told current, pause and phases, nothing else"
    elif profile.currents is not None or watchdog is not None or profile.vehicle:
        yield "kind", "currents, vehicle and watchdog are a charger's"
    if profile.kind is Sort.METER and orders:
        yield "orders", "a meter is told nothing"
    if profile.kind is Sort.METER and "power" not in profile.measures:
        yield "measures", "a meter measures power"
    if len({Aim.CHARGE, Aim.DISCHARGE, Aim.IDLE} & orders.keys()) not in (0, 3):
        yield "orders", "charge, discharge and idle come together"
    for aim, steps in orders.items():
        of = _AMOUNTS[aim]
        if of and not any(step.of in of for step in steps):
            yield f"orders.{aim}", f"one of its steps is of {' or '.join(sorted(of))}"
        if aim is not Aim.PHASES and any(
            not profile.point(step.point).shown_by for step in steps if step.point in profile.points and step.of
        ):
            yield f"orders.{aim}", "what is told must be readable somewhere: give the point a read_back"
        if not of and not any(profile.point(s.point).shown_by for s in steps if s.point in profile.points):
            yield f"orders.{aim}", "what is told must be readable somewhere: give one of its points a read_back"
    if watchdog is not None:
        if (watchdog.fed_by == "token") != (watchdog.token is not None):
            yield "watchdog.token", "it is fed by a token, or it has none"
        for n, name in enumerate(watchdog.anew):
            if name not in {step.point for _, step in _steps(profile)}:
                yield f"watchdog.anew[{n}]", f"{name} is not written by any step"
        if watchdog.fed_by == "write" and not watchdog.anew:
            yield "watchdog.anew", "what is fed by writing says what is written anew"


_AMOUNTS: Mapping[Aim, frozenset[Amount]] = {
    Aim.CURRENT: frozenset({Amount.CURRENT}),
    Aim.PAUSE: frozenset(),
    Aim.PHASES: frozenset({Amount.PHASES}),
    Aim.CHARGE: frozenset({Amount.POWER, Amount.POWER_CONSUMED, Amount.POWER_GENERATED, Amount.SHARE}),
    Aim.DISCHARGE: frozenset({Amount.POWER, Amount.POWER_CONSUMED, Amount.POWER_GENERATED, Amount.SHARE}),
    Aim.IDLE: frozenset(),
    Aim.PRODUCE_MAX: frozenset({Amount.POWER, Amount.SHARE}),
    Aim.CONSUME_MAX: frozenset({Amount.POWER, Amount.SHARE}),
}
