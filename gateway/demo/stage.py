"""The stage: certificates, a configuration, and three processes on loopback - utility server, simulated site, gateway."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from argon2 import PasswordHasher

from certs import dev_ca
from certs.identity import identify
from gateway.api.socket import call, socket_path
from gateway.demo.mapped import ChargerWitness
from gateway.demo.measured import Possible, Sample, Told
from gateway.demo.port import Port
from gateway.demo.process import READY_S, Process
from gateway.demo.registers import Address, Register, Witness
from gateway.demo.sabotage import Sabotage
from gateway.demo.setting import AGGREGATOR, DEFAULT_W, MAPPED, METER, PIN, POLL_S, SPOKEN, SUPPLIER, Setting
from gateway.demo.site import SiteControl
from gateway.demo.utility import Operator
from gateway.demo.vtns import Aggregator, Supplier
from grid_functions.model.errors import GatewayError


class Stage:
    """Everything the steps act on. ``began_s``: UTC when all was up."""

    def __init__(self, setting: Setting, folder: Path, sabotage: Sabotage | None) -> None:
        self.setting = setting
        self.folder = folder
        self.sabotage = sabotage
        self.config = folder / "osed.yaml"
        self.began_s = time.time()
        self.lfdi = ""
        self.programs: dict[str, int] = {}
        self.registers: list[Register] = []
        self.possible: list[Possible] = []
        self.processes: list[Process] = []
        self.central: Port | None = None
        self.operator: Operator
        self.site: SiteControl
        self.witness: Witness
        self.charger_witness: ChargerWitness | None = None
        self.gateway: Process
        self.reports_from_s = 0.0
        self.aggregator: Aggregator
        self.supplier: Supplier
        self.aggregator_process: Process
        self._observing: asyncio.Task[None] | None = None

    @property
    def now_s(self) -> float:
        """UTC."""
        return time.time()

    async def samples(self) -> list[Sample]:
        """The meter's own samples since the beginning."""
        return await self.site.samples(self.began_s)

    async def status(self) -> dict[str, Any] | None:
        """What the gateway says of itself, for show; None while it is away."""
        with suppress(GatewayError):
            answer: dict[str, Any] = await call(socket_path(self.folder / "data"), "GET", "/status")
            return answer
        return None

    async def start_gateway(self) -> None:
        """Start the gateway, or start it again."""
        self.gateway = await Process.start("gateway", "gateway", ["run", "--config", str(self.config)], self.folder)
        self.processes.append(self.gateway)

    async def in_charge(self) -> None:
        """Wait until the gateway has read its utility and leads the site. Raises OurFault when it does not come up."""

        async def leads() -> bool:
            status = await self.status() or {"sites": []}
            return any(each["basis"] == "standing" for site in status["sites"] for each in site["in_force"])

        async def settled() -> bool:
            return self.gateway.ended or await leads()

        if not await self.until("the gateway leads its site", settled, READY_S) or self.gateway.ended:
            raise self.gateway.mute()

    def break_ledger(self) -> None:
        """Sabotage: the gateway comes back without its memory."""
        for path in (self.folder / "data").glob("ledger.db*"):
            path.unlink()

    async def until(self, what: str, true: Any, seconds: float, every_s: float = 0.2) -> bool:
        """Wait until ``true()`` holds, at most ``seconds``; whether it did."""
        deadline_s = time.monotonic() + seconds
        while not await true():
            if time.monotonic() > deadline_s:
                return False
            await asyncio.sleep(every_s)
        return True

    async def told(self, subject: str, statuses: set[int], seconds: float) -> bool:
        """Wait until the server holds these Responses of an event."""

        async def there() -> bool:
            return statuses <= {r.status for r in await self.responses() if r.subject.upper() == subject.upper()}

        return await self.until(f"Responses {sorted(statuses)}", there, seconds)

    async def responses(self) -> list[Told]:
        """Every Response as the server holds it."""
        return await self.operator.responses()

    async def observe(self) -> None:
        """Read registers and possibilities about once a second until cancelled."""
        while True:
            with suppress(GatewayError, OSError):
                self.registers += await self.witness.read()
                if self.charger_witness is not None:
                    self.registers += await self.charger_witness.read()
                self.possible.append(await self.site.possible())
            await asyncio.sleep(0.8)


@asynccontextmanager
async def staged(setting: Setting, folder: Path, sabotage: Sabotage | None) -> AsyncIterator[Stage]:
    """Raise the stage and, at the end, take everything down again."""
    stage = Stage(setting, folder, sabotage)
    observing: asyncio.Task[None] | None = None
    try:
        await _raise(stage)
        observing = asyncio.create_task(stage.observe(), name="observe")
        yield stage
    finally:
        if observing is not None:
            observing.cancel()
            await asyncio.gather(observing, return_exceptions=True)
            await stage.witness.close()
            if stage.charger_witness is not None:
                await stage.charger_witness.close()
        for process in reversed(stage.processes):
            await process.end()
        if stage.central is not None:
            stage.central.close()
        for one in ("operator", "aggregator", "supplier"):
            if hasattr(stage, one):
                await getattr(stage, one).close()


