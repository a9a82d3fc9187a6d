"""Every control of IEEE 2030.5 and OpenADR to the setpoints it comes to: rules 2 to 6, as data with arithmetic by hand."""

from typing import Any

import pytest

from tests.scenarios.decide.stage import check, played, scenarios

FILES = ("targets.yaml", "reactive.yaml", "curves.yaml", "openadr.yaml")


@pytest.mark.parametrize("scenario", scenarios(*FILES), ids=lambda one: one["name"])
def test_setpoints(scenario: dict[str, Any]) -> None:
    check(scenario, played(scenario))
