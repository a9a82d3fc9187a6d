"""Every path of OSED's grid-services-api and core-api that can be served truthfully, and for each other why it is not.

What is asked is asked of the area that the token names. An answer comes when the area has taken the order, with what holds from then on.
"""

import asyncio
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from gateway import reports
from gateway.api.bearer import TOKEN
from gateway.api.osed import bodies
from gateway.areas.loop import AreaLoop
from gateway.areas.registry import Areas
from gateway.loop import SiteLoop
from grid_functions.area import direct_load_control, schedule
from grid_functions.building import steward
from grid_functions.model.errors import OperatorFault, Unreachable
from grid_functions.model.ports import Clock

B = TypeVar("B", bound=bodies.Body)

_TAKEN_S = 10.0
_LOOK_S = 0.05
_BODY_S = 20.0
"""A body is waited for so long: who is known and slow would else hold as many connections as he likes, for ever."""

NOT_SERVED: Mapping[tuple[str, str], str] = {
    (
        "POST",
        "/paid_control/paidcontrolrequest",
    ): "nothing is paid here; what an event delivered is in the area's settlement",
    (
        "POST",
        "/paid_control/request_paid_device_control",
    ): "nothing is paid here; what an event delivered is in the area's settlement",
    (
        "POST",
        "/devices/setpoint/{id}",
    ): "what a bare number means differs by device; 'osed override' names what is meant",
    ("POST", "/devices/schedule/{priority}"): "priorities of schedules would pass by the arbitration (docs/rules.md)",
    (
        "GET",
        "/building/consumption",
    ): "no history of seconds is kept; /flexibility/getflexibility tells the mean that is",
    ("GET", "/data/{rest:.*}"): "histories, forecasts, weather and preferences are not kept for others here",
}
"""Of OSED's paths, with the reason: answered 501."""


@dataclass(frozen=True, slots=True)
class Served:
    """The parts of the gateway that are driven."""

    areas: Callable[[], Areas]
    sites: Callable[[], Mapping[str, SiteLoop]]
    clock: Clock


def osed_paths(app: web.Application, served: Served) -> None:
    """Add them to an application."""
    paths = _Paths(served)
    post, get = app.router.add_post, app.router.add_get
    post("/direct_control/write_device_type_setpoint", paths.setpoint)
    post("/direct_control/power_limit", paths.power_limit)
    post("/mpc/calculate_mpc", paths.mpc)
    post("/dac/coordinatedac", paths.coordinate)
    post("/dac/request_optimization_status", paths.coordination)
    post("/tariffs/flattariff", paths.flat)
    post("/tariffs/toutariff", paths.time_of_use)
    post("/tariffs/shift-consumption-tariff", paths.shift)
    get("/flexibility/getflexibility", paths.flexibility)
    get("/devices/", paths.devices)
    get("/devices/state/{id}", paths.device)
    get("/building/grap", paths.grap)
    for (method, path), why in NOT_SERVED.items():
        app.router.add_route(method, path, _not_served(why))


