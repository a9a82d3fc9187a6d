"""JSON -> objects, leniently: what is unknown is kept or passed over, what cannot be read is one item lost, never its list."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from grid_functions.model.errors import MalformedMessage
from protocols.openadr3.wire import moments
from protocols.openadr3.wire.objects import (
    Broker,
    Event,
    EventDescriptor,
    Interval,
    MqttMethod,
    Period,
    Point,
    Problem,
    Program,
    ReportDescriptor,
    Resource,
    Subscription,
    Target,
    Token,
    Unread,
    Value,
    Values,
    Ven,
)

T = TypeVar("T")

MOST_INTERVALS: Final = 10_000
"""Of one event: a week of minutes."""

MOST_LISTED: Final = 1_000
"""Of anything else, as the values of one payload."""

MOST_REPORTS: Final = 32
"""Of one event: as many as there are types of reports."""

_LONGEST_ID: Final = 128
_LONGEST_TOKEN: Final = 16_384  # the schema says 4096; identity providers exceed it


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One answer to a search: its items in order, and what was among them that is none."""

    items: tuple[T, ...]
    unread: tuple[Unread, ...] = ()

    @property
    def size(self) -> int:
        """How many records it held, readable or not."""
        return len(self.items) + len(self.unread)


def page(json: Any, of: Callable[[Any], T]) -> Page[T]:
    """A list of objects. MalformedMessage if it is no list."""
    if not isinstance(json, list):
        raise MalformedMessage(f"a list is due, not {_kind(json)}")
    items: list[T] = []
    unread: list[Unread] = []
    for one in json:
        try:
            items.append(of(one))
        except MalformedMessage as malformed:
            given = one.get("id") if isinstance(one, dict) else None
            unread.append(Unread(given if isinstance(given, str) and _is_whole(given) else "", str(malformed)))
    return Page(tuple(items), tuple(unread))


def program(json: Any) -> Program:
    """A program."""
    given = _object(json, "program")
    return Program(
        id=_id(given, "id"),
        name=_text(given, "programName"),
        descriptors=_event_descriptors(given),
        targets=targets(given.get("targets")),
    )


def event(json: Any) -> Event:
    """An event; in 3.1 all but its programID may be absent."""
    given = _object(json, "event")
    period = given.get("intervalPeriod")
    intervals = _list(given, "intervals", MOST_INTERVALS)
    return Event(
        id=_id(given, "id"),
        program_id=_id(given, "programID"),
        intervals=tuple(map(_interval, intervals)),
        period=None if period is None else _period(period),
        duration_s=_optional(given, "duration", moments.duration),
        priority=_priority(given),
        name=_text(given, "eventName", ""),
        targets=targets(given.get("targets")),
        descriptors=_event_descriptors(given),
        reports=tuple(map(_report_descriptor, _list(given, "reportDescriptors", MOST_REPORTS))),
        created_s=_time_if_any(given.get("createdDateTime")),
        modified=_text(given, "modificationDateTime", ""),
        zoneless=_is_zoneless(period) or any(_is_zoneless(one.get("intervalPeriod")) for one in intervals),
    )


def ven(json: Any) -> Ven:
    """A ven; ``objectType`` is not looked at, the two schemas of 3.1 contradict each other there."""
    given = _object(json, "ven")
    return Ven(_id(given, "id"), _text(given, "venName"), targets(given.get("targets")))


def resource(json: Any) -> Resource:
    """A resource of a ven."""
    given = _object(json, "resource")
    return Resource(
        _id(given, "id"), _text(given, "resourceName"), _text(given, "venID", ""), targets(given.get("targets"))
    )


def subscription(json: Any) -> Subscription:
    """A subscription."""
    given = _object(json, "subscription")
    urls = tuple(_text(one, "callbackUrl", "") for one in _objects(given, "objectOperations"))
    return Subscription(_id(given, "id"), _text(given, "clientName"), urls)


def identity(json: Any) -> str:
    """The id of any object."""
    return _id(_object(json, "object"), "id")


def token(json: Any) -> Token:
    """The answer of a token endpoint (RFC 6749, 5.1); ``expires_in`` is optional, and taken as text too."""
    given = _object(json, "token")
    found = given.get("access_token")
    if not isinstance(found, str) or not 0 < len(found) <= _LONGEST_TOKEN or not found.isprintable():
        raise MalformedMessage("no access_token")
    kind = given.get("token_type", "Bearer")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise MalformedMessage("a token that is not Bearer")
    told = given.get("expires_in")
    try:
        expires_s = None if told is None else float(told)
    except (TypeError, ValueError, OverflowError):
        expires_s = None
    return Token(found, expires_s if expires_s is not None and 0 < expires_s < math.inf else None)


