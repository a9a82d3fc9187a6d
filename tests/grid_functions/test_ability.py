"""What a device obeys: all modes of the table of modesSupported, for a newer and an older inverter, storage and charger.

The two inverters answer as the mapping table of the 700 and the 100 series has it; expectations are that table read with the
site's terms: native, approximated where opted in, or not possible.
"""

from dataclasses import replace

import pytest

from grid_functions.ability import can, capable, how, nobody_can, roles_for, steerable
from grid_functions.model.control import Mode
from grid_functions.model.device import Ability, Capability, Condition, How, Nameplate, Role, Seen, Trouble
from grid_functions.model.event import Respondent
from grid_functions.model.policy import DeviceTerms, SiteTerms
from grid_functions.model.units import PercentBase, Quantity
from grid_functions.rating import able_w, base_w, most_var
from tests.grid_functions.house import UTILITY, seen, snapshot, terms

N, A = Ability(How.NATIVE), Ability(How.APPROXIMATED, "its way")
TRIPS = [mode for mode in Mode if mode.value[:4] in ("hfrt", "hvrt", "lfrt", "lvrt")]
CURVES = [Mode.VOLT_VAR, Mode.VOLT_WATT]
NEWER = {
    **dict.fromkeys([Mode.ENERGIZE, Mode.MAX_POWER, Mode.FIXED_POWER, Mode.TARGET_POWER, Mode.POWER_FACTOR_INJECT], N),
    **dict.fromkeys([Mode.POWER_FACTOR_ABSORB, Mode.FIXED_REACTIVE, Mode.TARGET_REACTIVE, *CURVES, Mode.WATT_VAR], N),
    **dict.fromkeys([Mode.FREQUENCY_DROOP, Mode.LOAD_LIMIT, *TRIPS], N),
    **dict.fromkeys([Mode.CONNECT, Mode.FREQUENCY_WATT], A),
}
OLDER = {
    **dict.fromkeys([Mode.CONNECT, Mode.MAX_POWER, Mode.POWER_FACTOR_INJECT, Mode.FIXED_REACTIVE, *TRIPS], N),
    **dict.fromkeys([*CURVES, Mode.FREQUENCY_WATT, Mode.WATT_PF], N),
    **dict.fromkeys([Mode.ENERGIZE, Mode.FIXED_POWER, Mode.FREQUENCY_DROOP], A),
}

# modesSupported bits 2 to 26 (0 and 1, charge and discharge, are roles): newer PV, newer battery, older PV. n native, a only if opted in,
# A without being asked, p only with protection, - not possible
TABLE = {
    2: (Mode.CONNECT, "A", "A", "n"),
    3: (Mode.ENERGIZE, "n", "n", "A"),
    4: (Mode.POWER_FACTOR_ABSORB, "-", "n", "-"),
    5: (Mode.POWER_FACTOR_INJECT, "n", "n", "n"),
    6: (Mode.FIXED_REACTIVE, "n", "n", "n"),
    7: (Mode.FIXED_POWER, "n", "n", "a"),
    8: (Mode.FREQUENCY_DROOP, "n", "n", "a"),
    9: (Mode.FREQUENCY_WATT, "a", "a", "n"),
    10: (Mode.HFRT_MAY_TRIP, "p", "p", "p"),
    11: (Mode.HFRT_MUST_TRIP, "p", "p", "p"),
    12: (Mode.HVRT_MAY_TRIP, "p", "p", "p"),
    13: (Mode.HVRT_MOMENTARY_CESSATION, "p", "p", "p"),
    14: (Mode.HVRT_MUST_TRIP, "p", "p", "p"),
    15: (Mode.LFRT_MAY_TRIP, "p", "p", "p"),
    16: (Mode.LFRT_MUST_TRIP, "p", "p", "p"),
    17: (Mode.LVRT_MAY_TRIP, "p", "p", "p"),
    18: (Mode.LVRT_MOMENTARY_CESSATION, "p", "p", "p"),
    19: (Mode.LVRT_MUST_TRIP, "p", "p", "p"),
    20: (Mode.MAX_POWER, "n", "n", "n"),
    21: (Mode.TARGET_REACTIVE, "n", "n", "n"),
    22: (Mode.TARGET_POWER, "n", "n", "a"),
    23: (Mode.VOLT_VAR, "n", "n", "n"),
    24: (Mode.VOLT_WATT, "n", "n", "n"),
    25: (Mode.WATT_PF, "-", "-", "n"),
    26: (Mode.WATT_VAR, "n", "n", "-"),
}
PLAIN = {"n", "A"}


