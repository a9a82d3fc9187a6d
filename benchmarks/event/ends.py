"""Both far ends of event_to_ack in a process of their own: an upstream over TLS and a Modbus device, one clock for both.

Bodies and registers are ready before anything is timed, so what this process costs is the same for every side and small. Run as
``python -m benchmarks.event.ends FOLDER LFDI SFDI``; the first line on stdout is {"tls", "modbus", "control": port}. On the control
connection ``go`` begins a play, one dot comes back for each event that is wholly dealt with, ``end`` brings the account.
"""

import asyncio
import json
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from adapters.simulator.der700 import born_der700
from adapters.simulator.plan import InverterPlan
from adapters.simulator.registers import BASE, layout
from benchmarks.event import play
from certs.tls import TlsFiles, server_context

RATED_W = 10_000
SUN_W = 2_000
"""Produced throughout. Less than the lowest limit, so that registers which never move show a device that obeys."""
_MODELS = (1, 701, 702, 703, 704)
_STATUS = re.compile(rb"status>(\d+)<")
_SUBJECT = re.compile(rb"subject>(\w+)<")
_RECEIVED, _STARTED, _SUPERSEDED = 1, 2, 7


@dataclass(slots=True)
class Told:
    """What is known of one event: when its list left, when its write was acknowledged, all that was asked and answered."""

    left_s: float = 0.0
    acknowledged_s: float = 0.0
    limit: int = -1
    modbus: list[tuple[int, int, int, tuple[int, ...]]] = field(default_factory=list)
    gets: int = 0
    answers: list[tuple[str, int]] = field(default_factory=list)


class Stage:
    """One play at a time. An event is over when its write took effect and was read back, and every Response is in."""

    def __init__(self, lfdi: str, sfdi: int) -> None:
        self._who = (lfdi, sfdi)
        self._lists: list[bytes] = []
        self._fresh: list[int] = []
        self.registers: list[int] = []
        self.told: list[Told] = []
        self.done: Callable[[], None] = lambda: None
        image = layout(_MODELS)
        places = {point.key: point.offset for point in image.points}
        self.limit_at, self.enable_at = places[704, "WMaxLimPct"], places[704, "WMaxLimPctEna"]
        self._timer_at, self._left_at = places[704, "WMaxLimPctRvrtTms"], places[704, "WMaxLimPctRvrtRem"]
        inverter = born_der700(InverterPlan("pv", "der700", RATED_W, RATED_W, "link", serial="B-1"), 1)
        self._fresh = image.encode(inverter.values(0.0, SUN_W))
        self.go()

    def go(self) -> None:
        """Begin afresh."""
        self._lists = play.lists(int(time.time()))
        self.registers = list(self._fresh)
        self.told = []

    def body(self, path: str) -> tuple[bytes, bool]:
        """What a GET brings, and whether it is the list of the next event."""
        if path != play.CONTROLS:
            if self.told:
                self.told[-1].gets += 1
            return play.tree(*self._who, int(time.time())).get(path, b""), False
        news = not self.told or (self._is_over() and len(self.told) < play.EVENTS)
        if news:
            self.told.append(Told())
        self.told[-1].gets += 1
        return self._lists[len(self.told) - 1], news

    def answer(self, body: bytes) -> None:
        """A Response came."""
        subject, status = _SUBJECT.search(body), _STATUS.search(body)
        if self.told and subject is not None and status is not None:
            self.told[-1].answers.append((subject[1].decode().upper(), int(status[1])))

    def write(self, at: int, values: list[int]) -> None:
        """Take a write; each starts the revert timer anew, whose seconds are too long to be seen passing here."""
        self.registers[at : at + len(values)] = values
        self.registers[self._left_at : self._left_at + 2] = self.registers[self._timer_at : self._timer_at + 2]

    def effective(self) -> int:
        """The limit that holds, hundredths of a percent."""
        return self.registers[self.limit_at] if self.registers[self.enable_at] == 1 else play.MOST

    def look(self) -> None:
        """Tell the other side once the event is over."""
        if self.told and self._is_over():
            self.done()

    def account(self) -> list[dict[str, Any]]:
        """Everything told, as plain values."""
        return [
            {
                "wall_s": one.acknowledged_s - one.left_s,
                "limit": one.limit,
                "modbus": one.modbus,
                "gets": one.gets,
                "answers": sorted(one.answers),
            }
            for one in self.told
        ]

    def _is_over(self) -> bool:
        number, now = len(self.told) - 1, self.told[-1]
        due = {(play.event(number).mrid, _RECEIVED), (play.event(number).mrid, _STARTED)}
        if number > 0:
            due.add((play.event(number - 1).mrid, _SUPERSEDED))
        read_back = [request[0] for request in now.modbus[-2:]] == [3, 3]
        return now.limit >= 0 and read_back and due <= set(now.answers)


