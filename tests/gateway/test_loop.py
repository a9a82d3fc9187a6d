"""One site's promises: tighten at once, loosen and answer only what is kept, lose nothing, and let nobody harm another."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

import grid_functions.decide
from gateway import loop as site_loop
from grid_functions.decide import restore
from grid_functions.model.claim import SourceKind
from grid_functions.model.control import ExportLimit
from grid_functions.model.device import Role, Trouble
from grid_functions.model.entry import Entry
from grid_functions.model.errors import OurFault, Unreachable
from grid_functions.model.event import Event, EventStatus, Rank, Standing
from grid_functions.model.instants import Moment
from grid_functions.model.outcome import Cause, Outcome, OutcomeKind
from grid_functions.model.policy import BaselineTerms
from grid_functions.model.setpoint import Setpoint
from grid_functions.outcomes import owed
from tests.gateway.site import FakeDevice, FakeLedger, FakeLog, FakeUpstream, Rig, idle, key, read
from tests.grid_functions.house import UTILITY, seen
from tests.scenarios.decide.site import AGGREGATOR, event, policy

# Two inverters of 5,000 W and a meter; an export limit of 1,500 W is shared, so each is limited below 5,000 W.
LIMIT = event("limit", ExportLimit(1500.0))
LOOSE = event("loose", ExportLimit(6000.0), level=0.5, program="p2")
DEFAULT = Standing("p1", Rank(1.0), (ExportLimit(6000.0),))
TIGHT = Standing("p2", Rank(0.5), (ExportLimit(1000.0),))


def last(device: FakeDevice) -> float:
    """The production limit it was handed last."""
    limit = device.limits[-1]
    assert limit is not None
    return limit


async def test_a_limit_reaches_the_drivers_while_its_commit_hangs_and_no_answer_is_given() -> None:
    rig = Rig()
    rig.ledger.open.clear()
    async with rig.running() as site:
        await rig.look(site)
        site.take_read(read(LIMIT))
        await idle()
        assert rig.ledger.commits == 0
        # What both are allowed together exports no more than the limit, load unknown to us beside it.
        assert last(rig.devices["a"]) + last(rig.devices["b"]) <= 1500.0
        assert rig.upstream.told == []
        rig.ledger.open.set()
        await idle()
        assert rig.upstream.kinds("limit") == ["received", "started"]


async def test_loosening_waits_for_the_commit_and_goes_out_with_it() -> None:
    rig = Rig()
    async with rig.running() as site:
        await rig.look(site)
        site.take_read(read(LIMIT))
        await idle()
        tight = last(rig.devices["a"])
        rig.ledger.open.clear()
        site.take_read(read(LIMIT, LOOSE))
        await idle()
        assert site.decision is not None
        wanted = {one.device: one.produce_max_w for one in site.decision.setpoints}
        assert (wanted["a"] or 0.0) > tight
        assert last(rig.devices["a"]) == tight
        rig.ledger.open.set()
        await idle()
        assert last(rig.devices["a"]) > tight


def prompt(name: str, happened: list[str]) -> FakeDevice:
    """Its driver begins with the event loop's next turn, and says so."""

    class Prompt(FakeDevice):
        def want(self, setpoint: Setpoint) -> None:
            super().want(setpoint)
            asyncio.get_running_loop().call_soon(happened.append, "begun")

    return Prompt(name)


@pytest.mark.parametrize("now", [LIMIT, LOOSE], ids=["tightens", "loosens"])
async def test_a_driver_begins_before_the_start_that_it_makes_true_is_told(now: Event) -> None:
    """A driver's task runs once the loop gets back to it: till then nothing is noted in the log."""
    happened: list[str] = []

    class Told(FakeLog):
        def add(self, site: str, kind: str, correlation: str, body: Mapping[str, Any]) -> None:
            super().add(site, kind, correlation, body)
            happened.append(f"{kind} {body.get('kind', '')}")

    rig = Rig(log=Told(), devices={name: prompt(name, happened) for name in ("a", "b", "meter")})
    async with rig.running() as site:
        await rig.look(site)
        site.take_read(read(standings=() if now is LIMIT else (TIGHT,)))
        await idle()
        happened.clear()
        site.take_read(read(now, standings=() if now is LIMIT else (TIGHT,)))
        await idle()
        assert happened.index("begun") < happened.index("outcome started")


