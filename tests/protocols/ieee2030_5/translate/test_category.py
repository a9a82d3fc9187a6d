"""DeviceCategoryType: bits 14 EMS, 17 EVSE, 18 virtual or mixed DER, 21 PV, 23 combined PV and storage, 25 other storage."""

import pytest

from grid_functions.model.device import Role
from protocols.ieee2030_5.translate.category import category_of


@pytest.mark.parametrize(
    ("roles", "bits"),
    [
        ([], {14}),
        ([Role.METER, Role.LOAD], {14}),
        ([Role.PV], {14, 21}),
        ([Role.PV, Role.PV], {14, 21}),
        ([Role.BATTERY], {14, 25}),
        ([Role.HYBRID], {14, 23}),
        ([Role.EVSE], {14, 17}),
        ([Role.PV, Role.EVSE], {14, 17, 21}),
        ([Role.PV, Role.BATTERY], {14, 18, 21, 23, 25}),
        ([Role.HYBRID, Role.BATTERY], {14, 18, 23, 25}),
    ],
)
def test_an_end_device_is_the_manager_and_each_of_its_devices(roles: list[Role], bits: set[int]) -> None:
    assert category_of(roles) == sum(1 << bit for bit in bits)