def token_url(json: Any) -> str:
    """GET /auth/server (3.1)."""
    return _text(_object(json, "authServerInfo"), "tokenURL")


def broker(json: Any) -> Broker | None:
    """GET /notifiers (3.1): the MQTT binding, None where there is none."""
    given = _object(json, "notifiers").get("MQTT")
    if given is None:
        return None
    binding = _object(given, "MQTT")
    serialization = _text(binding, "serialization", "JSON")
    if serialization != "JSON":
        raise MalformedMessage(f"MQTT in {serialization[:40]}, not JSON")
    auth = _object(binding.get("authentication") or {"method": "ANONYMOUS"}, "authentication")
    try:
        method = MqttMethod(_text(auth, "method"))
    except ValueError as error:
        raise MalformedMessage(f"MQTT authentication {str(auth.get('method'))[:40]!r} is not known") from error
    uris = tuple(one for one in _list(binding, "URIS") if isinstance(one, str) and _is_whole(one))
    if not uris:
        raise MalformedMessage("MQTT without an address")
    return Broker(
        uris,
        method,
        username=_text(auth, "username", ""),
        ca_pem=_text(auth, "caCert", ""),
        certificate_pem=_text(auth, "clientCert", ""),
        key_pem=_text(auth, "clientKey", ""),
    )


def topics(json: Any) -> tuple[str, ...]:
    """GET /notifiers/mqtt/topics/... (3.1): ALL where there is one, else each operation's."""
    given = _object(_object(json, "topics").get("topics"), "topics")
    all_of_them = given.get("ALL")
    named = [all_of_them] if isinstance(all_of_them, str) and all_of_them else list(given.values())
    return tuple(dict.fromkeys(one for one in named if isinstance(one, str) and one and _is_whole(one)))


def problem(json: Any) -> Problem:
    """A refusal's words; never malformed."""
    if not isinstance(json, dict):
        return Problem()

    def word(*names: str) -> str:
        said = next((str(json[name])[:300] for name in names if isinstance(json.get(name), str | int)), "")
        return said.encode(errors="replace").decode()

    return Problem(word("title", "error"), word("detail", "error_description", "message"))


def targets(json: Any) -> tuple[Target, ...]:
    """Words (3.1) and valuesMaps (3.0.1) alike."""
    if json is None:
        return ()
    if not isinstance(json, list):
        raise MalformedMessage(f"targets: a list is due, not {_kind(json)}")
    found: list[Target] = []
    for one in json:
        if isinstance(one, str):
            found.append(Target(_sound(one, "targets")))
        else:
            given = _object(one, "target")
            kind = _text(given, "type")
            found.extend(Target(_sound(str(value), "targets"), kind) for value in _list(given, "values"))
    return tuple(found)


def _interval(json: Any) -> Interval:
    given = _object(json, "interval")
    number = given.get("id")
    if isinstance(number, bool) or not isinstance(number, int) or abs(number) >= 2**63:
        raise MalformedMessage(f"interval id: a number is due, not {_kind(number)}")
    period = given.get("intervalPeriod")
    payloads = tuple(map(_values, _list(given, "payloads")))
    return Interval(number, payloads, None if period is None else _period(period))


def _period(json: Any) -> Period:
    given = _object(json, "intervalPeriod")
    return Period(
        start_s=_optional(given, "start", moments.moment),
        duration_s=_optional(given, "duration", moments.duration),
        randomize_s=_optional(given, "randomizeStart", moments.duration),
    )


def _values(json: Any) -> Values:
    given = _object(json, "payload")
    values = given.get("values")
    if not isinstance(values, list):
        values = [] if values is None else [values]
    if len(values) > MOST_LISTED:
        raise MalformedMessage(f"{len(values)} values, more than {MOST_LISTED}")
    return Values(_text(given, "type"), tuple(map(_value, values)))


def _value(json: Any) -> Value:
    match json:
        case str():
            return _sound(json, "values")
        case bool():
            return json
        case int() | float():
            _number(json)
            return json
        case {"x": x, "y": y}:
            return Point(_number(x), _number(y))
        case _:
            raise MalformedMessage(f"a value is due, not {_kind(json)}")


def _number(json: Any) -> float:
    if isinstance(json, bool) or not isinstance(json, int | float):
        raise MalformedMessage(f"a number is due, not {_kind(json)}")
    try:
        found = float(json)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise MalformedMessage("a number beyond all measure")
    return found


