"""What a profile says of one kind of device, checked rule by rule; pure.

A profile is a YAML file that holds data only. Its file name is the family's name in the configuration. ``_blueprint.yaml`` in
``adapters/devices/chargers`` shows and explains every key.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from adapters.registers.points import SIZES, Kind, Point, Table, WriteFunction, write_function
from grid_functions.model.device import Vehicle
from grid_functions.model.reading import MeterKey
from grid_functions.model.units import Phase, Quantity

Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=400)]
Register = Annotated[int, Field(ge=0, le=0xFFFF)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Condition = dict[Word, int | Text | tuple[int | Text, ...]]
"""Values that points must show, all of them."""


class Sort(StrEnum):
    """What a device is."""

    CHARGER = "charger"
    METER = "meter"
    BATTERY = "battery"
    INVERTER = "inverter"


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


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PointSpec(_Strict):
    """One value of the map. What is not said is as the profile says. ``verified`` False: known from recollection only."""

    at: Register
    table: Table | None = None
    type: Kind = "u16"
    length: Annotated[int, Field(ge=1, le=32)] | None = None
    scale: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    words: Literal["big", "little"] | None = None
    bits: tuple[Annotated[int, Field(ge=0, le=63)], Annotated[int, Field(ge=1, le=64)]] | None = None
    absent: tuple[int, ...] = ()
    between: tuple[Finite, Finite] | None = None
    access: Literal["read", "write", "read-write"] = "read"
    function: WriteFunction | None = None
    read_back: Word | None = None
    verified: bool = True

    @property
    def size(self) -> int:
        """Registers."""
        return self.length or 1 if self.type == "text" else SIZES[self.type]


class Measure(_Strict):
    """A reading: the sum of ``points``; ``turn``: the map counts generation or discharge positive."""

    points: Annotated[tuple[Word, ...], Field(min_length=1, max_length=3)]
    turn: bool = False


class Rule(_Strict):
    """The vehicle's state where all of ``when`` is shown; the first rule that fits holds."""

    state: Literal["a", "b", "c", "d", "e", "f"]
    when: Condition = {}

    @property
    def vehicle(self) -> Vehicle:
        """As the house says it."""
        return Vehicle(self.state)


class Step(_Strict):
    """One write: ``value``, or what is wanted ``of`` the device, by ``values`` where the map numbers its choices."""

    point: Word
    value: Finite | None = None
    of: Amount | None = None
    values: dict[int, Finite] = {}


class CurrentsSpec(_Strict):
    """``maximum_a``: the hardware's; ``maximum``: the point at which the installer's setting shows; A per phase."""

    minimum_a: Annotated[float, Field(gt=0, le=63)] = 6.0
    maximum_a: Annotated[float, Field(gt=0, le=500)] = 32.0
    maximum: Word | None = None
    resolution_a: Annotated[float, Field(gt=0, le=6)] = 1.0
    phases: Literal[1, 3] = 3


class WatchdogSpec(_Strict):
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


class Manners(_Strict):
    """How it wants to be asked. ``join_gaps``: registers that no point names may be read along, up to so many in a row."""

    max_read: Annotated[int, Field(ge=1, le=125)] = 125
    one_value_per_read: bool = False
    join_gaps: Annotated[int, Field(ge=0, le=120)] = 0
    min_gap_s: Annotated[float, Field(ge=0, le=10)] = 0.0
    timeout_s: Annotated[float, Field(gt=0, le=60)] | None = None
    settle_s: Annotated[float, Field(ge=0, le=300)] = 5.0


class Line(_Strict):
    """The serial line as it is set in the box."""

    baud: int = 19200
    parity: Literal["N", "E", "O"] = "E"
    stop: Literal[1, 2] = 1


class Identity(_Strict):
    """Points that say who it is."""

    model: Word | None = None
    serial: Word | None = None
    version: Word | None = None


class Ratings(_Strict):
    """Points, or numbers, of what it is rated for: W, Wh."""

    rated_w: Word | float | None = None
    rated_charge_w: Word | float | None = None
    rated_discharge_w: Word | float | None = None
    capacity_wh: Word | float | None = None


