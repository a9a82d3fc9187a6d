"""What a profile says of one kind of heater: the register map, and what of it is set; checked rule by rule; pure.

One device has one setpoint: where a box has several (a room each, and a tank), each is a profile of its own. ``_blueprint.yaml`` in
``adapters/devices/heaters`` shows and explains every key.
"""

from collections.abc import Iterator
from functools import cache
from typing import Annotated, Final, Literal

from pydantic import Field

from adapters.registers.library import read_map, shipped_file
from adapters.registers.map import RegisterMap, Sort, Strict, Word, map_inconsistencies
from adapters.registers.points import Point

PACKAGE: Final = "adapters.devices.heaters"
Degrees = Annotated[float, Field(ge=-60, le=150, allow_inf_nan=False)]


class TemperatureSpec(Strict):
    """Its setpoint, degrees Celsius. ``writes_per_day``: so often it may be set, since that is kept in memory that wears; None = freely."""

    point: Word
    least_c: Degrees
    most_c: Degrees
    step_k: Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)]
    writes_per_day: Annotated[int, Field(ge=1, le=100_000)] | None = None


class SwitchSpec(Strict):
    """What switches it: its values for on and off (both words are no keys of YAML); any other is a mode that is left alone."""

    point: Word
    value_on: int
    value_off: int


class Knobs(Strict):
    """What is set."""

    temperature: TemperatureSpec
    switch: SwitchSpec | None = None


class HeaterProfile(RegisterMap):
    """One kind of heater. ``rated_w``: the point, or number, of the most power it takes, W."""

    kind: Literal[Sort.HEATER]
    rated_w: Word | Annotated[float, Field(gt=0, le=1e8, allow_inf_nan=False)] | None = None
    knobs: Knobs

    def point(self, name: str) -> Point:
        """A point as the codec takes it."""
        return self.placed(name)

    @property
    def controls(self) -> tuple[str, ...]:
        """What it can be told, in the words of the catalogue."""
        return ("thermostat", "switch") if self.knobs.switch is not None else ("thermostat",)


def inconsistencies(profile: HeaterProfile) -> Iterator[tuple[str, str]]:
    """What the shape alone does not forbid: (key, rule broken)."""
    rated = [("rated_w", profile.rated_w)] if isinstance(profile.rated_w, str) else []
    yield from map_inconsistencies(profile, rated)
    if "temperature" not in profile.measures:
        yield "measures", "a heater measures a temperature"
    heat, switch = profile.knobs.temperature, profile.knobs.switch
    yield from _settable(profile, "knobs.temperature.point", heat.point)
    if heat.least_c >= heat.most_c:
        yield "knobs.temperature.least_c", "it lies below most_c"
    spec = profile.points.get(heat.point)
    if spec is not None and spec.type not in ("f32", "f64"):
        counts = heat.step_k / spec.scale
        if round(counts) < 1 or abs(counts - round(counts)) > _CRUMB:
            yield "knobs.temperature.step_k", f"it is no whole number of its point's scale, {spec.scale:g}"
    if spec is not None and any(_cannot_hold(profile, heat.point, end) for end in (heat.least_c, heat.most_c)):
        yield "knobs.temperature", f"{heat.point} cannot hold least_c and most_c"
    if switch is None:
        return
    yield from _settable(profile, "knobs.switch.point", switch.point)
    if switch.value_on == switch.value_off:
        yield "knobs.switch.value_off", "on and off are told apart"
    if switch.point in profile.points and any(
        _cannot_hold(profile, switch.point, one) for one in (switch.value_on, switch.value_off)
    ):
        yield "knobs.switch", f"{switch.point} cannot hold on and off"


@cache
def heater(name: str) -> HeaterProfile:
    """A shipped profile, read once. Raises ConfigurationFault."""
    return read_heater(*shipped_file(name, PACKAGE))


def read_heater(text: str, name: str) -> HeaterProfile:
    """The profile in a file of this name. Raises ConfigurationFault with all its mistakes: file, key, rule broken."""
    return read_map(text, name, HeaterProfile, inconsistencies)


_CRUMB: Final = 1e-6


def _settable(profile: HeaterProfile, key: str, name: str) -> Iterator[tuple[str, str]]:
    spec = profile.points.get(name)
    if spec is None or spec.access == "read":
        yield key, f"{name} is no point that can be written"
    elif spec.access == "write" and spec.read_back is None:
        yield key, "what is told must be readable somewhere: give the point a read_back"


def _cannot_hold(profile: HeaterProfile, name: str, value: float) -> bool:
    """Whether a point cannot hold a value."""
    point = profile.point(name)
    return point.encode(value) is None or not point.low <= value <= point.high
