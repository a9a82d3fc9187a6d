"""A small obvious house to decide about: devices, terms, claims and a plant that obeys physics and nothing else."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from grid_functions.model.claim import Basis, Bound, Claim, ConnectionPoint, Devices, InForce, Scope, Source, SourceKind
from grid_functions.model.control import Control, ExportLimit, GenerationLimit, ImportLimit, LoadLimit, Mode, mode_of
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
    Vehicle,
)
from grid_functions.model.event import Rank, Respondent
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.policy import Connection, DeviceTerms, SiteTerms
from grid_functions.model.reading import MeterKey, Quality, Reading
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Phase, Quantity

UTILITY = Respondent("utility", "lfdi-1")
NET: MeterKey = (Quantity.NET, None)
SIX_AMPERES = Fallback(6.0, 60.0)
_AMPERES = {mode: Ability(How.NATIVE) for mode in (Mode.LOAD_LIMIT, Mode.IMPORT_LIMIT)}
_NATIVE = {mode: Ability(How.NATIVE) for mode in (Mode.MAX_POWER, Mode.LOAD_LIMIT, Mode.CONNECT, Mode.ENERGIZE)}


def at(mono_s: float) -> Instants:
    """All clocks at once; UTC is 1,000,000 s ahead of the monotonic one."""
    return Instants(mono_s, 1_000_000.0 + mono_s)


def in_force(
    control: Control,
    kind: SourceKind = SourceKind.IEEE2030_5,
    name: str = "utility",
    *,
    respondent: Respondent | None = UTILITY,
    level: float = 1.0,
    received: float = 0.0,
    until: Moment | None = None,
    test: bool = False,
    addressees: frozenset[str] = frozenset(),
) -> InForce:
    """A control in force since the beginning."""
    source = Source(kind, name, respondent)
    since = Moment(OWN, 0.0)
    return InForce(control, source, Rank(level), Basis.EVENT, since, until, received, addressees=addressees, test=test)


def bound(
    limit_w: float, scope: Scope | None = None, quantity: Quantity = Quantity.PRODUCED, name: str = "utility"
) -> Claim:
    """A bound of a source of that name; at the connection point unless told otherwise."""
    where = scope or ConnectionPoint()
    produced = quantity is Quantity.PRODUCED
    control: Control
    if isinstance(where, Devices):
        control = GenerationLimit(limit_w) if produced else LoadLimit(limit_w)
    else:
        control = ExportLimit(limit_w) if produced else ImportLimit(limit_w)
    want = Bound(limit_w)
    return Claim(where, quantity, want, want, mode_of(control), in_force(control, name=name))


def on(*names: str) -> Devices:
    """A set of devices."""
    return Devices(frozenset(names))


def seen(
    name: str,
    role: Role = Role.PV,
    *,
    rated_w: float | None = 5000.0,
    power_w: float | None = 0.0,
    at_s: float = 0.0,
    online: bool = True,
    holds: Setpoint | None = None,
    capability: Capability | None = None,
) -> Seen:
    """One look at a device; ``power_w`` positive = consume, None = not measured."""
    readings = {} if power_w is None else {NET: Reading(power_w, Quality.GOOD, at_s, 1_000_000.0 + at_s)}
    return Seen(
        name,
        role,
        Nameplate(serial=name, rated_w=rated_w),
        capability or able(),
        Condition(online=online, holds=holds, readings=readings),
    )


def charger(
    name: str,
    *,
    power_w: float | None = 0.0,
    holds_a: float | None = 16.0,
    maximum_a: float = 16.0,
    phases: int | None = 3,
    vehicle: Vehicle | None = Vehicle.CHARGING,
    online: bool = True,
    fallback: Fallback | None = SIX_AMPERES,
    volts: float | None = 230.0,
    at_s: float = 0.0,
    amps: tuple[float, ...] = (),
) -> Seen:
    """A charger limited in amperes; ``volts`` as it measures them, ``amps`` on its own L1, L2, L3."""
    plain = seen(name, Role.EVSE, rated_w=None, power_w=power_w, at_s=at_s, online=online)
    readings = dict(plain.condition.readings)
    told = [((Quantity.VOLTAGE, None), volts), *zip(((Quantity.CURRENT, p) for p in Phase), amps, strict=False)]
    readings |= {
        key: Reading(value, Quality.GOOD, at_s, 1_000_000.0 + at_s) for key, value in told if value is not None
    }
    holds = None if holds_a is None else Setpoint(name, current_max_a=holds_a)
    return replace(
        plain,
        nameplate=replace(plain.nameplate, phases=phases, rated_a=maximum_a),
        capability=Capability(_AMPERES, settle_s=5.0, currents=Currents(maximum_a, fallback=fallback)),
        condition=replace(plain.condition, readings=readings, vehicle=vehicle, holds=holds),
    )


def able(
    *, settle_s: float = 5.0, resolution_w: float = 1.0, minimum_w: float = 0.0, watchdog: bool = True
) -> Capability:
    """Obeys limits and switches natively."""
    return Capability(_NATIVE, settle_s=settle_s, resolution_w=resolution_w, minimum_w=minimum_w, watchdog=watchdog)


def terms(
    devices: Mapping[str, Role] | None = None, *, connection: Connection | None = None, revert_s: float = 60.0
) -> SiteTerms:
    """A site of these devices, all of which the utility's respondent speaks for; without ratings unless told."""
    roles = devices if devices is not None else {"a": Role.PV, "b": Role.PV}
    return SiteTerms(
        name="house",
        connection=connection or Connection(),
        devices={name: DeviceTerms(role) for name, role in roles.items()},
        respondents={UTILITY: frozenset(roles)},
        revert_s=revert_s,
    )


