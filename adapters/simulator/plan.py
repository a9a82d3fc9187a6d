"""The plan of a simulated site: frozen types, and the way there from plain JSON data. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from adapters.ocpp.frames import Version
from adapters.registers.library import shipped
from adapters.simulator.car import Car
from adapters.simulator.fields import PlanError, known, listed, number, table, text, whole
from adapters.simulator.power import Move
from adapters.simulator.quirks import HONEST, Quirks, parse_quirks


@dataclass(frozen=True, slots=True)
class StoragePlan:
    """A battery behind an inverter: energy in Wh, powers in W, state of charge at the start in %."""

    capacity_wh: float = 10000.0
    soc_pct: float = 50.0
    charge_w: float = 5000.0
    discharge_w: float = 5000.0
    reserve_pct: float = 0.0


@dataclass(frozen=True, slots=True)
class InverterPlan:
    """One inverter. `dc_w` is what its array gives at full sun (0: none); `storage` the battery behind it, if any;
    `ramp_pct_per_s` its own rate, % of WMax per second.

    `limit_sf` scales its power limit: -2 means steps of 0.01 %. `enter_*`: delay and ramp after a cease or a trip (the
    ramp der700 only; IEEE 1547-2018 defaults). `eager`: trips as soon as it may. `floats`: measures by 111 or 113 (legacy).
    `models`: what it has beside model 1 and its measurements; empty: the least of its kind.
    """

    name: str
    kind: Literal["legacy", "der700"]
    rated_w: int
    dc_w: float
    link: str
    unit: int = 1
    phases: int = 3
    serial: str = ""
    maker: str = "OSED"
    ramp_pct_per_s: float = 50.0
    limit_sf: int = -2
    enter_delay_s: int = 300
    enter_ramp_s: int = 300
    models: tuple[int, ...] = ()
    floats: bool = False
    eager: bool = False
    storage: StoragePlan | None = None
    quirks: Quirks = HONEST


@dataclass(frozen=True, slots=True)
class MeterPlan:
    """The meter at the connection point and which direction counts positive.

    `model`: 201 (one phase), 202 (split), 203 (wye), 204 (delta), 211 to 214 the same in floats.
    """

    name: str
    link: str
    unit: int = 1
    model: int = 203
    positive: Literal["import", "export"] = "import"
    serial: str = ""
    maker: str = "OSED"
    full_scale_w: float = 30000.0
    quirks: Quirks = HONEST


@dataclass(frozen=True, slots=True)
class TwinPlan:
    """A device of a family that is a profile. `car` is of a charger; `rated_w`, `soc_pct` and `capacity_wh` of a battery."""

    name: str
    family: str
    package: str
    link: str
    unit: int
    serial: int = 4711
    car: Car | None = None
    rated_w: float = 5000.0
    soc_pct: float = 50.0
    capacity_wh: float = 10000.0


@dataclass(frozen=True, slots=True)
class StationPlan:
    """A charging station of one connector that speaks OCPP, once it is told where its central system is; `name` is its identity there."""

    name: str
    version: Version = Version.V16
    maximum_a: float = 32.0
    phases: int = 3
    serial: str = ""
    car: Car | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole site. Times of moves are seconds after the start; loads in W, sun as a fraction of full irradiance.

    `load_ripple_w` and `sun_ripple` (a fraction, downward only) are redrawn each second from the seed.
    `record`: a folder for meter.csv, samples.csv and writes.csv.
    """

    inverters: tuple[InverterPlan, ...]
    meter: MeterPlan
    twins: tuple[TwinPlan, ...] = ()
    stations: tuple[StationPlan, ...] = ()
    base_load_w: float = 500.0
    load_moves: tuple[Move, ...] = ()
    load_split: tuple[float, float, float] = (0.5, 0.3, 0.2)
    load_ripple_w: float = 0.0
    sun: float = 1.0
    sun_moves: tuple[Move, ...] = ()
    sun_ripple: float = 0.0
    volts_pct: float = 100.0
    hz: float = 50.0
    seed: int = 1
    host: str = "127.0.0.1"
    record: str | None = None


