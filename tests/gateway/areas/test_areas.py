"""Areas on a real ledger, with a real site: made, changed, unmade; and nothing of them left behind."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gateway.areas.registry import Areas
from gateway.config.areas import AreaSettings, area_of
from gateway.ledger.book import Ledger, open_ledger
from gateway.ledger.codec import Codec
from gateway.log.book import Log
from gateway.loop import SiteLoop
from gateway.store.writer import Statement
from gateway.wiring import DURABLE
from grid_functions.model.claim import LeaseId
from grid_functions.model.control import ExportLimit, ImportLimit, Mode, mode_of
from grid_functions.model.errors import ConfigurationFault, LedgerUnavailable, OperatorFault
from grid_functions.model.function import Answer, Ask
from grid_functions.model.lease import Lease, Message
from grid_functions.model.tariff import Price
from tests.gateway.site import Rig, idle, key, read
from tests.grid_functions.house import UTILITY
from tests.scenarios.decide.site import event

FEEDER: dict[str, Any] = {
    "name": "feeder",
    "sites": ["house"],
    "functions": {"tariff": {"kind": "flat", "flat": {"price": 0.3}}},
}


async def unsolved(function: str, ask: Ask) -> Answer:
    """No solver here."""
    return Answer(function, ask.id, None)


@dataclass
class Stand:
    """A site that runs, a ledger on disk, and the registry on both."""

    rig: Rig
    loop: SiteLoop
    ledger: Ledger
    log: Log
    areas: Areas = field(init=False)

    def __post_init__(self) -> None:
        self.areas = Areas(self.ledger, self.log, self.rig.time, unsolved, lambda: {"house": self.loop})
        self.loop.mail.outside = self.areas

    async def settle(self, true: Callable[[], bool]) -> None:
        """Until it is true; the ledger writes in its own thread."""
        async with asyncio.timeout(20.0):
            while not true():
                await self.ledger.settle()
                await idle()

    def price(self) -> float | None:
        """What energy costs at the site now."""
        decision = self.loop.decision
        assert decision is not None
        return next((one.control.value for one in decision.in_force if isinstance(one.control, Price)), None)

    def exports(self) -> list[tuple[float, object]]:
        """The export limits in force, each with its cause."""
        decision = self.loop.decision
        held = () if decision is None else decision.in_force
        return [(one.control.limit_w, one.cause) for one in held if isinstance(one.control, ExportLimit)]

    @property
    def names(self) -> list[str]:
        """All areas."""
        return [one["name"] for one in self.areas.list()]


LIMITED: dict[str, Any] = {**FEEDER, "functions": {"schedule": {}, "tariff": FEEDER["functions"]["tariff"]}}


@asynccontextmanager
async def full(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Meanwhile nothing more can be written."""

    async def refuse(statements: Sequence[Statement]) -> None:
        if statements:
            raise LedgerUnavailable("ledger.db: database or disk is full", "free space on its disk")

    with monkeypatch.context() as patched:
        patched.setattr(ledger._writer, "write", refuse)
        yield


def tasks() -> list[str]:
    """The coordinators that run, by their tasks."""
    return sorted(task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("area "))


@asynccontextmanager
async def stand(folder: Path) -> AsyncIterator[Stand]:
    rig = Rig()
    opened = open_ledger(folder / "ledger.db", Codec(DURABLE))
    log = Log(folder / "log.db", lambda: rig.time.now().utc_s)
    async with rig.running() as loop:
        await rig.look(loop)
        made = Stand(rig, loop, opened.ledger, log)
        try:
            yield made
        finally:
            await made.areas.stop()
            opened.ledger.close()
            log.close()


async def test_an_area_made_at_run_time_leases_to_its_member(tmp_path: Path) -> None:
    async with stand(tmp_path) as at:
        told = await at.areas.create(FEEDER)
        assert told["members"] == ["house"]
        assert told["functions"] == {"tariff": {"enrolled": ["house"]}}
        await at.settle(lambda: at.price() == 0.3)


