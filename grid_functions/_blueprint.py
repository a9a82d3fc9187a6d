"""Copy me: a complete small site function. Its test is tests/grid_functions/test_blueprint.py.

It keeps export below a value during quiet hours. To make it yours: rename, change ``step``, add one line to catalogue.py (or, from a
package of your own, an entry point in the group ``osed.grid_functions``).
"""

import math
from dataclasses import dataclass

from grid_functions.model.claim import Basis, Bound, Claim, ConnectionPoint, InForce, Source, SourceKind
from grid_functions.model.control import ExportLimit, Mode
from grid_functions.model.errors import ConfigurationFault
from grid_functions.model.event import Rank
from grid_functions.model.function import SiteInputs, Step, WakeAt
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.units import Quantity

NAME = "quiet_hours"
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class QuietHoursOptions:
    """``limit_w`` >= 0 holds from ``from_s`` for ``duration_s``, seconds after midnight UTC and seconds, each within one day."""

    limit_w: float = 0.0
    from_s: float = 0.0
    duration_s: float = 21_600.0

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
class QuietHoursState:
    """Nothing to remember. A field ``durable`` would be kept in the ledger."""

    version: int = 1


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A local voice: its bound intersects with all others, and can loosen none (rule 2)."""

    options: QuietHoursOptions = QuietHoursOptions()

    def empty(self) -> QuietHoursState:
        """The state at birth."""
        return QuietHoursState()

    def step(self, state: QuietHoursState, inputs: SiteInputs, now: Instants) -> Step[QuietHoursState]:
        """Inside the hours a bound until their end; outside a call at their beginning."""
        today_s = math.floor(now.utc_s / _DAY_S) * _DAY_S + self.options.from_s
        start_s = today_s if now.utc_s >= today_s else today_s - _DAY_S
        end_s = start_s + self.options.duration_s
        if now.utc_s >= end_s:
            return Step(state, (WakeAt(Moment(OWN, start_s + _DAY_S)),))
        since, until = Moment(OWN, start_s), Moment(OWN, end_s)
        cause = InForce(
            ExportLimit(self.options.limit_w),
            Source(SourceKind.LOCAL, NAME),
            Rank(0.0),
            Basis.CONFIGURED,
            since,
            until,
            received_utc_s=start_s,
        )
        bound = Bound(self.options.limit_w)
        claim = Claim(ConnectionPoint(), Quantity.PRODUCED, bound, bound, Mode.EXPORT_LIMIT, cause, valid_until=until)
        return Step(state, (claim, WakeAt(until)))
