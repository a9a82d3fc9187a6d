"""The whole thread in one event loop: utility server behind mutual TLS, simulated site behind Modbus, the appliance between.

The site: a legacy inverter of 5 kW, one of the 700 series of 6 kW, both in full sun, and a house that draws `LOAD_W`, steadily.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import yaml
from sunspec2.modbus.client import SunSpecModbusClientDeviceTCP

from adapters.doorway import Doorway
from adapters.simulator.plan import parse_plan
from adapters.simulator.recording import Recorder
from adapters.simulator.server import Simulator
from adapters.simulator.site import Row, Second
from certs import tls
from certs.identity import sfdi
from gateway.api.socket import call, socket_path
from gateway.appliance import Appliance
from gateway.config.load import load
from gateway.wiring import FAMILIES
from protocols.ieee2030_5.archive import FileStore
from protocols.ieee2030_5.server import Exchange, UtilityServer, UtilityServerSettings, running
from tests.protocols.ieee2030_5.lab import TOKEN, Authority, lfdi_of

PIN = 111115
FAIL_SAFE_W = 2500
LOAD_W = 500.0
LEGACY, MODERN, METER = "pv-legacy", "pv-700", "grid-meter"
RATED_W = {LEGACY: 5000.0, MODERN: 6000.0}
PATIENCE_S = 120.0
"""How long a condition may take; it takes a poll or two."""

SLACK_W = 100.0
"""What the closed loop may be off by, W; also far more than a step of any register."""


class News:
    """Something happened: a request was answered, a register written, a second passed."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def tell(self) -> None:
        """Wake whoever waits."""
        self._event.set()

    async def wait(self) -> None:
        """The next piece of news."""
        self._event.clear()
        await self._event.wait()


class Record(Recorder):
    """Every accepted write, and what the two inverters together were permitted after it."""

    def __init__(self, news: News) -> None:
        super().__init__()
        self._news = news
        self.points: dict[tuple[str, str], float] = {}
        self.permitted: list[tuple[float, float]] = [(0.0, sum(RATED_W.values()))]

    def applied(self, rows: tuple[Row, ...]) -> None:
        """One write."""
        super().applied(rows)
        for row in rows:
            self.points[row.device, row.point] = row.value
        self.permitted.append((rows[0].t_s, sum(self.permitted_w(device) for device in RATED_W)))
        self._news.tell()

    def passed(self, seconds: tuple[Second, ...]) -> None:
        """Whole seconds."""
        super().passed(seconds)
        if seconds:
            self._news.tell()

    def permitted_w(self, device: str) -> float:
        """What one inverter may produce by what was written to it."""
        enabled = self.points.get((device, "WMaxLimPctEna" if device == MODERN else "WMaxLim_Ena"), 0.0)
        return RATED_W[device] * (self.points.get((device, "WMaxLimPct"), 100.0) / 100.0 if enabled else 1.0)

    @property
    def now_w(self) -> float:
        """What both may produce now."""
        return self.permitted[-1][1]

    def most_w(self, since_s: float) -> float:
        """The most that both were permitted at any moment since."""
        before = [w for t_s, w in self.permitted if t_s <= since_s]
        return max(before[-1:] + [w for t_s, w in self.permitted if t_s > since_s])