async def test_destroying_it_leaves_no_lease_claim_task_or_row(tmp_path: Path) -> None:
    async with stand(tmp_path) as at:
        before = {task.get_name() for task in asyncio.all_tasks()}
        await at.areas.create(FEEDER)
        await at.settle(lambda: at.price() == 0.3)
        await at.areas.destroy("feeder")
        await at.settle(lambda: at.price() is None)
        assert at.names == []
        assert at.loop.state.leases.held == {}
        decision = at.loop.decision
        assert decision is not None
        assert all(mode_of(one.control) is not Mode.IMPORT_PRICE for one in decision.in_force)
        assert "area feeder" not in {task.get_name() for task in asyncio.all_tasks()} - before
        assert at.ledger.entries("area/feeder") == ()
        assert "area/feeder" not in at.ledger.streams()


async def test_what_was_made_is_there_again_after_a_restart_and_by_a_greater_epoch(tmp_path: Path) -> None:
    async with stand(tmp_path) as at:
        first = (await at.areas.create(FEEDER))["epoch"]
    async with stand(tmp_path) as again:
        await again.areas.begin(())
        assert again.names == ["feeder"]
        assert again.areas.list()[0]["epoch"] > first
        await again.settle(lambda: again.price() == 0.3)


async def test_a_change_replaces_what_was_leased_and_voids_the_older_epoch(tmp_path: Path) -> None:
    async with stand(tmp_path) as at:
        await at.areas.create(FEEDER)
        await at.settle(lambda: at.price() == 0.3)
        old = next(iter(at.loop.state.leases.held.values())).id
        await at.areas.change({**FEEDER, "functions": {"tariff": {"kind": "flat", "flat": {"price": 0.1}}}})
        await at.settle(lambda: at.price() == 0.1)
        at.loop.mail.take(Lease(old, 600.0))
        await idle()
        assert at.price() == 0.1


async def test_areas_of_the_file_belong_to_the_file(tmp_path: Path) -> None:
    async with stand(tmp_path) as at:
        await at.areas.begin((area_of(FEEDER),))
        with pytest.raises(OperatorFault, match="belongs to osed"):
            await at.areas.destroy("feeder")
        with pytest.raises(OperatorFault, match="belongs to osed"):
            await at.areas.change(FEEDER)
        await at.areas.begin(())
        assert at.names == []
        await at.settle(lambda: at.price() is None)


async def test_an_area_that_is_the_same_goes_on_untouched_over_a_reload(tmp_path: Path) -> None:
    async with stand(tmp_path) as at:
        settings: AreaSettings = area_of(FEEDER)
        await at.areas.begin((settings,))
        epoch = at.areas.list()[0]["epoch"]
        await at.areas.begin((area_of(FEEDER),))
        assert at.areas.list()[0]["epoch"] == epoch


@pytest.mark.parametrize(
    ("plain", "fault", "why"),
    [
        ({"name": "x", "sites": []}, ConfigurationFault, "sites"),
        ({"name": "x y", "sites": ["house"]}, ConfigurationFault, "name"),
        ({"name": "x", "sites": ["house"], "functions": {"nothing": {}}}, ConfigurationFault, "nothing"),
        ({"name": "x", "sites": ["house"], "functions": {"tariff": {"kind": "dear"}}}, ConfigurationFault, "kind"),
        ({"name": "x", "sites": ["house"], "functions": {"day_ahead": {"rounds": 99}}}, ConfigurationFault, "rounds"),
        ({"name": "x", "sites": ["house"], "ttl_s": 1}, ConfigurationFault, "ttl_s"),
        ({"name": "x", "sites": ["castle"]}, OperatorFault, "castle"),
        ({"name": "x", "sites": ["house", "house"]}, OperatorFault, "'house' is a member already"),
        (
            {"name": "x", "sites": ["house"], "functions": {"direct_load_control": {"priorities": {"huose": 0}}}},
            OperatorFault,
            "no member is named 'huose'",
        ),
        ("nothing", ConfigurationFault, "dictionary"),
    ],
)
async def test_what_cannot_be_made_is_refused_and_nothing_is_made(
    tmp_path: Path, plain: Any, fault: type[Exception], why: str
) -> None:
    async with stand(tmp_path) as at:
        with pytest.raises(fault, match=why):
            await at.areas.create(plain)
        assert at.names == []
        assert at.ledger.get("areas/made") is None


