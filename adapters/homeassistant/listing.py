"""What is there behind a Home Assistant, and what of it could be a device; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from adapters.homeassistant import knobs, sensors
from adapters.homeassistant.messages import State
from adapters.homeassistant.options import SWITCHES
from adapters.homeassistant.session import Kept, Session
from grid_functions.model.device import Nameplate, Role
from grid_functions.model.units import Quantity

_POWER: Final = "power"


@dataclass(frozen=True, slots=True)
class Could:
    """One entity and the role it could have; ``why``: by what. ``power``: the one sensor of its own device that measures power."""

    entity: str
    role: Role
    why: str
    name: str
    area: str
    plate: Nameplate
    state: str
    power: str = ""


def listed(session: Session) -> list[Could]:
    """All entities that can be set or that measure power, by area and id."""
    powers = _powers(session)
    found = []
    for entity, state in session.states.items():
        told = _could(state, fahrenheit=session.fahrenheit)
        if told is None:
            continue
        role, why = told
        kept = session.kept.get(entity, Kept())
        near = powers.get(kept.device, ()) if kept.device and role is not Role.METER else ()
        power = near[0] if len(near) == 1 else ""
        name = state.text("friendly_name")[:80]
        found.append(Could(entity, role, why, name, kept.area, kept.plate, state.state, power))
    return sorted(found, key=lambda one: (one.area, one.entity))


def _could(state: State, *, fahrenheit: bool) -> tuple[Role, str] | None:
    domain = state.entity.partition(".")[0]
    if knobs.temperature(state, fahrenheit=fahrenheit) is not None:
        return Role.LOAD, "takes a temperature"
    if knobs.current(state) is not None:
        return Role.EVSE, "takes amperes"
    if domain in SWITCHES or knobs.switch(state) is not None:
        return Role.LOAD, "is switched"
    if domain == "sensor" and sensors.measures(state, Quantity.NET) and state.text("device_class") == _POWER:
        return Role.METER, "measures power"
    return None


def _powers(session: Session) -> Mapping[str, list[str]]:
    """Power sensors by the device they are of."""
    found: dict[str, list[str]] = {}
    for entity, state in sorted(session.states.items()):
        device = session.kept.get(entity, Kept()).device
        if device and entity.startswith("sensor.") and state.text("device_class") == _POWER:
            found.setdefault(device, []).append(entity)
    return found
