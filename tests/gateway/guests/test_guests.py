"""A plug-in in a process of its own: whatever it does, others hold, the loop goes on, and what it said last stands as long as it said."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from gateway.guests.process import Terms
from gateway.recording.record import ANCHOR, STEP, plain_of
from gateway.recording.replay import replay
from gateway.solver import Solver
from grid_functions.building.program import Problem
from grid_functions.catalogue import built_in
from grid_functions.guest import Failed, Stepped
from grid_functions.model.claim import Bound
from grid_functions.model.control import ExportLimit
from grid_functions.model.function import Answer, Ask
from tests.gateway.guests.rogue import LETTER
from tests.gateway.guests.stage import PATIENT, Act, install, playing
from tests.gateway.site import Rig, idle, read
from tests.scenarios.decide.site import event

SHORT = Terms(step_s=0.25, start_s=60.0, rest_s=0.01)


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rogue = "tests.gateway.guests.rogue:MAKER"
    install(tmp_path, monkeypatch, rogue=rogue, slow="tests.gateway.guests.slow:MAKER", gone="no_such_package:MAKER")


def bounds(act: Act) -> dict[str, float]:
    """What bounds export now, by who says so."""
    assert act.site.decision is not None
    told: dict[str, float] = {}
    for one in act.site.decision.ruling.bounds:
        name = one.cause.source.name
        if isinstance(one.want, Bound) and not name.startswith("nameplate"):
            told[name] = min(one.want.limit, told.get(name, one.want.limit))
    return told


async def begun(act: Act) -> None:
    """The process has begun, and its first bound holds: 500 W, beside the utility's 1,500 W."""
    act.site.take_read(read(event("limit", ExportLimit(1500.0))))
    await act.rig.look(act.site)
    assert bounds(act) == {"utility": 1500.0}
    first, second = await act.line.heard(), await act.line.heard()
    assert first.solution == Failed("", again=True)
    assert isinstance(second.solution, Stepped)
    assert bounds(act) == {"utility": 1500.0, "rogue": 500.0}


async def provoke(act: Act) -> Failed:
    """The site imports now, at which it misbehaves; two inverters stand still."""
    await act.rig.look(act.site, power_w=0.0, meter_w=700.0)
    answer = await act.line.heard()
    assert isinstance(answer.solution, Failed)
    return answer.solution


def alarm(act: Act) -> str:
    """What people are told of it."""
    return act.site.alarms.get("decide/rogue", "")


NONSENSE = {
    "raise": "function raised ZeroDivisionError: its own fault over two lines",
    "hog": "MemoryError",
    "object": "raised",
    "nan": "not JSON compliant",
    "infinite": "not JSON compliant",
    "many": "1000000 outputs in one step",
    "quite many": "300 outputs in one step",
    "foreign": "the neighbour's",
    "operator": "in the name of operator",
    "for ever": "without valid_until",
    "for long": "longer than 86400 s",
    "negative": "below zero",
    "neighbour": "a letter from neighbour",
    "other": "a letter in the name of day_ahead",
    "unnamed": "carries no 'unheard of'",
    "no number": "NaN is no number",
    "long": "word has 71 bytes, 64 at most",
    "talkative": "more than 2 letters a second",
    "posing": "5 problems in one step",
    "no cost": "a cost, coefficient or gap that is no number",
    "any problem": "a str is no problem for the solver",
    "refusing": "it refuses export_limit",
}


@pytest.mark.parametrize("how", NONSENSE)
async def test_what_it_says_wrongly_is_refused_whole_and_its_process_goes_on(how: str) -> None:
    async with playing(how) as act:
        await begun(act)
        failed = await provoke(act)
        assert NONSENSE[how] in failed.why
        assert NONSENSE[how].split(":")[0] in alarm(act)
        assert bounds(act) == {"utility": 1500.0, "rogue": 500.0}
        assert act.guests.health()["rogue"]["state"] == "running"
        assert act.line.letters == []
        # It is not asked again before there is something else to see; then it does well, and the alarm goes.
        assert act.line.answers.empty()
        await act.rig.look(act.site)
        assert isinstance((await act.line.heard()).solution, Stepped)
        assert alarm(act) == ""
        assert act.guests.health()["rogue"]["starts"] == 1


FATAL = {
    "loop": ("no answer within 0.25 s", SHORT),
    "sleep": ("no answer within 0.25 s", SHORT),
    "exit": ("its process ended with code 7", PATIENT),
    "text": ("'n' is none of Claim, Grant, Letter, WakeAt, Question, Receipt", PATIENT),
    "large": ("bytes: at most 1048576 are read", PATIENT),
}


