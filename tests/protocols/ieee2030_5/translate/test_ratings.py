"""Ratings of grid connection and the inverter's own words, as DERCapability and DERStatus tell them."""

from dataclasses import replace
from typing import Any

import pytest

from grid_functions.model.device import Capability, Condition, GridRatings, InverterState, Nameplate, Role, Seen, Word
from protocols.ieee2030_5.session.pushes import gist
from protocols.ieee2030_5.translate.der import capability_of, status_of
from protocols.ieee2030_5.wire.namespaces import CSIP_AUS
from protocols.ieee2030_5.wire.writer import encode
from tests.protocols.ieee2030_5.desk.talk import check

GRID = GridRatings(
    max_v=264.5,
    min_v=180.0,
    max_a=22.75,
    over_excited_w=4500.0,
    over_excited_pf=0.9,
    under_excited_w=4400.0,
    under_excited_pf=0.85,
    least_pf_over=0.8,
    least_pf_under=0.8,
    normal="B",
    abnormal="III",
)


def der(role: Role = Role.PV, grid: GridRatings = GRID, word: Word = Word()) -> Seen:  # noqa: B008  # frozen
    plate = Nameplate(rated_w=5000.0, nominal_v=230.0, grid=grid)
    return Seen(str(role), role, plate, Capability(), Condition(online=True, word=word))


def told(*ders: Seen) -> dict[str, Any]:
    """What DERCapability says of them, unscaled; it is valid by the schema."""
    made = capability_of(ders, csip_aus=True)
    assert made is not None
    check(encode(made, dialect=CSIP_AUS))
    found: dict[str, Any] = {"normal": made.rtgNormalCategory, "abnormal": made.rtgAbnormalCategory}
    for name, unit in {"rtgMaxV": "volts", "rtgMinV": "volts", "rtgVNom": "volts", "rtgMaxA": "amperes"}.items():
        found[name] = None if getattr(made, name) is None else float(getattr(getattr(made, name), unit))
    for name in ("rtgMinPFOverExcited", "rtgMinPFUnderExcited", "rtgOverExcitedPF", "rtgUnderExcitedPF"):
        found[name] = None if getattr(made, name) is None else float(getattr(made, name).ratio)
    for name in ("rtgOverExcitedW", "rtgUnderExcitedW"):
        found[name] = None if getattr(made, name) is None else float(getattr(made, name).watts)
    return found


ALL = {
    "normal": 2,
    "abnormal": 3,
    "rtgMaxV": 264.5,
    "rtgMinV": 180.0,
    "rtgVNom": 230.0,
    "rtgMaxA": 22.75,
    "rtgMinPFOverExcited": 0.8,
    "rtgMinPFUnderExcited": 0.8,
    "rtgOverExcitedPF": 0.9,
    "rtgUnderExcitedPF": 0.85,
    "rtgOverExcitedW": 4500.0,
    "rtgUnderExcitedW": 4400.0,
}


def test_one_inverter_tells_what_it_is_rated_for() -> None:
    assert told(der()) == ALL


def test_nothing_is_told_that_no_device_tells() -> None:
    nothing = dict.fromkeys(ALL) | {"rtgVNom": 230.0}
    assert told(der(grid=GridRatings())) == nothing


def test_of_two_alike_powers_add_up_and_currents_are_not_told() -> None:
    assert told(der(), der()) == ALL | {"rtgMaxA": None, "rtgOverExcitedW": 9000.0, "rtgUnderExcitedW": 8800.0}


def test_what_two_tell_differently_is_not_told() -> None:
    other = replace(GRID, max_v=253.0, normal="A", over_excited_pf=0.95)
    found = told(der(), der(grid=other))
    assert (found["rtgMaxV"], found["normal"], found["rtgOverExcitedPF"], found["rtgOverExcitedW"]) == (None,) * 4
    assert (found["rtgMinV"], found["abnormal"]) == (180.0, 3)


