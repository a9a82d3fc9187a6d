"""What an order to open a market may ask for, at its edges: 1 to 96 powers of 0 to 1e6 kW, not all 0, of the next seven days."""

import pytest

from tests.grid_functions.area.machine import MIDNIGHT
from tests.grid_functions.area.test_xor_market import OPTIONS, bench

NOW_S = MIDNIGHT + 600.0
SOONEST_S, LATEST_S = NOW_S + OPTIONS.lead_s, NOW_S + 7 * 86_400.0


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"wanted_kw": [1.0] * 96}, ""),
        ({"wanted_kw": [1.0] * 97}, "wanted_kw must be"),
        ({"wanted_kw": [0.0, 1e6]}, ""),
        ({"wanted_kw": [1.0, 1e6 + 1.0]}, "wanted_kw must be"),
        ({"wanted_kw": [1.0, -0.1]}, "wanted_kw must be"),
        ({"wanted_kw": [0.0, 0.0]}, "wanted_kw must be"),
        ({"start_utc_s": SOONEST_S}, ""),
        ({"start_utc_s": SOONEST_S - 1.0}, "1800 s to a week from now"),
        ({"start_utc_s": LATEST_S}, ""),
        ({"start_utc_s": LATEST_S + 1.0}, "1800 s to a week from now"),
    ],
)
def test_an_order_takes_its_edges_and_nothing_beyond(options: dict[str, object], fault: str) -> None:
    made = bench()
    assert made.utc_s == NOW_S
    made.order("open", **options)
    assert (made.state.session is None) == bool(fault)
    assert [fault in told for told in made.alarms] == [True] * bool(fault)
