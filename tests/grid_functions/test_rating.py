"""What a device can do at most, whether a limit reaches it, and what it does now."""

import math
from dataclasses import replace

import pytest

from grid_functions.model.control import Mode
from grid_functions.model.device import Ability, Capability, How, Nameplate, Role, Seen, Trouble
from grid_functions.model.reading import Quality, Reading
from grid_functions.model.units import Quantity
from grid_functions.rating import measured_w, most_w, obeys, percent_base_w, roles_of
from tests.grid_functions.house import NET, seen

PRODUCED, CONSUMED = Quantity.PRODUCED, Quantity.CONSUMED
PLATE = Nameplate(rated_w=5000.0, rated_charge_w=3000.0, rated_discharge_w=4000.0, max_w=4500.0)


def device(role: Role, plate: Nameplate = PLATE) -> Seen:
    return replace(seen("d", role), nameplate=plate)


def test_who_produces_and_who_consumes_under_our_hand() -> None:
    assert roles_of(PRODUCED) == {Role.PV, Role.BATTERY, Role.HYBRID}
    assert roles_of(CONSUMED) == {Role.BATTERY, Role.HYBRID, Role.EVSE}


@pytest.mark.parametrize(
    ("role", "quantity", "most"),
    [
        (Role.PV, PRODUCED, 4500.0),  # the setting before the rating
        (Role.HYBRID, PRODUCED, 4500.0),
        (Role.BATTERY, PRODUCED, 4000.0),
        (Role.BATTERY, CONSUMED, 3000.0),
        (Role.HYBRID, CONSUMED, 3000.0),
        (Role.EVSE, CONSUMED, 3000.0),
        (Role.PV, CONSUMED, 0.0),
        (Role.EVSE, PRODUCED, 0.0),
        (Role.METER, PRODUCED, 0.0),
        (Role.LOAD, CONSUMED, 0.0),
    ],
)
def test_the_most_is_by_role_and_direction(role: Role, quantity: Quantity, most: float) -> None:
    assert most_w(device(role), quantity) == most


@pytest.mark.parametrize(
    ("plate", "most"),
    [
        (Nameplate(rated_w=5000.0), 5000.0),
        (Nameplate(max_w=0.0, rated_w=5000.0), 0.0),
        (Nameplate(max_w=1.0, rated_w=5000.0), 1.0),
        # what cannot be true is not believed; nothing told is no limit
        (Nameplate(max_w=-1.0, rated_w=5000.0), 5000.0),
        (Nameplate(max_w=math.inf, rated_w=5000.0), 5000.0),
        (Nameplate(max_w=math.nan, rated_w=5000.0), 5000.0),
        (Nameplate(), math.inf),
    ],
)
def test_the_first_credible_figure_counts(plate: Nameplate, most: float) -> None:
    assert most_w(device(Role.PV, plate), PRODUCED) == most


@pytest.mark.parametrize(
    ("plate", "base"),
    [
        (Nameplate(max_w=4500.0, rated_w=5000.0), 4500.0),
        (Nameplate(max_w=0.0, rated_w=5000.0), 0.0),
        (Nameplate(max_w=-0.5, rated_w=5000.0), 5000.0),
        (Nameplate(max_w=math.inf, rated_w=5000.0), 5000.0),
        (Nameplate(rated_w=5000.0), 5000.0),
        (Nameplate(rated_w=math.inf), 0.0),  # rule 6: unknown tightens
        (Nameplate(), 0.0),
    ],
)
def test_a_percentage_is_of_the_setting_else_the_rating_else_of_nothing(plate: Nameplate, base: float) -> None:
    assert percent_base_w(device(Role.PV, plate)) == base


@pytest.mark.parametrize(
    ("mode", "how", "quantity", "reached"),
    [
        (Mode.MAX_POWER, How.NATIVE, PRODUCED, True),
        (Mode.GENERATION_LIMIT, How.NATIVE, PRODUCED, True),
        (Mode.EXPORT_LIMIT, How.APPROXIMATED, PRODUCED, True),
        (Mode.MAX_POWER, How.NOT_POSSIBLE, PRODUCED, False),
        (Mode.MAX_POWER, How.NATIVE, CONSUMED, False),
        (Mode.LOAD_LIMIT, How.NATIVE, CONSUMED, True),
        (Mode.IMPORT_LIMIT, How.NATIVE, CONSUMED, True),
        (Mode.LOAD_LIMIT, How.NATIVE, PRODUCED, False),
        (Mode.CONNECT, How.NATIVE, PRODUCED, False),
    ],
)
def test_a_limit_is_obeyed_by_who_has_a_mode_of_its_direction(
    mode: Mode, how: How, quantity: Quantity, reached: bool
) -> None:
    one = replace(seen("b", Role.BATTERY), capability=Capability({mode: Ability(how)}))
    assert obeys(one, quantity) is reached


def test_nobody_absent_wrong_or_of_another_role_obeys() -> None:
    plain = seen("b", Role.BATTERY)
    wrong = replace(plain, condition=replace(plain.condition, troubles=frozenset({Trouble.WRONG_DEVICE})))
    other = replace(plain, condition=replace(plain.condition, troubles=frozenset({Trouble.FOREIGN_WRITER})))
    assert obeys(plain, PRODUCED)
    assert obeys(plain, CONSUMED)
    assert obeys(other, PRODUCED)
    assert not obeys(wrong, PRODUCED)
    assert not obeys(seen("b", Role.BATTERY, online=False), PRODUCED)
    assert not obeys(seen("p", Role.PV), CONSUMED)
    assert not obeys(seen("e", Role.EVSE), PRODUCED)


@pytest.mark.parametrize(
    ("power_w", "quantity", "does"),
    [
        (-1500.0, PRODUCED, 1500.0),
        (-1500.0, CONSUMED, 0.0),
        (1500.0, CONSUMED, 1500.0),
        (1500.0, PRODUCED, 0.0),
        (0.0, PRODUCED, 0.0),
        (math.nan, PRODUCED, None),
        (math.inf, CONSUMED, None),
    ],
)
def test_measured_power_is_a_magnitude_in_its_direction(power_w: float, quantity: Quantity, does: float | None) -> None:
    assert measured_w(seen("b", Role.BATTERY, power_w=power_w, at_s=10.0), quantity, 12.0, 15.0) == does


def test_measured_power_is_known_until_it_is_older_than_stale() -> None:
    one = seen("a", power_w=-7.0, at_s=100.0)
    assert measured_w(one, PRODUCED, 115.0, 15.0) == 7.0
    assert measured_w(one, PRODUCED, 115.1, 15.0) is None


def test_measured_power_is_unknown_without_a_good_reading_of_an_answering_device() -> None:
    one = seen("a", power_w=-7.0)
    doubtful = {NET: Reading(-7.0, Quality.SUSPECT, 0.0, 0.0)}
    assert measured_w(seen("a", power_w=None), PRODUCED, 0.0, 15.0) is None
    assert measured_w(seen("a", power_w=-7.0, online=False), PRODUCED, 0.0, 15.0) is None
    assert measured_w(replace(one, condition=replace(one.condition, readings=doubtful)), PRODUCED, 0.0, 15.0) is None
