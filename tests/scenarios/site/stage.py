"""Plays a site for a day: the functions, the arbiter, the allocation and the guard against the plant.

A scenario is ``{name, why, hours, site, house, devices, functions, asks, meter, dark, restart, expect}``:

* ``site``: ``import``/``export`` limits W, ``fuse`` A, ``phases``, ``groups`` [{name, fuse, devices}];
* ``house``: [[hour, W on A, W on B, W on C]], a step function; ``meter``: ``total`` = it tells no conductors; ``dark``: [[from, to]] h;
* ``devices``: {name: {kind: pv | battery | charger, wired: abc (its L1, L2, L3), priority, ...fields of the plant's}}; ``cars``:
  [{comes, leaves, needs (Wh), phases, maximum}]; ``fallback``: [A, s];
* ``functions``: {name: its options}, beside the five that serve limits, targets, curves and switches;
* ``asks``: [{from, until, export | import | target | load: W, devices}], hours, by the utility; ``restart``: [hours] after which only
  what is durable is left;
* ``expect``: {import, export: W never exceeded but for ``grace_s`` after a change, fuse: A never exceeded on any conductor (a step of
  the plant aside), energy: {charger: [Wh of each car]}, charge: {battery: [least, most] %}, yield: {pv: [least, most] Wh},
  reversals: most in a minute, paused: {charger: most times while a car is there}}.

Steps are ten seconds, and one from five seconds before each change to ``near_s`` after it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter

from grid_functions import arbiter, catalogue, guard, machines
from grid_functions.allocate import step as allocate
from grid_functions.allocate.step import AllocateState
from grid_functions.machines import Kept
from grid_functions.model.claim import Basis, InForce, Source, SourceKind
from grid_functions.model.control import Control, ExportLimit, ImportLimit, LoadLimit, TargetPower
from grid_functions.model.device import Fallback, Role
from grid_functions.model.entry import Entry
from grid_functions.model.event import Rank, Respondent
from grid_functions.model.function import SiteInputs
from grid_functions.model.instants import OWN, Moment
from grid_functions.model.policy import DEFAULT_PRECEDENCE, Connection, DeviceTerms, FuseGroup, SiteTerms
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.units import Phase
from grid_functions.site import local_safety
from tests.scenarios.site.plant import (
    BOOT_UTC_S,
    VOLTS,
    Battery,
    Car,
    Charger,
    Device,
    Load,
    Plant,
    Sun,
)

HERE = Path(__file__).parent
GRACE_S = 10.0
_NEAR_S = 60.0
_UTILITY = Respondent("utility", "lfdi-1")
_ASKS: dict[str, type[Any]] = {
    "export": ExportLimit,
    "import": ImportLimit,
    "load": LoadLimit,
    "target": TargetPower,
}
_ROLES = {"pv": Role.PV, "battery": Role.BATTERY, "charger": Role.EVSE}
_NO_OPTIONS: dict[str, Any] = {"limit_power": {}, "dispatch": {}, "connect": {}}


def scenarios() -> list[dict[str, Any]]:
    """All of them."""
    return [one for file in sorted(HERE.glob("*.yaml")) for one in yaml.safe_load(file.read_text())]


@dataclass
class Seen:
    """What came of one day."""

    plant: Plant
    worst: dict[str, float] = field(default_factory=dict)
    moves: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    produced_wh: dict[str, float] = field(default_factory=dict)
    clamps: list[str] = field(default_factory=list)
    alarms: set[str] = field(default_factory=set)


def played(scenario: dict[str, Any]) -> Seen:
    """The whole day."""
    plant, terms = _plant(scenario), _terms(scenario)
    functions = _functions(scenario)
    asks = [(ask["from"] * 3600.0, ask["until"] * 3600.0, _in_force(ask)) for ask in scenario.get("asks", ())]
    restarts = [hour * 3600.0 for hour in scenario.get("restart", ())]
    changes = sorted(_changes(scenario))
    end_s = scenario.get("hours", 24) * 3600.0
    limits = scenario["expect"]
    seen = Seen(plant)
    state, kept = AllocateState(), dict[str, Kept]()
    ledger: dict[tuple[str, ...], Entry] = {}
    held: dict[str, Setpoint] = {}
    near_s = scenario.get("near_s", _NEAR_S)
    while plant.now_s < end_s:
        fine = any(at - 5.0 <= plant.now_s < at + near_s for at in changes)
        span_s = 1.0 if fine else 10.0
        if restarts and plant.now_s >= restarts[0]:
            restarts.pop(0)
            state, kept = allocate.restore(ledger), machines.restore(ledger.values())
        plant.run(span_s)
        picture = plant.snapshot()
        now = picture.at
        in_force = tuple(one for since, until, one in asks if since <= plant.now_s < until)
        ran = machines.run(functions, kept, SiteInputs(terms, in_force, picture), now)
        kept = dict(ran.kept)
        ruling = arbiter.rule((*ran.claims, *local_safety.claims(terms, picture)), DEFAULT_PRECEDENCE)
        done = allocate.step(state, ruling, picture, terms, now)
        state = done.state
        ledger |= {entry.key: entry for entry in (*ran.entries, *done.entries)}
        setpoints, clamps = guard.clamp(done.setpoints, ruling, picture, terms, now)
        seen.clamps += [f"{plant.now_s / 3600:.3f} h {one.device}: {one.text}" for one in clamps]
        seen.alarms |= {alarm.text for alarm in ran.alarms}
        for one in setpoints:
            _moved(seen, held.get(one.device), one, plant.now_s)
            held[one.device] = one
        plant.write(setpoints)
        _measured(seen, plant, limits, changes, in_force, terms, span_s)
    return seen


def check(scenario: dict[str, Any], seen: Seen) -> None:
    """Everything the scenario expects of the day; what the guard had to clamp is a slip of ours."""
    assert seen.clamps == []
    expect, devices = scenario["expect"], {one.name: one for one in seen.plant.devices}
    for what in ("import", "export", "fuse"):
        if what in expect:
            rating = scenario.get("site", {}).get(what, expect[what])
            assert seen.worst.get(what, 0.0) <= expect[what] + _overshoot(what, rating), what
    for name, needs in expect.get("energy", {}).items():
        charger = devices[name]
        assert isinstance(charger, Charger)
        for number, (least_wh, most_wh) in enumerate(needs):
            assert least_wh <= charger.taken_wh.get(number, 0.0) <= most_wh, (name, number, charger.taken_wh)
    for name, (least, most) in expect.get("charge", {}).items():
        battery = devices[name]
        assert isinstance(battery, Battery)
        assert least <= battery.charge_pct <= most, (name, battery.charge_pct)
    for name, (least, most) in expect.get("yield", {}).items():
        assert least <= seen.produced_wh[name] <= most, (name, seen.produced_wh[name])
    for name, moves in seen.moves.items():
        assert _reversals(moves) <= expect.get("reversals", 6), (name, moves[-40:])
    for name, most in expect.get("paused", {}).items():
        charger = devices[name]
        assert isinstance(charger, Charger)
        there = [at for at, to in seen.moves.get(name, []) if to == 0 and charger.car(at)[1] is not None]
        assert len(there) <= most, there


def _overshoot(what: str, rating: float) -> float:
    """After settling: the lower of 4 % of the connection's rating and 100 W up to 30 kVA, above it 1 %; of a fuse 1 %."""
    if what == "fuse":
        return 0.01 * rating
    return min(0.04 * rating, 100.0) if rating <= 30_000 else 0.01 * rating


