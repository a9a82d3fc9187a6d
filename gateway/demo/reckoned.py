"""Arithmetic over the series of the simulated feeder: rows of case, t, home and kw, as its meters showed them. Pure.

Nothing here knows a plan, a bid or a limit but what it is handed: a stranger with the same rows comes to the same figures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

Row = Mapping[str, str]
Power = tuple[float, float]
"""UTC seconds at which a step begins, and the mean power from then on, kW, positive = import."""


@dataclass(frozen=True, slots=True)
class Metered:
    """One case: each home's powers in the order of time, all at the same times."""

    homes: Mapping[str, Sequence[Power]]

    @property
    def whole(self) -> bool:
        """Whether there is anything, and every home was read at all times, which lie equally far apart."""
        times = [[t_s for t_s, _ in powers] for powers in self.homes.values()]
        steps = {round(after - before, 3) for one in times for before, after in pairwise(one)}
        return bool(times) and all(one == times[0] for one in times) and len(steps) == 1

    @property
    def step_s(self) -> float:
        """How long a power is the mean of."""
        first = next(iter(self.homes.values()))
        return first[1][0] - first[0][0]

    @property
    def feeder(self) -> list[Power]:
        """The sum over all homes."""
        sums: dict[float, float] = {}
        for powers in self.homes.values():
            for t_s, kw in powers:
                sums[t_s] = sums.get(t_s, 0.0) + kw
        return sorted(sums.items())

    def peak_kw(self, from_s: float = float("-inf"), to_s: float = float("inf")) -> float:
        """The feeder's highest power of the steps that begin in a stretch of time."""
        return max((kw for t_s, kw in self.feeder if from_s <= t_s < to_s), default=float("nan"))

    @property
    def energy_kwh(self) -> float:
        """What flowed in less what flowed out."""
        return sum(kw for _, kw in self.feeder) * self.step_s / 3600.0

    @property
    def diversity(self) -> float:
        """The sum of the homes' own peaks over the feeder's."""
        return sum(max(kw for _, kw in powers) for powers in self.homes.values()) / self.peak_kw()

    def mean_kw(self, home: str, from_s: float, to_s: float) -> float | None:
        """One home's mean over a stretch; None where it was not measured from end to end."""
        held = [kw for t_s, kw in self.homes.get(home, ()) if from_s <= t_s and t_s + self.step_s <= to_s]
        return sum(held) / len(held) if len(held) * self.step_s == to_s - from_s else None


def metered(rows: Sequence[Row], case: str) -> Metered:
    """The rows of one case. Raises ValueError for a power or a time that is none."""
    homes: dict[str, list[Power]] = {}
    for row in rows:
        if row["case"] == case:
            at = datetime.fromisoformat(row["t"])
            homes.setdefault(row["home"], []).append((at.timestamp(), float(row["kw"])))
    return Metered({home: sorted(powers) for home, powers in homes.items()})


def off_plan(powers: Sequence[Power], plan_kw: Sequence[float], hours: int = 2) -> float:
    """How far a home is from its plan: the mean difference of their means over so many hours, as a share of the plan's mean.

    Thermostats and chargers switch, so that a home is never on its plan from minute to minute; over hours it is.
    """
    length = max(1, round(hours * 3600.0 / (powers[1][0] - powers[0][0])))
    off = [
        abs(sum(kw for _, kw in powers[k : k + length]) - sum(plan_kw[k : k + length]))
        for k in range(0, len(plan_kw), length)
    ]
    return sum(off) / sum(abs(kw) for kw in plan_kw)


def reduced_kwh(
    metered: Metered, home: str, base_kw: float, wanted_kw: Sequence[float], start_s: float, step_s: float
) -> float:
    """What a home took less than its baseline while less was wanted, kWh: too much in one interval makes up for nothing in another."""
    found = 0.0
    for k, wanted in enumerate(wanted_kw):
        from_s = start_s + k * step_s
        mean_kw = metered.mean_kw(home, from_s, from_s + step_s)
        if mean_kw is not None:
            found += min(wanted, max(0.0, base_kw - mean_kw)) * step_s / 3600.0
    return found
