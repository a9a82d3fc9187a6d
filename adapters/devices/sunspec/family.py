"""The family ``sunspec``: what stands behind a unit, what it can obey, how it is read and told. Pure.

A limit that does not bind is written as 100 %, enabled: read back it is seen to be ours, and only an enabled limit has
a running timer that falls to the fail-safe when we go silent.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from adapters.devices.sunspec import der700, legacy, meter
from adapters.devices.sunspec.options import Kind, SunSpecOptions
from adapters.devices.sunspec.readings import blank, flags, readings, suspect
from adapters.devices.sunspec.registers import Pen, Raw, Reads, Values, WriteFunction, reads
from adapters.family import Conversation, Look, Points, Writing
from adapters.modbus.frames import WRITE_MANY
from adapters.sunspec.discover import BASES, Block, Identity, Part, discover
from adapters.sunspec.discover import Found as Chain
from adapters.sunspec.points import Value, resolution
from grid_functions.model.control import Mode
from grid_functions.model.device import Ability, Capability, How, Nameplate
from grid_functions.model.instants import Instants
from grid_functions.model.reading import MeterKey, Reading
from grid_functions.model.setpoint import Revert, Setpoint


@dataclass(frozen=True, slots=True)
class Found:
    """One device. ``plate``: its rated values and controls as read when it was found; ``models``: by what it is served.

    ``write_function``: as learnt from refused writes, kept over reconnects.
    """

    base: int
    identity: Identity | None
    reads: Reads
    plate: Values
    measured: int | None
    limited: int | None
    switched: int | None
    write_function: WriteFunction = WRITE_MANY


class SunSpec:
    """SunSpec inverters and meters. Where 704 and 123 both are, 704: it tells when its limit has expired, and falls to a value."""

    name: Final = "sunspec"

    def __init__(self, options: SunSpecOptions | None = None) -> None:
        self._options = options or SunSpecOptions()

    def find(self, unit: int, known: Found | None = None) -> Conversation[Found | None]:
        """Follow the map, then read what is rated and what can be set: a point that is not implemented is not ours."""
        bases = BASES if known is None else (known.base, *(base for base in BASES if base != known.base))
        chain = yield from discover(unit, bases=bases, max_read=self._options.max_read, function=self._options.function)
        if not isinstance(chain, Chain):
            return None
        part = self._chosen(chain.parts)
        if part is None:
            return None
        measured, limited, switched = _served_by(part)
        wanted = _POLLED if measured not in meter.MODELS else meter.POLLED
        used = {measured, limited, switched, *_BESIDE}
        polled = {model_id: names for model_id, names in wanted.items() if model_id in used}
        once = self._reads(chain, part, {**polled, der700.PLATE: _PLATE[0], legacy.RATED: _PLATE[1]})
        raw = yield from once.read()
        if raw is None:
            return None
        return Found(
            chain.base,
            part.identity,
            self._reads(chain, part, polled),
            once.decode(raw),
            measured,
            limited,
            switched,
            WRITE_MANY if known is None else known.write_function,
        )

    def nameplate(self, found: Found) -> Nameplate:
        """702, else 120 and 121; who it is from model 1."""
        plate = found.plate
        rated = der700.nameplate(plate[der700.PLATE]) if der700.PLATE in plate else legacy.nameplate(plate)
        who = found.identity
        return replace(
            rated,
            maker=(who and who.maker) or "",
            model=(who and who.model) or "",
            serial=(who and who.serial) or "",
            version=(who and who.version) or "",
            phases=_PHASES.get(found.measured or 0, _ac_phases(plate.get(der700.AC, {}))),
            max_w=_base_w(plate),
        )

    def capability(self, found: Found) -> Capability:
        """Limits where a limit point, its scale and its base can be read; service or connection where there is a switch."""
        plate, base_w = found.plate, _base_w(found.plate)
        step = _step(found)
        abilities = {mode: Ability(How.NOT_POSSIBLE, "no power limit to write to") for mode in _LIMITS}
        if step is not None and base_w is not None:
            abilities = dict.fromkeys(_LIMITS, Ability(How.NATIVE))
        elif found.limited is not None:
            abilities = {mode: Ability(How.NOT_POSSIBLE, "what 100 % means cannot be read") for mode in _LIMITS}
        if found.measured in meter.MODELS:
            abilities = {}
        if found.switched == der700.SWITCH:
            abilities |= {
                Mode.ENERGIZE: Ability(How.NATIVE),
                Mode.CONNECT: Ability(How.APPROXIMATED, "703.ES ceases to energize; no contact opens"),
            }
        elif found.switched == legacy.CONTROL:
            abilities |= {
                Mode.CONNECT: Ability(How.NATIVE),
                Mode.ENERGIZE: Ability(How.APPROXIMATED, "123.Conn disconnects"),
            }
        watchdog = found.limited == der700.LIMIT and der700.reverts(plate[der700.LIMIT])
        return Capability(
            abilities=abilities,
            settle_s=5.0,
            resolution_w=1.0 if step is None or base_w is None else step * base_w / 100,
            off_capable=found.switched is not None,
            watchdog=watchdog and _can_limit(found),
        )

    def poll(self, found: Found) -> Conversation[Raw | None]:
        """Measurements and controls in as few reads as the unit allows."""
        return found.reads.read()

    def decode(self, found: Found, raw: Raw, now: Instants) -> Look:
        """One poll: readings in this house's signs, what the device holds, its state."""
        values = found.reads.decode(raw)
        if found.measured in meter.MODELS:
            return self._meter_look(found, values, now)
        ac = values.get(found.measured or 0, {})
        table, fault = (
            (der700.TABLE, ac.get("InvSt") == der700.FAULT)
            if found.measured == der700.AC
            else (legacy.TABLE, ac.get("St") == legacy.FAULT)
        )
        measured = readings(table, ac, now, turn=True)
        # Fronius: for a moment everything reads zero and the state says fault.
        transient = fault and blank(table, ac)
        return Look(
            suspect(measured) if transient else measured,
            None if transient else self._holds(found, values),
            *_state(found, values),
            _alarms(found, ac),
            _points(found, values),
            "answers zeros and a fault: nothing of it is believed" if transient else "",
            plausible=not transient,
        )

    def concerns(self, found: Found, wanted: Setpoint) -> frozenset[str]:
        """The limit's points where it has a limit, the switch's where it is switched."""
        names: list[str] = []
        if wanted.produce_max_w is not None and found.limited is not None:
            names += [f"{found.limited}.{name}" for name in _LIMIT_POINTS[found.limited]]
        if _on(wanted) is not None and found.switched is not None:
            names += [f"{found.switched}.{name}" for name in _SWITCH_POINTS[found.switched]]
        return frozenset(names)

    def write(self, found: Found, raw: Raw, wanted: Setpoint, *, rearm: bool = False) -> Conversation[Writing[Found]]:
        """Off first, then the limit, on last. A limit is rounded down; one at or above WMax is 100 %."""
        pen = Pen(found.reads, found.reads.decode(raw), found.write_function)
        going = True
        if _on(wanted) is False:
            going = yield from _switch(found, pen, on=False)
        if going and wanted.produce_max_w is not None:
            going = yield from _limit(found, pen, wanted.produce_max_w, wanted.revert, rearm=rearm)
        if going and _on(wanted) is True:
            yield from _switch(found, pen, on=True)
        return _written(found, pen)

    def release(self, found: Found, raw: Raw, baseline: Points) -> Conversation[Writing[Found]]:
        """Model by model, the enabling point first where it was off."""
        pen = Pen(found.reads, found.reads.decode(raw), found.write_function)
        going = True
        for model_id in (found.limited, found.switched):
            named = f"{model_id}."
            points = {name.removeprefix(named): value for name, value in baseline.items() if name.startswith(named)}
            if not points or not going or model_id is None:
                continue
            if model_id == der700.LIMIT:
                going = yield from der700.release_limit(pen, points)
            elif model_id == der700.SWITCH:
                going = yield from pen.settle(der700.SWITCH, (points,))
            else:
                going = yield from legacy.release_points(pen, points)
        return _written(found, pen)

    def _chosen(self, parts: Iterable[Part]) -> Part | None:
        """The part that is meant: inverters before meters where nothing is said."""
        inverters = [part for part in parts if part.block(der700.AC, *legacy.AC, der700.LIMIT, legacy.CONTROL)]
        meters = [part for part in parts if part.block(*meter.MODELS)]
        if self._options.kind is Kind.METER:
            return next((_only_meter(part) for part in meters), None)
        if self._options.kind is Kind.INVERTER:
            return next(iter(inverters), None)
        return next(iter(inverters), None) or next(iter(meters), None)

    def _reads(self, chain: Chain, part: Part, names: Mapping[int, Iterable[str]]) -> Reads:
        return reads(
            chain.unit,
            part.blocks,
            names,
            max_read=self._options.max_read,
            together=chain.spans,
            function=self._options.function,
        )

    def _meter_look(self, found: Found, values: Values, now: Instants) -> Look:
        read = values[found.measured or 0]
        measured: Mapping[MeterKey, Reading] = meter.measured(read, now, self._options.meter_positive)
        if blank(meter.TABLE, read):
            measured = suspect(measured)
        return Look(measured, alarms=flags(found.reads.areas[found.measured or 0].layout, "Evt", read))

    def _holds(self, found: Found, values: Values) -> Setpoint | None:
        """Interpretation: a device in service obeys ``on``, whoever said so: its registers do not tell."""
        if found.limited is None and found.switched is None:
            return None
        limit_w: float | None = None
        revert: Revert | None = None
        if found.limited == der700.LIMIT:
            limit_w, revert = der700.limited(values[der700.LIMIT], _base_w(values))
        elif found.limited == legacy.CONTROL:
            limit_w, revert = legacy.limited(values[legacy.CONTROL], _base_w(values))
        told = values.get(found.switched or 0, {}).get("ES" if found.switched == der700.SWITCH else "Conn")
        on = bool(told) if isinstance(told, int) else None
        return Setpoint("", produce_max_w=limit_w, on=on, revert=revert)


