"""The frozen picture one decision is made from."""

from collections.abc import Mapping
from dataclasses import dataclass

from grid_functions.model.device import Seen
from grid_functions.model.instants import Instants
from grid_functions.model.reading import MeterKey, Reading


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All readings of one site at one instant.

    ``meter``: the connection point, NET power positive = import; empty when the site has no meter. ``devices``: the last look at each
    device by name; one that never answered is there with ``online`` False.
    """

    site: str
    at: Instants
    meter: Mapping[MeterKey, Reading]
    devices: Mapping[str, Seen]
