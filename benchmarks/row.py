"""One line of a benchmark: ours beside a peer's, round by round, and whether the goal is met."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """ours and theirs: one measure a round in `unit`, at least two rounds, lower is better. goal: the largest ratio that is good enough.

    loop: asyncio, uvloop, or none.
    """

    name: str
    case: str
    unit: str
    ours: Sequence[float]
    theirs: Sequence[float]
    peer_name: str
    goal: float
    loop: str = "none"

    @property
    def ratio(self) -> float:
        """The median of the rounds' ratios ours / theirs."""
        return self._quartiles()[1]

    @property
    def spread(self) -> float:
        """The distance between the quartiles of the rounds' ratios."""
        low, _, high = self._quartiles()
        return high - low

    @property
    def met(self) -> bool:
        """The goal is reached."""
        return self.ratio <= self.goal

    def plain(self) -> dict[str, str | int | float | bool]:
        """As build/bench.json holds it: of both sides the medians."""
        return {
            "name": self.name,
            "case": self.case,
            "unit": self.unit,
            "ours": round(statistics.median(self.ours), 3),
            "peer": round(statistics.median(self.theirs), 3),
            "peer_name": self.peer_name,
            "ratio": round(self.ratio, 4),
            "goal": round(self.goal, 4),
            "met": self.met,
            "rounds": len(self.ours),
            "spread": round(self.spread, 4),
            "loop": self.loop,
        }

    def _quartiles(self) -> list[float]:
        return statistics.quantiles([mine / other for mine, other in zip(self.ours, self.theirs, strict=True)], n=4)
