"""What a device family is: pure conversations and pure decoding. A driver carries them out.

A conversation is a generator that yields requests and is sent each reply, or None where no usable one came.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any, Final, Generic, Protocol, TypeVar, runtime_checkable

from adapters.modbus.frames import Reply, Request
from grid_functions.model.device import Capability, Nameplate, Vehicle, Word
from grid_functions.model.instants import Instants
from grid_functions.model.making import maker_of
from grid_functions.model.reading import MeterKey, Reading
from grid_functions.model.setpoint import Setpoint

T = TypeVar("T")
Found = TypeVar("Found")
Raw = TypeVar("Raw")

Conversation = Generator[Request, Reply | None, T]

_SILENT: Final = Word()

Points = Mapping[str, int | float | str]
"""Values by ``model.point``, in engineering units."""


@dataclass(frozen=True, slots=True)
class Look:
    """One poll, decoded. ``holds``: what the device obeys now, as read back, nameless and with ``decision`` 0.

    ``points``: the writable points as read, for the log and for a release. ``plausible``: False when the device shows
    a state that nothing may be concluded from; then neither baseline nor write is made from this look. ``beat``: its
    heartbeat, which must move from look to look while it is well. ``sleepy``: it may fall silent now without being ill. ``max_w``: the
    setting that is the base of percent, W, where it may be changed at the device; None: as the nameplate has it.
    """

    readings: Mapping[MeterKey, Reading]
    holds: Setpoint | None = None
    connected: bool | None = None
    energized: bool | None = None
    operating: bool | None = None
    vehicle: Vehicle | None = None
    word: Word = _SILENT
    alarms: frozenset[str] = frozenset()
    points: Points = field(default_factory=dict)
    text: str = ""
    plausible: bool = True
    beat: int | None = None
    sleepy: bool = False
    max_w: float | None = None


def measured(look: Look, readings: Mapping[MeterKey, Reading]) -> Look:
    """The same look with these readings."""
    return _look(readings, *_all_else(look))


@dataclass(frozen=True, slots=True)
class Pace:
    """How gently a device wants to be asked, for its link, and how often it must hear from us, for its driver.

    ``timeout_s`` None: as the link has it. ``beat_s``: what its watchdog is fed by comes at least so often while something is ours;
    None: nothing watches.
    """

    min_gap_s: float = 0.0
    timeout_s: float | None = None
    beat_s: float | None = None


@dataclass(frozen=True, slots=True)
class Writing(Generic[Found]):
    """What one write conversation did. ``points`` empty and nothing ``refused``: nothing differed, nothing was sent.

    ``points``: all that was sent, also what was never acknowledged: it may have arrived. ``refused``: the device's
    words when it did not take some write, or ours when what is wanted cannot be said to it; what follows in the
    sequence was then left out. ``found``: what discovery left, bettered by what the writes have shown. ``pending``: what
    the device has still to do before the rest can be written; it is no failure yet.
    """

    points: Points = field(default_factory=dict)
    refused: str = ""
    found: Found | None = None
    pending: str = ""

    @property
    def silent(self) -> bool:
        """Nothing was sent and nothing refused: what is wanted is what was read."""
        return not self.points and not self.refused and not self.pending


@dataclass(frozen=True, slots=True)
class DcPort:
    """One input or port of direct current: what is behind it, and what flows there. None: not told.

    ``power_w``: positive = into what is behind it (a battery charges), negative = from there. ``given_wh``: all that ever came from there.
    """

    name: str
    kind: str = ""
    power_w: float | None = None
    current_a: float | None = None
    voltage_v: float | None = None
    given_wh: float | None = None
    temperature_c: float | None = None
    state: str = ""
    alarms: frozenset[str] = frozenset()


@runtime_checkable
class Ported(Protocol):
    """A family whose devices tell of their ports of direct current."""

    def ports(self, found: Any) -> Conversation[tuple[DcPort, ...]]:
        """Read them all; empty where there are none."""


class Family(Protocol[Found, Raw]):
    """One device family. ``Found``: what discovery leaves for later; ``Raw``: what one poll brought."""

    @property
    def name(self) -> str:
        """The family's name in the configuration."""

    @property
    def pace(self) -> Pace:
        """How gently its devices want to be asked, as far as the options tell."""

    def find(self, unit: int, known: Found | None = None) -> Conversation[Found | None]:
        """Look for a device of this family behind ``unit``; None when there is none. ``known``: where it was last time."""

    def nameplate(self, found: Found) -> Nameplate:
        """What the device says it is."""

    def capability(self, found: Found) -> Capability:
        """What it can obey."""

    def poll(self, found: Found, ours: frozenset[str] = frozenset()) -> Conversation[Raw | None]:
        """Read all that changes; None when the device did not answer.

        ``ours``: the points we hold or are about to: they are read in any case, and while there are some, the device is
        shown our heartbeat, if it watches for one.
        """

    def decode(self, found: Found, raw: Raw, now: Instants) -> Look:
        """What a poll says."""

    def doubtful(self, found: Found) -> bool:
        """Whether something was not told when it was found that may be told another time."""

    def learnt(self, found: Found) -> Mapping[str, str | int]:
        """What writes have shown of its habits, for people and for its profile."""

    def concerns(self, found: Found, wanted: Setpoint) -> frozenset[str]:
        """The points that ``wanted`` decides: they are ours as long as it holds."""

    def write(self, found: Found, raw: Raw, wanted: Setpoint, *, rearm: bool = False) -> Conversation[Writing[Found]]:
        """Write what differs between the poll ``raw`` and ``wanted``, in the order the device needs.

        A revert timer that the device shows to be past its half is started anew; with ``rearm`` also one that it does
        not show.
        """

    def release(self, found: Found, raw: Raw, baseline: Points) -> Conversation[Writing[Found]]:
        """Give the points of ``baseline`` back these values, where they differ; a limit ends before it changes."""


class Concerns(Generic[Found]):
    """What a family says a setpoint decides; asked again when device or setpoint is another, for one stands for many polls."""

    def __init__(self, ask: Callable[[Found, Setpoint], frozenset[str]]) -> None:
        self._ask = ask
        self._last: tuple[Found, Setpoint, frozenset[str]] | None = None

    def __call__(self, found: Found, wanted: Setpoint) -> frozenset[str]:
        """The points."""
        last = self._last
        if last is None or last[0] is not found or last[1] is not wanted:
            last = self._last = found, wanted, self._ask(found, wanted)
        return last[2]


_look: Final = maker_of(Look)
_all_else: Final = attrgetter(*[one.name for one in fields(Look) if one.name != "readings"])
