"""Everything between a utility server and a plant, a second at a time: only HTTP, TLS and the waiting are left out.

The house draws what the test says; an inverter of 8 kW with as much sun, a battery of 5 kW both ways, a meter.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

from adapters.simulator.server import Simulator
from gateway.averaging import Averages
from grid_functions.catalogue import built_in
from grid_functions.decide import SiteState, SiteTick, decide, note
from grid_functions.model.device import Role
from grid_functions.model.instants import Instants
from grid_functions.model.policy import Connection, DeviceTerms, SiteTerms
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.snapshot import Snapshot
from protocols.exchange import Tell
from protocols.ieee2030_5.session.exchange import Picture
from tests.adapters.simulator.situations import Hand
from tests.adapters.stage import UTC_S, Desk, desk, simulated
from tests.protocols.ieee2030_5.desk.talk import Talk
from tests.protocols.ieee2030_5.session.rig import LFDI, MONO_S, TERMS
from tests.protocols.ieee2030_5.test_client import a_policy
from tests.protocols.ieee2030_5.test_client_and_desk import Both

METER, PV, BATTERY = "meter", "pv", "battery"
RATED_W = {PV: 8000.0, BATTERY: 5000.0}
SEED = b"plant"
_MOVING_S = 15.0
"""After a change of setpoints: as long as it takes the loop to have closed, or to change them again."""

_POLICY = a_policy("utility", TERMS.respondent)


class Plant(Both):
    """``imports``: the true power at the connection point of each second, W, positive = import, by server time."""

    def __init__(self, running: Simulator, hand: Hand, drivers: dict[str, Desk], load_w: float) -> None:
        talk = Talk()
        talk.done("POST", "/devices", {"lfdi": LFDI, "pin": 111115})
        talk.done("POST", "/programs", {"primacy": 1})
        super().__init__(talk, floor_s=5.0, pin=111115)
        self.rates(60, "derp", "fsa", "der", "mup")
        roles = {PV: Role.PV, BATTERY: Role.BATTERY}
        self.terms = SiteTerms(
            name="house",
            connection=Connection(),
            devices={name: DeviceTerms(role) for name, role in roles.items() if name in drivers},
            respondents={TERMS.respondent: frozenset(drivers) - {METER}},
        )
        self.running, self.hand, self.drivers = running, hand, drivers
        self.state = SiteState()
        self.averages = Averages(self.terms, self.terms.respondents)
        self.load_w = load_w
        self.imports: dict[float, float] = {}
        self._functions = built_in()
        self._taken = 0
        self._moved_s = self.now_s
        self._told: dict[str, Setpoint] = {}

    @property
    def now_s(self) -> float:
        """Server time."""
        return self.rig.server.now()

    async def pass_s(self, seconds: int, load_w: float | None = None, stride_s: int = 1) -> "Plant":
        """Let time pass, the house drawing ``load_w`` from now on; it looks once in ``stride_s``, each second where things move."""
        if load_w is not None:
            self.load_w = load_w
            self.running.command({"do": "load", "w": load_w})
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            quiet = self.now_s >= self._moved_s + _MOVING_S
            step_s = min(float(stride_s) if quiet else 1.0, end_s - self.now_s)
            self.rig.run(step_s)
            self.hand.t_s += step_s
            await self._second()
        return self

    def rates(self, seconds: int, *lists: str) -> None:
        """The server wants these polled (``mup``: readings posted) at this rate from now on."""
        self.talk.done("PATCH", "/settings", {f"{name}_poll_s": seconds for name in lists})

    def control(self, modes: dict[str, Any], duration_s: int, start_in_s: int = 0, **fields: Any) -> int:
        """The operator makes one; its number."""
        self.talk.now_s = self.now_s
        body = {"modes": modes, "start_in_s": start_in_s, "duration_s": duration_s, **fields}
        number: int = self.talk.done("POST", "/programs/1/controls", body)["number"]
        return number

    def default(self, modes: dict[str, Any], **fields: Any) -> None:
        """The operator sets the default."""
        self.talk.now_s = self.now_s
        self.talk.done("PUT", "/programs/1/default", {"modes": modes, **fields})

    def statuses(self, number: int) -> list[int]:
        """What the server has heard of a control, in order."""
        (told,) = self.talk.done("GET", f"/controls/{number}/responses")["devices"]
        found: list[int] = told["statuses"]
        return found

    def told_w(self, flags: int) -> dict[int, float]:
        """What the server was told of active power, by the start of each minute; ``flags``: 3 = the site, 0x49 = its DERs."""
        mirrors = self.talk.done("GET", "/mirrors")
        (mirror,) = [one for one in mirrors if one["point"]["roleFlags"] == flags]
        (power,) = [one for one in mirror["point"]["MirrorMeterReading"] if one["ReadingType"]["uom"] == 38]
        scale = 10.0 ** power["ReadingType"]["powerOfTenMultiplier"]
        values = self.talk.done("GET", f"/mirrors/{mirror['number']}/values")
        return {one["start_s"]: scale * one["value"] for one in values if one["meter_reading"] == power["mRID"]}

    def status_value(self, name: str) -> str:
        """What DERStatus at the server says of this."""
        (found,) = self.talk.texts("/edev/1/der/1/ders", f"//s:{name}/s:value | //s:{name}[not(*)]", LFDI)
        return found

    def worst_import_w(self, since_s: float) -> float:
        """The most that was imported in any second since then, server time."""
        return max(w for at, w in self.imports.items() if at >= since_s)

    def worst_export_w(self, since_s: float) -> float:
        """The same of what was exported."""
        return -min(w for at, w in self.imports.items() if at >= since_s)

    def produced_w(self, name: str) -> float:
        """What a device gives now, W, positive = production."""
        return self.running.site.produced_w(name)

    async def _second(self) -> None:
        seen = {name: await driver.look() for name, driver in self.drivers.items()}
        at = self.rig.instants()
        now = Instants(at.mono_s, at.utc_s, {"utility": self.rig.state.clock.told(at.mono_s)})
        devices = {name: one for name, one in seen.items() if name != METER}
        picture = Snapshot("house", now, seen[METER].condition.readings, devices)
        reads, self._taken = tuple(self.rig.reads[self._taken :]), len(self.rig.reads)
        tick = SiteTick(reads=reads, snapshot=picture)
        policies = {TERMS.respondent: _POLICY}
        done = decide(self.state, policies, self.terms, self._functions, tick, now, seed=SEED)
        for setpoint in done.setpoints:
            self.drivers[setpoint.device].driver.want(setpoint)
        told = {one.device: replace(one, decision=0) for one in done.setpoints}
        if told != self._told:
            self._told, self._moved_s = told, self.now_s
        noted = note(done.state, policies, now, handed=done.serial)
        self.state = noted.state
        for outcome in (*done.outcomes, *noted.outcomes):
            self.rig.give(Tell(outcome))
        self.averages.take(picture)
        self.rig.give(Picture(tuple(devices.values()), self.averages.of(TERMS.respondent)))
        self.imports[self.now_s] = self.running.site.meter_w


@asynccontextmanager
async def plant(*names: str, load_w: float = 1000.0, kind: str = "der700", **changes: Any) -> AsyncIterator[Plant]:
    """A plant with these devices beside its meter, read once; half a minute has passed. ``kind``: of the inverter."""
    device = {"kind": kind, "ramp_pct_per_s": 600, "enter_delay_s": 0, "enter_ramp_s": 0}
    store = {"capacity_wh": 20_000, "soc_pct": 50, "charge_w": 5000, "discharge_w": 5000}
    inverters = {
        PV: {**device, "name": PV, "rated_w": 8000, "dc_w": 8000, "link": PV},
        BATTERY: {
            **device,
            "name": BATTERY,
            "rated_w": 5000,
            "dc_w": 0,
            "link": BATTERY,
            "storage": store,
            "models": [713],
        },
    }
    site = {
        "inverters": [inverters[name] for name in names],
        "meter": {"name": METER, "link": METER},
        "house": {"base_w": load_w},
    }
    hand = Hand(UTC_S + MONO_S)
    roles = {PV: Role.PV, BATTERY: Role.BATTERY, METER: Role.METER}
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(simulated(hand, **site, **changes))
        drivers = {
            name: await stack.enter_async_context(desk(running.ports[name], hand, name=name, role=roles[name]))
            for name in (*names, METER)
        }
        yield await Plant(running, hand, drivers, load_w).pass_s(30)
