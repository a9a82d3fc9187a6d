"""The asker asked: a tested line's change is noticed, an untested one's survives, the draw is the same each time."""

from pathlib import Path

import pytest

from tests.mutants import __main__ as mutants
from tests.mutants.changes import Change, changes, sample
from tests.mutants.rooms import stages
from tests.mutants.trial import Verdict

SOURCE = "def larger(a: int | None, b: int) -> int | None:\n    return a if a is not None and a > b else b\n"
UNTESTED = "def half(x: float) -> float:\n    return x / 2\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small house: one tested module and one that is only imported."""
    for path, text in {
        "pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["."]\n',
        "grid_functions/__init__.py": '"""Floor."""\n',
        "grid_functions/size.py": SOURCE,
        "tests/__init__.py": '"""Tests."""\n',
        "tests/grid_functions/__init__.py": '"""Tests."""\n',
        "tests/grid_functions/test_size.py": "",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def test_comparisons_numbers_and_connectives_are_changed() -> None:
    made = {one.apply(SOURCE).splitlines()[1].strip() for one in changes("x.py", SOURCE)}
    assert "return a if a is not None and a <= b else b" in made
    assert "return a if a is not None or a > b else b" in made


def test_annotations_are_left_alone() -> None:
    assert all(one.start[0] == 2 for one in changes("x.py", SOURCE))
    assert list(changes("x.py", "x: int | None\ny: int | str = None\n")) == []
    assert list(changes("x.py", "@dataclass(frozen=True, slots=True)\nclass X:\n    y: int\n")) == []


def test_is_beside_the_only_one_of_its_kind_is_not_made_an_equals() -> None:
    source = "a is None\nb is not True\nc is Kind.ONE\nd is e\nf is not g\n"
    made = {one.apply(source) for one in changes("x.py", source)}
    assert all("a == None" not in one and "b != True" not in one and "c == Kind.ONE" not in one for one in made)
    assert any("a is not None" in one for one in made)
    assert any("d == e" in one for one in made)
    assert any("f != g" in one for one in made)


def test_equals_is_not_made_an_is_nor_a_cache_taken_away() -> None:
    source = "@cache\ndef f(x, y):\n    return x == y\n\n\n@other\ndef g(x, y):\n    return x != y\n"
    made = {one.apply(source) for one in changes("x.py", source)}
    assert not [one for one in made if "return x is y" in one and "x != y" in one]
    assert not [one for one in made if "return x is not y" in one and "x == y" in one]
    assert all("@cache" in one for one in made)
    assert any("@other" not in one for one in made)
    assert any("x < y" in one for one in made)


def test_a_change_that_hangs_is_noticed(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "grid_functions/size.py").write_text("def idle() -> None:\n    while False:\n        pass\n")
    (tree / "tests/grid_functions/test_size.py").write_text(
        "from grid_functions.size import idle\n\n\ndef test():\n    idle()\n"
    )
    assert mutants.main([], tree) == 0
    assert "1 of 1 changes noticed" in capsys.readouterr().out


def test_the_draw_is_seeded_and_takes_each_place_once() -> None:
    sources = {"a.py": SOURCE * 3, "b.py": UNTESTED}
    first, again, other = sample(sources, 5, 1), sample(sources, 5, 1), sample(sources, 5, 2)
    assert first == again
    assert first != other
    assert len({(one.path, one.start) for one in first}) == 5


def test_no_more_are_drawn_than_there_are_places() -> None:
    assert len(sample({"b.py": "x = 1 / 2\n"}, 100, 1)) == 3  # 1, / and 2


def test_the_tests_of_the_name_come_first_then_its_room_then_the_rooms_beyond(tmp_path: Path) -> None:
    for path in (
        "tests/grid_functions/test_size.py",
        "tests/grid_functions/test_size_of_all.py",
        "tests/grid_functions/test_area.py",
        "tests/grid_functions/site/test_limit.py",
        "tests/scenarios/rules/test_rules.py",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    named = ("tests/grid_functions/test_size.py", "tests/grid_functions/test_size_of_all.py")
    area, limit = "tests/grid_functions/test_area.py", "tests/grid_functions/site/test_limit.py"
    rules = ("tests/scenarios/rules/test_rules.py",)
    assert stages(tmp_path, "grid_functions/size.py") == (named, (limit, area), rules)
    assert stages(tmp_path, "grid_functions/size/small.py") == (named, (limit, area), rules)
    assert stages(tmp_path, "grid_functions/site/limit.py") == ((limit,), rules)
    assert stages(tmp_path, "protocols/x/wire.py") == ()


def test_in_a_tested_house_all_are_noticed(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "grid_functions/size.py").write_text(UNTESTED)
    asked = "from grid_functions.size import half\n\n\ndef test():\n    assert half(5) == 2.5\n"
    (tree / "tests/grid_functions/test_size.py").write_text(asked)
    assert mutants.main([], tree) == 0
    # Two places: the division and the 2.
    assert "2 of 2 changes noticed (100%)" in capsys.readouterr().out
    assert (tree / "grid_functions/size.py").read_text() == UNTESTED


def test_what_nothing_tests_survives_and_is_listed(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "grid_functions/size.py").write_text(UNTESTED)
    (tree / "tests/grid_functions/test_size.py").write_text(
        "from grid_functions import size\n\n\ndef test():\n    assert size\n"
    )
    assert mutants.main(["--count", "2"], tree) == 1
    assert "0 of 2 changes noticed (0%)" in capsys.readouterr().out
    listed = (tree / "build/mutants.txt").read_text()
    assert "survived: grid_functions/size.py:2" in listed
    assert "-    return x / 2" in listed


def test_tests_that_fail_unchanged_are_no_measure(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "tests/grid_functions/test_size.py").write_text("def test():\n    assert 1 == 2\n")
    assert mutants.main(["--count", "1"], tree) == 1
    assert "fail unchanged" in (said := capsys.readouterr().err)
    assert "test_size.py" in said


def test_a_source_without_tests_is_named(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "tests/grid_functions/test_size.py").unlink()
    assert mutants.main(["--count", "1"], tree) == 1
    assert "no tests mirror grid_functions/size.py" in capsys.readouterr().err


def trials(noticed: int, survived: int, untried: int = 0) -> list[mutants.Trial]:
    change = Change("x.py", (1, 0), "core/AddNot", 0)
    verdicts = [Verdict(True, 1, "")] * noticed + [Verdict(False, 1, "")] * survived
    return [mutants.Trial(change, one) for one in [*verdicts, *[None] * untried]]


@pytest.mark.parametrize(
    ("given", "expected"),
    [(trials(80, 20), True), (trials(79, 21), False), (trials(100, 0, untried=1), False), ([], False)],
)
def test_four_in_five_are_enough(given: list[mutants.Trial], expected: bool) -> None:
    assert mutants.enough(given) is expected
