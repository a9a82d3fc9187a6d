"""A day of a site under control, against a plant that obeys physics alone."""

from typing import Any

import pytest

from tests.scenarios.site.stage import check, played, scenarios

ALL = [pytest.param(one, id=one["name"], marks=[pytest.mark.long] if one.get("long") else []) for one in scenarios()]


@pytest.mark.parametrize("scenario", ALL)
def test_day(scenario: dict[str, Any]) -> None:
    check(scenario, played(scenario))
