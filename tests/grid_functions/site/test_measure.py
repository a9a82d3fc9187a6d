"""A measure takes its edges, and nothing beyond them; it is one thing for one device."""

from typing import Any

import pytest

from grid_functions.model.errors import ConfigurationFault
from grid_functions.site.measure import Measure

EDGES: dict[str, tuple[float, float]] = {
    "limit_w": (0.0, 1e9),
    "limit_pct": (0.0, 100.0),
    "current_a": (0.0, 10_000.0),
    "power_w": (-1e9, 1e9),
    "thermostat_c": (-50.0, 100.0),
    "thermostat_offset_k": (-20.0, 20.0),
}


def measure(**given: Any) -> Measure:
    return Measure("a", **given)


@pytest.mark.parametrize("name", EDGES)
def test_a_measure_takes_its_edges_and_nothing_beyond(name: str) -> None:
    least, most = EDGES[name]
    for good in (least, most):
        assert getattr(measure(**{name: good}), name) == good
    for bad in (least - 1e-6, most * 1.000001, float("nan")):
        with pytest.raises(ConfigurationFault, match=f"a: {name} is "):
            measure(**{name: bad})


def test_a_measure_switches_off_only() -> None:
    assert measure(switch_off=True).switch_off
    with pytest.raises(ConfigurationFault, match="only true"):
        measure(switch_off=False)


@pytest.mark.parametrize("given", [{}, {"limit_w": 0.0, "limit_pct": 0.0}])
def test_a_measure_is_exactly_one_thing(given: dict[str, float]) -> None:
    with pytest.raises(ConfigurationFault, match="exactly one of limit_w, "):
        measure(**given)