async def test_a_name_is_taken_once_and_unknown_ones_are_said(tmp_path: Path) -> None:
    async with stand(tmp_path) as at:
        await at.areas.create(FEEDER)
        with pytest.raises(OperatorFault, match="there is an area"):
            await at.areas.create(FEEDER)
        with pytest.raises(OperatorFault, match="there are: feeder"):
            await at.areas.destroy("other")
        with pytest.raises(OperatorFault, match="runs no function"):
            await at.areas.order("feeder", "day_ahead", "begin", {})
        with pytest.raises(OperatorFault, match="no area is named"):
            await at.areas.order("other", "tariff", "begin", {})


async def test_an_order_is_read_before_it_is_given_and_what_came_of_it_is_told(tmp_path: Path) -> None:
    async with stand(tmp_path) as at:
        await at.areas.create({**FEEDER, "functions": {"xor_market": {}, "tariff": {}}})
        for function, kind, options, why in (
            ("xor_market", "close", {}, "its orders are: open"),
            ("xor_market", "open", {"wanted": 3}, "other fields"),
            ("xor_market", "open", {"wanted_kw": [float("nan")]}, "NaN"),
            ("tariff", "begin", {}, "its orders are: none"),
        ):
            with pytest.raises(OperatorFault, match=why):
                await at.areas.order("feeder", function, kind, options)
        assert at.areas.list()[0]["told"] == {}
        await at.areas.order("feeder", "xor_market", "open", {"wanted_kw": [3.0, 3.0]})
        await at.settle(lambda: bool(at.areas.list()[0]["told"]))
        assert at.areas.list()[0]["told"]["xor_market"]["open"].startswith("xor_market-")


async def test_letters_of_strangers_and_to_nobody_are_noted_and_harm_nothing(tmp_path: Path) -> None:
    async with stand(tmp_path) as at:
        await at.areas.create(FEEDER)
        at.areas.post(Message("tariff", "feeder", "stranger", "profile", "1", b"{}"))
        at.areas.post(Message("tariff", "nowhere", "house", "profile", "1", b"{}"))
        await at.settle(lambda: at.price() == 0.3)
        (alarm,) = [text for key, text in at.areas.list()[0]["alarms"].items() if key == "member stranger"]
        assert "no member here" in alarm


async def test_a_stop_of_the_gateway_takes_nothing_back(tmp_path: Path) -> None:
    async with stand(tmp_path) as at:
        await at.areas.create(FEEDER)
        await at.settle(lambda: at.price() == 0.3)
        await at.areas.stop()
        await idle()
        assert at.price() == 0.3


async def test_what_an_upstream_asks_at_the_areas_connection_is_divided_by_its_own_source_and_rank(
    tmp_path: Path,
) -> None:
    """The house is the feeder's connection and its one member: it exports 4 kW and nothing else does, so all of the 3 kW are its own."""
    async with stand(tmp_path) as at:
        limit = event("e1", ExportLimit(3000.0), level=2.0)
        at.loop.take_read(read(limit))
        await at.settle(lambda: at.exports() == [(3000.0, key("e1"))])
        await at.areas.create({**FEEDER, "functions": {"division": {}}, "connection": "house"})
        await at.settle(lambda: len(at.loop.state.leases.held) == 1)
        (leased,) = at.loop.state.leases.held.values()
        assert leased.controls == (ExportLimit(3000.0),)
        assert leased.origin is not None
        assert (leased.origin.event, leased.origin.rank.level) == (key("e1"), 2.0)
        assert leased.origin.source.respondent == UTILITY
        await at.settle(lambda: len(at.exports()) == 2)
        assert at.exports()[1][0] == 3000.0