def _measured(
    seen: Seen,
    plant: Plant,
    limits: Mapping[str, Any],
    changes: list[float],
    in_force: tuple[InForce, ...],
    terms: SiteTerms,
    span_s: float,
) -> None:
    flows = plant.flows_w()
    grace_s = limits.get("grace_s", GRACE_S)
    settling = any(at <= plant.now_s < at + grace_s for at in changes)
    for one in plant.devices:
        if isinstance(one, Sun):
            seen.produced_wh[one.name] = seen.produced_wh.get(one.name, 0.0) + one.power_w * span_s / 3600.0
    amps = max(abs(watts) / VOLTS for watts in flows)
    if not settling or limits.get("strict_fuse"):
        seen.worst["fuse"] = max(seen.worst.get("fuse", 0.0), amps)
    if settling:
        return
    net_w = sum(flows)
    since, until = limits.get("between", (0.0, 24.0))
    if since * 3600.0 <= plant.now_s < until * 3600.0:
        seen.worst["import"] = max(seen.worst.get("import", 0.0), net_w)
        seen.worst["export"] = max(seen.worst.get("export", 0.0), -net_w)


def _moved(seen: Seen, before: Setpoint | None, after: Setpoint, now_s: float) -> None:
    for old, new in (
        (before and before.current_max_a, after.current_max_a),
        (before and before.produce_max_w, after.produce_max_w),
    ):
        if new is not None and old != new:
            seen.moves.setdefault(after.device, []).append((now_s, new))


