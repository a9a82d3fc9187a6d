"""Messages of Home Assistant's WebSocket API <-> frozen types; pure. What is malformed is refused whole.

Source: developers.home-assistant.io, WebSocket API: authentication, commands with rising ids, results, events, ping.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from adapters.homeassistant.address import ENTITY
from adapters.knobs.units import number
from grid_functions.model.errors import MalformedMessage

MOST_BYTES: Final = 32 * 1024 * 1024
"""Of one message: the states of some thousand entities come as one."""
_LONGEST: Final = 255
"""Of a state (Home Assistant: MAX_LENGTH_STATE_STATE)."""
_SAID: Final = 300
GONE: Final = frozenset({"unavailable", "unknown"})
"""States of which nothing may be concluded."""


@dataclass(frozen=True, slots=True)
class State:
    """One entity as it is. ``user``: who caused its last change, as far as Home Assistant knows; empty at a wall or by itself."""

    entity: str
    state: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    user: str = ""

    @property
    def gone(self) -> bool:
        """Whether Home Assistant does not know how it is."""
        return self.state in GONE

    def number(self, attribute: str) -> float | None:
        """An attribute as a number; None where it is none."""
        return number(self.attributes.get(attribute))

    def text(self, attribute: str) -> str:
        """An attribute as text; empty where it is none."""
        said = self.attributes.get(attribute)
        return said if isinstance(said, str) else ""

    def texts(self, attribute: str) -> tuple[str, ...]:
        """An attribute as a list of texts; what is none is left out."""
        said = self.attributes.get(attribute)
        return tuple(one for one in said if isinstance(one, str)) if isinstance(said, list) else ()

    @property
    def features(self) -> int:
        """What its kind of entity can do, as bits."""
        said = self.number("supported_features")
        return int(said) if said is not None and 0 <= said < 2**31 else 0


@dataclass(frozen=True, slots=True)
class AuthRequired:
    """The server wants the token."""


@dataclass(frozen=True, slots=True)
class AuthOk:
    """It took the token. ``version``: of Home Assistant."""

    version: str


@dataclass(frozen=True, slots=True)
class AuthInvalid:
    """It did not."""

    why: str


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to the command of this id. ``error``: empty when it was done."""

    id: int
    value: Any = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer to the ping of this id."""

    id: int


@dataclass(frozen=True, slots=True)
class Changed:
    """An entity changed; ``state`` None: it is there no more."""

    entity: str
    state: State | None


@dataclass(frozen=True, slots=True)
class Other:
    """What is of no concern here."""


Message = AuthRequired | AuthOk | AuthInvalid | Result | Pong | Changed | Other


@dataclass(frozen=True, slots=True)
class Call:
    """A service that an entity is to be called with."""

    domain: str
    service: str
    entity: str
    data: Mapping[str, float | str] = field(default_factory=dict)

    def __str__(self) -> str:
        told = " ".join(f"{key}={value}" for key, value in self.data.items())
        return f"{self.domain}.{self.service} {self.entity} {told}".rstrip()


def read(text: str) -> Message:
    """One message. Raises MalformedMessage."""
    try:
        plain = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as fault:
        raise MalformedMessage(f"no JSON: {str(fault)[:80]}") from fault
    if not isinstance(plain, dict):
        raise MalformedMessage("a message is an object")
    match plain.get("type"):
        case "auth_required":
            return AuthRequired()
        case "auth_ok":
            return AuthOk(_short(plain.get("ha_version")))
        case "auth_invalid":
            return AuthInvalid(_short(plain.get("message")))
        case "pong":
            return Pong(_id(plain))
        case "result":
            return _result(plain)
        case "event":
            return _event(plain)
        case str():
            return Other()
        case _:
            raise MalformedMessage("a message has a type")


def state_of(plain: Any) -> State:
    """An entity as a state object tells it. Raises MalformedMessage."""
    if not isinstance(plain, dict):
        raise MalformedMessage("a state is an object")
    entity, state, attributes = plain.get("entity_id"), plain.get("state"), plain.get("attributes", {})
    if not isinstance(entity, str) or ENTITY.fullmatch(entity) is None:
        raise MalformedMessage("a state has an entity_id")
    if not isinstance(state, str) or len(state) > _LONGEST or not isinstance(attributes, dict):
        raise MalformedMessage(f"{entity} has no state and attributes")
    context = plain.get("context")
    user = context.get("user_id") if isinstance(context, dict) else None
    return State(entity, state, attributes, user if isinstance(user, str) else "")


def auth(token: str) -> str:
    """The token, for the one message that carries it."""
    return json.dumps({"type": "auth", "access_token": token})


def command(number: int, kind: str, **fields: Any) -> str:
    """A command; ids rise from message to message of one connection."""
    return json.dumps({"id": number, "type": kind, **fields})


def call_service(number: int, call: Call) -> str:
    """The call as a command."""
    return command(
        number,
        "call_service",
        domain=call.domain,
        service=call.service,
        service_data=dict(call.data),
        target={"entity_id": call.entity},
    )


def _result(plain: dict[str, Any]) -> Result:
    if plain.get("success") is True:
        return Result(_id(plain), plain.get("result"))
    error = plain.get("error")
    said = error if isinstance(error, dict) else {}
    why = ": ".join(_short(said.get(name)) for name in ("code", "message") if said.get(name))
    return Result(_id(plain), None, why or "refused without a reason")


def _event(plain: dict[str, Any]) -> Message:
    event = plain.get("event")
    if not isinstance(event, dict) or event.get("event_type") != "state_changed":
        return Other()
    data = event.get("data")
    entity = data.get("entity_id") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(entity, str):
        raise MalformedMessage("a change names its entity")
    if data.get("new_state") is None:
        return Changed(entity, None)
    state = state_of(data["new_state"])
    if state.entity != entity:
        raise MalformedMessage(f"a change of {entity[:80]} tells another entity's state")
    return Changed(entity, state)


def _id(plain: dict[str, Any]) -> int:
    said = plain.get("id")
    if isinstance(said, bool) or not isinstance(said, int) or said < 0:
        raise MalformedMessage("an answer has an id")
    return said


def _short(said: Any) -> str:
    return "".join(one if one.isprintable() else " " for one in str(said or "")[:_SAID])


def _no_number(said: str) -> float:
    raise ValueError(f"{said} is no number of JSON")
