"""What every register map says: where its values stand, who it is, what it measures; checked rule by rule; pure."""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from adapters.registers.points import SIZES, Kind, Point, Table, WriteFunction, write_function
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
    HEATER = "heater"


class Strict(BaseModel):
    """Nothing that is not named, and nothing changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PointSpec(Strict):
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


class Measure(Strict):
    """A reading: the sum of ``points``; ``turn``: the map counts generation or discharge positive."""

    points: Annotated[tuple[Word, ...], Field(min_length=1, max_length=3)]
    turn: bool = False


class Manners(Strict):
    """How it wants to be asked. ``join_gaps``: registers that no point names may be read along, up to so many in a row."""

    max_read: Annotated[int, Field(ge=1, le=125)] = 125
    one_value_per_read: bool = False
    join_gaps: Annotated[int, Field(ge=0, le=120)] = 0
    min_gap_s: Annotated[float, Field(ge=0, le=10)] = 0.0
    timeout_s: Annotated[float, Field(gt=0, le=60)] | None = None
    settle_s: Annotated[float, Field(ge=0, le=300)] = 5.0


class Line(Strict):
    """The serial line as it is set in the box."""

    baud: int = 19200
    parity: Literal["N", "E", "O"] = "E"
    stop: Literal[1, 2] = 1


class Identity(Strict):
    """Points that say who it is."""

    model: Word | None = None
    serial: Word | None = None
    version: Word | None = None


class RegisterMap(Strict):
    """One kind of device. ``unit``: its usual unit id; ``port``: its usual port."""

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
    manners: Manners = Manners()
    points: Annotated[dict[Word, PointSpec], Field(min_length=1)]
    identity: Identity = Identity()
    recognise: Condition = {}
    measures: dict[Text, Measure] = {}

    @property
    def verified(self) -> bool:
        """Whether nothing of it is recollection."""
        return not self.unverified

    @property
    def unverified(self) -> tuple[str, ...]:
        """What of it is recollection."""
        return tuple(sorted(name for name, point in self.points.items() if not point.verified))

    @property
    def readable(self) -> frozenset[str]:
        """Points that can be read."""
        return frozenset(name for name, point in self.points.items() if point.access != "write")

    def placed(self, name: str, shift: int = 0) -> Point:
        """A point as the codec takes it, so many registers further on."""
        spec = self.points[name]
        table = spec.table or self.table
        return Point(
            name,
            table,
            spec.at + shift,
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
    "temperature": (Quantity.TEMPERATURE, False),
}


def meter_key(word: str) -> MeterKey | None:
    """``power`` or ``power.a`` as the house keys it; None: there is no such word."""
    quantity, _, phase = word.partition(".")
    known = _WORDS.get(quantity)
    if known is None or (phase and (not known[1] or phase not in tuple(Phase))):
        return None
    return Quantity(known[0]), Phase(phase) if phase else None


def map_inconsistencies(of: RegisterMap, named: Iterable[tuple[str, str]] = ()) -> Iterator[tuple[str, str]]:
    """What the shape alone does not forbid: (key, rule broken). ``named``: (key, point) of what else must be readable."""
    points = of.points
    for name, point in points.items():
        at = f"points.{name}"
        table = point.table or of.table
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
    read: list[tuple[str, str]] = [
        *((f"identity.{what}", name) for what, name in of.identity if name is not None),
        *((f"measures.{word}", name) for word, one in of.measures.items() for name in one.points),
        *(("recognise", name) for name in of.recognise),
        *named,
    ]
    for key, name in read:
        if name not in of.readable:
            yield key, f"{name} is no point that can be read ({', '.join(sorted(of.readable))})"
    for word in of.measures:
        if meter_key(word) is None:
            yield f"measures.{word}", f"no such quantity ({', '.join(_WORDS)}; per phase as power.a)"
