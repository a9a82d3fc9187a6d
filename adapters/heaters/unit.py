"""One heater by itself: its registers as knobs and readings, its knobs' settings as writes; pure but for its memory.

What it is set to is believed when it says so twice in a row: one wrong answer would else be somebody's hand, and what is given back. What
is set otherwise after a silence than before it, and is not as it was told, somebody set there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from adapters.budget import Budget
from adapters.family import Pace
from adapters.heaters.options import HeaterOptions
from adapters.heaters.profile import HeaterProfile
from adapters.knobs.hand import Hand, Picture
from adapters.knobs.keeping import Keeping
from adapters.knobs.knob import OFF, Aspect, Knob, Value
from adapters.knobs.units import aged
from adapters.modbus.frames import Write
from adapters.registers.points import Point
from adapters.registers.readings import Gauge, fits
from adapters.registers.spans import Span, Values, spans
from adapters.settings import Pinned
from grid_functions.model.device import Capability, Condition, Nameplate, Role, Seen, Trouble
from grid_functions.model.instants import Instants
from grid_functions.model.reading import MeterKey, Reading

_ON: Final = "on"
_CRUMB: Final = 1e-6


@dataclass(frozen=True, slots=True)
class HeaterSettings:
    """``family``: the profile's name; ``unit``: its Modbus unit id; ``settle_s``: how long it may take to show what it was told."""

    name: str
    family: str
    profile: HeaterProfile
    unit: int
    options: HeaterOptions = field(default_factory=HeaterOptions)
    pinned: Pinned = field(default_factory=Pinned)
    settle_s: float = 10.0
    read_only: bool = False

    @property
    def role(self) -> Role:
        """Every heater's."""
        return Role.LOAD


@dataclass(frozen=True, slots=True)
class RegisterKnob(Knob):
    """``point``: where it is written; ``on``, ``off``: of a switch, its values there."""

    point: Point = Point("", "holding", 0)  # noqa: RUF009 - it is frozen
    on: int = 1
    off: int = 0

    def registers(self, value: Value) -> tuple[int, ...]:
        """As they are written."""
        said = float(value if not isinstance(value, str) else self.off if value == OFF else self.on)
        # A profile whose point cannot hold its ends is refused; what was kept by another profile may lie beyond them.
        found = self._encoded(said) or self._encoded(min(max(said, self.least), self.most))
        assert found is not None
        return found

    def _encoded(self, value: float) -> tuple[int, ...] | None:
        scale = self.point.scale
        return self.point.encode(value if self.point.kind in ("f32", "f64") else round(value / scale) * scale)


