"""A site's devices as one DER: ratings summed, states joined."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest

from grid_functions.model.control import Mode
from grid_functions.model.device import Ability, Capability, Condition, How, Nameplate, Role, Seen
from grid_functions.model.event import Settings
from grid_functions.model.reading import MeterKey, Quality, Reading
from grid_functions.model.units import Quantity
from protocols.ieee2030_5.translate.der import active_power, capability_of, settings_of, status_of


def _device(
    role: Role, *modes: Mode, readings: Mapping[MeterKey, float] | None = None, how: How = How.NATIVE, **given: Any
) -> Seen:
    plate = {name: value for name, value in given.items() if name in Nameplate.__dataclass_fields__}
    state: dict[str, Any] = {name: value for name, value in given.items() if name in Condition.__dataclass_fields__}
    found = {key: Reading(value, Quality.GOOD, 0.0, 0.0) for key, value in (readings or {}).items()}
    return Seen(
        str(role),
        role,
        Nameplate(**plate),
        Capability(abilities=MappingProxyType({mode: Ability(how) for mode in modes})),
        Condition(**({"online": True} | state), readings=MappingProxyType(found)),
    )


@pytest.mark.parametrize(
    ("watts", "value", "multiplier"),
    [
        (0, 0, 0),
        (5000, 5000, 0),
        (32_767, 32_767, 0),
        (32_768, 3277, 1),
        (50_000, 5000, 1),
        (1.5e6, 15_000, 2),
        (-5000, -5000, 0),
    ],
)
def test_watts_in_the_finest_scale_that_holds_them(watts: float, value: int, multiplier: int) -> None:
    power = active_power(watts)
    assert (power.value, power.multiplier) == (value, multiplier)


def test_ratings_of_two_inverters_add_up() -> None:
    """MUL-03; 5 kW + 3 kW, 5.5 kVA + 3 kVA."""
    capability = capability_of(
        [
            _device(
                Role.PV,
                Mode.MAX_POWER,
                rated_w=5000.0,
                rated_va=5500.0,
                rated_inject_var=2000.0,
                rated_absorb_var=1900.0,
            ),
            _device(Role.PV, Mode.CONNECT, rated_w=3000.0, rated_va=3000.0),
            _device(Role.METER, rated_w=99_000.0),
        ],
        csip_aus=True,
    )
    assert capability is not None
    assert capability.rtgMaxW.watts == 8000
    assert capability.rtgMaxVA is not None
    assert capability.rtgMaxVA.volt_amperes == 8500
    assert capability.rtgMaxVar is not None
    assert capability.rtgMaxVar.vars == 2000
    assert capability.rtgMaxVarNeg is not None
    assert capability.rtgMaxVarNeg.vars == -1900
    assert capability.type == 4
    assert capability.modesSupported == 1 << 20 | 1 << 2
    assert capability.doeModesSupported == 0b0101


@pytest.mark.parametrize(
    ("roles", "kind"),
    [
        ((Role.PV,), 4),
        ((Role.BATTERY,), 80),
        ((Role.EVSE,), 82),
        ((Role.HYBRID,), 83),
        ((Role.PV, Role.BATTERY), 83),
        ((Role.PV, Role.EVSE), 1),
    ],
)
def test_the_kind_of_der(roles: tuple[Role, ...], kind: int) -> None:
    capability = capability_of([_device(role, rated_w=1.0) for role in roles], csip_aus=False)
    assert capability is not None
    assert capability.type == kind
    assert capability.doeModesSupported is None


def test_storage_charges_and_discharges_and_a_mode_not_possible_is_not_claimed() -> None:
    battery = _device(Role.BATTERY, Mode.LOAD_LIMIT, rated_w=4000.0, rated_charge_w=3000.0, capacity_wh=100_000.0)
    dumb = _device(Role.PV, Mode.MAX_POWER, how=How.NOT_POSSIBLE, rated_w=1000.0)
    capability = capability_of([battery, dumb], csip_aus=True)
    assert capability is not None
    assert capability.modesSupported == 0b11
    assert capability.doeModesSupported == 0b1010
    assert capability.rtgMaxWh is not None
    assert capability.rtgMaxWh.watt_hours == 100_000


def test_nothing_is_claimed_before_a_rating_is_known() -> None:
    assert capability_of([_device(Role.PV)], csip_aus=True) is None
    assert settings_of([_device(Role.METER, rated_w=5.0)], True, Settings(), 0.0) is None
    assert status_of([_device(Role.METER)], 0.0) is None


def test_settings_give_the_setting_below_the_rating_and_echo_the_default() -> None:
    wanted = Settings(gradient_pct_per_s=1.0, enter_service_high_hz=50.15, enter_service_delay_s=60.0)
    settings = settings_of([_device(Role.PV, rated_w=5000.0, max_w=4500.0)], True, wanted, 77.9)
    assert settings is not None
    assert settings.setMaxW.watts == 4500
    assert (settings.setGradW, settings.setESHighFreq, settings.setESDelay) == (100, 5015, 6000)
    assert settings.updatedTime == 77


@pytest.mark.parametrize(("csip_aus", "gradient"), [(True, 28), (False, 0)])
def test_the_gradient_nobody_set(csip_aus: bool, gradient: int) -> None:
    """AS/NZS 4777.2: 16.67 %/min = 0.2778 %/s; CSIP: 0 = no limit."""
    settings = settings_of([_device(Role.PV, rated_w=1.0)], csip_aus, Settings(), 0.0)
    assert settings is not None
    assert settings.setGradW == gradient


CONNECTED, AVAILABLE, OPERATING, FAULT = 1, 2, 4, 16


@pytest.mark.parametrize(
    ("state", "bits", "mode"),
    [
        ({}, CONNECTED | AVAILABLE | OPERATING, 2),
        ({"connected": True, "operating": True}, CONNECTED | AVAILABLE | OPERATING, 2),
        ({"connected": False}, AVAILABLE, 1),
        ({"energized": False}, CONNECTED | AVAILABLE, 1),
        ({"operating": False}, CONNECTED | AVAILABLE, 1),
        ({"online": False}, 0, 1),
        ({"alarms": frozenset({"over voltage"})}, CONNECTED | AVAILABLE | OPERATING | FAULT, 2),
    ],
)
def test_connect_status_follows_what_was_read_back(state: dict[str, Any], bits: int, mode: int) -> None:
    """ALL-07, 08, 11, 12, 26, 27: bit 0 connect, bit 2 energize, operationalModeStatus 2 and 1."""
    status = status_of([_device(Role.PV, **state)], 5.0)
    assert status is not None
    assert status.genConnectStatus is not None
    assert status.genConnectStatus.value == bits
    assert status.operationalModeStatus is not None
    assert status.operationalModeStatus.value == mode
    assert status.storConnectStatus is None


def test_connected_until_the_last_der_is_off() -> None:
    """MUL-01."""
    on, off = _device(Role.PV), _device(Role.PV, connected=False)
    values = []
    for devices in ([on, on], [on, off], [off, off]):
        status = status_of(devices, 0.0)
        assert status is not None
        assert status.genConnectStatus is not None
        values.append(status.genConnectStatus.value & CONNECTED)
    assert values == [1, 1, 0]


@pytest.mark.parametrize(("watts", "mode"), [(3000.0, 0), (-3000.0, 1), (10.0, 2)])
def test_storage_mode_and_charge(watts: float, mode: int) -> None:
    first = _device(
        Role.BATTERY,
        capacity_wh=10_000.0,
        readings={(Quantity.STATE_OF_CHARGE, None): 80.0, (Quantity.NET, None): watts},
    )
    second = _device(Role.BATTERY, capacity_wh=30_000.0, readings={(Quantity.STATE_OF_CHARGE, None): 40.0})
    status = status_of([first, second], 9.0)
    assert status is not None
    assert status.storageModeStatus is not None
    assert status.storageModeStatus.value == mode
    assert status.stateOfChargeStatus is not None
    assert status.stateOfChargeStatus.value == 5000  # (80 x 10 + 40 x 30) / 40 = 50 %
    assert status.genConnectStatus is None
    assert status.storConnectStatus is not None
