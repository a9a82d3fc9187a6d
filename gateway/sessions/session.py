"""What the roof wants of every session with an upstream, beside the port that sites see."""

from typing import Any, Protocol

from grid_functions.model.event import Respondent
from grid_functions.model.instants import Instants, UpstreamTime
from grid_functions.model.ports import Upstream


class Session(Upstream, Protocol):
    """One session with one upstream, for all respondents it serves."""

    @property
    def respondents(self) -> tuple[Respondent, ...]:
        """All that answer here."""

    def time_at(self, mono_s: float) -> UpstreamTime:
        """The upstream's time at a monotonic second, and how far it may be trusted."""

    def status(self, now: Instants) -> dict[str, Any]:
        """How the session is, as plain values for people and the API."""
