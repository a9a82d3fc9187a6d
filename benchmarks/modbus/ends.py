"""The devices as a process of their own: `python -m benchmarks.modbus.ends`. Every connection is a device.

Prints one JSON line {"spans": port, "refuses": port}: on the second a read may not cross from one model into the next. A
line on stdin is answered with what was asked since the line before: [[function, address, count, times], ...]. Ends with stdin.
"""

import asyncio
import json
import os
import sys
from collections import Counter
from functools import partial
from struct import Struct, pack
from typing import cast

import uvloop

from adapters.simulator.registers import BASE
from benchmarks.modbus import image

_HEAD = Struct(">HHHBBHH")
_READ, _WRITE_ONE, _WRITE_MANY = 3, 6, 16
_DATA = pack(f">{image.IMAGE.size}H", *image.registers())
_BORDERS = frozenset(image.BORDERS[1:])
_CONTROLLER = 2 * (image.at(715, "ControllerHb") - BASE)
_POWER = 2 * (image.at(701, "W") - BASE)
_TIMEOUT, _LEFT = (2 * (image.at(704, f"WMaxLimPctRvrt{end}") - BASE) for end in ("Tms", "Rem"))
_DER = 2 * (image.at(715, "DERHb") - BASE)

Asked = Counter[tuple[int, int, int]]


class _Device(asyncio.Protocol):
    """Answers from registers of its own; its heartbeat follows ours, its revert timer stands where it was started."""

    __slots__ = ("_asked", "_data", "_rest", "_spans", "_transport")

    def __init__(self, asked: Asked, spans: bool) -> None:
        self._asked, self._spans = asked, spans
        self._data = bytearray(_DATA)
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        at = 0
        while len(data) - at >= _HEAD.size:
            end = at + 6 + int.from_bytes(data[at + 4 : at + 6], "big")
            if end > len(data):
                break
            self._transport.write(self._answer(data[at:end]))
            at = end
        self._rest = data[at:]

    def _answer(self, frame: bytes) -> bytes:
        transaction, _, _, unit, function, address, count = _HEAD.unpack_from(frame)
        if function == _WRITE_ONE:
            self._asked[function, address, 1] += 1
            self._write(address, frame[10:12])
            return frame
        self._asked[function, address, count] += 1
        start, end = 2 * (address - BASE), 2 * (address - BASE + count)
        if start < 0 or end > len(self._data) or (not self._spans and self._crosses(address, count)):
            return pack(">HHHBBB", transaction, 0, 3, unit, function | 0x80, 2)
        if function == _READ:
            return pack(">HHHBBB", transaction, 0, 3 + 2 * count, unit, _READ, 2 * count) + self._data[start:end]
        assert function == _WRITE_MANY, function
        self._write(address, frame[13:])
        return pack(">HHHBBHH", transaction, 0, 6, unit, function, address, count)

    def _write(self, address: int, data: bytes) -> None:
        start = 2 * (address - BASE)
        self._data[start : start + len(data)] = data
        if start == _CONTROLLER:
            self._data[_DER : _DER + 4] = data
            # No two seconds are measured alike.
            self._data[_POWER + 1] = _DATA[_POWER + 1] ^ data[3] & 7
        if start <= _TIMEOUT < start + len(data):
            # A timer that was started, and stands still.
            self._data[_LEFT : _LEFT + 4] = self._data[_TIMEOUT : _TIMEOUT + 4]

    def _crosses(self, address: int, count: int) -> bool:
        return any(at in _BORDERS for at in range(address + 1, address + count))


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    asked: Asked = Counter()
    over = asyncio.Event()
    ports = {}
    for name, spans in (("spans", True), ("refuses", False)):
        # On every loopback address: a device each.
        server = await loop.create_server(partial(_Device, asked, spans), "0.0.0.0", 0, backlog=4096)  # noqa: S104
        ports[name] = server.sockets[0].getsockname()[1]

    def told() -> None:
        lines = os.read(0, 4096)
        if not lines:
            over.set()
            return
        print(json.dumps([[*request, times] for request, times in asked.items()]), flush=True)
        asked.clear()

    loop.add_reader(0, told)
    print(json.dumps(ports), flush=True)
    await over.wait()
    loop.remove_reader(0)


if __name__ == "__main__":
    if len(cores := sorted(os.sched_getaffinity(0))) > 1:
        os.sched_setaffinity(0, {cores[0]})
    sys.exit(uvloop.run(_serve()))
