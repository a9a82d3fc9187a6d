"""A device behind a stand-in of EdgeX, under a hand-moved clock: what is asked is carried out at once, unless the test holds it back."""

import json
from typing import Any

from adapters.edgex import messages
from adapters.edgex.messages import Answer
from adapters.edgex.options import EdgexOptions
from adapters.edgex.unit import Get, Put, Unit, UnitSettings
from adapters.knobs.keeping import Keeping
from adapters.settings import Pinned
from grid_functions.model.device import Condition, Role, Seen
from grid_functions.model.instants import Instants
from grid_functions.model.setpoint import Setpoint
from tests.adapters.edgex.foundry import Edgex, Fault, Machine

START_UTC_S = 1_700_000_000.0


class Stage:
    """``said``: every setting. The device is called Dev in EdgeX and x here."""

    def __init__(
        self,
        machine: Machine,
        role: Role = Role.PV,
        *,
        pinned: Pinned = Pinned(),  # noqa: B008 - it is frozen
        keeping: Keeping = Keeping(),  # noqa: B008 - it is frozen
        read_only: bool = False,
        **options: Any,
    ) -> None:
        self.t_s = 0.0
        self.machine = machine
        self.edgex = Edgex(Dev=machine)
        self.edgex.now = lambda: START_UTC_S + self.t_s
        settings = UnitSettings("x", "Dev", role, EdgexOptions(**options), pinned, 10.0, read_only)
        self.unit = Unit(settings, keeping, lambda low, high: high)
        self.said: list[Put] = []
        self.asked: list[Get] = []

    @property
    def now(self) -> Instants:
        return Instants(self.t_s, START_UTC_S + self.t_s)

    @property
    def condition(self) -> Condition:
        return self.look().condition

    def look(self) -> Seen:
        return self.unit.seen(self.now)

    def read(self) -> None:
        """Everything that is due."""
        while (get := self.unit.asks(self.now)) is not None:
            self.asked.append(get)
            self.unit.got(self.answer(get.command, "get", None), self.now)

    def answer(self, command: str, method: str, body: Any) -> Answer:
        """As core-command does over HTTP."""
        try:
            event = self.edgex.command("Dev", command, method, body)
        except Fault as fault:
            plain = {"apiVersion": "v3", "statusCode": fault.code, "message": str(fault)}
            return messages.answer(fault.code, json.dumps(plain).encode())
        plain = {"apiVersion": "v3", "statusCode": 200, **({} if event is None else {"event": event})}
        return messages.answer(200, json.dumps(plain).encode())

    def want(self, decision: int = 1, **fields: Any) -> Put | None:
        """Another setpoint, and what is set for it."""
        self.unit.want(Setpoint("x", decision, **fields))
        return self.due()

    def due(self) -> Put | None:
        put = self.unit.due(self.now)
        self.said += [] if put is None else [put]
        return put

    def done(self, put: Put | None) -> None:
        """It is carried out, and read back."""
        assert put is not None
        self.t_s += 0.1
        error = self.unit.set_done(self.answer(put.command, "set", {put.resource: put.value}))
        self.unit.answered(error, self.now)
        self.read()

    def later(self, seconds: float) -> Put | None:
        """Time passes, a second at a time, and what is due is read."""
        while seconds > 0:
            self.t_s += min(1.0, seconds)
            seconds -= 1.0
            self.read()
        return self.due()

    def hear(self, *names: str, origin_s: float | None = None, live: bool = True, **fields: Any) -> bool:
        """An event of these resources."""
        event = {**self.edgex.event("Dev", *names, origin_s=origin_s), **fields}
        return self.unit.heard(messages.event_in(json.dumps(event).encode()), self.now, live=live)
