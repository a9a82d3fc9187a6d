"""The world around the gateway that is killed: a utility server's mind, two simulated inverters and a meter, and boots of the gateway.

Everything of the gateway is the product's: wiring, loop, ledger, log, client, drivers. Only the far ends of disk and wire are the test's.
"""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import yaml

from adapters.modbus.frames import Frame
from adapters.simulator.answers import Answers
from adapters.simulator.plan import parse_plan
from adapters.simulator.recording import Recorder
from adapters.simulator.registers import BASE
from adapters.simulator.server import Simulator
from adapters.simulator.site import Row, Site, write
from certs import tls
from certs.identity import sfdi
from gateway.clock import SystemClock
from gateway.config.load import load
from gateway.ledger.book import open_ledger
from gateway.ledger.codec import Codec
from gateway.log.book import Log
from gateway.specification import Specification, specify
from gateway.wiring import DURABLE, FAMILIES, tools, wire
from grid_functions.model.event import EventKey, Read, Respondent
from grid_functions.model.instants import Instants
from grid_functions.timeline.state import Tracked
from grid_functions.timeline.windows import draw_s
from protocols.ieee2030_5.connection import Answer
from protocols.ieee2030_5.desk.admin import Admin
from protocols.ieee2030_5.desk.exchange import Answer as Decided
from protocols.ieee2030_5.desk.exchange import Reply, Request
from protocols.ieee2030_5.desk.records import Settings
from protocols.ieee2030_5.desk.shelf import Shelf
from protocols.ieee2030_5.desk.tree import Desk
from protocols.ieee2030_5.wire.messages import Message
from protocols.ieee2030_5.wire.reader import decode
from protocols.ieee2030_5.wire.resources import DERControlResponse
from tests.crash.hours import hours
from tests.crash.power import Cable, Disk, Power, Wire
from tests.protocols.ieee2030_5.lab import Authority

PIN = 111115
LOAD_W = 500.0
DEFAULT_W = 4000
FAIL_SAFE_W = 2500
LEGACY, MODERN, METER = "pv-legacy", "pv-700", "grid-meter"
PORTS = {LEGACY: 1, MODERN: 2, METER: 3}
LIMIT = {LEGACY: (123, "WMaxLimPct", "WMaxLim_Ena"), MODERN: (704, "WMaxLimPct", "WMaxLimPctEna")}
RATED_W = {LEGACY: 5000.0, MODERN: 6000.0}
POLL_S = 2

Draws = tuple[float, float]
"""Of the start and of the duration of an event, s."""


class Clock(SystemClock):
    """The Clock port in simulated time: of each boot the same, as a machine's clock is."""

    def _seen(self, names: Any) -> Instants:
        loop = hours()
        mono_s, tellers = loop.time(), self._tellers
        return Instants(mono_s, loop.utc_s(), {name: tellers[name](mono_s) for name in names if name in tellers})


class Drawn:
    """The Dice port, seeded."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance

    def jitter(self, low_s: float, high_s: float) -> float:
        """Anything in between."""
        return self._chance.uniform(low_s, high_s)


@dataclass(frozen=True)
class Posted:
    """One Response as it reached the server; ``of_s``: the second that it says it is of."""

    at_s: float
    subject: str
    status: int
    body: bytes
    of_s: int


class Utility:
    """The utility server: its desk, its operator, and every Response as it came."""

    def __init__(self, lfdi: str) -> None:
        self.lfdi = lfdi
        self.posted: list[Posted] = []
        self._shelf, self._desk, self._admin = Shelf([Settings(seed=0xAB)]), Desk(sfdi), Admin(sfdi)
        rates = {f"{name}_poll_s": POLL_S for name in ("dcap", "time", "edev", "fsa", "derp", "der")}
        self.operate("PATCH", "/settings", rates)
        self.operate("POST", "/devices", {"lfdi": lfdi, "pin": PIN})
        self.programs = [self._program(5, {"modes": {"opModExpLimW": DEFAULT_W}}), self._program(1, None)]

    def operate(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The operator acts."""
        sent = b"" if body is None else json.dumps(body).encode()
        reply = self._kept(
            self._admin.answer(Request(method=method, path=path, body=sent), hours().utc_s(), self._shelf)
        )
        found = json.loads(reply.body) if reply.body else None
        assert reply.status < 300, found
        return found

    def serve(self, method: str, target: str, body: bytes) -> Answer:
        """A device asks."""
        path, _, query = target.partition("?")
        now_s = hours().utc_s()
        request = Request(method=method, path=path, query=query, body=body)
        reply = self._kept(self._desk.answer(request, self.lfdi, now_s, self._shelf))
        if method == "POST" and (said := _response(body)) is not None:
            assert reply.status == 201, (reply, body)
            self.posted.append(Posted(now_s, said.subject, said.status or 0, body, said.createdDateTime or 0))
        return Answer(reply.status, reply.body, reply.location or "")

    def _kept(self, answer: Decided) -> Reply:
        self._shelf.apply(answer.changes)
        return answer.reply

    def _program(self, primacy: int, default: Mapping[str, Any] | None) -> int:
        body = {"primacy": primacy, **({} if default is None else {"default": default})}
        number: int = self.operate("POST", "/programs", body)["number"]
        return number


