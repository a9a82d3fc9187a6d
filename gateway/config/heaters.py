"""What must be true of devices that are heaters behind Modbus."""

from collections.abc import Iterator

from adapters.catalogue import HEATERS
from gateway.config.behind import Behind
from gateway.config.ocpp import Place
from grid_functions.model.device import Role


def mistakes(here: Place, device: Behind) -> Iterator[tuple[Place, str]]:
    """All of one device that the configuration names at ``here``."""
    heater = HEATERS.get(device.family)
    if heater is None:
        return
    if device.role is not Role.LOAD:
        yield (*here, "role"), f"a heater is a load; a {device.role.value} is not steered by its temperature"
    if device.serial is not None and heater.profile().identity.serial is None:
        yield (*here, "serial"), f"{device.family} tells no serial number: leave it out"
