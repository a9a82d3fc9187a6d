"""How a device obeys a mode at its site: what it told, less what the site did not opt in to."""

from dataclasses import replace

import pytest

from grid_functions.ability import PROTECTION_MODES, can, capable, has, how, nobody_can, roles_for, steerable, unknown
from grid_functions.model.control import Mode
from grid_functions.model.device import Ability, Capability, How, Role, Seen, Trouble
from tests.grid_functions.house import UTILITY, seen, snapshot, terms

NATIVE, APPROXIMATED, NOT_POSSIBLE = How.NATIVE, How.APPROXIMATED, How.NOT_POSSIBLE
SITE = terms({"a": Role.BATTERY})


def device(role: Role = Role.BATTERY, online: bool = True, **told: How) -> Seen:
    """Told by the names of modes."""
    abilities = {Mode(name): Ability(one, "some means") for name, one in told.items()}
    return replace(seen("a", role, online=online), capability=Capability(abilities))


@pytest.mark.parametrize(
    ("told", "mode", "found"),
    [
        ({"max_power": NATIVE}, Mode.MAX_POWER, NATIVE),
        ({"max_power": NATIVE}, Mode.EXPORT_LIMIT, NATIVE),  # watts are watts
        ({"export_limit": APPROXIMATED}, Mode.GENERATION_LIMIT, APPROXIMATED),  # a limit may be approximated unasked
        ({"max_power": NATIVE}, Mode.LOAD_LIMIT, NOT_POSSIBLE),
        ({"load_limit": NATIVE}, Mode.IMPORT_LIMIT, NATIVE),
        ({"target_power": NATIVE}, Mode.STORAGE_POWER, NATIVE),
        ({"target_power": APPROXIMATED, "fixed_power": NATIVE}, Mode.TARGET_POWER, NATIVE),
        ({"target_power": APPROXIMATED}, Mode.TARGET_POWER, NOT_POSSIBLE),
        ({"target_reactive": NATIVE}, Mode.FIXED_REACTIVE, NATIVE),
        ({"volt_var": NATIVE}, Mode.WATT_VAR, NOT_POSSIBLE),
        ({"volt_var": NATIVE}, Mode.VOLT_VAR, NATIVE),
        ({}, Mode.VOLT_VAR, NOT_POSSIBLE),
        ({"connect": NATIVE}, Mode.CONNECT, NATIVE),
        ({"connect": NOT_POSSIBLE, "max_power": NATIVE}, Mode.CONNECT, APPROXIMATED),  # limited to 0 W
        ({"load_limit": NATIVE}, Mode.ENERGIZE, APPROXIMATED),
        ({"connect": NOT_POSSIBLE}, Mode.CONNECT, NOT_POSSIBLE),
        ({"max_power": NOT_POSSIBLE, "load_limit": NOT_POSSIBLE}, Mode.ENERGIZE, NOT_POSSIBLE),
        ({"hvrt_must_trip": NATIVE}, Mode.HVRT_MUST_TRIP, NOT_POSSIBLE),  # protection is read only
    ],
)
def test_how_a_mode_is_obeyed(told: dict[str, How], mode: Mode, found: How) -> None:
    one = device(Role.BATTERY, True, **told)
    assert how(one, mode, SITE).how is found
    assert can(one, mode, SITE) is (found is not NOT_POSSIBLE)


def test_what_the_site_opted_in_to() -> None:
    one = device(target_power=APPROXIMATED, hvrt_must_trip=NATIVE)
    assert how(one, Mode.TARGET_POWER, replace(SITE, approximate=frozenset({Mode.TARGET_POWER}))).how is APPROXIMATED
    assert how(one, Mode.HVRT_MUST_TRIP, replace(SITE, protection=True)).how is NATIVE


def test_protection_is_every_trip_and_cessation_curve() -> None:
    assert len(PROTECTION_MODES) == 10
    assert Mode.VOLT_WATT not in PROTECTION_MODES
    assert {Mode.HFRT_MAY_TRIP, Mode.LVRT_MOMENTARY_CESSATION, Mode.LVRT_MUST_TRIP} <= PROTECTION_MODES


@pytest.mark.parametrize(
    ("mode", "roles"),
    [
        (Mode.EXPORT_LIMIT, {"pv", "battery", "hybrid"}),
        (Mode.POWER_FACTOR_INJECT, {"pv", "battery", "hybrid"}),
        (Mode.IMPORT_LIMIT, {"evse", "battery", "hybrid"}),
        (Mode.POWER_FACTOR_ABSORB, {"evse", "battery", "hybrid"}),
        (Mode.VOLT_VAR, {"pv", "evse", "battery", "hybrid"}),
        (Mode.CONNECT, {"pv", "evse", "battery", "hybrid"}),
    ],
)
def test_whom_a_mode_can_address(mode: Mode, roles: set[str]) -> None:
    assert set(roles_for(mode)) == roles


def test_a_device_of_another_role_cannot_whatever_it_told() -> None:
    assert how(device(Role.PV, True, load_limit=NATIVE), Mode.LOAD_LIMIT, SITE).how is NOT_POSSIBLE


def test_a_device_that_told_of_a_mode_has_it() -> None:
    one = device(max_power=NATIVE, connect=NOT_POSSIBLE)
    assert [has(one, mode) for mode in (Mode.MAX_POWER, Mode.CONNECT, Mode.EXPORT_LIMIT)] == [True, False, False]


def test_who_is_absent_wrong_or_written_by_another_is_not_steered() -> None:
    one = device(target_power=NATIVE)

    def troubled(*troubles: Trouble) -> Seen:
        return replace(one, condition=replace(one.condition, troubles=frozenset(troubles)))

    assert steerable(one, Mode.TARGET_POWER, SITE)
    assert steerable(troubled(Trouble.NOT_HELD), Mode.TARGET_POWER, SITE)
    assert not steerable(troubled(Trouble.WRONG_DEVICE), Mode.TARGET_POWER, SITE)
    assert not steerable(troubled(Trouble.FOREIGN_WRITER, Trouble.NOT_HELD), Mode.TARGET_POWER, SITE)
    assert not steerable(device(online=False, target_power=NATIVE), Mode.TARGET_POWER, SITE)
    assert not steerable(one, Mode.VOLT_VAR, SITE)


def test_a_device_is_unknown_until_it_has_told_what_it_can() -> None:
    assert unknown(None)
    assert unknown(device(online=False))
    assert not unknown(device(online=False, max_power=NATIVE))
    assert not unknown(device())


def test_nobody_can_only_when_everybody_has_told_so() -> None:
    def why(*devices: Seen, mode: Mode = Mode.VOLT_VAR) -> str:
        return nobody_can(mode, UTILITY, SITE, snapshot(devices, 0.0))

    assert why() == ""
    assert why(device(online=False)) == ""
    assert why(device(volt_var=NATIVE)) == ""
    assert why(device()) == "volt_var: a: cannot"
    assert why(device(), mode=Mode.EXPORT_LIMIT) == "export_limit: a: cannot"
    assert nobody_can(Mode.VOLT_VAR, UTILITY, terms({"m": Role.METER}), snapshot((), 0.0)) == "volt_var: no such device"
    picture = snapshot([device(volt_var=NATIVE)], 0.0)
    assert capable(["a", "never"], Mode.VOLT_VAR, picture, SITE) == {"a", "never"}
    assert capable(["a"], Mode.WATT_VAR, picture, SITE) == frozenset()
