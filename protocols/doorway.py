"""What a server of ours stands behind; wiring hands it in, since the servers of devices stand behind the same."""

import ssl
from typing import Protocol

from aiohttp import web


class Doorway(Protocol):
    """Bounds how many connections stand there whose owner nobody knows, and for how long."""

    def site(self, runner: web.BaseRunner, host: str, port: int, context: ssl.SSLContext | None = None) -> web.BaseSite:
        """Where a runner listens behind it; port 0 = a free one. Starting it raises OSError."""

    def know(self, request: web.BaseRequest) -> None:
        """Whoever asks this is no stranger: his connection may stay."""