def _reversals(moves: list[tuple[float, float]]) -> int:
    """The most turns within a minute; what moves by less than 2 % turns nothing."""
    turns: list[float] = []
    last, way = None, 0
    for now_s, value in moves:
        if last is not None and abs(value - last) > 0.02 * max(abs(value), abs(last), 1.0):
            here = 1 if value > last else -1
            if way and here != way:
                turns.append(now_s)
            way = here
            last = value
        elif last is None:
            last = value
    return max((sum(at <= other < at + 60.0 for other in turns) for at in turns), default=0)


def _changes(scenario: dict[str, Any]) -> set[float]:
    hours = {step[0] for step in scenario["house"]}
    hours |= {ask[edge] for ask in scenario.get("asks", ()) for edge in ("from", "until")}
    hours |= {hour for span in scenario.get("dark", ()) for hour in span}
    hours |= set(scenario.get("restart", ())) | set(scenario.get("moments", ()))
    for one in scenario["devices"].values():
        hours |= {car[edge] for car in one.get("cars", ()) for edge in ("comes", "leaves")}
        hours |= {hour for span in one.get("mute", ()) for hour in span}
        hours |= {hour for span in (*one.get("clouds", ()), *one.get("lies", ())) for hour in span[:2]}
        after_s = one.get("fallback", (0.0, 0.0))[1]
        hours |= {span[0] + after_s / 3600.0 for span in one.get("mute", ())}
    return {hour * 3600.0 for hour in hours}


def _plant(scenario: dict[str, Any]) -> Plant:
    load = Load([(step[0], tuple(map(float, step[1:]))) for step in scenario["house"]])
    devices = [_device(name, dict(told)) for name, told in scenario["devices"].items()]
    spans = [(since, until) for since, until in scenario.get("dark", ())]
    return Plant(load, devices, by_phase=scenario.get("meter") != "total", dark=spans)


def _device(name: str, told: dict[str, Any]) -> Device:
    kind = {"pv": Sun, "battery": Battery, "charger": Charger}[told.pop("kind")]
    told.pop("priority", None)
    if "wired" in told:
        told["conductors"] = tuple("abc".index(letter) for letter in told.pop("wired"))
    if "cars" in told:
        told["cars"] = [
            Car(one["comes"], one["leaves"], one["needs"], one.get("phases", 3), one.get("maximum", 32.0))
            for one in told["cars"]
        ]
    if "fallback" in told:
        told["fallback"] = Fallback(*map(float, told["fallback"]))
    known = {one.name for one in fields(kind)}
    assert told.keys() <= known, told.keys() - known
    made: Device = kind(name, **told)
    return made


def _terms(scenario: dict[str, Any]) -> SiteTerms:
    told, phases = scenario.get("site", {}), scenario.get("site", {}).get("phases", 3)
    devices = {
        name: DeviceTerms(
            _ROLES[one["kind"]],
            phases=tuple(Phase(letter) for letter in one.get("wired", "")),
            priority=one.get("priority", 0),
        )
        for name, one in scenario["devices"].items()
    }
    groups = tuple(FuseGroup(one["name"], one["fuse"], frozenset(one["devices"])) for one in told.get("groups", ()))
    return SiteTerms(
        "house",
        Connection(told.get("import"), told.get("export"), phases, told.get("fuse")),
        devices,
        {_UTILITY: frozenset(devices)},
        meter_stale_s=told.get("stale_s", 12.0),
        groups=groups,
    )


def _functions(scenario: dict[str, Any]) -> dict[str, machines.Machine]:
    told = {**_NO_OPTIONS, **scenario.get("functions", {})}
    made = catalogue.SITE
    return {
        name: made[name].build(TypeAdapter(made[name].options).validate_python(options))
        for name, options in told.items()
    }


def _in_force(ask: dict[str, Any]) -> InForce:
    name = next(one for one in _ASKS if one in ask)
    control: Control = _ASKS[name](float(ask[name]))
    source = Source(SourceKind.IEEE2030_5, "utility", _UTILITY)
    since, until = (Moment(OWN, BOOT_UTC_S + ask[edge] * 3600.0) for edge in ("from", "until"))
    plain = InForce(control, source, Rank(1.0), Basis.EVENT, since, until, BOOT_UTC_S)
    return replace(plain, addressees=frozenset(ask.get("devices", ())))
