"""Demand response on the wire (CSIP-AUS procedures DRA-01, DRA-02, DRD-01, DRG-01, DRL-01): what DERStatus says of each control."""

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from grid_functions.model.control import Mode
from grid_functions.model.device import Ability, Capability, Condition, How, Nameplate, Role, Seen
from grid_functions.model.event import EventKey
from grid_functions.model.instants import Moment
from grid_functions.model.outcome import Outcome, OutcomeKind
from protocols.exchange import Tell
from protocols.ieee2030_5.session.exchange import Picture
from protocols.ieee2030_5.session.terms import Profile
from protocols.ieee2030_5.wire.der import DERCapability, DERControlBase, DERSettings, DERStatus
from protocols.ieee2030_5.wire.resources import EndDevice
from tests.protocols.ieee2030_5.session.rig import TERMS, UTC_S, Rig, control, default, house, mrid, program

ABLE = Capability(
    abilities=MappingProxyType({Mode.FIXED_POWER: Ability(How.NATIVE), Mode.CONNECT: Ability(How.NATIVE)})
)
FIXED_W_BIT = 1 << 7

# In the order of DRD-01; each runs alone.
DRD_01: list[tuple[dict[str, Any], int]] = [
    ({"opModConnect": False}, 100),
    ({"opModFixedW": -7_500}, 103),
    ({"opModFixedW": -5_000}, 102),
    ({"opModFixedW": -1}, 101),
    ({"opModFixedW": -10_000}, 104),
    ({"opModFixedW": 7_500}, 107),
    ({"opModFixedW": 5_000}, 106),
    ({"opModFixedW": 0}, 105),
    ({"opModFixedW": 10_000}, 108),
]


def _shown(rig: Rig, role: Role = Role.HYBRID, **condition: Any) -> Rig:
    state = Condition(**({"online": True} | condition))
    rig.give(Picture((Seen("der", role, Nameplate(rated_w=5000.0), ABLE, state),)))
    return rig.run(10)


def _tell(rig: Rig, number: int, kind: OutcomeKind) -> None:
    rig.give(Tell(Outcome(EventKey(TERMS.respondent, mrid(number)), kind, Moment("utility", UTC_S + 10))))


def _status(rig: Rig) -> DERStatus:
    return [told for _, _, told in rig.server.puts if isinstance(told, DERStatus)][-1]


def _mode(rig: Rig) -> int:
    mode = _status(rig).operationalModeStatus
    assert mode is not None
    return int(mode.value)


def _offered(*bases: dict[str, Any], **changes: Any) -> Rig:
    rig = house(replace(TERMS, **changes))
    controls = [
        control(number, start=int(UTC_S) + 30, DERControlBase=DERControlBase(**base))
        for number, base in enumerate(bases, 1)
    ]
    rig.server.lists["/derp/7/derc"] = [*controls]
    return _shown(rig)


@pytest.mark.parametrize(
    ("procedure", "role", "steps"),
    [
        ("DRA-02", Role.PV, DRD_01[:1]),
        ("DRD-01", Role.HYBRID, DRD_01),
        ("DRG-01", Role.PV, [DRD_01[5], DRD_01[6]]),
        ("DRL-01", Role.EVSE, DRD_01[1:5]),
    ],
)
def test_each_control_shows_its_mode_from_its_start_to_its_end(
    procedure: str, role: Role, steps: list[tuple[dict[str, Any], int]]
) -> None:
    rig = _offered(*(base for base, _ in steps))
    for number, (base, mode) in enumerate(steps, 1):
        assert _mode(rig) == 2, procedure
        _tell(rig, number, OutcomeKind.RECEIVED)
        rig.run(5)
        assert _mode(rig) == 2, "received is not started"
        _tell(rig, number, OutcomeKind.STARTED)
        _shown(rig, role, connected=base.get("opModConnect", True))
        assert _mode(rig) == mode
        assert _status(rig).alarmStatus == 0
        _tell(rig, number, OutcomeKind.COMPLETED)
        _shown(rig, role)
    assert _mode(rig) == 2


@pytest.mark.parametrize("final", [OutcomeKind.CANCELLED, OutcomeKind.SUPERSEDED, OutcomeKind.DISPLACED])
def test_a_mode_ends_however_its_event_ends(final: OutcomeKind) -> None:
    rig = _offered({"opModFixedW": 5_000})
    _tell(rig, 1, OutcomeKind.STARTED)
    assert _mode(_shown(rig)) == 106
    _tell(rig, 1, final)
    assert _mode(_shown(rig)) == 2


def test_a_disconnection_is_not_told_before_it_is_read_back() -> None:
    rig = _offered({"opModConnect": False})
    _tell(rig, 1, OutcomeKind.STARTED)
    assert _mode(_shown(rig, connected=True)) == 2
    assert _mode(_shown(rig, connected=False)) == 100


def test_a_mode_outlives_a_restart_of_the_gateway() -> None:
    before = _offered({"opModFixedW": 5_000})
    _tell(before, 1, OutcomeKind.STARTED)
    _shown(before)
    after = house(memory=before.memory)
    after.server.lists["/derp/7/derc"] = before.server.lists["/derp/7/derc"]
    assert _mode(_shown(after)) == 106


def test_what_cannot_be_remembered_is_nothing() -> None:
    assert _mode(_shown(house(memory={"participation": (1, b"{not json")}))) == 2
    assert _mode(_shown(house(memory={"participation": (9, b'["1"]')}))) == 2


def test_plain_csip_has_no_such_modes() -> None:
    rig = _offered({"opModFixedW": 5_000}, profile=Profile.CSIP)
    _tell(rig, 1, OutcomeKind.STARTED)
    assert _mode(_shown(rig)) == 2


def test_a_device_of_demand_response_tells_what_it_is_and_that_it_takes_fixed_power() -> None:
    """DRA-01: deviceCategory at the registration, modesSupported and modesEnabled bit 7."""
    rig = house(replace(TERMS, register=True, device_category=1 << 21))
    rig.server.lists["/edev"] = []
    rig.run(30)
    (device,) = [told for _, _, told in rig.server.posts if isinstance(told, EndDevice)]
    assert device.deviceCategory == 1 << 21
    rig = _shown(house())
    (capability,) = [told for _, _, told in rig.server.puts if isinstance(told, DERCapability)]
    (settings,) = [told for _, _, told in rig.server.puts if isinstance(told, DERSettings)]
    assert capability.modesSupported & FIXED_W_BIT
    assert settings.modesEnabled is not None
    assert settings.modesEnabled & FIXED_W_BIT


def test_what_stands_at_the_server_does_not_flicker_while_a_new_program_is_read() -> None:
    rig = _offered({"opModFixedW": 5_000})
    rig.server.single["/derp/7/dderc"] = default(77, 5000, setGradW=100)
    _tell(rig, 1, OutcomeKind.STARTED)
    _shown(rig).run(120)
    told = len(rig.server.puts)
    rig.slow["/derp/8/derc"] = 30.0
    rig.server.lists["/derp/8/derc"] = []
    rig.server.lists["/fsa/1/derp"].append(program(8, primacy=2))
    rig.run(120)
    after = [message for _, _, message in rig.server.puts[told:]]
    assert [one for one in after if isinstance(one, DERSettings)] == []
    assert {
        one.operationalModeStatus.value for one in after if isinstance(one, DERStatus) and one.operationalModeStatus
    } == {106}