def _event_descriptors(given: Mapping[str, Any]) -> tuple[EventDescriptor, ...]:
    """Those of events; a program lists those of reports among them."""
    return tuple(
        EventDescriptor(_text(one, "payloadType"), _text(one, "units", ""), _text(one, "currency", ""))
        for one in _objects(given, "payloadDescriptors")
        if one.get("objectType") != "REPORT_PAYLOAD_DESCRIPTOR"
    )


def _report_descriptor(json: Any) -> ReportDescriptor:
    """The defaults are the schema's."""
    given = _object(json, "reportDescriptor")
    return ReportDescriptor(
        payload_type=_text(given, "payloadType"),
        reading_type=_text(given, "readingType", "DIRECT_READ"),
        units=_text(given, "units", ""),
        targets=targets(given.get("targets")),
        aggregate=given.get("aggregate") is True,
        start_interval=_whole(given, "startInterval", -1),
        num_intervals=_whole(given, "numIntervals", -1),
        historical=given.get("historical") is not False,
        frequency=_whole(given, "frequency", -1),
        repeat=_whole(given, "repeat", 1),
        report_intervals=_text(given, "reportIntervals", "INTERVALS"),
    )


def _whole(given: Mapping[str, Any], name: str, absent: int) -> int:
    found = given.get(name)
    if found is None:
        return absent
    if isinstance(found, bool) or not isinstance(found, int) or not -1 <= found < 2**31:
        raise MalformedMessage(f"{name}: a number from -1 is due")
    return found


def _priority(given: Mapping[str, Any]) -> int | None:
    found = given.get("priority")
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int) or found < 0:
        raise MalformedMessage("priority: a number from 0 is due")
    return found


def _optional(given: Mapping[str, Any], name: str, of: Callable[[str], float]) -> float | None:
    found = given.get(name)
    if found is None:
        return None
    if not isinstance(found, str):
        raise MalformedMessage(f"{name}: text is due, not {_kind(found)}")
    return of(found)


def _time_if_any(json: Any) -> float:
    try:
        found = moments.moment(json) if isinstance(json, str) else 0.0
    except MalformedMessage:
        return 0.0
    return found if found != moments.NOW else 0.0


def _is_zoneless(period: Any) -> bool:
    start = period.get("start") if isinstance(period, dict) else None
    return isinstance(start, str) and not moments.has_zone(start) and not start.startswith("0001")


def _objects(given: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    return [_object(one, name) for one in _list(given, name)]


def _list(given: Mapping[str, Any], name: str, most: int = MOST_LISTED) -> list[Any]:
    found = given.get(name)
    if found is None:
        return []
    if not isinstance(found, list):
        raise MalformedMessage(f"{name}: a list is due, not {_kind(found)}")
    if len(found) > most:
        raise MalformedMessage(f"{name}: {len(found)}, more than {most}")
    return found


def _object(json: Any, what: str) -> dict[str, Any]:
    if not isinstance(json, dict):
        raise MalformedMessage(f"{what}: an object is due, not {_kind(json)}")
    return json


def _text(given: Mapping[str, Any], name: str, absent: str | None = None) -> str:
    found = given.get(name)
    if found is None and absent is not None:
        return absent
    if not isinstance(found, str):
        raise MalformedMessage(f"{name}: text is due, not {_kind(found)}")
    return _sound(found, name)


def _id(given: Mapping[str, Any], name: str) -> str:
    """An objectID. Interpretation: a character that the schema's pattern forbids is no reason to lose the object."""
    found = given.get(name)
    if isinstance(found, int) and not isinstance(found, bool):
        found = str(found)
    if not isinstance(found, str) or not 0 < len(found) <= _LONGEST_ID:
        raise MalformedMessage(f"{name}: an id is due, not {_kind(found)}")
    return _sound(found, name)


def _sound(text: str, name: str) -> str:
    """The text, if it is one: JSON can write half a character, which nothing else can carry, the ledger least of all (RFC 8259, 8.2)."""
    if not _is_whole(text):
        raise MalformedMessage(f"{name}: {text[:40]!r} holds half a character")
    return text


def _is_whole(text: str) -> bool:
    return text.isascii() or re.search("[\ud800-\udfff]", text) is None


def _kind(json: Any) -> str:
    """In a few words; not what is in a list or object, which may nest deeper than could be written down here."""
    told = "" if isinstance(json, list | dict) else f" {str(json)[:40]!r}"
    return "nothing" if json is None else f"{type(json).__name__}{told}"