class _Paths:
    """One handler a path."""

    def __init__(self, served: Served) -> None:
        self._served = served

    async def setpoint(self, request: web.Request) -> web.Response:
        """A thermostat setpoint for all; other devices are refused for want of a meaning."""
        body = await _body(request, bodies.Setpoint)
        if body.device != "space_heating":
            why = "no device here takes a water temperature"
            if body.device != "water_heater":
                why = "whether a percent is of power or of charge, and which sign charges, is not defined by OSED"
            raise web.HTTPNotImplemented(text=f"a setpoint of {body.device} cannot be served: {why}")
        area, ends_s = request[TOKEN].area, self._now().timestamp() + body.duration * 60.0
        wrong = await self._order(
            area, direct_load_control.NAME, "thermostat", value_c=float(body.setpoint), duration_s=body.duration * 60.0
        )

        def taken(told: Mapping[str, Any]) -> bool:
            held = told["held"].get("thermostat", {})
            return bool(held.get("value") == body.setpoint and abs(held["end_utc_s"] - ends_s) < _TAKEN_S + 1.0)

        told = await self._taken(area, direct_load_control.NAME, taken, wrong)
        note = "it is held and shown at the site, and written where a device there takes temperatures"
        return self._accepted(area, told["held"]["thermostat"] | {"note": note})

    async def power_limit(self, request: web.Request) -> web.Response:
        """Each building imports no more; nothing in the body: it is taken back."""
        area = request[TOKEN].area
        if not await _says_something(request):
            return await self._scheduled(area, "restore", lambda told: told["limit_kw"] is None, what="limit")
        limit_kw = (await _body(request, bodies.PowerLimit)).limit
        return await self._scheduled(area, "limit_each", lambda told: told["limit_kw"] == limit_kw, limit_kw=limit_kw)

    async def mpc(self, request: web.Request) -> web.Response:
        """Prices and limits by step, which the homes' stewards plan by; nothing in the body: they are taken back."""
        area = request[TOKEN].area
        if not await _says_something(request):
            await self._scheduled(area, "restore", lambda told: told["prices"] is None, what="prices")
            return await self._scheduled(area, "restore", lambda told: told["limits"] is None, what="limits")
        body = await _body(request, bodies.Mpc)
        left_out = [
            name
            for name in ("space_heating", "electric_storage", "electric_vehicle", "water_heater")
            if not getattr(body, name)
        ]
        if left_out:
            raise _unfit(
                f"{left_out[0]}: false cannot be served: a home's dwelling in osed.yaml says which devices are planned"
            )
        if body.stop <= self._now():
            raise _unfit("stop has passed: nothing can be planned")
        if body.start > self._now() + timedelta(days=7):
            raise _unfit("start lies more than a week ahead")
        if not self._planning(area):
            raise OperatorFault(
                f"no member of {area} can plan: infeasible",
                "a site plans when functions.home.dwelling is told in osed.yaml",
            )
        steps = body.steps
        span = {"start_utc_s": body.start.timestamp(), "step_s": body.interval * 60.0}
        limits, prices = tuple(body.power_limit[one] for one in steps), tuple(body.prices[one] for one in steps)
        await self._scheduled(area, "limits_each", _holds("limits", limits, span), limits_kw=limits, **span)
        return await self._scheduled(area, "prices_each", _holds("prices", prices, span), prices=prices, **span)

    async def flat(self, request: web.Request) -> web.Response:
        """One price for a day."""
        body = await _body(request, bodies.Flat)
        return await self._tariff(request, body.date, lambda midnight: bodies.flat(body))

    async def time_of_use(self, request: web.Request) -> web.Response:
        """Two prices for a day."""
        body = await _body(request, bodies.TimeOfUse)
        return await self._tariff(request, body.date, lambda midnight: bodies.time_of_use(body, midnight))

    async def shift(self, request: web.Request) -> web.Response:
        """A price for a day, multiplied in two windows."""
        body = await _body(request, bodies.Shift)
        return await self._tariff(request, body.date, lambda midnight: bodies.shift(body, midnight))

    async def coordinate(self, request: web.Request) -> web.Response:
        """Begin a day-ahead coordination."""
        area = request[TOKEN].area
        await self._order(area, "day_ahead", "begin")
        return self._accepted(area, {"ordered": "begin"})

    async def coordination(self, request: web.Request) -> web.Response:
        """How the coordination stands."""
        return web.json_response({"area": request[TOKEN].area, "told": self._told(request[TOKEN].area, "day_ahead")})

    async def flexibility(self, request: web.Request) -> web.Response:
        """What is consumed, and what members say they could move for so long; asked anew, and waited for."""
        try:
            duration_s = bodies.Seconds.validate_python(request.query.get("duration"))
        except ValidationError as fault:
            raise _unfit(_worst(fault).replace("body", "duration")) from fault
        area, name = request[TOKEN].area, direct_load_control.NAME
        before = (self._told(area, name).get("flexibility") or {}).get("request")
        await self._order(area, name, "flexibility", duration_s=float(duration_s))
        answer_s = self._loop(area).plan.functions[name].options.answer_s

        def taken(told: Mapping[str, Any]) -> bool:
            found = told.get("flexibility") or {}
            return found.get("request") not in (None, before)

        told = await self._taken(area, name, taken, patience_s=answer_s + _TAKEN_S)
        return web.json_response({"area": area, "consumption": told["consumption"], "flexibility": told["flexibility"]})

    async def devices(self, request: web.Request) -> web.Response:
        """All devices of the members."""
        return web.json_response({"content": self._devices(request[TOKEN].area)})

    async def device(self, request: web.Request) -> web.Response:
        """One number of a device: its power in W, positive = consume, or the ``field`` that is asked for."""
        name, field = request.match_info["id"], request.query.get("field", "power_w")
        found = [
            one
            for one in self._devices(request[TOKEN].area)
            if f"{one['site']}/{one['name']}" == name or one["name"] == name
        ]
        if not found:
            raise web.HTTPNotFound(text=f"device {name} not found")
        if len(found) > 1:
            raise _unfit(f"several members have a device named {name}: ask for SITE/{name}")
        value = found[0].get(field)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise web.HTTPNotFound(text=f"device {name} has no number named {field} now")
        return web.json_response(value)

    async def grap(self, request: web.Request) -> web.Response:
        """Whether a limit of power holds for the building, and which."""
        limit_kw = self._told(request[TOKEN].area, schedule.NAME).get("limit_kw")
        return web.json_response({"grap_state": limit_kw is not None, "grap_limit": limit_kw})

    async def _tariff(
        self, request: web.Request, date: datetime | None, prices_on: Callable[[datetime], tuple[float, ...]]
    ) -> web.Response:
        """Its prices on the day of ``date``, by default tomorrow's."""
        now = self._now()
        asked = date if date is not None else now + bodies.DAY
        midnight = asked.replace(hour=0, minute=0, second=0, microsecond=0)
        # Not midnight + a day: of the last day there is, no day follows.
        if midnight <= now - bodies.DAY:
            raise _unfit(f"the day of {asked.isoformat()} has passed")
        if midnight > now + timedelta(days=7):
            raise _unfit(f"the day of {asked.isoformat()} lies more than a week ahead")
        try:
            prices = prices_on(midnight)
        except ValueError as fault:
            raise _unfit(str(fault)) from fault
        span = {"start_utc_s": midnight.timestamp(), "step_s": bodies.STEP.total_seconds()}
        area = request[TOKEN].area
        return await self._scheduled(area, "prices_each", _holds("prices", prices, span), prices=prices, **span)

    async def _scheduled(
        self, area: str, kind: str, taken: Callable[[Mapping[str, Any]], bool], **options: object
    ) -> web.Response:
        wrong = await self._order(area, schedule.NAME, kind, **options)
        return self._accepted(area, await self._taken(area, schedule.NAME, taken, wrong))

    async def _order(self, area: str, function: str, kind: str, **options: object) -> tuple[str, ...]:
        """Returns once it is kept, with what the function finds wrong. Raises Unreachable when it is not in time."""
        self._loop(area)
        try:
            async with asyncio.timeout(_TAKEN_S):
                return await self._served.areas().order(area, function, kind, options)
        except TimeoutError as fault:
            raise self._late(area, function) from fault

    async def _taken(
        self,
        area: str,
        function: str,
        taken: Callable[[Mapping[str, Any]], bool],
        wrong: tuple[str, ...] = (),
        patience_s: float = _TAKEN_S,
    ) -> Mapping[str, Any]:
        """What the function tells once it took the order. Raises Unreachable when it does not in time, 422 for what it finds wrong."""
        try:
            async with asyncio.timeout(patience_s):
                while True:
                    told = self._told(area, function)
                    if told and taken(told):
                        return told
                    if wrong:
                        raise _unfit("; ".join(wrong))
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError as fault:
            raise self._late(area, function) from fault

    def _late(self, area: str, function: str) -> Unreachable:
        alarms = "; ".join(self._loop(area).alarms.values())
        return Unreachable(f"{function} of {area} has not taken the order", alarms or "'osed area list' shows alarms")

    def _accepted(self, area: str, holds: Mapping[str, Any]) -> web.Response:
        members = self._loop(area).plan.terms.members
        return web.json_response({"accepted": True, "area": area, "members": members, "holds": holds})

    def _loop(self, area: str) -> AreaLoop:
        found = self._served.areas().find(area)
        if found is None:
            # Not which there are: they are none of this program's business.
            raise OperatorFault(f"no area is named {area!r}", "'osed area create' makes it, or areas in osed.yaml")
        return found

    def _told(self, area: str, function: str) -> Mapping[str, Any]:
        loop = self._loop(area)
        if function not in loop.plan.functions:
            raise OperatorFault(
                f"{area} runs no function {function!r}", f"'osed area change {area} --function {function}'"
            )
        return loop.told(function)

    def _devices(self, area: str) -> list[dict[str, Any]]:
        sites, now = self._served.sites(), self._served.clock.now()
        members = [sites[name] for name in self._loop(area).plan.terms.members if name in sites]
        return [dict(one, site=site.plan.terms.name) for site in members for one in reports.devices_of(site, now)]

    def _planning(self, area: str) -> bool:
        sites = self._served.sites()
        functions = [
            sites[name].plan.functions.get(steward.NAME)
            for name in self._loop(area).plan.terms.members
            if name in sites
        ]
        return any(isinstance(one, steward.Steward) and one.options.dwelling.devices for one in functions)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._served.clock.now().utc_s, UTC)


