"""Every message both ways: valid by the schema a peer bundles, and back again letter for letter."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from openleadr import objects
from openleadr.messaging import XML_PARSER, create_message, parse_message

from protocols.openadr2b.wire.events import (
    EiResponse,
    OadrDistributeEvent,
    OadrRequestEvent,
    OadrResponse,
    Signal,
    SignalInterval,
)
from protocols.openadr2b.wire.messages import Service, name_of, service_of
from protocols.openadr2b.wire.reader import decode
from protocols.openadr2b.wire.registration import OadrCreatePartyRegistration, OadrPoll
from protocols.openadr2b.wire.reports import OadrCreateReport
from protocols.openadr2b.wire.writer import UnwritableMessage, encode
from tests.protocols.openadr2b.wire.samples import UNITS, full, kinds, messages


def by_the_schema(document: bytes) -> Any:
    """The tree, valid by the XSD that openleadr bundles."""
    return etree.fromstring(document, XML_PARSER)


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_a_full_message_is_valid_and_comes_back(kind: Any) -> None:
    message = full(kind)
    document = encode(message)
    by_the_schema(document)
    assert decode(document).message == message


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.one_of([messages(kind) for kind in kinds()]))
def test_any_message_is_valid_and_comes_back(message: Any) -> None:
    document = encode(message)
    by_the_schema(document)
    assert decode(document).message == message


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.kind)
def test_each_unit_is_valid_and_comes_back(unit: Any) -> None:
    event = full(OadrDistributeEvent).events[0]
    signal = Signal(
        intervals=(SignalInterval(value=1.0),),
        signalName="LOAD_DISPATCH",
        signalType="setpoint",
        signalID="s",
        unit=unit,
    )
    message = OadrDistributeEvent(requestID="r", vtnID="v", events=(replace(event, signals=(signal,)),))
    document = encode(message)
    by_the_schema(document)
    assert decode(document).message == message


@pytest.mark.parametrize(
    "name", ["0042", "1.10", "true", "1.2.3", ".", " spaced ", "Ångström", "a&b<c>\"d'", "", "]]>"]
)
def test_ids_are_strings_letter_for_letter(name: str) -> None:
    """openleadr makes numbers and truths of them, or fails (fault 4)."""
    message = OadrRequestEvent(requestID=name, venID=name)
    assert decode(encode(message)).message == message


def test_a_registration_with_markup_in_its_name_is_read_by_the_peer() -> None:
    """openleadr's own writer yields malformed XML here (fault 13)."""
    message = OadrCreatePartyRegistration(requestID="r", xmlSignature=True, venName="A & <B>", httpPullModel=True)
    kind, payload = parse_message(encode(message))
    assert kind == "oadrCreatePartyRegistration"
    assert payload["ven_name"] == "A & <B>"
    assert payload["xml_signature"] is True
    assert "transport_address" not in payload


def test_the_peers_distribution_is_read_with_scale_and_both_units() -> None:
    """Two signals of which the first has no unit: openleadr's reader loses the second's, and never scales (fault 11)."""
    now = datetime(2026, 11, 29, 12, tzinfo=UTC)
    interval = objects.Interval(dtstart=now, duration=timedelta(minutes=5), uid=0, signal_payload=2)
    measured = objects.Measurement(
        name="powerReal",
        description="RealPower",
        unit="W",
        scale="k",
        power_attributes=objects.PowerAttributes(hertz=50, voltage=230, ac=True),
    )
    signals = [
        objects.EventSignal(intervals=[interval], signal_name="SIMPLE", signal_type="level", signal_id="0"),
        objects.EventSignal(
            intervals=[interval],
            signal_name="LOAD_DISPATCH",
            signal_type="setpoint",
            signal_id="1",
            measurement=measured,
        ),
    ]
    event = objects.Event(
        event_descriptor=objects.EventDescriptor("0042", 0, "http://m", "far", created_date_time=now, priority=3),
        active_period=objects.ActivePeriod(
            dtstart=now, duration=timedelta(minutes=5), notification_period=timedelta(weeks=1)
        ),
        event_signals=signals,
        targets=[{"resource_id": "1.2.3"}],
        response_required="always",
    )
    document = create_message("oadrDistributeEvent", request_id="1.10", vtn_id="my-vtn", events=[event]).encode()
    message = decode(document).message
    assert isinstance(message, OadrDistributeEvent)
    assert (message.requestID, message.vtnID) == ("1.10", "my-vtn")
    read = message.events[0]
    assert read.descriptor.eventID == "0042"
    assert read.target.resourceID == ("1.2.3",)
    assert read.period.dtstart == now.timestamp()
    assert read.period.notification == 604_800.0
    assert [signal.unit and signal.unit.scale for signal in read.signals] == [None, "k"]


def test_every_message_says_its_version_and_no_schema_location() -> None:
    document = encode(OadrPoll(venID="v"))
    tree = by_the_schema(document)
    message = tree[0][0]
    assert message.get("{http://docs.oasis-open.org/ns/energyinterop/201110}schemaVersion") == "2.0b"
    assert b"schemaLocation" not in document
    assert tree[0].get("{http://openadr.org/oadr-2.0b/2012/07}Id") == "oadrSignedObject"


def test_services_by_message() -> None:
    found = {name_of(message): service_of(message) for message in map(full, kinds())}
    register = {name for name, service in found.items() if service is Service.REGISTER}
    assert register == {
        "oadrQueryRegistration",
        "oadrCreatePartyRegistration",
        "oadrCreatedPartyRegistration",
        "oadrCancelPartyRegistration",
        "oadrCanceledPartyRegistration",
        "oadrRequestReregistration",
    }
    assert found["oadrPoll"] is Service.POLL
    assert found["oadrResponse"] is None
    assert found["oadrCreatedEvent"] is Service.EVENT
    assert found["oadrRegisteredReport"] is Service.REPORT
    assert found["oadrCanceledOpt"] is Service.OPT


@pytest.mark.parametrize("name", ["\x00", "a\x1bb", "\ud800", "\ufffe"])
def test_what_xml_cannot_carry_is_never_written(name: str) -> None:
    with pytest.raises(UnwritableMessage, match="XML cannot carry"):
        encode(OadrPoll(venID=name))


def test_a_missing_list_is_never_written() -> None:
    with pytest.raises(UnwritableMessage, match="requests: is missing"):
        encode(OadrCreateReport(requestID="r", requests=()))


def test_a_response_with_no_request_to_name() -> None:
    message = OadrResponse(eiResponse=EiResponse(responseCode=200), venID="v")
    by_the_schema(encode(message))
    assert decode(encode(message)).message == message