async def _raise(stage: Stage) -> None:
    now = datetime.now(UTC)
    certs = stage.folder / "certs"
    authority = dev_ca.authority("demo", now, 3)
    server = dev_ca.write(dev_ca.issue(authority, "utility", now, hosts=("127.0.0.1",)), certs, "utility")
    device = dev_ca.issue(authority, "gateway", now)
    paths = dev_ca.write(device, certs, "gateway")
    stage.lfdi = identify(device.chain_pem()).lfdi
    token = secrets.token_urlsafe(24)
    (stage.folder / "admin.token").write_text(token)
    arguments = [
        "utility-server",
        "--certificate",
        str(server.chain),
        "--key",
        str(server.key),
        "--ca",
        str(server.root),
    ]
    arguments += [
        "--token-file",
        str(stage.folder / "admin.token"),
        "--store",
        str(stage.folder / "utility.db"),
        "--announce",
    ]
    utility = await Process.start("utility", "gateway", arguments, stage.folder)
    stage.processes.append(utility)
    record = stage.folder / "site"
    record.mkdir()
    site = await Process.start(
        "site", "adapters.simulator", ["--plan", json.dumps(stage.setting.plan(record))], stage.folder
    )
    stage.processes.append(site)
    ports = await utility.announcement()
    told = await site.announcement()
    stage.operator = Operator(str(ports["admin"]), token)
    stage.site = SiteControl(int(told["control"]))
    where = {d["name"]: d for d in told["devices"]}
    stage.witness = Witness([_address(where[name], rated_w) for name, rated_w in stage.setting.rated_w.items()])
    ocpp = None
    if stage.setting.with_bays:
        stage.witness.addresses.append(_address(where[METER], stage.setting.rated_import_w))
        stage.charger_witness = ChargerWitness(_address(where[MAPPED], 0.0))
        ocpp = await _ocpp(stage)
    await _open_for_business(stage)
    tls = {"certificate": str(paths.chain), "key": str(paths.key), "ca": str(paths.root)}
    vtns = await _vtns(stage) if stage.setting.with_vtns else {}
    configuration = stage.setting.configuration(str(ports["url"]), tls, where, vtns, ocpp)
    stage.config.write_text(yaml.safe_dump(configuration, sort_keys=False))
    await _sabotage(stage)
    await stage.start_gateway()
    await stage.in_charge()
    stage.began_s = time.time()


def _address(told: Mapping[str, Any], rated_w: float) -> Address:
    return Address(told["name"], told["host"], told["port"], told["unit"], rated_w)


async def _ocpp(stage: Stage) -> dict[str, Any]:
    """Where the gateway is to listen for the charging station, which is told so, and the password that both know."""
    stage.central = Port()
    port = stage.central.number
    password = secrets.token_hex(10)
    await stage.site.central(SPOKEN, f"ws://127.0.0.1:{port}/ocpp", password)
    users = {SPOKEN: PasswordHasher().hash(password)}
    return {"host": "127.0.0.1", "port": port, "profile": 1, "users": users}


async def _vtns(stage: Stage) -> dict[str, str]:
    """Raise both VTNs; their addresses by the name of the upstream."""
    stage.aggregator_process = await Process.start(AGGREGATOR, "gateway.demo.vtn2b", [], stage.folder)
    stage.processes.append(stage.aggregator_process)
    supplier = await Process.start(SUPPLIER, "gateway.demo.vtn3", [], stage.folder)
    stage.processes.append(supplier)
    told, found = await stage.aggregator_process.announcement(), await supplier.announcement()
    stage.aggregator, stage.supplier = Aggregator(str(told["admin"])), Supplier(str(found["url"]))
    return {AGGREGATOR: str(told["url"]), SUPPLIER: str(found["url"])}


async def _open_for_business(stage: Stage) -> None:
    polls = {f"{name}_poll_s": POLL_S for name in ("dcap", "time", "edev", "fsa", "derp", "der")}
    await stage.operator.settings(**polls)
    await stage.operator.device(stage.lfdi, PIN)
    stage.programs["feeder"] = await stage.operator.program(5, "feeder", DEFAULT_W)
    stage.programs["area"] = await stage.operator.program(2, "area")


async def _sabotage(stage: Stage) -> None:
    if stage.sabotage is not None and stage.sabotage in stage.setting.broken:
        await stage.site.misbehave(*stage.setting.broken[stage.sabotage])
    if stage.sabotage is Sabotage.SERVER_DROPS_RESPONSES:
        await stage.operator.misbehave(does="forget", path="/rsps/*", method="POST")
    # ledger-off strikes between kill and restart
