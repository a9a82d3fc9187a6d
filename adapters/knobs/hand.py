"""One device that others set too: what is wanted of it, what it was told, what it shows; pure but for its own memory.

Whenever it may speak, it says what is to be set next, if anything: the same few lines serve a first setting, a lost one, a reconnect and
the way back. What it held before is kept before anything is told, and given back unless somebody else set it meanwhile.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final, Generic, Protocol, TypeVar

from adapters.family import Look
from adapters.knobs import desire
from adapters.knobs.ability import Ratings, capability_of
from adapters.knobs.keeping import Keeping
from adapters.knobs.knob import OFF, Aspect, Knob, Value
from adapters.obedience import Obedience
from adapters.settings import Pinned
from grid_functions.model.control import Thermostat
from grid_functions.model.device import Condition, Nameplate, Role, Seen, Touch, Trouble
from grid_functions.model.instants import Instants
from grid_functions.model.reading import MeterKey, Reading
from grid_functions.model.setpoint import Setpoint

GRACE_S: Final = 5.0
"""After somebody else's hand, for the site to decide whose word holds."""

K = TypeVar("K", bound=Knob)
Call = TypeVar("Call")


class Terms(Protocol):
    """Of a device's settings what matters here. ``settle_s``: how long it may take to show what it was told."""

    @property
    def name(self) -> str:
        """In the configuration."""

    @property
    def role(self) -> Role:
        """What it does."""

    @property
    def options(self) -> Ratings:
        """What its server does not tell."""

    @property
    def pinned(self) -> Pinned:
        """Which device it must be."""

    @property
    def settle_s(self) -> float:
        """Seconds."""

    @property
    def read_only(self) -> bool:
        """Never told anything."""


@dataclass(frozen=True, slots=True)
class Picture(Generic[K]):
    """One look at the device. ``why``: it is not there, empty = it is. ``others``: aspects that somebody set whom the server names, and who
    is not us. ``remark``, ``alarms``: what is wrong with it besides.
    """

    why: str = ""
    plate: Nameplate = field(default_factory=Nameplate)
    knobs: Mapping[Aspect, K] = field(default_factory=dict)
    others: frozenset[Aspect] = frozenset()
    remark: str = ""
    alarms: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Told:
    """A call that is not yet seen to have worked. ``until_s``: None while nobody has answered it."""

    aspect: Aspect
    value: Value
    until_s: float | None = None


