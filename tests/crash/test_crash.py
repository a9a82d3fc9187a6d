"""A few stories for every day (`make test-crash` plays hundreds), and that what they are to notice is noticed."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.loop import SiteLoop
from grid_functions.model.entry import Entry
from grid_functions.model.outcome import Outcome
from tests.crash.hours import NOON_S, hours, simulated
from tests.crash.power import Disk
from tests.crash.stage import Home, Permit, Posted
from tests.crash.story import Control, Kill, Told, faults, tell
from tests.crash.verdict import quiet


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("home"))


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_is_lost_repeated_or_loosened(seed: int, home: Home, tmp_path: Path) -> None:
    told = tell(seed, home, tmp_path)
    assert len(told.kills) == 4
    assert {1, 2} <= {one.status for one in told.posted}
    # across kills, what was drawn stands in the books of run after run
    assert any(len(one.draws) > 1 and one.draws[0] != (0.0, 0.0) for one in told.controls)
    assert list(faults(told)) == []


def test_a_response_told_before_its_commit_is_noticed(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow disk, and kills that strike Responses alone: the server took it, the ledger did not, the next run makes another, of another
    second. In the right order nothing of the kind happens.
    """
    monkeypatch.setattr("tests.crash.power.COMMITS_S", (0.2,))
    monkeypatch.setattr("tests.crash.story.KINDS", {"response": 2})
    assert list(faults(tell(1, home, tmp_path / "right"))) == []
    real: Callable[..., None] = SiteLoop._owe

    def hasty(self: Any, outcomes: tuple[Outcome, ...], entries: tuple[Entry, ...]) -> None:
        self._telling.owe(outcomes)
        real(self, (), entries)

    monkeypatch.setattr(SiteLoop, "_owe", hasty)
    stories = (tell(seed, home, tmp_path / str(seed)) for seed in range(1, 6))
    assert any("with other bytes" in fault for told in stories for fault in faults(told))


def test_a_disk_that_keeps_nothing_is_noticed(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Any] = Disk._write_group

    def lying(self: Any, file: Any, group: Any) -> Any:
        if self._kind != "ledger" or hours().utc_s() < NOON_S + 3.0:
            return real(self, file, group)
        for work in group:
            work.done.set_result(None)
        return file

    monkeypatch.setattr(Disk, "_write_group", lying)
    assert list(faults(tell(1, home, tmp_path))) != []


