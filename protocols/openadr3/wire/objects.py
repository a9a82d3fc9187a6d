"""The objects of OpenADR 3 that a VEN reads, one shape for both editions. Times in seconds since 1970, spans in seconds.

Absent, null and the schema's default are the same thing. Names of fields are the schema's, in this house's spelling.
"""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Point:
    """A pair on two axes (CURVE)."""

    x: float
    y: float


Value = float | int | str | bool | Point


@dataclass(frozen=True, slots=True)
class Values:
    """valuesMap: data points of one type; the type may be a private word."""

    type: str
    values: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """Who is meant: a plain word in 3.1 (``type`` empty), a typed value in 3.0.1 (GROUP, VEN_NAME, RESOURCE_NAME ...)."""

    value: str
    type: str = ""


@dataclass(frozen=True, slots=True)
class Period:
    """intervalPeriod. None = not given; a start may be ``moments.NOW``, a duration ``moments.FOREVER``."""

    start_s: float | None = None
    duration_s: float | None = None
    randomize_s: float | None = None


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of time and what holds in it. ``id``: the sender's number, no sequence."""

    id: int
    payloads: tuple[Values, ...]
    period: Period | None = None


@dataclass(frozen=True, slots=True)
class EventDescriptor:
    """eventPayloadDescriptor: what the values of a payload type are in."""

    payload_type: str
    units: str = ""
    currency: str = ""


@dataclass(frozen=True, slots=True)
class ReportDescriptor:
    """What the VTN asks to be told (reportDescriptor)."""

    payload_type: str
    reading_type: str
    units: str
    targets: tuple[Target, ...]
    aggregate: bool
    start_interval: int
    num_intervals: int
    historical: bool
    frequency: int
    repeat: int
    report_intervals: str


@dataclass(frozen=True, slots=True)
class Program:
    """A program, as far as a VEN needs it."""

    id: str
    name: str
    descriptors: tuple[EventDescriptor, ...] = ()
    targets: tuple[Target, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """An event. ``created``/``modified``: as written, to be compared, not computed with; ``created_s``: read as a time, 0 = it is none.

    ``priority``: 0 is the highest, None the lowest.
    """

    id: str
    program_id: str
    intervals: tuple[Interval, ...] = ()
    period: Period | None = None
    duration_s: float | None = None
    priority: int | None = None
    name: str = ""
    targets: tuple[Target, ...] = ()
    descriptors: tuple[EventDescriptor, ...] = ()
    reports: tuple[ReportDescriptor, ...] = ()
    created_s: float = 0.0
    modified: str = ""
    zoneless: bool = False


@dataclass(frozen=True, slots=True)
class Ven:
    """Our ven as the VTN keeps it; ``targets`` are granted by its business logic (3.1)."""

    id: str
    name: str
    targets: tuple[Target, ...] = ()


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of a ven."""

    id: str
    name: str
    ven_id: str = ""
    targets: tuple[Target, ...] = ()


@dataclass(frozen=True, slots=True)
class Subscription:
    """A standing wish to be notified; ``urls``: the callbacks of its objectOperations."""

    id: str
    client_name: str
    urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unread:
    """An item of a list that could not be read; ``id`` empty when not even that could."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Notification:
    """A hint: something was done to an object. ``program_id``: of the object where it has one."""

    object_type: str
    operation: str
    id: str = ""
    program_id: str = ""


class MqttMethod(StrEnum):
    """How the VTN's broker knows its clients."""

    ANONYMOUS = "ANONYMOUS"
    OAUTH2_BEARER_TOKEN = "OAUTH2_BEARER_TOKEN"  # noqa: S105 - a word of the standard
    CERTIFICATE = "CERTIFICATE"


@dataclass(frozen=True, slots=True)
class Broker:
    """The MQTT notifier. ``username``: with a token, ``{clientID}`` stands for our id; the PEM texts come with CERTIFICATE."""

    uris: tuple[str, ...]
    method: MqttMethod
    username: str = ""
    ca_pem: str = ""
    certificate_pem: str = ""
    key_pem: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """What the token endpoint gave; ``expires_s`` None = it did not say."""

    access_token: str
    expires_s: float | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a request was refused, in the server's words (RFC 7807, or RFC 6749 at the token endpoint)."""

    title: str = ""
    detail: str = ""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.title, self.detail) if part)
