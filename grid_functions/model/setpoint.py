"""What leaves for one device."""

from dataclasses import dataclass

from grid_functions.model.control import Curve, FixedReactive, FrequencyDroop, PowerFactor, Thermostat
from grid_functions.model.event import Settings
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

    Limits are magnitudes in W (``produce_max_w``, ``consume_max_w``) or A per phase (``current_max_a``, 0 = pause); ``target_w`` positive
    = consume; ``phases``: how many a charger is to use. ``decision``:
    the serial of the decision that made it. ``on``: None = not ours, False = cease to energize, True = withdraw our off;
    ``connect`` the same for galvanic connection. ``reactive``: the one reactive mode enabled beside curves; in percent only where
    the base is one that the device alone knows (what is available now). ``shapes``: curves and droop, at most one of a mode, sorted by
    mode; of power factor, constant var, volt-var, watt-var and watt-PF at most one is in a setpoint (rule 4). ``settings``: gradients
    and return-to-service settings wanted by a standing. ``thermostat``: the setpoint of a zone or a tank; an offset is to what it was
    before it was ours.
    """

    device: str
    decision: int = 0
    produce_max_w: float | None = None
    consume_max_w: float | None = None
    target_w: float | None = None
    current_max_a: float | None = None
    phases: int | None = None
    reactive: Reactive | FixedReactive | PowerFactor | None = None
    shapes: tuple[Curve | FrequencyDroop, ...] = ()
    settings: Settings | None = None
    on: bool | None = None
    connect: bool | None = None
    thermostat: Thermostat | None = None
    revert: Revert | None = None

    @property
    def band(self) -> tuple[float, float]:
        """The active power this permits, W, (least, most) with positive = consume."""
        if self.on is False or self.connect is False:
            return (0.0, 0.0)
        if self.target_w is not None:
            return (self.target_w, self.target_w)
        low = -UNLIMITED_W if self.produce_max_w is None else -self.produce_max_w
        high = UNLIMITED_W if self.consume_max_w is None else self.consume_max_w
        return (low, high)


def tightens(new: Setpoint, old: Setpoint | None) -> bool:
    """Whether writing ``new`` over ``old`` (None = nothing of ours) only tightens: its band lies inside, or it switches off.

    Everything else loosens: targets outside, another reactive mode, curve, setting or temperature, a withdrawn off, a release.
    """
    held = old or Setpoint(new.device)
    if (held.on, held.connect) != (new.on, new.connect):
        withdrawn = (held.on is False and new.on is not False) or (held.connect is False and new.connect is not False)
        return not withdrawn and (new.on is False or new.connect is False)
    if new.on is False or new.connect is False:
        return True
    if any(getattr(new, name) != getattr(held, name) for name in _OTHERWISE):
        return False
    if old is None:
        return new.target_w is None
    if old.phases is not None and (new.phases is None or new.phases > old.phases):
        return False
    if old.current_max_a is not None and (new.current_max_a is None or new.current_max_a > old.current_max_a):
        return False
    (low, high), (old_low, old_high) = new.band, old.band
    return low >= old_low and high <= old_high


_OTHERWISE = ("reactive", "shapes", "settings", "thermostat")
"""Fields of which nobody can say that a change of them tightens."""
