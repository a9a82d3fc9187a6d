"""A site, its area and the listener on a real ledger, and a program that speaks to it over HTTP."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from argon2 import PasswordHasher

from gateway.api.listener import listen
from gateway.api.osed.paths import Served
from gateway.areas.registry import Areas
from gateway.config.api import ApiSettings, ApiToken
from gateway.ledger.book import Ledger, open_ledger
from gateway.ledger.codec import Codec
from gateway.log.book import Log
from gateway.loop import SiteLoop
from gateway.solver import Solver
from gateway.wiring import DURABLE
from grid_functions.building.dwelling import BatteryOf, Dwelling
from grid_functions.building.options import HomeOptions
from grid_functions.building.program import Problem
from grid_functions.building.steward import Steward
from grid_functions.building.storage import Store
from grid_functions.catalogue import built_in
from grid_functions.model.claim import InForce, SourceKind
from grid_functions.model.function import Answer, Ask
from tests.gateway.site import Rig, idle

SECRET = "correct-horse-battery-staple"  # noqa: S105  # a test's own
HASH = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(SECRET)
"""Cheap, so that tests need not wait for it."""

FUNCTIONS = {
    "schedule": {"currency": "CAD"},
    "direct_load_control": {"answer_s": 1.0},
    "day_ahead": {"step_s": 3600, "steps": 24, "lead_s": 3600},
}
# 10 kWh, half full; it loses nothing, so that a plan is what prices make of it.
STORE = Store(10_000.0, 5000.0, 5000.0, 1.0, 1.0, wear_price=1e-6)
HOME = Steward(
    HomeOptions(
        Dwelling(batteries=(BatteryOf("a", STORE, reserve_pct=0.0),)),
        import_price=0.1,
        export_price=0.0,
        base_w=1000.0,
        step_s=600.0,
        steps=12,
        replan_s=60.0,
    )
)


async def solved(function: str, ask: Ask) -> Answer:
    """A real solver, in this process."""
    assert isinstance(ask.problem, Problem)
    return Answer(function, ask.id, Solver().solve(ask.problem))


@dataclass
class Program:
    """Grid Intelligence, as it would call; ``token`` None = it shows none."""

    url: str
    http: aiohttp.ClientSession
    rig: Rig
    site: SiteLoop
    areas: Areas
    log: Log
    token: str | None = f"intelligence.{SECRET}"
    headers: Mapping[str, str] = field(default_factory=dict)
    headers_told: Mapping[str, str] = field(default_factory=dict)

    async def call(self, method: str, path: str, body: Any = None, *, raw: bytes | None = None) -> tuple[int, Any]:
        """Status and JSON of one request."""
        headers = dict(self.headers)
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        given: dict[str, Any] = {"data": raw} if raw is not None else {} if body is None else {"json": body}
        async with self.http.request(method, self.url + path, headers=headers, **given) as response:
            self.headers_told = dict(response.headers)
            told = response.status, await response.json()
        await idle()
        return told

    async def post(self, path: str, body: Any = None) -> tuple[int, Any]:
        """One POST."""
        return await self.call("POST", path, body)

    async def get(self, path: str) -> tuple[int, Any]:
        """One GET."""
        return await self.call("GET", path)

    def held(self) -> list[InForce]:
        """What the area asks of the site now."""
        assert self.site.decision is not None
        return [one for one in self.site.decision.in_force if one.source.kind is SourceKind.AREA]


@asynccontextmanager
async def program(folder: Path, *, home: bool = False, area: str = "feeder") -> AsyncIterator[Program]:
    """It all runs; ``home``: the site has a battery that its steward plans; ``area``: the one the token names."""
    rig = Rig()
    if home:
        rig.functions = {**built_in(), "home": HOME}
    opened = open_ledger(folder / "ledger.db", Codec(DURABLE))
    ledger: Ledger = opened.ledger
    log = Log(folder / "log.db", lambda: rig.time.now().utc_s)
    async with rig.running() as site:
        areas = Areas(ledger, log, rig.time, solved, lambda: {"house": site})
        site.mail.outside = areas
        await rig.look(site)
        await areas.create({"name": "feeder", "sites": ["house"], "functions": FUNCTIONS})
        settings = ApiSettings(listen="127.0.0.1:0", tokens=(ApiToken(name="intelligence", hash=HASH, area=area),))
        runner = await listen(settings, Served(lambda: areas, lambda: {"house": site}, rig.time), log)
        host, port = runner.addresses[0][:2]
        try:
            async with aiohttp.ClientSession() as http:
                yield Program(f"http://{host}:{port}", http, rig, site, areas, log)
        finally:
            await runner.cleanup()
            await areas.stop()
            ledger.close()
            log.close()
