"""A unit in memory: registers laid out by pysunspec2's definitions, and a conversation carried out on them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from struct import pack
from typing import TypeVar

from adapters.family import Conversation
from adapters.modbus.frames import Read, Refusal, Registers, Reply, Request, Write, Written
from adapters.simulator.registers import BASE, PointKey, layout

T = TypeVar("T")

Answering = Callable[[Request], Reply | bool | None]
"""What is answered out of the ordinary: a refusal, None for silence, True for "as usual"."""


def usual(request: Request) -> bool:
    """Nothing out of the ordinary."""
    return True


def sixteen_refused(request: Request) -> Reply | bool:
    """Kostal: a write of one register with function 16 earns exception 2."""
    return Refusal(2) if isinstance(request, Write) and request.function == 16 else True


@dataclass
class Unit:
    """``values`` by (model, point), raw; what is not given is not implemented."""

    models: tuple[int, ...]
    values: dict[PointKey, int | str]
    answering: Answering = usual
    unpadded: bool = False
    asked: list[Request] = field(default_factory=list)

    def carry_out(self, conversation: Conversation[T]) -> T:
        """The conversation's result; ``asked`` then holds the requests it made."""
        self.asked = []
        try:
            request = next(conversation)
            while True:
                self.asked.append(request)
                request = conversation.send(self._reply(request))
        except StopIteration as end:
            result: T = end.value
            return result

    @property
    def reads(self) -> list[tuple[int, int]]:
        """The reads of the last conversation: address and count."""
        return [(r.address, r.count) for r in self.asked if isinstance(r, Read)]

    @property
    def writes(self) -> list[tuple[int, tuple[int, ...], int]]:
        """The writes of the last conversation: address, registers, function."""
        return [(w.address, w.values, w.function) for w in self.asked if isinstance(w, Write)]

    def address(self, model: int, point: str) -> int:
        """Where a point stands."""
        image = layout(self.models, self.unpadded)
        return BASE + next(p.offset for p in image.points if p.key == (model, point))

    def _reply(self, request: Request) -> Reply | None:
        special = self.answering(request)
        if special is not True:
            return special if not isinstance(special, bool) else None
        image = layout(self.models, self.unpadded)
        if isinstance(request, Write):
            points = image.split(request.address, list(request.values))
            if not isinstance(points, Mapping):
                return Refusal(points)
            self.values |= points
            return Written()
        at = request.address - BASE
        if not 0 <= at <= image.size - request.count:
            return Refusal(2)
        return Registers(pack(f">{request.count}H", *image.encode(self.values)[at : at + request.count]))


def identified(serial: str = "S-1") -> dict[PointKey, int | str]:
    """Model 1."""
    return {(1, "Mn"): "Maker", (1, "Md"): "Thing", (1, "Vr"): "2.1", (1, "SN"): serial, (1, "DA"): 1}


def points(model: int, **named: int) -> dict[PointKey, int | str]:
    """Raw values of one model."""
    return {(model, name): value for name, value in named.items()}