def device(name: str, role: Role, abilities: dict[Mode, Ability]) -> Seen:
    """One that answers."""
    return seen(name, role, capability=Capability(abilities))


DEVICES = (device("new", Role.PV, NEWER), device("battery", Role.BATTERY, NEWER), device("old", Role.PV, OLDER))
SITE = terms({one.device: one.role for one in DEVICES})


def test_the_table_has_every_mode_bit() -> None:
    assert sorted(TABLE) == list(range(2, 27))
    assert len({row[0] for row in TABLE.values()}) == 25


@pytest.mark.parametrize("bit", TABLE)
def test_every_mode_for_every_device(bit: int) -> None:
    mode, *cells = TABLE[bit]
    opted, permitted = replace(SITE, approximate=frozenset({mode})), replace(SITE, protection=True)
    for one, cell in zip(DEVICES, cells, strict=True):
        assert can(one, mode, SITE) is (cell in PLAIN), (one.device, mode)
        assert can(one, mode, opted) is (cell in PLAIN | {"a"}), (one.device, mode)
        assert can(one, mode, permitted) is (cell in PLAIN | {"p"}), (one.device, mode)


def test_another_mode_opted_in_is_no_leave() -> None:
    site = replace(SITE, approximate=frozenset({Mode.VOLT_VAR}))
    assert not can(DEVICES[0], Mode.FREQUENCY_WATT, site)


@pytest.mark.parametrize("mode", [Mode.CONNECT, Mode.ENERGIZE])
def test_without_a_switch_an_off_is_a_limit_of_0(mode: Mode) -> None:
    one = device("x", Role.PV, {Mode.MAX_POWER: N})
    assert how(one, mode, SITE) == Ability(How.APPROXIMATED, "no switch: limited to 0 W")
    assert not can(device("y", Role.PV, {}), mode, SITE)


def test_a_meter_obeys_nothing_and_a_load_its_temperature_and_the_off_of_the_sites_own_tables() -> None:
    taken = {Role.LOAD: {Mode.THERMOSTAT, Mode.ENERGIZE}, Role.METER: set()}
    for role, modes in taken.items():
        everything = device("x", role, dict.fromkeys(Mode, N))
        assert {mode for mode in Mode if can(everything, mode, replace(SITE, protection=True))} == modes
        assert {mode for mode in Mode if role in roles_for(mode)} == modes


def test_no_upstream_switches_a_load() -> None:
    """Rule 5: acts on DERs and chargers, never on loads; so an off for a load alone is refused."""
    site = terms({"boiler": Role.LOAD})
    picture = snapshot([device("boiler", Role.LOAD, dict.fromkeys(Mode, N))], 0.0)
    assert nobody_can(Mode.ENERGIZE, UTILITY, site, picture) == "energize: no such device"
    assert nobody_can(Mode.CONNECT, UTILITY, site, picture) == "connect: no such device"
    assert nobody_can(Mode.THERMOSTAT, UTILITY, site, picture) == ""


# what nobody can do (Response 252)


def test_refused_only_where_nobody_can() -> None:
    picture = snapshot(DEVICES, 0.0)
    assert nobody_can(Mode.WATT_PF, UTILITY, SITE, picture) == ""
    only_new = replace(SITE, respondents={UTILITY: frozenset({"new", "battery"})})
    assert nobody_can(Mode.WATT_PF, UTILITY, only_new, picture) == "watt_pf: battery: cannot; new: cannot"


def test_a_device_that_never_answered_may_yet_be_able() -> None:
    never = Seen("new", Role.PV, Nameplate(), Capability(), Condition(online=False))
    site = SiteTerms("house", SITE.connection, {"new": DeviceTerms(Role.PV)}, {UTILITY: frozenset({"new"})})
    assert nobody_can(Mode.WATT_PF, UTILITY, site, snapshot([never], 0.0)) == ""
    assert nobody_can(Mode.WATT_PF, UTILITY, site, snapshot([], 0.0)) == ""
    assert capable(["new"], Mode.WATT_PF, snapshot([], 0.0), site) == {"new"}


