"""What a site decided is recorded whole: made again, every decision comes out the same, and a changed one is found."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from gateway.log.book import Log, Record, recorded_sites, recorded_steps
from gateway.recording.plain import Plain
from gateway.recording.record import Anchor, plain_of
from gateway.recording.replay import Replayed, replay
from gateway.solver import Solver
from grid_functions import letters
from grid_functions.building.dwelling import BatteryOf, Dwelling
from grid_functions.building.options import HomeOptions
from grid_functions.building.program import Problem
from grid_functions.building.steward import Steward
from grid_functions.building.storage import Store
from grid_functions.catalogue import built_in
from grid_functions.decide import SiteState
from grid_functions.machines import Machine
from grid_functions.model.control import ExportLimit, Mode
from grid_functions.model.device import Role
from grid_functions.model.errors import OperatorFault
from grid_functions.model.event import EventStatus
from grid_functions.model.function import Answer, Ask
from grid_functions.model.lease import Message
from tests.gateway.command import osed
from tests.gateway.site import SITE, Rig, read
from tests.grid_functions.house import seen
from tests.scenarios.decide.site import BOOT_S, Site, event


async def recorded() -> list[Record]:
    """A site whose export is limited, whose sun and load move, whose event is cancelled; an hour and a half of it, with a restart."""
    rig = Rig()
    early = event("e1", ExportLimit(1500.0), duration_s=4000.0)
    async with rig.running() as loop:
        await rig.look(loop)
        loop.take_read(read(early))
        for minute in range(70):
            await rig.time.go(60.0)
            await rig.look(loop, power_w=-2000.0 - 10.0 * minute, meter_w=-3000.0 + 20.0 * minute)
    async with rig.running() as loop:
        await rig.look(loop)
        late = event("e2", ExportLimit(800.0), start_s=4300.0)
        loop.take_read(read(late, now_s=rig.time.now_s))
        await rig.time.go(300.0)
        loop.take_read(read(replace(late, status=EventStatus.CANCELLED), now_s=rig.time.now_s))
        await rig.look(loop)
        await rig.time.go(10.0)
    return rig.log.steps


def again(steps: list[Record], functions: dict[str, Machine] | None = None) -> Replayed:
    known = functions or dict(built_in())
    return replay(SITE, steps, known, plain_of(known))


async def test_every_decision_comes_out_the_same() -> None:
    steps = await recorded()
    # An anchor at each start, and one after the first hour.
    assert [one.kind for one in steps].count("anchor") == 3
    done = again(steps)
    assert done.difference is None
    assert done.decisions == [one.kind for one in steps].count("step") > 70
    assert done.skipped == 0


async def test_who_a_device_is_is_told_once_after_each_anchor() -> None:
    told, since = [], 0
    for record in await recorded():
        if record.kind == "anchor":
            since = 0
        elif record.kind == "step":
            told += [(since, bool(one["nameplate"])) for one in record.body["seen"] if one["device"] == "a"]
            since += 1
    assert [first for first, whole in told if whole] == [0, 0, 0]
    assert len(told) > 70


async def test_a_decision_that_differs_is_found_and_shown() -> None:
    steps = await recorded()
    number, step = next((n, s) for n, s in enumerate(steps) if s.kind == "step" and s.body.get("setpoints"))
    changed = dict(step.body)
    changed["setpoints"] = [{**changed["setpoints"][0], "produce_max_w": 4321.5}, *changed["setpoints"][1:]]
    done = again([*steps[:number], replace(step, body=changed), *steps[number + 1 :]])
    assert done.difference is not None
    assert done.difference.serial == changed["serial"]
    (name,) = done.difference.recorded
    assert "4321.5" in str(done.difference.recorded[name])
    assert "4321.5" not in str(done.difference.replayed[name])


async def test_an_answer_that_is_owed_otherwise_is_found() -> None:
    steps = await recorded()
    number, told = next((n, s) for n, s in enumerate(steps) if s.kind == "note" and s.body.get("outcomes"))
    done = again([*steps[:number], replace(told, body={**told.body, "outcomes": []}), *steps[number + 1 :]])
    assert done.difference is not None
    assert done.difference.recorded == {"outcomes": []}
    assert "started" in str(done.difference.replayed)


async def test_without_its_anchor_nothing_is_made_up() -> None:
    steps = await recorded()
    second = [n for n, one in enumerate(steps) if one.kind == "anchor"][1]
    done = again(steps[1:])
    assert done.skipped == [one.kind for one in steps[1:second]].count("step")
    assert done.difference is None


async def test_a_function_that_is_missing_is_named() -> None:
    steps = await recorded()
    known = dict(built_in())
    gone = sorted(known)[0]
    del known[gone]
    with pytest.raises(OperatorFault, match=gone):
        replay(SITE, steps, known, plain_of(built_in()))


def test_a_state_comes_back_whole() -> None:
    """Every field that a decision carries over, with whatever stands where anything may."""
    functions = built_in()
    site = Site([seen("a", Role.PV, power_w=-2000.0), seen("b", Role.PV, power_w=-2000.0)], meter_w=-4000.0)
    site.tick(0.0, site.read(0.0, event("e1", ExportLimit(1500.0))))
    site.tick(1.0)
    site.tick(3.0)
    plain = plain_of(functions)
    back = plain.read(plain.write(site.state, SiteState), SiteState)
    for one in fields(SiteState):
        assert getattr(back, one.name) == getattr(site.state, one.name), one.name


@pytest.mark.parametrize(
    "body",
    [{}, {"unwritten": "x"}, {"terms": 3}, [], None, {"state": {"kept": {"x": {"state": {"_type": "Popen"}}}}}],
    ids=str,
)
def test_a_record_of_something_else_is_refused_in_one_line(body: Any) -> None:
    with pytest.raises(OperatorFault, match="another version"):
        Plain(()).read(body, Anchor)


async def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "log.db"
    log = Log(path, lambda: 1000.0)
    rig = Rig()
    rig.log.add_step = log.add_step  # type: ignore[method-assign]  # the real one in its place
    async with rig.running() as loop:
        await rig.look(loop)
        loop.take_read(read(event("e1", ExportLimit(1500.0))))
        await rig.time.go(5.0)
    await log.flush()
    log.close()
    assert recorded_sites(path) == (SITE,)
    assert [one.kind for one in recorded_steps(path, SITE)][:2] == ["anchor", "step"]
    for arguments, words in (
        (["replay", str(path)], "all came out the same"),
        (["replay", str(path), "--site", SITE, "--json"], '"difference": null'),
    ):
        assert osed(capsys, *arguments)[0] == 0, arguments
        code, out, err = osed(capsys, *arguments)
        assert (code, err) == (0, "")
        assert words in out
    code, out, err = osed(capsys, "replay", str(path), "--site", "barn")
    assert (code, out) == (1, "")
    assert f"sites: {SITE}" in err
    code, out, err = osed(capsys, "replay", str(tmp_path / "none.db"))
    assert (code, out) == (1, "")
    assert "no such file" in err


async def test_plans_of_a_home_come_out_the_same_from_the_answers_it_got() -> None:
    """A steward with a battery, letters of a coordination and a solver that answers: arrays and programs go to the log and back."""
    solver = Solver()

    class Area:
        async def answer(self, function: str, ask: Ask) -> Answer:
            assert isinstance(ask.problem, Problem)
            return Answer(function, ask.id, solver.solve(ask.problem))

        def post(self, message: Message) -> None:
            letters.read(message, letters.Way.UP)

        def passed_on(self, site: str) -> frozenset[Mode]:
            return frozenset()

    store = Store(10_000.0, 3000.0, 3000.0)
    home = HomeOptions(Dwelling(batteries=(BatteryOf("a", store),)), step_s=3600.0, steps=4)
    functions: dict[str, Machine] = {**built_in(), "home": Steward(home)}
    rig = Rig(functions=functions)
    async with rig.running() as loop:
        loop.mail.outside = Area()
        await rig.look(loop)
        for number in range(3):
            added = tuple(0.1 * (number + k) for k in range(4))
            told = letters.Prices("t1", number, BOOT_S, 3600.0, added)
            loop.mail.take(letters.write(told, "day_ahead", SITE, "feeder", str(number)))
            await rig.time.go(1.0)
            await rig.look(loop)
        await rig.time.go(7200.0)
        assert "feeder/t1" in loop.state.kept["home"].state.inquiries
    done = again(rig.log.steps, functions)
    assert done.difference is None
    assert done.decisions > 5