async def test_what_no_device_of_the_connection_can_do_is_taken_where_an_area_hands_it_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two inverters cannot keep an import limit, members may. A price is nothing that is divided."""
    monkeypatch.setattr("gateway.areas.loop._REPORT_S", 0.1)
    async with stand(tmp_path) as at:
        told = at.rig.upstream.kinds
        at.loop.take_read(read(event("before", ImportLimit(3000.0))))
        await at.settle(lambda: told("before") == ["refused"])
        await at.areas.create({**FEEDER, "functions": {"division": {}}, "connection": "house"})
        at.loop.take_read(read(event("during", ImportLimit(3000.0))))
        await at.settle(lambda: told("during") == ["received", "started"])
        await at.settle(lambda: len(at.loop.state.leases.held) == 1)
        (leased,) = at.loop.state.leases.held.values()
        assert isinstance(leased.controls[0], ImportLimit)
        assert leased.origin is not None
        assert leased.origin.event == key("during")
        await at.areas.change(
            {**FEEDER, "functions": {"tariff": {"kind": "flat", "flat": {"price": 0.3}}}, "connection": "house"}
        )
        at.loop.take_read(read(event("other", ImportLimit(3000.0))))
        await at.settle(lambda: told("other") == ["refused"])
        await at.areas.destroy("feeder")
        at.loop.take_read(read(event("after", ImportLimit(3000.0))))
        await at.settle(lambda: told("after") == ["refused"])


async def test_what_members_did_of_an_event_comes_back_to_the_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The house exports, and so takes nothing of the 3 kW it may."""
    monkeypatch.setattr("gateway.areas.loop._REPORT_S", 0.1)
    async with stand(tmp_path) as at:
        await at.areas.create({**FEEDER, "functions": {"division": {"again_s": 10}}, "connection": "house"})
        at.loop.take_read(read(event("e", ImportLimit(3000.0))))
        await at.settle(lambda: len(at.loop.state.leases.held) == 1)
        await at.rig.time.go(11.0)
        await at.rig.look(at.loop)
        await at.settle(lambda: key("e") in at.loop.state.services)
        fold = at.loop.state.services[key("e")].fold
        assert fold is not None
        assert (fold.given_w, fold.by) == (fold.asked_w, "")


async def test_a_connection_hands_on_from_the_moment_its_area_is_to_run(tmp_path: Path) -> None:
    """A site begins beside its area: what it is asked meanwhile must not be refused."""
    async with stand(tmp_path) as at:
        area = area_of({**FEEDER, "functions": {"division": {}}, "connection": "house"})
        beginning = at.areas.begin((area,))
        beginning.send(None)  # as far as it comes without waiting
        assert at.areas.passed_on("house") == {Mode.IMPORT_LIMIT, Mode.EXPORT_LIMIT, Mode.LOAD_DISPATCH}
        assert at.areas.passed_on("barn") == frozenset()
        beginning.close()


async def test_a_connection_that_is_no_site_is_said(tmp_path: Path) -> None:
    async with stand(tmp_path) as at:
        with pytest.raises(OperatorFault, match="no site is named 'substation'"):
            await at.areas.create({**FEEDER, "connection": "substation"})
        assert at.names == []


