"""The test that goes with the blueprint."""

import pytest

from grid_functions._blueprint import QuietHours, QuietHoursOptions
from grid_functions.model.claim import Bound, Claim, ConnectionPoint, SourceKind
from grid_functions.model.errors import ConfigurationFault
from grid_functions.model.function import SiteInputs, WakeAt
from grid_functions.model.instants import OWN, Instants, Moment
from tests.grid_functions.house import snapshot, terms

HOUR_S = 3600.0
# from 22:00 for eight hours, over midnight
NIGHT = QuietHours(QuietHoursOptions(limit_w=500.0, from_s=22 * HOUR_S, duration_s=8 * HOUR_S))


def said(hour: float) -> tuple[list[Claim], list[Moment]]:
    """Claims and wake-ups at this hour of the tenth day."""
    done = NIGHT.step(NIGHT.empty(), SiteInputs(terms(), (), snapshot((), None)), Instants(0.0, (240 + hour) * HOUR_S))
    claims = [one for one in done.outputs if isinstance(one, Claim)]
    return claims, [one.moment for one in done.outputs if isinstance(one, WakeAt)]


@pytest.mark.parametrize(("hour", "until"), [(22.0, 30.0), (23.9, 30.0), (0.0, 6.0), (5.99, 6.0)])
def test_in_the_quiet_hours_export_is_bound_until_their_end(hour: float, until: float) -> None:
    end = Moment(OWN, (240 + until) * HOUR_S)
    (claim,), wake = said(hour)
    assert (claim.scope, claim.want, claim.valid_until) == (ConnectionPoint(), Bound(500.0), end)
    assert claim.cause.source.kind is SourceKind.LOCAL
    assert wake == [end]


@pytest.mark.parametrize("hour", [6.0, 12.0, 21.99])
def test_outside_it_sleeps_until_they_begin(hour: float) -> None:
    assert said(hour) == ([], [Moment(OWN, 262 * HOUR_S)])


def test_options_name_every_mistake_at_once() -> None:
    with pytest.raises(ConfigurationFault) as caught:
        QuietHoursOptions(limit_w=-1.0, from_s=90_000.0, duration_s=0.0)
    assert len(caught.value.mistakes) == 3