MODELS: Mapping[str, tuple[int, ...]] = {
    "legacy": (124, 126, 127, 129, 130, 131, 132, 134, 135, 136, 137, 138, 139, 140, 141, 142, 802),
    "der700": (705, 706, 707, 708, 709, 710, 711, 712, 713, 714, 715),
}
"""What each kind can have beside its least models."""
METERS = (201, 202, 203, 204, 211, 212, 213, 214)


def parse_plan(data: object) -> Plan:
    """A plan from decoded JSON; PlanError names the field. `house` and `sun` are tables, the rest as the types say."""
    top = table(data, "plan")
    names = {"inverters", "meter", "twins", "stations", "house", "sun", "grid", "seed", "host", "record"}
    known(top, names, "plan")
    house = table(top.get("house", {}), "house")
    known(house, {"base_w", "moves", "split", "ripple_w"}, "house")
    sun = table(top.get("sun", {}), "sun")
    known(sun, {"fraction", "moves", "ripple"}, "sun")
    grid = table(top.get("grid", {}), "grid")
    known(grid, {"volts_pct", "hz"}, "grid")
    inverters = tuple(
        _inverter(table(item, f"inverters[{i}]"), f"inverters[{i}]")
        for i, item in enumerate(listed(top.get("inverters", []), "inverters"))
    )
    meter = _meter(table(top.get("meter"), "meter"))
    split = tuple(number(v, "house.split", 0, 1) for v in listed(house.get("split", [0.5, 0.3, 0.2]), "house.split"))
    if len(split) != 3 or not math.isclose(sum(split), 1.0, abs_tol=1e-6):
        raise PlanError("house.split: three fractions that add up to 1 are needed")
    twins = tuple(
        _twin(table(item, f"twins[{i}]"), f"twins[{i}]") for i, item in enumerate(listed(top.get("twins", []), "twins"))
    )
    stations = tuple(
        _station(table(item, f"stations[{i}]"), f"stations[{i}]")
        for i, item in enumerate(listed(top.get("stations", []), "stations"))
    )
    plan = Plan(
        inverters=inverters,
        meter=meter,
        twins=twins,
        stations=stations,
        base_load_w=number(house.get("base_w", 500.0), "house.base_w", 0, meter.full_scale_w),
        load_moves=_moves(house.get("moves", []), "house.moves", meter.full_scale_w),
        load_split=(split[0], split[1], split[2]),
        load_ripple_w=number(house.get("ripple_w", 0.0), "house.ripple_w", 0, 1000),
        sun=number(sun.get("fraction", 1.0), "sun.fraction", 0, 1.5),
        sun_moves=_moves(sun.get("moves", []), "sun.moves", 1.5),
        sun_ripple=number(sun.get("ripple", 0.0), "sun.ripple", 0, 0.5),
        volts_pct=number(grid.get("volts_pct", 100.0), "grid.volts_pct", 0, 150),
        hz=number(grid.get("hz", 50.0), "grid.hz", 40, 70),
        seed=whole(top.get("seed", 1), "seed", 0, 2**63),
        host=text(top.get("host", "127.0.0.1"), "host"),
        record=None if top.get("record") is None else text(top["record"], "record"),
    )
    _distinct(plan)
    return plan


