"""A thing behind a Home Assistant that says what the test says, under a hand-moved clock.

Messages are those of developers.home-assistant.io, WebSocket API; states as 2025.4 tells them.
"""

import json
from typing import Any

from adapters.homeassistant.messages import Call
from adapters.homeassistant.options import HomeOptions
from adapters.homeassistant.session import Phase, Session
from adapters.homeassistant.thing import Thing, ThingSettings
from adapters.knobs.keeping import Keeping
from adapters.settings import Pinned
from grid_functions.model.control import Thermostat
from grid_functions.model.device import Condition, Role, Seen
from grid_functions.model.instants import Instants
from grid_functions.model.setpoint import Setpoint

START_UTC_S = 1_700_000_000.0
US, SOMEBODY = "user-of-our-token", "somebody"


def state(entity: str, said: str, user: str | None = None, **attributes: Any) -> dict[str, Any]:
    """A state object."""
    return {
        "entity_id": entity,
        "state": said,
        "attributes": attributes,
        "last_changed": "2023-11-14T22:13:20+00:00",
        "context": {"id": "x", "parent_id": None, "user_id": user},
    }


def hall(setpoint: float | None = 20.5, mode: str = "heat", user: str | None = None, **more: Any) -> dict[str, Any]:
    """A thermostat of 7 to 30 degrees in steps of a half."""
    told = {
        "hvac_modes": ["heat", "off"],
        "min_temp": 7,
        "max_temp": 30,
        "target_temp_step": 0.5,
        "current_temperature": 19.0,
        "temperature": setpoint,
        "supported_features": 385,
        **more,
    }
    return state("climate.hall", mode, user, **told)


def load(session: Session, states: list[Any], mono_s: float = 0.0, unit: str = "°C", **registries: Any) -> None:
    """The conversation that every connection begins with."""
    session.received('{"type": "auth_required", "ha_version": "2025.4.4"}', mono_s)
    asked = [json.loads(one) for one in session.received('{"type": "auth_ok", "ha_version": "2025.4.4"}', mono_s)]
    told = {
        "auth/current_user": {"id": US},
        "get_config": {"unit_system": {"temperature": unit}},
        "get_states": states,
        "config/entity_registry/list": registries.get("entities", []),
        "config/device_registry/list": registries.get("devices", []),
        "config/area_registry/list": registries.get("areas", []),
    }
    for one in asked:
        answer = {"id": one["id"], "type": "result", "success": True, "result": told.get(one["type"])}
        session.received(json.dumps(answer), mono_s)
    assert session.phase is Phase.READY, session.why


def changed(new: dict[str, Any] | None, entity: str = "") -> str:
    """The event of a state that changed."""
    entity = entity or ("" if new is None else new["entity_id"])
    data = {"entity_id": entity, "old_state": None, "new_state": new}
    return json.dumps({"id": 3, "type": "event", "event": {"event_type": "state_changed", "data": data}})


class Stage:
    """``said``: the calls that were made."""

    def __init__(
        self,
        *states: dict[str, Any],
        entity: str = "climate.hall",
        role: Role = Role.LOAD,
        options: HomeOptions = HomeOptions(),  # noqa: B008 - it is frozen
        pinned: Pinned = Pinned(),  # noqa: B008 - it is frozen
        keeping: Keeping = Keeping(),  # noqa: B008 - it is frozen
        unit: str = "°C",
        read_only: bool = False,
        **registries: Any,
    ) -> None:
        self.t_s, self.unit, self.registries = 0.0, unit, registries
        self.thing = Thing(ThingSettings("x", entity, role, options, pinned, 10.0, read_only), keeping)
        self.said: list[Call] = []
        self.connect(*states)

    @property
    def now(self) -> Instants:
        return Instants(self.t_s, START_UTC_S + self.t_s)

    @property
    def condition(self) -> Condition:
        return self.look().condition

    def look(self) -> Seen:
        return self.thing.seen(self.now)

    def connect(self, *states: dict[str, Any]) -> None:
        self.session = Session("token", self.thing.settings.entities)
        load(self.session, list(states), self.t_s, self.unit, **self.registries)
        self.thing.opened(self.session)
        self.thing.look(self.now)

    def want(self, decision: int = 1, **fields: Any) -> Call | None:
        """Another setpoint, and what is called for it."""
        self.thing.want(Setpoint("x", decision, **fields))
        return self.due()

    def heat(self, value: float, *, offset: bool = False, decision: int = 1) -> Call | None:
        return self.want(decision, thermostat=Thermostat(value, offset=offset))

    def due(self) -> Call | None:
        call = self.thing.due(self.now)
        self.said += [] if call is None else [call]
        return call

    def hear(self, new: dict[str, Any] | None, entity: str = "") -> None:
        """A state changed."""
        self.session.received(changed(new, entity), self.t_s)
        self.thing.look(self.now)

    def done(self, new: dict[str, Any] | None = None, error: str = "") -> None:
        """Our call was answered, and perhaps shows."""
        self.thing.answered(error, self.now)
        if new is not None:
            self.hear(new)

    def later(self, seconds: float) -> Call | None:
        self.t_s += seconds
        return self.due()
