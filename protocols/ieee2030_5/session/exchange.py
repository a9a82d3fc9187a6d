"""What goes into the session and what comes out of it."""

from dataclasses import dataclass
from enum import StrEnum

from grid_functions.model.device import Seen
from grid_functions.model.event import Read
from grid_functions.model.outcome import Outcome
from grid_functions.model.reading import Average
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
class Failed:
    """Nobody answered, or not in HTTP."""

    id: int
    why: str


@dataclass(frozen=True, slots=True)
class Tell:
    """An outcome is owed; :class:`Told` follows when it is settled."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Picture:
    """The last look at each of the respondent's devices, and the averages that were completed since the last picture."""

    seen: tuple[Seen, ...]
    averages: tuple[Average, ...] = ()


@dataclass(frozen=True, slots=True)
class Tick:
    """Nothing happened but time."""


Input = Reply | Failed | Tell | Picture | Tick


@dataclass(frozen=True, slots=True)
class Told:
    """An outcome is settled: acknowledged, not wanted, or refused for good (``fate`` says which, for the log)."""

    outcome: Outcome
    fate: str


@dataclass(frozen=True, slots=True)
class Remember:
    """Keep this for the next boot."""

    key: str
    version: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something a person should know began (``raised``) or ended. One of a key stands at a time."""

    key: str
    text: str
    raised: bool = True


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Tick me no later than this, monotonic seconds."""

    mono_s: float


Output = Request | Read | Told | Remember | Alarm | WakeAt
