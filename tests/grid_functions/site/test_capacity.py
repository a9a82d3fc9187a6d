"""What is subscribed by contract: no power is one too, and nothing below it."""

from math import inf, nan

import pytest

from grid_functions.model.errors import ConfigurationFault
from grid_functions.site.capacity import CapacityOptions


def test_who_subscribed_to_nothing_says_so() -> None:
    """0 W are not unknown: a reservation adds to them."""
    assert CapacityOptions(0.0, 0.0).import_subscription_w == 0.0


@pytest.mark.parametrize("value", [-1e-6, inf, nan])
def test_a_subscription_is_a_power_of_0_or_more(value: float) -> None:
    with pytest.raises(ConfigurationFault) as told:
        CapacityOptions(value, value)
    assert [one.split()[0] for one in told.value.mistakes] == [
        "capacity.import_subscription_w",
        "capacity.export_subscription_w",
    ]