class Clerk(FakeLedger):
    """Says what it begins to keep, and whether it has kept anything of an event."""

    def __init__(self, happened: list[str]) -> None:
        super().__init__()
        self.happened = happened

    async def commit(self, stream: str, entries: tuple[Entry, ...]) -> None:
        self.happened.append("commit")
        await super().commit(stream, entries)

    def knows(self, name: str) -> bool:
        """Whether anything of that event is kept."""
        return any(name in entry_key for entry_key in self.kept)


async def test_a_driver_begins_before_the_commit_of_what_it_follows_and_before_anything_is_noted_or_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What else is done in the same moment would keep the device's next request waiting."""
    happened: list[str] = []

    class Open(FakeUpstream):
        async def tell(self, outcome: Outcome) -> None:
            await super().tell(outcome)
            happened.append("told")

    def noted(*arguments: Any, **named: Any) -> Any:
        happened.append("noted")
        return grid_functions.decide.note(*arguments, **named)

    monkeypatch.setattr(site_loop, "note", noted)
    rig = Rig(
        ledger=Clerk(happened), upstream=Open(), devices={name: prompt(name, happened) for name in ("a", "b", "meter")}
    )
    async with rig.running() as site:
        await rig.look(site)
        happened.clear()
        site.take_read(read(LIMIT))
        await idle()
        assert happened[:2] == ["begun", "begun"]
        assert set(happened[2:]) == {"commit", "told", "noted"}
        happened.clear()
        # Whatever loosens has to be kept first, and is then begun.
        site.take_read(read(LIMIT, LOOSE))
        await idle()
        assert happened.index("commit") < happened.index("begun")


