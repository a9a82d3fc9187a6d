"""What area functions and their members write to each other: frozen types as canonical JSON, in typed one-way channels.

A channel is one function's and one direction's; it carries the kinds named here and nothing else, each up to its own size. What is too
large, unknown, or holds anything but what its type says is refused before anyone looks at it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar

from grid_functions import shape
from grid_functions.model.errors import MalformedMessage, OurFault
from grid_functions.model.lease import Message
from grid_functions.shape import Shape

T = TypeVar("T")

PLANNED = frozenset({"day_ahead", "xor_market"})
"""Functions whose leases carry a plan that a member has made itself and agreed to: its steward alone carries it out."""

LONGEST = shape.LONGEST
"""Values of a series at most."""


class Way(StrEnum):
    """The directions, never mixed."""

    DOWN = "down"  # from the area to its member
    UP = "up"
    ORDER = "order"  # from operator or API to the area's function; what has a default may be left out


@dataclass(frozen=True, slots=True)
class Prices:
    """A price of a coordination: ``added`` to the standing tariff by step, currency per kWh; ``round``: its number, each of which is
    answered by itself.
    """

    talks: str
    round: int
    start_utc_s: float
    step_s: float
    added: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Profile:
    """A member's answer to one price: what the plan costs it at its standing tariff, and its net power by step, kW, positive = import."""

    talks: str
    round: int
    cost: float
    net_kw: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Agreed:
    """The end of the talks: the plan as weights on the member's own answers, and the profile they amount to."""

    talks: str
    rounds: tuple[int, ...]
    weights: tuple[float, ...]
    net_kw: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """How much could you move? For ``duration_s`` from ``start_utc_s``."""

    request: str
    start_utc_s: float
    duration_s: float


@dataclass(frozen=True, slots=True)
class Flexibility:
    """What a member could add (``up_kw``) or shed (``down_kw``) against ``base_kw``, each >= 0, and for how long."""

    request: str
    up_kw: float
    down_kw: float
    base_kw: float
    duration_s: float


@dataclass(frozen=True, slots=True)
class Offers:
    """A market opens: prices by interval, currency per kWh of reduction, at which bids are asked for.

    ``base_kw`` by interval: the member's measured baseline, against which all it delivers is verified; none = it has none and may not bid.
    ``most_beside_kw``: what a winner may take before the intervals, and for ``beside_s`` after them; 0 s = as much as it likes.
    """

    market: str
    start_utc_s: float
    step_s: float
    prices: tuple[float, ...]
    base_kw: tuple[float, ...]
    most_beside_kw: float = 0.0
    beside_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Bid:
    """One package, whole or not at all: reduction by interval, kW >= 0, for ``price`` currency in total."""

    id: str
    kw: tuple[float, ...]
    price: float


@dataclass(frozen=True, slots=True)
class Bids:
    """A member's bids, of which at most one can win (XOR)."""

    market: str
    bids: tuple[Bid, ...]


@dataclass(frozen=True, slots=True)
class Award:
    """The bid that won; empty = none of this member's."""

    market: str
    bid: str


@dataclass(frozen=True, slots=True)
class Bare:
    """An order that says no more than its kind."""


@dataclass(frozen=True, slots=True)
class Open:
    """An order: open a market now. ``wanted_kw`` by interval, none = as configured; ``start_utc_s`` 0 = after the configured lead."""

    wanted_kw: tuple[float, ...] = ()
    start_utc_s: float = 0.0


@dataclass(frozen=True, slots=True)
class SurveyFlexibility:
    """An order: ask all how much they could move; ``start_utc_s`` 0 = as soon as they have answered."""

    duration_s: float
    start_utc_s: float = 0.0


@dataclass(frozen=True, slots=True)
class MoveLoad:
    """An order: shed ``kw``, or add as much where it is negative, of what members said they could move; ``start_utc_s`` 0 = now."""

    kw: float
    duration_s: float
    start_utc_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Temperature:
    """An order: this setpoint to all thermostats, degrees Celsius."""

    value_c: float
    duration_s: float


@dataclass(frozen=True, slots=True)
class Charge:
    """An order: this state of charge to all storage and vehicles, percent."""

    charge_pct: float
    duration_s: float


@dataclass(frozen=True, slots=True)
class PowerLimit:
    """An order: no more than this of all members together; ``duration_s`` 0 = until it is restored."""

    limit_kw: float
    duration_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Restore:
    """An order: end ``what`` was ordered before its time; "" = all of it."""

    what: str = ""


