"""The rules of decision a timeline answers for, as situations (rules 0, 7, 8 and 10)."""

import pytest

from tests.scenarios.rules.stage import Scenario, play, scenarios

FILES = ("rule_0.yaml", "rule_0_windows.yaml", "rule_7.yaml", "rule_8.yaml", "rule_9.yaml", "rule_10.yaml")


@pytest.mark.parametrize("scenario", scenarios(*FILES))
def test_rule(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    play(scenario, monkeypatch)


@pytest.mark.parametrize("scenario", scenarios(*FILES))
def test_order_within_a_read_never_matters(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    first = play(scenario, monkeypatch)
    for seed in (1, 2, 3):
        assert play(scenario, monkeypatch, shuffled=seed) == first
