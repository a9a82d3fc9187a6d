"""One device behind Home Assistant: what is wanted of it, what it was told, what it shows; pure but for its own memory.

Whenever it may speak, the device says which service is to be called next, if any: the same few lines serve a first setting, a lost one,
a reconnect and the way back. What it held before is kept before anything is told, and given back unless somebody else set it meanwhile.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from adapters.family import Look
from adapters.homeassistant import knobs, sensors
from adapters.homeassistant.ability import capability_of
from adapters.homeassistant.keeping import Keeping
from adapters.homeassistant.knobs import Aspect, Knob, Value
from adapters.homeassistant.messages import Call
from adapters.homeassistant.options import HomeOptions
from adapters.homeassistant.session import Phase, Session
from adapters.obedience import Obedience
from adapters.settings import Pinned
from grid_functions.model.control import Thermostat
from grid_functions.model.device import Condition, Nameplate, Role, Seen, Touch, Trouble
from grid_functions.model.instants import Instants
from grid_functions.model.reading import MeterKey, Reading
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.units import Quantity

GRACE_S: Final = 5.0
"""After somebody else's hand, for the site to decide whose word holds."""
AGAIN_S: Final = 5.0
"""Between two settings of one thing that do not switch off: they wear relays, and radios sleep."""
_NET: Final[MeterKey] = (Quantity.NET, None)
_OFF: Final = "off"


@dataclass(frozen=True, slots=True)
class ThingSettings:
    """``settle_s``: how long its state may take to show what it was told."""

    name: str
    entity: str
    role: Role
    options: HomeOptions = field(default_factory=HomeOptions)
    pinned: Pinned = field(default_factory=Pinned)
    settle_s: float = 10.0
    read_only: bool = False

    @property
    def entities(self) -> frozenset[str]:
        """Every entity that it is made of."""
        return self.options.entities | {self.entity}

    @property
    def sensors(self) -> Mapping[str, MeterKey]:
        """What is measured where: a device that is a sensor measures power, unless told otherwise."""
        found = self.options.sensors
        is_sensor = self.entity.startswith("sensor.") and self.entity not in found
        return {self.entity: _NET, **found} if is_sensor else found


@dataclass(frozen=True, slots=True)
class _Told:
    """A call that is not yet seen to have worked. ``until_s``: None while nobody has answered it."""

    aspect: Aspect
    value: Value
    until_s: float | None = None


