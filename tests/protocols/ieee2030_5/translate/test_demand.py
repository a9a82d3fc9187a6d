"""The nine modes of demand response (CSIP-AUS; AS/NZS 4755 DRM 0 to 8), by the table of the procedure DRD-01."""

from typing import Any

import pytest

from grid_functions.model.control import Control
from grid_functions.model.device import Capability, Condition, Nameplate, Role, Seen, Trouble
from protocols.ieee2030_5.translate.controls import Missing, wanted
from protocols.ieee2030_5.translate.demand import asked_mode, held_mode
from protocols.ieee2030_5.wire.datatypes import ActivePower
from protocols.ieee2030_5.wire.der import DERControlBase


def _controls(**modes: Any) -> tuple[Control, ...]:
    return wanted(DERControlBase(**modes), lambda href: Missing(lasting=True)).controls


def _der(**condition: Any) -> Seen:
    return Seen("pv", Role.PV, Nameplate(), Capability(), Condition(**({"online": True} | condition)))


@pytest.mark.parametrize(
    ("modes", "mode"),
    [
        ({"opModConnect": False}, 100),
        ({"opModFixedW": -1}, 101),
        ({"opModFixedW": -5_000}, 102),
        ({"opModFixedW": -7_500}, 103),
        ({"opModFixedW": -10_000}, 104),
        ({"opModFixedW": 0}, 105),
        ({"opModFixedW": 5_000}, 106),
        ({"opModFixedW": 7_500}, 107),
        ({"opModFixedW": 10_000}, 108),
        ({"opModFixedW": -6_000}, None),
        ({"opModFixedW": 1}, None),
        ({"opModConnect": True}, None),
        ({"opModExpLimW": ActivePower(0, 1500)}, None),
        ({"opModConnect": False, "opModFixedW": 5_000}, 100),
    ],
)
def test_each_control_asks_for_its_mode(modes: dict[str, Any], mode: int | None) -> None:
    assert asked_mode(_controls(**modes)) == mode


def test_a_later_start_stands_before_an_earlier_but_not_before_a_disconnection() -> None:
    half, none = _controls(opModFixedW=5_000), _controls(opModFixedW=0)
    assert asked_mode((*half, *none)) == 105
    assert asked_mode((*_controls(opModConnect=False), *half)) == 100


def test_a_disconnection_is_told_once_it_is_read_back() -> None:
    assert held_mode(100, [_der(connected=True)], running=True) is None
    assert held_mode(100, [_der(connected=False)], running=False) == 100


@pytest.mark.parametrize(
    ("condition", "mode"),
    [
        ({}, 106),
        ({"operating": False}, 106),  # told not to generate it may well sleep
        ({"connected": False}, None),
        ({"troubles": frozenset({Trouble.NOT_HELD})}, None),
        ({"troubles": frozenset({Trouble.WRITE_REFUSED})}, None),
        ({"online": False, "troubles": frozenset({Trouble.SILENT})}, None),
        ({"troubles": frozenset({Trouble.NO_WATCHDOG})}, 106),
    ],
)
def test_a_mode_is_not_told_of_devices_that_do_not_hold_it(condition: dict[str, Any], mode: int | None) -> None:
    assert held_mode(106, [_der(**condition)], running=True) == mode


def test_without_a_mode_nothing_is_told() -> None:
    assert held_mode(None, [_der()], running=True) is None
