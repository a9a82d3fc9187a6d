"""Ours: the appliance as `osed run` runs it, sites of ten inverters each; every site has a limit to hold, so heartbeats are due."""

import asyncio
import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from time import monotonic
from typing import Any, Final

from adapters.driver import Driver
from adapters.waiting import pause
from benchmarks.modbus import image
from benchmarks.modbus.fleet import Account, Task, Watch, address
from gateway.appliance import Appliance
from gateway.config.load import load
from gateway.lines import speak
from gateway.wiring import FAMILIES
from grid_functions.model.units import Quantity

SITE: Final = 10
"""Devices in each."""

EXPORT_W: Final = 60_000


async def perform(task: Task) -> Account:
    """One window."""
    with tempfile.TemporaryDirectory(dir=task.folder) as folder, _unread_lines():
        data = Path(folder)
        file = data / "osed.yaml"
        file.write_text(json.dumps(_configuration(task, data)))
        loaded = load(file, FAMILIES)
        watch = Watch(task.devices, task.window_s)
        appliance = Appliance(loaded)
        running = asyncio.create_task(appliance.run())
        while not appliance.sites:
            assert not running.done(), running
            await asyncio.sleep(0.01)
        drivers = [one for one in appliance._wired.drivers.values() if isinstance(one, Driver)]
        for driver in drivers:
            driver._pause = _measured(watch.late)
        while not all(_holds(driver) for driver in drivers):
            assert not running.done(), running
            await asyncio.sleep(0.1)
        account = await watch.window(lambda: _values(drivers))
        appliance.stop()
        await running
    return account


def _configuration(task: Task, data: Path) -> dict[str, Any]:
    def device(number: int) -> dict[str, Any]:
        return {
            "name": f"pv-{number}",
            "family": "sunspec",
            "address": f"tcp://{address(number)}:{task.port}",
            "unit": image.UNIT,
            "role": "pv",
            "serial": image.SERIAL,
        }

    sites = [
        {
            "name": f"house-{first // SITE}",
            "connection": {"export_limit_w": EXPORT_W},
            "settle_deadline_s": 60,
            "devices": [device(number) for number in range(first, min(first + SITE, task.devices))],
        }
        for first in range(0, task.devices, SITE)
    ]
    return {"gateway": {"name": "bench", "data": str(data)}, "sites": sites}


def _measured(late: Callable[[float], None]) -> Callable[[asyncio.Event, float], Coroutine[Any, Any, None]]:
    """A driver's pause that tells how late the cycle before it ended, counted from when it was due."""
    due_s: float | None = None

    async def measured(news: asyncio.Event, seconds: float) -> None:
        nonlocal due_s
        if due_s is not None:
            late(monotonic() - due_s)
        due_s = monotonic() + seconds
        await pause(news, seconds)
        if news.is_set():
            due_s = monotonic()

    return measured


def _holds(driver: Driver[Any, Any]) -> bool:
    holds = driver._condition.holds
    return driver._condition.online and holds is not None and holds.produce_max_w is not None


def _values(drivers: list[Driver[Any, Any]]) -> list[list[Any]]:
    """What each measures, in the device's own sign of power, and the limit that it holds."""
    return [list(one) for one in sorted({_value(driver) for driver in drivers})]


def _value(driver: Driver[Any, Any]) -> tuple[float, ...]:
    condition = driver._condition
    assert condition.holds is not None
    read = {quantity: condition.readings[quantity, None].value for quantity in _QUANTITIES}
    values = [-read.pop(Quantity.NET), *read.values(), condition.holds.produce_max_w]
    return tuple(round(value, 6) for value in values if value is not None)


_QUANTITIES: Final = (Quantity.NET, Quantity.CURRENT, Quantity.VOLTAGE, Quantity.FREQUENCY, Quantity.STATE_OF_CHARGE)


@contextlib.contextmanager
def _unread_lines() -> Iterator[None]:
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stderr(nowhere):
        speak(json_lines=True)
        yield
