"""One device behind EdgeX: its resources as knobs and readings, its knobs' settings as commands, and which command is to be read when.

Pure but for its memory. A setting is read back by a GET at once and then each second until it shows, or by whatever event comes before.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final

from adapters.edgex.latest import Kept, Latest
from adapters.edgex.messages import INTEGERS, Answer, Event, numeric
from adapters.edgex.options import EdgexOptions, OriginClock
from adapters.edgex.points import Point, SwitchPoint
from adapters.knobs.hand import Hand, Picture
from adapters.knobs.keeping import Keeping
from adapters.knobs.knob import LIMITS, OFF, Aspect, Knob, Value
from adapters.knobs.units import aged, judged, told
from adapters.settings import Pinned
from grid_functions.model.device import Nameplate, Role
from grid_functions.model.instants import Instants
from grid_functions.model.reading import MeterKey, Quality, Reading

READ_BACK_S: Final = 1.0
FIRST_S: Final = 2.0
MOST_S: Final = 60.0
"""Between two tries of a command that fails."""
SHUT_FIRST_S: Final = 5.0
SHUT_MOST_S: Final = 300.0
"""Between two tries of a device that is locked, or whose server refuses our token: people must act first."""
_SHUT: Final = frozenset({401, 403, 423})
_ON: Final = "on"

Jitter = Callable[[float, float], float]


@dataclass(frozen=True, slots=True)
class UnitSettings:
    """``device``: its name in EdgeX; ``settle_s``: how long it may take to show what it was told."""

    name: str
    device: str
    role: Role
    options: EdgexOptions = field(default_factory=EdgexOptions)
    pinned: Pinned = field(default_factory=Pinned)
    settle_s: float = 10.0
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Put:
    """A command that sets a resource."""

    device: str
    command: str
    resource: str
    value: str

    def __str__(self) -> str:
        return f"PUT {self.device}/{self.command} {self.resource}={self.value}"


@dataclass(frozen=True, slots=True)
class Get:
    """A command that reads."""

    device: str
    command: str


@dataclass(frozen=True, slots=True)
class EdgexKnob(Knob):
    """``kind``: the value type that the resource last told."""

    point: Point | SwitchPoint = SwitchPoint("", "")  # noqa: RUF009 - it is frozen
    kind: str = ""

    def text(self, value: Value) -> str:
        """As EdgeX is told it; a whole number is never more than what fits."""
        if isinstance(self.point, SwitchPoint):
            return self.point.off if value == OFF else self.point.on
        counts = round(self.point.from_ours(float(value)), 9)
        if self.kind not in INTEGERS:
            return repr(counts)
        return str(math.floor(counts) if self.aspect in LIMITS else round(counts))


@dataclass(slots=True)
class _Turn:
    """When a command is read next, and how often it failed since it last did not."""

    next_s: float = 0.0
    failures: int = 0
    why: str = ""


class Unit(Hand[EdgexKnob, Put]):
    """``jitter(low, high)`` draws how long to wait between them."""

    again_s: ClassVar[float] = 1.0

    def __init__(self, settings: UnitSettings, keeping: Keeping, jitter: Jitter) -> None:
        super().__init__(settings, keeping)
        self.settings = settings
        self._jitter = jitter
        options = settings.options
        points: list[Point | SwitchPoint] = [*options.sensors.values(), *options.knobs.values()]
        self._resources: dict[str, set[str]] = {}
        for point in points:
            self._resources.setdefault(point.command, set()).add(point.resource)
        wanted = {point.resource for point in points}
        self._wanted_resources = frozenset(wanted)
        self._latest = Latest(wanted, OriginClock(options.clock))
        self._turns = {command: _Turn() for command in self._resources}
        self._asked: str | None = None
        self._shut: Answer | None = None
        self._shut_failures = 0
        self._shut_until_s = 0.0
        self._profile = ""
        self._word = ""
        self._spoken = Answer()

    @property
    def shut(self) -> str:
        """Why nobody, or not we, may command it; empty = we may."""
        if self._shut is None:
            return ""
        why = "has locked" if self._shut.locked else "does not let us at"
        return f"EdgeX {why} {self.settings.device}: {self._shut.error}"

    def asks(self, now: Instants) -> Get | None:
        """The command that is to be read next; one at a time."""
        if self._asked is not None or now.mono_s < self._shut_until_s:
            return None
        late = [(turn.next_s, command) for command, turn in self._turns.items() if self._is_due(command, turn, now)]
        if not late:
            return None
        self._asked = min(late)[1]
        return Get(self.settings.device, self._asked)

    def unasked(self) -> None:
        """It could not be asked after all."""
        self._asked = None

    def got(self, answer: Answer, now: Instants, offset_s: float = 0.0) -> None:
        """What came of reading."""
        command, self._asked = self._asked, None
        turn = self._turns.get(command or "")
        if turn is None:
            return
        error, event = answer.error, answer.event
        if not error and (event is None or event.device != self.settings.device):
            error = "answers without an event" if event is None else f"answers for another device, {event.device[:80]}"
        if not error and event is not None:
            self._took(event, now, offset_s)
            missing = sorted(self._resources[command or ""] - {one.resource for one in event.samples})
            error = f"tells no {', '.join(missing)}{self._said(missing)}" if missing else ""
        if answer.code in _SHUT:
            self._shut_out(answer, now)
            return
        if not answer.error:
            self._shut, self._shut_failures, self._shut_until_s = None, 0, 0.0
        turn.failures = turn.failures + 1 if error else 0
        turn.why = f"{command}: {error}" if error else ""
        self.look(now)
        if error:
            wait_s = min(FIRST_S * 2.0 ** min(turn.failures - 1, 10), MOST_S)
            turn.next_s = now.mono_s + self._jitter(wait_s / 2, wait_s)
        else:
            turn.next_s = now.mono_s + (READ_BACK_S if command == self._awaited else self.settings.options.every_s)

    def heard(self, event: Event, now: Instants, offset_s: float = 0.0, *, live: bool = True) -> bool:
        """An event of the bus; whether anything in it is news."""
        return event.device == self.settings.device and self._took(event, now, offset_s, live=live)

    def set_done(self, answer: Answer) -> str:
        """What came of a setting, in words for :meth:`answered`."""
        self._spoken = answer
        return answer.error

    def answered(self, error: str, now: Instants, call: object = None) -> None:
        """What came of the setting; it is read back at once."""
        spoken, self._spoken = self._spoken, Answer()
        if spoken.code in _SHUT:
            self._shut_out(spoken, now)
        aspect = None if self._told is None else self._told.aspect
        point = self.settings.options.knobs.get(aspect) if aspect is not None else None
        if point is not None:
            self._turns[point.command].next_s = now.mono_s
        super().answered(error, now, call)

    def _looked(self, now: Instants) -> Picture[EdgexKnob]:
        options = self.settings.options
        plate = Nameplate(
            model=self._profile,
            rated_charge_w=options.rated_charge_w or None,
            rated_discharge_w=options.rated_discharge_w or None,
        )
        if self._shut is not None:
            return Picture(self.shut, plate, alarms=frozenset({"LOCKED" if self._shut.locked else "REFUSED"}))
        old_s = options.old_s
        found = [self._latest.get(resource) for resources in self._resources.values() for resource in resources]
        fresh = [one for one in found if one is not None and now.mono_s - one.at_s <= old_s]
        troubled = next((turn.why for turn in self._turns.values() if turn.why), "")
        doubt = self._latest.doubt(now, old_s)
        if not fresh:
            # Of a device that tells something else it is no fault, and would be told as one upstream.
            alarms = frozenset({"CLOCK"}) if doubt else frozenset[str]()
            silent = "tells nothing new" if any(found) else "has told nothing yet"
            why = doubt or troubled or self._word or silent
            return Picture(f"EdgeX: {self.settings.device}: {why}", plate, alarms=alarms)
        return Picture(plate=plate, knobs=self._found(now), remark=doubt or troubled or self._word)

    def _measured(self, now: Instants) -> Mapping[MeterKey, Reading]:
        found = {key: self._reading(point, now) for key, point in self.settings.options.sensors.items()}
        return found if self._online else aged(found)

    def _call(self, knob: EdgexKnob, value: Value) -> Put:
        return Put(self.settings.device, knob.point.command, knob.point.resource, knob.text(value))

    def _is_due(self, command: str, turn: _Turn, now: Instants) -> bool:
        if now.mono_s < turn.next_s:
            return False
        heard_s = self._latest.heard_s(self._resources[command])
        old = heard_s is None or now.mono_s - heard_s >= self.settings.options.every_s
        return old or turn.failures > 0 or command == self._awaited

    @property
    def _awaited(self) -> str:
        """The command whose setting was taken and does not show yet."""
        point = None if self._told is None else self.settings.options.knobs.get(self._told.aspect)
        return point.command if point is not None and self._told is not None and self._told.until_s is not None else ""

    def _took(self, event: Event, now: Instants, offset_s: float, *, live: bool = True) -> bool:
        self._profile = event.profile or self._profile
        mine = [word for word in event.ignored if word.partition(":")[0] in self._wanted_resources]
        self._word = mine[0] if mine else "" if event.samples else self._word
        return self._latest.take(event.samples, now, offset_s, live=live)

    def _said(self, missing: Iterable[str]) -> str:
        return f" ({self._word})" if self._word.partition(":")[0] in missing else ""

    def _shut_out(self, answer: Answer, now: Instants) -> None:
        self._shut = answer
        self._shut_failures += 1
        wait_s = min(SHUT_FIRST_S * 2.0 ** min(self._shut_failures - 1, 10), SHUT_MOST_S)
        self._shut_until_s = now.mono_s + self._jitter(wait_s / 2, wait_s)
        for turn in self._turns.values():
            turn.next_s = self._shut_until_s

    def _reading(self, point: Point, now: Instants) -> Reading:
        one = self._latest.get(point.resource)
        if one is None:
            return told(0.0, Quality.MISSING, now.mono_s, now)
        value = self._number(one, point)
        if value is None:
            return told(0.0, Quality.SUSPECT, one.at_s, now)
        quality = judged(value, point.quantity)
        if quality is Quality.GOOD and now.mono_s - one.at_s > self.settings.options.old_s:
            quality = Quality.STALE
        return told(value, quality, one.at_s, now)

    def _found(self, now: Instants) -> dict[Aspect, EdgexKnob]:
        """All that can be set. What is told no more, or in a way that means nothing, has no value and is not set."""
        found = {}
        for aspect, point in self.settings.options.knobs.items():
            one = self._latest.get(point.resource)
            fresh = one if one is not None and now.mono_s - one.at_s <= self.settings.options.old_s else None
            found[aspect] = self._knob(aspect, point, fresh)
        return found

    def _knob(self, aspect: Aspect, point: Point | SwitchPoint, one: Kept | None) -> EdgexKnob:
        kind = "" if one is None else one.sample.kind
        if isinstance(point, SwitchPoint):
            said = "" if one is None else one.sample.value.lower()
            words = {point.on.lower(): _ON, point.off.lower(): OFF}
            return EdgexKnob(point.resource, aspect, words.get(said), point=point, kind=kind)
        least, most, step = self._span(aspect)
        if kind in INTEGERS:
            # A whole number of counts is all that can be said, and no more than its type holds.
            step = abs(point.worth) * max(1, math.ceil(step / abs(point.worth) - 1e-9))
            ends = sorted(point.in_ours(float(end)) for end in INTEGERS[kind])
            least, most = max(least, ends[0]), min(most, ends[1])
        value = None if one is None else self._number(one, point)
        return EdgexKnob(point.resource, aspect, value, least, most, step, point, kind)

    def _span(self, aspect: Aspect) -> tuple[float, float, float]:
        options = self.settings.options
        match aspect:
            case Aspect.TEMPERATURE:
                return options.least_c, options.most_c, options.step_c
            case Aspect.CURRENT:
                return 0.0, options.maximum_a, options.step_a
            case Aspect.TARGET:
                discharge_w = options.rated_discharge_w or options.rated_w
                return -discharge_w, options.rated_charge_w or options.rated_w, options.step_w
            case _:
                return 0.0, options.rated_w, options.step_w

    def _number(self, one: Kept, point: Point) -> float | None:
        """In ours; None also where the reading names another unit than the configuration does."""
        said = numeric(one.sample)
        if said is None or (one.sample.units in _KNOWN and one.sample.units not in (point.unit, "")):
            return None
        return point.in_ours(said)


_KNOWN: Final = frozenset({"W", "kW", "MW", "mW", "Wh", "kWh", "MWh", "A", "mA", "V", "mV", "°C", "°F", "Hz"})
"""Units of readings that mean what they say; others are words (EdgeX lets a profile say anything)."""
