"""The simulated site as one value: sun, house, inverters, meter, all at one instant. Pure.

Signs: production of an inverter is positive here; meter and house count consumption positive.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace

from adapters.modbus.frames import Reply, Request
from adapters.registers.library import profile
from adapters.registers.map import Sort
from adapters.simulator.der700 import Der700, born_der700
from adapters.simulator.fields import PlanError
from adapters.simulator.legacy import Legacy, born_legacy
from adapters.simulator.meter import VOLTS, Meter
from adapters.simulator.plan import InverterPlan, MeterPlan, Plan, TwinPlan
from adapters.simulator.power import Move, Profile, chance, counts
from adapters.simulator.quirks import HONEST, Quirks
from adapters.simulator.registers import BASE, SUNS, Image, PointKey, Refusal, Value, coarser
from adapters.simulator.stage import Grid
from adapters.simulator.twin import Twin

Inverter = Legacy | Der700
MEASURED = frozenset({101, 103, 111, 113, 122, 701, 714})
"""Models of an inverter in which nothing is set."""
_END = 2


@dataclass(frozen=True, slots=True)
class Row:
    """One value of one point at one instant; the value as an engineering number. Model 0: not of a SunSpec register."""

    t_s: float
    device: str
    model: int
    point: str
    value: float


@dataclass(frozen=True, slots=True)
class Draw:
    """What a charging station does: the current it offers, what its car takes of that on so many phases, A per phase; whether its central
    system hears it.
    """

    limit_a: float = 0.0
    drawn_a: float = 0.0
    phases: int = 3
    connected: bool = False

    @property
    def power_w(self) -> float:
        """What flows into it."""
        return self.drawn_a * VOLTS * self.phases


@dataclass(frozen=True, slots=True)
class Second:
    """One whole second: the true power at the connection point (positive = import) and rows of registers."""

    t_s: float
    meter_w: float
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Site:
    """Everything at the instant `t_s` (seconds UTC, or of whatever clock the caller steps with).

    `since`: when a device's quirks were last set. `strangers`: when another master writes next, and its how-manyth write.
    `twins`: devices simulated from profiles. `stations`: what those that speak OCPP do, as they last told.
    """

    plan: Plan
    t_s: float
    sun: Profile
    load: Profile
    volts_pct: Profile
    hz: Profile
    inverters: tuple[Inverter, ...]
    meter: Meter
    since: Mapping[str, float]
    strangers: Mapping[str, tuple[float, int]]
    twins: Mapping[str, Twin] = field(default_factory=dict)
    stations: Mapping[str, Draw] = field(default_factory=dict)

    @property
    def grid(self) -> Grid:
        """Voltage and frequency at every terminal now."""
        return Grid(self.volts_pct.at(self.t_s), self.hz.at(self.t_s))

    @property
    def load_w(self) -> float:
        """What the house draws now."""
        ripple = self.plan.load_ripple_w * (2 * chance(self.plan.seed, "load", math.floor(self.t_s)) - 1)
        return max(0.0, self.load.at(self.t_s) + ripple)

    @property
    def meter_w(self) -> float:
        """The true power at the connection point, positive = import."""
        made_w = sum(self.produced_w(i.plan.name) for i in self.inverters)
        return self.load_w + self.twins_w + self.stations_w - made_w

    @property
    def twins_w(self) -> float:
        """What chargers and batteries that are profiles consume together."""
        return sum(twin.power_w for twin in self.twins.values() if twin.profile.kind is not Sort.METER)

    @property
    def stations_w(self) -> float:
        """What the cars at stations that speak OCPP draw together."""
        return sum(draw.power_w for draw in self.stations.values())

    @property
    def phases_w(self) -> tuple[float, float, float]:
        """The true power per phase, positive = import: the house by its split, one-phase inverters on A."""
        legs = [share * self.load_w for share in self.plan.load_split]
        for inverter in self.inverters:
            made = self.produced_w(inverter.plan.name)
            for leg in range(inverter.plan.phases):
                legs[leg] -= made / inverter.plan.phases
        for twin in self.twins.values():
            wired = {Sort.CHARGER: twin.phases, Sort.METER: 0}.get(twin.profile.kind, 3)
            for leg in range(wired):
                legs[leg] += twin.power_w / wired
        for draw in self.stations.values():
            for leg in range(draw.phases):
                legs[leg] += draw.power_w / draw.phases
        return legs[0], legs[1], legs[2]

    def available_w(self, inverter: InverterPlan) -> float:
        """What the array behind an inverter could give now."""
        ripple = 1 - self.plan.sun_ripple * chance(self.plan.seed, "sun", inverter.name, math.floor(self.t_s))
        return inverter.dc_w * self.sun.at(self.t_s) * ripple

    def produced_w(self, name: str) -> float:
        """AC output of one inverter now. KeyError: no such inverter."""
        inverter = self._inverter(name)
        return inverter.produced_w(self.available_w(inverter.plan), self.grid)

    def produced_var(self, name: str) -> float:
        """Reactive power of one inverter now, positive when injected. KeyError: no such inverter."""
        inverter = self._inverter(name)
        return inverter.produced_var(self.available_w(inverter.plan), self.grid)

    def image(self, device: str) -> Image:
        """The register layout of a device. KeyError: no such device."""
        return self._device(device).image

    def values(self, device: str) -> dict[PointKey, Value]:
        """Raw values of all implemented points of a device now."""
        found = self._device(device)
        if isinstance(found, Meter):
            return found.values(self.phases_w, sum(self.produced_var(i.plan.name) for i in self.inverters), self.grid)
        values = found.values(self.t_s, self.available_w(found.plan), self.grid)
        if found.quirks.night == "nan" and self.dark(device):
            return {key: value for key, value in values.items() if key[0] not in MEASURED}
        if found.quirks.moving_sf and math.floor(self.t_s) % 2:
            return coarser(found.image, values, MEASURED)
        return values

    def registers(self, device: str) -> list[int]:
        """The whole register image of a device now, from address 40000."""
        own = self.image(device).encode(self.values(device))
        if not self.quirks(device).nested:
            return own
        return own[:-_END] + self.registers(self.meter.plan.name)[len(SUNS) :]

    def asked(self, device: str, request: Request) -> tuple["Site", Reply]:
        """The site after a request to a twin, and what it answers. KeyError: no such twin."""
        twin = self.twins[device]
        if twin.profile.kind is Sort.METER:
            twin = replace(twin, net_w=self.meter_w)
        twin, reply = twin.asked(request, self.t_s)
        return self.with_twin(device, twin), reply

    def with_twin(self, device: str, twin: Twin) -> "Site":
        """The same site with this twin."""
        return replace(self, twins={**self.twins, device: twin})

    def kind(self, device: str) -> str:
        """legacy, der700 or meter. KeyError: no such device."""
        plan = self._device(device).plan
        return "meter" if isinstance(plan, MeterPlan) else plan.kind

    def dark(self, device: str) -> bool:
        """Whether an inverter has nothing to live on: no sun and no battery."""
        found = self._device(device)
        if isinstance(found, Meter) or found.plan.storage is not None:
            return False
        return self.available_w(found.plan) < 0.005 * found.plan.rated_w

    def with_quirks(self, device: str, quirks: Quirks) -> "Site":
        """The same site, one device misbehaving otherwise from now on.

        KeyError: no such device. PlanError: a quirk names a point that the device does not have, or cannot be written.
        """
        _check_points(self.image(device), quirks, device)
        before = self.quirks(device)
        strangers = {name: turn for name, turn in self.strangers.items() if name != device or quirks.foreign}
        if quirks.foreign is not None and (quirks.foreign != before.foreign or device not in strangers):
            strangers[device] = (self.t_s + quirks.foreign.every_s, 0)
        site = replace(self, since={**self.since, device: self.t_s}, strangers=strangers)
        if device == self.meter.plan.name:
            return replace(site, meter=replace(self.meter, quirks=quirks))
        return site._with_inverter(replace(self._inverter(device), quirks=quirks))

    def quirks(self, device: str) -> Quirks:
        """How a device misbehaves now; a twin by its own fields. KeyError: no such device."""
        if device in self.twins:
            return HONEST
        return self._device(device).quirks

    def with_sun(self, fraction: float, over_s: float = 0.0) -> "Site":
        """Irradiance goes to `fraction` of full sun, in a straight line over `over_s`."""
        return replace(self, sun=self.sun.moved(Move(self.t_s, fraction, over_s)))

    def with_load(self, load_w: float, over_s: float = 0.0) -> "Site":
        """The house goes to `load_w`, in a straight line over `over_s`."""
        return replace(self, load=self.load.moved(Move(self.t_s, load_w, over_s)))

    def with_grid(self, volts_pct: float | None, hz: float | None, over_s: float = 0.0) -> "Site":
        """Voltage (% of nominal) and frequency go there, in a straight line over `over_s`; None stays."""
        volts = self.volts_pct if volts_pct is None else self.volts_pct.moved(Move(self.t_s, volts_pct, over_s))
        hertz = self.hz if hz is None else self.hz.moved(Move(self.t_s, hz, over_s))
        return replace(self, volts_pct=volts, hz=hertz)

    def _device(self, name: str) -> Inverter | Meter:
        return self.meter if name == self.meter.plan.name else self._inverter(name)

    def _inverter(self, name: str) -> Inverter:
        for inverter in self.inverters:
            if inverter.plan.name == name:
                return inverter
        raise KeyError(name)

    def _with_inverter(self, changed: Inverter) -> "Site":
        kept = tuple(changed if i.plan.name == changed.plan.name else i for i in self.inverters)
        return replace(self, inverters=kept)


def born(plan: Plan, t_s: float) -> Site:
    """The site at its first instant; the plan's moves count from here."""
    inverters = tuple(
        born_legacy(p, plan.seed) if p.kind == "legacy" else born_der700(p, plan.seed) for p in plan.inverters
    )
    sun = Profile(plan.sun, _shifted(plan.sun_moves, t_s))
    load = Profile(plan.base_load_w, _shifted(plan.load_moves, t_s))
    volts, hertz = Profile(plan.volts_pct), Profile(plan.hz)
    meter = Meter(plan.meter, plan.meter.quirks)
    twins = {one.name: _twin(one, t_s) for one in plan.twins}
    site = Site(plan, t_s, sun, load, volts, hertz, inverters, meter, {}, {}, twins)
    for inverter in plan.inverters:
        site = site.with_quirks(inverter.name, inverter.quirks)
    return site.with_quirks(plan.meter.name, plan.meter.quirks)


