"""What goes into the session and what comes out of it."""

from collections.abc import Callable
from dataclasses import dataclass

from grid_functions.model.device import Seen
from grid_functions.model.event import Read, Respondent
from grid_functions.model.reading import Average
from protocols.exchange import Alarm, Failed, Tell, Tick, Told, WakeAt
from protocols.openadr2b.wire.messages import Message, Service
from protocols.openadr2b.wire.reader import Decoded
from protocols.openadr2b.wire.registration import OadrCreateOpt


@dataclass(frozen=True, slots=True)
class Request:
    """Post this; the answer comes back as Reply or Failed with the same id. ``purpose`` is for logs."""

    id: int
    service: Service
    message: Message
    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The VTN answered.

    ``body``: decoded, None when there was none to read; ``fault``: why one that was there could not be read or trusted. ``date_s``: the
    VTN's time (Date header), None = not told. ``sent_s``/``received_s``: monotonic, around the exchange. ``retry_s``: no sooner again.
    """

    id: int
    status: int
    sent_s: float
    received_s: float
    body: Decoded[Message] | None = None
    fault: str = ""
    date_s: int | None = None
    retry_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Pushed:
    """The VTN posted this to our server; :class:`Answer` with the same id follows in the same step."""

    id: int
    service: Service
    body: Decoded[Message]


@dataclass(frozen=True, slots=True)
class Opine:
    """A person's say on one event."""

    event: str
    respondent: Respondent
    opt_in: bool


@dataclass(frozen=True, slots=True)
class Schedule:
    """Tell the VTN when this VEN takes part or does not (oadrCreateOpt with a vavailability)."""

    opt: OadrCreateOpt


@dataclass(frozen=True, slots=True)
class Unschedule:
    """Withdraw an opt by its id (oadrCancelOpt)."""

    opt_id: str


@dataclass(frozen=True, slots=True)
class Leave:
    """End the registration (oadrCancelPartyRegistration); nothing is asked of the VTN afterwards."""


@dataclass(frozen=True, slots=True)
class Picture:
    """The last look at a respondent's devices, and the averages that were completed since the last picture."""

    respondent: Respondent
    seen: tuple[Seen, ...]
    averages: tuple[Average, ...] = ()


Input = Reply | Failed | Pushed | Tell | Opine | Schedule | Unschedule | Leave | Picture | Tick


@dataclass(frozen=True, slots=True)
class Answer:
    """What our server says to a Pushed of this id: a message, or an empty 200."""

    id: int
    message: Message | None


@dataclass(frozen=True, slots=True)
class Remember:
    """Keep this for the next boot. ``body`` makes the bytes; if ``long``, where nobody waits for it."""

    key: str
    version: int
    body: Callable[[], bytes]
    long: bool = False


Output = Request | Answer | Read | Told | Remember | Alarm | WakeAt
