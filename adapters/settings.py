"""What one device's driver is told of it; pure."""

from dataclasses import dataclass

from grid_functions.model.device import Nameplate, Role


@dataclass(frozen=True, slots=True)
class Pinned:
    """The device that was commissioned; empty = any."""

    maker: str = ""
    model: str = ""
    serial: str = ""

    def differences(self, plate: Nameplate) -> tuple[str, ...]:
        """What on the nameplate is not as pinned, in words."""
        pairs = (
            ("maker", self.maker, plate.maker),
            ("model", self.model, plate.model),
            ("serial", self.serial, plate.serial),
        )
        return tuple(f"{what} is {is_!r}, pinned {pinned!r}" for what, pinned, is_ in pairs if pinned and pinned != is_)


@dataclass(frozen=True, slots=True)
class DriverSettings:
    """``poll_s``: between polls; ``settle_s`` overrides the family's; ``read_only``: never write (meters, mode observe);
    ``phase_s``: polls fall due this long after multiples of ``poll_s``, so that not all devices are polled at once; None: whenever
    the period since the poll before is over."""

    role: Role
    unit: int = 1
    poll_s: float = 1.0
    pinned: Pinned = Pinned()
    settle_s: float | None = None
    read_only: bool = False
    phase_s: float | None = None
