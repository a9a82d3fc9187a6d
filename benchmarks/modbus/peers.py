"""The peer: pymodbus' asynchronous client for every device, decoded by pysunspec2; and both request layers without any decoding."""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from struct import pack
from time import monotonic
from typing import Any, Final

from pymodbus.client import AsyncModbusTcpClient
from sunspec2.device import Model

from adapters.modbus.frames import Read, Registers, Reply, Request, Write, Written
from adapters.modbus.link import Link
from adapters.simulator.registers import BASE
from benchmarks.modbus import image
from benchmarks.modbus.fleet import PERIOD_S, Account, Task, Watch, address

READ: Final = 3

Cycle = Callable[[], Awaitable[None]]


async def perform(task: Task) -> Account:
    """One window."""
    watch = Watch(task.devices, task.window_s)
    make = {"links": _link, "clients": _client, "peer": _decoding}[task.side]
    values: dict[int, list[Any]] = {}
    cycles = [await make(task, number, values) for number in range(task.devices)]
    running = [
        asyncio.create_task(_forever(cycle, number / task.devices, watch)) for number, cycle in enumerate(cycles)
    ]
    await asyncio.sleep(PERIOD_S)
    account = await watch.window(lambda: [list(one) for one in sorted({tuple(one) for one in values.values()})])
    assert not any(one.done() for one in running), next(one for one in running if one.done())
    return account


async def _forever(cycle: Cycle, phase: float, watch: Watch) -> None:
    """Once a second, the devices spread over it."""
    due_s = monotonic() + PERIOD_S * phase
    while True:
        await asyncio.sleep(max(due_s - monotonic(), 0.0))
        await cycle()
        watch.late(monotonic() - due_s)
        due_s = max(due_s + PERIOD_S, monotonic())


async def _link(task: Task, number: int, _: dict[int, list[Any]]) -> Cycle:
    link = Link(address(number), task.port, jitter=lambda low_s, high_s: high_s)
    beat = 1

    def conversation() -> Generator[Request, Reply | None, None]:
        """The same in the product's own words: a generator of requests."""
        for function, at, count in task.requests:
            reply = yield (
                Read(image.UNIT, at, count) if function == READ else Write(image.UNIT, at, (beat >> 16, beat & 0xFFFF))
            )
            assert isinstance(reply, Registers | Written), reply

    async def cycle() -> None:
        nonlocal beat
        beat += 1
        await link.converse(conversation())

    await cycle()
    return cycle


async def _client(task: Task, number: int, _: dict[int, list[Any]]) -> Cycle:
    client = await _connected(task, number)
    beat = 1

    async def cycle() -> None:
        nonlocal beat
        beat += 1
        for request in task.requests:
            await _ask(client, request, beat)

    return cycle


async def _decoding(task: Task, number: int, values: dict[int, list[Any]]) -> Cycle:
    """The limit is written once; what a cycle reads is laid over the unit's registers as they were at first."""
    client = await _connected(task, number)
    assert not (await client.write_register(_LIMIT, 600, device_id=image.UNIT)).isError()
    held = bytearray(_WHOLE)
    beat = 1

    async def cycle() -> None:
        nonlocal beat
        for request in task.requests:
            if request[0] != READ:
                beat = models[715].points["ControllerHb"].value + 1 if 715 in models else beat + 1
            data = await _ask(client, request, beat)
            start = 2 * (request[1] - BASE)
            held[start : start + len(data)] = data
            if request is last_read:
                # One set of models serves all devices, which spares the peer their memory.
                for model_id, model in models.items():
                    at, size = _PLACES[model_id]
                    model.set_mb(bytes(held[at : at + size]))
                values[number] = _decided()

    models = _MODELS
    last_read = [request for request in task.requests if request[0] == READ][-1]
    return cycle


def _decided() -> list[Any]:
    """The least that can be decided: whether power is within the limit."""
    ac, control, rated, stored = (_MODELS[one].points for one in (701, 704, 702, 713))
    limit_w = rated["WMax"].cvalue * control["WMaxLimPct"].cvalue / 100
    assert ac["W"].cvalue <= limit_w or not control["WMaxLimPctEna"].cvalue
    measured = [ac[name].cvalue for name in ("W", "A", "LNV", "Hz")]
    return [round(float(value), 6) for value in (*measured, stored["SoC"].cvalue, limit_w)]


async def _connected(task: Task, number: int) -> AsyncModbusTcpClient:
    client = AsyncModbusTcpClient(address(number), port=task.port)
    assert await client.connect()
    return client


async def _ask(client: AsyncModbusTcpClient, request: tuple[int, int, int], beat: int) -> bytes:
    function, at, count = request
    if function == READ:
        reply = await client.read_holding_registers(at, count=count, device_id=image.UNIT)
        assert not reply.isError(), reply
        return pack(f">{count}H", *reply.registers)
    reply = await client.write_registers(at, [beat >> 16, beat & 0xFFFF], device_id=image.UNIT)
    assert not reply.isError(), reply
    return b""


_WHOLE: Final = pack(f">{image.IMAGE.size}H", *image.registers())
_LIMIT: Final = image.at(704, "WMaxLimPct")
_PLACES: Final = {model_id: (2 * start, 2 * (2 + length)) for start, (model_id, length) in image.IMAGE.headers.items()}
_MODELS: Final = {
    model_id: Model(model_id=model_id, data=_WHOLE[at : at + size])
    for model_id, (at, size) in _PLACES.items()
    if model_id in (701, 702, 703, 704, 713, 715)
}