def _on(wanted: Setpoint) -> bool | None:
    """Both switches end in the one there is; any off wins."""
    told = {wanted.on, wanted.connect} - {None}
    return None if not told else False not in told


_LIMITS: Final = (Mode.MAX_POWER, Mode.GENERATION_LIMIT, Mode.EXPORT_LIMIT)
_POLLED: Final = {**legacy.POLLED, **der700.POLLED}
_PLATE: Final = (der700.PLATE_POINTS, legacy.RATED_POINTS)
_BESIDE: Final = (der700.PLATE, legacy.RATED, legacy.BASIC, legacy.STATUS)
_LIMIT_POINTS: Final = {der700.LIMIT: der700.LIMIT_POINTS, legacy.CONTROL: legacy.LIMIT_POINTS}
_SWITCH_POINTS: Final = {der700.SWITCH: der700.SWITCH_POINTS, legacy.CONTROL: legacy.SWITCH_POINTS}
_PHASES: Final = {
    101: 1,
    102: 2,
    103: 3,
    111: 1,
    112: 2,
    113: 3,
    201: 1,
    202: 2,
    203: 3,
    204: 3,
    211: 1,
    212: 2,
    213: 3,
    214: 3,
}
_AC_TYPES: Final = {0: 1, 1: 2, 2: 3}


