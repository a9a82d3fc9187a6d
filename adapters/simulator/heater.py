"""A heater that is a table of registers, simulated from its own profile. Pure.

Its physics are somebody else's: temperature and power are set from outside, the setpoint by whoever wrote it last, over the wire or at
the device.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from adapters.heaters.profile import HeaterProfile
from adapters.modbus.frames import Read, Refusal, Reply, Request, Write, Written
from adapters.registers.points import Point
from adapters.simulator import mapped


@dataclass(frozen=True, slots=True)
class HeaterTwin:
    """``temperature_c``: what it measures, None = no value now; ``power_w``: what it takes; ``setpoint_c``: what it is set to, None = none
    in its present mode; ``on``: as its switch stands. ``obeys`` False: it takes what it is told and keeps what it had. ``serial``: what
    it calls itself. ``points``: of its map, by name.
    """

    profile: HeaterProfile
    t_s: float = 0.0
    temperature_c: float | None = 20.0
    power_w: float = 0.0
    setpoint_c: float | None = 21.0
    on: bool = True
    consumed_wh: float = 0.0
    rated_w: float = 3_000.0
    obeys: bool = True
    serial: str = "4711"
    points: Mapping[str, Point] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.points:
            object.__setattr__(self, "points", {name: self.profile.point(name) for name in self.profile.points})

    def at(self, t_s: float) -> "HeaterTwin":
        """The same device later: what it took is counted. A clock that went back moves nothing."""
        if t_s <= self.t_s:
            return self
        return replace(self, t_s=t_s, consumed_wh=self.consumed_wh + self.power_w * (t_s - self.t_s) / 3600)

    def asked(self, request: Request, t_s: float) -> tuple["HeaterTwin", Reply]:
        """The device after a request, and its answer."""
        now = self.at(t_s)
        if isinstance(request, Read):
            return now, mapped.shown(now.points.values(), now.profile.manners, request, now._registers)
        return now._written(request)

    def _written(self, request: Write) -> tuple["HeaterTwin", Reply]:
        found = mapped.told(self.points.values(), request)
        if isinstance(found, Refusal):
            return self, found
        (point, value), knobs = found, self.profile.knobs
        if not self.obeys:
            return self, Written()
        if point.name == knobs.temperature.point:
            return replace(self, setpoint_c=value), Written()
        if (
            knobs.switch is not None
            and point.name == knobs.switch.point
            and value in (knobs.switch.value_on, knobs.switch.value_off)
        ):
            return replace(self, on=value == knobs.switch.value_on), Written()
        return self, Refusal(mapped.ILLEGAL_VALUE)

    def _registers(self, point: Point) -> tuple[int, ...]:
        value = self._value(point)
        if value is None:
            # what the map says is no value; a map without such a word has nothing else to say
            absent = min(point.absent, default=0)
            return ((absent & (1 << 16 * point.size) - 1) >> 16 * (point.size - 1),) * point.size
        return mapped.registers(point, value)

    def _value(self, point: Point) -> float | str | None:
        profile, knobs = self.profile, self.profile.knobs
        if point.name == self.points[knobs.temperature.point].shown_by:
            return self.setpoint_c
        if knobs.switch is not None and point.name == self.points[knobs.switch.point].shown_by:
            return float(knobs.switch.value_on if self.on else knobs.switch.value_off)
        for word, value in self._measured.items():
            measure = profile.measures.get(word)
            if measure is not None and point.name in measure.points:
                return None if value is None else value / len(measure.points)
        if point.name in profile.recognise:
            told = profile.recognise[point.name]
            first = told[0] if isinstance(told, tuple) else told
            return first if isinstance(first, str) else float(first)
        if point.name == profile.rated_w:
            return self.rated_w
        if point.name in (profile.identity.serial, profile.identity.model):
            return self.serial
        return 1.0 if point.kind != "text" else "1"

    @property
    def _measured(self) -> Mapping[str, float | None]:
        return {
            "temperature": self.temperature_c,
            "power": self.power_w,
            "energy_consumed": self.consumed_wh,
        }