class Profile(_Strict):
    """One kind of device. ``unit``: its usual unit id; ``port``: its usual port; ``connector_step``: registers between its connectors."""

    kind: Sort
    maker: Text
    model: Text
    transport: Annotated[tuple[Literal["tcp", "rtu"], ...], Field(min_length=1)]
    source: Text
    notes: Text | None = None
    unit: Annotated[int, Field(ge=0, le=255)] = 1
    port: Annotated[int, Field(ge=1, le=65535)] = 502
    line: Line | None = None
    table: Table = "holding"
    words: Literal["big", "little"] = "big"
    connector_step: Annotated[int, Field(ge=0, le=10000)] = 0
    manners: Manners = Manners()
    points: Annotated[dict[Word, PointSpec], Field(min_length=1)]
    identity: Identity = Identity()
    recognise: Condition = {}
    ratings: Ratings = Ratings()
    measures: dict[Text, Measure] = {}
    vehicle: tuple[Rule, ...] = ()
    orders: dict[Aim, Annotated[tuple[Step, ...], Field(min_length=1)]] = {}
    currents: CurrentsSpec | None = None
    watchdog: WatchdogSpec | None = None

    @property
    def verified(self) -> bool:
        """Whether nothing of it is recollection."""
        return not self.unverified

    @property
    def unverified(self) -> tuple[str, ...]:
        """What of it is recollection: points, and the watchdog."""
        points = sorted(name for name, point in self.points.items() if not point.verified)
        return (*points, *(("watchdog",) if self.watchdog is not None and not self.watchdog.verified else ()))

    def point(self, name: str, connector: int = 1) -> Point:
        """A point as the codec takes it; ``connector`` counts from 1."""
        spec = self.points[name]
        table = spec.table or self.table
        return Point(
            name,
            table,
            spec.at + (connector - 1) * self.connector_step,
            spec.type,
            spec.size,
            spec.scale,
            (spec.words or self.words) == "little" and spec.size > 1 and spec.type != "text",
            spec.bits,
            frozenset(spec.absent),
            *(spec.between or _BETWEEN),
            readable=spec.access != "write",
            writable=spec.access != "read",
            function=write_function(table, spec.size, spec.function),
            read_back=spec.read_back or "",
        )


_BETWEEN = (-1e12, 1e12)
_WORDS: Mapping[str, tuple[str, bool]] = {
    "power": (Quantity.NET, True),
    "reactive": (Quantity.REACTIVE, True),
    "current": (Quantity.CURRENT, True),
    "voltage": (Quantity.VOLTAGE, True),
    "frequency": (Quantity.FREQUENCY, False),
    "soc": (Quantity.STATE_OF_CHARGE, False),
    "stored_energy": (Quantity.STORED_ENERGY, False),
    "energy_consumed": (Quantity.ENERGY_CONSUMED, True),
    "energy_produced": (Quantity.ENERGY_PRODUCED, True),
    "session_energy": (Quantity.SESSION_ENERGY, False),
}


def meter_key(word: str) -> MeterKey | None:
    """``power`` or ``power.a`` as the house keys it; None: there is no such word."""
    quantity, _, phase = word.partition(".")
    known = _WORDS.get(quantity)
    if known is None or (phase and (not known[1] or phase not in tuple(Phase))):
        return None
    return Quantity(known[0]), Phase(phase) if phase else None


def inconsistencies(profile: Profile) -> Iterator[tuple[str, str]]:
    """What the shape alone does not forbid: (key, rule broken)."""
    points = profile.points
    for name, point in points.items():
        at = f"points.{name}"
        table = point.table or profile.table
        writable = point.access != "read"
        if (point.type == "text") != (point.length is not None):
            yield f"{at}.length", "a text has a length in registers, and nothing else has"
        if table in ("coil", "discrete") and point.type != "u16":
            yield f"{at}.type", "a coil or discrete input is u16: 0 or 1"
        if writable and table in ("input", "discrete"):
            yield f"{at}.access", f"a point of table {table} can only be read"
        if writable and (point.bits or point.type == "text"):
            yield f"{at}.access", "a part of a register, or a text, cannot be written"
        if point.function is not None and not writable:
            yield f"{at}.function", "what is only read needs no function to write it with"
        if (point.function == 5) != (table == "coil") and point.function is not None:
            yield f"{at}.function", "5 writes coils, and nothing else does"
        if point.function == 6 and point.size > 1:
            yield f"{at}.function", "6 writes one register"
        if point.read_back is not None and (point.read_back not in points or points[point.read_back].access == "write"):
            yield f"{at}.read_back", f"{point.read_back} is no point that can be read"
        if point.between is not None and point.between[0] > point.between[1]:
            yield f"{at}.between", "the lower bound lies above the upper"
        if point.at + point.size > 0x10000:
            yield f"{at}.at", "it ends beyond register 65535"
    yield from _references(profile)
    yield from _of_kind(profile)


def _references(profile: Profile) -> Iterator[tuple[str, str]]:
    readable = {name for name, point in profile.points.items() if point.access != "write"}
    named: list[tuple[str, str]] = [
        *((f"identity.{what}", name) for what, name in profile.identity if name is not None),
        *((f"ratings.{what}", name) for what, name in profile.ratings if isinstance(name, str)),
        *((f"measures.{word}", name) for word, one in profile.measures.items() for name in one.points),
        *((f"vehicle[{n}].when", name) for n, rule in enumerate(profile.vehicle) for name in rule.when),
        *(("recognise", name) for name in profile.recognise),
    ]
    if profile.currents is not None and profile.currents.maximum is not None:
        named.append(("currents.maximum", profile.currents.maximum))
    for key, name in named:
        if name not in readable:
            yield key, f"{name} is no point that can be read ({', '.join(sorted(readable))})"
    for word in profile.measures:
        if meter_key(word) is None:
            yield f"measures.{word}", f"no such quantity ({', '.join(_WORDS)}; per phase as power.a)"
    for key, step in _steps(profile):
        yield from _of_step(key, step, profile)


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