class Thread:
    """Everything the cases act on and judge by.

    ``statuses``: Responses as the server holds them, by subject; ``strikes``: of the server's tricks, by number.
    """

    def __init__(self, folder: Path, server_folder: Path) -> None:
        self.folder = folder
        self.config = folder / "osed.yaml"
        self.news = News()
        self.record = Record(self.news)
        self.authority = Authority(server_folder)
        self.files = self.authority.files("gateway")
        self.exchanges: list[Exchange] = []
        self.statuses: dict[str, list[int]] = {}
        self.strikes: dict[int, int] = {}
        self.programs: dict[str, int] = {}
        self.port = 0
        self.site: Simulator
        self.utility: UtilityServer
        self.running: asyncio.Task[None] | None = None

    @property
    def lfdi(self) -> str:
        """Of the gateway's certificate."""
        return self.authority.identity(self.files).lfdi

    @property
    def export_w(self) -> float:
        """The true export at the connection point."""
        return -self.site.site.meter_w

    def register(self, device: str, point: str) -> float | None:
        """One register as it stands in the device, scaled."""
        image, values = self.site.site.image(device), self.site.site.values(device)
        return next(image.engineering(key, values) for key in values if key[1] == point and key[0] != 1)

    async def until(self, what: str, true: Callable[[], bool], within_s: float = PATIENCE_S) -> None:
        """Returns as soon as it is true; AssertionError says what did not become true."""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    if self.running is not None and self.running.done():
                        self.running.result()
                    await self._recount()
                    if true():
                        return
                    await self.news.wait()
        except TimeoutError:
            held = {f"{device}.{point}": value for (device, point), value in self.record.points.items()}
            raise AssertionError(
                f"not within {within_s} s: {what}; export {self.export_w:.0f} W, permitted {self.record.now_w:.0f} W, "
                f"Responses {self.statuses}, written {held}, last exchanges {self.exchanges[-12:]}"
            ) from None

    async def limited(self, limit_w: float, within_s: float = PATIENCE_S) -> None:
        """Registers and meter have come to an export limit: produce limit + load, export the limit."""
        await self.until(
            f"export limited to {limit_w} W",
            lambda: abs(self.record.now_w - limit_w - LOAD_W) <= SLACK_W and abs(self.export_w - limit_w) <= SLACK_W,
            within_s,
        )

    async def answered(self, control: dict[str, Any], *statuses: int) -> None:
        """The server holds just these Responses of a control, in this order."""
        await self.until(
            f"Responses {statuses} of {control['mRID']}", lambda: self.statuses.get(control["mRID"], []) == [*statuses]
        )

    async def polls(self, count: int, path: str) -> None:
        """That many more requests of a path were answered."""
        first = len(self.exchanges)
        await self.until(
            f"{count} requests of {path}",
            lambda: sum(one.path == path for one in self.exchanges[first:]) >= count,
        )

    async def control(self, program: str, modes: dict[str, Any], duration_s: int = 600, **more: Any) -> dict[str, Any]:
        """The operator makes a control."""
        body = {"modes": modes, "duration_s": duration_s, **more}
        made: dict[str, Any] = await self.utility.admin("POST", f"/programs/{self.programs[program]}/controls", body)
        return made

    async def export_limit(self, limit_w: Any, program: str = "feeder", **more: Any) -> dict[str, Any]:
        """A control with nothing but an export limit."""
        return await self.control(program, {"opModExpLimW": limit_w}, **more)

    async def opened(self) -> None:
        """The operator opens: every rate 1 s, our EndDevice known, with its PIN."""
        await self.settings(**{f"{name}_poll_s": 1 for name in ("dcap", "time", "edev", "fsa", "derp", "der")})
        await self.utility.admin("POST", "/devices", {"lfdi": self.lfdi, "pin": PIN})

    async def open_inverters(self) -> None:
        """Somebody else lets both inverters produce all they can."""
        for one in self.site.announcement["devices"]:
            if one["name"] != METER:
                await asyncio.to_thread(_open, one["host"], one["port"], one["unit"])
        assert self.record.now_w == sum(RATED_W.values())

    async def cancel(self, control: dict[str, Any]) -> None:
        """The operator cancels it."""
        await self.utility.admin("POST", f"/controls/{control['number']}/cancel")

    async def default(self, program: str, modes: dict[str, Any]) -> None:
        """The operator changes a program's default; its mRID stays."""
        await self.utility.admin("PUT", f"/programs/{self.programs[program]}/default", {"modes": modes})

    async def settings(self, **values: Any) -> None:
        """The operator changes the server."""
        await self.utility.admin("PATCH", "/settings", values)

    async def program(self, name: str, primacy: int, **more: Any) -> None:
        """The operator makes a program for every device."""
        made = await self.utility.admin("POST", "/programs", {"primacy": primacy, "description": name, **more})
        self.programs[name] = made["number"]

    async def status(self) -> dict[str, Any]:
        """What the gateway says of itself over its socket."""
        found: dict[str, Any] = await call(socket_path(self.folder / "data"), "GET", "/status")
        return found

    async def alarmed(self, words: str, within_s: float = PATIENCE_S) -> None:
        """The site's status shows an alarm with these words."""
        async with asyncio.timeout(within_s):
            while not any(words in text for text in (await self.status())["sites"][0]["alarms"]):
                await self.news.wait()

    @asynccontextmanager
    async def mischief(self, does: str, **trick: Any) -> AsyncIterator[int]:
        """The server misbehaves; the trick's number."""
        made = await self.utility.admin("POST", "/mischief", {"does": does, **trick})
        try:
            yield made["number"]
        finally:
            await self.behave(made["number"])

    async def behave(self, trick: int) -> None:
        """The server plays this trick no more."""
        for one in await self.utility.admin("GET", "/mischief"):
            if one["number"] == trick:
                await self.utility.admin("DELETE", f"/mischief/{trick}")

    async def struck(self, trick: int, times: int) -> None:
        """That many requests have met the trick."""
        await self.until(f"{times} strikes of trick {trick}", lambda: self.strikes.get(trick, 0) >= times)

    @asynccontextmanager
    async def serving(self, authority: Authority | None = None) -> AsyncIterator[None]:
        """The server is there, on the same port each time, with what it kept."""
        name = f"server-{len(list(self.authority.folder.iterdir()))}"
        context = tls.server_context((authority or self.authority).files(name))
        settings = UtilityServerSettings(admin_token=TOKEN, port=self.port)

        def told(exchange: Exchange) -> None:
            self.exchanges.append(exchange)
            self.news.tell()

        store = FileStore(self.folder / "utility.db")
        serving = running(
            settings, tls=context, identify=lfdi_of, sfdi_of=sfdi, doorways=Doorway, store=store, told=told
        )
        async with serving as self.utility:
            self.port = self.utility.port
            yield

    @asynccontextmanager
    async def gateway(self, **changes: Any) -> AsyncIterator[None]:
        """The appliance runs, from its file; ends gracefully. ``changes`` of the site or the upstream."""
        self.config.write_text(yaml.safe_dump(self._configuration(changes)))
        appliance = Appliance(load(self.config, FAMILIES))
        self.running = asyncio.create_task(appliance.run(), name="appliance")
        try:
            yield
        finally:
            appliance.stop()
            ended, self.running = self.running, None
            async with asyncio.timeout(PATIENCE_S):
                await ended

    @asynccontextmanager
    async def process(self) -> AsyncIterator[None]:
        """The gateway as a process of its own, which is killed at the end: nothing of it is graceful."""
        self.config.write_text(yaml.safe_dump(self._configuration({})))
        quiet = asyncio.subprocess.DEVNULL
        running = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway", "run", "--config", str(self.config), stdout=quiet, stderr=quiet
        )
        try:
            yield
        finally:
            running.kill()
            async with asyncio.timeout(PATIENCE_S):
                await running.wait()

    async def _recount(self) -> None:
        if not hasattr(self, "utility"):
            return
        found: dict[str, list[int]] = {}
        for one in await self.utility.admin("GET", "/responses"):
            assert one["lfdi"] == self.lfdi
            found.setdefault(one["subject"], []).append(one["status"])
        self.statuses = found
        self.strikes = {one["number"]: one["struck"] for one in await self.utility.admin("GET", "/mischief")}

    def _configuration(self, changes: dict[str, Any]) -> dict[str, Any]:
        devices = [
            {
                "name": one["name"],
                "family": "sunspec",
                "address": f"tcp://{one['host']}:{one['port']}",
                "unit": one["unit"],
                "serial": one["serial"],
                "role": "meter" if one["name"] == METER else "pv",
                "poll_s": 0.5,
            }
            for one in self.site.announcement["devices"]
        ]
        upstream = {
            "name": "utility",
            "protocol": "ieee2030_5",
            "url": f"https://127.0.0.1:{self.port}/dcap",
            "profile": changes.pop("profile", "csip-aus"),
            "tls": {
                "certificate": str(self.files.certificate),
                "key": str(self.files.key),
                "ca": str(self.files.ca),
            },
            "serves": [{"site": "house", "pin": changes.pop("pin", PIN)}],
            "fail_safe": {"export_limit_w": FAIL_SAFE_W},
            "poll": {"floor_s": 1},
        }
        site = {
            "name": "house",
            "connection": {"import_limit_w": 15000, "export_limit_w": 11000, "phases": 3},
            "meter": METER,
            "devices": devices,
            **changes,
        }
        return {"gateway": {"name": "thread", "data": "data"}, "upstreams": [upstream], "sites": [site]}


