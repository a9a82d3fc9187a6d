"""Twins behind one port or line, each at its unit, on a clock that is handed in. Pure, but for that clock."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from adapters.modbus.frames import Frame, Refusal, Reply, decode_request, encode_reply
from adapters.simulator.car import Car
from adapters.simulator.heater import HeaterTwin
from adapters.simulator.twin import Twin
from adapters.simulator.wire import Chunk

_ABSENT = 0x0B


class Twins:
    """``units``: the devices by unit id; behind any other nobody answers. ``mute``: units that answer nothing; ``asked``: how many
    requests came.
    """

    one_session = False

    def __init__(self, units: Mapping[int, Twin | HeaterTwin], clock: Callable[[], float]) -> None:
        self._clock = clock
        self._units: dict[int, Twin | HeaterTwin] = {unit: replace(twin, t_s=clock()) for unit, twin in units.items()}
        self.mute: set[int] = set()
        self.asked = 0

    @property
    def t_s(self) -> float:
        """The clock's present second."""
        return self._clock()

    def twin(self, unit: int) -> Twin:
        """The device now. KeyError: there is none, or it is a heater."""
        found = self._now(unit)
        if isinstance(found, HeaterTwin):
            raise KeyError(unit)
        return found

    def heater(self, unit: int) -> HeaterTwin:
        """The heater now. KeyError: there is none."""
        found = self._now(unit)
        if isinstance(found, Twin):
            raise KeyError(unit)
        return found

    def change(self, unit: int, **what: Any) -> None:
        """The device from now on otherwise, by the fields of a twin."""
        self._units[unit] = replace(self._now(unit), **what)

    def plug(self, unit: int, car: Car | None) -> None:
        """This car, or none, from now on."""
        self._units[unit] = self.twin(unit).plugged(car)

    def muted(self, unit: int) -> bool:
        """A mute one loses what it is asked, and never catches up."""
        return False

    def reply(self, frame: Frame) -> Reply | None:
        """What the device behind the frame's unit says; None: nothing."""
        self.asked += 1
        if frame.unit in self.mute:
            return None
        if frame.unit not in self._units:
            return Refusal(_ABSENT)
        request = decode_request(frame)
        if isinstance(request, Refusal):
            return request
        self._units[frame.unit], reply = self._units[frame.unit].asked(request, self.t_s)
        return reply

    def answer(self, frame: Frame, answered_s: float) -> tuple[Chunk, ...]:
        """As a server over TCP says it."""
        reply = self.reply(frame)
        return () if reply is None else (Chunk(0.0, encode_reply(frame, reply)),)

    def _now(self, unit: int) -> Twin | HeaterTwin:
        self._units[unit] = self._units[unit].at(self.t_s)
        return self._units[unit]