async def test_what_loosens_is_owed_before_anybody_else_has_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit that ends right after a decision must find it owed, or it would take it for kept, and let what loosens go."""
    clerk = Clerk([])
    known: list[bool] = []

    class Watched(FakeDevice):
        def want(self, setpoint: Setpoint) -> None:
            super().want(setpoint)
            known.append(clerk.knows("loose"))

    rig = Rig(ledger=clerk, devices={name: Watched(name) for name in ("a", "b", "meter")})
    async with rig.running() as site:
        await rig.look(site)
        clerk.open.clear()
        site.take_read(read(LIMIT))
        await idle()
        known.clear()

        def decided(*arguments: Any, **named: Any) -> grid_functions.decide.Decision:
            made = grid_functions.decide.decide(*arguments, **named)
            clerk.open.set()  # the commit of the limit that came before ends now
            return made

        monkeypatch.setattr(site_loop, "decide", decided)
        site.take_read(read(LIMIT, LOOSE))
        await idle()
        assert known == [True, True]


async def test_a_commit_that_ends_late_does_not_bring_back_the_looser_decision_it_was_for() -> None:
    rig = Rig()
    async with rig.running() as site:
        await rig.look(site)
        site.take_read(read(LIMIT))
        await idle()
        rig.ledger.open.clear()
        site.take_read(read(LIMIT, LOOSE))
        await idle()
        tighter = event("tighter", ExportLimit(500.0), level=0.1, program="p3")
        site.take_read(read(LIMIT, LOOSE, tighter))
        await idle()
        before = {name: len(device.limits) for name, device in rig.devices.items()}
        assert last(rig.devices["a"]) + last(rig.devices["b"]) <= 500.0
        rig.ledger.open.set()
        await idle()
        for name in ("a", "b"):
            assert all((limit or 0.0) <= 500.0 for limit in rig.devices[name].limits[before[name] - 1 :])


async def test_a_full_disk_stops_loosening_and_answers_alarms_and_recovers_by_itself_with_nothing_lost() -> None:
    rig = Rig()
    async with rig.running() as site:
        await rig.look(site)
        rig.ledger.full()
        site.take_read(read(LIMIT))
        await idle()
        assert "full" in site.alarms["ledger"]
        tight = last(rig.devices["a"]) + last(rig.devices["b"])
        assert tight <= 1500.0
        site.take_read(read(LIMIT, LOOSE))
        await rig.time.go(5.0)
        assert last(rig.devices["a"]) + last(rig.devices["b"]) <= tight
        site.take_read(read(LIMIT, LOOSE, event("tighter", ExportLimit(500.0), level=0.1, program="p3")))
        await rig.time.go(5.0)
        await rig.look(site)
        assert last(rig.devices["a"]) + last(rig.devices["b"]) <= 500.0
        assert rig.upstream.told == []
        rig.ledger.fault = None
        await rig.time.go(1.0)
        assert "ledger" not in site.alarms
        assert rig.upstream.kinds("limit")[:1] == ["received"]
        assert rig.upstream.kinds("tighter") == ["received", "started"]
        assert rig.ledger.kept


async def test_whatever_the_ledger_raises_stops_loosening_and_not_the_site() -> None:
    rig = Rig()
    async with rig.running() as site:
        await rig.look(site)
        rig.ledger.fault = OurFault("Odd is not among the ledger's durable types")
        site.take_read(read(LIMIT))
        await idle()
        assert "durable" in site.alarms["ledger"]
        assert last(rig.devices["a"]) <= 1500.0
        rig.ledger.fault = None
        await rig.time.go(1.0)
        assert rig.upstream.kinds("limit") == ["received", "started"]


async def test_a_tightening_event_and_its_start_share_a_commit_and_what_was_taken_is_kept_within_a_second() -> None:
    rig = Rig()
    async with rig.running() as site:
        await rig.look(site)
        await rig.time.go(2.0)
        before = rig.ledger.commits
        site.take_read(read(LIMIT))
        await idle()
        assert last(rig.devices["a"]) + last(rig.devices["b"]) <= 1500.0
        assert rig.upstream.kinds("limit") == ["received", "started"]
        assert rig.ledger.commits == before + 1
        assert owed(restore(rig.ledger.kept.values()).book)
        await rig.time.go(1.0)
        assert owed(restore(rig.ledger.kept.values()).book) == ()


async def test_answers_of_one_event_are_told_in_order_each_once_over_failures() -> None:
    rig = Rig()
    rig.upstream.faults = [Unreachable("no route"), ZeroDivisionError("a defect"), Unreachable("no route")]
    async with rig.running() as site:
        await rig.look(site)
        site.take_read(read(event("limit", ExportLimit(1500.0), duration_s=60.0)))
        await rig.time.go(10.0)
        assert rig.upstream.kinds("limit") == ["received", "started"]
        await rig.time.go(60.0)
        await rig.look(site)
        assert rig.upstream.kinds("limit") == ["received", "started", "completed"]


async def test_an_event_whose_answer_hangs_does_not_hold_another() -> None:
    rig = Rig()
    rig.upstream.slow = {"limit"}
    async with rig.running() as site:
        await rig.look(site)
        site.take_read(read(LIMIT, event("later", ExportLimit(900.0), start_s=7200.0)))
        await idle()
        assert rig.upstream.kinds("later") == ["received"]
        assert rig.upstream.kinds("limit") == []


async def test_what_is_owed_is_told_again_after_a_restart_until_it_is_acknowledged_and_then_no_more() -> None:
    rig = Rig()
    rig.upstream.slow = {"limit"}
    async with rig.running() as site:
        await rig.look(site)
        site.take_read(read(LIMIT))
        await idle()
    assert rig.upstream.told == []
    rig.upstream.slow = set()
    async with rig.running() as site:
        await rig.look(site)
        assert rig.upstream.kinds("limit") == ["received", "started"]
    async with rig.running() as site:
        await rig.look(site)
        site.take_read(read(LIMIT))
        await idle()
        assert rig.upstream.kinds("limit") == ["received", "started"]
    assert len(set(rig.upstream.told)) == len(rig.upstream.told)


async def test_an_answer_told_again_is_the_same_to_the_last_bit() -> None:
    rig = Rig()
    rig.upstream.slow = {"limit"}
    async with rig.running() as site:
        await rig.look(site)
        site.take_read(read(LIMIT))
        await idle()
        assert site.decision is not None
        due = [one for page in site.state.book.pages.values() for one in page.owed]
    rig.upstream.slow = set()
    rig.time.now_s = 500.0
    async with rig.running() as site:
        await rig.look(site)
    assert rig.upstream.told[:2] == due
    assert [one.kind for one in due] == [OutcomeKind.RECEIVED, OutcomeKind.STARTED]


async def test_a_site_that_is_begun_again_tells_what_was_under_way_and_not_what_was_acknowledged() -> None:
    rig = Rig()
    rig.upstream.slow = {"slow"}
    loop = rig.loop()
    for _ in range(2):
        task = asyncio.create_task(loop.run())
        await idle()
        await rig.look(loop)
        loop.take_read(read(LIMIT, event("slow", ExportLimit(900.0), start_s=7200.0)))
        await idle()
        assert rig.upstream.kinds("limit") == ["received", "started"]
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        if rig.upstream.slow:
            assert rig.upstream.kinds("slow") == []
            rig.upstream.slow = set()
    assert rig.upstream.kinds("slow") == ["received"]


async def test_an_answer_to_an_upstream_that_is_gone_from_the_configuration_alarms() -> None:
    gone = Outcome(
        replace(key("limit"), respondent=replace(key("limit").respondent, upstream="gone")),
        OutcomeKind.RECEIVED,
        Moment("gone", 1.0),
        Cause(),
    )
    rig = Rig(owed=(gone,))
    async with rig.running() as site:
        await idle()
        assert "gone, which is no longer configured" in site.alarms["owed"]
        assert rig.upstream.told == []


async def test_a_driver_that_raises_is_begun_again_and_its_neighbours_never_notice() -> None:
    rig = Rig()
    rig.devices["b"].raises = 2
    async with rig.running() as site:
        assert "the driver of b stopped" in site.alarms["driver b"]
        assert [rig.devices[name].begun for name in ("a", "b")] == [1, 1]
        await rig.time.go(2.0)
        assert [rig.devices[name].begun for name in ("a", "b")] == [1, 3]
        await rig.look(site)
        assert "driver b" not in site.alarms


async def test_a_device_whose_driver_stopped_is_heard_by_nobody_and_may_do_all_it_can() -> None:
    """Two of 5,000 W under 1,500 W share them; of one that nobody watches any more no limit is known, so that the other has none."""
    rig = Rig()
    async with rig.running() as site:
        await rig.look(site)
        site.take_read(read(LIMIT))
        await idle()
        assert last(rig.devices["a"]) > 0
        rig.devices["b"].broken.set()
        await idle()
        condition = site.seen["b"].condition
        assert (condition.online, condition.holds, condition.troubles) == (False, None, frozenset({Trouble.SILENT}))
        assert "a driver's defect" in condition.text
        await rig.time.go(0.5)
        assert last(rig.devices["a"]) == 0.0
        for _ in range(5):
            await rig.time.go(2.0)
            await rig.look(site, power_w=-500.0, meter_w=-1000.0)
        assert last(rig.devices["a"]) > 0


async def test_a_driver_that_takes_no_setpoint_keeps_nobody_else_from_theirs() -> None:
    rig = Rig()
    rig.devices["a"].refuses = True
    async with rig.running() as site:
        await rig.look(site)
        site.take_read(read(LIMIT))
        await idle()
        assert last(rig.devices["b"]) <= 1500.0
        assert "took no setpoint" in site.alarms["driver a"]
        assert "a" not in site.handed


async def test_a_session_that_takes_no_picture_unseats_no_decision() -> None:
    rig = Rig()
    rig.upstream.blind = True
    async with rig.running() as site:
        await rig.look(site)
        site.take_read(read(LIMIT))
        await idle()
        assert last(rig.devices["a"]) <= 1500.0
        assert rig.upstream.kinds("limit") == ["received", "started"]


async def test_a_decision_that_raises_leaves_what_holds_and_alarms_and_loses_no_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = Rig()
    sound, broken = grid_functions.decide.decide, False

    def decide(*given: Any, **named: Any) -> Any:
        if broken:
            raise ZeroDivisionError("a defect")
        return sound(*given, **named)

    monkeypatch.setattr(site_loop, "decide", decide)
    async with rig.running() as site:
        await rig.look(site)
        site.take_read(read(LIMIT))
        await idle()
        held = dict(site.handed)
        broken = True
        site.take_read(read(LIMIT, event("tighter", ExportLimit(500.0), level=0.1, program="p3")))
        await idle()
        assert "a decision failed" in site.alarms["decision"]
        assert site.handed == held
        broken = False
        await rig.time.go(1.0)
        assert "decision" not in site.alarms
        assert last(rig.devices["a"]) + last(rig.devices["b"]) <= 500.0
        assert rig.upstream.kinds("tighter") == ["received", "started"]


def poisoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on no decision can be made on an event named poison."""
    sound = grid_functions.decide.decide

    def decide(state: Any, policies: Any, terms: Any, functions: Any, tick: Any, now: Any, **named: Any) -> Any:
        if any(one.key.id == "poison" for one_read in tick.reads for one in one_read.events):
            raise ZeroDivisionError("a defect")
        return sound(state, policies, terms, functions, tick, now, **named)

    monkeypatch.setattr(site_loop, "decide", decide)