def step(site: Site, dt_s: float) -> Site:
    """The site `dt_s` seconds later."""
    to_s = site.t_s + dt_s
    for later in _pieces(site, to_s):
        site = later
    return site


def advance(site: Site, to_s: float) -> tuple[Site, tuple[Second, ...]]:
    """The site at `to_s`, and each whole second passed on the way. A clock that went back moves nothing."""
    seconds = []
    for later in _pieces(site, to_s):
        site = later
        if site.t_s.is_integer():
            seconds.append(Second(site.t_s, site.meter_w, tuple(_rows(site))))
    return site, tuple(seconds)


def write(site: Site, device: str, address: int, registers: list[int]) -> tuple[Site, tuple[Row, ...]] | Refusal:
    """The site after a Modbus write now and what was applied, or the exception it earns. KeyError: no such device."""
    image = site.image(device)
    points = image.split(address, registers)
    if isinstance(points, Refusal):
        return points
    if device == site.meter.plan.name:
        return Refusal.ILLEGAL_ADDRESS
    found = site._inverter(device)
    changed = found.written(points, site.t_s, site.available_w(found.plan), site.grid)
    if isinstance(changed, Refusal):
        return changed
    site = site._with_inverter(changed)
    return site, tuple(_rows_of(site, device, tuple(points), {**site.values(device), **points}))