def _only_meter(part: Part) -> Part:
    """A meter that shares its part with an inverter, without the inverter."""
    return Part(part.identity, tuple(block for block in part.blocks if block.id in (1, *meter.MODELS)))


def _served_by(part: Part) -> tuple[int | None, int | None, int | None]:
    """The models that measure, limit and switch."""
    ac = part.block(der700.AC, *legacy.AC)
    limit = part.block(der700.LIMIT, legacy.CONTROL)
    switch = part.block(der700.SWITCH, legacy.CONTROL)
    if ac is None and limit is None and switch is None:
        ac = part.block(*meter.MODELS)
    return _id(ac), _id(limit), _id(switch)


def _id(block: Block | None) -> int | None:
    return None if block is None else block.id


def _base_w(values: Values) -> float | None:
    if der700.PLATE in values and (base := der700.base_w(values[der700.PLATE])) is not None:
        return base
    return legacy.base_w(values)


def _ac_phases(values: Mapping[str, Value | None]) -> int | None:
    kind = values.get("ACType")
    return _AC_TYPES.get(kind) if isinstance(kind, int) else None


def _step(found: Found) -> float | None:
    """The step of the limit in percent, where the limit can be read."""
    if found.limited is None or not _readable(found.limited, found.plate):
        return None
    scale = found.plate[found.limited].get("WMaxLimPct_SF")
    return resolution(scale) if isinstance(scale, int) else None