@pytest.mark.parametrize(("connection", "limit_w"), [({"connection": "house"}, 5000.0), ({}, 0.0)])
async def test_the_meter_at_the_areas_connection_is_the_areas(
    tmp_path: Path, connection: dict[str, str], limit_w: float
) -> None:
    """The house exports 4 kW: room for its share of 5 kW under 100. Without a meter nobody comes back."""
    async with stand(tmp_path) as at:
        await at.areas.create({**FEEDER, "functions": {"cold_load_pickup": {}}, **connection})
        await at.areas.order("feeder", "cold_load_pickup", "begin", {})
        await at.settle(lambda: len(at.loop.state.leases.held) == 1)
        (leased,) = at.loop.state.leases.held.values()
        assert leased.controls == (ImportLimit(limit_w),)


async def test_of_two_who_make_one_area_at_once_one_is_refused(tmp_path: Path) -> None:
    """Two coordinators of one name would share epoch and ledger, and only one of them could ever be unmade."""
    async with stand(tmp_path) as at:
        told = await asyncio.gather(at.areas.create(FEEDER), at.areas.create(FEEDER), return_exceptions=True)
        assert sorted(type(one).__name__ for one in told) == ["OperatorFault", "dict"]
        assert tasks() == ["area feeder"]
        await asyncio.gather(at.areas.change(FEEDER), at.areas.destroy("feeder"))
        assert tasks() == []
        assert at.ledger.get("areas/made") == (1, b"[]")


async def test_areas_made_at_once_are_all_kept_each_with_its_epoch(tmp_path: Path) -> None:
    async with stand(tmp_path) as at:
        names = [f"feeder-{number}" for number in range(5)]
        made = [at.areas.create({**FEEDER, "name": name}) for name in names]
        told = await asyncio.gather(*made, at.areas.begin(()))
        assert len({one["epoch"] for one in told if one}) == len(names)
        assert at.names == names
    async with stand(tmp_path) as again:
        await again.areas.begin(())
        assert again.names == names


async def test_an_order_is_answered_once_it_is_kept(tmp_path: Path) -> None:
    """Whoever was told that a limit holds finds it again, whatever happens after the answer."""
    async with stand(tmp_path) as at:
        await at.areas.create(LIMITED)
        assert await at.areas.order("feeder", "schedule", "limit_each", {"limit_kw": 3.0}) == ()
        (entry,) = at.ledger.entries("area/feeder")
        assert getattr(entry.value, "limit_kw", None) == 3.0


async def test_what_a_function_finds_wrong_with_an_order_is_told_with_the_answer(tmp_path: Path) -> None:
    async with stand(tmp_path) as at:
        await at.areas.create(LIMITED)
        (why,) = await at.areas.order("feeder", "schedule", "limit_each", {"limit_kw": -1.0})
        assert "limit_kw" in why
        assert at.areas.list()[0]["told"]["schedule"]["limit_kw"] is None


async def test_an_order_to_an_area_that_ends_meanwhile_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stand(tmp_path) as at:
        await at.areas.create(LIMITED)
        async with full(at.ledger, monkeypatch):
            order = asyncio.create_task(at.areas.order("feeder", "schedule", "limit_each", {"limit_kw": 3.0}))
            await idle()
            assert not order.done()
        await at.areas.destroy("feeder")
        with pytest.raises(OperatorFault, match="ended before"):
            await order


async def test_while_nothing_can_be_kept_an_area_stands_and_can_be_unmade_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To unmake it loosens, which waits for the ledger: else it would be there again after a restart, and until then nobody's."""
    async with stand(tmp_path) as at:
        await at.areas.create(LIMITED)
        await at.areas.order("feeder", "schedule", "limit_each", {"limit_kw": 3.0})
        await at.settle(lambda: len(at.loop.state.leases.held) == 2)
        async with full(at.ledger, monkeypatch):
            with pytest.raises(LedgerUnavailable):
                await at.areas.destroy("feeder")
            await idle()
            assert at.names == ["feeder"]
            assert len(at.loop.state.leases.held) == 2
        await at.areas.destroy("feeder")
        await at.settle(lambda: at.loop.state.leases.held == {})


