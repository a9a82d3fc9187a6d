"""1,000 sites of five devices, each decided once a second: does one core keep up?

Run with ``python -m benchmarks --only site_decide``. Every site has two inverters, a battery and two chargers behind three fuses, an export
limit in force and a meter that tells each conductor; every look finds everything measured anew, the house drawing a little more or
less than before. Counted is process CPU time of `decide` alone, with all built-in functions, and garbage looked for as seldom
as the appliance does. The "peer" is the budget: 1,000 microseconds a decision are 1,000 sites a second.
"""

import gc
from dataclasses import replace
from time import process_time

from benchmarks.row import Row
from gateway import garbage
from grid_functions.catalogue import built_in
from grid_functions.decide import SiteState, SiteTick, decide, empty
from grid_functions.model.claim import Source, SourceKind
from grid_functions.model.control import ExportLimit, Mode
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
from grid_functions.model.event import Event, EventKey, EventStatus, Interval, Rank, Read, Respondent
from grid_functions.model.instants import OWN, Instants
from grid_functions.model.policy import Connection, DeviceTerms, OptOut, Policy, SiteTerms, Vanished
from grid_functions.model.reading import MeterKey, Quality, Reading
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Phase, Quantity

SITES, ROUNDS = 1_000, 5
BUDGET_US = 1_000.0
BOOT_S = 1_700_000_000.0
ME = Respondent("utility", "me")
POLICY = Policy(OWN, Source(SourceKind.IEEE2030_5, "utility", ME), True, Vanished.KEEP, OptOut.NONE)
_WATTS = {mode: Ability(How.NATIVE) for mode in (Mode.MAX_POWER, Mode.LOAD_LIMIT, Mode.TARGET_POWER)}
_AMPERES = {mode: Ability(How.NATIVE) for mode in (Mode.LOAD_LIMIT, Mode.IMPORT_LIMIT)}
_ROLES = {"east": Role.PV, "west": Role.PV, "bat": Role.BATTERY, "left": Role.EVSE, "right": Role.EVSE}
TERMS = SiteTerms(
    "site",
    Connection(17_000.0, 10_000.0, 3, 32.0),
    {name: DeviceTerms(role) for name, role in _ROLES.items()},
    {ME: frozenset(_ROLES)},
)


def run() -> list[dict[str, str | int | float | bool]]:
    """One row. Raises AssertionError if a site does not hold its limit."""
    thresholds = gc.get_threshold()
    sites = [_born(number) for number in range(SITES)]
    garbage.spare()
    try:
        ours = _measured(sites)
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
    budget = [BUDGET_US] * ROUNDS
    return [Row("site_decide", "1000 sites of 5 devices", "us CPU", ours, budget, "1,000 sites a second", 1.0).plain()]


def _measured(sites: list[SiteState]) -> list[float]:
    functions = built_in()
    ours = []
    for turn in range(1, ROUNDS + 1):
        ticks = [SiteTick(_picture(number, float(turn))) for number in range(SITES)]
        now = Instants(float(turn), BOOT_S + turn)
        gc.collect()
        began_s = process_time()
        done = [
            decide(state, {ME: POLICY}, TERMS, functions, tick, now, seed=b"bench")
            for state, tick in zip(sites, ticks, strict=True)
        ]
        ours.append((process_time() - began_s) / SITES * 1e6)
        sites = [one.state for one in done]
        for one in done:
            produced_w = sum(each.produce_max_w or 0.0 for each in one.setpoints)
            # what the chargers and the house draw may be produced beside the limit
            assert produced_w <= 1_500.0 + 8_280.0 + 690.0, produced_w
    return ours


def _born(number: int) -> SiteState:
    event = Event(
        key=EventKey(ME, f"e{number}"),
        version=0,
        program="p",
        rank=Rank(1.0, BOOT_S, "e"),
        start_s=BOOT_S,
        duration_s=86_400.0,
        intervals=(Interval(0.0, None, (ExportLimit(1_500.0),)),),
        status=EventStatus.SCHEDULED,
    )
    read = Read(ME, BOOT_S, True, {"p": Rank(1.0)}, frozenset({"p"}), (), (event,))
    tick = SiteTick(_picture(number, 0.0), reads=(read,))
    return decide(empty(), {ME: POLICY}, TERMS, built_in(), tick, Instants(0.0, BOOT_S), seed=b"bench").state


def _picture(number: int, at_s: float) -> Snapshot:
    """A house of 600 W and up to 90 W more, its sun held back, its cars at six amperes."""
    house_w = 600.0 + 10.0 * ((number + at_s) % 10)
    told = {"east": -900.0, "west": -900.0, "bat": 0.0, "left": 4_140.0, "right": 4_140.0}
    devices = {name: _seen(name, power_w, at_s) for name, power_w in told.items()}
    net_w = house_w + sum(told.values())
    meter: dict[MeterKey, Reading] = {(Quantity.NET, None): _reading(net_w, at_s)}
    meter |= {(Quantity.CURRENT, phase): _reading(net_w / 690.0, at_s) for phase in Phase}
    return Snapshot("site", Instants(at_s, BOOT_S + at_s), meter, devices)


def _seen(name: str, power_w: float, at_s: float) -> Seen:
    readings: dict[MeterKey, Reading] = {(Quantity.NET, None): _reading(power_w, at_s)}
    if _ROLES[name] is not Role.EVSE:
        holds = Setpoint(name, produce_max_w=900.0)
        able = Capability(_WATTS, watchdog=True)
        return Seen(name, _ROLES[name], Nameplate(rated_w=5_000.0), able, Condition(True, holds, readings))
    readings |= {(Quantity.CURRENT, phase): _reading(6.0, at_s) for phase in Phase}
    readings[(Quantity.VOLTAGE, None)] = _reading(230.0, at_s)
    able = Capability(_AMPERES, currents=Currents(16.0, fallback=Fallback(6.0, 60.0)))
    plain = Condition(True, Setpoint(name, current_max_a=6.0), readings, vehicle=Vehicle.CHARGING)
    return Seen(name, Role.EVSE, Nameplate(phases=3, rated_a=16.0), able, replace(plain))


def _reading(value: float, at_s: float) -> Reading:
    return Reading(value, Quality.GOOD, at_s, BOOT_S + at_s)
