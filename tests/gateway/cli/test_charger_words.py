"""What osed test says of a charger, and the lines to paste."""

import pytest

from adapters.charger_trial import ChargerFindings, CurrentTrial
from gateway.cli.commission import _charger_lines, _show_charger
from grid_functions.model.device import Nameplate

PLATE = Nameplate("KEBA", "P30", "4711", rated_a=32.0)
TRIALS = (CurrentTrial("least current", 6.0, 6.1, 2.0), CurrentTrial("pause", 0.0, 6.0, None))


def test_a_fallback_that_was_seen_is_a_line_to_paste(capsys: pytest.CaptureFixture[str]) -> None:
    found = ChargerFindings(PLATE, 16.0, True, 2.0, "falls to 6 A within 40 s", True, {}, TRIALS, True)
    lines = _charger_lines(found)
    assert lines == ['serial: "4711"', "settle_s: 2.5", "options: {fallback_seen: true}"]
    _show_charger(found, lines)
    out = capsys.readouterr().out
    assert "when silent: falls to 6 A within 40 s" in out
    assert "never" in out


def test_one_that_was_not_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    found = ChargerFindings(Nameplate("ABB", "Terra AC", rated_a=32.0), 16.0, False, trials=TRIALS)
    assert _charger_lines(found) == []
    _show_charger(found, [])
    out = capsys.readouterr().out
    assert "NO: what is written reads back" in out
    assert "it does not read as it did" in out