@pytest.mark.parametrize("how", FATAL)
async def test_a_process_that_hangs_dies_or_floods_is_replaced_while_others_hold(how: str) -> None:
    why, terms = FATAL[how]
    async with playing(how, PATIENT) as act:
        await begun(act)
        pid = act.guests.health()["rogue"]["pid"]
        process = act.guests._runs["rogue"].process
        assert process is not None
        process._terms = terms
        failed = await provoke(act)
        assert why in failed.why
        assert why in alarm(act)
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        assert bounds(act) == {"utility": 1500.0, "rogue": 500.0}
        # A tighter limit of the utility goes its way meanwhile.
        act.site.take_read(read(event("limit", ExportLimit(1500.0)), event("more", ExportLimit(300.0), level=0.5)))
        await idle()
        assert bounds(act)["utility"] == 300.0
        # The next process is begun by itself and, once the site exports again, does well.
        await act.rig.look(act.site)
        while not isinstance((await act.line.heard()).solution, Stepped):
            pass
        assert alarm(act) == ""
        assert bounds(act)["rogue"] == 500.0
        assert act.guests.health()["rogue"]["pid"] != pid


LAYERS = {
    "files": ("read", "list", "environ", "write", "remove", "execute"),
    "calls": ("connect", "fork", "kill", "bend", "limit"),
}


async def test_it_can_neither_open_nor_reach_anything_where_the_kernel_keeps_it_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OSED_SECRET", "of the gateway")
    ledger = tmp_path / "ledger.db"
    ledger.write_text("kept")  # beside its own package, which it reads
    async with playing(f"break out {ledger}") as act:
        await begun(act)
        await act.rig.look(act.site, power_w=0.0, meter_w=700.0)
        assert isinstance((await act.line.heard()).solution, Stepped)
        told = dict(one.split(": ") for one in act.site.alarms["rogue/attempts"].split("; "))
        confined = act.guests.health()["rogue"]["confined"]
    assert list(confined) == ["limits", "privileges", "files", "calls"]
    for layer, attempts in LAYERS.items():
        if confined[layer].startswith("NOT"):
            # What does not hold here is said; nothing is promised then.
            assert "this machine does not have it" in confined[layer]
            continue
        assert {name: told[name] for name in attempts} == dict.fromkeys(attempts, "PermissionError")
    assert ledger.read_text() == "kept"
    assert told["thread"] == "done"
    assert told["files"].count(",") == 0  # its line to the gateway alone
    assert told["knows"] == "/ False"


async def test_what_it_claimed_stands_until_it_said_and_not_longer() -> None:
    async with playing("raise") as act:
        await begun(act)
        await provoke(act)
        await act.rig.time.go(59.9)
        assert bounds(act) == {"utility": 1500.0, "rogue": 500.0}
        await act.rig.time.go(0.2)
        assert bounds(act) == {"utility": 1500.0}


async def test_one_that_is_killed_by_hand_is_begun_again_and_knows_what_it_wanted_kept() -> None:
    async with playing("raise") as act:
        await begun(act)
        pid = act.guests.health()["rogue"]["pid"]
        process = act.guests._runs["rogue"].process
        assert process is not None
        os.kill(pid, signal.SIGKILL)
        await process._child.wait()
        await act.rig.look(act.site, meter_w=-4001.0)
        failed = (await act.line.heard()).solution
        assert isinstance(failed, Failed)
        assert "ended" in failed.why
        assert bounds(act)["rogue"] == 500.0
        assert (await act.line.heard()).solution == Failed("", again=True)
        again = (await act.line.heard()).solution
        assert isinstance(again, Stepped)
        assert again.own is not None
        # Its second step in all: the first was of the process that was killed.
        assert again.own.body == '{"steps":2}'


async def test_a_gateway_that_begins_again_holds_what_it_claimed_before_it_can_be_asked_and_brings_back_its_state() -> (
    None
):
    first = Rig()
    async with playing("raise", rig=first) as act:
        await begun(act)
    second = Rig(time=first.time, ledger=first.ledger)
    second.time.now_s += 5.0
    async with playing("raise", rig=second) as act:
        await act.rig.look(act.site)
        assert bounds(act) == {"utility": 1500.0, "rogue": 500.0}
        await act.line.heard()
        stepped = (await act.line.heard()).solution
        assert isinstance(stepped, Stepped)
        assert stepped.own is not None
        assert stepped.own.body == '{"steps":2}'


async def test_what_is_only_renewed_is_written_when_half_its_life_is_over() -> None:
    async with playing("raise") as act:
        await begun(act)
        before = act.rig.ledger.kept["function", "rogue"].value
        claims = [before]
        for _ in range(7):
            await act.rig.time.go(5.0)
            await act.rig.look(act.site, meter_w=-4000.0 - act.rig.time.now_s)
            await act.line.heard()
            claims.append(act.rig.ledger.kept["function", "rogue"].value)
        until = [one.claims[0].valid_until.at_s - 1_000_000.0 for one in claims]  # type: ignore[union-attr]  # Remembered
        # Valid for 60 s each; of seven renewals, 5 s apart, that of the 35th second is kept: 25 s are left of what is.
        assert until == [60.0] * 7 + [95.0]


