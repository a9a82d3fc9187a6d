"""The seams. Everything outside the ground floor is reached through these; they declare, and await nothing."""

from collections.abc import Callable
from typing import Protocol

from grid_functions.model.device import Seen
from grid_functions.model.event import Read, Respondent
from grid_functions.model.instants import Instants
from grid_functions.model.lease import Lease, Message
from grid_functions.model.outcome import Outcome
from grid_functions.model.policy import Policy
from grid_functions.model.reading import Average
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.usual import Usual


class Upstream(Protocol):
    """One session with one utility, VTN or aggregator, for all respondents it serves."""

    @property
    def name(self) -> str:
        """The upstream's name in the configuration; also the name of its clock."""

    def policy(self, respondent: Respondent) -> Policy:
        """How this respondent's timeline runs."""

    async def run(self, intake: Callable[[Read], None]) -> None:
        """Hold the session until cancelled, handing over every read; outages are lived through, never raised."""

    async def tell(self, outcome: Outcome) -> None:
        """Send what is owed; returns when the upstream acknowledged it (or wanted no answer)."""

    def show(
        self, respondent: Respondent, snapshot: Snapshot, averages: tuple[Average, ...], usual: Usual | None = None
    ) -> None:
        """Hand over the latest picture for status and metering, and what is usual there; returns at once."""


class Device(Protocol):
    """One device behind its driver."""

    @property
    def name(self) -> str:
        """The device's name in the configuration."""

    async def run(self, intake: Callable[[Seen], None]) -> None:
        """Poll and reconcile until cancelled, handing over every look; a dead device is a look, not an error."""

    def want(self, setpoint: Setpoint) -> None:
        """What should hold from now on; the newest wins; returns at once."""


class Members(Protocol):
    """The way from an area's coordinator to its member sites."""

    async def send(self, member: str, what: Lease | Message) -> None:
        """Returns when the member has it; raises Unreachable when it does not."""

    async def run(self, intake: Callable[[Message], None]) -> None:
        """Hand over what members say, until cancelled."""


class Memory(Protocol):
    """Versioned bytes by key, with the ledger's guarantees."""

    def get(self, key: str) -> tuple[int, bytes] | None:
        """The version and bytes last put, or None."""

    async def put(self, key: str, version: int, body: bytes) -> None:
        """Returns when durable; raises LedgerUnavailable when it cannot be."""


class Clock(Protocol):
    """All clocks at once."""

    def now(self) -> Instants:
        """One look."""


class Dice(Protocol):
    """Chance, for the jitter of retries only; draws that mean something are keyed hashes."""

    def jitter(self, low_s: float, high_s: float) -> float:
        """A number in [low_s, high_s]."""
