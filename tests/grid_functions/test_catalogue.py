"""Names of functions: one meaning each."""

from importlib.metadata import EntryPoint

import pytest

from grid_functions._blueprint import QuietHours, QuietHoursOptions
from grid_functions.catalogue import GROUP, SITE, Maker, built_in, makers
from grid_functions.model.errors import ConfigurationFault

OURS = {
    *("limit_power", "dispatch", "reactive", "curves", "connect"),
    *("shed", "load_dispatch", "load_control", "load_shape", "storage_charge", "capacity", "prices", "alerts"),
    *("charging", "storage_limits", "storage_mode", "power_limit", "ramp_limit"),
    *("home", "thermostat"),
}
PLUG_IN = Maker("quiet_hours", QuietHoursOptions, QuietHours)
MISNAMED = Maker("limit_power", QuietHoursOptions, QuietHours)


def point(name: str, attribute: str) -> EntryPoint:
    """An entry point into this very module."""
    return EntryPoint(name, f"{__name__}:{attribute}", GROUP)


def test_our_own_are_there_without_any_plug_in() -> None:
    assert set(makers(())) == set(SITE) == OURS
    assert set(built_in()) == set(SITE)


def test_an_installed_function_is_found() -> None:
    assert makers([point("quiet_hours", "PLUG_IN")])["quiet_hours"] is PLUG_IN


def test_every_bad_offer_is_named_at_once() -> None:
    bad = [
        point("limit_power", "MISNAMED"),
        point("other", "PLUG_IN"),
        point("text", "__name__"),
        EntryPoint("gone", "no_such_package_at_all:x", GROUP),
    ]
    with pytest.raises(ConfigurationFault) as caught:
        makers(bad)
    assert len(caught.value.mistakes) == 4


def test_every_function_runs_with_its_default_options() -> None:
    for name, function in built_in().items():
        assert function.empty() == function.empty(), name