async def test_a_disk_that_hangs_holds_no_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.areas.registry._HANGS_S", 0.01)
    async with stand(tmp_path) as at:
        await at.areas.create(FEEDER)
        with monkeypatch.context() as patched:
            patched.setattr(at.ledger._writer, "write", lambda _: asyncio.Event().wait())
            making = asyncio.create_task(at.areas.create({**FEEDER, "name": "other"}))
            await idle()
            await at.areas.stop()
            assert tasks() == []
            making.cancel()


async def test_leases_outlive_a_disk_that_stays_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is leased lives 10 s, and is renewed for as long as the area lives; what cannot be kept waits, and people are told."""
    monkeypatch.setattr("gateway.areas.loop._REPORT_S", 0.01)
    monkeypatch.setattr("gateway.areas.loop._RETRY_S", 0.01)
    async with stand(tmp_path) as at:
        await at.areas.create({**LIMITED, "ttl_s": 10})
        await at.areas.order("feeder", "schedule", "limit_each", {"limit_kw": 3.0})
        await at.settle(lambda: len(at.loop.state.leases.held) == 2)
        async with full(at.ledger, monkeypatch):
            order = asyncio.create_task(at.areas.order("feeder", "schedule", "limit_each", {"limit_kw": 9.0}))
            for _ in range(10):
                await at.rig.time.go(2.0)
                await asyncio.sleep(0.05)
                assert sorted(one.controls for one in at.loop.state.leases.held.values()) == [
                    (),
                    (ImportLimit(3000.0),),
                ]
            assert "disk is full" in at.areas.list()[0]["alarms"]["ledger"]
            assert not order.done()
        assert await order == ()
        assert "ledger" not in at.areas.list()[0]["alarms"]
        await at.settle(lambda: (ImportLimit(9000.0),) in [one.controls for one in at.loop.state.leases.held.values()])


async def test_a_function_that_is_named_again_begins_anew(tmp_path: Path) -> None:
    """Else a limit that nobody ordered would hold."""
    async with stand(tmp_path) as at:
        await at.areas.create(LIMITED)
        await at.areas.order("feeder", "schedule", "limit_each", {"limit_kw": 3.0})
        await at.areas.change(FEEDER)
        assert at.ledger.entries("area/feeder") == ()
        await at.areas.change(LIMITED)
        await at.settle(lambda: "schedule" in at.areas.list()[0]["told"])
        assert at.areas.list()[0]["told"]["schedule"]["limit_kw"] is None


async def test_what_stays_over_a_change_keeps_what_it_was_ordered(tmp_path: Path) -> None:
    async with stand(tmp_path) as at:
        await at.areas.create(LIMITED)
        await at.areas.order("feeder", "schedule", "limit_each", {"limit_kw": 3.0})
        await at.areas.change({**FEEDER, "functions": {"schedule": {}}})
        await at.settle(lambda: bool(at.areas.list()[0]["told"]))
        assert at.areas.list()[0]["told"]["schedule"]["limit_kw"] == 3.0


async def test_an_area_made_under_a_name_that_the_file_had_knows_nothing_of_it(tmp_path: Path) -> None:
    async with stand(tmp_path) as at:
        await at.areas.begin((area_of(LIMITED),))
        await at.areas.order("feeder", "schedule", "limit_each", {"limit_kw": 3.0})
        await at.areas.begin(())
        await at.areas.create(LIMITED)
        await at.settle(lambda: "schedule" in at.areas.list()[0]["told"])
        assert at.areas.list()[0]["told"]["schedule"]["limit_kw"] is None


async def test_while_the_connection_has_not_decided_what_was_divided_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reload begins the connection's site anew: until it has read its devices nobody knows what it is asked (rule 6)."""
    monkeypatch.setattr("gateway.areas.loop._REPORT_S", 0.01)
    monkeypatch.setattr("gateway.areas.loop._RETRY_S", 0.01)
    async with stand(tmp_path) as at:
        sites = {"house": at.loop, "station": at.loop}
        at.areas.sites = lambda: sites
        at.loop.take_read(read(event("e", ExportLimit(3000.0))))
        await at.settle(lambda: len(at.exports()) == 1)
        await at.areas.create({**FEEDER, "functions": {"division": {}}, "connection": "station", "ttl_s": 10})
        await at.settle(lambda: len(at.loop.state.leases.held) == 1)
        sites["station"] = Rig().loop()
        for _ in range(8):
            await at.rig.time.go(2.0)
            await asyncio.sleep(0.05)
            assert len(at.loop.state.leases.held) == 1
        assert "has not decided yet" in at.areas.list()[0]["alarms"]["connection"]
        # It has, and is asked nothing.
        async with Rig().running() as station:
            await at.rig.look(station)
            sites["station"] = station
            await at.settle(lambda: at.loop.state.leases.held == {})
        assert at.areas.list()[0]["alarms"] == {}