def _response(body: bytes) -> DERControlResponse | None:
    message: Message = decode(body).message
    return message if isinstance(message, DERControlResponse) else None


@dataclass(frozen=True)
class Permit:
    """What both inverters together may produce from a moment on; ``ours``: by a write of the gateway."""

    at_s: float
    most_w: float
    ours: bool


class Record(Recorder):
    """After every write, what is permitted."""

    def __init__(self) -> None:
        super().__init__()
        self.permits: list[Permit] = []
        self.plant: Plant

    def applied(self, rows: tuple[Row, ...]) -> None:
        """A write of the gateway."""
        super().applied(rows)
        self.note(ours=True)

    def note(self, *, ours: bool) -> None:
        """As it is now."""
        self.permits.append(Permit(hours().utc_s(), self.plant.permitted_w(), ours))


class Plant:
    """The devices behind their ports."""

    def __init__(self) -> None:
        plan = parse_plan(
            {
                "inverters": [
                    {"name": LEGACY, "kind": "legacy", "rated_w": 5000, "ramp_pct_per_s": 600, "link": "a"},
                    {
                        "name": MODERN,
                        "kind": "der700",
                        "rated_w": 6000,
                        "ramp_pct_per_s": 600,
                        "enter_delay_s": 0,
                        "enter_ramp_s": 0,
                        "link": "b",
                    },
                ],
                "meter": {"name": METER, "unit": 240, "link": "c"},
                "house": {"base_w": LOAD_W},
            }
        )
        self.record = Record()
        self.record.plant = self
        self.simulator = Simulator(plan, hours().utc_s, self.record)
        self.units = {**{one.name: one.unit for one in plan.inverters}, METER: plan.meter.unit}
        self.record.note(ours=False)

    def ends(self) -> dict[int, Callable[[Frame], Sequence[bytes]]]:
        """Who answers, by port."""

        def end(name: str) -> Callable[[Frame], Sequence[bytes]]:
            answers = Answers(self.simulator, {self.units[name]: name})
            return lambda frame: [chunk.data for chunk in answers.answer(frame, float("-inf"))]

        return {port: end(name) for name, port in PORTS.items()}

    def permitted_w(self) -> float:
        """What both may produce by their registers as they stand."""
        site = self.simulator.site
        return sum(_permitted_w(site, name) for name in RATED_W)

    def open(self) -> None:
        """Somebody else lets both produce all they can."""
        for name, (model, _, enable) in LIMIT.items():
            site = self.simulator.site
            point = next(one for one in site.image(name).points if one.key == (model, enable))
            done = write(site, name, BASE + point.offset, [0])
            assert isinstance(done, tuple)
            self.simulator.become(done[0])
        self.record.note(ours=False)


def _permitted_w(site: Site, name: str) -> float:
    model, limit, enable = LIMIT[name]
    image, values = site.image(name), site.values(name)
    if not values[model, enable]:
        return RATED_W[name]
    percent = image.engineering((model, limit), values)
    assert percent is not None
    return RATED_W[name] * percent / 100.0


@dataclass
class Home:
    """What lasts beside the ledger: certificates and configuration. ``poll_s``: of the devices."""

    folder: Path
    poll_s: float = 1.0
    specification: Specification = field(init=False)
    lfdi: str = field(init=False)

    def __post_init__(self) -> None:
        authority = Authority(self.folder)
        files = authority.files("gateway")
        self.lfdi = authority.identity(files).lfdi
        config = self.folder / "osed.yaml"
        config.write_text(yaml.safe_dump(_configuration(files, self.poll_s)))
        self.specification = specify(load(config, FAMILIES))


