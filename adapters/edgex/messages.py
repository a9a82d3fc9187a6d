"""Messages of EdgeX <-> frozen types; pure. What is malformed is refused whole, but a broken reading hides none of the others.

Sources (edgexfoundry): edgex-go openapi core-command.yaml 4.0 (EventResponse, BaseResponse, ErrorResponse, SettingRequest);
go-mod-messaging pkg/types/message_envelope.go; go-mod-core-contracts dtos/event.go and reading.go; edgex-docs, core command, "Commands
via Messaging". What they say and is not obvious:

* An envelope's payload is base64 of JSON or CBOR in 3.x (Go bytes), the JSON object itself in 4.x unless EDGEX_MSG_BASE64_PAYLOAD is set,
  and bytes where the whole envelope is CBOR (EDGEX_MSG_CBOR_ENCODE). Base64 is understood by both. The error's text (errorCode 1) is base64
  in 3.x and plain in 4.x.
* In 2.x the names of an envelope's fields begin with capitals (ApiVersion): Go reads them in either case, and so do we.
* requestID and correlationID must be UUIDs, or nobody answers. apiVersion must be core-command's own: v3 for 3.x and 4.x, v2 before.
* Device services publish an AddEventRequest ({event: ...}), application services often the bare event.
* Values are texts: whole numbers, %e for Float32 and Float64, true and false; null is allowed since 3.1. Of 1.x there was base64 of the
  big-endian float (floatEncoding), which some old device services still send.
* EDGEX_OPTIMIZE_EVENT_PAYLOAD leaves out of readings what the event says: device, profile, origin, and of a lone one its resource.
"""

import base64
import binascii
import json
import math
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import cbor2

from grid_functions.model.errors import MalformedMessage

VERSIONS: Final = frozenset({"v2", "v3"})
MOST_BYTES: Final = 4 * 1024 * 1024
"""Of one message; pictures of cameras are larger, and nothing of ours."""
_MOST_READINGS: Final = 2000
_DEEPEST: Final = 32
_TAGS: Final = (*range(512), 1004, 43_000, 55_799)
"""Of CBOR, all that a decoder may know: EdgeX uses none, and shared references (28, 29) make a tree of any size of a few bytes. What
bears one is null."""
_LONGEST: Final = 256
_SAID: Final = 300
LOCKED: Final = 423
_LOCKED_WORDS: Final = re.compile(r"\blocked\b|OperatingState is DOWN|\b423\b", re.IGNORECASE)