def _holds(what: str, values: tuple[float, ...], span: Mapping[str, float]) -> Callable[[Mapping[str, Any]], bool]:
    def taken(told: Mapping[str, Any]) -> bool:
        held = told[what]
        return held is not None and tuple(held["values"]) == values and held["start_utc_s"] == span["start_utc_s"]

    return taken


async def _says_something(request: web.Request) -> bool:
    return await _text(request) not in (b"", b"null")


async def _text(request: web.Request) -> bytes:
    """The body as it was sent. Raises 415 for one that is encoded (RFC 9110, 15.5.16), 408 for one that does not come."""
    coding = request.headers.get("Content-Encoding", "identity")
    if coding.lower() != "identity":
        raise web.HTTPUnsupportedMediaType(text=f"a body in {coding[:20]} is not read: send it as it is")
    try:
        async with asyncio.timeout(_BODY_S):
            return (await request.read()).strip()
    except TimeoutError as fault:
        raise web.HTTPRequestTimeout(text=f"no body within {_BODY_S:g} s") from fault


async def _body(request: web.Request, kind: type[B]) -> B:
    """The body, or all defaults where there is none. Raises 422 with what is wrong."""
    text = await _text(request) or b"{}"
    try:
        return TypeAdapter(kind).validate_json(text)
    except ValidationError as fault:
        raise _unfit(_worst(fault)) from fault


def _worst(fault: ValidationError) -> str:
    told = [
        f"{'.'.join(map(str, one['loc'])) or 'body'}: {one['msg'].removeprefix('Value error, ')}"
        for one in fault.errors()
    ]
    return "; ".join(told[:5])


def _unfit(text: str) -> web.HTTPUnprocessableEntity:
    return web.HTTPUnprocessableEntity(text=text)


def _not_served(why: str) -> Callable[[web.Request], Any]:
    async def refuse(_: web.Request) -> web.Response:
        raise web.HTTPNotImplemented(text=why)

    return refuse
