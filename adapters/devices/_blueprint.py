"""Copy me: a whole device family in one file. Rename, replace the map, add a line to adapters/catalogue.py.

The device of this example is a PV inverter with four holding registers: 0 a mark (0x5056), 1 its serial number, 2 its
power in W (signed, generation positive), 3 the most power it may produce in W (65535 = no limit).

What every family keeps to:
* conversations only yield requests and are sent replies (None: no usable one): no sockets, no clock, no chance here;
* a sign is turned once, in ``decode``; a value that is not told is not a number;
* ``write`` sends what differs and nothing else, in the order the device needs; a limit is rounded towards tighter;
* what the device cannot do is said in ``capability``, never approximated in silence.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from struct import unpack
from typing import Final

from adapters.family import Conversation, Look, Pace, Points, Writing
from adapters.modbus.frames import Read, Refusal, Registers, Write, Written
from grid_functions.model.control import Mode
from grid_functions.model.device import Ability, Capability, How, Nameplate
from grid_functions.model.instants import Instants
from grid_functions.model.reading import Quality, Reading
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.units import Quantity, turned


@dataclass(frozen=True, slots=True)
class BlueprintOptions:
    """What the configuration may say; every field has a default. Raise ValueError in __post_init__ for what is out of range."""

    rated_w: float = 5000.0

    def __post_init__(self) -> None:
        if not 0 < self.rated_w < _NO_LIMIT:
            raise ValueError(f"rated_w: {self.rated_w} outside 0..{_NO_LIMIT}")


@dataclass(frozen=True, slots=True)
class Found:
    """What discovery leaves for later."""

    unit: int
    serial: int


class Blueprint:
    """The family."""

    name: Final = "blueprint"

    def __init__(self, options: BlueprintOptions) -> None:
        self._options = options

    @property
    def pace(self) -> Pace:
        """It is never out of breath."""
        return Pace()

    def find(self, unit: int, known: Found | None = None) -> Conversation[Found | None]:
        """The mark tells it from strangers."""
        reply = yield Read(unit, 0, 2)
        if not isinstance(reply, Registers) or reply.values[0] != _MARK:
            return None
        return Found(unit, reply.values[1])

    def nameplate(self, found: Found) -> Nameplate:
        """The serial number, so that it can be pinned."""
        return Nameplate("Blueprint", "BP-1", str(found.serial), rated_w=self._options.rated_w, phases=1)

    def capability(self, found: Found) -> Capability:
        """Limits only: it has neither a switch nor a timer."""
        limits = (Mode.MAX_POWER, Mode.GENERATION_LIMIT, Mode.EXPORT_LIMIT)
        return Capability(dict.fromkeys(limits, Ability(How.NATIVE)), off_capable=False)

    def poll(self, found: Found, ours: frozenset[str] = frozenset()) -> Conversation[bytes | None]:
        """Power and limit in one read."""
        reply = yield Read(found.unit, 2, 2)
        return reply.data if isinstance(reply, Registers) else None

    def decode(self, found: Found, raw: bytes, now: Instants) -> Look:
        """Generation is negative here; 0x8000 says that power is not known."""
        power_w, limit_w = unpack(">hH", raw)
        known = power_w != _UNKNOWN
        value = turned(float(power_w)) if known else math.nan
        reading = Reading(value, Quality.GOOD if known else Quality.MISSING, now.mono_s, now.utc_s)
        holds = Setpoint("", produce_max_w=None if limit_w == _NO_LIMIT else float(limit_w))
        return Look({(Quantity.NET, None): reading}, holds, points={"limit": limit_w})

    def doubtful(self, found: Found) -> bool:
        """It is found by one answer, or not at all."""
        return False

    def learnt(self, found: Found) -> Mapping[str, str | int]:
        """Nothing: it is simple."""
        return {}

    def concerns(self, found: Found, wanted: Setpoint) -> frozenset[str]:
        """The one point it has."""
        return frozenset() if wanted.produce_max_w is None else frozenset({"limit"})

    def write(self, found: Found, raw: bytes, wanted: Setpoint, *, rearm: bool = False) -> Conversation[Writing[Found]]:
        """A limit beyond what the device can produce is written as its rating: it then reads back as ours."""
        if wanted.on is not None:
            return Writing(refused="cannot be switched")
        if wanted.produce_max_w is None:
            return Writing()
        limit_w = max(0, math.floor(min(wanted.produce_max_w, self._options.rated_w)))
        return (yield from self._put(found, raw, limit_w))

    def release(self, found: Found, raw: bytes, baseline: Points) -> Conversation[Writing[Found]]:
        """The limit from before us."""
        before = baseline.get("limit")
        return (yield from self._put(found, raw, before)) if isinstance(before, int) else Writing()

    def _put(self, found: Found, raw: bytes, limit_w: int) -> Conversation[Writing[Found]]:
        if unpack(">hH", raw)[1] == limit_w:
            return Writing()
        reply = yield Write(found.unit, 3, (limit_w,))
        # A write without an answer may have arrived: it counts as sent, and the read-back tells.
        sent = {} if isinstance(reply, Refusal) else {"limit": limit_w}
        refused = f"limit: {reply}" if isinstance(reply, Refusal) else ""
        assert reply is None or isinstance(reply, Written | Refusal)
        return Writing(sent, refused)


_MARK: Final = 0x5056
_UNKNOWN: Final = -0x8000
_NO_LIMIT: Final = 0xFFFF
