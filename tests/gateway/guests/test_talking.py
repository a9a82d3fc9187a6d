"""Plug-ins that talk, with the operator, with each other and with the solver; site, ledger and solver are real."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.areas.registry import Areas
from gateway.clock import SystemClock
from gateway.guests.host import Guests
from gateway.ledger.book import open_ledger
from gateway.ledger.codec import Codec
from gateway.log.book import Log
from gateway.loop import SiteLoop
from gateway.solving import Solving
from gateway.wiring import DURABLE
from grid_functions.catalogue import built_in
from grid_functions.guest import Guest, GuestOptions
from grid_functions.model.control import ImportLimit, Mode, ShedLevel, StoragePower
from grid_functions.model.errors import OperatorFault
from grid_functions.model.function import Answer, Ask
from grid_functions.model.outcome import OutcomeKind
from tests.gateway.guests.stage import PATIENT, Even, install
from tests.gateway.guests.talkers import ANSWERER, ASKER
from tests.gateway.site import Rig, read
from tests.scenarios.decide.site import event

FEEDER = {"name": "feeder", "sites": ["house"], "plug_ins": {ASKER: {}}, "connection": "house"}


@dataclass
class Feeder:
    """An area with the one plug-in, a site with the other."""

    rig: Rig
    site: SiteLoop
    areas: Areas
    guests: Guests

    def known(self) -> bool:
        """Whether both have said what they say on receipt, and it was decided on."""
        kept = self.site.state.kept.get(ANSWERER)
        return kept is not None and kept.durable is not None and bool(self.areas.passed_on("house"))

    def steps(self, name: str) -> int:
        """How many that plug-in has made."""
        steps: int = self.guests.health().get(name, {}).get("steps", 0)
        return steps

    def limits(self) -> list[float]:
        """The import limits in force at the site."""
        held = () if self.site.decision is None else self.site.decision.in_force
        return [one.control.limit_w for one in held if isinstance(one.control, ImportLimit)]


async def until(true: Callable[[], object], rig: Rig) -> None:
    """Processes, ledger and solver take their time."""
    async with asyncio.timeout(60.0):
        while not true():
            await asyncio.sleep(0.01)
            await rig.time.go(0.01)


@asynccontextmanager
async def feeder(folder: Path, *hears: str, solvable: bool = True) -> AsyncIterator[Feeder]:
    rig = Rig()
    rig.functions = {**built_in(), ANSWERER: Guest(ANSWERER, GuestOptions("house", "{}", hears))}
    opened = open_ledger(folder / "ledger.db", Codec(DURABLE))
    log = Log(folder / "log.db", lambda: rig.time.now().utc_s)
    solving = Solving(rig.time)
    guests = Guests(SystemClock(), Even(), _none, solving.answer if solvable else _none, PATIENT)
    async with rig.running() as site:
        areas = Areas(opened.ledger, log, rig.time, guests.answer, lambda: {"house": site}, guests.channels)
        site.mail.outside = areas
        await rig.look(site, meter_w=1500.0)
        try:
            await areas.create(FEEDER)
            made = Feeder(rig, site, areas, guests)
            await until(made.known, rig)
            yield made
        finally:
            await areas.stop()
            await guests.close()
            solving.close()
            opened.ledger.close()
            log.close()


async def _none(function: str, ask: Ask) -> Answer:
    return Answer(function, ask.id, None)


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = "tests.gateway.guests.talkers"
    monkeypatch.syspath_prepend(tmp_path)
    install(tmp_path, monkeypatch, asker=f"{module}:ASKER_MAKER", answerer=f"{module}:ANSWERER_MAKER")


async def test_an_order_is_asked_of_members_answered_solved_and_granted(tmp_path: Path) -> None:
    async with feeder(tmp_path, ASKER) as at:
        await at.areas.order("feeder", ASKER, "begin", {"times": 2.0})
        await until(at.limits, at.rig)
        # What the site's meter shows, 1,500 W, twice.
        assert at.limits() == [3000.0]
        assert at.site.alarms == {}
        assert at.areas.list()[0]["alarms"] == {}


async def test_a_site_that_does_not_let_it_hear_the_area_hears_and_says_nothing(tmp_path: Path) -> None:
    async with feeder(tmp_path) as at:
        before = at.steps(ANSWERER)
        await at.areas.order("feeder", ASKER, "begin", {})
        steps = at.steps(ASKER)
        await until(lambda: at.steps(ASKER) > steps, at.rig)
        await at.rig.look(at.site, meter_w=1600.0)
        await until(lambda: at.steps(ANSWERER) > before, at.rig)
        assert at.limits() == []


@pytest.mark.parametrize(
    ("kind", "options", "why"),
    [
        ("begin", {"times": "two"}, "times is no number"),
        ("begin", {"often": 2.0}, "other fields"),
        ("begin", {"times": float("nan")}, "is no number"),
        ("stop", {}, "its orders are: begin"),
    ],
)
async def test_an_order_that_it_did_not_name_or_that_is_malformed_is_told_nobody(
    tmp_path: Path, kind: str, options: dict[str, object], why: str
) -> None:
    async with feeder(tmp_path) as at:
        with pytest.raises(OperatorFault) as caught:
            await at.areas.order("feeder", ASKER, kind, options)
        assert why in f"{caught.value} {caught.value.advice}"


async def test_before_it_is_loaded_it_takes_no_orders(tmp_path: Path) -> None:
    async with feeder(tmp_path) as at:
        at.areas.channels = lambda _: None
        with pytest.raises(OperatorFault, match="not loaded yet"):
            await at.areas.order("feeder", ASKER, "begin", {})


async def said(rig: Rig, site: SiteLoop) -> dict[str, tuple[OutcomeKind, str]]:
    """What the utility is told first of a level and of a power for storage, at a site that has none."""
    site.take_read(read(event("shed", ShedLevel(2)), event("store", StoragePower(1000.0))))
    await until(lambda: len({one.event.id for one in rig.upstream.told}) == 2, rig)
    return {one.event.id: (one.kind, one.cause.text) for one in reversed(rig.upstream.told)}


async def test_what_it_said_beforehand_is_said_of_an_event_on_receipt(tmp_path: Path) -> None:
    rig = Rig()
    async with rig.running() as alone:
        await rig.look(alone)
        without = await said(rig, alone)
    async with feeder(tmp_path) as at:
        assert at.areas.passed_on("house") == {Mode.LOAD_DISPATCH}
        with_it = await said(at.rig, at.site)
    assert without["store"] == (OutcomeKind.REFUSED, "storage_power: no such device")
    assert with_it["store"][0] is OutcomeKind.RECEIVED
    assert with_it["shed"] == (OutcomeKind.REFUSED, "there are no levels here")


async def test_what_an_areas_plug_in_hands_on_is_known_again_before_it_runs_again(tmp_path: Path) -> None:
    async with feeder(tmp_path) as at:
        await until(lambda: at.areas.ledger.entries("area/feeder"), at.rig)
        await at.areas.stop()
        assert at.areas.passed_on("house") == {Mode.LOAD_DISPATCH}
