"""The feeder's edge coordinator in simulated time: the product's own step, its problems solved on the spot, its post carried by hand."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from gateway.lab.crew import Crew
from gateway.lab.street import Window
from gateway.solver import Solver
from grid_functions import coordinator
from grid_functions.alarm import OPERATOR
from grid_functions.building.program import Problem
from grid_functions.coordinator import AreaMachine, AreaState, AreaTerms
from grid_functions.model.function import Answer, AreaInputs
from grid_functions.model.instants import Instants
from grid_functions.model.lease import Lease, Message
from grid_functions.model.reading import MeterKey, Quality, Reading
from grid_functions.model.units import Quantity

AREA = "feeder"


class Coordinator:
    """``deaf``: homes that no lease reaches, though letters do."""

    def __init__(
        self,
        crew: Crew,
        functions: Mapping[str, AreaMachine],
        ttl_s: float = 1800.0,
        deaf: frozenset[str] = frozenset(),
    ) -> None:
        self._crew, self._functions, self._deaf = crew, functions, deaf
        self._members = tuple(spec.name for spec in crew.specs)
        self._terms = AreaTerms(AREA, self._members, 1, ttl_s)
        self._solver = Solver(2)
        self._post: dict[str, list[Lease | Message]] = {}
        self.state = AreaState()
        self.alarms: list[str] = []
        self.bytes = 0

    def of(self, function: str) -> Any:
        """What a function's machine remembers."""
        return self.state.kept[function].state

    def step(self, window: Window, orders: Iterable[tuple[str, str, Mapping[str, Any]]] = ()) -> None:
        """One step with what a window yielded, and with the answers to its problems as often as it has some."""
        told = tuple(
            Message(function, AREA, OPERATOR, kind, kind, _body(options)) for function, kind, options in orders
        )
        messages = window.letters
        answers: tuple[Answer, ...] = ()
        now = Instants(window.utc_s, window.utc_s)
        while True:
            rolls = dict.fromkeys(self._functions, self._members)
            inputs = AreaInputs((), _meter(window), window.reports, rolls, (), told, messages, answers)
            done = coordinator.step(self.state, self._terms, self._functions, inputs, now)
            self.state = done.state
            self.alarms += [f"{one.room} {one.subject}: {one.text}" for one in done.alarms]
            for member, lease in done.leases:
                if member not in self._deaf:
                    self._post.setdefault(member, []).append(lease)
            for message in done.messages:
                self.bytes += len(message.body)
                self._post.setdefault(message.to, []).append(message)
            if not done.asks:
                return
            solved = []
            for function, ask in done.asks:
                assert isinstance(ask.problem, Problem)
                solved.append(Answer(function, ask.id, self._solver.solve(ask.problem)))
            told, messages, answers = (), (), tuple(solved)

    def pass_to(self, until_utc_s: float, *, meters: bool = False) -> Window:
        """Carry the post to the homes, and let time pass until then."""
        post, self._post = self._post, {}
        window = self._crew.advance(until_utc_s, post, meters=meters)
        self.bytes += sum(len(one.body) for one in window.letters)
        return window


def _meter(window: Window) -> dict[MeterKey, Reading]:
    """The feeder's own meter: the sum of the homes' reports, at 230 V."""
    if not window.reports:
        return {}
    net_w = sum(one.power_w for one in window.reports.values())
    at_s = window.utc_s
    return {
        (Quantity.NET, None): Reading(net_w, Quality.GOOD, at_s, at_s),
        (Quantity.VOLTAGE, None): Reading(230.0, Quality.GOOD, at_s, at_s),
    }


def _body(options: Mapping[str, Any]) -> bytes:
    return json.dumps(options, sort_keys=True, separators=(",", ":")).encode()
