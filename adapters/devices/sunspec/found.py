"""One SunSpec device as found: where it stands, by what it is served, what is read of it when; pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from adapters.devices.sunspec import adjustments, der700, legacy, meter
from adapters.devices.sunspec.abilities import CONTROL_MODELS, Row, served
from adapters.devices.sunspec.case import Case
from adapters.devices.sunspec.options import Kind, SunSpecOptions
from adapters.devices.sunspec.pen import Pen, WriteFunction
from adapters.devices.sunspec.profiles import AS_PUBLISHED, Profile, matched, named
from adapters.devices.sunspec.readings import State
from adapters.devices.sunspec.recall import Noted, Recall
from adapters.devices.sunspec.registers import Access, Reads, reads, recalled
from adapters.devices.sunspec.steps import Held, Values
from adapters.doubt import minding
from adapters.family import Conversation
from adapters.modbus.frames import Request
from adapters.sunspec.discover import BASES, Block, Identity, Part, discover
from adapters.sunspec.discover import Found as Chain
from adapters.sunspec.layouts import Layout
from grid_functions.model.control import Mode
from grid_functions.model.setpoint import Setpoint


@dataclass(frozen=True, slots=True)
class Memory:
    """What was concluded from the last poll."""

    holds: Recall[Setpoint | None] = field(default_factory=Recall)
    points: Recall[dict[str, int | float | str]] = field(default_factory=Recall)
    state: Recall[State] = field(default_factory=Recall)
    base_w: Recall[float | None] = field(default_factory=Recall)
    silent: Recall[bool] = field(default_factory=Recall)
    every: dict[int, Reads] = field(default_factory=dict)
    beating: list[Pen] = field(default_factory=list)
    _slow: dict[frozenset[str], tuple[int, ...]] = field(default_factory=dict)

    def slow(self, found: "Found", ours: frozenset[str]) -> tuple[int, ...]:
        """The models among those read seldom of which something is ours."""
        models = self._slow.get(ours)
        if models is None:
            models = tuple(sorted({int(name.partition(".")[0]) for name in ours} & found.slow.keys()))
            self._slow.clear()
            self._slow[ours] = models
        return models


@dataclass(frozen=True, slots=True)
class Found:
    """``plate``: its ratings and settings as read when it was found. ``quick``: what every poll reads; ``slow``: the models
    read only while something of theirs is ours. ``functions``: as learnt from refused writes, kept over reconnects.
    ``direct``: blocks of direct current, read only when somebody asks. ``doubtful``: not all was told that may be another time.
    """

    base: int
    identity: Identity | None
    profile: Profile
    plate: Values
    quick: Reads
    slow: Mapping[int, Reads]
    measured: int | None
    chosen: Mapping[Mode, Row]
    layouts: Mapping[int, Layout]
    functions: Mapping[str, WriteFunction] = field(default_factory=dict)
    direct: tuple[Block, ...] = ()
    doubtful: bool = False
    memory: Memory = field(default_factory=Memory, compare=False, repr=False)

    def case(self, values: Values, *, rearm: bool = False) -> Case:
        """The device as this poll shows it, over what its plate says."""
        held = Held(
            self.layouts, {model: read if isinstance(read, Noted) else dict(read) for model, read in values.items()}
        )
        for model in _RATED & self.plate.keys():
            read = held.values.get(model, {})
            plate = self.plate[model]
            held.values[model] = read.over(plate) if isinstance(read, Noted) else {**plate, **read}
        return Case(held, self.chosen, self.profile, rearm)

    @property
    def as_found(self) -> Case:
        """The device as its plate shows it; for looking only."""
        return Case(
            Held(self.layouts, {model: dict(read) for model, read in self.plate.items()}), self.chosen, self.profile
        )

    @property
    def beating(self) -> Pen:
        """To write heartbeats with, which are compared with nothing."""
        if not self.memory.beating:
            self.memory.beating.append(self.pen(Case(Held(self.layouts, {model: {} for model in self.layouts}))))
        return self.memory.beating[0]

    def pen(self, case: Case) -> Pen:
        """To write with."""
        if not self.memory.every:
            self.memory.every.update({model: one for one in (self.quick, *self.slow.values()) for model in one.areas})
        functions: dict[str, WriteFunction] = {**self.profile.write_functions, **self.functions}
        return Pen(self.memory.every, case.held, functions, self.profile.fixed, self.profile.max_write)


def find(unit: int, options: SunSpecOptions, known: Found | None) -> Conversation[Found | None]:
    """Follow the map, then read what is rated and what can be set: a point that is not implemented is not ours.

    What the walk has read on its way is not asked for again.
    """
    asked = named(options.profile) if options.profile else AS_PUBLISHED
    bases = BASES if asked is AS_PUBLISHED else asked.bases
    if known is not None:
        bases = (known.base, *(base for base in bases if base != known.base))
    max_read = min(options.max_read, asked.max_read)
    chain = yield from discover(unit, bases=bases, max_read=max_read, function=options.function)
    if not isinstance(chain, Chain):
        return None
    part = _chosen(chain.parts, options.kind)
    if part is None:
        return None
    who = part.identity
    met = asked if options.profile else (AS_PUBLISHED if who is None else matched(who.maker, who.model))
    profile = options.over(met)
    access = Access(unit, options.function, min(max_read, profile.max_read), chain.spans, profile.one_value_per_read)
    measured = _measured(part)
    once = reads(access, part.blocks, {**_once(measured), **dict.fromkeys(_SLOW, _COUNTS)})
    untold = set[Request]()
    raw = yield from recalled(minding(once.read(), untold), chain.registers)
    if raw is None:
        return None
    plate = once.decode(raw)
    polled = POLLED if measured not in meter.MODELS else meter.POLLED
    quick = {model: names for model, names in polled.items() if model == measured or model not in _MEASURING}
    polling = reads(access, part.blocks, quick, plate)
    # Of a model that stands there twice the first is meant, as everywhere.
    slow = {b.id: reads(access, (b,), {b.id: None}, plate) for b in reversed(part.blocks) if b.id in _SLOW}
    return Found(
        chain.base,
        who,
        profile,
        plate,
        polling,
        slow,
        measured,
        {} if measured in meter.MODELS else served(plate, profile.prefer),
        {model: area.layout for one in (polling, *slow.values()) for model, area in one.areas.items()},
        {} if known is None else known.functions,
        tuple(block for block in part.blocks if block.id in DIRECT),
        chain.doubtful or bool(untold),
    )


def poll(found: Found, ours: frozenset[str]) -> Conversation[Values | None]:
    """Measurements and controls in as few reads as the unit allows, and the curves of which something is ours."""
    quick = yield from found.quick.read()
    if quick is None:
        return None
    values = found.quick.decode(quick)
    for model in found.memory.slow(found, ours):
        chunks = yield from found.slow[model].read()
        if chunks is not None:
            values |= found.slow[model].decode(chunks)
    return values


def _chosen(parts: Iterable[Part], kind: Kind | None) -> Part | None:
    """The part that is meant: inverters and batteries before meters where nothing is said."""
    inverters = [part for part in parts if part.block(der700.AC, *legacy.AC, 704, 123, 124, 802)]
    meters = [part for part in parts if part.block(*meter.MODELS)]
    if kind is Kind.METER:
        return next((_only_meter(part) for part in meters), None)
    if kind is Kind.INVERTER:
        return next(iter(inverters), None)
    return next(iter(inverters), None) or next(iter(meters), None)


def _only_meter(part: Part) -> Part:
    """A meter that shares its part with an inverter, without the inverter."""
    return Part(part.identity, tuple(block for block in part.blocks if block.id in (1, *meter.MODELS)))


def _measured(part: Part) -> int | None:
    """The model that measures."""
    block = part.block(der700.AC, *legacy.AC)
    if block is None and part.block(704, 123, 124, 802) is None:
        block = part.block(*meter.MODELS)
    return None if block is None else block.id


def _once(measured: int | None) -> dict[int, tuple[str, ...] | None]:
    """What is read when a device is found."""
    rated: dict[int, tuple[str, ...] | None] = dict.fromkeys((702, 703, 704, 715, 713, 120, 121, 123, 124, 802))
    return {**rated, **({} if measured is None else {measured: ("ACType", "Hz")})}


DIRECT: Final = {160: "N", 714: "NPrt"}
"""Models of direct current, each with the point that counts its modules or ports."""

_LEGACY_AC: Final = (*legacy.TABLE.values(), "St", "StVnd", "Evt1")
POLLED: Final[Mapping[int, tuple[str, ...] | None]] = {
    der700.AC: (*der700.TABLE.values(), "St", "InvSt", "ConnSt", "Alrm", "ThrotPct", "ThrotSrc"),
    702: ("WMax", "VarMaxInj", "VarMaxAbs", "WChaRteMax", "WDisChaRteMax"),
    703: ("ES", *sorted(adjustments.POINTS[703])),
    704: None,
    713: ("WHAvail", "SoC", "Sta"),
    715: None,
    **dict.fromkeys(legacy.AC, _LEGACY_AC),
    121: ("WMax", "VArMaxQ1", "VArMaxQ4", "PFMinQ1", "WGra", "ECPNomHz"),
    122: ("PVConn", "ECPConn", "StActCtl"),
    123: None,
    124: None,
    802: ("SoC", "LocRemCtl", "Hb", "CtrlHb", "SetOp", "State", "Evt1"),
}
_MEASURING: Final = frozenset({der700.AC, *legacy.AC})
_RATED: Final = frozenset({702, 120, 121})
_SLOW: Final = frozenset(CONTROL_MODELS) - POLLED.keys() | {145}
_COUNTS: Final = ("Ena", "ModEna", "NPt", "NCrv", "NCrvSet", "NCtl", "HzStr", "WGra")
