"""One device behind Home Assistant: its entities' states as knobs and readings, its knobs' settings as calls; pure but for its memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from adapters.homeassistant import knobs, sensors
from adapters.homeassistant.knobs import HomeKnob
from adapters.homeassistant.messages import Call
from adapters.homeassistant.options import HomeOptions
from adapters.homeassistant.session import Phase, Session
from adapters.knobs.hand import Hand, Picture
from adapters.knobs.keeping import Keeping
from adapters.knobs.knob import Aspect, Value
from adapters.knobs.units import aged
from adapters.settings import Pinned
from grid_functions.model.device import Role
from grid_functions.model.instants import Instants
from grid_functions.model.reading import MeterKey, Reading
from grid_functions.model.units import Quantity

_NET: Final[MeterKey] = (Quantity.NET, None)


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


class Thing(Hand[HomeKnob, Call]):
    """What is wanted of it, what it was told, what it shows: see :class:`Hand`."""

    def __init__(self, settings: ThingSettings, keeping: Keeping) -> None:
        super().__init__(settings, keeping)
        self.settings = settings
        self._readings: Mapping[MeterKey, Reading] = {}
        self._watching: Session | None = None

    def opened(self, session: Session) -> None:
        """Its server is there and has told its states."""
        self._watching = session
        self.arrived()

    def closed(self, why: str) -> None:
        """Its server is gone."""
        self._watching = None
        self.gone(why)

    def _looked(self, now: Instants) -> Picture[HomeKnob] | None:
        session = self._watching
        if session is None or session.phase is not Phase.READY:
            return None
        entity = self.settings.entity
        main = session.states.get(entity)
        if main is None or main.gone:
            return Picture(f"{entity} is {'not there' if main is None else main.state} in Home Assistant")
        kept = session.kept.get(entity)
        plate = self._picture.plate if kept is None else kept.plate
        found = self._found(session)
        users = {aspect: session.states[knob.entity].user for aspect, knob in found.items()}
        others = frozenset(aspect for aspect, user in users.items() if user not in ("", session.user))
        return Picture(plate=plate, knobs=found, others=others)

    def _found(self, session: Session) -> dict[Aspect, HomeKnob]:
        """What of it can be set. A switch of its own goes before a mode that is off."""
        main = session.states[self.settings.entity]
        aside = session.states.get(self.settings.options.switch)
        found: list[HomeKnob | None] = []
        if self.settings.role is Role.LOAD:
            found += [knobs.temperature(main, fahrenheit=session.fahrenheit), knobs.switch(main)]
        elif self.settings.role is Role.EVSE:
            found.append(knobs.current(main))
        if self.settings.options.switch:
            found = [one for one in found if one is None or one.aspect is not Aspect.SWITCH]
            found.append(None if aside is None else knobs.switch(aside))
        return {one.aspect: one for one in found if one is not None}

    def _measured(self, now: Instants) -> Mapping[MeterKey, Reading]:
        session = self._watching
        if session is None or session.phase is not Phase.READY:
            return aged(self._readings)
        settings = self.settings
        self._readings = sensors.readings_of(session, settings.entity, settings.sensors, settings.options, now)
        return self._readings

    def _call(self, knob: HomeKnob, value: Value) -> Call:
        return knob.call(value)