@dataclass(frozen=True, slots=True)
class EachLimit:
    """An order: no member imports more than this, kW, until it is restored."""

    limit_kw: float


@dataclass(frozen=True, slots=True)
class EachLimits:
    """An order: no member imports more than this, kW by step."""

    start_utc_s: float
    step_s: float
    limits_kw: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class EachPrices:
    """An order: what energy costs, currency per kWh by step."""

    start_utc_s: float
    step_s: float
    prices: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Weather:
    """What a provider foresees, by step: air in degrees Celsius, irradiance on the array in W/m2."""

    start_utc_s: float
    step_s: float
    outdoor_c: tuple[float, ...]
    sun_w_m2: tuple[float, ...]


Channels: TypeAlias = Mapping[tuple[str, Way], Mapping[str, tuple[type[Any], int]]]
"""By function and direction: each kind with its type and its most bytes."""

Shapes: TypeAlias = Mapping[tuple[str, Way], Mapping[str, tuple[Shape, int]]]
"""The same with shapes in place of types."""

CHANNELS: Channels = MappingProxyType(
    {
        ("day_ahead", Way.DOWN): {"prices": (Prices, 32_768), "agreed": (Agreed, 49_152)},
        ("day_ahead", Way.UP): {"profile": (Profile, 32_768)},
        ("day_ahead", Way.ORDER): {"begin": (Bare, 64)},
        ("direct_load_control", Way.DOWN): {"asked": (Asked, 512)},
        ("direct_load_control", Way.UP): {"flexibility": (Flexibility, 512)},
        ("direct_load_control", Way.ORDER): {
            "flexibility": (SurveyFlexibility, 512),
            "event": (MoveLoad, 512),
            "thermostat": (Temperature, 512),
            "charge": (Charge, 512),
            "limit": (PowerLimit, 512),
            "restore": (Restore, 512),
        },
        ("schedule", Way.ORDER): {
            "limit_each": (EachLimit, 512),
            "limits_each": (EachLimits, 32_768),
            "prices_each": (EachPrices, 32_768),
            "restore": (Restore, 512),
        },
        ("cold_load_pickup", Way.ORDER): {"begin": (Bare, 64), "end": (Bare, 64)},
        ("home", Way.DOWN): {"weather": (Weather, 65_536)},
        ("xor_market", Way.DOWN): {"offers": (Offers, 32_768), "award": (Award, 512)},
        ("xor_market", Way.UP): {"bids": (Bids, 65_536)},
        ("xor_market", Way.ORDER): {"open": (Open, 32_768)},
    }
)
"""Those of our own functions."""

SHAPES: Shapes = {
    channel: {name: (shape.of(kind), most) for name, (kind, most) in kinds.items()}
    for channel, kinds in CHANNELS.items()
}
"""The same, where types do not matter."""


def write(letter: object, function: str, to: str, sender: str, about: str, channels: Channels = CHANNELS) -> Message:
    """A letter as a message, told apart by what it is ``about``. OurFault for what is no letter of these channels."""
    kind = next(
        (name for kinds in channels.values() for name, (of, _) in kinds.items() if of is type(letter)),
        None,
    )
    if kind is None:
        raise OurFault(f"{type(letter).__name__} is no letter")
    body = json.dumps(_plain(letter), sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    return Message(function, to, sender, kind, about, body)


def read(message: Message, way: Way, channels: Channels = CHANNELS) -> Any:
    """The letter in a message that came ``way``. Raises MalformedMessage with what is wrong with it."""
    kind, most = _known(message, way, channels)
    return shape.made(shape.fitting(message.body, shape.of(kind), most, message.kind), kind)


def examine(message: Message, way: Way, shapes: Shapes) -> None:
    """Raises MalformedMessage when it is no letter of these channels."""
    known, most = _known(message, way, shapes)
    shape.fitting(message.body, known, most, message.kind)


def _known(message: Message, way: Way, channels: Mapping[tuple[str, Way], Mapping[str, T]]) -> T:
    channel = channels.get((message.function, way))
    if channel is None:
        raise MalformedMessage(f"there is no channel {way.value} for {message.function!r}")
    known = channel.get(message.kind)
    if known is None:
        raise MalformedMessage(f"the channel {way.value} of {message.function} carries no {message.kind!r}")
    return known


def _plain(value: object) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value
