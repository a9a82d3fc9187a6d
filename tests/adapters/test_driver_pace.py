"""When a driver's next poll is due. No device answers: a look that failed is paced like any other."""

import asyncio
from collections.abc import Callable

import pytest

from adapters.devices.sunspec.family import SunSpec
from adapters.driver import Driver
from adapters.modbus.link import Link
from adapters.settings import DriverSettings
from grid_functions.model.device import Role
from grid_functions.model.instants import Instants
from tests.adapters.stage import Drawer


class Still:
    """A clock that stands."""

    def __init__(self, mono_s: float) -> None:
        self._now = Instants(mono_s, 1_800_000_000.0)

    def now(self) -> Instants:
        return self._now


class Stopped:
    """A link's timer that stands."""

    def time(self) -> float:
        return 0.0

    def call_later(self, delay: float, callback: Callable[..., object], *args: object) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(delay, callback, *args)


async def left_s(mono_s: float, poll_s: float, phase_s: float | None, barred_s: float = 0.0) -> float:
    """Until the next poll, as the driver says it after its first one; after that attempt no other is made for ``barred_s``."""
    told: asyncio.Queue[float] = asyncio.Queue()

    async def pause(news: asyncio.Event, seconds: float) -> None:
        told.put_nowait(seconds)
        await asyncio.Event().wait()

    # The first port is nobody's: the attempt is refused at once.
    link = Link("127.0.0.1", 1, jitter=lambda low_s, high_s: barred_s, timer=Stopped())
    settings = DriverSettings(role=Role.PV, poll_s=poll_s, phase_s=phase_s)
    driver = Driver("pv", SunSpec(), link, settings, Drawer(), Still(mono_s), lambda *_: None, pause)
    running = asyncio.create_task(driver.run(lambda seen: None))
    try:
        return await told.get()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await link.close()


@pytest.mark.parametrize(
    ("mono_s", "poll_s", "phase_s", "left"),
    [
        # Grid: ..., 10.25, 11.25, ...
        (10.0, 1.0, 0.25, 0.25),
        (10.75, 1.0, 0.25, 0.5),
        (10.25, 1.0, 0.25, 1.0),
        (10.245, 1.0, 0.25, 1.005),  # rung 5 ms early: that poll was the one of 10.25
        (10.125, 1.0, 0.25, 0.125),
        # Grid: ..., 9, 14, ...
        (10.0, 5.0, 4.0, 4.0),
        (10.0, 1.0, 0.0, 1.0),
        (10.0, 1.0, None, 1.0),
        (10.75, 2.0, None, 2.0),
    ],
)
async def test_polls_fall_due_on_their_phase(mono_s: float, poll_s: float, phase_s: float | None, left: float) -> None:
    assert await left_s(mono_s, poll_s, phase_s) == pytest.approx(left)


@pytest.mark.parametrize(
    ("poll_s", "phase_s", "barred_s", "left"),
    [
        (1.0, None, 20.0, 20.0),
        (30.0, None, 20.0, 30.0),
        # Grid: ..., 10.25, 11.25, ...
        (1.0, 0.25, 20.5, 21.25),
        (1.0, 0.25, 0.125, 0.25),
    ],
)
async def test_nobody_is_looked_for_while_no_connection_may_be_tried(
    poll_s: float, phase_s: float | None, barred_s: float, left: float
) -> None:
    assert await left_s(10.0, poll_s, phase_s, barred_s) == pytest.approx(left)
