"""What people at home want through the week: setpoints by weekday and local time. The lowest of all sources."""

from collections.abc import Sequence
from dataclasses import dataclass

from grid_functions.model.errors import ConfigurationFault

_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Block:
    """From ``from_s`` after local midnight on ``days`` (0 = Monday) the value holds, until the next block begins, over midnight too."""

    days: frozenset[int]
    from_s: float
    value: float

    def __post_init__(self) -> None:
        if not self.days or not self.days <= frozenset(range(7)):
            raise ConfigurationFault((f"days {sorted(self.days)} are none: give 0 (Monday) to 6",))
        if not 0 <= self.from_s < _DAY_S:
            raise ConfigurationFault((f"from_s is {self.from_s:g}: give 0 up to 86400",))


@dataclass(frozen=True, slots=True)
class Week:
    """Blocks in any order; a week without any is the ``default`` all along."""

    blocks: tuple[Block, ...] = ()
    default: float = 20.0

    def at(self, day: int, second: float) -> float:
        """The value on a weekday at a second after local midnight: of the block that began last, looking back a week."""
        if not self.blocks:
            return self.default
        return min(self._begun(day, second), key=lambda one: one[0])[1]

    def _begun(self, day: int, second: float) -> Sequence[tuple[float, float]]:
        """How long ago each block began last, and its value."""
        return [
            (((day - one_day) * _DAY_S + second - block.from_s) % (7 * _DAY_S), block.value)
            for block in self.blocks
            for one_day in block.days
        ]
