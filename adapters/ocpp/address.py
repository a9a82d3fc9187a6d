"""Where a charger is, as the configuration says it: ``ocpp://STATION`` or ``ocpp://STATION/CONNECTOR``; pure."""

import re
from dataclasses import dataclass
from typing import Final

from grid_functions.model.errors import OperatorFault

SCHEME: Final = "ocpp://"
_ADDRESS: Final = re.compile(r"ocpp://(?P<station>[A-Za-z0-9*_=|@.+-]{1,48})(?:/(?P<connector>\d{1,3}))?")


@dataclass(frozen=True, slots=True)
class OcppAddress:
    """A station's identity, the last part of the address it connects to, and its connector (2.0.1: EVSE), from 1."""

    station: str
    connector: int = 1

    def __str__(self) -> str:
        return f"{SCHEME}{self.station}/{self.connector}"


def parse_ocpp_address(text: str) -> OcppAddress:
    """Raises OperatorFault that shows how to write one. Identities are of 48 characters at most (2.0.1 part 4, clause 3.1.1)."""
    match = _ADDRESS.fullmatch(text)
    if match is None or (match["connector"] is not None and int(match["connector"]) < 1):
        raise OperatorFault(f"{text!r} is no charger", "write ocpp://STATION or ocpp://STATION/CONNECTOR, from 1")
    return OcppAddress(match["station"], int(match["connector"] or 1))