def test_a_power_of_which_one_device_says_nothing_is_not_told_for_all() -> None:
    found = told(der(), der(grid=replace(GRID, over_excited_w=None)))
    assert (found["rtgOverExcitedPF"], found["rtgOverExcitedW"]) == (0.9, None)


@pytest.mark.parametrize("value", [0.0, -0.8, 1.2, float("nan"), float("inf")])
def test_a_power_factor_that_is_none_is_not_told(value: float) -> None:
    assert told(der(grid=replace(GRID, least_pf_over=value)))["rtgMinPFOverExcited"] is None


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf"), 1e9])
def test_a_voltage_that_is_none_is_not_told(value: float) -> None:
    assert told(der(grid=replace(GRID, max_v=value)))["rtgMaxV"] is None


def test_the_most_of_an_under_excited_power_factor_is_below_one() -> None:
    assert told(der(grid=replace(GRID, least_pf_under=1.0, least_pf_over=1.0)))["rtgMinPFUnderExcited"] is None


def test_the_voltage_assumed_of_a_charger_is_no_rating() -> None:
    assert told(der(Role.EVSE, GridRatings()))["rtgVNom"] is None


def status(*ders: Seen) -> tuple[int | None, int | None, str | None]:
    """inverterStatus, localControlModeStatus, manufacturerStatus; valid by the schema."""
    made = status_of(ders, 1_800_000_000.0)
    assert made is not None
    check(encode(made, dialect=CSIP_AUS))
    return (
        None if made.inverterStatus is None else made.inverterStatus.value,
        None if made.localControlModeStatus is None else made.localControlModeStatus.value,
        None if made.manufacturerStatus is None else made.manufacturerStatus.value,
    )


STATES = {
    InverterState.OFF: 1,
    InverterState.SLEEPING: 2,
    InverterState.STARTING: 3,
    InverterState.RUNNING: 4,
    InverterState.THROTTLED: 5,
    InverterState.STOPPING: 6,
    InverterState.FAULT: 7,
    InverterState.STANDBY: 8,
}
"""InverterStatusType."""


@pytest.mark.parametrize("state", list(InverterState))
def test_each_state_has_its_code(state: InverterState) -> None:
    assert status(der(word=Word(state))) == (STATES[state], None, None)


def test_a_battery_that_runs_tracks_no_sun() -> None:
    assert status(der(Role.BATTERY, word=Word(InverterState.RUNNING)))[0] is None
    assert status(der(Role.BATTERY, word=Word(InverterState.STANDBY)))[0] == 8


def test_states_that_differ_are_no_one_state_and_one_that_is_silent_has_none() -> None:
    running, fault = der(word=Word(InverterState.RUNNING)), der(word=Word(InverterState.FAULT))
    assert status(running, fault)[0] is None
    assert status(running, replace(fault, condition=replace(fault.condition, online=False)))[0] == 4


@pytest.mark.parametrize(
    ("words", "code"), [((True,), 0), ((False,), 1), ((False, True), 0), ((None, False), 1), ((None,), None)]
)
def test_local_control_of_one_is_local_control(words: tuple[bool | None, ...], code: int | None) -> None:
    assert status(*(der(word=Word(local=local)) for local in words))[1] == code


@pytest.mark.parametrize(("code", "value"), [("307", "307"), ("", None), ("1234567", None)])
def test_a_makers_code_is_told_as_it_is(code: str, value: str | None) -> None:
    assert status(der(word=Word(code=code)))[2] == value
    assert status(der(word=Word(code=code)), der(word=Word(code="1")))[2] is None


def test_throttling_alone_is_not_worth_a_message_of_its_own_and_local_control_is() -> None:
    plain, throttled, local = (
        status_of([der(word=word)], at)
        for word, at in ((Word(), 1.0), (Word(InverterState.THROTTLED, code="7"), 2.0), (Word(local=True), 3.0))
    )
    assert plain is not None
    assert throttled is not None
    assert local is not None
    assert gist(plain) == gist(throttled)
    assert gist(plain) != gist(local)
