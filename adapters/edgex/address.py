"""Where a device of EdgeX is, as the configuration says it: ``edgex://SERVER/DEVICE``; pure."""

import re
from dataclasses import dataclass
from typing import Final

from grid_functions.model.errors import OperatorFault

SCHEME: Final = "edgex://"
NAME: Final = r"[A-Za-z0-9_.~:;=-]{1,128}"
"""A name of a device, resource or command that no edition of EdgeX escapes in paths and topics.

Source: go-mod-core-contracts, common/validator.go (RFC 3986, unreserved characters, and ``:;=``).
"""
_ADDRESS: Final = re.compile(rf"edgex://(?P<server>[A-Za-z0-9][A-Za-z0-9_-]{{0,63}})/(?P<device>{NAME})")


@dataclass(frozen=True, slots=True)
class EdgexAddress:
    """A server by the name that ``gateway.edgex`` gives it, and the device by its name there."""

    server: str
    device: str


def parse_edgex_address(text: str) -> EdgexAddress:
    """Raises OperatorFault that shows how to write one."""
    match = _ADDRESS.fullmatch(text)
    if match is None:
        raise OperatorFault(f"{text!r} is no device", "write edgex://SERVER/DEVICE, such as edgex://plant/Inverter-1")
    return EdgexAddress(match["server"], match["device"])