@asynccontextmanager
async def stage(folder: Path, *, serve: bool = True) -> AsyncIterator[Thread]:
    """Site and utility server are up: one EndDevice, two programs, every rate 1 s; the gateway is the case's to start.

    Without ``serve`` the server is the case's to start too, with ``serving`` and ``opened``.
    """
    certificates = folder / "certificates"
    certificates.mkdir()
    thread = Thread(folder, certificates)
    plan = parse_plan(
        {
            "inverters": [
                {"name": LEGACY, "kind": "legacy", "rated_w": 5000, "ramp_pct_per_s": 600},
                {
                    "name": MODERN,
                    "kind": "der700",
                    "rated_w": 6000,
                    "ramp_pct_per_s": 600,
                    "enter_delay_s": 0,
                    "enter_ramp_s": 0,
                },
            ],
            "meter": {"name": METER},
            "house": {"base_w": LOAD_W},
        }
    )
    async with AsyncExitStack() as stack:
        thread.site = await stack.enter_async_context(Simulator(plan, time.time, thread.record))
        if serve:
            await stack.enter_async_context(thread.serving())
            await thread.opened()
        yield thread


def _open(host: str, port: int, unit: int) -> None:
    client = SunSpecModbusClientDeviceTCP(slave_id=unit, ipaddr=host, ipport=port, timeout=PATIENCE_S)
    client.scan()
    for model, point in ((704, "WMaxLimPctEna"), (123, "WMaxLim_Ena")):
        if model in client.models:
            getattr(client.models[model][0], point).value = 0
            client.models[model][0].write()
    client.close()
