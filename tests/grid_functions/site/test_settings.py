"""Settings of standings: one set for each device, the more cautious where two speak, protection only where permitted."""

from dataclasses import replace

from grid_functions.model.device import Role
from grid_functions.model.event import Rank, Respondent, Settings, Standing
from grid_functions.site.settings import settings_of
from tests.grid_functions.house import UTILITY, seen, terms
from tests.scenarios.decide.site import Site, by_name

OTHER = Respondent("other", "lfdi-2")
ROLES = {"a": Role.PV, "b": Role.PV, "boiler": Role.LOAD}
WHOLE = Settings(0.27, 1.0, 300.0, 60.0, 20.0, 60.1, 59.5, 105.0, 91.7)


def test_without_leave_only_the_gradients_are_written() -> None:
    expected = Settings(gradient_pct_per_s=0.27, soft_gradient_pct_per_s=1.0)
    assert settings_of({UTILITY: WHOLE}, terms(ROLES)) == {"a": expected, "b": expected}


def test_with_leave_all_are() -> None:
    assert settings_of({UTILITY: WHOLE}, replace(terms(ROLES), protection=True))["a"] == WHOLE


def test_a_respondent_sets_its_own_devices_only() -> None:
    site = replace(terms(ROLES), respondents={UTILITY: frozenset({"b"})})
    assert set(settings_of({UTILITY: WHOLE}, site)) == {"b"}


def test_nothing_told_is_nothing_written() -> None:
    assert settings_of({UTILITY: Settings()}, terms(ROLES)) == {}


def test_of_two_the_more_cautious_of_each() -> None:
    """Slowest gradient (0 = no limit), longest delay, narrowest band."""
    both = frozenset({"a"})
    site = replace(terms(ROLES), protection=True, respondents={UTILITY: both, OTHER: both})
    one = Settings(0.0, 2.0, 300.0, None, 20.0, 60.1, 59.5, 105.0, 91.7)
    other = Settings(0.5, 1.0, 100.0, 60.0, 50.0, 60.5, 59.8, 104.0, 90.0)
    assert settings_of({UTILITY: one, OTHER: other}, site) == {
        "a": Settings(0.5, 1.0, 300.0, 60.0, 50.0, 60.1, 59.8, 104.0, 91.7)
    }


def test_a_default_of_the_utility_reaches_the_device() -> None:
    house = Site([seen("a")], terms({"a": Role.PV}))
    standing = Standing("p1", Rank(1.0), (), Settings(gradient_pct_per_s=0.27))
    setpoints = by_name(house.tick(0.0, house.read(0.0, standings=(standing,))).setpoints)
    assert setpoints["a"].settings == Settings(gradient_pct_per_s=0.27)