def _inverter(given: Mapping[str, Any], where: str) -> InverterPlan:
    known(given, set(InverterPlan.__dataclass_fields__), where)
    name = text(given.get("name"), f"{where}.name")
    rated = whole(given.get("rated_w"), f"{where}.rated_w", 100, 1_000_000)
    kind = given.get("kind")
    if kind not in ("legacy", "der700"):
        raise PlanError(f"{where}.kind: legacy or der700, not {kind!r}")
    phases = whole(given.get("phases", 3), f"{where}.phases", 1, 3)
    if phases == 2:
        raise PlanError(f"{where}.phases: 1 or 3")
    models = _models(given.get("models", []), kind, f"{where}.models")
    stores = bool({124, 802} & set(models))
    if kind == "legacy" and stores and given.get("storage") is None:
        raise PlanError(f"{where}.models: 124 and 802 are of a battery; say storage too")
    if kind == "legacy" and not stores and given.get("storage") is not None:
        raise PlanError(f"{where}.storage: a legacy inverter tells of a battery by model 124 or 802; name one of them")
    floats = given.get("floats", False)
    if not isinstance(floats, bool) or (floats and kind != "legacy"):
        raise PlanError(f"{where}.floats: true or false, and true for a legacy inverter only")
    if not isinstance(eager := given.get("eager", False), bool):
        raise PlanError(f"{where}.eager: true or false")
    return InverterPlan(
        name=name,
        kind="legacy" if kind == "legacy" else "der700",
        rated_w=rated,
        dc_w=number(given.get("dc_w", rated), f"{where}.dc_w", 0, 2_000_000),
        link=text(given.get("link", name), f"{where}.link"),
        unit=whole(given.get("unit", 1), f"{where}.unit", 1, 247),
        phases=phases,
        serial=text(given.get("serial", f"SN-{name}"), f"{where}.serial"),
        maker=text(given.get("maker", "OSED"), f"{where}.maker"),
        ramp_pct_per_s=number(given.get("ramp_pct_per_s", 50.0), f"{where}.ramp_pct_per_s", 0.01, 600),
        limit_sf=whole(given.get("limit_sf", -2), f"{where}.limit_sf", -2, 0),
        enter_delay_s=whole(given.get("enter_delay_s", 300), f"{where}.enter_delay_s", 0, 600),
        enter_ramp_s=whole(given.get("enter_ramp_s", 300), f"{where}.enter_ramp_s", 0, 1000),
        models=models,
        floats=floats,
        eager=eager,
        storage=None if given.get("storage") is None else _storage(given["storage"], f"{where}.storage"),
        quirks=parse_quirks(given.get("quirks", {}), f"{where}.quirks", HONEST, kind),
    )


def _twin(given: Mapping[str, Any], where: str) -> TwinPlan:
    known(given, set(TwinPlan.__dataclass_fields__) - {"package"}, where)
    packages = dict(shipped())
    family = text(given.get("family"), f"{where}.family")
    if family not in packages:
        raise PlanError(f"{where}.family: {family} is no profile; there are {', '.join(sorted(packages))}")
    name = text(given.get("name"), f"{where}.name")
    return TwinPlan(
        name=name,
        family=family,
        package=packages[family],
        link=text(given.get("link", name), f"{where}.link"),
        unit=whole(given.get("unit", 1), f"{where}.unit", 0, 255),
        serial=whole(given.get("serial", 4711), f"{where}.serial", 1, 60000),
        car=None if given.get("car") is None else parse_car(given["car"], f"{where}.car"),
        rated_w=number(given.get("rated_w", 5000.0), f"{where}.rated_w", 100, 1e6),
        soc_pct=number(given.get("soc_pct", 50.0), f"{where}.soc_pct", 0, 100),
        capacity_wh=number(given.get("capacity_wh", 10000.0), f"{where}.capacity_wh", 100, 1e7),
    )


def _station(given: Mapping[str, Any], where: str) -> StationPlan:
    known(given, set(StationPlan.__dataclass_fields__), where)
    name = text(given.get("name"), f"{where}.name")
    version = given.get("version", Version.V16.value)
    if version not in list(Version):
        raise PlanError(f"{where}.version: {' or '.join(Version)}, not {version!r}")
    return StationPlan(
        name=name,
        version=Version(version),
        maximum_a=number(given.get("maximum_a", 32.0), f"{where}.maximum_a", 6, 80),
        phases=whole(given.get("phases", 3), f"{where}.phases", 1, 3),
        serial=text(given.get("serial", f"SN-{name}"), f"{where}.serial"),
        car=None if given.get("car") is None else parse_car(given["car"], f"{where}.car"),
    )


