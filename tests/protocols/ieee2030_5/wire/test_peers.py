"""Two other implementations as oracles: they read what we write, we read what they write, and the values agree."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from envoy_schema.server.schema.csip_aus.connection_point import ConnectionPointRequest
from envoy_schema.server.schema.sep2 import der as envoy_der
from envoy_schema.server.schema.sep2 import der_control_types as envoy_types
from envoy_schema.server.schema.sep2.device_capability import DeviceCapabilityResponse
from envoy_schema.server.schema.sep2.end_device import EndDeviceListResponse
from envoy_schema.server.schema.sep2.function_set_assignments import FunctionSetAssignmentsListResponse
from envoy_schema.server.schema.sep2.identification import Link as EnvoyLink
from envoy_schema.server.schema.sep2.metering_mirror import MirrorUsagePointListResponse
from envoy_schema.server.schema.sep2.response import DERControlResponse as EnvoyResponse
from envoy_schema.server.schema.sep2.time import TimeResponse
from py20305.models import sep
from py20305.xml.serialization import from_xml, to_xml

from protocols.ieee2030_5.wire.datatypes import ActivePower, Link, PowerFactorWithExcitation
from protocols.ieee2030_5.wire.der import DERControlList, DERStatus
from protocols.ieee2030_5.wire.namespaces import CSIP, CSIP_AUS_1_3
from protocols.ieee2030_5.wire.reader import decode, decode_as
from protocols.ieee2030_5.wire.resources import DERControlResponse
from protocols.ieee2030_5.wire.writer import encode
from tests.protocols.ieee2030_5.wire.samples import full, kinds

ENVOY: dict[str, Any] = {
    "ConnectionPoint": ConnectionPointRequest,
    "DERControlList": envoy_der.DERControlListResponse,
    "DERProgramList": envoy_der.DERProgramListResponse,
    "DERList": envoy_der.DERListResponse,
    "DERSettings": envoy_der.DERSettings,
    "DERControlResponse": EnvoyResponse,
    "DeviceCapability": DeviceCapabilityResponse,
    "DefaultDERControl": envoy_der.DefaultDERControl,
    "EndDeviceList": EndDeviceListResponse,
    "FunctionSetAssignmentsList": FunctionSetAssignmentsListResponse,
    "MirrorUsagePointList": MirrorUsagePointListResponse,
    "Time": TimeResponse,
}


def without(message: Any, name: str) -> Any:
    """The message less what envoy-schema 2.7 has no field for."""
    match name:
        case "DeviceCapability":
            return replace(message, SelfDeviceLink=None)
        case "Time":
            return replace(message, pollRate=None)
        case "EndDeviceList":
            plain = ("IPInterfaceListLink", "FlowReservationRequestListLink", "FlowReservationResponseListLink")
            links = {link: replace(getattr(message.items[0], link), all=None) for link in plain}
            return replace(message, items=tuple(replace(item, **links) for item in message.items))
    return message


@pytest.mark.parametrize("name", ENVOY)
def test_envoy_schema_reads_ours_and_we_read_its(name: str) -> None:
    (kind,) = (kind for kind in kinds() if kind.__name__ == name)
    ours = without(full(kind), name)
    theirs = ENVOY[name].from_xml(encode(ours, dialect=CSIP_AUS_1_3))
    back = decode(theirs.to_xml(skip_empty=False, exclude_none=True))
    assert (back.rejects, back.remarks) == ((), ())
    assert back.message == ours


def test_py20305_reads_our_controls() -> None:
    ours = full(DERControlList)
    theirs: Any = from_xml(encode(ours, dialect=CSIP), sep.DercontrolList)
    for mine, other in zip(ours.items, theirs.dercontrol, strict=True):
        base, there = mine.DERControlBase, other.dercontrol_base
        assert other.m_rid.value.hex().upper() == mine.mRID
        assert (other.interval.start.value, other.interval.duration) == (mine.interval.start, mine.interval.duration)
        assert other.randomize_start.value == mine.randomizeStart
        assert other.response_required == bytes([mine.responseRequired])
        assert there.op_mod_max_lim_w.value == base.opModMaxLimW
        assert there.op_mod_target_w.value == base.opModTargetW.value
        assert there.op_mod_fixed_pfinject_w.displacement == base.opModFixedPFInjectW.displacement
        assert there.op_mod_volt_var.href == base.opModVoltVar.href
        assert there.op_mod_connect == base.opModConnect


def test_we_read_the_controls_py20305_writes() -> None:
    ours = full(DERControlList)
    theirs = from_xml(encode(ours, dialect=CSIP), sep.DercontrolList)
    back = decode(to_xml(theirs))
    assert back.rejects == ()
    (mine, _), (again, _) = ours.items, decode_as(DERControlList, to_xml(theirs)).message.items
    assert again.EventStatus == mine.EventStatus
    assert again.interval == mine.interval
    assert again.DERControlBase.opModFixedPFInjectW == mine.DERControlBase.opModFixedPFInjectW
    assert again.DERControlBase.opModTargetW == mine.DERControlBase.opModTargetW
    assert again.DERControlBase.opModVoltVar == mine.DERControlBase.opModVoltVar
    assert again.deviceCategory == mine.deviceCategory


def test_py20305_reads_our_response_and_status() -> None:
    response: Any = from_xml(
        encode(DERControlResponse(createdDateTime=7, endDeviceLFDI="AB" * 20, status=2, subject="0C")),
        sep.DercontrolResponse,
    )
    assert (response.created_date_time.value, response.status) == (7, 2)
    assert (response.end_device_lfdi, response.subject.value) == (b"\xab" * 20, b"\x0c")
    status: Any = from_xml(encode(full(DERStatus)), sep.Derstatus)
    assert status.reading_time.value == full(DERStatus).readingTime


def test_values_of_a_control_written_by_envoy_schema() -> None:
    # 50 kW as 5000 x 10^1; 0.95 as 950 x 10^-3.
    written = envoy_der.DERControlBase(
        opModExpLimW=envoy_types.ActivePower(value=5000, multiplier=1),
        opModFixedPFInjectW=envoy_types.PowerFactorWithExcitation(displacement=950, excitation=True, multiplier=-3),
        opModVoltVar=EnvoyLink(href="/dc/3"),
    )
    control = full(DERControlList)
    body = encode(control, dialect=CSIP_AUS_1_3)
    theirs = envoy_der.DERControlListResponse.from_xml(body)
    assert theirs.DERControl
    theirs.DERControl[0].DERControlBase_ = written
    their_body: Any = theirs.to_xml(exclude_none=True)
    found = decode_as(DERControlList, their_body).message.items[0].DERControlBase
    assert found.opModExpLimW == ActivePower(1, 5000)
    assert found.opModExpLimW.watts == Decimal(50_000)
    assert found.opModFixedPFInjectW == PowerFactorWithExcitation(950, True, -3)
    assert found.opModFixedPFInjectW.ratio == Decimal("0.95")
    assert found.opModVoltVar == Link("/dc/3")
    assert found.opModMaxLimW is None
