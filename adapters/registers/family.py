"""A family that is a table of registers, read and written by its profile. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import combinations
from types import MappingProxyType
from typing import Any, Final

from adapters.doubt import minding
from adapters.family import Conversation, Look, Pace, Points, Writing, measured
from adapters.modbus.frames import (
    ACKNOWLEDGE,
    BUSY,
    ILLEGAL_ADDRESS,
    ILLEGAL_FUNCTION,
    WRITE_MANY,
    WRITE_ONE,
    Refusal,
    Reply,
    Request,
    Write,
    Written,
)
from adapters.registers.options import RegisterOptions
from adapters.registers.orders import NOMINAL_V, OPTIONAL, Cannot, Orders, Put, Rating, Sequence
from adapters.registers.points import Value, WriteFunction
from adapters.registers.profile import Aim, Profile
from adapters.registers.readings import Gauge, Pilot, fits
from adapters.registers.spans import Heard, Span, Values, read, spans
from grid_functions.model.control import Mode
from grid_functions.model.device import Ability, Capability, Currents, Fallback, How, Nameplate
from grid_functions.model.instants import Instants
from grid_functions.model.setpoint import Setpoint

_LATE: Final = 0.5
"""Who is watched is heard at half the time it waits, or sooner."""
_MOST_BEAT_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Found:
    """``plate``: every value as it was read when the device was found. ``polled``: what each poll reads. ``functions``: as learnt from
    refused writes. ``rating``: what it is rated for. ``told``: something was written on this connection; ``watched``: it reads as set up to
    fall back; ``orders``: what can be asked of it, as far as its map has it; ``doubtful``: not all was told that may be another time.
    """

    unit: int
    plate: Mapping[str, Value | None]
    polled: tuple[Span, ...]
    rating: Rating
    orders: Orders
    functions: Mapping[str, WriteFunction] = field(default_factory=lambda: MappingProxyType({}))
    told: bool = False
    watched: bool = False
    unwatchable: str = ""
    doubtful: bool = False


class Mapped:
    """All families of :mod:`.library`: what they have in common is here, what they have of their own is in their profiles."""

    def __init__(self, name: str, profile: Profile, options: RegisterOptions) -> None:
        self.name: Final = name
        self.profile: Final = profile
        self._options = options
        self._points = {one: profile.point(one, options.connector) for one in profile.points}
        self._orders = Orders(profile, options, self._points)
        self._fewer = {lacks: Orders(profile, options, self._points, lacks) for lacks in _LACKS}
        self._showing = frozenset(one.name for one in self._points.values() if one.shown_by)
        self._writable = tuple(
            (one.name, one.shown_by) for one in self._points.values() if one.writable and one.shown_by
        )
        self._silent: tuple[Found, Setpoint, bool, tuple[Value | None, ...]] | None = None
        self._points_told: dict[str, Value] = {}
        self._heard = Heard(())
        self._meant: tuple[Found, Values, Look] | None = None
        self._gauge = Gauge(profile.measures, options.phases, options.positive)
        self._pilot = Pilot(profile.vehicle)
        self._spans = spans((one for one in self._points.values() if one.readable), profile.manners)
        # What is said once, when it was found, is not asked for again.
        once = {one for _, one in profile.identity if one} | {one for _, one in profile.ratings if isinstance(one, str)}
        once |= set(profile.recognise) - {one for rule in profile.vehicle for one in rule.when}
        used = self._orders.read | {one for measure in profile.measures.values() for one in measure.points}
        polled = (one for one in self._points.values() if one.readable and (one.name in used or one.name not in once))
        self._polled = spans(polled, profile.manners)

    @property
    def pace(self) -> Pace:
        """As the profile tells, and often enough for its watchdog."""
        manners, dog = self.profile.manners, self.profile.watchdog
        beat_s = None
        if dog is not None:
            beat_s = min(dog.beat_s or _MOST_BEAT_S, self._orders.timeout_s * _LATE, _MOST_BEAT_S)
        return Pace(manners.min_gap_s, manners.timeout_s, beat_s)

    @property
    def watched(self) -> tuple[float, float] | None:
        """What it is to fall back to, A, and after how many seconds of silence; None: nothing watches."""
        return None if self.profile.watchdog is None else (self._orders.fallback_a, self._orders.timeout_s)

    def find(self, unit: int, known: Found | None = None) -> Conversation[Found | None]:
        """Everything once: it is there when it answers, and shows what it is told by."""
        needed = self._fewer[_LACKS[-1]].read
        first = [span for span in self._spans if needed & {one.name for one, _, _ in span.points}]
        plate = yield from read(unit, first)
        if plate is None or any(plate.get(one) is None for one in needed):
            return None
        untold = set[Request]()
        rest = yield from minding(read(unit, (span for span in self._spans if span not in first)), untold)
        if rest is None:
            return None
        plate |= rest
        if not any(value is not None for value in plate.values()) or not fits(self.profile.recognise, plate):
            return None
        refused = {one.name for span in self._spans for one, _, _ in span.points if plate.get(one.name) is None}
        # A span of which nothing was told is refused, or means nothing here; asking on would cost a bus its time.
        polled = tuple(s for s in self._polled if not {one.name for one, _, _ in s.points} <= refused)
        orders = self._fewer[self._orders.lacking(plate)]
        found = Found(unit, MappingProxyType(plate), polled, self._rating(plate), orders)
        functions = known.functions if known is not None else found.functions
        return replace(found, functions=functions, watched=self._set_up(found, plate), doubtful=bool(untold))

    def nameplate(self, found: Found) -> Nameplate:
        """Who it is by its map, else by its profile; what it is rated for by its map, else by the configuration."""
        rating = found.rating
        rated_w = self._rated(found.plate, "rated_w")
        charger = self.profile.currents is not None
        return Nameplate(
            maker=self.profile.maker,
            model=self._said(found.plate, "model") or self.profile.model,
            serial=self._said(found.plate, "serial"),
            version=self._said(found.plate, "version"),
            rated_w=rating.maximum_a * NOMINAL_V * rating.phases if charger else rated_w,
            rated_charge_w=self._rated(found.plate, "rated_charge_w"),
            rated_discharge_w=self._rated(found.plate, "rated_discharge_w"),
            capacity_wh=self._rated(found.plate, "capacity_wh"),
            nominal_v=NOMINAL_V if charger else None,
            phases=rating.phases if charger else None,
            max_w=rated_w,
            rated_a=rating.maximum_a if charger else None,
        )

    def capability(self, found: Found) -> Capability:
        """What its orders can say; a fallback counts once it is known and reads as set."""
        rating, dog = found.rating, self.profile.watchdog
        abilities: dict[Mode, Ability] = {}
        for aims, modes in _MODES:
            if found.orders.has(*aims) and not self._lacks_rating(aims, rating):
                abilities |= dict.fromkeys(modes, Ability(How.NATIVE))
        sure = dog is not None and (dog.verified or self._options.fallback_seen) and found.watched
        fallback = Fallback(self._orders.fallback_a, self._orders.timeout_s) if sure else None
        currents, resolution_w = None, 1.0
        if self.profile.currents is not None:
            phases = (1, 3) if found.orders.has(Aim.PHASES) else ()
            step_a = rating.resolution_a
            currents = Currents(rating.maximum_a, rating.minimum_a, step_a, phases, fallback)
            resolution_w = step_a * NOMINAL_V * rating.phases
        gap_s = self.profile.manners.min_gap_s
        return Capability(
            abilities=abilities,
            settle_s=self.profile.manners.settle_s,
            resolution_w=resolution_w,
            minimum_w=0.0
            if currents is None
            else currents.minimum_a * NOMINAL_V * (1 if currents.phases else rating.phases),
            off_capable=currents is not None,
            writes_per_minute=60.0 if gap_s <= 1.0 else 60.0 / gap_s,
            currents=currents,
        )

    def poll(self, found: Found, ours: frozenset[str] = frozenset()) -> Conversation[Values | None]:
        """All that changes; what tells how it obeys is asked for again when it gives no value. Then the token, if it watches for one."""
        if self._heard.spans is not found.polled:
            self._heard = Heard(found.polled)
        values = yield from self._heard.again(found.unit)
        for _ in range(_MORE_LOOKS):
            if values is None or None not in found.orders.shown(values):
                break
            missing = {one for one in found.orders.read if values.get(one) is None}
            again = yield from read(
                found.unit, (s for s in found.polled if missing & {one.name for one, _, _ in s.points})
            )
            values = None if again is None else values | again
        if values is not None and ours and (token := found.orders.token) is not None:
            yield Write(found.unit, token.point.address, token.registers, token.point.function)
        return values

    def decode(self, found: Found, raw: Values, now: Instants) -> Look:
        """Readings in the house's signs, what it holds, the vehicle."""
        last = self._meant
        if last is None or last[0] is not found or last[1] is not raw:
            last = self._meant = found, raw, self._state(found, raw)
        return measured(last[2], self._gauge.readings(raw, now))

    def _state(self, found: Found, raw: Values) -> Look:
        """All but what was measured; it stays as long as the same is read."""
        holds = found.orders.holds(raw, found.rating) if self.profile.orders else None
        text = found.unwatchable
        if holds is None and (untold := sorted(one for one in found.orders.read if raw.get(one) is None)):
            text = f"tells nothing at {', '.join(untold)}"
        return Look({}, holds, vehicle=self._pilot.state(raw), points=self._written(found, raw), text=text)

    def doubtful(self, found: Found) -> bool:
        """Part of its map was refused for now."""
        return found.doubtful

    def learnt(self, found: Found) -> Mapping[str, str | int]:
        """The function code by point, where one was refused and the other taken."""
        return {f"write {name}": function for name, function in sorted(found.functions.items())}

    def concerns(self, found: Found, wanted: Setpoint) -> frozenset[str]:
        """The points of all orders that the setpoint is about, that can be read back."""
        return found.orders.concerned(wanted, found.rating) & self._showing

    def write(
        self, found: Found, raw: Values, wanted: Setpoint, *, rearm: bool = False
    ) -> Conversation[Writing[Found]]:
        """The limit, then what it falls back to. A device that does not take the latter is limited all the same."""
        shown = found.orders.shown(raw)
        silent = self._silent
        if silent is not None and silent[0] is found and silent[1] is wanted and silent[2:] == (rearm, shown):
            return Writing()
        pen, told = _Pen(found, raw), found.orders.told(wanted, found.rating)
        for sequence in told:
            if isinstance(sequence, Cannot):
                return Writing(pen.sent, pen.refused or sequence.why, pen.found)
            yield from pen.carry_out(sequence, rearm=rearm)
            if pen.refused:
                return Writing(pen.sent, pen.refused, pen.found)
        if told and not found.unwatchable:
            yield from pen.carry_out(found.orders.setup, rearm=rearm)
        if not pen.sent and not pen.refused:
            self._silent = found, wanted, rearm, shown
            return Writing()
        unwatchable = pen.refused or found.unwatchable
        watched = not unwatchable and self._set_up(found, pen.values)
        better = pen.found
        if (better.unwatchable, better.watched) != (unwatchable, watched):
            better = replace(better, unwatchable=unwatchable, watched=watched)
        return Writing(pen.sent, "", None if better is found else better)

    def release(self, found: Found, raw: Values, baseline: Points) -> Conversation[Writing[Found]]:
        """What it held before us, point by point in the order of the profile."""
        pen = _Pen(found, raw)
        for name, point in self._points.items():
            value = baseline.get(name)
            if not point.writable or not isinstance(value, int | float):
                continue
            registers = point.encode(float(value))
            if registers is not None:
                yield from pen.carry_out((Put(point, float(value), registers),), rearm=False)
            if pen.refused:
                break
        return Writing(pen.sent, pen.refused, pen.found if pen.sent else None)

    def _set_up(self, found: Found, values: Mapping[str, Value | None]) -> bool:
        """Whether it reads as set up to fall back as the configuration says; where nothing is set up, it is as it is from its box."""
        dog = self.profile.watchdog
        if dog is None or (dog.setup and not found.orders.setup):
            return False
        return all(put.shown(values) for put in found.orders.setup)

    def _written(self, found: Found, raw: Values) -> dict[str, Value]:
        """Every point we may write, as read; before the first write as it was when the device was found, where now it has no value.

        The same object as long as it says the same.
        """
        told: dict[str, Value] = {}
        for name, shown_by in self._writable:
            value = raw.get(shown_by)
            if value is None and not found.told:
                value = found.plate.get(shown_by)
            if value is not None:
                told[name] = value
        if told != self._points_told:
            self._points_told = told
        return self._points_told

    def _rating(self, plate: Mapping[str, Value | None]) -> Rating:
        said, options = self.profile.currents, self._options
        rated_w = self._rated(plate, "rated_w")
        if said is None:
            return Rating(rated_w)
        told = [said.maximum_a, *([options.maximum_a] if options.maximum_a is not None else [])]
        if said.maximum is not None and isinstance(setting := plate.get(said.maximum), int | float) and setting > 0:
            told.append(float(setting))
        phases = len(options.phases) or said.phases
        return Rating(rated_w, said.minimum_a, min(told), said.resolution_a, phases)

    def _rated(self, plate: Mapping[str, Value | None], what: str) -> float | None:
        asked: float | None = getattr(self._options, what)
        if asked is not None:
            return asked
        said: Any = getattr(self.profile.ratings, what)
        value = plate.get(said) if isinstance(said, str) else said
        return float(value) if isinstance(value, int | float) and value > 0 else None

    def _said(self, plate: Mapping[str, Value | None], what: str) -> str:
        name = getattr(self.profile.identity, what)
        value = None if name is None else plate.get(name)
        return "" if value is None else str(value)

    def _lacks_rating(self, aims: frozenset[Aim], rating: Rating) -> bool:
        shares = any(step.of == "share" for aim in aims for step in self.profile.orders[aim])
        return shares and rating.rated_w is None


