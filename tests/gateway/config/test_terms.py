"""What the file says of a site reaches the terms its decisions are made by."""

from gateway.config.schema import SiteSettings
from gateway.wiring import terms_of
from grid_functions.model.control import Mode
from grid_functions.model.policy import LoadCredit, Yield

SITE = {
    "name": "house",
    "devices": [{"name": "pv", "family": "sunspec", "address": "tcp://192.0.2.1:502", "role": "pv"}],
}


def test_by_default_nothing_is_approximated_and_protection_is_read_only() -> None:
    terms = terms_of(SiteSettings.model_validate(SITE), {})
    assert (terms.approximate, terms.protection) == (frozenset(), False)
    assert (terms.yields, terms.load_credit) == (Yield.PV, LoadCredit.ALL)


def test_what_a_site_permits() -> None:
    told = {"approximate": ["frequency_watt", "target_power"], "protection": "write", "yield": "target"}
    terms = terms_of(SiteSettings.model_validate(SITE | told | {"load_credit": "watchdog"}), {})
    assert (terms.approximate, terms.protection) == (frozenset({Mode.FREQUENCY_WATT, Mode.TARGET_POWER}), True)
    assert (terms.yields, terms.load_credit) == (Yield.TARGET, LoadCredit.WATCHDOG)
