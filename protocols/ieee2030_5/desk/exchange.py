"""One HTTP exchange as values: requests, replies, refusals, and the visit that a handler answers.

HTTP as 2030.5 has it (2018 edition, clause 6.5 and annex A): application/sep+xml, Location with 201, Allow with 405.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TypeVar

from protocols.ieee2030_5.desk.records import DIALECTS, Device, Group, Program, Settings
from protocols.ieee2030_5.desk.shelf import Change, View
from protocols.ieee2030_5.wire.messages import Message
from protocols.ieee2030_5.wire.namespaces import Dialect
from protocols.ieee2030_5.wire.reader import Limits, MalformedBody, decode
from protocols.ieee2030_5.wire.resources import Error
from protocols.ieee2030_5.wire.writer import encode

SEP_XML = "application/sep+xml"
MAX_BODY_BYTES = 262_144
"""Ten times the largest body seen in the field (a mirror of every quantity, about 20 kB)."""

M = TypeVar("M", bound=Message)
N = TypeVar("N", bound=Message)

_LIMITS = Limits(max_bytes=MAX_BODY_BYTES)


@dataclass(frozen=True, slots=True)
class Request:
    """What came: `path` as sent, `query` without its question mark, header names in lower case."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What goes back, after `wait_s`. `reason` is for the log and never sent.

    `cut` = close the connection, without a word or, if there is a body, in the middle of it.
    """

    status: int
    body: bytes = b""
    content_type: str | None = None
    location: str | None = None
    allow: str | None = None
    reason: str = ""
    cut: bool = False
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply, and the changes that must be kept before it is sent."""

    reply: Reply
    changes: tuple[Change, ...] = ()


class Refusal(Exception):
    """The request is refused with `status`; an `error_code` (0 format, 1 values, 2 limit) is told in an Error body."""

    def __init__(self, status: int, reason: str, error_code: int | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.error_code = error_code

    def reply(self) -> Reply:
        """The refusal as it is sent: an Error that the schema knows, or nothing."""
        if self.error_code is None:
            return Reply(status=self.status, reason=self.reason)
        body = encode(Error(reasonCode=self.error_code))
        return Reply(status=self.status, body=body, content_type=SEP_XML, reason=self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request in its circumstances: `who` = the LFDI of the peer's certificate, upper case; `now_s` = server time.

    `arrived_ms` is on the clock handed in, without the server's offset.
    """

    request: Request
    who: str
    now_s: int
    arrived_ms: int
    store: View
    settings: Settings
    sfdi: int

    def devices(self) -> tuple[Device, ...]:
        """The EndDevices this certificate speaks for, by sFDI (2018 edition, EndDeviceList)."""
        return tuple(sorted(self.store.of(Device, self.who), key=lambda one: (one.sfdi, one.number)))

    def own(self) -> Device | None:
        """The EndDevice of the certificate itself."""
        return next((one for one in self.store.of(Device, self.who) if one.lfdi == self.who), None)

    def device(self, number: int) -> Device:
        """An EndDevice by its number; 404 if there is none, 403 if it is another's."""
        found = self.store.get(Device, number)
        if found is None:
            raise Refusal(404, f"no EndDevice {number}")
        if found.owner != self.who:
            raise Refusal(403, f"EndDevice {number} is another's")
        return found

    def group(self, device: Device, number: int) -> Group:
        """A FunctionSetAssignments of this device; 404 otherwise."""
        found = self.store.get(Group, number)
        if found is None or not is_member(device, found):
            raise Refusal(404, f"no FunctionSetAssignments {number} for EndDevice {device.number}")
        return found

    def program(self, number: int) -> Program:
        """A DERProgram; 404 if there is none, 403 if it is assigned to none of this certificate's devices."""
        found = self.store.get(Program, number)
        if found is None:
            raise Refusal(404, f"no DERProgram {number}")
        group = self.store.get(Group, found.fsa)
        if group is None or not any(is_member(device, group) for device in self.devices()):
            raise Refusal(403, f"DERProgram {number} is not assigned to this peer")
        return found

    def dialect(self) -> Dialect:
        """How this peer is spoken to."""
        own = self.own()
        return DIALECTS[(own and own.dialect) or self.settings.dialect]

    def lenient(self) -> bool:
        """Whether what this peer may leave out or spell as field clients do is taken."""
        own = self.own()
        return self.settings.lenient if own is None or own.lenient is None else own.lenient

    def read(self, kind: type[M]) -> M:
        """The body as a `kind`; 413, 415 or 400 otherwise."""
        return self.read_either(kind, kind)

    def read_either(self, kind: type[M], other: type[N]) -> M | N:
        """The body as one of two kinds; 413, 415 or 400 otherwise."""
        check_body(self.request)
        try:
            decoded = decode(self.request.body, limits=replace(_LIMITS, draft_namespace=self.lenient()))
        except MalformedBody as bad:
            raise Refusal(400, bad.reason, 0) from None
        if decoded.rejects:
            first = decoded.rejects[0]
            raise Refusal(400, f"item {first.index}: {first.reason}", 1)
        if isinstance(decoded.message, kind | other):
            return decoded.message
        due = " or ".join(dict.fromkeys((kind.__name__, other.__name__)))
        raise Refusal(400, f"a {type(decoded.message).__name__} where a {due} is due", 0)

    def show(self, message: Message) -> Answer:
        """200 with this message, in the peer's dialect."""
        body = encode(message, dialect=self.dialect())
        return Answer(Reply(status=200, body=body, content_type=SEP_XML))


def is_member(device: Device, group: Group) -> bool:
    """Whether the group is assigned to the device."""
    return group.devices is None or device.number in group.devices


def created(location: str, *changes: Change) -> Answer:
    """201: it is at `location` now."""
    return Answer(Reply(status=201, location=location), changes)


def kept(*changes: Change, location: str | None = None) -> Answer:
    """204: taken, nothing to add."""
    return Answer(Reply(status=204, location=location), changes)


def check_body(request: Request) -> None:
    """413 for a body over the cap, 415 for one that is not XML."""
    if len(request.body) > MAX_BODY_BYTES:
        raise Refusal(413, f"{len(request.body)} bytes, more than {MAX_BODY_BYTES}")
    media_type = request.headers.get("content-type", SEP_XML).partition(";")[0].strip().lower()
    # Interpretation: plain XML types are taken too; EXI is not spoken here.
    if media_type not in (SEP_XML, "application/xml", "text/xml"):
        raise Refusal(415, f"content type {media_type[:60]!r}; {SEP_XML} is due")
