"""Ours: the appliance as `osed run` runs it, with its own configuration, sessions, ledger, loop and driver.

Two clocks are injected, so that no event waits for a period to pass. The session is told that its control list is due (a Tick, as its
own timer would); the driver, which writes at once what loosens but only once in a poll period, takes that period for over.
"""

import asyncio
import contextlib
import math
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from adapters.budget import Budget
from adapters.driver import Driver
from benchmarks.event import play
from benchmarks.event.stand import IDLE_S, UNIT, Played, Stand
from gateway.appliance import Appliance
from gateway.config.load import Loaded, load
from gateway.lines import speak
from gateway.wiring import FAMILIES, Wired
from protocols.exchange import Tick
from protocols.ieee2030_5.client import Client2030_5
from protocols.ieee2030_5.session.tree import Kind

_CONFIGURATION = """\
gateway: {{name: bench, data: {data}}}
upstreams:
  - name: utility
    protocol: ieee2030_5
    url: https://127.0.0.1:{tls}{dcap}
    profile: csip
    tls: {{certificate: {folder}/client.chain.pem, key: {folder}/client.key, ca: {folder}/client.root.pem}}
    serves: [{{site: house-1}}]
sites:
  - name: house-1
    devices:
      - {{name: pv, family: sunspec, address: "tcp://127.0.0.1:{modbus}", unit: {unit}, role: pv, serial: B-1}}
"""


async def perform(stand: Stand, data: Path) -> Played:
    """One play."""
    loaded = _loaded(stand, data)
    stand.begin()
    stand.control.setblocking(False)
    with _unread_lines():
        appliance = Appliance(loaded)
        running = asyncio.create_task(appliance.run())
        wired = await _wired(appliance, running)
        (driver,) = wired.drivers.values()
        assert isinstance(driver, Driver)
        client = wired.upstreams["utility"]
        assert isinstance(client, Client2030_5)
        began_s = 0.0
        for number in range(play.EVENTS):
            if number == play.WARM:
                began_s = time.process_time()
            if number > 0:  # the first one is found by the session's own discovery
                await asyncio.sleep(IDLE_S)
                # As if a poll period, and the minute that a device's writes are counted in, had passed since the event before.
                driver._loosened_s, driver._budget = -math.inf, Budget()
                _due(client)
            await stand.over()
        cpu_s = (time.process_time() - began_s) / play.TIMED
        appliance.stop()
        await running
    return Played(stand.end(), cpu_s)


def _loaded(stand: Stand, data: Path) -> Loaded:
    data.mkdir()
    file = data / "osed.yaml"
    file.write_text(
        _CONFIGURATION.format(
            data=data, tls=stand.tls, dcap=play.DCAP, folder=stand.folder, modbus=stand.modbus, unit=UNIT
        )
    )
    return load(file, FAMILIES)


def _due(client: Client2030_5) -> None:
    """The control list's poll is due now; everything after that is the session's own doing."""
    state = client._state
    controls = [node.place for node in state.tree.of(Kind.CONTROLS)]
    client._state = replace(state, tree=state.tree.due_at(time.monotonic(), *controls))
    client._take(Tick())


async def _wired(appliance: Appliance, running: asyncio.Task[None]) -> Wired:
    while not appliance.sites:
        assert not running.done(), running
        await asyncio.sleep(0)
    return appliance._wired


@contextlib.contextmanager
def _unread_lines() -> Iterator[None]:
    """The log lines are made as always, and go where nobody reads them."""
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stderr(nowhere):
        speak(json_lines=True)
        yield