def snapshot(
    devices: Iterable[Seen], meter_w: float | None, now_s: float = 0.0, meter_at_s: float | None = None
) -> Snapshot:
    """A picture; ``meter_w`` positive = import, None = no meter."""
    at_s = now_s if meter_at_s is None else meter_at_s
    meter = {} if meter_w is None else {NET: Reading(meter_w, Quality.GOOD, at_s, 1_000_000.0 + at_s)}
    return Snapshot("house", at(now_s), meter, {one.device: one for one in devices})


@dataclass
class Inverter:
    """First-order lag towards the lesser of its sun and its limit. ``error``: what it makes of a limit, 1.0 = exactly."""

    name: str
    rated_w: float = 5000.0
    lag_s: float = 2.0
    sun_w: float = math.inf
    error: float = 1.0
    watchdog: bool = True
    power_w: float = 0.0
    limit_w: float = math.inf

    def run(self, span_s: float) -> None:
        """Physics for a while."""
        aim_w = min(self.sun_w, self.rated_w, self.limit_w * self.error)
        self.power_w += (aim_w - self.power_w) * (1 - math.exp(-span_s / self.lag_s))


@dataclass
class Plant:
    """Inverters and a load behind one meter, run in steps of 0.1 s; every instrument is read once a second, each in its own moment."""

    inverters: list[Inverter]
    load_w: float = 0.0
    now_s: float = 0.0
    meter_phase: int = 0
    phases: dict[str, int] = field(default_factory=dict)
    meter: Reading | None = None
    readings: dict[str, Reading] = field(default_factory=dict)
    settle_s: float = 5.0

    @property
    def export_w(self) -> float:
        """What truly flows to the grid, W."""
        return sum(one.power_w for one in self.inverters) - self.load_w

    def run(self) -> None:
        """A tenth of a second."""
        for one in self.inverters:
            one.run(0.1)
        self.now_s = round(self.now_s + 0.1, 1)
        tenth = round(self.now_s * 10)
        if tenth % 10 == self.meter_phase or self.meter is None:
            self.meter = Reading(-self.export_w, Quality.GOOD, self.now_s, 1_000_000.0 + self.now_s)
        for one in self.inverters:
            if tenth % 10 == self.phases.get(one.name, 0) or one.name not in self.readings:
                self.readings[one.name] = Reading(-one.power_w, Quality.GOOD, self.now_s, 1_000_000.0 + self.now_s)

    def snapshot(self) -> Snapshot:
        """What the instruments last said."""
        assert self.meter is not None
        devices = {}
        for one in self.inverters:
            holds = None if math.isinf(one.limit_w) else Setpoint(one.name, produce_max_w=one.limit_w)
            devices[one.name] = Seen(
                one.name,
                Role.PV,
                Nameplate(serial=one.name, rated_w=one.rated_w),
                able(settle_s=self.settle_s, watchdog=one.watchdog),
                Condition(online=True, holds=holds, readings={NET: self.readings[one.name]}),
            )
        return Snapshot("house", at(self.now_s), {NET: self.meter}, devices)

    def write(self, setpoints: Iterable[Setpoint]) -> None:
        """The drivers, at once."""
        by_name = {one.device: one for one in setpoints}
        for one in self.inverters:
            limit_w = by_name[one.name].produce_max_w
            one.limit_w = math.inf if limit_w is None else limit_w
