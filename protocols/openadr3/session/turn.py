"""One step in the making: the state as it becomes, and what it wants of the world so far."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from grid_functions.model.instants import Instants
from grid_functions.model.ports import Dice
from protocols.exchange import Alarm
from protocols.openadr3.session.exchange import Method, Output, Remember, Request
from protocols.openadr3.session.state import Purpose, State
from protocols.openadr3.wire.writer import with_query


class Turn:
    """Lives for one step; ``mono_s`` and ``utc_s`` are its instant."""

    def __init__(self, state: State, now: Instants, dice: Dice) -> None:
        self.state = replace(state, ahead_s=now.utc_s - now.mono_s)
        self.outputs: list[Output] = []
        self.mono_s = now.mono_s
        self.utc_s = now.utc_s
        self.dice = dice

    def change(self, **changes: object) -> None:
        """Set fields of the state."""
        self.state = replace(self.state, **changes)  # type: ignore[arg-type]  # the names are State's own

    def alarm(self, key: str, text: str) -> None:
        """Raise an alarm unless it stands."""
        if key not in self.state.alarms:
            self.change(alarms=self.state.alarms | {key})
            self.outputs.append(Alarm(key, text))

    def calm(self, key: str) -> None:
        """End an alarm if it stands."""
        if key in self.state.alarms:
            self.change(alarms=self.state.alarms - {key})
            self.outputs.append(Alarm(key, "", raised=False))

    def remember(self, key: str, version: int, body: bytes) -> None:
        """Have this kept for the next boot."""
        self.outputs.append(Remember(key, version, body))

    def send(
        self,
        method: Method,
        path: str,
        purpose: Purpose,
        why: str,
        *,
        json: dict[str, Any] | None = None,
        query: Iterable[tuple[str, str]] = (),
    ) -> int:
        """A request to the VTN leaves, with the token there is; its number."""
        token = self.state.grant.token
        url = with_query(f"{self.state.terms.base}{path}", query)
        return self.dispatch(Request(0, method, url, why, json=json, bearer=token), purpose)

    def dispatch(self, request: Request, purpose: Purpose) -> int:
        """A request leaves as it is, under a number of its own."""
        number = self.state.serial + 1
        bearers = {**self.state.bearers, number: request.bearer}
        self.change(serial=number, waiting={**self.state.waiting, number: purpose}, bearers=bearers)
        self.outputs.append(replace(request, id=number))
        return number