class Hand(ABC, Generic[K, Call]):
    """It lives on while its server comes and goes. ``unsaved``: :attr:`keeping` is to be remembered before the next call is made."""

    again_s: ClassVar[float] = 5.0
    """Between two settings of one thing, unless the second only takes away: they wear relays, and radios sleep."""

    def __init__(self, terms: Terms, keeping: Keeping) -> None:
        self._terms = terms
        self.keeping = keeping
        self.unsaved = False
        self.touches: list[str] = []
        self._wanted: Setpoint | None = None
        self._picture: Picture[K] = Picture(why="not connected yet")
        self._told: _Told | None = None
        self._said_s: dict[Aspect, float] = {}
        self._grace_s = 0.0
        self._obedience = Obedience()
        self._fresh = True

    @abstractmethod
    def _looked(self, now: Instants) -> Picture[K] | None:
        """What its server shows of it; None: nothing new can be said."""

    @abstractmethod
    def _measured(self, now: Instants) -> Mapping[MeterKey, Reading]:
        """What its server has measured."""

    @abstractmethod
    def _call(self, knob: K, value: Value) -> Call:
        """What sets the knob."""

    def _affordable(self, knob: K, now: Instants) -> bool:
        """Whether it may be set that often. What only takes away, and what is given back, always may."""
        return True

    def want(self, setpoint: Setpoint) -> None:
        """What should hold from now on; the newest wins."""
        self._wanted = setpoint

    @property
    def correlation(self) -> str:
        """Of the decision whose setpoint is wanted, as the log has it."""
        return "" if self._wanted is None else f"decision-{self._wanted.decision}"

    def released(self) -> bool:
        """Whether nothing of it is ours any more."""
        return self._terms.read_only or not self.keeping.before

    def arrived(self) -> None:
        """Its server is there. What it holds may have changed meanwhile."""
        self._fresh, self._told = True, None
        self._said_s = {}
        self._obedience.unknown()

    def gone(self, why: str) -> None:
        """Its server is gone."""
        self._picture = replace(self._picture, why=why)
        self._told = None
        self._obedience.unknown()

    def look(self, now: Instants) -> None:
        """Something of it may have changed."""
        picture = self._looked(now)
        if picture is None:
            return
        if picture.why:
            self._picture = replace(picture, plate=self._picture.plate, knobs=self._picture.knobs)
            self._obedience.unknown()
            self._told = None
            return
        self._picture = picture
        self._read_back(now)
        self._watch(now)
        self._fresh = False

    def due(self, now: Instants) -> Call | None:
        """The call that is to be made next; None: nothing now."""
        self.look(now)
        wanted = self._wanted
        if not self._online or wanted is None or self._terms.read_only or self._wrong:
            return None
        for aspect in self._order():
            if self._told is not None and not self._overtaken(aspect, self._told, wanted, now):
                continue
            call = self._next(aspect, wanted, now)
            if call is not None:
                return call
        return None

    def unsent(self) -> None:
        """The call could not be made after all."""
        self._told = None

    @property
    def awaited(self) -> object:
        """The call that is not yet seen to have worked, to know its answer by."""
        return self._told

    def answered(self, error: str, now: Instants, call: object = None) -> None:
        """What came of a call (None: the last): an error, or that it was done, which its state has yet to show. Of one that was overtaken
        it says nothing any more."""
        told, wanted = self._told, self._wanted
        if told is None or wanted is None or call not in (None, told):
            return
        if error:
            self._told = None
            self._obedience.failed(wanted, error, now.mono_s)
        else:
            self._told = replace(told, until_s=now.mono_s + self._terms.settle_s)

    def seen(self, now: Instants) -> Seen:
        """One look, as the site is handed it."""
        self.look(now)
        terms, charger = self._terms, self._terms.role is Role.EVSE
        capability = capability_of(terms.role, terms.options, self._picture.knobs, terms.settle_s)
        plate = replace(
            self._picture.plate,
            rated_w=terms.options.rated_w or self._picture.plate.rated_w,
            phases=terms.options.phases if charger else None,
            rated_a=terms.options.maximum_a if charger else None,
        )
        return Seen(terms.name, terms.role, plate, capability, self._condition(now))

    @property
    def _online(self) -> bool:
        return not self._picture.why

    @property
    def _wrong(self) -> str:
        return "; ".join(self._terms.pinned.differences(self._picture.plate))

    def _overtaken(self, aspect: Aspect, told: _Told, wanted: Setpoint, now: Instants) -> bool:
        """What only takes away waits neither for an answer to the last word nor until that shows; it is not said twice meanwhile."""
        knob, desired = self._picture.knobs[aspect], self._desired(aspect, wanted)
        if desired is None:
            return False
        if told.aspect is aspect:
            return not knob.same(desired, told.value) and knob.tighter(desired, told.value)
        said_s = now.mono_s - self._said_s.get(aspect, -math.inf)
        said = said_s < self._terms.settle_s and knob.same(self.keeping.told.get(aspect), desired)
        return not said and knob.tighter(desired, knob.value)

    def _watch(self, now: Instants) -> None:
        """Whether somebody else's hand was on what is ours: seen to change, or while we were away and by name."""
        ours, knobs = self.keeping.told, self._picture.knobs
        points = {
            aspect.value: ours[aspect] if aspect in ours and knob.same(knob.value, ours[aspect]) else knob.value
            for aspect, knob in knobs.items()
            if knob.value is not None and (self._told is None or self._told.aspect is not aspect)
        }
        owned = frozenset(aspect.value for aspect in self.keeping.before)
        changed = self._obedience.watch(Look({}, points=points), owned, now.mono_s)
        for aspect in sorted(self.keeping.before.keys() & ours.keys() & knobs.keys()):
            knob = knobs[aspect]
            if aspect.value not in points or knob.value is None or knob.same(knob.value, ours[aspect]):
                continue
            # Where it reads as before, our own word may have been lost on the way.
            moved = not knob.same(knob.value, self.keeping.before[aspect])
            if changed or (self._fresh and moved and aspect in self._picture.others):
                self._touched(aspect, knob, knob.value, now)
        if self._holding() and self._told is None:
            self._obedience.held(Look({}, points=points))

    def _touched(self, aspect: Aspect, knob: K, value: Value, now: Instants) -> None:
        touch = None
        if aspect is Aspect.TEMPERATURE and not isinstance(value, str):
            touch = Touch(Thermostat(round(knob.celsius(value), 3), offset=False), now.utc_s)
        self._keep(self.keeping.rebased(aspect, value, touch))
        self._grace_s = now.mono_s + GRACE_S
        self.touches.append(f"{knob.entity}: {aspect.value} set to {value} by somebody else")

    def _read_back(self, now: Instants) -> None:
        told = self._told
        knob = None if told is None else self._picture.knobs.get(told.aspect)
        if told is None or told.until_s is None:
            return
        if knob is not None and knob.same(knob.value, told.value):
            self._told = None
        elif now.mono_s >= told.until_s:
            self._told = None
            shown = None if knob is None else knob.value
            if self._wanted is not None:
                why = f"told {told.aspect.value} {told.value}, but it shows {shown}"
                self._obedience.failed(self._wanted, "", now.mono_s, why)

    def _order(self) -> Iterable[Aspect]:
        """Off first, on last."""
        off = self._wanted is not None and self._desired(Aspect.SWITCH, self._wanted) == OFF
        return sorted(self._picture.knobs, key=lambda one: (one is Aspect.SWITCH) is not off)

    def _next(self, aspect: Aspect, wanted: Setpoint, now: Instants) -> Call | None:
        knob, before = self._picture.knobs[aspect], self.keeping.before.get(aspect)
        desired = self._desired(aspect, wanted)
        if knob.value is None:
            return None
        if desired is None:
            if before is None:
                return None
            if knob.same(knob.value, before) or not knob.same(knob.value, self.keeping.told.get(aspect)):
                # as it was, or as somebody else wants it
                self._keep(self.keeping.without(aspect))
                return None
            return self._say(knob, before, now)
        if knob.same(knob.value, desired):
            if before is None or not knob.same(self.keeping.told.get(aspect), desired):
                self._keep(self.keeping.owned(aspect, knob.value, desired))
            return None
        if now.mono_s < self._grace_s or not self._obedience.may_write(wanted, self._holds(), now.mono_s):
            return None
        hasty = self._told is not None or knob.tighter(desired, knob.value)
        if not hasty and now.mono_s - self._said_s.get(aspect, -self.again_s) < self.again_s:
            return None
        if not hasty and not self._affordable(knob, now):
            return None
        self._keep(self.keeping.owned(aspect, knob.value, desired))
        return self._say(knob, desired, now)

    def _say(self, knob: K, value: Value, now: Instants) -> Call:
        self._told = _Told(knob.aspect, value)
        self._obedience.unknown()
        self._said_s[knob.aspect] = now.mono_s
        return self._call(knob, value)

    def _keep(self, keeping: Keeping) -> None:
        self.unsaved = self.unsaved or keeping != self.keeping
        self.keeping = keeping

    def _desired(self, aspect: Aspect, wanted: Setpoint) -> Value | None:
        return desire.desired(aspect, wanted, self._picture.knobs, self.keeping, self._terms.options)

    def _holding(self) -> bool:
        """Whether all that is wanted reads back."""
        wanted = self._wanted
        if wanted is None or not self._online or desire.asked_of(wanted) - self._picture.knobs.keys():
            return False
        for aspect, knob in self._picture.knobs.items():
            desired = self._desired(aspect, wanted)
            if desired is not None and not knob.same(knob.value, desired):
                return False
            if desired is None and aspect in self.keeping.before:
                return False
        return True

    def _holds(self) -> Setpoint | None:
        """What it obeys now of what can be set: of limits also what is not ours, of the rest only what is."""
        if not self._online:
            return None
        wanted, ours, knobs = self._wanted, self.keeping.before, self._picture.knobs
        heat, off = knobs.get(Aspect.TEMPERATURE), knobs.get(Aspect.SWITCH)
        is_off = off is not None and off.value == OFF
        thermostat: Thermostat | None = None
        if heat is not None and Aspect.TEMPERATURE in ours and isinstance(heat.value, int | float):
            asked = None if wanted is None else wanted.thermostat
            as_asked = asked is not None and heat.same(heat.value, desire.setting(heat, asked, self.keeping))
            thermostat = asked if as_asked else Thermostat(round(heat.celsius(heat.value), 3), offset=False)
        amps = Aspect.CURRENT in knobs
        on = not is_off if Aspect.SWITCH in ours else None
        if wanted is not None and wanted.on is True and not is_off:
            on = True
        return Setpoint(
            self._terms.name,
            wanted.decision if wanted is not None and self._holding() else 0,
            produce_max_w=self._shown(Aspect.PRODUCE_MAX),
            consume_max_w=self._shown(Aspect.CONSUME_MAX),
            target_w=self._shown(Aspect.TARGET) if Aspect.TARGET in ours else None,
            current_max_a=0.0 if amps and is_off else self._shown(Aspect.CURRENT),
            on=on if wanted is None or wanted.on is not None or not amps else None,
            thermostat=thermostat,
        )

    def _shown(self, aspect: Aspect) -> float | None:
        knob = self._picture.knobs.get(aspect)
        return knob.value if knob is not None and isinstance(knob.value, int | float) else None

    def _condition(self, now: Instants) -> Condition:
        troubles, why = self._obedience.troubles(self._wanted)
        found = set(troubles)
        if not self._online:
            found.add(Trouble.SILENT)
        if self._wrong:
            found.add(Trouble.WRONG_DEVICE)
        if self.keeping.before and not self._terms.read_only:
            found.add(Trouble.NO_WATCHDOG)
        return Condition(
            online=self._online,
            holds=self._holds(),
            readings=self._measured(now),
            touch=self.keeping.touch,
            alarms=self._picture.alarms,
            troubles=frozenset(found),
            text=self._picture.why or self._wrong or why or self._picture.remark or self._mute(),
        )

    def _mute(self) -> str:
        """Why something of it that can be set is not set now."""
        asked = set() if self._wanted is None else desire.asked_of(self._wanted)
        mute = sorted(one for one, knob in self._picture.knobs.items() if one in asked and knob.value is None)
        if not mute:
            return ""
        return f"it shows no {'setpoint' if mute[0] is Aspect.TEMPERATURE else mute[0].value} in its present mode"
