"""What goes into the session and what comes out of it."""

from dataclasses import dataclass
from enum import StrEnum

from grid_functions.model.device import Seen
from grid_functions.model.event import Read
from grid_functions.model.reading import Average
from protocols.exchange import Alarm, Failed, Tell, Tick, Told, WakeAt
from protocols.ieee2030_5.wire.messages import Message
from protocols.ieee2030_5.wire.reader import Decoded


class Method(StrEnum):
    """HTTP methods the client uses."""

    GET = "GET"
    PUT = "PUT"
    POST = "POST"


@dataclass(frozen=True, slots=True)
class Request:
    """Send this; the answer comes back as Reply or Failed with the same id. ``purpose`` is for logs."""

    id: int
    method: Method
    url: str
    message: Message | None
    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The server answered.

    ``sent_s``/``received_s``: monotonic, around the exchange. ``body``: decoded, the very same object as last time when the bytes
    were the same. ``fault``: why a body that was there could not be read. ``location``: the Location header as given. ``retry_s``:
    the server asks not to be asked again sooner (Retry-After, or maxRetryDuration of its Error).
    """

    id: int
    status: int
    sent_s: float
    received_s: float
    body: Decoded[Message] | None = None
    fault: str = ""
    location: str = ""
    retry_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Picture:
    """The last look at each of the respondent's devices, and the averages that were completed since the last picture."""

    seen: tuple[Seen, ...]
    averages: tuple[Average, ...] = ()


Input = Reply | Failed | Tell | Picture | Tick


@dataclass(frozen=True, slots=True)
class Remember:
    """Keep this for the next boot."""

    key: str
    version: int
    body: bytes


Output = Request | Read | Told | Remember | Alarm | WakeAt