def _configuration(files: tls.TlsFiles, poll_s: float) -> dict[str, Any]:
    devices = [
        {
            "name": name,
            "family": "sunspec",
            "address": f"tcp://127.0.0.1:{port}",
            "unit": 240 if name == METER else 1,
            "role": "meter" if name == METER else "pv",
            "poll_s": poll_s,
        }
        for name, port in PORTS.items()
    ]
    upstream = {
        "name": "utility",
        "protocol": "ieee2030_5",
        "url": "https://127.0.0.1/dcap",
        "profile": "csip-aus",
        "tls": {"certificate": str(files.certificate), "key": str(files.key), "ca": str(files.ca)},
        "serves": [{"site": "house", "pin": PIN}],
        "fail_safe": {"export_limit_w": FAIL_SAFE_W},
        "poll": {"floor_s": 1},
    }
    site = {
        "name": "house",
        "connection": {"import_limit_w": 15000, "export_limit_w": 11000, "phases": 3},
        "meter": METER,
        "meter_stale_s": 5.0 * poll_s,
        "devices": devices,
    }
    return {"gateway": {"name": "crash", "data": "data"}, "upstreams": [upstream], "sites": [site]}


def _draw_s(seed: bytes, key: EventKey, what: str, window_s: float) -> float:
    # The product's own draw is of the respondent too, whose certificate is another each time: a seed would not tell all.
    return draw_s(seed, replace(key, respondent=Respondent("utility", "gateway")), what, window_s)


@asynccontextmanager
async def gateway(
    home: Home, data: Path, utility: Utility, plant: Plant, power: Power
) -> AsyncIterator[Callable[[], dict[str, Draws]]]:
    """The gateway runs on the books in ``data`` until the block ends, or as long as it has power; what its ledger keeps as drawn."""
    chance = power.chance
    with ExitStack() as ports:
        ports.enter_context(patch("gateway.ledger.book.Writer", partial(Disk, power, "ledger")))
        ports.enter_context(patch("gateway.log.book.Writer", partial(Disk, power, "log")))
        ports.enter_context(patch("gateway.wiring.Link", partial(Cable, power, plant.ends())))
        ports.enter_context(patch("protocols.ieee2030_5.client.Exchanger", partial(Wire, power, utility.serve)))
        opened = open_ledger(data / "ledger.db", _codec(), hours().utc_s)
        assert opened.set_aside is None
        log = Log(data / "log.db", hours().utc_s)
        if opened.ledger.get("gateway/seed") is None:
            await opened.ledger.put("gateway/seed", 1, chance.randbytes(32))
        wired = wire(home.specification, await tools(Clock(), Drawn(chance), opened.ledger, log))
    (site,), (upstream,) = wired.sites.values(), wired.upstreams.values()

    def take(read: Read) -> None:
        site.take_read(read)

    def drawn() -> dict[str, Draws]:
        values = (entry.value for entry in opened.ledger.entries("house"))
        tracked = [one for one in values if isinstance(one, Tracked)]
        return {one.event.key.id: (one.start_draw_s, one.duration_draw_s) for one in tracked}

    draws = patch("grid_functions.timeline.intake.draw_s", _draw_s)
    draws.start()
    parts = [asyncio.ensure_future(run) for run in (site.run(), upstream.run(take), log.run())]
    try:
        yield drawn
    finally:
        for part in parts:
            part.cancel()
        await asyncio.gather(*parts, return_exceptions=True)
        draws.stop()
        if power.on:
            await log.flush()
        opened.ledger.close()
        log.close()


@cache
def _codec() -> Codec:
    # It holds nothing, and takes a third of a start to make.
    return Codec(DURABLE)


def left_behind(data: Path, after: Path, power: Power) -> None:
    """What the disk holds after a cut, while the file is still open: of bytes that were not synchronised, as many as chance will have."""
    after.mkdir()
    for name in ("ledger.db", "log.db"):
        for companion in ("", "-wal"):
            path = data / f"{name}{companion}"
            if path.exists():
                shutil.copyfile(path, after / path.name)
    if power.torn is not None:
        first, last = power.torn
        with (after / "ledger.db-wal").open("r+b") as file:
            file.truncate(power.chance.randint(first, last))
