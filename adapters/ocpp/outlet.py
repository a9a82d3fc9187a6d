"""One connector: what is wanted of it, what it was told, what it shows; pure but for its own memory.

The same few lines serve a first limit, a lost one, a reconnect and the renewal of a dead-man's timer: whenever it may speak, the connector
says what is to be told to its station next, if anything. What it holds is what its station shows, never what was told.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from adapters.family import Look
from adapters.obedience import Obedience
from adapters.ocpp.facts import (
    Answer,
    Began,
    Booted,
    Clear,
    Ended,
    Fact,
    Manners,
    Order,
    Purpose,
    Sampled,
    Show,
    Status,
    Tell,
    Verdict,
)
from adapters.ocpp.limit import SKEW_S, Limit, Manner, falls_back, limit_of, same, schedule_of, setpoint_of, shown_at
from adapters.ocpp.options import OcppOptions
from adapters.ocpp.samples import readings
from adapters.registers.orders import NOMINAL_V
from adapters.settings import Pinned
from adapters.silence import LATE_S
from grid_functions.model.control import Mode
from grid_functions.model.device import (
    Ability,
    Capability,
    Condition,
    Currents,
    Fallback,
    How,
    Nameplate,
    Role,
    Seen,
    Trouble,
    Vehicle,
)
from grid_functions.model.instants import Instants
from grid_functions.model.reading import MeterKey, Quality, Reading
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.units import Quantity

SHOW_S: Final = 60.0
"""How often a station is asked at least what it obeys."""
STALE_S: Final = 30.0
"""A sample counts so long at least; longer where samples come less often."""
LOOSEN_S: Final = 5.0
"""Between limits of which the later loosens: look, decide and tell do not circle at wire speed."""
REFUSALS: Final = 3
"""A station that refused so often, and never obeyed, cannot be limited."""


@dataclass(frozen=True, slots=True)
class OutletSettings:
    """``ends``: what it was told ends in no limit when we are silent, rather than in the fallback (on_gateway_loss: release)."""

    name: str
    station: str
    connector: int = 1
    role: Role = Role.EVSE
    options: OcppOptions = field(default_factory=OcppOptions)
    pinned: Pinned = field(default_factory=Pinned)
    settle_s: float = 10.0
    read_only: bool = False
    ends: bool = False


class Outlet:
    """``station``: its identity; it lives on while its station comes and goes."""

    def __init__(self, settings: OutletSettings) -> None:
        self.settings = settings
        self._options = settings.options
        self._online = False
        self._why = "not connected yet"
        self._plate = Nameplate()
        self._manners: Manners | None = None
        self._vehicle: Vehicle | None = None
        self._alarms = frozenset[str]()
        self._station_alarms = frozenset[str]()
        self._readings: dict[MeterKey, Reading] = {}
        self._session: tuple[str, float | None] | None = None
        self._wanted: Setpoint | None = None
        self._telling: Limit | None = None
        self._told: tuple[Limit, float] | None = None
        self._unseen: Limit | None = None
        self._ours = True
        self._shown: Limit | None = None
        self._shown_s: float | None = None
        self._watched = False
        self._timer_s = 0.0
        self._decision = 0
        self._obedience = Obedience()
        self._refusals = 0
        self._obeyed = False
        self._cannot = ""

    def want(self, setpoint: Setpoint) -> None:
        """What should hold from now on; the newest wins."""
        old, self._wanted = self._wanted, setpoint
        if old is not None and self._decision and self._limit == limit_of(old, self._options):
            self._decision = setpoint.decision

    @property
    def correlation(self) -> str:
        """Of the decision whose setpoint is wanted, as the log has it."""
        return "" if self._wanted is None else f"decision-{self._wanted.decision}"

    def released(self) -> bool:
        """Whether it shows that nothing is wanted of it, and its station has forgotten our limit."""
        return self.settings.read_only or (self._online and self._limit is None and not self._ours)

    def opened(self) -> None:
        """Its station is there. What it holds may have changed meanwhile: it is told, and asked, anew."""
        self._online, self._why = True, ""
        self._forget()

    def closed(self, why: str) -> None:
        """Its station is gone. What it last held is what it may still hold."""
        self._online, self._why = False, why
        self._obedience.unknown()

    def learn(self, manners: Manners) -> None:
        """How its station may be limited."""
        self._manners = manners

    def take(self, fact: Fact, now: Instants) -> bool:
        """What its station says; whether it is to be told anew because it has started."""
        match fact:
            case Booted():
                self._plate = self._rated(fact.plate)
                self._forget()
                self._shown = None
                return True
            case Status(connector=0):
                self._station_alarms = fact.alarms or frozenset()
            case Status() if fact.connector == self.settings.connector:
                self._alarms = self._alarms if fact.alarms is None else fact.alarms
                if fact.vehicle is not None:
                    self._vehicle = fact.vehicle
                elif self._vehicle is not Vehicle.CHARGING:
                    self._vehicle = Vehicle.CONNECTED
            case Began() if fact.connector == self.settings.connector:
                self._session = fact.transaction, fact.meter_wh
            case Ended() if self._session is not None and self._session[0] == fact.transaction:
                self._session = None
            case Sampled() if fact.connector == self.settings.connector:
                self._measure(fact, now)
            case _:
                pass
        return False

    def due(self, now: Instants) -> Order | None:
        """What is to be told or asked next; None: nothing now."""
        if not self._online or self._manners is None:
            return None
        unit = self._manner.unit
        wanted, limit = self._wanted, self._limit
        mute = self.settings.read_only or bool(self._wrong or self._cannot)
        if wanted is not None and not mute and self._obedience.may_write(wanted, None, now.mono_s):
            if limit is None and self._ours:
                return Clear(self.settings.connector, Purpose(self._options.purpose))
            if limit is not None and self._untold(limit, now):
                return self._tell(limit, now)
        if self._shown_s is None or now.mono_s - self._shown_s >= SHOW_S:
            return Show(self.settings.connector, round(self._options.timeout_s) + 2 * SKEW_S, unit)
        return None

    def said(self, order: Order, now: Instants) -> None:
        """It is on its way: from now on it may hold."""
        if isinstance(order, Tell) and (limit := self._limit) is not None:
            self._unseen = limit if self._unseen is None else max(self._unseen, limit, key=lambda one: one.current_a)
            self._telling, self._ours, self._timer_s = limit, True, now.mono_s

    def answered(self, order: Order, answer: Answer, now: Instants) -> None:
        """What its station says to an order; a station that said nothing in time REJECTED it."""
        match order:
            case Tell():
                self._was_told(answer, now)
            case Clear():
                self._ours = answer.verdict is Verdict.REJECTED
                self._told, self._shown_s = None, None
                if answer.verdict is not Verdict.ACCEPTED and self._wanted is not None:
                    self._obedience.failed(self._wanted, f"clearing our limit: {answer.why}", now.mono_s)
            case Show():
                self._was_shown(answer, now)
            case _:
                pass

    def seen(self, now: Instants) -> Seen:
        """One look, as the site is handed it."""
        return Seen(self.settings.name, self.settings.role, self._plate, self._capability, self._condition(now))

    @property
    def _limit(self) -> Limit | None:
        return None if self._wanted is None else limit_of(self._wanted, self._options)

    @property
    def _wrong(self) -> str:
        return "; ".join(self.settings.pinned.differences(self._plate))

    @property
    def _manner(self) -> Manner:
        manners = self._manners or Manners()
        watch = manners.most_periods >= 2 and not self.settings.ends
        return Manner("A" if "A" in manners.units else "W", watch, self.settings.ends)

    def _forget(self) -> None:
        self._told, self._shown_s, self._watched, self._ours = None, None, False, True
        self._refusals, self._cannot = 0, ""
        self._obedience = Obedience()

    def _rated(self, plate: Nameplate) -> Nameplate:
        phases = len(self._options.phases)
        rated_a = self._options.maximum_a
        return replace(plate, rated_w=rated_a * NOMINAL_V * phases, nominal_v=NOMINAL_V, phases=phases, rated_a=rated_a)

    def _untold(self, limit: Limit, now: Instants) -> bool:
        """Another one than it was told, or that half of its timer is over."""
        if self._told is None:
            return True
        if self._told[0] != limit:
            tighter = limit.current_a < self._told[0].current_a
            return tighter or now.mono_s - self._told[1] >= LOOSEN_S
        timed = self._manner.falls_back or self._manner.ends
        return timed and now.mono_s - self._told[1] >= self._options.timeout_s / 2

    def _tell(self, limit: Limit, now: Instants) -> Tell:
        stack = min(self._options.stack_level, (self._manners or Manners()).most_stack)
        schedule = schedule_of(limit, self._manner, self._options, now.utc_s)
        return Tell(self.settings.connector, Purpose(self._options.purpose), stack, schedule)

    def _was_told(self, answer: Answer, now: Instants) -> None:
        wanted, limit, self._telling = self._wanted, self._telling, None
        if answer.verdict is Verdict.ACCEPTED and limit is not None:
            self._told, self._shown_s, self._refusals = (limit, now.mono_s), None, 0
            return
        self._told = None
        self._refusals += 1
        if answer.verdict is Verdict.NOT_SUPPORTED or (self._refusals >= REFUSALS and not self._obeyed):
            self._cannot = f"takes no limit: {answer.why}"
        if wanted is not None:
            self._obedience.failed(wanted, f"takes no limit: {answer.why}", now.mono_s)

    def _was_shown(self, answer: Answer, now: Instants) -> None:
        self._shown_s = now.mono_s
        self._timer_s = now.mono_s
        schedule = answer.schedule
        self._shown = None if schedule is None else shown_at(schedule, self._options, now.utc_s)
        self._watched = schedule is not None and self._manner.falls_back and falls_back(schedule, self._options)
        self._decision = 0
        wanted, limit = self._wanted, self._limit
        if wanted is None or limit is None or self._told is None or self._told[0] != limit:
            return
        if self._shown is not None and same(self._shown, limit, self._options):
            self._unseen, self._obeyed, self._decision = None, True, wanted.decision
            self._obedience.held(Look({}))
            return
        why = "" if schedule is not None else f"told, but not shown: {answer.why or 'no schedule'}"
        self._obedience.failed(wanted, "", now.mono_s, why)
        self._told = None

    def _measure(self, fact: Sampled, now: Instants) -> None:
        found = readings(fact.samples, self._options.phases, now)
        for key, reading in found.items():
            before = self._readings.get(key)
            # What was kept while nobody could be reached comes late, and after what is newer.
            if before is None or reading.utc_s >= before.utc_s or reading.quality is not Quality.STALE:
                self._readings[key] = reading
        register = found.get((Quantity.ENERGY_CONSUMED, None))
        begun_wh = None if self._session is None else self._session[1]
        if register is not None and register.quality is Quality.GOOD and begun_wh is not None:
            since = replace(register, value=register.value - begun_wh)
            self._readings[Quantity.SESSION_ENERGY, None] = (
                since if since.value >= 0 else replace(since, quality=Quality.SUSPECT)
            )

    @property
    def _capability(self) -> Capability:
        if self._manners is None and not self._plate.maker:
            return Capability()
        options, manners = self._options, self._manners or Manners()
        ability = Ability(How.NOT_POSSIBLE, self._cannot) if self._cannot else Ability(How.NATIVE)
        phases = (1, 3) if manners.switches and len(options.phases) == 3 else ()
        fallback = Fallback(options.fallback_a, options.timeout_s) if self._watched else None
        least = 1 if phases else len(options.phases)
        return Capability(
            abilities=dict.fromkeys(_MODES, ability),
            settle_s=self.settings.settle_s,
            resolution_w=options.resolution_a * NOMINAL_V * len(options.phases),
            minimum_w=options.minimum_a * NOMINAL_V * least,
            writes_per_minute=60.0 / LOOSEN_S,
            watchdog=self._watched,
            currents=Currents(options.maximum_a, options.minimum_a, options.resolution_a, phases, fallback),
        )

    def _condition(self, now: Instants) -> Condition:
        troubles, why = self._obedience.troubles(self._wanted)
        found = set(troubles)
        if not self._online:
            found.add(Trouble.SILENT)
        if self._wrong:
            found.add(Trouble.WRONG_DEVICE)
        if self._manners is not None and not self._watched and not self.settings.read_only and not self._cannot:
            found.add(Trouble.NO_WATCHDOG)
        return Condition(
            online=self._online and self._manners is not None,
            holds=self._holds(now),
            readings=self._aged(now),
            operating=None if self._vehicle is None else self._vehicle is Vehicle.CHARGING,
            vehicle=self._vehicle,
            alarms=self._alarms | self._station_alarms,
            troubles=frozenset(found),
            text=self._why or self._wrong or self._cannot or why,
        )

    def _holds(self, now: Instants) -> Setpoint | None:
        """As shown; of a silent one the most that it may hold, until its own timer has ended that."""
        limit, options = self._shown, self._options
        if limit is None:
            return None
        if not self._online:
            if self._unseen is not None and self._unseen.current_a > limit.current_a:
                limit = self._unseen
            if self._watched and now.mono_s - self._timer_s > options.timeout_s + SKEW_S + LATE_S:
                limit = Limit(options.fallback_a)
        return setpoint_of(limit, options, self.settings.name, self._decision)

    def _aged(self, now: Instants) -> Mapping[MeterKey, Reading]:
        """Samples count for three periods. Where no car is there the contactor is open (IEC 61851-1, state A): nothing flows."""
        stale_s = max(STALE_S, 3.0 * self._options.sample_s)
        aged = {
            key: replace(reading, quality=Quality.STALE)
            if reading.quality is Quality.GOOD and (not self._online or now.mono_s - reading.at_s > stale_s)
            else reading
            for key, reading in self._readings.items()
        }
        if self._online and self._vehicle is Vehicle.ABSENT:
            for key in [(Quantity.NET, None), *(key for key in aged if key[0] in (Quantity.NET, Quantity.CURRENT))]:
                aged[key] = Reading(0.0, Quality.GOOD, now.mono_s, now.utc_s)
            aged.pop((Quantity.SESSION_ENERGY, None), None)
        return aged


_MODES: Final = (Mode.LOAD_LIMIT, Mode.IMPORT_LIMIT)