class Upstream(asyncio.Protocol):
    """One TLS connection of the upstream server."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            head = self._data[:end]
            length = _length(head)
            if len(self._data) < end + 4 + length:
                return
            body, self._data = self._data[end + 4 : end + 4 + length], self._data[end + 4 + length :]
            method, target, _ = head.split(b"\r\n", 1)[0].split(b" ")
            if method == b"GET":
                self._get(target.split(b"?")[0].decode())
            else:
                self._stage.answer(body)
                self._transport.write(b"HTTP/1.1 201 Created\r\nLocation: /rsps/0/rsp/1\r\nContent-Length: 0\r\n\r\n")
                self._stage.look()

    def _get(self, path: str) -> None:
        body, news = self._stage.body(path)
        status = b"200 OK" if body else b"404 Not Found"
        kind = b"Content-Type: application/sep+xml\r\n" if body else b""
        self._transport.write(b"HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n%s" % (status, kind, len(body), body))
        if news:
            self._stage.told[-1].left_s = time.monotonic()


class Device(asyncio.Protocol):
    """One Modbus/TCP connection of the inverter: functions 3, 6 and 16."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._data += data
        while len(self._data) >= 6 and len(self._data) >= (size := 6 + int.from_bytes(self._data[4:6], "big")):
            frame, self._data = self._data[:size], self._data[size:]
            before = self._stage.effective()
            function, address, count = frame[7], int.from_bytes(frame[8:10], "big"), int.from_bytes(frame[10:12], "big")
            pdu = self._do(function, address - BASE, frame)
            self._transport.write(frame[:4] + (1 + len(pdu)).to_bytes(2, "big") + frame[6:7] + pdu)
            acknowledged_s = time.monotonic()
            if not self._stage.told:
                continue
            now = self._stage.told[-1]
            values = frame[10:12] if function == 6 else frame[13:]
            written = tuple(int.from_bytes(values[at : at + 2], "big") for at in range(0, len(values), 2))
            now.modbus.append((function, address, 1 if function == 6 else count, () if function == 3 else written))
            if self._stage.effective() != before and now.limit < 0:
                now.acknowledged_s, now.limit = acknowledged_s, self._stage.effective()
            if function == 3:
                self._stage.look()

    def _do(self, function: int, at: int, frame: bytes) -> bytes:
        held = self._stage.registers
        count = int.from_bytes(frame[10:12], "big")
        if not 0 <= at <= len(held) - (1 if function == 6 else count):
            return bytes((function | 0x80, 2))
        if function == 3:
            return bytes((3, 2 * count)) + b"".join(value.to_bytes(2, "big") for value in held[at : at + count])
        if function == 6:
            self._stage.write(at, [count])
        elif function == 16:
            self._stage.write(at, [int.from_bytes(frame[13 + 2 * i : 15 + 2 * i], "big") for i in range(count)])
        else:
            return bytes((function | 0x80, 1))
        return frame[7:12]


class Control(asyncio.Protocol):
    """The measuring side."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._dots = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._stage.done = self._done

    def data_received(self, data: bytes) -> None:
        for word in data.split():
            if word == b"go":
                self._dots = 0
                self._stage.go()
                self._transport.write(b"!")
            else:
                self._transport.write(json.dumps(self._stage.account()).encode() + b"\n")

    def _done(self) -> None:
        if self._dots < len(self._stage.told):
            self._dots = len(self._stage.told)
            self._transport.write(b".")


async def main(folder: Path, lfdi: str, sfdi: int) -> None:
    """Serve until stdin ends."""
    stage = Stage(lfdi, sfdi)
    context = server_context(TlsFiles(folder / "server.chain.pem", folder / "server.key", folder / "server.root.pem"))
    loop = asyncio.get_running_loop()
    served = {
        "tls": await loop.create_server(lambda: Upstream(stage), "127.0.0.1", 0, ssl=context),
        "modbus": await loop.create_server(lambda: Device(stage), "127.0.0.1", 0),
        "control": await loop.create_server(lambda: Control(stage), "127.0.0.1", 0),
    }
    print(json.dumps({name: one.sockets[0].getsockname()[1] for name, one in served.items()}), flush=True)
    ended = asyncio.Event()
    loop.add_reader(sys.stdin, ended.set)
    await ended.wait()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
