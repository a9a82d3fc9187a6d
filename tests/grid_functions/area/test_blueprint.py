"""The test that goes with the area's blueprint."""

import pytest

from grid_functions.area._blueprint import PeakHours, PeakHoursOptions, PeakHoursState
from grid_functions.model.control import ImportLimit
from grid_functions.model.errors import ConfigurationFault
from grid_functions.model.function import AreaInputs, WakeAt
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.lease import Grant

HOUR_S = 3600.0
EVENING = PeakHours(PeakHoursOptions(limit_w=9000.0, from_s=16 * HOUR_S, duration_s=5 * HOUR_S))


def said(hour: float, state: PeakHoursState, *who: str) -> tuple[PeakHoursState, list[Grant], list[Moment]]:
    """State, grants and wake-ups at this hour of the tenth day."""
    done = EVENING.step(state, AreaInputs((), {}, {}, enrolled=who), Instants(0.0, (240 + hour) * HOUR_S))
    grants = [one for one in done.outputs if isinstance(one, Grant)]
    return done.state, grants, [one.moment for one in done.outputs if isinstance(one, WakeAt)]


def test_in_the_peak_hours_everybody_has_an_equal_share_until_they_end() -> None:
    state, grants, wake = said(16.0, EVENING.empty(), "a", "b", "c")
    # 9,000 W among three.
    assert grants == [Grant(name, "share", (ImportLimit(3000.0),)) for name in ("a", "b", "c")]
    assert wake == [Moment(OWN, 261 * HOUR_S)]
    state, grants, wake = said(21.0, state, "a", "b", "c")
    assert grants == [Grant(name, "share") for name in ("a", "b", "c")]
    assert wake == [Moment(OWN, 280 * HOUR_S)]
    assert said(22.0, state, "a", "b", "c")[1] == []


def test_who_no_longer_takes_part_gives_its_share_to_the_others() -> None:
    state, _, _ = said(16.0, EVENING.empty(), "a", "b", "c")
    assert said(17.0, state, "a", "c")[1] == [
        Grant("b", "share"),
        Grant("a", "share", (ImportLimit(4500.0),)),
        Grant("c", "share", (ImportLimit(4500.0),)),
    ]


def test_options_name_every_mistake_at_once() -> None:
    with pytest.raises(ConfigurationFault) as caught:
        PeakHoursOptions(limit_w=-1.0, from_s=90_000.0, duration_s=0.0)
    assert len(caught.value.mistakes) == 3
