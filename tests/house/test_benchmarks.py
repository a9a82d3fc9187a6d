"""The benchmarks' runner: a missed goal or a broken benchmark is exit code 1, and the rows are written."""

import json
from pathlib import Path

import pytest

from benchmarks import __main__ as runner
from benchmarks.row import Row

FIELDS = {
    *("name", "case", "unit", "ours", "peer", "peer_name", "ratio", "goal", "met", "rounds", "spread", "loop"),
}
GOOD = Row("decode", "100", "ms", ours=(2.0, 2.0), theirs=(1.0, 1.0), peer_name="lxml", goal=4.5)
BAD = Row("decode", "10", "ms", ours=(5.0, 5.0), theirs=(1.0, 1.0), peer_name="lxml", goal=4.5)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "build/bench.json"


def let(monkeypatch: pytest.MonkeyPatch, found: dict[str, runner.Benchmark]) -> None:
    monkeypatch.setattr(runner, "find", lambda: found)


def test_a_row_says_all_there_is_to_say() -> None:
    plain = GOOD.plain()
    assert set(plain) == FIELDS
    assert (plain["ratio"], plain["met"]) == (2.0, True)
    assert (BAD.plain()["ratio"], BAD.plain()["met"]) == (5.0, False)


def test_a_goal_that_is_just_reached_is_met() -> None:
    assert Row("x", "", "ms", (4.5, 4.5), (1.0, 1.0), "p", 4.5).met


def test_ratio_and_spread_are_of_the_rounds_ratios_and_not_of_the_medians() -> None:
    # Ratios 1, 2, 3 with quartiles 1 and 3; the medians alone would say 20 / 10 = 2 of any pairing.
    row = Row("x", "", "ms", (10.0, 20.0, 90.0), (10.0, 10.0, 30.0), "p", 2.0)
    assert (row.ratio, row.spread) == (2.0, 2.0)
    assert Row("x", "", "ms", (10.0, 20.0, 90.0), (30.0, 10.0, 10.0), "p", 2.0).ratio == 2.0
    # A busy minute that hits both sides of one round changes nothing.
    assert Row("x", "", "ms", (10.0, 200.0, 90.0), (10.0, 100.0, 30.0), "p", 2.0).ratio == 2.0


def test_all_met(monkeypatch: pytest.MonkeyPatch, elsewhere: Path) -> None:
    let(monkeypatch, {"decode": lambda: [GOOD.plain()]})
    assert runner.main([]) == 0
    assert json.loads(elsewhere.read_text()) == [GOOD.plain()]


def test_one_missed(monkeypatch: pytest.MonkeyPatch, elsewhere: Path) -> None:
    let(monkeypatch, {"decode": lambda: [GOOD.plain(), BAD.plain()]})
    assert runner.main([]) == 1
    assert [row["met"] for row in json.loads(elsewhere.read_text())] == [True, False]


def test_only_one(monkeypatch: pytest.MonkeyPatch, elsewhere: Path) -> None:
    let(monkeypatch, {"bad": lambda: [BAD.plain()], "good": lambda: [GOOD.plain()]})
    assert runner.main(["--only", "good"]) == 0
    assert len(json.loads(elsewhere.read_text())) == 1


def test_a_broken_one_fails_and_stops_no_other(
    monkeypatch: pytest.MonkeyPatch, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> list[runner.Plain]:
        raise ZeroDivisionError

    let(monkeypatch, {"broken": broken, "good": lambda: [GOOD.plain()]})
    assert runner.main([]) == 1
    assert json.loads(elsewhere.read_text()) == [GOOD.plain()]
    assert "broken ... broke" in capsys.readouterr().err


def test_an_unknown_name_is_a_matter_of_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    let(monkeypatch, {"good": lambda: [GOOD.plain()]})
    assert runner.main(["--only", "nothing"]) == 2
    assert "there are: good" in capsys.readouterr().err


def test_what_has_no_run_is_no_benchmark() -> None:
    assert "row" not in runner.find()