def _pieces(site: Site, to_s: float) -> Iterator[Site]:
    """The site at each instant at which something may change its course, each whole second among them, and at `to_s`."""
    while site.t_s < to_s:
        whole = math.floor(site.t_s) + 1.0
        profiles = (site.sun, site.load, site.volts_pct, site.hz)
        due = (i.next_cut(site.t_s, site.grid) for i in site.inverters)
        others = (at for at, _ in site.strangers.values())
        site = _piece(site, min(to_s, whole, *(p.next_cut(site.t_s) for p in profiles), *due, *others))
        site = _meddled(site)
        yield site


def _piece(site: Site, to_s: float) -> Site:
    """One stretch in which sun and load are constant and nothing is due before its end."""
    dt_s = to_s - site.t_s
    before = sum(i.energy_ws for i in site.inverters)
    stepped = tuple(i.stepped(site.t_s, to_s, site.available_w(i.plan), site.grid) for i in site.inverters)
    made_ws = sum(i.energy_ws for i in stepped) - before
    twins = {name: _passed(twin, site, to_s) for name, twin in site.twins.items()}
    taken_ws = sum(3600 * (twins[name].flowed_wh - twin.flowed_wh) for name, twin in site.twins.items())
    meter = site.meter.counted((site.load_w + site.stations_w) * dt_s - made_ws + taken_ws)
    return replace(site, t_s=to_s, inverters=stepped, meter=meter, twins=twins)


