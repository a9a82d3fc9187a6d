"""A limit that the site gives itself, with the order in which its devices give way and come back, and only in its hours."""

import math
from dataclasses import dataclass

from grid_functions.model.claim import Claim, ConnectionPoint, Need
from grid_functions.model.control import LoadLimit, Mode
from grid_functions.model.errors import ConfigurationFault
from grid_functions.model.function import Output, SiteInputs, Step, WakeAt
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.units import Quantity
from grid_functions.rating import CONSUMERS
from grid_functions.site.local import alone, bound, voice

NAME = "power_limit"
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class PowerWindow:
    """Limits, W, that hold from ``from_s`` seconds after midnight UTC for ``duration_s``; the whole day unless told otherwise."""

    import_limit_w: float | None = None
    export_limit_w: float | None = None
    from_s: float = 0.0
    duration_s: float = _DAY_S


@dataclass(frozen=True, slots=True)
class PowerLimitOptions:
    """``margin_w``: so much below each limit; ``order``: devices in the order in which they give way, and come back the other way round."""

    windows: tuple[PowerWindow, ...] = ()
    margin_w: float = 0.0
    order: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        mistakes = []
        for window in self.windows:
            limits = (window.import_limit_w, window.export_limit_w)
            if any(one is not None and not 0 <= one < math.inf for one in limits):
                mistakes.append(f"{NAME}.windows: limits are {limits}: give watts, 0 or more")
            if not 0 <= window.from_s < _DAY_S:
                mistakes.append(f"{NAME}.windows: from_s is {window.from_s}: give 0 up to 86400")
            if not 0 < window.duration_s <= _DAY_S:
                mistakes.append(f"{NAME}.windows: duration_s is {window.duration_s}: give more than 0 up to 86400")
        if not 0 <= self.margin_w < math.inf:
            mistakes.append(f"{NAME}.margin_w is {self.margin_w}: give watts, 0 or more")
        if len(set(self.order)) != len(self.order):
            mistakes.append(f"{NAME}.order names a device twice")
        if mistakes:
            raise ConfigurationFault(tuple(mistakes))


@dataclass(frozen=True, slots=True)
class PowerLimitState:
    """Nothing to remember: the limit is closed on the meter by the allocation, and what it took comes back as room does."""

    version: int = 1


@dataclass(frozen=True, slots=True)
class PowerLimit:
    """A local voice: its bounds intersect with all others and loosen none (rule 2)."""

    options: PowerLimitOptions = PowerLimitOptions()

    def empty(self) -> PowerLimitState:
        """The state at birth."""
        return PowerLimitState()

    def step(self, state: PowerLimitState, inputs: SiteInputs, now: Instants) -> Step[PowerLimitState]:
        """Bounds of the windows that are open, and the order among the site's consumers."""
        said: list[Output] = []
        for number, window in enumerate(self.options.windows):
            since_s = now.utc_s - (now.utc_s - window.from_s) % _DAY_S
            open_s = since_s + window.duration_s
            whole = window.duration_s == _DAY_S
            if not whole and now.utc_s >= open_s:
                said.append(WakeAt(Moment(OWN, since_s + _DAY_S)))
                continue
            until = None if whole else Moment(OWN, open_s)
            for quantity, limit_w in (
                (Quantity.CONSUMED, window.import_limit_w),
                (Quantity.PRODUCED, window.export_limit_w),
            ):
                if limit_w is not None:
                    kept_w = max(0.0, limit_w - self.options.margin_w)
                    said.append(bound(f"{NAME} {number + 1}", ConnectionPoint(), quantity, kept_w, until))
        ranked = enumerate(name for name in self.options.order if _consumes(name, inputs))
        said += [_first(name, tier) for tier, name in ranked]
        return Step(state, tuple(said))


def _consumes(name: str, inputs: SiteInputs) -> bool:
    device = inputs.terms.devices.get(name)
    return device is not None and device.role in CONSUMERS


def _first(name: str, tier: int) -> Claim:
    want = Need(0.0, tier)
    return Claim(alone(name), Quantity.CONSUMED, want, want, Mode.LOAD_LIMIT, voice(NAME, LoadLimit(0.0)))
