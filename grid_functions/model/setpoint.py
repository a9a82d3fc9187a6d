"""What leaves for one device."""

from dataclasses import dataclass

from grid_functions.model.control import Control, PowerFactor
from grid_functions.model.units import UNLIMITED_W


@dataclass(frozen=True, slots=True)
class Reactive:
    """A constant reactive power, var, positive = absorbed."""

    power_var: float


@dataclass(frozen=True, slots=True)
class Revert:
    """What the device falls back to by itself when it is not written again within ``after_s`` seconds."""

    after_s: float
    produce_max_w: float | None = None
    consume_max_w: float | None = None


@dataclass(frozen=True, slots=True)
class Setpoint:
    """What should hold on one device. Absent (None) = not ours, leave as it is.

    Limits are magnitudes in W (``produce_max_w``, ``consume_max_w``) or A per phase; ``target_w`` positive = consume. ``decision``:
    the serial of the decision that made it. ``on``: None = not ours, False = cease to energize, True = withdraw our off.
    """

    device: str
    decision: int = 0
    produce_max_w: float | None = None
    consume_max_w: float | None = None
    target_w: float | None = None
    current_max_a: float | None = None
    reactive: Reactive | PowerFactor | None = None
    shapes: tuple[Control, ...] = ()
    on: bool | None = None
    revert: Revert | None = None

    @property
    def band(self) -> tuple[float, float]:
        """The active power this permits, W, (least, most) with positive = consume."""
        if self.on is False:
            return (0.0, 0.0)
        if self.target_w is not None:
            return (self.target_w, self.target_w)
        low = -UNLIMITED_W if self.produce_max_w is None else -self.produce_max_w
        high = UNLIMITED_W if self.consume_max_w is None else self.consume_max_w
        return (low, high)


def tightens(new: Setpoint, old: Setpoint | None) -> bool:
    """Whether writing ``new`` over ``old`` (None = nothing of ours) only tightens: its band lies inside, or it switches off.

    Everything else loosens: targets outside, another reactive mode or curve, a withdrawn off, a release.
    """
    if new.on is False:
        return True
    if old is None:
        return new.target_w is None and new.reactive is None and not new.shapes and new.on is None
    if (new.reactive, new.shapes, new.on) != (old.reactive, old.shapes, old.on):
        return False
    if old.current_max_a is not None and (new.current_max_a is None or new.current_max_a > old.current_max_a):
        return False
    (low, high), (old_low, old_high) = new.band, old.band
    return low >= old_low and high <= old_high
