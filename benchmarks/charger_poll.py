"""What 200 chargers cost a process that reads and writes each of them once a second, beside pymodbus that does as much.

Run with ``python -m benchmarks --only charger_poll``. Process CPU per charger and second; the sides take turns within each round, and
the far end counts that both ask as often. Ours is whole drivers: look, decode, compare, write, read back, budget, baseline. The peer
makes the same requests and decodes the same eleven values, and nothing else.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import uvloop
from pymodbus.client import AsyncModbusTcpClient

from benchmarks.chargers.product import Chargers
from benchmarks.far_end import FarEnd, far_end
from benchmarks.row import Row

PEER: Final = "pymodbus"
GOAL: Final = 0.6
CHARGERS: Final = 200
ROUNDS: Final = 3
WINDOW_S: Final = 4
READ_AT, READ_COUNT, WRITE_AT = 0x400A, 22, 0x4100
LOOPS: Final[dict[str, Callable[[], asyncio.AbstractEventLoop]]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}

Tell = Callable[[int, float, int], Awaitable[None]]


class Peers:
    """The same by pymodbus' asynchronous clients, one a charger."""

    def __init__(self, clients: list[Any]) -> None:
        self._clients = clients
        self.limit_a = [0.0] * len(clients)

    @classmethod
    async def connected(cls, count: int, port: int) -> "Peers":
        """All of them."""
        clients = [AsyncModbusTcpClient("127.0.0.1", port=port, retries=0) for _ in range(count)]
        assert all(await asyncio.gather(*(client.connect() for client in clients)))
        return cls(clients)

    async def look(self, number: int) -> None:
        """Eleven values of two registers each."""
        client = self._clients[number]
        reply = await client.read_holding_registers(READ_AT, count=READ_COUNT, device_id=1)
        kind = client.DATATYPE.UINT32
        values = [client.convert_from_registers(reply.registers[at : at + 2], kind) for at in range(0, READ_COUNT, 2)]
        self.limit_a[number] = values[2] / 1000

    async def tell(self, number: int, limit_a: float, decision: int) -> None:
        """Look, write, read back: what ours asks for a changed limit within a poll period."""
        await self.look(number)
        await self._clients[number].write_registers(WRITE_AT, [0, round(1000 * limit_a)], device_id=1)
        await self.look(number)

    def close(self) -> None:
        """All connections."""
        for client in self._clients:
            client.close()


def run() -> list[dict[str, Any]]:
    """A row per loop. Raises AssertionError if a side asked less often, or a charger did not hold what it was told."""
    rows = []
    with far_end("benchmarks.chargers.ends", alone=True) as ends:
        port = int(ends.answers.readline())
        for name, factory in LOOPS.items():
            with asyncio.Runner(loop_factory=factory) as runner:
                ours, theirs = runner.run(_rounds(ends, port))
            rows.append(Row("charger_poll", f"{CHARGERS} chargers", "us CPU", ours, theirs, PEER, GOAL, name).plain())
    return rows


async def _rounds(ends: FarEnd, port: int) -> tuple[list[float], list[float]]:
    ours, theirs = [], []
    for number in range(ROUNDS):
        limit_a = 10.0 + number
        mine = Chargers(CHARGERS, port)
        await mine.start()
        cost, asked = await _cost(ends, mine.tell, limit_a)
        await asyncio.sleep(0.5)  # the last one was told a moment ago
        assert mine.held_a() == [_last_a(limit_a)] * CHARGERS, mine.held_a()
        await mine.stop()
        ours.append(cost)
        peers = await Peers.connected(CHARGERS, port)
        cost, their_asked = await _cost(ends, peers.tell, limit_a)
        assert peers.limit_a == [_last_a(limit_a)] * CHARGERS
        peers.close()
        theirs.append(cost)
        for kind in ("reads", "writes"):
            assert abs(asked[kind] / their_asked[kind] - 1) < 0.1, (asked, their_asked)
    return ours, theirs


async def _cost(ends: FarEnd, tell: Tell, limit_a: float) -> tuple[float, dict[str, int]]:
    """CPU of one charger's second, us; what was asked in the window."""
    await _told(tell, limit_a + 8)
    _asked(ends)
    cpu_s = time.process_time()
    for second in range(WINDOW_S):
        await _told(tell, _after_a(limit_a, second))
    cpu_s = time.process_time() - cpu_s
    asked = _asked(ends)
    assert asked["writes"] >= 0.95 * CHARGERS * WINDOW_S, asked
    return 1e6 * cpu_s / (CHARGERS * WINDOW_S), asked


async def _told(tell: Tell, limit_a: float) -> None:
    """Every one another limit, spread over a second."""
    began_s, tasks = time.monotonic(), []
    for number in range(CHARGERS):
        await asyncio.sleep(max(began_s + number / CHARGERS - time.monotonic(), 0.0))
        tasks.append(asyncio.ensure_future(tell(number, limit_a, round(limit_a))))
    await asyncio.gather(*tasks)
    await asyncio.sleep(max(began_s + 1.0 - time.monotonic(), 0.0))


def _after_a(limit_a: float, second: int) -> float:
    """Down and up again by turns: what tightens and what loosens."""
    return limit_a - second % 2


def _last_a(limit_a: float) -> float:
    return _after_a(limit_a, WINDOW_S - 1)


def _asked(ends: FarEnd) -> dict[str, int]:
    ends.commands.write(b"count\n")
    ends.commands.flush()
    found: dict[str, int] = json.loads(ends.answers.readline())
    return found


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