class Thing:
    """It lives on while its server comes and goes. ``unsaved``: :attr:`keeping` is to be remembered before the next call is made."""

    def __init__(self, settings: ThingSettings, keeping: Keeping) -> None:
        self.settings = settings
        self.keeping = keeping
        self.unsaved = False
        self.touches: list[str] = []
        self._wanted: Setpoint | None = None
        self._knobs: dict[Aspect, Knob] = {}
        self._told: _Told | None = None
        self._said_s: dict[Aspect, float] = {}
        self._grace_s = 0.0
        self._obedience = Obedience()
        self._online = False
        self._fresh = True
        self._why = "not connected yet"
        self._plate = Nameplate()
        self._readings: Mapping[MeterKey, Reading] = {}
        self._watching: Session | None = None

    def want(self, setpoint: Setpoint) -> None:
        """What should hold from now on; the newest wins."""
        self._wanted = setpoint

    @property
    def correlation(self) -> str:
        """Of the decision whose setpoint is wanted, as the log has it."""
        return "" if self._wanted is None else f"decision-{self._wanted.decision}"

    def released(self) -> bool:
        """Whether nothing of it is ours any more."""
        return self.settings.read_only or not self.keeping.before

    def opened(self, session: Session) -> None:
        """Its server is there and has told its states. What it holds may have changed meanwhile."""
        self._watching, self._fresh, self._told = session, True, None
        self._said_s = {}
        self._obedience.unknown()

    def closed(self, why: str) -> None:
        """Its server is gone."""
        self._watching, self._online, self._why, self._told = None, False, why, None
        self._obedience.unknown()

    def look(self, now: Instants) -> None:
        """Something of it may have changed."""
        session = self._watching
        if session is None or session.phase is not Phase.READY:
            return
        main = session.states.get(self.settings.entity)
        self._online = main is not None and not main.gone
        self._why = ""
        if not self._online:
            self._why = f"{self.settings.entity} is {'not there' if main is None else main.state} in Home Assistant"
            self._obedience.unknown()
            self._told = None
            return
        kept = session.kept.get(self.settings.entity)
        self._plate = self._plate if kept is None else kept.plate
        self._knobs = self._found(session)
        self._read_back(now)
        self._watch(session, now)
        self._fresh = False

    def due(self, now: Instants) -> Call | None:
        """The call that is to be made next; None: nothing now."""
        self.look(now)
        wanted = self._wanted
        if not self._online or wanted is None or self._told is not None or self.settings.read_only or self._wrong:
            return None
        for aspect in self._order():
            call = self._next(aspect, wanted, now)
            if call is not None:
                return call
        return None

    def unsent(self) -> None:
        """The call could not be made after all."""
        self._told = None

    def answered(self, error: str, now: Instants) -> None:
        """What came of the call: an error, or that it was done, which its state has yet to show."""
        told, wanted = self._told, self._wanted
        if told is None or wanted is None:
            return
        if error:
            self._told = None
            self._obedience.failed(wanted, error, now.mono_s)
        else:
            self._told = _Told(told.aspect, told.value, now.mono_s + self.settings.settle_s)

    def seen(self, now: Instants) -> Seen:
        """One look, as the site is handed it."""
        self.look(now)
        settings = self.settings
        capability = capability_of(settings.role, settings.options, self._knobs, settings.settle_s)
        rated_w = settings.options.rated_w or None
        plate = Nameplate(
            self._plate.maker,
            self._plate.model,
            self._plate.serial,
            self._plate.version,
            rated_w=rated_w,
            phases=settings.options.phases if settings.role is Role.EVSE else None,
            rated_a=settings.options.maximum_a if settings.role is Role.EVSE else None,
        )
        return Seen(settings.name, settings.role, plate, capability, self._condition(now))

    @property
    def _wrong(self) -> str:
        return "; ".join(self.settings.pinned.differences(self._plate))

    def _found(self, session: Session) -> dict[Aspect, Knob]:
        """What of it can be set. A switch of its own goes before a mode that is off."""
        main = session.states[self.settings.entity]
        aside = session.states.get(self.settings.options.switch)
        found: list[Knob | None] = []
        if self.settings.role is Role.LOAD:
            found += [knobs.temperature(main, fahrenheit=session.fahrenheit), knobs.switch(main)]
        elif self.settings.role is Role.EVSE:
            found.append(knobs.current(main))
        if self.settings.options.switch:
            found = [one for one in found if one is None or one.aspect is not Aspect.SWITCH]
            found.append(None if aside is None else knobs.switch(aside))
        return {one.aspect: one for one in found if one is not None}

    def _watch(self, session: Session, now: Instants) -> None:
        """Whether somebody else's hand was on what is ours: seen to change, or while we were away and by name."""
        ours = self.keeping.told
        points = {
            aspect.value: ours[aspect] if aspect in ours and knob.same(knob.value, ours[aspect]) else knob.value
            for aspect, knob in self._knobs.items()
            if knob.value is not None and (self._told is None or self._told.aspect is not aspect)
        }
        owned = frozenset(aspect.value for aspect in self.keeping.before)
        changed = self._obedience.watch(Look({}, points=points), owned, now.mono_s)
        for aspect in sorted(self.keeping.before.keys() & ours.keys() & self._knobs.keys()):
            knob = self._knobs[aspect]
            if aspect.value not in points or knob.value is None or knob.same(knob.value, ours[aspect]):
                continue
            state = session.states.get(knob.entity)
            # Where it reads as before, our own word may have been lost on the way.
            moved = not knob.same(knob.value, self.keeping.before[aspect])
            elsewhere = self._fresh and moved and state is not None and state.user not in ("", session.user)
            if changed or elsewhere:
                self._touched(aspect, knob, knob.value, now)
        if self._holding() and self._told is None:
            self._obedience.held(Look({}, points=points))

    def _touched(self, aspect: Aspect, knob: Knob, value: Value, now: Instants) -> None:
        touch = None
        if aspect is Aspect.TEMPERATURE and not isinstance(value, str):
            touch = Touch(Thermostat(round(knob.celsius(value), 3), offset=False), now.utc_s)
        self._keep(self.keeping.rebased(aspect, value, touch))
        self._grace_s = now.mono_s + GRACE_S
        self.touches.append(f"{knob.entity}: {aspect.value} set to {value} by somebody else")

    def _read_back(self, now: Instants) -> None:
        told = self._told
        knob = None if told is None else self._knobs.get(told.aspect)
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
        off = self._wanted is not None and self._desired(Aspect.SWITCH, self._wanted) == _OFF
        return sorted(self._knobs, key=lambda one: (one is Aspect.SWITCH) is not off)

    def _next(self, aspect: Aspect, wanted: Setpoint, now: Instants) -> Call | None:
        knob, before = self._knobs[aspect], self.keeping.before.get(aspect)
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
        if desired != _OFF and now.mono_s - self._said_s.get(aspect, -AGAIN_S) < AGAIN_S:
            return None
        self._keep(self.keeping.owned(aspect, knob.value, desired))
        return self._say(knob, desired, now)

    def _say(self, knob: Knob, value: Value, now: Instants) -> Call:
        self._told = _Told(knob.aspect, value)
        self._obedience.unknown()
        self._said_s[knob.aspect] = now.mono_s
        return knob.call(value)

    def _keep(self, keeping: Keeping) -> None:
        self.unsaved = self.unsaved or keeping != self.keeping
        self.keeping = keeping

    def _desired(self, aspect: Aspect, wanted: Setpoint) -> Value | None:
        """In the device's own terms; None: not ours."""
        knob = self._knobs.get(aspect)
        if knob is None:
            return None
        match aspect:
            case Aspect.SWITCH:
                paused = self._paused(wanted)
                return _OFF if wanted.on is False or paused else None
            case Aspect.CURRENT:
                if wanted.current_max_a is None:
                    return None
                if self._paused(wanted):
                    # what a switch keeps off may stay set as it is
                    return 0.0 if knob.least <= 0 else self.keeping.told.get(aspect)
                return knob.fitting(min(wanted.current_max_a, self.settings.options.maximum_a))
            case Aspect.TEMPERATURE:
                return self._setting(knob, wanted.thermostat)

    def _paused(self, wanted: Setpoint) -> bool:
        """A current below the least that it can be set to is none."""
        if wanted.current_max_a is None:
            return False
        knob = self._knobs.get(Aspect.CURRENT)
        least = max(self.settings.options.minimum_a, 0.0 if knob is None else knob.least)
        return wanted.current_max_a < least - 1e-6

    def _setting(self, knob: Knob, asked: Thermostat | None) -> Value | None:
        if asked is None:
            return None
        if not asked.offset:
            return knob.fitting(knob.from_celsius(asked.value_k))
        base = self.keeping.before.get(Aspect.TEMPERATURE, knob.value)
        if base is None or isinstance(base, str):
            return None
        return knob.fitting(base + asked.value_k * (1.8 if knob.fahrenheit else 1.0))

    def _holding(self) -> bool:
        """Whether all that is wanted reads back."""
        if self._wanted is None or not self._online or _asked(self._wanted) - self._knobs.keys():
            return False
        for aspect, knob in self._knobs.items():
            desired = self._desired(aspect, self._wanted)
            if desired is not None and not knob.same(knob.value, desired):
                return False
            if desired is None and aspect in self.keeping.before:
                return False
        return True

    def _holds(self) -> Setpoint | None:
        """What it obeys now of what can be set; what is not ours only of a charger, whose limit always is one."""
        if not self._online:
            return None
        wanted, ours = self._wanted, self.keeping.before
        heat, amps, off = (self._knobs.get(one) for one in (Aspect.TEMPERATURE, Aspect.CURRENT, Aspect.SWITCH))
        is_off = off is not None and off.value == _OFF
        thermostat: Thermostat | None = None
        if heat is not None and Aspect.TEMPERATURE in ours and isinstance(heat.value, int | float):
            asked = None if wanted is None else wanted.thermostat
            as_asked = asked is not None and heat.same(heat.value, self._setting(heat, asked))
            thermostat = asked if as_asked else Thermostat(round(heat.celsius(heat.value), 3), offset=False)
        current_a = amps.value if amps is not None and isinstance(amps.value, int | float) else None
        on = not is_off if Aspect.SWITCH in ours else None
        if wanted is not None and wanted.on is True and not is_off:
            on = True
        return Setpoint(
            self.settings.name,
            wanted.decision if wanted is not None and self._holding() else 0,
            current_max_a=0.0 if amps is not None and is_off else current_a,
            on=on if wanted is None or wanted.on is not None or amps is None else None,
            thermostat=thermostat,
        )

    def _condition(self, now: Instants) -> Condition:
        troubles, why = self._obedience.troubles(self._wanted)
        found = set(troubles)
        if not self._online:
            found.add(Trouble.SILENT)
        if self._wrong:
            found.add(Trouble.WRONG_DEVICE)
        if self.keeping.before and not self.settings.read_only:
            found.add(Trouble.NO_WATCHDOG)
        return Condition(
            online=self._online,
            holds=self._holds(),
            readings=self._measured(now),
            touch=self.keeping.touch,
            troubles=frozenset(found),
            text=self._why or self._wrong or why or self._mute(),
        )

    def _mute(self) -> str:
        """Why something of it that can be set is not set now."""
        heat = self._knobs.get(Aspect.TEMPERATURE)
        asked = self._wanted is not None and self._wanted.thermostat is not None
        return "it shows no setpoint in its present mode" if asked and heat is not None and heat.value is None else ""

    def _measured(self, now: Instants) -> Mapping[MeterKey, Reading]:
        session = self._watching
        if session is None or session.phase is not Phase.READY:
            return sensors.aged(self._readings)
        settings = self.settings
        self._readings = sensors.readings_of(session, settings.entity, settings.sensors, settings.options, now)
        return self._readings


def _asked(wanted: Setpoint) -> set[Aspect]:
    """What must be there for it to be held."""
    found = {Aspect.TEMPERATURE} if wanted.thermostat is not None else set[Aspect]()
    found |= {Aspect.SWITCH} if wanted.on is False else set()
    return found | ({Aspect.CURRENT} if wanted.current_max_a is not None else set())
