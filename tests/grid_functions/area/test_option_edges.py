"""Every option takes the edges that its page states, and nothing beyond them; expectations from docs/areas.md."""

import math
from collections.abc import Mapping
from typing import Any

import pytest

from grid_functions.area.cold_load_pickup import ColdLoadPickupOptions
from grid_functions.area.direct_load_control import DirectLoadControlOptions
from grid_functions.area.division import DivisionOptions
from grid_functions.area.tariff_signal import TariffSignalOptions
from grid_functions.area.tariffs import Flat, Shift, TimeOfUse
from grid_functions.area.xor_market import XorMarketOptions
from grid_functions.model.errors import ConfigurationFault

Edges = Mapping[str, tuple[float, float]]

MARKET: Edges = {
    "opens_s": (0, 86_400),
    "wanted_kw": (0.001, 1e6),
    "steps": (1, 96),
    "step_s": (60, 7_200),
    "price": (0, 1e6),
    "bid_s": (1, 7_200),
    "clear_s": (1, 600),
    "gap": (0, 0.1),
    "base_s": (300, 86_400),
    "tolerance": (0, 0.5),
    "kept": (1, 400),
    "beside_kw": (0, 1e6),
    "beside_s": (0, 86_400),
}
DIRECT: Edges = {
    "answer_s": (1, 3_600),
    "average_s": (300, 86_400),
    "tolerance": (0, 0.5),
    "restore_s": (0, 3_600),
    "most_kw": (0.1, 1e6),
}
DIVISION: Edges = {"rest_import_kw": (0, 1e6), "rest_export_kw": (0, 1e6), "most_kw": (0.1, 1e6), "again_s": (10, 600)}
PICKUP: Edges = {
    "limit_kw": (0.1, 1e6),
    "share_kw": (0.1, 1e6),
    "settle_s": (1, 3_600),
    "hold_s": (0, 86_400),
    "dark_v": (1, 1e6),
    "rest_kw": (0, 1e6),
}

TARIFF: Edges = {"hours": (1, 168), "utc_offset_s": (-50_400.0, 50_400.0)}

FITTING: Mapping[type[Any], Mapping[str, Any]] = {
    # Bids and clearing fit into the lead, and no bid costs more than going short.
    XorMarketOptions: {"lead_s": 86_400.0, "penalty": 1e6},
    ColdLoadPickupOptions: {"limit_kw": 1e6, "share_kw": 0.1},
}
"""What else has to be said so that an edge is none of another option's mistakes."""

CASES = [
    (options, name, least, most)
    for options, edges in (
        (XorMarketOptions, MARKET),
        (DirectLoadControlOptions, DIRECT),
        (DivisionOptions, DIVISION),
        (ColdLoadPickupOptions, PICKUP),
        (TariffSignalOptions, TARIFF),
    )
    for name, (least, most) in edges.items()
]


@pytest.mark.parametrize(("options", "name", "least", "most"), CASES, ids=lambda one: getattr(one, "__name__", None))
def test_an_option_takes_its_edges_and_nothing_beyond(options: type[Any], name: str, least: float, most: float) -> None:
    fitting = dict(FITTING.get(options, {}))
    for good in (least, most):
        assert getattr(options(**{**fitting, name: good}), name) == good
    beyond = (least - 1, most + 1) if isinstance(least, int) and least >= 1 else (least - 1e-6, most * 1.0001)
    for bad in (*beyond, float("nan")):
        with pytest.raises(ConfigurationFault, match=name):
            options(**{**fitting, name: bad})


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"flat": Flat(math.nan)}, "flat.price"),
        ({"flat": Flat(math.inf)}, "flat.price"),
        ({"time_of_use": TimeOfUse(on_peak=-10_001.0)}, "time_of_use.on_peak"),
        ({"time_of_use": TimeOfUse(off_peak=math.nan)}, "time_of_use.off_peak"),
        ({"shift": Shift(price=10_001.0)}, "shift.price"),
        ({"shift": Shift(factor=0.0)}, "shift.factor"),
        ({"shift": Shift(factor=math.nan)}, "shift.factor"),
        ({"currency": "cad"}, "currency"),
    ],
)
def test_a_price_that_is_none_is_no_tariff(options: dict[str, Any], name: str) -> None:
    """A factor of nothing was divided by at every step; a price that is no number was leased to every member."""
    with pytest.raises(ConfigurationFault, match=name):
        TariffSignalOptions(**options)