@pytest.fixture
def whole_log() -> Iterator[None]:
    """Whatever others in this process had the log leave out."""
    kept = structlog.get_config()
    structlog.reset_defaults()
    yield
    structlog.configure(**kept)


@pytest.mark.usefixtures("whole_log")
async def test_what_it_prints_goes_to_the_log_with_a_cap_and_megabytes_hold_up_nobody(
    capfd: pytest.CaptureFixture[str],
) -> None:
    async with playing("whisper") as act:
        await begun(act)
        await act.rig.look(act.site, power_w=0.0, meter_w=700.0)
        assert isinstance((await act.line.heard()).solution, Stepped)
    async with playing("print", Terms(step_s=1.0, start_s=60.0, rest_s=0.01)) as act:
        await begun(act)
        failed = await provoke(act)
        assert failed.why == "no answer within 1 s"
        assert bounds(act)["rogue"] == 500.0
    said = [line for line in capfd.readouterr().out.splitlines() if "function" in line]
    assert any("a word to the log" in line for line in said)
    assert sum(len(line) for line in said) < 100_000


@pytest.mark.parametrize(
    ("name", "why", "start_s"),
    [
        ("slow", "not begun within 0.5 s", 0.5),
        ("gone", "its process ended with code 1", 60.0),
        ("unknown", "its process ended with code 1", 60.0),
    ],
)
async def test_one_that_never_begins_is_an_alarm_and_nothing_else(name: str, why: str, start_s: float) -> None:
    async with playing("raise", Terms(step_s=30.0, start_s=start_s, rest_s=3600.0), name=name) as act:
        act.site.take_read(read(event("limit", ExportLimit(1500.0))))
        await act.rig.look(act.site)
        failed = (await act.line.heard()).solution
        assert failed == Failed(f"it could not be begun: {why}", again=True)
        assert bounds(act) == {"utility": 1500.0}
        assert why in act.site.alarms[f"decide/{name}"]
        health = act.guests.health()[name]
        assert (health["state"], health["failures_in_a_row"]) == ("resting", 1)


async def test_options_that_are_none_are_an_alarm() -> None:
    async with playing("unheard of") as act:
        await act.rig.look(act.site)
        await act.line.heard()
        failed = (await act.line.heard()).solution
        assert isinstance(failed, Failed)
        assert "nobody does that" in failed.why


async def test_its_decisions_are_made_again_from_what_it_answered_without_it() -> None:
    async with playing("raise") as act:
        await begun(act)
        await provoke(act)
        await act.rig.time.go(61.0)
        # A replay begins where decisions are anchored: in the midst of it too.
        act.site._recorder._anchored_s = None
        await act.rig.look(act.site)
        await act.line.heard()
        steps = act.rig.log.steps
    assert sum(one.kind == ANCHOR for one in steps) == 2
    ours = built_in()
    done = replay("house", steps, ours, plain_of(ours))
    assert done.difference is None
    assert done.decisions > 8
    deaf = [one for one in steps if one.kind != STEP or not one.body["tick"].get("answers")]
    # Had it not answered, other decisions would have been made.
    assert replay("house", deaf, ours, plain_of(ours)).difference is not None


async def test_decisions_with_its_letters_and_problems_are_made_again_without_it_and_without_a_solver() -> None:
    asked: list[Problem] = []

    async def solve(function: str, ask: Ask) -> Answer:
        assert isinstance(ask.problem, Problem)
        asked.append(ask.problem)
        return Answer(function, ask.id, Solver().solve(ask.problem))

    async with playing("solve", solve=solve) as act:
        await begun(act)
        await act.rig.look(act.site, power_w=0.0, meter_w=700.0)
        # The turn, the answer of the solver, and the turn that was shown it, which poses anew.
        kinds = [type((await act.line.heard()).solution).__name__ for _ in range(2)]
        await act.rig.time.go(0.1)
        kinds.append(type((await act.line.heard()).solution).__name__)
        assert kinds == ["Stepped", "Solution", "Stepped"]
        act.site._recorder._anchored_s = None
        await act.rig.look(act.site)
        steps = act.rig.log.steps
    assert act.line.letters[0] == LETTER
    assert asked[0].cost.tolist() == [1.0]
    assert sum(one.kind == ANCHOR for one in steps) == 2
    ours = built_in()
    assert replay("house", steps, ours, plain_of(ours)).difference is None


async def test_a_site_that_observes_asks_it_too() -> None:
    async with playing("raise", rig=Rig(observe=True)) as act:
        await begun(act)


async def test_nothing_is_left_of_a_process_when_the_gateway_ends() -> None:
    async with playing("raise") as act:
        await begun(act)
        pid = act.guests.health()["rogue"]["pid"]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not [one for one in asyncio.all_tasks() if "plug-in" in one.get_name()]