class Unit(Hand[RegisterKnob, Write]):
    """``first``, ``polled``: what is read when it is met, and with each poll. ``doubts``: what it is set to was said once only; it is to be
    polled again.
    """

    def __init__(self, settings: HeaterSettings, keeping: Keeping) -> None:
        super().__init__(settings, keeping)
        self.settings = settings
        profile = settings.profile
        self._least_c, self._most_c = settings.options.span(profile)
        points = {name: profile.point(name) for name in profile.points}
        heat, switch = profile.knobs.temperature, profile.knobs.switch
        self._heat, self._switch = points[heat.point], None if switch is None else points[switch.point]
        knobs = [self._heat, *([] if self._switch is None else [self._switch])]
        self._shown_by = tuple(one.shown_by for one in knobs)
        used = {*self._shown_by} | {one for told in profile.measures.values() for one in told.points}
        readable = [one for one in points.values() if one.readable]
        self.first: tuple[Span, ...] = spans(readable, profile.manners)
        self.polled: tuple[Span, ...] = spans((one for one in readable if one.name in used), profile.manners)
        self.budget = Budget()
        self._able = Capability(
            writes_per_minute=12.0,
            writes_per_day=heat.writes_per_day,
            wearing=frozenset() if heat.writes_per_day is None else frozenset({heat.point}),
        )
        self._spent = ""
        self._gauge = Gauge(profile.measures)
        self.doubts = False
        self._once: Values = {}
        self._believed: Values | None = None
        self._values: Values = {}
        self._at = Instants(0.0, 0.0)
        self._why = "has not answered yet"
        self._plate = Nameplate()
        # Over a restart only what it showed of ours is known.
        self._before: Mapping[Aspect, Value] = keeping.shown

    @property
    def plate(self) -> Nameplate:
        """Who it says it is."""
        return self._plate

    @property
    def knobs(self) -> Mapping[Aspect, RegisterKnob]:
        """What of it can be set, as it is."""
        return self._picture.knobs

    @property
    def wrong(self) -> str:
        """What differs from the device that was commissioned; empty = nothing."""
        return self._wrong

    @property
    def why(self) -> str:
        """Why nobody is there; empty = it answers."""
        return self._why

    @property
    def owes(self) -> bool:
        """Whether it is there and is to be told something, now or soon."""
        idle = self._wanted is None or self._told is not None or self.settings.read_only or bool(self._spent)
        return self._online and not idle and not self._holding()

    @property
    def awaits(self) -> bool:
        """Whether a setting was taken and does not show yet."""
        return self._told is not None and self._told.until_s is not None

    def met(self, values: Values | None, now: Instants) -> bool:
        """All that it says, on a connection of which nobody knows who is there; whether it is one of its kind."""
        kind, recognise = self.settings.family, self.settings.profile.recognise
        if values is None or all(value is None for value in values.values()):
            self.silent(f"no {kind} answers as unit {self.settings.unit}")
            return False
        if not fits(recognise, values):
            shown = ", ".join(f"{name} is {values.get(name)}" for name in recognise)
            self.silent(f"what answers as unit {self.settings.unit} is no {kind}: {shown}")
            return False
        self._plate = _plate(self.settings.profile, values)
        # What it holds now is compared with what it held when it was last heard.
        heard = {aspect: knob.value for aspect, knob in self._picture.knobs.items() if knob.value is not None}
        self._before = heard or self._before
        self.arrived()
        self._believed = None
        self.took(values, now)
        return True

    def took(self, values: Values, now: Instants) -> None:
        """What a poll brought."""
        shown = {name: values.get(name) for name in self._shown_by}
        once, self._once = self._once, shown
        if self._believed is None:
            self.doubts = shown != once
            self._believed = None if self.doubts else shown
        else:
            sure = {name: value for name, value in shown.items() if value == once.get(name)}
            self._believed = self._believed | sure
            self.doubts = self._believed != shown
        if self._believed is not None:
            self._values = values | self._believed if self.doubts else values
            self._at, self._why = now, ""
            self.look(now)
            self._show()

    def silent(self, why: str) -> None:
        """It does not answer, or is somebody else."""
        self._why = why
        self.gone(why)

    def due(self, now: Instants) -> Write | None:
        """The call that is to be made next; None: nothing now."""
        self._spent = ""
        return super().due(now)

    def wrote(self, call: Write, now: Instants) -> None:
        """This has, or may have, arrived."""
        name = next((p.name for p in (self._heat, self._switch) if p is not None and p.address == call.address), "")
        self.budget = self.budget.after((name,), self._able, now)

    def seen(self, now: Instants) -> Seen:
        """One look, as the site is handed it."""
        found = super().seen(now)
        if not self._able.wearing or not found.capability.abilities:
            return found
        able = self._able
        capability = replace(found.capability, writes_per_day=able.writes_per_day, wearing=able.wearing)
        return replace(found, capability=capability)

    def _looked(self, now: Instants) -> Picture[RegisterKnob]:
        if self._why:
            return Picture(self._why)
        knobs = {knob.aspect: knob for knob in self._knobs()}
        others = frozenset(aspect for aspect, knob in knobs.items() if self._by_hand(aspect, knob))
        self._before = {}
        return Picture(plate=self._plate, knobs=knobs, others=others)

    def _measured(self, now: Instants) -> Mapping[MeterKey, Reading]:
        found = self._gauge.readings(self._values, self._at) if self._values else {}
        return found if self._online else aged(found)

    def _call(self, knob: RegisterKnob, value: Value) -> Write:
        return Write(self.settings.unit, knob.point.address, knob.registers(value), knob.point.function)

    def _affordable(self, knob: RegisterKnob, now: Instants) -> bool:
        self._spent = self.budget.refusal((knob.point.name,), self._able, now)
        return not self._spent

    def _condition(self, now: Instants) -> Condition:
        found = super()._condition(now)
        if not self._spent or self._holding():
            return found
        return replace(found, troubles=found.troubles | {Trouble.WRITES_SPENT}, text=found.text or self._spent)

    def _show(self) -> None:
        """That it is seen as it was told is kept: what it shows otherwise after a restart is somebody's hand, else a word that was lost."""
        for aspect in self.keeping.before.keys() & self._picture.knobs.keys():
            knob, told = self._picture.knobs[aspect], self.keeping.told.get(aspect)
            if told is not None and knob.same(knob.value, told) and self.keeping.shown.get(aspect) != told:
                self._keep(self.keeping.seen(aspect, told))

    def _by_hand(self, aspect: Aspect, knob: RegisterKnob) -> bool:
        """Whether it is set otherwise than when it was last heard."""
        before = self._before.get(aspect)
        return before is not None and not knob.same(knob.value, before)

    def _knobs(self) -> tuple[RegisterKnob, ...]:
        said, heat = self.settings.profile.knobs, self._heat
        shown = self._values.get(heat.shown_by)
        spec, value = said.temperature, None
        # What it cannot be set to is an answer that is wrong, or means something else.
        if isinstance(shown, int | float) and spec.least_c - _CRUMB <= shown <= spec.most_c + _CRUMB:
            value = round(shown, 6)
        step_k = spec.step_k
        knob = RegisterKnob(heat.name, Aspect.TEMPERATURE, value, self._least_c, self._most_c, step_k, heat)
        if said.switch is None or self._switch is None:
            return (knob,)
        words = {said.switch.value_on: _ON, said.switch.value_off: OFF}
        mode = self._values.get(self._switch.shown_by)
        word = words.get(int(mode)) if isinstance(mode, int | float) and mode == int(mode) else None
        switch = RegisterKnob(
            self._switch.name,
            Aspect.SWITCH,
            word,
            point=self._switch,
            on=said.switch.value_on,
            off=said.switch.value_off,
        )
        return knob, switch


def pace_of(profile: HeaterProfile) -> Pace:
    """How gently it wants to be asked."""
    return Pace(profile.manners.min_gap_s, profile.manners.timeout_s)


def _plate(profile: HeaterProfile, values: Values) -> Nameplate:
    def said(name: str | None) -> str:
        value = None if name is None else values.get(name)
        return "" if value is None else str(value)

    who, rated = profile.identity, profile.rated_w
    rated_w = values.get(rated) if isinstance(rated, str) else rated
    return Nameplate(
        maker=profile.maker,
        model=said(who.model) or profile.model,
        serial=said(who.serial),
        version=said(who.version),
        rated_w=float(rated_w) if isinstance(rated_w, int | float) and rated_w > 0 else None,
    )
