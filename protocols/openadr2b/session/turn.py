"""One step in the making: the state as it becomes, and what it wants of the world so far."""

from dataclasses import replace
from functools import partial
from typing import Any

from grid_functions.model.instants import Instants
from grid_functions.model.ports import Dice
from protocols.exchange import Alarm
from protocols.openadr2b.session import book as books
from protocols.openadr2b.session import history, opts, requests, stock
from protocols.openadr2b.session.exchange import Output, Remember, Request
from protocols.openadr2b.session.state import (
    REGISTRATION_KEY,
    REGISTRATION_VERSION,
    ForReport,
    Letter,
    Purpose,
    Registration,
    State,
    kept,
)
from protocols.openadr2b.wire.messages import Message, Service, service_of

MOST_LETTERS = 100
"""Replies that wait for a VTN that pushes and does not take them."""


class Turn:
    """Lives for one step; ``mono_s`` and ``utc_s`` are its instant."""

    def __init__(self, state: State, now: Instants, dice: Dice) -> None:
        self.state = state
        self.outputs: list[Output] = []
        self.mono_s = now.mono_s
        self.utc_s = now.utc_s
        self.dice = dice

    @property
    def server_s(self) -> float:
        """The VTN's time now."""
        return self.state.clock.now_s(self.mono_s)

    def change(self, **changes: Any) -> None:
        """Set fields of the state."""
        self.state = replace(self.state, **changes)

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

    def remark(self, text: str) -> None:
        """Say something once that neither lasts nor ends."""
        self.outputs.append(Alarm(f"remark {text}", text))

    def number(self) -> int:
        """The next number of ours."""
        self.change(serial=self.state.serial + 1)
        return self.state.serial

    def request_id(self) -> str:
        """A requestID: unique in this run and told apart from those of other runs."""
        return f"{int(self.utc_s * 1000):x}-{self.number():x}"

    def send(self, message: Message, purpose: Purpose, why: str, *, service: Service | None = None) -> None:
        """A request leaves, in its lane."""
        number = self.number()
        at = service or service_of(message) or Service.POLL
        if isinstance(purpose, ForReport):
            self.change(upload=(number, purpose))
        else:
            self.change(talk=(number, purpose))
        self.outputs.append(Request(number, at, message, why))

    def post(self, service: Service, message: Message) -> None:
        """A reply waits for its turn."""
        letters = (*self.state.letters, Letter(self.number(), service, message))
        if len(letters) > MOST_LETTERS:
            self.remark(f"the VTN asks and takes no replies: more than {MOST_LETTERS} wait, the oldest is dropped")
        self.change(letters=letters[-MOST_LETTERS:])

    def unpost(self, letter: Letter) -> None:
        """A reply is not to be posted any more."""
        self.change(letters=tuple(one for one in self.state.letters if one.serial != letter.serial))

    def register(self, registration: Registration) -> None:
        """Take and keep a registration, or that there is none."""
        if registration != self.state.registration:
            self.change(registration=registration)
            self.outputs.append(Remember(REGISTRATION_KEY, REGISTRATION_VERSION, partial(kept, registration)))

    def keep(self, before: State) -> None:
        """What of the durable parts changed since ``before`` is to be kept."""
        now = self.state
        if now.book.known is not before.book.known and not books.lasts(before.book, now.book):
            self.outputs.append(
                Remember(books.KEY, books.VERSION, partial(books.saved, now.book), books.is_long(now.book))
            )
        if now.opts is not before.opts:
            self.outputs.append(Remember(opts.KEY, opts.VERSION, partial(opts.saved, now.opts)))
        if now.requests is not before.requests:
            self.outputs.append(Remember(requests.KEY, requests.VERSION, partial(requests.saved, now.requests)))
        if now.stock.series is not before.stock.series:
            self.outputs.extend(history.changed(before.stock, now.stock))
        if now.stock.unsent is not before.stock.unsent:
            self.outputs.append(Remember(stock.KEY, stock.VERSION, partial(stock.saved, now.stock), long=True))
