"""What goes into the session and what comes out of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from grid_functions.model.event import Read, Respondent
from grid_functions.model.reading import Average
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.usual import Usual
from protocols.exchange import Alarm, Failed, Tell, Tick, Told, WakeAt
from protocols.openadr3.wire.objects import Broker


class Method(StrEnum):
    """HTTP methods the VEN uses."""

    GET = "GET"
    POST = "POST"
    PUT = "PUT"
    DELETE = "DELETE"


@dataclass(frozen=True, slots=True)
class Request:
    """Send this; the answer comes back as Reply or Failed with the same id.

    ``json``: the body; ``form``: another kind of body (token endpoint); ``bearer``/``basic``: for the Authorization header, the latter
    (id, secret). ``purpose`` is for logs.
    """

    id: int
    method: Method
    url: str
    purpose: str
    json: Mapping[str, Any] | None = None
    form: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    bearer: str = field(default="", repr=False)
    basic: tuple[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The VTN answered. ``json``: the body, parsed; ``fault``: why a body could not be; ``date_s``: its Date header, None = it has none.

    ``retry_s``: not to be asked sooner (Retry-After); ``length``: of the body, bytes.
    """

    id: int
    status: int
    json: Any = None
    fault: str = ""
    date_s: float | None = None
    retry_s: float = 0.0
    length: int = 0

    @property
    def good(self) -> bool:
        """2xx, and a body that could be read if there was one."""
        return 200 <= self.status < 300 and not self.fault


@dataclass(frozen=True, slots=True)
class Picture:
    """The last look at a respondent's devices and connection, the averages completed since the last one, and what is usual there."""

    respondent: Respondent
    snapshot: Snapshot
    averages: tuple[Average, ...] = ()
    usual: Usual | None = None


@dataclass(frozen=True, slots=True)
class Hint:
    """Webhook or broker say that something changed; never believed, always a reason to look. ``of``: which way it came."""

    of: str


@dataclass(frozen=True, slots=True)
class Listening:
    """A way of hearing hints opened (``on``) or closed: "webhook", whose address is then known to be served, or "mqtt"."""

    of: str
    on: bool
    why: str = ""


Input = Reply | Failed | Tell | Picture | Hint | Listening | Tick


@dataclass(frozen=True, slots=True)
class Remember:
    """Keep this for the next boot."""

    key: str
    version: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Listen:
    """Hear this broker's topics, instead of any heard before. ``token``: the password where its method wants one."""

    broker: Broker
    topics: tuple[str, ...]
    username: str = ""
    token: str = field(default="", repr=False)


Output = Request | Read | Told | Remember | Alarm | Listen | WakeAt
"""What the session wants of the world."""
