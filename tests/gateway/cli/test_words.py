"""opt, override and release on the command line: what is used wrongly is told before any gateway is asked."""

from pathlib import Path

import pytest

from tests.gateway.command import osed


@pytest.mark.parametrize(
    "arguments",
    [
        ["opt", "evt-1"],
        ["opt", "evt-1", "maybe"],
        ["override"],
        ["override", "export_limit", "much"],
        ["override", "export_limit", "2000", "--for", "soon"],
        ["override", "off", "--by", "neighbour"],
        ["release"],
        ["release", "operator/off", "--all"],
    ],
    ids=" ".join,
)
def test_wrong_use_is_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, error = osed(capsys, *arguments)
    assert (code, out) == (2, "")
    assert error


@pytest.mark.parametrize(
    "arguments",
    [
        ["opt", "evt-1", "out"],
        ["override", "target_power", "-3000", "--for", "1.5h"],
        ["release", "operator/target_power"],
    ],
    ids=" ".join,
)
def test_without_a_gateway_it_says_how_to_start_one(
    arguments: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "osed.yaml").write_text("{}")
    code, _, error = osed(capsys, *arguments, "--config", str(tmp_path / "osed.yaml"))
    assert code == 1
    assert "osed run" in error
