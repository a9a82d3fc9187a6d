"""Messages of OCPP-J <-> text: calls, results and errors, checked against the schemas of their version; pure.

OCPP-J 1.6, clause 4; OCPP 2.0.1 part 4, clause 4. The schemas are those that the package ``ocpp`` brings.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, Literal

from ocpp.messages import MessageType, get_validator

Payload = Mapping[str, Any]

NO_ID: Final = "-1"
"""The id of an answer to what had none (2.0.1 part 4, clause 4.2.1). Interpretation: 1.6, which is silent, alike."""
LONGEST_ID: Final = 36


class Version(StrEnum):
    """By the name of its WebSocket subprotocol."""

    V16 = "ocpp1.6"
    V201 = "ocpp2.0.1"


class Code(StrEnum):
    """Why a call is not answered with a result. ``FORMAT`` is spelled as 2.0.1 does; 1.6 has a spelling of its own."""

    NOT_IMPLEMENTED = "NotImplemented"
    NOT_SUPPORTED = "NotSupported"
    INTERNAL = "InternalError"
    PROTOCOL = "ProtocolError"
    SECURITY = "SecurityError"
    FORMAT = "FormatViolation"
    PROPERTY = "PropertyConstraintViolation"
    TYPE = "TypeConstraintViolation"
    GENERIC = "GenericError"


@dataclass(frozen=True, slots=True)
class Call:
    """A request, of either side."""

    id: str
    action: str
    payload: Payload


@dataclass(frozen=True, slots=True)
class Result:
    """What a call is answered with."""

    id: str
    payload: Payload


@dataclass(frozen=True, slots=True)
class Failure:
    """What a call is answered with that cannot be done. ``code``: a :class:`Code`, or what the other side invented."""

    id: str
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Nonsense:
    """No message. ``answer``: what its sender is told; None where only a broken answer came, which is never answered."""

    why: str
    answer: Failure | None = None


def decode(text: str, version: Version) -> Call | Result | Failure | Nonsense:
    """One message. The payload of a call is checked by its schema, that of a result by :func:`fault_of`, once its call is known."""
    try:
        plain = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as fault:
        return _nonsense(NO_ID, Code.FORMAT, f"no JSON ({type(fault).__name__})", version)
    match plain:
        case [MessageType.Call, str(id_), str(action), dict(payload)] if 0 < len(id_) <= LONGEST_ID:
            return _checked(Call(id_, action, payload), version)
        case [MessageType.Call, str(id_), *_] if 0 < len(id_) <= LONGEST_ID:
            return _nonsense(id_, Code.FORMAT, "a call is [2, id, action, {...}]", version)
        case [MessageType.CallResult, str(id_), dict(payload)]:
            return Result(id_, payload)
        case [MessageType.CallError, str(id_), str(code), str(said), *_]:
            return Failure(id_, code, said[:_MOST_TEXT])
        case [MessageType.CallResult | MessageType.CallError, *_]:
            return Nonsense("an answer that is none")
        case _:
            return _nonsense(NO_ID, Code.FORMAT, "no message of OCPP-J", version)


def encode(message: Call | Result | Failure, version: Version) -> str:
    """As it goes out."""
    match message:
        case Call():
            plain: list[object] = [MessageType.Call, message.id, message.action, message.payload]
        case Result():
            plain = [MessageType.CallResult, message.id, message.payload]
        case Failure():
            plain = [MessageType.CallError, message.id, _spelled(message.code, version), message.text[:_MOST_TEXT], {}]
    return json.dumps(plain, separators=(",", ":"))


def fault_of(action: str, payload: Payload, version: Version, *, answer: bool) -> tuple[Code, str] | None:
    """What is wrong with the payload of a call or, with ``answer``, of its result, by its schema; None: nothing."""
    kind = MessageType.CallResult if answer else MessageType.Call
    schema = _schema(kind, action, version)
    if schema is None:
        return Code.NOT_IMPLEMENTED, f"{action[:50]} is no action of {version.value}"
    exact = _exact(action, version)
    instance = json.loads(json.dumps(payload), parse_float=Decimal) if exact else payload
    try:
        error = next(iter(schema.iter_errors(instance)), None)
    except (ArithmeticError, RecursionError, ValueError) as fault:
        return Code.PROPERTY, f"beyond what can be checked ({type(fault).__name__})"
    if error is None:
        return None
    at = ".".join(map(str, error.absolute_path)) or "the payload"
    return _CODES.get(str(error.validator), Code.PROPERTY), f"{at}: {error.message}"[:_MOST_TEXT]


def _checked(call: Call, version: Version) -> Call | Nonsense:
    fault = fault_of(call.action, call.payload, version, answer=False)
    return call if fault is None else _nonsense(call.id, *fault, version)


@lru_cache(maxsize=512)
def _schema(kind: Literal[2, 3], action: str, version: Version) -> Any:
    """A jsonschema validator, or None. The action is a word that came over the wire and names a file: only a plain one is looked up."""
    if not (action.isascii() and action.isalnum()) or action.endswith(("Request", "Response")):
        return None
    parse = Decimal if _exact(action, version) else float
    try:
        return get_validator(kind, action, version.value.removeprefix("ocpp"), parse_float=parse)
    except OSError:
        return None


def _exact(action: str, version: Version) -> bool:
    """1.6 limits these to tenths, which binary fractions are not."""
    return version is Version.V16 and action in ("SetChargingProfile", "RemoteStartTransaction", "GetCompositeSchedule")


def _nonsense(id_: str, code: Code, why: str, version: Version) -> Nonsense:
    return Nonsense(why, Failure(id_, code, why))


def _spelled(code: str, version: Version) -> str:
    """OCPP-J 1.6, clause 4.2.3, as its errata leave it."""
    return "FormationViolation" if code == Code.FORMAT and version is Version.V16 else code


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no JSON")


_MOST_TEXT: Final = 255
_CODES: Final[Mapping[str, Code]] = {
    "type": Code.TYPE,
    "required": Code.PROTOCOL,
    "additionalProperties": Code.FORMAT,
}
