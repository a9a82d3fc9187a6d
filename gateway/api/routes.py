"""What the running gateway answers over its local socket. Every answer is one JSON document."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web

from gateway import reports
from gateway.api import words
from gateway.api.areas import area_routes
from gateway.api.bodies import body_of
from gateway.areas.registry import Areas
from gateway.log.book import latest
from gateway.loop import SiteLoop
from gateway.specification import Difference
from grid_functions.model.errors import OperatorFault
from grid_functions.model.ports import Clock
from grid_functions.words import Word


class Running(Protocol):
    """The part of the appliance the socket may see and touch."""

    name: str
    log_path: Path

    @property
    def sites(self) -> Mapping[str, SiteLoop]:
        """Every site's loop by name."""

    @property
    def clock(self) -> Clock:
        """All clocks."""

    @property
    def areas(self) -> Areas:
        """The edge coordinators."""

    def guests(self) -> Mapping[str, Mapping[str, Any]]:
        """How each plug-in is that was called yet."""

    def upstreams(self) -> list[dict[str, Any]]:
        """Every upstream session and how it is."""

    def alarms(self) -> list[str]:
        """What is wrong with the gateway itself."""

    async def reload(self) -> Difference:
        """Read the configuration again and apply what differs."""

    def stop(self, *, release: bool) -> None:
        """End gracefully; ``release`` gives the devices back to their baselines first."""


def routes(running: Running) -> web.Application:
    """The application the socket serves."""
    app = web.Application()

    def get(path: str, answer: Callable[[web.Request], Any]) -> None:
        async def handle(request: web.Request) -> web.Response:
            return web.json_response(answer(request))

        app.router.add_get(path, handle)

    get("/status", lambda _: _status(running))
    get(
        "/devices",
        lambda _: [
            dict(d, site=n) for n, s in running.sites.items() for d in reports.devices_of(s, running.clock.now())
        ],
    )
    get(
        "/events",
        lambda _: [
            dict(e, site=n) for n, s in running.sites.items() for e in reports.events_of(s, running.clock.now())
        ],
    )
    get(
        "/prices",
        lambda _: [
            dict(p, site=n) for n, s in running.sites.items() for p in reports.prices_of(s, running.clock.now())
        ],
    )
    get("/upstreams", lambda _: running.upstreams())
    get("/functions", lambda _: _functions(running))

    async def why(request: web.Request) -> web.Response:
        return web.json_response(await _why(running, request.match_info["name"]))

    async def device(request: web.Request) -> web.Response:
        return web.json_response(await _device(running, request.match_info["name"]))

    async def stop(request: web.Request) -> web.Response:
        running.stop(release=(await body_of(request)).get("release") is True)
        return web.json_response({"stopping": True})

    async def opt(request: web.Request) -> web.Response:
        opts = words.opts_of(running.sites, await body_of(request))
        await _say(opts)
        return web.json_response(
            [
                {
                    "site": site.plan.terms.name,
                    "upstream": one.event.respondent.upstream,
                    "respondent": one.event.respondent.id,
                    "event": one.event.id,
                    "out": one.out,
                    "drops": words.dropped(site, one),
                }
                for site, one in opts
            ]
        )

    async def override(request: web.Request) -> web.Response:
        site, said = words.overrides_of(running.sites, await body_of(request), running.clock.now().utc_s)
        await _say([(site, one) for one in said])
        return web.json_response({"site": site.plan.terms.name, "held": [one.name for one in said]})

    async def release(request: web.Request) -> web.Response:
        said = words.releases_of(running.sites, await body_of(request))
        await _say(said)
        return web.json_response([{"site": site.plan.terms.name, "released": one.name} for site, one in said])

    async def reload(_: web.Request) -> web.Response:
        return web.json_response((await running.reload()).plain())

    app.router.add_get("/why/{name}", why)
    app.router.add_get("/devices/{name}", device)
    app.router.add_post("/reload", reload)
    app.router.add_post("/stop", stop)
    app.router.add_post("/opt", opt)
    app.router.add_post("/override", override)
    app.router.add_post("/release", release)
    area_routes(app, lambda: running.areas)
    return app


async def _say(said: Sequence[tuple[SiteLoop, Word]]) -> None:
    """Returns once all of it holds and is kept."""
    try:
        async with asyncio.timeout(_SAY_S):
            await asyncio.gather(*(site.say(word) for site, word in said))
    except TimeoutError as fault:
        raise OperatorFault(
            "it is not kept yet: the ledger cannot be written, or the site still waits for its devices",
            "'osed status' shows alarms; it may yet take hold",
        ) from fault


_SAY_S = 20.0
"""Less than a caller waits for an answer."""


def _functions(running: Running) -> list[dict[str, Any]]:
    """Every function that runs: where, and how its own process is if it has one."""
    places: dict[str, list[str]] = {}
    for site, loop in running.sites.items():
        for name in loop.plan.functions:
            places.setdefault(name, []).append(site)
    for area in running.areas.list():
        for name in area["functions"]:
            places.setdefault(name, []).append(area["name"])
    health = running.guests()
    return [{"name": name, "runs_at": where, **health.get(name, {})} for name, where in sorted(places.items())]


def _status(running: Running) -> dict[str, Any]:
    now = running.clock.now()
    sites = [reports.status_of(site, now) | {"words": words.told(site, now.utc_s)} for site in running.sites.values()]
    return {"gateway": running.name, "alarms": running.alarms(), "upstreams": running.upstreams(), "sites": sites}


async def _device(running: Running, name: str) -> list[dict[str, Any]]:
    now = running.clock.now()
    found = [
        dict(told, site=at, ports=await reports.ports_of(site, name))
        for at, site in running.sites.items()
        for told in reports.devices_of(site, now)
        if told["name"] == name
    ]
    if not found:
        raise OperatorFault(f"no device is named {name!r}", f"devices: {_names(running)}")
    return found


async def _why(running: Running, name: str) -> dict[str, Any]:
    now = running.clock.now()
    for site in running.sites.values():
        if name in site.plan.devices:
            return reports.why_device(site, name, now)
    for site in running.sites.values():
        # A long log takes long to search: never in the loop's own thread.
        records = await asyncio.to_thread(latest, running.log_path, rows=200, correlation=name)
        history = [
            {"utc_s": r.utc_s, "kind": r.kind, **r.body}
            for r in records
            # The search takes % and _ for any letter; here they are letters.
            if r.site == site.plan.terms.name and r.correlation.upper() == name.upper()
        ]
        found = reports.why_event(site, name, history, now)
        if found is not None:
            return found
    raise OperatorFault(f"no device or event is named {name!r}", f"devices: {_names(running)}; events: 'osed events'")


def _names(running: Running) -> str:
    return ", ".join(sorted(device for site in running.sites.values() for device in site.plan.devices))
