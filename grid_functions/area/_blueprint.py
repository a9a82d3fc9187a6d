"""Copy me: a complete small area function. Its test is tests/grid_functions/area/test_blueprint.py.

It shares a limit on import evenly among the members during peak hours. To make it yours: rename, change ``step``, add one line to
catalogue.py (or, from a package of your own, an entry point in the group ``osed.grid_functions``).
"""

import math
from dataclasses import dataclass

from grid_functions.model.control import ImportLimit
from grid_functions.model.errors import ConfigurationFault
from grid_functions.model.function import AreaInputs, Output, Step, WakeAt
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.lease import Grant

NAME = "peak_hours"
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class PeakHoursOptions:
    """``limit_w`` >= 0 of all members together from ``from_s`` for ``duration_s``, seconds after midnight UTC and seconds, within a day."""

    limit_w: float = 20_000.0
    from_s: float = 57_600.0
    duration_s: float = 18_000.0

    def __post_init__(self) -> None:
        mistakes = []
        if not 0 <= self.limit_w < math.inf:
            mistakes.append(f"{NAME}.limit_w is {self.limit_w}: give watts, 0 or more")
        if not 0 <= self.from_s < _DAY_S:
            mistakes.append(f"{NAME}.from_s is {self.from_s}: give 0 up to 86400")
        if not 0 < self.duration_s <= _DAY_S:
            mistakes.append(f"{NAME}.duration_s is {self.duration_s}: give more than 0 up to 86400")
        if mistakes:
            raise ConfigurationFault(tuple(mistakes))


@dataclass(frozen=True, slots=True)
class PeakHoursState:
    """``granted``: to whom. A field ``durable`` would be kept in the ledger."""

    granted: tuple[str, ...] = ()
    version: int = 1


@dataclass(frozen=True, slots=True)
class PeakHours:
    """An area grants; its coordinator makes leases of it and renews them, and each member decides by its own rules."""

    options: PeakHoursOptions = PeakHoursOptions()

    def empty(self) -> PeakHoursState:
        """The state at birth."""
        return PeakHoursState()

    def step(self, state: PeakHoursState, inputs: AreaInputs, now: Instants) -> Step[PeakHoursState]:
        """Inside the hours an equal share for everybody who takes part; outside nothing, and a call at their beginning."""
        today_s = math.floor(now.utc_s / _DAY_S) * _DAY_S + self.options.from_s
        start_s = today_s if now.utc_s >= today_s else today_s - _DAY_S
        end_s = start_s + self.options.duration_s
        inside = now.utc_s < end_s
        who = inputs.enrolled if inside else ()
        outputs: list[Output] = [WakeAt(Moment(OWN, end_s if inside else start_s + _DAY_S))]
        outputs += [Grant(member, "share") for member in state.granted if member not in who]
        outputs += [Grant(member, "share", (ImportLimit(self.options.limit_w / len(who)),)) for member in who]
        return Step(PeakHoursState(who), tuple(outputs))