def _passed(twin: Twin, site: Site, to_s: float) -> Twin:
    """A twin later; a meter counts what flows at the connection point."""
    return (replace(twin, net_w=site.meter_w) if twin.profile.kind is Sort.METER else twin).at(to_s)


def _twin(plan: TwinPlan, t_s: float) -> Twin:
    return Twin(
        profile(plan.family, plan.package),
        t_s,
        car=plan.car,
        soc_pct=plan.soc_pct,
        capacity_wh=plan.capacity_wh,
        rated_w=plan.rated_w,
        serial=plan.serial,
    )


def _meddled(site: Site) -> Site:
    """What another master writes at this instant; what is refused to it is its own affair."""
    for device, (at, count) in site.strangers.items():
        foreign = site.quirks(device).foreign
        if at > site.t_s or foreign is None:
            continue
        values = site.values(device)
        point = next(p for p in site.image(device).points if p.key == foreign.key)
        exponent = 0 if point.scale is None else values.get((point.key[0], point.scale), 0)
        assert isinstance(exponent, int)
        raw = counts(foreign.values[count % len(foreign.values)], exponent)
        site = replace(site, strangers={**site.strangers, device: (at + foreign.every_s, count + 1)})
        outcome = write(site, device, BASE + point.offset, point.registers(raw))
        site = site if isinstance(outcome, Refusal) else outcome[0]
    return site


def _check_points(image: Image, quirks: Quirks, device: str) -> None:
    named = quirks.only_6 | quirks.only_16 | ({quirks.foreign.key} if quirks.foreign else set())
    if strangers := named - {point.key for point in image.points if point.writable}:
        listed = ", ".join(f"{model}.{name}" for model, name in sorted(strangers))
        raise PlanError(f"{device}: it has no {listed} that can be written")


def _rows(site: Site) -> list[Row]:
    rows = []
    for device in (*site.inverters, site.meter):
        rows += _rows_of(site, device.plan.name, device.sampled, site.values(device.plan.name))
    true = {f"A.{leg}": watts / VOLTS for leg, watts in zip("abc", site.phases_w, strict=True)}
    rows += [Row(site.t_s, site.meter.plan.name, 0, point, amps) for point, amps in true.items()]
    for name, twin in site.twins.items():
        if twin.profile.kind is Sort.CHARGER:
            told = {
                "limit_a": twin.limit_a,
                "drawn_a": twin.drawn_a,
                "phases": twin.phases,
                "fell_back": twin.fell_back,
            }
            rows += [Row(site.t_s, name, 0, point, float(value)) for point, value in told.items()]
    for name, draw in site.stations.items():
        rows += [Row(site.t_s, name, 0, point, float(value)) for point, value in asdict(draw).items()]
    return rows


def _rows_of(site: Site, device: str, keys: tuple[PointKey, ...], values: Mapping[PointKey, Value]) -> list[Row]:
    image = site.image(device)
    found = [(key, image.engineering(key, values)) for key in keys]
    return [Row(site.t_s, device, key[0], key[1], value) for key, value in found if value is not None]


def _shifted(moves: tuple[Move, ...], t_s: float) -> tuple[Move, ...]:
    return tuple(replace(move, at_s=move.at_s + t_s) for move in moves)