async def test_a_read_that_cannot_be_decided_on_is_left_out_and_the_loop_on_the_meter_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = Rig()
    poisoned(monkeypatch)
    async with rig.running() as site:
        await rig.look(site)
        site.take_read(read(LIMIT))
        await idle()
        serial = site.decision.serial if site.decision else 0
        site.take_read(read(LIMIT, event("poison", ExportLimit(1.0))))
        await idle()
        assert "utility shows could not be decided on" in site.alarms["read"]
        assert site.decision is not None
        assert site.decision.serial > serial
        assert [one.cause for one in site.decision.in_force] == [key("limit")]
        site.take_read(read(LIMIT))
        await idle()
        assert "read" not in site.alarms


async def test_what_one_upstream_shows_never_costs_the_reads_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both come before the same decision; the aggregator's alone raises, and the utility's limit holds at once."""
    rig = Rig(policies={UTILITY: policy(), AGGREGATOR: policy(AGGREGATOR, SourceKind.OPENADR)})
    poisoned(monkeypatch)
    poison = event("poison", ExportLimit(1.0), respondent=AGGREGATOR)
    async with rig.running() as site:
        await rig.look(site)
        site.take_read(replace(read(poison), respondent=AGGREGATOR))
        site.take_read(read(LIMIT))
        await idle()
        assert site.decision is not None
        assert [one.cause for one in site.decision.in_force] == [key("limit")]
        assert last(rig.devices["a"]) + last(rig.devices["b"]) <= 1500.0
        assert site.alarms["read"].startswith("what aggregator shows could not")


async def test_upstreams_are_shown_what_is_usual_at_the_site() -> None:
    rig = Rig()
    async with rig.running() as site:
        await rig.look(site)
        usual = rig.upstream.usual
        assert usual is not None
        assert usual.hours is site.state.baseline.hours
        assert usual.terms == BaselineTerms()


async def test_observe_writes_nothing_answers_nothing_and_keeps_nothing() -> None:
    rig = Rig(observe=True, owed=(Outcome(key("old"), OutcomeKind.RECEIVED, Moment("utility", 1.0)),))
    async with rig.running() as site:
        await rig.look(site)
        site.take_read(read(LIMIT))
        await idle()
        await rig.look(site)
        assert site.decision is not None
        assert {one.produce_max_w for one in site.decision.setpoints} != {None}
    assert [device.wanted for device in rig.devices.values()] == [[], [], []]
    assert rig.upstream.told == []
    assert rig.upstream.shown == 0
    assert rig.ledger.kept == {}
    outcomes = [body["kind"] for kind, correlation, body in rig.log.records if kind == "outcome"]
    assert outcomes == ["received", "started"]


async def test_the_first_decision_waits_for_every_device() -> None:
    rig = Rig()
    async with rig.running() as site:
        site.take_read(read(LIMIT))
        site.take_seen(seen("a"))
        site.take_seen(seen("b"))
        await rig.time.go(9.0)
        assert site.decision is None
        site.take_seen(seen("meter", Role.METER, power_w=-4000.0, at_s=9.0))
        await idle()
        assert site.decision is not None


async def test_the_first_decision_waits_no_longer_than_the_deadline_for_one_that_is_silent() -> None:
    rig = Rig()
    async with rig.running() as site:
        site.take_seen(seen("a"))
        site.take_seen(seen("b"))
        site.take_seen(seen("meter", Role.METER, online=False, power_w=None))  # silent is no answer
        await rig.time.go(9.9)
        assert site.decision is None
        await rig.time.go(0.2)
        assert site.decision is not None


async def test_a_meter_that_goes_stale_wakes_a_decision_and_tightens() -> None:
    rig = Rig()
    async with rig.running() as site:
        # 3,000 W of load: 4,500 W may be produced while the meter is believed, 1,500 W once it is not (rule 6).
        site.take_read(read(LIMIT))
        await rig.look(site, power_w=-500.0, meter_w=2000.0)
        for _ in range(20):
            await rig.time.go(1.0)
            await rig.look(site, power_w=-500.0, meter_w=2000.0)
        serial = site.decision.serial if site.decision else 0
        assert last(rig.devices["a"]) + last(rig.devices["b"]) > 1500.0
        await rig.time.go(4.9)
        assert site.decision is not None
        assert site.decision.serial == serial
        await rig.time.go(0.2)  # meter_stale_s is 5
        assert site.decision.serial > serial
        assert last(rig.devices["a"]) + last(rig.devices["b"]) <= 1500.0


async def test_that_a_device_is_silent_still_is_no_reason_to_decide() -> None:
    rig = Rig()
    gone = {
        name: seen(name, Role.METER if name == "meter" else Role.PV, power_w=None, online=False) for name in rig.devices
    }
    async with rig.running() as site:
        for one in gone.values():
            site.take_seen(one)
        await rig.time.go(10.0)  # the first looks' deadline
        assert site.decision is not None
        serial = site.decision.serial
        for _ in range(100):
            for one in gone.values():
                site.take_seen(replace(one, condition=replace(one.condition)))
            await rig.time.go(1.0)
        assert site.decision.serial == serial
        site.take_seen(replace(gone["a"], condition=replace(gone["a"].condition, text="no route to host")))
        await rig.time.go(1.0)
        assert site.decision.serial == serial + 1


async def test_an_event_starts_by_itself_when_it_is_due() -> None:
    rig = Rig()
    async with rig.running() as site:
        await rig.look(site)
        site.take_read(read(event("limit", ExportLimit(1500.0), start_s=60.0), standings=(DEFAULT,)))
        await rig.time.go(59.0)
        assert rig.upstream.kinds("limit") == ["received"]
        await rig.time.go(2.0)
        assert rig.upstream.kinds("limit") == ["received", "started"]
        assert last(rig.devices["a"]) + last(rig.devices["b"]) <= 1500.0


async def test_a_cancel_loosens_to_the_default_and_is_told() -> None:
    rig = Rig()
    async with rig.running() as site:
        await rig.look(site)
        site.take_read(read(LIMIT, standings=(DEFAULT,)))
        await idle()
        tight = last(rig.devices["a"])
        cancelled = replace(LIMIT, status=EventStatus.CANCELLED)
        site.take_read(read(cancelled, standings=(DEFAULT,)))
        await idle()
        assert rig.upstream.kinds("limit") == ["received", "started", "cancelled"]
        assert last(rig.devices["a"]) > tight


async def test_after_a_restart_what_a_device_still_holds_is_not_loosened_before_the_commit() -> None:
    rig = Rig()
    rig.ledger.open.clear()
    async with rig.running() as site:
        site.take_read(read(event("limit", ExportLimit(6000.0))))
        for name in ("a", "b"):
            site.take_seen(seen(name, power_w=-100.0, holds=Setpoint(name, produce_max_w=100.0)))
        site.take_seen(seen("meter", Role.METER, power_w=-200.0))
        await idle()
        assert site.decision is not None
        assert all((one.produce_max_w or 1e9) > 100.0 for one in site.decision.setpoints)
        assert rig.devices["a"].wanted == []
        rig.ledger.open.set()
        await idle()
        assert last(rig.devices["a"]) > 100.0
