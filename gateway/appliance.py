"""The running gateway: books opened, everything wired, supervised until it is told to stop."""

import asyncio
import fcntl
import gc
import os
import signal
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from gateway.api.routes import routes
from gateway.api.socket import serve, socket_path
from gateway.clock import SystemClock, SystemDice
from gateway.config.load import Loaded
from gateway.ledger.book import Opened, open_ledger
from gateway.ledger.codec import Codec
from gateway.log.book import Log
from gateway.loop import SiteLoop
from gateway.watchdog import Watchdog
from gateway.wiring import DURABLE, Wired, wire
from grid_functions.model.errors import OperatorFault
from grid_functions.model.event import Read

_log = structlog.get_logger("gateway")

_RETRY_S = 5.0
"""Before an upstream's session that raised is begun again."""


class Appliance:
    """One gateway process. ``observe`` overrides every site's mode."""

    def __init__(self, loaded: Loaded, *, observe: bool = False) -> None:
        self.name = loaded.configuration.gateway.name
        self.clock = SystemClock()
        self.sites: Mapping[str, SiteLoop] = {}
        self._loaded = loaded
        self._observe = observe
        self._data = loaded.folder / loaded.configuration.gateway.data
        self.log_path = self._data / "log.db"
        self._wired: Wired | None = None
        self._stopping = asyncio.Event()
        self._release = False

    def upstreams(self) -> list[dict[str, Any]]:
        """Every upstream session and how it is."""
        wired = self._wired
        return [] if wired is None else [upstream.status(self.clock.now()) for upstream in wired.upstreams.values()]

    def stop(self, *, release: bool = False) -> None:
        """End gracefully; ``release`` gives the devices back to their baselines first."""
        self._release = self._release or release
        self._stopping.set()

    async def run(self) -> None:
        """Run until stopped. Raises OperatorFault when another gateway holds the data folder, LedgerUnavailable for its books."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        with _sole_owner(self._data):
            await self._run()

    async def _run(self) -> None:
        async with AsyncExitStack() as ending:
            opened = open_ledger(self._data / "ledger.db", Codec(DURABLE))
            ending.callback(opened.ledger.close)
            keep_s = self._loaded.configuration.gateway.log_days * 86400.0
            log = Log(self.log_path, lambda: self.clock.now().utc_s, keep_s=keep_s)
            ending.callback(log.close)
            ending.push_async_callback(log.flush)
            await self._live(opened, log, ending)
        _log.info("stopped", gateway=self.name)

    async def _live(self, opened: Opened, log: Log, ending: AsyncExitStack) -> None:
        if opened.set_aside is not None:
            _log.error(
                "ledger was corrupt; a new one is begun and upstreams are read again", set_aside=str(opened.set_aside)
            )
            log.add("", "alarm", "", {"text": f"corrupt ledger set aside as {opened.set_aside}"})
        wired = await wire(self._loaded, self.clock, SystemDice(), opened.ledger, log, observe=self._observe)
        ending.push_async_callback(wired.close)
        self._wired, self.sites = wired, wired.sites
        # What lives as long as the process need not be looked through again at every full collection.
        gc.freeze()
        runner = await serve(socket_path(self._data), routes(self))
        ending.push_async_callback(runner.cleanup)
        tasks = [asyncio.create_task(Watchdog().run(), name="watchdog"), asyncio.create_task(log.run(), name="log")]
        take = _route(wired)
        for name, site in wired.sites.items():
            tasks.append(asyncio.create_task(_hold(site.run), name=f"site {name}"))
        for name, upstream in wired.upstreams.items():
            tasks.append(asyncio.create_task(_hold(partial(upstream.run, take)), name=f"upstream {name}"))
        _log.info(
            "running", gateway=self.name, sites=list(wired.sites), upstreams=list(wired.upstreams), pid=os.getpid()
        )
        try:
            await self._stopping.wait()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._release:
            # Only now that nobody decides or writes any more: a driver would write back what it still holds to be wanted.
            for fault in await wired.release():
                _log.error("a device was not released", why=fault)


def _route(wired: Wired) -> Callable[[Read], None]:
    def take(read: Read) -> None:
        site = wired.site_of.get(read.respondent)
        if site is not None:
            wired.sites[site].take_read(read)

    return take


async def _hold(run: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run one part for ever; should it raise, which it must not, begin it again and harm nobody else."""
    while True:
        try:
            await run()
        except Exception:
            task = asyncio.current_task()
            _log.exception("a part of the gateway failed; it is begun again", part=task.get_name() if task else "")
        await asyncio.sleep(_RETRY_S)


@contextmanager
def _sole_owner(data: Path) -> Iterator[None]:
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = (data / "lock").open("w")
    except OSError as fault:
        raise OperatorFault(
            f"{data} cannot be used ({fault.strerror})",
            "let the gateway's user write it, or choose another data folder",
        ) from fault
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as fault:
            raise OperatorFault(f"another gateway runs on {data}", "stop it, or choose another data folder") from fault
        yield
