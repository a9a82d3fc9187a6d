"""What a site and its devices usually take, hour by hour: what relative signals refer to and reports compare with."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from grid_functions.model.policy import BaselineTerms

HOUR_S = 3600.0
CONNECTION = ""
"""The connection point among the names of devices."""


@dataclass(frozen=True, slots=True)
class Hours:
    """Of one name and hour of the UTC day: days since 1970 and the mean of that day's hour, W, oldest first."""

    means: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Usual:
    """``hours``: by name and hour of the UTC day; ``terms``: which days are alike, and whether these hours are what counts at all."""

    hours: Mapping[tuple[str, int], Hours]
    terms: BaselineTerms

    def mean_w(self, names: frozenset[str], start_s: float, end_s: float) -> float | None:
        """The mean over a stretch of UTC by its like hours, W, positive = consume; a day of it at most.

        ``names``: devices, together; none = the connection point. None where an hour of any of them is not known.
        """
        first, last = math.floor(start_s / HOUR_S), math.ceil(end_s / HOUR_S)
        total_ws = 0.0
        until_s = min(end_s, start_s + 24 * HOUR_S)
        for hour in range(first, min(last, first + 25)):
            share_s = min(until_s, (hour + 1) * HOUR_S) - max(start_s, hour * HOUR_S)
            for name in names or (CONNECTION,):
                mean_w = like_w(self.hours.get((name, hour % 24), Hours()), hour // 24, self.terms)
                if mean_w is None:
                    return None
                total_ws += mean_w * max(0.0, share_s)
        return total_ws / (until_s - start_s) if until_s > start_s else None


def like_w(hours: Hours, day: int, terms: BaselineTerms) -> float | None:
    """The mean of that hour on the last like days before ``day`` (working days, or free ones), W; None where none is known."""
    like = [mean for past, mean in hours.means if past < day and _free(past, terms) == _free(day, terms)]
    last = like[-terms.days :]
    return sum(last) / len(last) if last else None


def _free(day: int, terms: BaselineTerms) -> bool:
    """Whether a day of UTC is one without work; 1970-01-01 was a Thursday."""
    return (day + 3) % 7 in terms.free_days
