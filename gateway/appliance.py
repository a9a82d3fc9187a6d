"""The running gateway: books opened, everything wired, supervised until it is told to stop."""

import asyncio
import fcntl
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from gateway import garbage
from gateway.api.listener import listen
from gateway.api.osed.paths import Served
from gateway.api.routes import routes
from gateway.api.socket import serve, socket_path
from gateway.areas.registry import Areas
from gateway.clock import SystemClock, SystemDice
from gateway.config.load import Loaded
from gateway.expiry import UPSTREAM, warnings
from gateway.guests.host import Guests
from gateway.ledger.book import open_ledger
from gateway.ledger.codec import Codec
from gateway.log.book import Log
from gateway.loop import SiteLoop
from gateway.solving import Solving
from gateway.specification import Difference, Specification, difference, specify
from gateway.tools import Tools
from gateway.watchdog import Watchdog
from gateway.wiring import DURABLE, NOTHING, tools, wire
from grid_functions.model.errors import LedgerUnavailable, OperatorFault
from grid_functions.model.event import Read

_log = structlog.get_logger("gateway")

_EXPIRY_S = 3600.0
"""Between looks at how long our certificates are good."""

_RETRY_S = 5.0
"""Before an upstream's session that raised is begun again."""


class Appliance:
    """One gateway process. ``observe`` overrides every site's mode; ``reread`` loads the configuration again for a reload."""

    def __init__(self, loaded: Loaded, *, observe: bool = False, reread: Callable[[], Loaded] | None = None) -> None:
        self.name = loaded.configuration.gateway.name
        self.clock = SystemClock()
        self._loaded = loaded
        self._observe = observe
        self._reread = reread
        self._data = loaded.folder / loaded.configuration.gateway.data
        self.log_path = self._data / "log.db"
        self._wired = NOTHING
        self._areas: Areas | None = None
        self._guests: Guests | None = None
        self._parts: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._reload: Callable[[Specification], Awaitable[None]] | None = None
        self._turn = asyncio.Lock()
        self._stopping = asyncio.Event()
        self._release = False

    @property
    def sites(self) -> Mapping[str, SiteLoop]:
        """Every site's loop by name."""
        return self._wired.sites

    @property
    def areas(self) -> Areas:
        """The edge coordinators. Raises OperatorFault while the gateway is not running."""
        if self._areas is None:
            raise OperatorFault("the gateway is not running yet", "try again in a moment")
        return self._areas

    def guests(self) -> Mapping[str, Mapping[str, Any]]:
        """How each plug-in is that was called yet."""
        return {} if self._guests is None else self._guests.health()

    def upstreams(self) -> list[dict[str, Any]]:
        """Every upstream session and how it is."""
        now = self.clock.now()
        told = [upstream.status(now) for upstream in self._wired.upstreams.values()]
        for one in told:
            one["alarms"] |= self._expiring(now.utc_s).get(f"{UPSTREAM}{one['name']}", {})
        return told

    def alarms(self) -> list[str]:
        """What is wrong with the gateway itself, or with what it shows to devices."""
        told = self._expiring(self.clock.now().utc_s)
        mine = {whose: texts for whose, texts in told.items() if not whose.startswith(UPSTREAM)}
        return [f"{whose}: {text}" for whose, texts in mine.items() for text in texts.values()]

    def _expiring(self, now_s: float) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for one, text in warnings(self._wired.specification.certificates, now_s):
            found.setdefault(one.whose, {})[f"certificate {one.file.name}"] = text
        return found

    def stop(self, *, release: bool = False) -> None:
        """End gracefully; ``release`` gives the devices back to their baselines first."""
        self._release = self._release or release
        self._stopping.set()

    async def reload(self) -> Difference:
        """Read the configuration again and apply what differs; what is the same goes on untouched.

        All of it is checked first: ConfigurationFault or CredentialFault leave everything as it is. A device that is named no longer
        keeps what it holds.
        """
        if self._reload is None or self._reread is None:
            raise OperatorFault("the gateway is not running yet", "try again in a moment")
        async with self._turn:
            loaded = self._reread()
            if loaded.configuration.gateway != self._loaded.configuration.gateway:
                raise OperatorFault(
                    "the section 'gateway' changed", "only a restart applies it: 'osed stop', then 'osed run'"
                )
            wanted = specify(loaded, observe=self._observe)
            told = difference(self._wired.specification, wanted)
            await self._reload(wanted)
            self._loaded = loaded
        _log.info("reloaded", **told.plain())
        return told

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
            settings = self._loaded.configuration.gateway
            own = self.clock.showing()
            log = Log(
                self.log_path,
                lambda: own.now().utc_s,
                mono=lambda: own.now().mono_s,
                keep_s=settings.log_days * 86400.0,
                keep_steps_s=settings.replay_days * 86400.0,
            )
            ending.callback(log.close)
            ending.push_async_callback(log.flush)
            if opened.set_aside is not None:
                _log.error(
                    "ledger was corrupt; a new one is begun and upstreams are read again",
                    set_aside=str(opened.set_aside),
                )
                log.add("", "alarm", "", {"text": f"corrupt ledger set aside as {opened.set_aside}"})
            await self._live(await tools(self.clock, SystemDice(), opened.ledger, log), ending)
        _log.info("stopped", gateway=self.name)

    async def _live(self, with_: Tools, ending: AsyncExitStack) -> None:
        async def close() -> None:
            await self._wired.close()

        ending.push_async_callback(close)
        solving, solving_theirs = Solving(self.clock), Solving(self.clock)
        ending.callback(solving.close)
        ending.callback(solving_theirs.close)
        guests = self._guests = Guests(self.clock, with_.dice, solving.answer, solving_theirs.answer)
        ending.push_async_callback(guests.close)
        self._areas = Areas(
            with_.ledger, with_.log, self.clock, guests.answer, lambda: self._wired.sites, guests.channels
        )
        await self._apply(specify(self._loaded, observe=self._observe), with_)
        garbage.spare()
        runner = await serve(socket_path(self._data), routes(self))
        ending.push_async_callback(runner.cleanup)
        always = [
            asyncio.create_task(Watchdog().run(), name="watchdog"),
            asyncio.create_task(with_.log.run(), name="log"),
            asyncio.create_task(self._watch_certificates(with_.log), name="certificates"),
        ]
        api = self._loaded.configuration.gateway.api
        if api is not None:
            listening = await listen(api, Served(lambda: self.areas, lambda: self._wired.sites, self.clock), with_.log)
            ending.push_async_callback(listening.cleanup)
        self._reload = partial(self._apply, with_=with_)
        _log.info(
            "running", gateway=self.name, sites=list(self.sites), upstreams=list(self._wired.upstreams), pid=os.getpid()
        )
        try:
            await self._stopping.wait()
        finally:
            self._reload = None
            async with self._turn:
                await self._areas.stop()
                await _end([*always, *self._parts.values()])
        if self._release:
            # Only now that nobody decides or writes any more: a driver would write back what it still holds to be wanted.
            for fault in await self._wired.release():
                _log.error("a device was not released", why=fault)

    async def _watch_certificates(self, log: Log) -> None:
        said: set[str] = set()
        while True:
            told = self._expiring(self.clock.now().utc_s)
            standing = {f"{whose}: {text}" for whose, texts in told.items() for text in texts.values()}
            for text in sorted(standing - said):
                _log.warning("alarm", what=text)
                log.add("", "alarm", "", {"text": text})
            said = standing
            await asyncio.sleep(_EXPIRY_S)

    async def _apply(self, wanted: Specification, with_: Tools) -> None:
        """Make what runs be what is wanted. What ends has ended, and its last commit too, before anything begins in its place."""
        before = self._wired
        ending = [
            *(
                ("upstream", name)
                for name, spec in before.specification.upstreams.items()
                if wanted.upstreams.get(name) != spec
            ),
            *(("site", name) for name, spec in before.specification.sites.items() if wanted.sites.get(name) != spec),
        ]
        await _end([self._parts.pop(part) for part in ending])
        if ending:
            with suppress(LedgerUnavailable):
                await with_.ledger.settle()
        self._wired = wired = wire(wanted, with_, before)
        await before.close(but=wanted.links)
        for name, site in wired.sites.items():
            site.mail.outside = self.areas
            self._begin(("site", name), site.run)
        for name, upstream in wired.upstreams.items():
            self._begin(("upstream", name), partial(upstream.run, self._take))
        await self.areas.begin(tuple(wanted.areas.values()))
        if self._guests is not None:
            named = {name for site in wanted.sites.values() for name in site.settings.plug_ins}
            await self._guests.only(named | self.areas.guests())

    def _begin(self, part: tuple[str, str], run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if part not in self._parts:
            self._parts[part] = asyncio.create_task(_hold(run), name=" ".join(part))

    def _take(self, read: Read) -> None:
        site = self._wired.site_of.get(read.respondent)
        if site is not None:
            self._wired.sites[site].take_read(read)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


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
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
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
