"""One connection as a machine: authentication, what is asked on it, what is known of the entities that matter; pure.

Every connection begins anew: states may have changed meanwhile, and ids rise from 1.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from adapters.homeassistant import messages
from adapters.homeassistant.messages import (
    AuthInvalid,
    AuthOk,
    AuthRequired,
    Call,
    Changed,
    Pong,
    Result,
    State,
)
from grid_functions.model.device import Nameplate
from grid_functions.model.errors import MalformedMessage

PING_S: Final = 5.0
"""How often the server is asked whether it is there: what it does not tell has not changed."""
ANSWER_S: Final = 20.0
"""How long it may take over an answer."""


class Phase(StrEnum):
    """How far a connection has come."""

    GREETING = "greeting"
    LOADING = "loading"
    READY = "ready"
    REFUSED = "refused"
    BROKEN = "broken"


class _Ask(StrEnum):
    USER = "auth/current_user"
    CONFIG = "get_config"
    EVENTS = "subscribe_events"
    STATES = "get_states"
    ENTITIES = "config/entity_registry/list"
    DEVICES = "config/device_registry/list"
    AREAS = "config/area_registry/list"
    PING = "ping"
    CALL = "call_service"


_FIRST: Final = (_Ask.USER, _Ask.CONFIG, _Ask.EVENTS, _Ask.STATES, _Ask.ENTITIES, _Ask.DEVICES, _Ask.AREAS)
"""The changes before the states, so that none is missed between the two."""
_NEEDED: Final = frozenset({_Ask.CONFIG, _Ask.EVENTS, _Ask.STATES})


@dataclass(frozen=True, slots=True)
class Kept:
    """Where an entity belongs, as the registries have it. ``device``: an id, empty where it is of none."""

    area: str = ""
    device: str = ""
    plate: Nameplate = Nameplate()  # noqa: RUF009 - it is frozen


@dataclass(frozen=True, slots=True)
class _Pending:
    ask: _Ask
    at_s: float
    done: Callable[[str], None] | None = None


class Session:
    """``wanted``: the entities that matter, None = all. Monotonic seconds: ``heard_s``: when the server last said something; ``changed_s``:
    when each entity last changed while we listened.
    """

    def __init__(self, token: str, wanted: frozenset[str] | None) -> None:
        self._token, self.wanted = token, wanted
        self._last_id = 0
        self._pending: dict[int, _Pending] = {}
        self._ping_s = 0.0
        self._newer: set[str] = set()
        self._registries: dict[_Ask, list[dict[str, Any]]] = {}
        self.phase = Phase.GREETING
        self.why = "not answered yet"
        self.user = ""
        self.version = ""
        self.fahrenheit = False
        self.heard_s = 0.0
        self.states: dict[str, State] = {}
        self.changed_s: dict[str, float] = {}
        self._changes: set[str] = set()
        self._left: set[str] = set()
        self.kept: Mapping[str, Kept] = {}

    def received(self, text: str, mono_s: float) -> tuple[str, ...]:
        """What the server says; returns what is to be sent. A message that is malformed harms nothing but itself."""
        try:
            message = messages.read(text)
        except MalformedMessage as fault:
            self.why = str(fault)
            return ()
        self.heard_s = mono_s
        if self.phase is Phase.GREETING:
            return self._greeted(message, mono_s)
        match message:
            case Result() | Pong():
                self._answered(message)
            case Changed():
                self._changed(message)
            case _:
                pass
        return ()

    def due(self, mono_s: float) -> tuple[str, ...]:
        """What time alone brings: a ping; or that the server is deaf, which ends the connection."""
        if self.phase not in (Phase.LOADING, Phase.READY):
            return ()
        if any(mono_s - one.at_s > ANSWER_S for one in self._pending.values() if one.ask is not _Ask.CALL):
            self._broken("no answers")
            return ()
        for number, one in [*self._pending.items()]:
            if one.ask is _Ask.CALL and mono_s - one.at_s > ANSWER_S:
                del self._pending[number]
                if one.done is not None:
                    one.done("no answer in time")
        if mono_s - self._ping_s < PING_S:
            return ()
        self._ping_s = mono_s
        return (self._ask(_Ask.PING, mono_s),)

    def call(self, call: Call, done: Callable[[str], None], mono_s: float) -> str:
        """The call as it is sent; ``done`` is told why it failed, empty when it was done."""
        number = self._next(_Pending(_Ask.CALL, mono_s, done))
        return messages.call_service(number, call)

    def taken(self) -> frozenset[str]:
        """The entities that changed since this was last asked: most of what a house says is of no device."""
        found, self._changes = frozenset(self._changes), set()
        return found

    def closed(self, why: str) -> None:
        """The connection is gone: nothing that was asked is answered any more."""
        if self.phase is not Phase.REFUSED:
            self._broken(why)
        pending, self._pending = self._pending, {}
        for one in pending.values():
            if one.done is not None:
                one.done(why)

    def _greeted(self, message: messages.Message, mono_s: float) -> tuple[str, ...]:
        match message:
            case AuthRequired():
                token, self._token = self._token, ""
                return (messages.auth(token),)
            case AuthOk(version):
                self.phase, self.version, self.why = Phase.LOADING, version, "its states are being read"
                self._ping_s = mono_s
                return tuple(self._ask(one, mono_s) for one in _FIRST)
            case AuthInvalid(why):
                self.phase, self.why = Phase.REFUSED, f"refuses the token: {why}"
            case _:
                self._broken("speaks before it asked for the token")
        return ()

    def _broken(self, why: str) -> None:
        self.phase, self.why = Phase.BROKEN, why

    def _next(self, pending: _Pending) -> int:
        self._last_id += 1
        self._pending[self._last_id] = pending
        return self._last_id

    def _ask(self, ask: _Ask, mono_s: float) -> str:
        fields = {"event_type": "state_changed"} if ask is _Ask.EVENTS else {}
        return messages.command(self._next(_Pending(ask, mono_s)), ask.value, **fields)

    def _answered(self, message: Result | Pong) -> None:
        pending = self._pending.pop(message.id, None)
        if pending is None or isinstance(message, Pong):
            return
        if pending.done is not None:
            pending.done(message.error)
            return
        if message.error and pending.ask in _NEEDED:
            self._broken(f"{pending.ask.value}: {message.error}")
            return
        try:
            self._take(pending.ask, message.value)
        except MalformedMessage as fault:
            if pending.ask in _NEEDED:
                self._broken(f"{pending.ask.value}: {fault}")
        open_ = {one.ask for one in self._pending.values()}
        if self.phase is Phase.LOADING and not open_ & set(_FIRST):
            self.phase, self.why = Phase.READY, ""
            self.kept = placed(self._registries, self.wanted)
            self._registries = {}

    def _take(self, ask: _Ask, value: Any) -> None:
        match ask:
            case _Ask.USER:
                said = value.get("id") if isinstance(value, dict) else None
                self.user = said if isinstance(said, str) else ""
            case _Ask.CONFIG:
                units = value.get("unit_system") if isinstance(value, dict) else None
                unit = units.get("temperature") if isinstance(units, dict) else None
                if unit not in ("°C", "°F"):
                    raise MalformedMessage("tells no unit of temperature")
                self.fahrenheit = unit == "°F"
            case _Ask.STATES:
                self._load(value)
            case _Ask.ENTITIES | _Ask.DEVICES | _Ask.AREAS if isinstance(value, list):
                self._registries[ask] = [one for one in value if isinstance(one, dict)]
            case _:
                pass

    def _load(self, value: Any) -> None:
        if not isinstance(value, list):
            raise MalformedMessage("states are a list")
        for plain in value:
            try:
                state = messages.state_of(plain)
            except MalformedMessage:
                continue  # one that is broken hides none of the others
            # A change that came before the list is newer than it.
            if self._matters(state.entity) and state.entity not in self._newer:
                self.states[state.entity] = state

    def _changed(self, change: Changed) -> None:
        if not self._matters(change.entity):
            return
        self._changes.add(change.entity)
        if self.phase is Phase.LOADING:
            self._newer.add(change.entity)
        if change.state is None:
            self.states.pop(change.entity, None)
            self._left |= {change.entity} if self.phase is Phase.READY else set()
        elif change.entity in self._left:
            # The name may be another device's now: whose, the registries told before.
            self._broken(f"{change.entity} went and came back; whose it is now is asked anew")
        else:
            self.states[change.entity] = change.state
            self.changed_s[change.entity] = self.heard_s

    def _matters(self, entity: str) -> bool:
        return self.wanted is None or entity in self.wanted


def placed(registries: Mapping[Any, Iterable[Mapping[str, Any]]], wanted: frozenset[str] | None) -> dict[str, Kept]:
    """Area and nameplate of each entity; of what no registry knows, nothing."""
    areas = {_text(one, "area_id"): _text(one, "name") for one in registries.get(_Ask.AREAS, ())}
    devices = {_text(one, "id"): one for one in registries.get(_Ask.DEVICES, ())}
    found = {}
    for one in registries.get(_Ask.ENTITIES, ()):
        entity = _text(one, "entity_id")
        if wanted is not None and entity not in wanted:
            continue
        device = devices.get(_text(one, "device_id"), {})
        area = _text(one, "area_id") or _text(device, "area_id")
        plate = Nameplate(
            _text(device, "manufacturer"),
            _text(device, "model"),
            _text(device, "serial_number"),
            _text(device, "sw_version"),
        )
        found[entity] = Kept(areas.get(area, ""), _text(one, "device_id"), plate)
    return found


def _text(one: Mapping[str, Any], name: str) -> str:
    said = one.get(name)
    return said[:200] if isinstance(said, str) else ""
