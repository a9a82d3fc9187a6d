"""One line of a benchmark: ours beside a peer's, and whether the goal is met."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """ours and peer: medians in `unit`, lower is better. goal: the largest ratio ours / peer that is good enough.

    rounds: how many were timed. spread: (slowest - fastest) / median of ours. loop: asyncio, uvloop, or none.
    """

    name: str
    case: str
    unit: str
    ours: float
    peer: float
    peer_name: str
    goal: float
    rounds: int
    spread: float
    loop: str = "none"

    @property
    def ratio(self) -> float:
        """ours / peer."""
        return self.ours / self.peer

    @property
    def met(self) -> bool:
        """The goal is reached."""
        return self.ratio <= self.goal

    def plain(self) -> dict[str, str | int | float | bool]:
        """As build/bench.json holds it."""
        return asdict(self) | {"ratio": self.ratio, "met": self.met}