async def test_an_area_that_this_version_cannot_read_keeps_no_other_from_running(tmp_path: Path) -> None:
    """What was made and kept by another version: a gateway that does not start for it could not even unmake it."""
    async with stand(tmp_path) as at:
        await at.areas.create(FEEDER)
        kept = at.ledger.get("areas/made")
        assert kept is not None
        strange = {"name": "older", "sites": ["house"], "functions": {"gone": {}}}
        await at.ledger.put("areas/made", 1, json.dumps([strange, *json.loads(kept[1])]).encode())
    async with stand(tmp_path) as again:
        await again.areas.begin(())
        assert again.names == ["feeder"]


@pytest.mark.parametrize(
    ("lease", "stays"),
    [
        (LeaseId("feeder", "tariff/prices", 1), True),
        (LeaseId("feeder", "schedule/limit", 1), False),
        (LeaseId("barns", "tariff/prices", 1), False),
        (LeaseId("unmade", "tariff/prices", 1), False),
    ],
)
async def test_what_is_held_of_areas_that_are_no_more_ends_when_the_gateway_begins(
    tmp_path: Path, lease: LeaseId, stays: bool
) -> None:
    """Killed after an area was unmade and before its members had heard: a lease may live for a day."""
    async with stand(tmp_path) as at:
        sites = {"house": at.loop}
        at.areas.sites = lambda: sites
        at.loop.mail.take(Lease(lease, 86_400.0, (ImportLimit(1000.0),)))
        await at.settle(lambda: len(at.loop.state.leases.held) == 1)
        barns = {"name": "barns", "sites": ["barn"], "functions": {"tariff": {}}}
        # Of the feeder nothing newer comes before it has decided at its connection.
        sites["station"] = Rig().loop()
        await at.areas.begin((area_of({**FEEDER, "connection": "station"}), area_of(barns)))
        await idle()
        assert (lease in [one.id for one in at.loop.state.leases.held.values()]) is stays


async def test_a_solution_that_comes_after_other_steps_is_taken(tmp_path: Path) -> None:
    """The area goes on while it waits: what comes then belongs to the step that follows."""
    async with stand(tmp_path) as at:
        solved = asyncio.Event()

        async def late(function: str, ask: Ask) -> Answer:
            await solved.wait()
            return Answer(function, ask.id, None)

        at.areas.solve = late
        await at.areas.create({**LIMITED, "functions": {**LIMITED["functions"], "xor_market": {"bid_s": 1}}})
        await at.areas.order("feeder", "xor_market", "open", {"wanted_kw": [1.0]})
        await at.rig.time.go(2.0)
        await at.areas.order("feeder", "schedule", "limit_each", {"limit_kw": 3.0})
        await at.areas.order("feeder", "schedule", "limit_each", {"limit_kw": 4.0})
        assert at.areas.list()[0]["told"]["xor_market"]["open"]
        solved.set()
        await at.settle(lambda: not at.areas.list()[0]["told"]["xor_market"]["open"])
