"""The HTTP listener for programs of others. Nothing is answered to whoever shows no token, and every answer is one JSON document."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import structlog
from aiohttp import web

from adapters.doorway import Doorway
from adapters.sparing import Sparing
from gateway.api.bearer import TOKEN, Doorman
from gateway.api.osed.paths import Served, osed_paths
from gateway.config.api import ApiSettings
from grid_functions.model.errors import GatewayError, OperatorFault, Unreachable
from grid_functions.model.ports import Clock

_log = structlog.get_logger("api")

_LARGEST = 262_144
"""Bytes of a body: two series of 1,008 values take a third of it."""


_STRANGERS, _STRANGERS_PER_S = 20, 0.1
"""Requests without a token that are noted at once, and in a second from then on."""
_PATIENCE_S = 75.0
"""A connection that asks nothing for so long is closed."""


class Notes(Protocol):
    """The log."""

    def add(self, site: str, kind: str, correlation: str, body: Mapping[str, Any]) -> None:
        """Note one thing."""


async def listen(settings: ApiSettings, served: Served, log: Notes) -> web.AppRunner:
    """Listen until the runner is cleaned up. Raises OperatorFault when the address cannot be had."""
    doorway = Doorway()
    doorman = Doorman(settings.tokens, doorway)
    app = web.Application(
        client_max_size=_LARGEST, middlewares=[_noted(log, served.clock), _errors_as_json, doorman.__call__]
    )
    osed_paths(app, served)
    # A body is what was sent: a small one that swells would hold up the loop, whoever sent it.
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=_PATIENCE_S, auto_decompress=False)
    await runner.setup()
    host, port = settings.address
    try:
        await doorway.site(runner, host, port).start()
    except OSError as fault:
        await runner.cleanup()
        raise OperatorFault(
            f"gateway.api cannot listen at {settings.listen} ({fault.strerror})", "free it, or choose another"
        ) from fault
    _log.info(
        "listening",
        at=[f"{one[0]}:{one[1]}" for one in runner.addresses],
        programs=[one.name for one in settings.tokens],
    )
    return runner


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def _noted(log: Notes, clock: Clock) -> Any:
    """Each request of who is known; of strangers a few, and how many more there were: the log keeps so many rows and no more."""
    strangers = Sparing(_STRANGERS, _STRANGERS_PER_S)

    @web.middleware
    async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
        answer = await handler(request)
        token = request.get(TOKEN)
        unsaid = strangers.spared(clock.now().mono_s) if token is None else 0
        if unsaid is not None:
            body = {"method": request.method[:20], "path": request.path[:200], "status": answer.status}
            more = {"unsaid": unsaid} if unsaid else {}
            log.add("", "api", "" if token is None else token.name, {**body, **more})
        return answer

    return note


@web.middleware
async def _errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as fault:
        headers = {"WWW-Authenticate": "Bearer"} if fault.status == web.HTTPUnauthorized.status_code else None
        return web.json_response({"detail": fault.text or fault.reason}, status=fault.status, headers=headers)
    except GatewayError as fault:
        status = 504 if isinstance(fault, Unreachable) else 409
        return web.json_response({"detail": Exception.__str__(fault), "advice": fault.advice}, status=status)
    except Exception as fault:
        _log.exception("a request could not be answered", path=request.path)
        return web.json_response({"detail": f"the gateway could not answer ({type(fault).__name__})"}, status=500)