def _readable(limited: int, values: Values) -> bool:
    enable = "WMaxLimPctEna" if limited == der700.LIMIT else "WMaxLim_Ena"
    return all(values[limited].get(name) is not None for name in ("WMaxLimPct", enable))


def _can_limit(found: Found) -> bool:
    return _step(found) is not None and _base_w(found.plate) is not None


def _limit(found: Found, pen: Pen, limit_w: float, revert: Revert | None, *, rearm: bool) -> Conversation[bool]:
    base_w = _base_w(pen.values)
    if found.limited is None or base_w is None:
        pen.refused = "has no power limit that can be written"
        return False
    percent = pen.floored(found.limited, "WMaxLimPct", _percent(limit_w, base_w))
    if percent is None or not _readable(found.limited, pen.values):
        pen.refused = "its power limit cannot be read, so it is not written"
        return False
    revert_s = 0 if revert is None else max(1, int(revert.after_s))
    fall_w = None if revert is None else revert.produce_max_w
    own_fall = found.limited == der700.LIMIT and der700.reverts(pen.values[der700.LIMIT])
    if fall_w is not None and not own_fall:
        revert_s = 0  # its expiry would loosen
    if found.limited == legacy.CONTROL:
        return (yield from legacy.write_limit(pen, percent, revert_s, rearm=rearm))
    fall = None if fall_w is None else pen.floored(found.limited, "WMaxLimPctRvrt", _percent(fall_w, base_w))
    return (yield from der700.write_limit(pen, percent, revert_s, fall, rearm=rearm))


def _switch(found: Found, pen: Pen, *, on: bool) -> Conversation[bool]:
    if found.switched is None:
        pen.refused = "cannot be switched"
        return False
    if found.switched == der700.SWITCH:
        return (yield from der700.write_switch(pen, on))
    return (yield from legacy.write_switch(pen, on))


def _percent(limit_w: float, base_w: float) -> float:
    return 100.0 * min(max(limit_w, 0.0), base_w) / base_w


def _written(found: Found, pen: Pen) -> Writing[Found]:
    learnt = None if pen.function == found.write_function else replace(found, write_function=pen.function)
    return Writing(pen.points, pen.refused, learnt)


def _state(found: Found, values: Values) -> tuple[bool | None, bool | None, bool | None]:
    """Connected, energized, operating."""
    ac = values.get(found.measured or 0, {})
    if found.measured == der700.AC:
        state = ac.get("InvSt")
        return _truth(ac.get("ConnSt")), _truth(ac.get("St")), None if state is None else state in (3, 4)
    state = ac.get("St")
    connected = legacy.connected(values.get(legacy.STATUS, {}), values.get(legacy.CONTROL, {}))
    return connected, legacy.energized(state), None if state is None else state in (legacy.MPPT, legacy.THROTTLED)


def _truth(value: Value | None) -> bool | None:
    return None if value is None else value == 1


def _alarms(found: Found, ac: Mapping[str, Value | None]) -> frozenset[str]:
    if found.measured is None:
        return frozenset()
    point = "Alrm" if found.measured == der700.AC else "Evt1"
    return flags(found.reads.areas[found.measured].layout, point, ac)


def _points(found: Found, values: Values) -> dict[str, int | float | str]:
    """Every point we may write, as read."""
    named: list[tuple[int, str]] = []
    if found.limited is not None:
        named += [(found.limited, name) for name in _LIMIT_POINTS[found.limited]]
    if found.switched is not None:
        named += [(found.switched, name) for name in _SWITCH_POINTS[found.switched]]
    return {
        f"{model_id}.{name}": value for model_id, name in named if (value := values[model_id].get(name)) is not None
    }