def parse_car(data: object, where: str) -> Car:
    """A car from decoded JSON; PlanError names the field."""
    given = table(data, where)
    known(given, set(Car.__dataclass_fields__), where)
    asleep = given.get("asleep", False)
    if not isinstance(asleep, bool):
        raise PlanError(f"{where}.asleep: true or false")
    return Car(
        most_a=number(given.get("most_a", 16.0), f"{where}.most_a", 6, 80),
        phases=whole(given.get("phases", 3), f"{where}.phases", 1, 3),
        stored_wh=number(given.get("stored_wh", 20_000.0), f"{where}.stored_wh", 0, 1e6),
        capacity_wh=number(given.get("capacity_wh", 60_000.0), f"{where}.capacity_wh", 1000, 1e6),
        taper_from=number(given.get("taper_from", 0.8), f"{where}.taper_from", 0, 0.99),
        asleep=asleep,
    )


def _models(data: object, kind: str, where: str) -> tuple[int, ...]:
    possible = MODELS[kind]
    found = {whole(item, f"{where}[{i}]", 1, 0xFFFE) for i, item in enumerate(listed(data, where))}
    if strangers := sorted(found - set(possible)):
        raise PlanError(f"{where}: unknown {strangers}; a {kind} inverter can have {', '.join(map(str, possible))}")
    return tuple(sorted(found))


def _storage(data: object, where: str) -> StoragePlan:
    given = table(data, where)
    known(given, set(StoragePlan.__dataclass_fields__), where)
    return StoragePlan(
        capacity_wh=number(given.get("capacity_wh", 10000.0), f"{where}.capacity_wh", 100, 1e7),
        soc_pct=number(given.get("soc_pct", 50.0), f"{where}.soc_pct", 0, 100),
        charge_w=number(given.get("charge_w", 5000.0), f"{where}.charge_w", 100, 1e6),
        discharge_w=number(given.get("discharge_w", 5000.0), f"{where}.discharge_w", 100, 1e6),
        reserve_pct=number(given.get("reserve_pct", 0.0), f"{where}.reserve_pct", 0, 100),
    )


def _meter(given: Mapping[str, Any]) -> MeterPlan:
    known(given, set(MeterPlan.__dataclass_fields__), "meter")
    name = text(given.get("name"), "meter.name")
    model = given.get("model", 203)
    if isinstance(model, bool) or model not in METERS:
        raise PlanError(f"meter.model: one of {', '.join(map(str, METERS))}, not {model!r}")
    positive = given.get("positive", "import")
    if positive not in ("import", "export"):
        raise PlanError(f"meter.positive: import or export, not {positive!r}")
    return MeterPlan(
        name=name,
        link=text(given.get("link", name), "meter.link"),
        unit=whole(given.get("unit", 1), "meter.unit", 1, 247),
        model=int(model),
        positive="import" if positive == "import" else "export",
        serial=text(given.get("serial", f"SN-{name}"), "meter.serial"),
        maker=text(given.get("maker", "OSED"), "meter.maker"),
        full_scale_w=number(given.get("full_scale_w", 30000.0), "meter.full_scale_w", 1000, 10_000_000),
        quirks=parse_quirks(given.get("quirks", {}), "meter.quirks", HONEST, "meter"),
    )


def _moves(data: object, where: str, high: float) -> tuple[Move, ...]:
    moves = []
    for i, item in enumerate(listed(data, where)):
        given = table(item, f"{where}[{i}]")
        known(given, {"at_s", "value", "over_s"}, f"{where}[{i}]")
        moves.append(
            Move(
                at_s=number(given.get("at_s"), f"{where}[{i}].at_s", 0, 1e9),
                value=number(given.get("value"), f"{where}[{i}].value", 0, high),
                over_s=number(given.get("over_s", 0.0), f"{where}[{i}].over_s", 0, 1e9),
            )
        )
    return tuple(sorted(moves, key=lambda m: m.at_s))


def _distinct(plan: Plan) -> None:
    devices: list[InverterPlan | MeterPlan | TwinPlan] = [*plan.inverters, plan.meter, *plan.twins]
    names = [*(d.name for d in devices), *(station.name for station in plan.stations)]
    if len(set(names)) < len(names):
        raise PlanError("two devices share a name; give each its own")
    if len({(d.link, d.unit) for d in devices}) < len(devices):
        raise PlanError("two devices share a link and a unit id; give each its own unit")
