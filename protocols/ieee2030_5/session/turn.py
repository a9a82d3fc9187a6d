"""One step in the making: the state as it becomes, and what it wants of the world so far."""

from dataclasses import fields
from operator import attrgetter
from typing import cast

from grid_functions.model.instants import Instants
from grid_functions.model.making import twin_of
from grid_functions.model.ports import Dice
from protocols.exchange import Alarm
from protocols.ieee2030_5.session.exchange import Method, Output, Request
from protocols.ieee2030_5.session.state import Purpose, State
from protocols.ieee2030_5.session.tree import Place
from protocols.ieee2030_5.wire.messages import Message

_VALUES = attrgetter(*(field.name for field in fields(State)))
_Becoming = twin_of(State)


class Turn:
    """Lives for one step; ``mono_s`` and ``utc_s`` are its instant. ``state`` is its own until the step is over; ``stirred``: more
    happened in it than time and polls that found nothing new."""

    def __init__(self, state: State, now: Instants, dice: Dice) -> None:
        self.state = cast(State, _Becoming(*_VALUES(state)))
        self.outputs: list[Output] = []
        self.mono_s = now.mono_s
        self.utc_s = now.utc_s
        self.dice = dice
        self.stirred = True

    @property
    def server_s(self) -> float:
        """The server's time now."""
        return self.state.clock.now_s(self.mono_s)

    def change(self, **changes: object) -> None:
        """Set fields of the state."""
        # One copy for a step and not one for each change of it: copies were a third of what a poll costs.
        for name, value in changes.items():
            setattr(self.state, name, value)

    def become(self) -> State:
        """The state as it became, frozen; the step is over."""
        self.state.__class__ = State
        return self.state

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

    def reschedule(self, place: Place, due_s: float) -> None:
        """Move one poll."""
        self.change(tree=self.state.tree.due_at(due_s, place))

    def send(self, method: Method, url: str, message: Message | None, purpose: Purpose, why: str) -> int:
        """A request leaves; its number."""
        number = self.state.serial + 1
        self.change(serial=number, waiting={**self.state.waiting, number: purpose})
        self.outputs.append(Request(number, method, url, message, why))
        return number
