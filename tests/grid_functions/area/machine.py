"""A machine of an area in one place with its world: reports, letters and orders in; grants, letters, problems and alarms out."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from grid_functions.alarm import alarm_of
from grid_functions.model.function import Answer, AreaInputs, Ask, WakeAt
from grid_functions.model.instants import Instants
from grid_functions.model.lease import Grant, MemberReport, Message

MIDNIGHT = 86_400.0 * 20_000


class Bench:
    """``utc_s`` moves as a test says; what stands is what was granted last under each subject."""

    def __init__(self, function: Any, name: str, members: Iterable[str]) -> None:
        self.function, self.name = function, name
        self.state = function.empty()
        self.members = tuple(members)
        self.utc_s = MIDNIGHT
        self.powers_w: dict[str, float] = {}
        self.reach_w: dict[str, tuple[float, float]] = {}
        self.granted: dict[tuple[str, str], Grant] = {}
        self.letters: list[Message] = []
        self.asks: list[Ask] = []
        self.alarms: list[str] = []
        self.wake_s: list[float] = []

    def step(self, *, orders: Iterable[Message] = (), **told: Any) -> None:
        """One step now, with what members report."""
        reports = {
            member: MemberReport(member, self.utc_s, power_w, *self.reach_w.get(member, (0.0, 10_000.0)))
            for member, power_w in self.powers_w.items()
        }
        inputs = replace(
            AreaInputs((), {}, reports, enrolled=self.members, orders=tuple(orders)),
            **told,
        )
        done = self.function.step(self.state, inputs, Instants(self.utc_s - MIDNIGHT, self.utc_s))
        self.state = done.state
        self.wake_s = [one.moment.at_s for one in done.outputs if isinstance(one, WakeAt)]
        assert all(at_s > self.utc_s for at_s in self.wake_s)
        for one in done.outputs:
            if isinstance(one, Grant):
                self.granted.pop((one.member, one.subject), None)
                if not one.nothing:
                    self.granted[one.member, one.subject] = one
            elif isinstance(one, Ask):
                self.asks.append(one)
            elif isinstance(one, Message):
                alarm = alarm_of(one)
                self.letters += [] if alarm else [one]
                self.alarms += [f"{alarm.subject}: {alarm.text}"] if alarm else []

    def run(self, seconds: float, every_s: float = 60.0) -> None:
        """So long, with a report at each ``every_s``."""
        end_s = self.utc_s + seconds
        while self.utc_s < end_s:
            self.utc_s = min(end_s, self.utc_s + every_s)
            self.step()

    def order(self, kind: str, **options: Any) -> None:
        """One step with an order."""
        self.step(orders=[Message(self.name, self.name, "operator", kind, kind, json.dumps(options).encode())])

    def hear(self, *messages: Message, **told: Any) -> None:
        """One step with letters of members."""
        self.step(messages=messages, **told)

    def answer(self, solution: object) -> None:
        """One step with the answer to the last problem."""
        self.step(answers=(Answer(self.name, self.asks[-1].id, solution),))

    def reborn(self) -> None:
        """A restart: of all that was, only the durable is left, and nothing is granted any more."""
        self.state = replace(self.function.empty(), durable=self.state.durable)
        self.granted.clear()

    def controls(self, subject: str) -> Mapping[str, tuple[object, ...]]:
        """What members hold constantly under a subject."""
        return {member: one.controls for (member, about), one in self.granted.items() if about == subject}
