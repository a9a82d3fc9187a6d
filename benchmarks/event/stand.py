"""Where event_to_ack is played: certificates, the far ends as a process, the control connection, the account of one play."""

import asyncio
import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.event import play
from benchmarks.far_end import certified, far_end
from certs.identity import Identity

IDLE_S = 0.008
"""Slept between the end of one event, as the far ends see it, and the poll that finds the next. A side that goes on working then (commits,
looks) does so in this time, and its CPU counts."""

PATIENCE_S = 20.0

UNIT = 1
READ = 3
REVERT_S = 60


@dataclass(frozen=True, slots=True)
class Stand:
    """The far ends, running. ``folder`` holds client.chain.pem, client.key and client.root.pem."""

    folder: Path
    identity: Identity
    tls: int
    modbus: int
    control: socket.socket

    def begin(self) -> None:
        """A play starts afresh."""
        self.control.setblocking(True)
        self.control.sendall(b"go\n")
        while self.control.recv(1) != b"!":
            pass

    async def over(self) -> None:
        """Returns when the event under way is wholly dealt with."""
        async with asyncio.timeout(PATIENCE_S):
            dot = await asyncio.get_running_loop().sock_recv(self.control, 1)
        assert dot == b".", dot

    def end(self) -> tuple[Mapping[str, Any], ...]:
        """The account of every event of the play."""
        self.control.setblocking(True)
        self.control.sendall(b"end\n")
        with self.control.makefile("rb", buffering=0) as lines:
            return tuple(json.loads(lines.readline()))


@dataclass(frozen=True, slots=True)
class Played:
    """One side's play: its account, and its own process CPU per timed event, s."""

    account: tuple[Mapping[str, Any], ...]
    cpu_s: float

    def wall_s(self, tightens: bool) -> list[float]:
        """List on its way -> effective write acknowledged, of the timed events of one kind."""
        return [
            float(one["wall_s"])
            for number, one in enumerate(self.account)
            if number >= play.WARM and play.event(number).tightens is tightens
        ]


Request = tuple[int, int, int]
"""Function, address, count."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """The Modbus requests of one event as ours makes them, in order: (function, address, count)."""

    tightening: tuple[Request, ...]
    loosening: tuple[Request, ...]

    def of(self, number: int) -> tuple[Request, ...]:
        """The requests of that event."""
        return self.tightening if play.event(number).tightens else self.loosening

    @property
    def limit_at(self) -> int:
        """The address of WMaxLimPct: the one register that is written alone."""
        return next(address for function, address, count in self.tightening if function != READ and count == 1)


def recipe(account: Sequence[Mapping[str, Any]]) -> Recipe:
    """What ours does most often, so that the peers do the very same."""
    usual = []
    for odd in (0, 1):
        made = [
            tuple((int(function), int(address), int(count)) for function, address, count, _ in one["modbus"])
            for one in account[play.WARM + odd :: 2]
        ]
        usual.append(max(set(made), key=made.count))
    return Recipe(*usual)


def values(request: Request, limit: int) -> list[int]:
    """What a write carries: the limit alone, or with it the value to revert to, that it is enabled, and 60 s (two registers)."""
    return [limit] if request[2] == 1 else [limit, 1, 0, REVERT_S]


def check(sides: Mapping[str, Played]) -> None:
    """Raises AssertionError unless each side wrote the same values to the same registers in the same order, answered the same, for
    every timed event."""
    for name, played in sides.items():
        assert len(played.account) == play.EVENTS, name
        for number in range(play.WARM, play.EVENTS):
            one, event, before = played.account[number], play.event(number), play.event(number - 1)
            assert one["limit"] == event.limit, (name, number, one)
            assert one["gets"] == 1, (name, number, one)
            answers = {(str(subject), int(status)) for subject, status in one["answers"]}
            assert answers == {(event.mrid, 1), (event.mrid, 2), (before.mrid, 7)}, (name, number, one)
            assert _writes(one) == [[16, 40312, 4, values((16, 0, 4), event.limit)], [16, 40311, 1, [event.limit]]], (
                name,
                number,
                one,
            )


def _writes(one: Mapping[str, Any]) -> list[Any]:
    return [request for request in one["modbus"] if request[0] != READ]


@contextmanager
def stand(folder: Path) -> Iterator[Stand]:
    """The far ends in a process of their own, until left."""
    own = certified(folder)
    with far_end("benchmarks.event.ends", str(folder), own.lfdi, str(own.sfdi), alone=False) as end:
        ports = json.loads(end.answers.readline())
        with socket.create_connection(("127.0.0.1", ports["control"])) as control:
            control.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield Stand(folder, own, ports["tls"], ports["modbus"], control)
