"""Bearer tokens of programs: NAME.SECRET, kept as an argon2id hash. Whoever shows none that is known is told nothing."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web
from argon2 import PasswordHasher

from adapters.doorway import Doorway
from adapters.ocpp.access import Passwords
from gateway.config.api import ApiToken

TOKEN = web.RequestKey("token", ApiToken)
"""Whose request it is."""

_LONGEST = 512
_WAITING = 8
"""Hashes that are waited for at a time: each takes a twentieth of a second and 64 MiB."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Doorman:
    """Lets in who is known. What was right once is known quickly from then on; what is wrong is looked at one after the other."""

    def __init__(self, tokens: Sequence[ApiToken], doorway: Doorway) -> None:
        self._doorway = doorway
        self._tokens = {one.name: one for one in tokens}
        self._passwords = Passwords(secrets.token_bytes(32))
        self._turn = asyncio.Lock()
        self._waiting = 0
        # A name that nobody has takes as long as one that somebody has.
        self._nobody = PasswordHasher().hash(secrets.token_hex())

    @web.middleware
    async def __call__(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """401 before anything else is looked at, 429 where too many unknown ones wait."""
        token = await self._who(request.headers.get("Authorization", ""))
        if token is None:
            raise web.HTTPUnauthorized(
                headers={"WWW-Authenticate": "Bearer"}, text="show a token: Authorization: Bearer NAME.SECRET"
            )
        request[TOKEN] = token
        self._doorway.know(request)
        return await handler(request)

    async def _who(self, header: str) -> ApiToken | None:
        kind, _, shown = header.partition(" ")
        name, dot, secret = shown.strip().rpartition(".")
        if kind.lower() != "bearer" or not dot or not secret or len(shown) > _LONGEST:
            return None
        token = self._tokens.get(name)
        hashed = self._nobody if token is None else token.hash
        # What is no UTF-8 comes as surrogates, and is what nobody's secret is.
        shown_secret = secret.encode(errors="surrogateescape")
        if token is not None and self._passwords.known(name, hashed, shown_secret):
            return token
        if self._waiting >= _WAITING:
            raise web.HTTPTooManyRequests(text="too many who are not known yet: try again in a moment")
        self._waiting += 1
        try:
            async with self._turn:
                right = await asyncio.to_thread(self._passwords.right, name, hashed, shown_secret)
        finally:
            self._waiting -= 1
        return token if right else None