def test_an_import_limit_without_anything_to_limit_is_refused() -> None:
    site = terms({"pv": Role.PV})
    picture = snapshot([device("pv", Role.PV, NEWER)], 0.0)
    assert nobody_can(Mode.IMPORT_LIMIT, UTILITY, site, picture) == "import_limit: no such device"
    assert nobody_can(Mode.EXPORT_LIMIT, UTILITY, site, picture) == ""


def test_a_limit_at_the_connection_is_kept_by_whatever_the_site_has() -> None:
    """The respondent speaks for no device; export is the site's."""
    stranger = Respondent("other", "x")
    assert nobody_can(Mode.EXPORT_LIMIT, stranger, SITE, snapshot(DEVICES, 0.0)) == ""
    assert nobody_can(Mode.MAX_POWER, stranger, SITE, snapshot(DEVICES, 0.0)) == "max_power: no such device"


@pytest.mark.parametrize("trouble", list(Trouble))
def test_only_a_wrong_device_and_another_master_stop_targets(trouble: Trouble) -> None:
    one = replace(DEVICES[0], condition=replace(DEVICES[0].condition, troubles=frozenset({trouble})))
    stopped = trouble in (Trouble.WRONG_DEVICE, Trouble.FOREIGN_WRITER)
    assert steerable(one, Mode.TARGET_POWER, SITE) is not stopped


# bases of percent and ratings


@pytest.mark.parametrize(
    ("role", "plate", "base", "base_of_w"),
    [
        (Role.PV, Nameplate(max_w=4000, rated_w=5000), PercentBase.MAX_POWER, 4000.0),
        (Role.PV, Nameplate(rated_w=5000), PercentBase.MAX_POWER, 5000.0),
        (Role.PV, Nameplate(rated_w=5000, rated_charge_w=3000), PercentBase.MAX_CHARGE, 0.0),
        (Role.BATTERY, Nameplate(max_w=4000, rated_charge_w=3000), PercentBase.MAX_CHARGE, 3000.0),
        (Role.BATTERY, Nameplate(max_w=4000), PercentBase.MAX_CHARGE, 4000.0),
        (Role.BATTERY, Nameplate(max_w=4000, rated_discharge_w=3500), PercentBase.MAX_DISCHARGE, 3500.0),
        (Role.BATTERY, Nameplate(max_w=4000, rated_discharge_w=3500), PercentBase.MAX_POWER, 3500.0),
        (Role.EVSE, Nameplate(rated_w=7400), PercentBase.MAX_CHARGE, 7400.0),
        (Role.EVSE, Nameplate(rated_w=7400), PercentBase.MAX_POWER, 0.0),
        (Role.PV, Nameplate(), PercentBase.MAX_POWER, 0.0),
        (Role.PV, Nameplate(max_w=float("nan"), rated_w=-1.0), PercentBase.MAX_POWER, 0.0),
    ],
)
def test_what_100_percent_means(role: Role, plate: Nameplate, base: PercentBase, base_of_w: float) -> None:
    assert base_w(replace(seen("x", role), nameplate=plate), base) == base_of_w


@pytest.mark.parametrize(
    ("plate", "injects", "absorbs"),
    [
        (Nameplate(rated_inject_var=4000, rated_absorb_var=3000), 4000.0, 3000.0),
        (Nameplate(rated_inject_var=4000), 4000.0, 4000.0),
        (Nameplate(rated_va=6000, rated_w=5000), 6000.0, 6000.0),
        (Nameplate(rated_w=5000), 5000.0, 5000.0),
        (Nameplate(), 0.0, 0.0),
    ],
)
def test_the_most_reactive_power(plate: Nameplate, injects: float, absorbs: float) -> None:
    one = replace(seen("x"), nameplate=plate)
    assert (most_var(one, absorb=False), most_var(one, absorb=True)) == (injects, absorbs)


def test_a_pv_has_no_state_of_charge_to_end_at() -> None:
    assert able_w(DEVICES[0], Quantity.PRODUCED) == 5000.0
