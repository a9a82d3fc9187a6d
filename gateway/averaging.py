"""One site's averages for its upstreams: of the connection point, and of each respondent's devices together."""

import math
from collections.abc import Collection
from dataclasses import replace

from grid_functions import report
from grid_functions.model.event import Respondent
from grid_functions.model.instants import OWN, Moment
from grid_functions.model.policy import SiteTerms
from grid_functions.model.reading import Average, Metered
from grid_functions.model.snapshot import Snapshot
from grid_functions.report import ReportState

WINDOW_S = 60.0
"""Every upstream's interval is made of whole minutes."""


class Averages:
    """Kept while the site runs; a minute that a restart cuts has the coverage that is left of it.

    ``told``: to whom. For nobody none are kept, and no picture is due for their sake.
    """

    def __init__(self, terms: SiteTerms, told: Collection[Respondent]) -> None:
        self._terms, self._told = terms, told
        self._connection = ReportState()
        self._devices = dict.fromkeys(terms.respondents, ReportState())
        self._closed: tuple[Average, ...] = ()
        self._closed_of: dict[Respondent, tuple[Average, ...]] = {}

    def take(self, snapshot: Snapshot) -> None:
        """One more picture."""
        if not self._told:
            return
        stale_s = self._terms.meter_stale_s
        self._connection, self._closed = report.step(self._connection, snapshot, WINDOW_S, stale_s)
        for respondent, names in self._terms.respondents.items():
            picture = report.together(snapshot, names or snapshot.devices)
            self._devices[respondent], closed = report.step(self._devices[respondent], picture, WINDOW_S, stale_s)
            self._closed_of[respondent] = tuple(replace(one, of=Metered.DEVICES) for one in closed)

    def closes(self) -> Moment | None:
        """When a picture is due because a minute ends of which there is something to tell."""
        ends_s = [report.closes_s(one, WINDOW_S) for one in (self._connection, *self._devices.values())]
        return None if min(ends_s) == math.inf else Moment(OWN, min(ends_s))

    def of(self, respondent: Respondent) -> tuple[Average, ...]:
        """What the last picture closed, for this respondent."""
        return self._closed + self._closed_of.get(respondent, ())