class _Pen:
    """Writes what does not read so already; remembers what was sent, and how the device takes writes."""

    def __init__(self, found: Found, values: Values) -> None:
        self.found, self.values = found, values
        self.sent: dict[str, Value] = {}
        self.refused = ""

    def carry_out(self, sequence: Sequence, *, rearm: bool) -> Conversation[None]:
        """One sequence: what shows nowhere goes along when something else of it is written."""
        due = [put for put in sequence if not put.shown(self.values) or (rearm and put.anew)]
        if not due:
            return
        for put in sequence:
            if put in due or not put.point.shown_by:
                yield from self._put(put)
            if self.refused:
                return

    def _put(self, put: Put) -> Conversation[None]:
        point = put.point
        function = self.found.functions.get(point.name, point.function)
        reply = yield from self._try(put, function)
        single = point.size == 1 and function in (WRITE_ONE, WRITE_MANY)
        if isinstance(reply, Refusal) and reply.code in (ILLEGAL_FUNCTION, ILLEGAL_ADDRESS) and single:
            other: WriteFunction = WRITE_MANY if function == WRITE_ONE else WRITE_ONE
            first, reply = reply, (yield from self._try(put, other))
            if isinstance(reply, Written):
                self.found = replace(self.found, functions={**self.found.functions, point.name: other})
            elif isinstance(reply, Refusal):
                reply = first
        if isinstance(reply, Refusal):
            self.refused = f"{point.name}: {reply}"
        elif isinstance(reply, Written):
            self.values = {**self.values, point.shown_by or point.name: put.value}
        else:
            self.refused = f"{point.name}: no answer"

    def _try(self, put: Put, function: WriteFunction) -> Conversation[Reply | None]:
        reply: Reply | None = None
        for _ in range(_BUSY_TRIES):
            reply = yield _request(self.found.unit, put.point.address, put.registers, function)
            if not (isinstance(reply, Refusal) and reply.code in (ACKNOWLEDGE, BUSY)):
                break
        if not isinstance(reply, Refusal):
            # A write without an answer may have arrived: it counts as sent, and the read-back tells.
            self.sent[put.point.name] = put.value
            if not self.found.told:
                self.found = replace(self.found, told=True)
        return reply


@lru_cache(maxsize=1024)
def _request(unit: int, address: int, registers: tuple[int, ...], function: WriteFunction) -> Write:
    """Made once for all devices that are told the same."""
    return Write(unit, address, registers, function)


_LACKS: Final[tuple[frozenset[Aim | None], ...]] = tuple(
    frozenset(lacks) for count in range(len(OPTIONAL) + 1) for lacks in combinations(OPTIONAL, count)
)
_BUSY_TRIES: Final = 3
_MORE_LOOKS: Final = 2
_MODES: Final = (
    (frozenset({Aim.CURRENT}), (Mode.LOAD_LIMIT, Mode.IMPORT_LIMIT)),
    (frozenset({Aim.CONSUME_MAX}), (Mode.LOAD_LIMIT, Mode.IMPORT_LIMIT)),
    (frozenset({Aim.PRODUCE_MAX}), (Mode.MAX_POWER, Mode.GENERATION_LIMIT, Mode.EXPORT_LIMIT)),
    (frozenset({Aim.CHARGE, Aim.DISCHARGE, Aim.IDLE}), (Mode.STORAGE_POWER, Mode.TARGET_POWER, Mode.FIXED_POWER)),
)
