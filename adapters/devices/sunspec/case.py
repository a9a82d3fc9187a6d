"""What a plan is made from: the device as read, how it serves each mode, and its maker's habits; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from adapters.devices.sunspec.abilities import Row
from adapters.devices.sunspec.profiles import AS_PUBLISHED, Profile
from adapters.devices.sunspec.steps import Cannot, Held
from grid_functions.model.control import Mode
from grid_functions.model.setpoint import Revert


@dataclass(frozen=True, slots=True)
class Case:
    """``rearm``: timers whose rest the device does not show are late."""

    held: Held
    chosen: Mapping[Mode, Row] = field(default_factory=dict)
    profile: Profile = AS_PUBLISHED
    rearm: bool = False

    def model(self, mode: Mode) -> int | None:
        """The model that serves a mode."""
        row = self.chosen.get(mode)
        return None if row is None else row.model

    def refusal(self, mode: Mode) -> Cannot:
        """Why a mode is not served."""
        row = self.chosen.get(mode)
        return Cannot("no such control" if row is None or not row.means else row.means)

    @property
    def base_w(self) -> float | None:
        """100 % of active power: the setting WMax, else the rating."""
        told = ((702, "WMax"), (702, "WMaxRtg"), (121, "WMax"), (120, "WRtg"))
        return next((value for point in told if (value := self.held.number(*point))), None)

    @property
    def nominal_hz(self) -> float:
        """121.ECPNomHz, else the one of 50 and 60 that the grid measures nearer to; 50 where nothing is measured."""
        if told := self.held.number(121, "ECPNomHz"):
            return told
        seen = [self.held.number(model, "Hz") for model in (701, 103, 102, 101, 113, 112, 111)]
        measured = next((value for value in seen if value), 50.0)
        return 50.0 if abs(measured - 50.0) <= abs(measured - 60.0) else 60.0


def seconds(revert: Revert | None) -> int:
    """A revert timer in whole seconds, a begun one not promised; 0 = none."""
    return 0 if revert is None else max(1, int(revert.after_s))
