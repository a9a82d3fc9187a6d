"""What a device says of its voltage: a fuse counts on it, so that what cannot be is not believed (rule 6)."""

from dataclasses import replace

import pytest

from grid_functions.conductors import least_volts, most_volts
from grid_functions.model.device import Role, Seen
from grid_functions.model.reading import Quality, Reading
from grid_functions.model.units import Phase, Quantity
from tests.grid_functions.house import seen


def of(nominal_v: float | None, measured_v: float | None = None) -> Seen:
    one = seen("a")
    if measured_v is not None:
        reading = Reading(measured_v, Quality.GOOD, 0.0, 0.0)
        readings = {**one.condition.readings, (Quantity.VOLTAGE, Phase.A): reading}
        one = replace(one, condition=replace(one.condition, readings=readings))
    return replace(one, nameplate=replace(one.nameplate, nominal_v=nominal_v))


@pytest.mark.parametrize(
    ("told_v", "is_v"),
    [
        (None, 230.0),
        (230.0, 230.0),
        (120.0, 120.0),  # split phase
        (277.0, 277.0),  # 480Y/277
        (100.0, 100.0),  # Japan
        # between the conductors of three phases: over the root of 3
        (400.0, 230.94),
        (480.0, 277.13),
        # a scale factor that is lost, or lies
        (2300.0, 230.0),
        (23.0, 230.0),
        (6.5e14, 230.0),
        (1e-10, 230.0),
        (0.0, 230.0),
    ],
)
def test_a_rated_voltage_that_no_low_voltage_grid_has_is_not_believed(told_v: float | None, is_v: float) -> None:
    """EN 50160: a tenth either way."""
    assert least_volts(of(told_v)) == pytest.approx(0.9 * is_v, rel=1e-4)
    assert most_volts(of(told_v)) == pytest.approx(1.1 * is_v, rel=1e-4)


def test_a_plate_of_split_phase_names_both_legs() -> None:
    """120/240 V: each leg has 120 V to neutral, and a measured 118 V is no mistake. A charger on two phases is wired as it says."""
    plain = of(240.0)
    split = replace(plain, nameplate=replace(plain.nameplate, phases=2))
    assert least_volts(split) == pytest.approx(108.0)
    assert least_volts(replace(split, role=Role.EVSE)) == pytest.approx(216.0)
    measured = of(240.0, 118.0)
    assert least_volts(replace(measured, nameplate=split.nameplate)) == 118.0


@pytest.mark.parametrize("told_v", [230.0, 400.0, 2300.0, 1e-10])
def test_a_measured_voltage_is_believed_whatever_the_plate_says(told_v: float) -> None:
    assert (least_volts(of(told_v, 236.0)), most_volts(of(told_v, 236.0))) == (236.0, 236.0)
