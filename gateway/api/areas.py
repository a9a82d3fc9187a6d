"""Areas over the socket: list, create, change, destroy, order."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from gateway.api.bodies import body_of, text_of
from gateway.areas.registry import Areas
from grid_functions.model.errors import OperatorFault

_ORDER_S = 20.0
"""Less than a caller waits for an answer."""


def area_routes(app: web.Application, areas: Callable[[], Areas]) -> None:
    """Add them to an application."""

    async def show(_: web.Request) -> web.Response:
        return web.json_response(areas().list())

    def changing(act: Callable[[Areas, object], Awaitable[object]]) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            return web.json_response(await act(areas(), await body_of(request)))

        return handle

    async def destroy(request: web.Request) -> web.Response:
        name = text_of(await body_of(request), "name")
        await areas().destroy(name)
        return web.json_response({"destroyed": name})

    async def order(request: web.Request) -> web.Response:
        body = await body_of(request)
        area, function, kind = (text_of(body, key) for key in ("area", "function", "order"))
        options = body.get("options", {})
        if not isinstance(options, dict):
            raise OperatorFault("options are no JSON object", "send one, or leave them out")
        try:
            async with asyncio.timeout(_ORDER_S):
                alarms = await areas().order(area, function, kind, options)
        except TimeoutError as fault:
            raise OperatorFault(
                "it is not kept yet: the ledger cannot be written, or the area still waits for its connection",
                "'osed area list' shows alarms; it may yet take hold",
            ) from fault
        return web.json_response({"ordered": kind, "area": area, "function": function, "alarms": alarms})

    app.router.add_get("/areas", show)
    app.router.add_post("/areas/create", changing(lambda all_, plain: all_.create(plain)))
    app.router.add_post("/areas/change", changing(lambda all_, plain: all_.change(plain)))
    app.router.add_post("/areas/destroy", destroy)
    app.router.add_post("/areas/order", order)
