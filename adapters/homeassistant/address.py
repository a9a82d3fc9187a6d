"""Where a device of Home Assistant is, as the configuration says it: ``homeassistant://SERVER/ENTITY``; pure."""

import re
from dataclasses import dataclass
from typing import Final

from grid_functions.model.errors import OperatorFault

SCHEME: Final = "homeassistant://"
ENTITY: Final = re.compile(r"[a-z0-9_]{1,64}\.[a-z0-9_]{1,190}")
"""An entity's id: its domain, and its name there."""
_ADDRESS: Final = re.compile(
    r"homeassistant://(?P<server>[A-Za-z0-9][A-Za-z0-9_-]{0,63})/(?P<entity>[a-z0-9_]+\.[a-z0-9_]+)"
)


@dataclass(frozen=True, slots=True)
class HomeAddress:
    """A server by the name that ``gateway.homeassistant`` gives it, and the entity that is the device, or the meter's power."""

    server: str
    entity: str

    @property
    def domain(self) -> str:
        """What kind of entity it is."""
        return self.entity.partition(".")[0]


def parse_home_address(text: str) -> HomeAddress:
    """Raises OperatorFault that shows how to write one."""
    match = _ADDRESS.fullmatch(text)
    if match is None or ENTITY.fullmatch(match["entity"]) is None:
        raise OperatorFault(
            f"{text!r} is no entity", "write homeassistant://SERVER/ENTITY, such as homeassistant://home/climate.hall"
        )
    return HomeAddress(match["server"], match["entity"])