INTEGERS: Final[Mapping[str, tuple[int, int]]] = {
    **{f"Uint{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
    **{f"Int{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
}
FLOATS: Final[Mapping[str, tuple[str, float]]] = {"Float32": (">f", 3.4028234663852886e38), "Float64": (">d", math.inf)}
"""How each is packed, and the largest."""
_FLOAT: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
TEXTS: Final = frozenset({"Bool", "String"})


@dataclass(frozen=True, slots=True)
class Sample:
    """One value as it was told. ``origin_ns``: of the clock of its device service; ``units``: empty = not told."""

    resource: str
    kind: str
    value: str
    origin_ns: int
    units: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """What a device told at once. ``ignored``: readings that are none of ours, each with a word."""

    device: str
    profile: str
    samples: tuple[Sample, ...]
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a command. ``error``: empty = done. ``code``: 0 = none was told."""

    error: str = ""
    code: int = 0
    event: Event | None = None

    @property
    def locked(self) -> bool:
        """Whether EdgeX lets nobody at the device: its admin state is LOCKED, or its operating state DOWN."""
        return self.code == LOCKED


def event_in(body: bytes) -> Event:
    """An event of the message bus, in whatever it is wrapped. Raises MalformedMessage."""
    plain = _tree(body)
    if isinstance(plain, dict) and "readings" not in plain and "event" not in plain:
        envelope = _folded(plain)
        if envelope.get("errorcode") not in (None, 0):
            raise MalformedMessage("an envelope that tells an error")
        _version(envelope.get("apiversion"))
        plain = _payload(envelope)
    return _event(plain)


def answer(status: int, body: bytes) -> Answer:
    """Of core-command over HTTP. Neither the status nor a statusCode inside may say failure: answers of 200 and 207 are looked into."""
    if not body:
        return Answer() if status < 300 else Answer(f"HTTP {status}", status)
    try:
        plain = _tree(body)
        return _answer(status, plain)
    except MalformedMessage as fault:
        return Answer(f"HTTP {status}: {fault}", status if status >= 300 else 0)


def reply(body: bytes) -> tuple[str, Answer]:
    """Of core-command over external MQTT: the id of the request, and what came of it. Raises MalformedMessage where there is no id."""
    plain = _tree(body)
    if not isinstance(plain, dict):
        raise MalformedMessage("an envelope is an object")
    envelope = _folded(plain)
    number = envelope.get("requestid")
    if not isinstance(number, str) or not 0 < len(number) <= _LONGEST:
        raise MalformedMessage("an envelope has a requestID")
    try:
        _version(envelope.get("apiversion"))
        if envelope.get("errorcode") not in (None, 0):
            text = _text_of(envelope.get("payload"))
            # Interpretation: over MQTT no status is told; the device SDK's words are all that says so.
            code = LOCKED if _LOCKED_WORDS.search(text) else 0
            return number, Answer(text or "refused without a reason", code)
        if envelope.get("payload") in (None, "", b""):
            return number, Answer()
        return number, _answer(200, _payload(envelope))
    except MalformedMessage as fault:
        return number, Answer(str(fault))


def request(request_id: str, correlation_id: str, settings: Mapping[str, str] | None, version: str) -> bytes:
    """A command for external MQTT: ``settings`` of a set, None of a get."""
    payload = base64.b64encode(json.dumps(settings).encode()).decode() if settings is not None else ""
    envelope = {
        "apiVersion": version,
        "requestID": request_id,
        "correlationID": correlation_id,
        "errorCode": 0,
        "contentType": "application/json",
        "payload": payload,
        "queryParams": {},
    }
    return json.dumps(envelope).encode()


def numeric(sample: Sample) -> float | None:
    """The number that a sample tells, by its own type; None for everything else: no number, out of its type's range, or beyond all."""
    if sample.kind in INTEGERS:
        least, most = INTEGERS[sample.kind]
        if re.fullmatch(r"[+-]?[0-9]{1,20}", sample.value) is None:
            return None
        whole = int(sample.value)
        return float(whole) if least <= whole <= most else None
    if sample.kind not in FLOATS or len(sample.value) > _LONGEST:
        return None
    packed, largest = FLOATS[sample.kind]
    found = float(sample.value) if _FLOAT.fullmatch(sample.value) else _unpacked(sample.value, packed)
    return found if math.isfinite(found) and abs(found) <= largest else None


def json_in(body: bytes) -> Any:
    """JSON, without NaN, infinities and bottomless nesting. Raises MalformedMessage."""
    try:
        return json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as fault:
        raise MalformedMessage(f"no JSON ({str(fault)[:80]})") from fault


def _tree(body: bytes) -> Any:
    """JSON or CBOR: a map of CBOR begins with a byte from a0 to bf, an array with 80 to 9f, a tag with c0 and more (RFC 8949)."""
    if len(body) > MOST_BYTES:
        raise MalformedMessage(f"{len(body)} bytes are too many")
    if body[:1] < b"\x80":
        return json_in(body)
    try:
        return cbor2.loads(
            body, max_depth=_DEEPEST, strict_hashable_types=True, tag_hook=_null, semantic_decoders=_NULLS
        )
    except (cbor2.CBORError, ValueError, OverflowError, RecursionError, MemoryError) as fault:
        raise MalformedMessage(f"no CBOR ({str(fault)[:80]})") from fault


def _payload(envelope: Mapping[str, Any]) -> Any:
    said = envelope.get("payload")
    if isinstance(said, str):
        try:
            decoded = base64.b64decode(said, validate=True)
        except ValueError as fault:
            raise MalformedMessage("a payload that is text is base64") from fault
        return _tree(decoded)
    if isinstance(said, bytes):
        return _tree(said)
    if isinstance(said, dict | list):
        return said
    raise MalformedMessage("an envelope has a payload")


def _text_of(said: Any) -> str:
    """The words of an error."""
    raw = said if isinstance(said, bytes) else str(said or "").encode(errors="replace")
    if not isinstance(said, bytes):
        try:
            decoded = base64.b64decode(raw, validate=True)
            raw = decoded if decoded.decode().isprintable() else raw
        except (binascii.Error, UnicodeDecodeError):
            pass
    return _short(raw.decode(errors="replace"))


def _answer(status: int, plain: Any) -> Answer:
    answers = plain if isinstance(plain, list) else [plain]
    if not answers:
        return Answer("an answer to nothing", status if status >= 300 else 0)
    failed, event = Answer(), None
    for one in answers:
        if not isinstance(one, dict):
            raise MalformedMessage("an answer is an object")
        _version(one.get("apiVersion"))
        said = one.get("statusCode", status)
        if isinstance(said, bool) or not isinstance(said, int):
            raise MalformedMessage("a statusCode is a whole number")
        # HTTP 207 is the answer around others, each of which has a code of its own.
        code = max(said, 0 if status == 207 else status)
        if code >= 300 and not failed.error:
            failed = Answer(f"{code} {_short(one.get('message'))}".rstrip(), code)
        if code == LOCKED and not failed.locked:
            failed = Answer(f"{code} {_short(one.get('message'))}".rstrip(), code)
        if code < 300 and one.get("event") is not None:
            event = _event(one)
    return failed if failed.error else Answer(event=event)


def _event(plain: Any) -> Event:
    if isinstance(plain, dict) and isinstance(plain.get("event"), dict):
        plain = plain["event"]
    if not isinstance(plain, dict):
        raise MalformedMessage("an event is an object")
    _version(plain.get("apiVersion"))
    device, readings = plain.get("deviceName"), plain.get("readings")
    if not isinstance(device, str) or not 0 < len(device) <= _LONGEST:
        raise MalformedMessage("an event names its device")
    if not isinstance(readings, list) or len(readings) > _MOST_READINGS:
        raise MalformedMessage(f"an event has readings, at most {_MOST_READINGS}")
    samples, ignored = [], []
    for one in readings:
        found = _sample(one, plain, lone=len(readings) == 1)
        if isinstance(found, Sample):
            samples.append(found)
        else:
            ignored.append(found)
    return Event(device, _short(plain.get("profileName")), tuple(samples), tuple(ignored))


def _sample(one: Any, event: Mapping[str, Any], *, lone: bool) -> Sample | str:
    """A reading that may be ours, or the word why it is not."""
    if not isinstance(one, dict):
        return "a reading that is no object"
    resource = one.get("resourceName") or (event.get("sourceName") if lone else None)
    if not isinstance(resource, str) or not 0 < len(resource) <= _LONGEST:
        return "a reading without a resource"
    device = one.get("deviceName") or event.get("deviceName")
    if device != event.get("deviceName"):
        return f"{resource[:80]}: of another device, {_short(device)[:80]}"
    kind = one.get("valueType")
    if not isinstance(kind, str) or kind not in INTEGERS.keys() | FLOATS.keys() | TEXTS:
        return f"{resource[:80]}: {_short(kind)[:20] or 'no type'} is neither a number nor a switch"
    origin = one.get("origin") or event.get("origin")
    if isinstance(origin, bool) or not isinstance(origin, int) or not 0 < origin < 2**63:
        return f"{resource[:80]}: no origin"
    value = one.get("value")
    if isinstance(value, bool):
        value = "true" if value else "false"
    elif isinstance(value, int | float):
        # Interpretation: a number where the interface has its text is that number.
        value = repr(value) if isinstance(value, float) or abs(value) < 2**64 else ""
    if not isinstance(value, str) or len(value) > _LONGEST:
        return f"{resource[:80]}: no value"
    units = one.get("units")
    return Sample(resource, kind, value.strip(), origin, units if isinstance(units, str) else "")


def _folded(plain: Mapping[Any, Any]) -> dict[str, Any]:
    return {key.lower(): value for key, value in plain.items() if isinstance(key, str)}


def _version(said: Any) -> None:
    """Interpretation: an answer that names no version is taken for one of a version we know; some proxies' error pages are JSON too."""
    if said is not None and not (isinstance(said, str) and said in VERSIONS):
        raise MalformedMessage(f"apiVersion {_short(said)[:20]!r} is neither v2 nor v3")


def _unpacked(said: str, packed: str) -> float:
    try:
        found: float = struct.unpack(packed, base64.b64decode(said, validate=True))[0]
    except (binascii.Error, struct.error, ValueError):
        return math.nan
    return found


def _short(said: Any) -> str:
    return "".join(one if one.isprintable() else " " for one in str("" if said is None else said)[:_SAID])


def _null(*_: object) -> None:
    """What bears a tag."""


_NULLS: Final = dict.fromkeys(_TAGS, _null)


def _no_number(said: str) -> float:
    raise ValueError(f"{said} is no number of JSON")