def test_answers_that_are_not_owed_again_after_a_start_are_noticed(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.wiring.owed", lambda book: ())
    monkeypatch.setattr("tests.crash.story.KINDS", {"response": 1})
    stories = (tell(seed, home, tmp_path / str(seed)) for seed in range(1, 6))
    assert any("expected one of" in fault for told in stories for fault in faults(told))


def test_time_jumps_to_whoever_is_due_next() -> None:
    async def story() -> list[tuple[str, float]]:
        begun_s, told = hours().time(), list[tuple[str, float]]()

        async def sleeper(name: str, seconds: float) -> None:
            await asyncio.sleep(seconds)
            told.append((name, round(hours().time() - begun_s, 3)))

        await asyncio.gather(sleeper("late", 86_400.0), sleeper("early", 0.5), asyncio.to_thread(lambda: None))
        return told

    quiet()
    assert simulated(story()) == [("early", 0.5), ("late", 86_400.0)]


def judged(*posted: tuple[float, int, bytes], kills: tuple[tuple[float, float], ...] = (), **more: Any) -> list[str]:
    """One control of 1000 W from 10 s to 30 s; what was posted of it: second, status, body."""
    control = Control("e", 1, 0, 1000.0, 5.0, 10.0, 30.0, **more)
    permits = [Permit(0.0, 11000.0, False), Permit(1.0, 4500.0, True), Permit(10.1, 1500.0, True)]
    permits.append(Permit(control.over_s + 1.0, 4500.0, True))
    told = Told(
        0,
        [control],
        [Kill("", off_s, on_s, False) for off_s, on_s in kills],
        [Posted(at_s, "e", status, body, {2: 10, 3: 30}.get(status, int(at_s))) for at_s, status, body in posted],
        permits,
    )
    return list(faults(told))


WHOLE = ((6.0, 1, b"1"), (10.0, 2, b"2"), (30.0, 3, b"3"))


def test_a_whole_story_has_no_fault() -> None:
    assert judged(*WHOLE) == []
    assert judged(*WHOLE[:2], (20.0, 6, b"6"), cancelled_s=20.0) == []
    assert judged((6.0, 1, b"1"), (20.0, 14, b"14"), lost_s=20.0) == []


def test_what_is_lost_too_much_or_out_of_order_is_a_fault() -> None:
    assert "Responses (1, 2)" in judged(*WHOLE[:2])[0]
    assert "Responses ()" in judged()[0]
    assert "Responses (2, 1, 3)" in judged((6.0, 2, b"2"), (10.0, 1, b"1"), WHOLE[2])[0]
    assert "Responses (1, 2, 3)" in judged(*WHOLE, cancelled_s=20.0)[0]


def test_a_response_comes_again_only_across_a_kill_that_met_its_acknowledgement() -> None:
    """Posted at 10 s; killed at 11 s or 13 s, on again two seconds later, posted again at 16 s."""
    again = (16.0, 2, b"2")
    assert judged(*WHOLE[:2], again, WHOLE[2], kills=((11.0, 13.0),)) == []
    assert "no kill" in judged(*WHOLE[:2], again, WHOLE[2], kills=((13.0, 15.0),))[0]
    assert "no kill" in judged(*WHOLE[:2], again, (17.0, 2, b"2"), WHOLE[2], kills=((11.0, 13.0),))[0]
    assert "other bytes" in judged(*WHOLE[:2], (16.0, 2, b"x"), WHOLE[2], kills=((11.0, 13.0),))[0]


def test_draws_that_change_or_leave_their_window_or_are_not_followed_are_faults() -> None:
    """From 10 s to 30 s, later by up to 5 s and shorter by up to 6 s; killed at 11 s, on again at 13 s."""

    def drawn(*draws: tuple[float, float], begins_s: int, ends_s: int) -> list[str]:
        posted = [(9.0, 1, b"1", 9), (begins_s, 2, b"2", begins_s), (ends_s, 3, b"3", ends_s)]
        permits = [(0.0, 4500.0, False), (begins_s, 1500.0, True), (ends_s, 4500.0, True)]
        told = Told(
            0,
            [Control("e", 1, 0, 1000.0, 5.0, 10.0, 30.0, windows_s=(5.0, -6.0), draws=[*draws])],
            [Kill("", 11.0, 13.0, False)],
            [Posted(float(at_s), "e", status, body, of_s) for at_s, status, body, of_s in posted],
            [Permit(float(at_s), most_w, ours) for at_s, most_w, ours in permits],
        )
        return list(faults(told))

    assert drawn((4.0, -3.0), (4.0, -3.0), begins_s=14, ends_s=31) == []
    assert "drawn again" in drawn((4.0, -3.0), (3.0, -3.0), begins_s=14, ends_s=31)[0]
    assert "of a window of 5.0 s" in drawn((-1.0, 0.0), begins_s=9, ends_s=29)[0]
    assert "Response 2 is of -4.0 s" in drawn((4.0, -3.0), begins_s=10, ends_s=31)[0]
    assert "Response 3 is of 7.0 s" in drawn((4.0, -3.0), begins_s=14, ends_s=38)[0]


def test_registers_that_permit_too_much_or_too_little_are_faults() -> None:
    """1000 W and the load of 500 W, and 100 W of slack, until 30 s; 4000 W before and after."""
    told = Told(
        0,
        [Control("e", 1, 0, 1000.0, 5.0, 10.0, 30.0)],
        [],
        [Posted(at_s, "e", status, body, int(at_s)) for at_s, status, body in WHOLE],
    )
    told.permits = [Permit(0.0, 4500.0, False), Permit(10.0, 1500.0, True), Permit(20.0, 1700.0, True)]
    assert [one for one in faults(told) if "loosened" in one] == ["loosened to 1700 W at 20.0, of at most 1600 W"]
    told.permits = [Permit(0.0, 4500.0, False), Permit(15.0, 1700.0, False)]
    told.kills = [Kill("", 8.0, 9.0, True)]
    assert [one for one in faults(told) if "after the return" in one] == [
        "1700 W permitted 10 s after the return at 9.0, of at most 1600 W"
    ]
    told.permits = [Permit(0.0, 4500.0, False), Permit(10.0, 1300.0, True)]
    assert ["where 1400 W are due" in one for one in faults(told)] == [True]
