"""A heater by itself, under a hand-moved clock, in front of registers that are written down by hand."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from adapters.heaters.options import HeaterOptions
from adapters.heaters.profile import HeaterProfile, heater, read_heater
from adapters.heaters.unit import HeaterSettings, Unit
from adapters.knobs.keeping import Keeping
from adapters.modbus.frames import Read, Refusal, Registers, Reply, Request, Write, Written
from adapters.registers.spans import Span, Values, read
from adapters.settings import Pinned
from grid_functions.model.device import Condition, Seen
from grid_functions.model.instants import Instants
from grid_functions.model.setpoint import Setpoint

START_UTC_S = 1_700_000_000.0
BLUEPRINT = (Path(__file__).parents[3] / "adapters/devices/heaters/_blueprint.yaml").read_text()
LETTERS = {3: "H", 4: "I"}

ROOM = {"I502": 215, "H1501": 210, "I5001": 449}
"""21.5 degrees, set to 21.0, a WPMsystem."""
TANK = {"H1000": 1500, "H1001": 523, "H1002": 600, "H1014": 3500, "H1016": 210} | {
    f"H{1018 + n}": word for n, word in enumerate((0x3230, 0x3031, 0x3234, 0x3036, 0x3031, 0x3031, 0x3030, 0x3132))
}
"""1,500 W, 52.3 degrees, to be 60.0; 3,500 W at most; firmware 210; serial number 2001240601010012."""
MADE_UP = {"I10": 41, "I20": 0x4142, "I21": 0x3132, "I22": 0, "I23": 0, "I100": 0xFF38, "I101": 0, "I102": 800} | {
    "I103": 0,
    "I104": 25,
    "I105": 200,
    "H201": 2,
}
"""The blueprint's: AB12; -20.0 degrees, 800 W, 2.5 kWh; set to 20.0; on."""


class Box:
    """Registers by table letter and number. ``deaf``: it takes writes and keeps what it had. ``silent``: it answers nothing."""

    def __init__(self, registers: Mapping[str, int]) -> None:
        self.registers = dict(registers)
        self.shows: dict[str, str] = {}
        self.deaf = self.silent = False
        self.refuses: int | None = None

    def answer(self, request: Request) -> Reply | None:
        if self.silent:
            return None
        if isinstance(request, Read):
            places = [f"{LETTERS[request.function]}{request.address + n}" for n in range(request.count)]
            if not all(place in self.registers for place in places):
                return Refusal(2)
            return Registers(b"".join(self.registers[place].to_bytes(2, "big") for place in places))
        if self.refuses is not None:
            return Refusal(self.refuses)
        place = f"H{request.address}"
        if not self.deaf:
            self.registers[self.shows.get(place, place)] = request.values[0]
        return Written()


class Stage:
    """The device is called x. ``said``: every setting."""

    def __init__(
        self,
        box: Box,
        family: str = "stiebel-isg-room-1",
        *,
        profile: HeaterProfile | None = None,
        keeping: Keeping = Keeping(),  # noqa: B008 - it is frozen
        pinned: Pinned = Pinned(),  # noqa: B008 - it is frozen
        read_only: bool = False,
        settle_s: float = 10.0,
        **options: Any,
    ) -> None:
        self.t_s = 0.0
        self.box = box
        of = profile or heater(family)
        self.unit = Unit(
            HeaterSettings("x", family, of, of.unit, HeaterOptions(**options), pinned, settle_s, read_only), keeping
        )
        self.said: list[Write] = []
        self.meet()

    @property
    def now(self) -> Instants:
        return Instants(self.t_s, START_UTC_S + self.t_s)

    @property
    def condition(self) -> Condition:
        return self.look().condition

    def look(self) -> Seen:
        return self.unit.seen(self.now)

    def meet(self) -> bool:
        met = self.unit.met(self._read(self.unit.first), self.now)
        if met and self.unit.doubts:
            self.poll()
        return met

    def poll(self) -> None:
        """Once, and again where what it is set to is not believed."""
        for _ in range(2):
            values = self._read(self.unit.polled)
            if values is None:
                self.unit.silent("it is silent")
                return
            self.unit.took(values, self.now)
            if not self.unit.doubts:
                return

    def want(self, decision: int = 1, **fields: Any) -> Write | None:
        """Another setpoint, and what is set for it."""
        self.unit.want(Setpoint("x", decision, **fields))
        return self.due()

    def due(self) -> Write | None:
        call = self.unit.due(self.now)
        self.said += [] if call is None else [call]
        return call

    def done(self, call: Write | None) -> None:
        """It is carried out, and looked at."""
        assert call is not None
        self.t_s += 0.1
        reply = self.box.answer(call)
        if not isinstance(reply, Refusal):
            self.unit.wrote(call, self.now)
        self.unit.answered("" if isinstance(reply, Written) else str(reply), self.now)
        self.poll()

    def later(self, seconds: float) -> Write | None:
        """Time passes, a second at a time, and it is polled."""
        while seconds > 0:
            self.t_s += min(1.0, seconds)
            seconds -= 1.0
            self.poll()
        return self.due()

    def _read(self, spans: Iterable[Span]) -> Values | None:
        talk = read(self.unit.settings.unit, spans)
        reply: Reply | None = None
        try:
            request = next(talk)
            while True:
                reply = self.box.answer(request)
                request = talk.send(reply)
        except StopIteration as stop:
            found: Values | None = stop.value
            return found


def made_up(box: Box, **more: Any) -> Stage:
    """The blueprint's."""
    box.shows["H200"] = "I105"
    more.setdefault("profile", read_heater(BLUEPRINT, "mine.yaml"))
    return Stage(box, "mine", **more)
