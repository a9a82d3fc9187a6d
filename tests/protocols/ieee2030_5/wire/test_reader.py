"""What the reader takes from good bodies. Expectations are written by hand from the schema."""

from decimal import Decimal

import pytest

from protocols.ieee2030_5.wire.datatypes import (
    ActivePower,
    DateTimeInterval,
    EventStatus,
    FixedVar,
    FreqDroopType,
    Link,
    ListLink,
    PowerFactorWithExcitation,
    ReactivePower,
)
from protocols.ieee2030_5.wire.der import (
    DefaultDERControl,
    DERControl,
    DERControlBase,
    DERControlList,
    DERCurve,
    DERStatus,
)
from protocols.ieee2030_5.wire.metering import MirrorUsagePoint
from protocols.ieee2030_5.wire.reader import Decoded, Limits, MalformedBody, Remark, decode, decode_as
from protocols.ieee2030_5.wire.resources import (
    ConnectionPoint,
    DeviceCapability,
    EndDeviceList,
    FunctionSetAssignmentsList,
    Registration,
    ResponseList,
    Time,
)
from tests.protocols.ieee2030_5.wire.bodies import AUS, GOOD, LIMIT, OTHER, SEP, control, control_list


def one(base: str, **said: str) -> DERControl:
    decoded = decode_as(DERControlList, control_list(control(base, **said)))
    assert decoded.rejects == ()
    (found,) = decoded.message.items
    return found


def test_control_with_export_limit() -> None:
    assert decode_as(DERControlList, control_list(control(), attributes='all="9" results="1" href="/derc"')) == Decoded(
        DERControlList(
            href="/derc",
            all=9,
            results=1,
            items=(
                DERControl(
                    href="/derc/4",
                    replyTo="/rsp",
                    responseRequired=3,
                    mRID="30000000000000000000000400006F83",
                    version=1,
                    creationTime=1795404199,
                    EventStatus=EventStatus(currentStatus=0, dateTime=1795404199, potentiallySuperseded=False),
                    interval=DateTimeInterval(duration=15, start=1795404211),
                    DERControlBase=DERControlBase(opModExpLimW=ActivePower(0, 1500)),
                ),
            ),
        )
    )


def pair(name: str) -> str:
    return f"<{name}><multiplier>1</multiplier><value>-5000</value></{name}>"


MODES: dict[str, tuple[str, object]] = {
    "opModConnect": ("<opModConnect>false</opModConnect>", False),
    "opModEnergize": ("<opModEnergize>1</opModEnergize>", True),
    "opModFixedPFAbsorbW": (
        "<opModFixedPFAbsorbW><displacement>950</displacement><excitation>true</excitation>"
        "<multiplier>-3</multiplier></opModFixedPFAbsorbW>",
        PowerFactorWithExcitation(950, True, -3),
    ),
    "opModFixedPFInjectW": (
        "<opModFixedPFInjectW><displacement>9</displacement><excitation>false</excitation>"
        "<multiplier>-1</multiplier></opModFixedPFInjectW>",
        PowerFactorWithExcitation(9, False, -1),
    ),
    "opModFixedVar": (
        "<opModFixedVar><refType>2</refType><value>-10000</value></opModFixedVar>",
        FixedVar(2, -10_000),
    ),
    "opModFixedW": ("<opModFixedW>-1</opModFixedW>", -1),
    "opModFreqDroop": (
        "<opModFreqDroop><dBOF>36</dBOF><dBUF>37</dBUF><kOF>50</kOF><kUF>51</kUF>"
        "<openLoopTms>500</openLoopTms></opModFreqDroop>",
        FreqDroopType(36, 37, 50, 51, 500),
    ),
    "opModMaxLimW": ("<opModMaxLimW>10000</opModMaxLimW>", 10_000),
    "opModTargetVar": (pair("opModTargetVar"), ReactivePower(1, -5000)),
    "opModTargetW": (pair("opModTargetW"), ActivePower(1, -5000)),
    "rampTms": ("<rampTms>6000</rampTms>", 6000),
    **{
        name: (f'<{name} href="/dc/{name}"/>', Link(f"/dc/{name}"))
        for name in (
            "opModFreqWatt",
            "opModHFRTMayTrip",
            "opModHFRTMustTrip",
            "opModHVRTMayTrip",
            "opModHVRTMomentaryCessation",
            "opModHVRTMustTrip",
            "opModLFRTMayTrip",
            "opModLFRTMustTrip",
            "opModLVRTMayTrip",
            "opModLVRTMomentaryCessation",
            "opModLVRTMustTrip",
            "opModVoltVar",
            "opModVoltWatt",
            "opModWattPF",
            "opModWattVar",
        )
    },
    **{
        name: (pair(f"csipaus:{name}"), ActivePower(1, -5000))
        for name in ("opModImpLimW", "opModExpLimW", "opModGenLimW", "opModLoadLimW", "opModStorageTargetW")
    },
}


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_alone(mode: str) -> None:
    text, value = MODES[mode]
    assert one(text).DERControlBase == DERControlBase(**{mode: value})  # type: ignore[arg-type]  # a table of all modes


def test_all_modes_of_the_schema_are_in_the_table() -> None:
    assert set(MODES) == set(DERControlBase.__slots__)


def test_all_modes_at_once_and_in_reverse_order() -> None:
    texts = [text for text, _ in MODES.values()]
    wanted = DERControlBase(**{mode: value for mode, (_, value) in MODES.items()})  # type: ignore[arg-type]  # as above
    assert one("".join(texts)).DERControlBase == wanted
    assert one("".join(reversed(texts))).DERControlBase == wanted


@pytest.mark.parametrize(
    ("multiplier", "value", "watts"),
    [(1, 5000, "50000"), (0, 0, "0"), (-2, 5, "0.05"), (9, 32767, "32767000000000"), (2, -32768, "-3276800")],
)
def test_active_power_is_scaled_exactly(multiplier: int, value: int, watts: str) -> None:
    limit = f"<csipaus:opModExpLimW><multiplier>{multiplier}</multiplier><value>{value}</value></csipaus:opModExpLimW>"
    found = one(limit).DERControlBase.opModExpLimW
    assert found is not None
    assert found.watts == Decimal(watts)


def test_control_without_mode_and_with_only_a_ramp() -> None:
    assert one("").DERControlBase == DERControlBase()
    assert one("<rampTms>100</rampTms>").DERControlBase == DERControlBase(rampTms=100)


def test_space_around_numbers_comments_cdata_and_instructions() -> None:
    base = "<opModMaxLimW>\n\t <!-- half --><![CDATA[50]]><?hint?>00 </opModMaxLimW>"
    assert one(base).DERControlBase.opModMaxLimW == 5000


@pytest.mark.parametrize("text", ["+5000", "005000", " 5000\n"])
def test_a_number_may_be_written_as_the_schema_lets_it(text: str) -> None:
    assert one(f"<opModMaxLimW>{text}</opModMaxLimW>").DERControlBase.opModMaxLimW == 5000


@pytest.mark.parametrize(
    "namespace", ["http://csipaus.org/ns", "https://csipaus.org/ns", "https://csipaus.org/ns/v1.3"]
)
@pytest.mark.parametrize("prefix", ["csipaus", "ns0", "x-y"])
def test_csip_aus_namespaces_under_any_prefix(namespace: str, prefix: str) -> None:
    body = control_list(
        control(LIMIT.replace("csipaus:", f"{prefix}:")), namespaces=f'{SEP} xmlns:{prefix}="{namespace}"'
    )
    assert decode_as(DERControlList, body).message.items[0].DERControlBase.opModExpLimW == ActivePower(0, 1500)


def test_prefix_on_the_base_namespace() -> None:
    body = (
        b'<s:Registration xmlns:s="urn:ieee:std:2030.5:ns" href="/rg">'
        b"<s:dateTimeRegistered>1</s:dateTimeRegistered><s:pIN>111115</s:pIN></s:Registration>"
    )
    assert decode(body).message == Registration(href="/rg", dateTimeRegistered=1, pIN=111115)


DECLARED = {
    "first": f"<DERControlList {SEP} all='1' results='1'>",
    "last, after single quotes": """<DERControlList all='1' results="1" xmlns='urn:ieee:std:2030.5:ns'>""",
    "beside a prefix for it": f'<DERControlList {SEP} xmlns:s="urn:ieee:std:2030.5:ns" all="1" results="1">',
    "beside other prefixes": f'<DERControlList {AUS} {SEP} xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" all="1" results="1">',
    "beside where its schema is": (
        '<DERControlList xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        f' xsi:schemaLocation="urn:ieee:std:2030.5:ns sep.xsd" {SEP} all="1" results="1">'
    ),
    "on several lines": f'<DERControlList\n all="1"\n\t{SEP}\n results="1"\n>',
    "after a declaration and a comment": f'<?xml version="1.0"?><!-- {SEP} --><DERControlList {SEP} all="1" results="1">',
    "beside a text that looks like it": f"<DERControlList href='/a xmlns=\"urn:x\" >' {SEP} all='1' results='1'>",
}


@pytest.mark.parametrize("start", DECLARED.values(), ids=DECLARED.keys())
def test_the_base_namespace_is_the_root_s_however_it_is_declared(start: str) -> None:
    decoded = decode_as(DERControlList, f"{start}{OTHER}</DERControlList>".encode())
    assert [(one.mRID, one.DERControlBase.opModMaxLimW) for one in decoded.message.items] == [("BB", 5000)]
    assert decoded.rejects == ()


def test_the_base_namespace_with_and_without_a_prefix_in_one_document() -> None:
    prefixed = GOOD.replace("<", "<s:").replace("<s:/", "</s:").replace("s:csipaus:", "csipaus:")
    namespaces = f'{SEP} {AUS} xmlns:s="urn:ieee:std:2030.5:ns"'
    decoded = decode_as(DERControlList, control_list(prefixed, OTHER, namespaces=namespaces))
    assert [one.mRID for one in decoded.message.items] == ["AA", "BB"]


NOT_DECLARED = {
    "in a comment only": f'<!-- <DERControlList {SEP} > --><DERControlList all="1" results="1">',
    "in a text only": f"<DERControlList href='&lt;x {SEP}&gt;'>",
    "with a prefix only": '<DERControlList xmlns:s="urn:ieee:std:2030.5:ns" all="1" results="1">',
    "as another's": '<DERControlList xmlns="urn:ieee:std:2030.5:ns:1" all="1" results="1">',
}


@pytest.mark.parametrize("start", NOT_DECLARED.values(), ids=NOT_DECLARED.keys())
def test_a_base_namespace_that_is_not_the_root_s_is_none(start: str) -> None:
    with pytest.raises(MalformedBody, match="namespace"):
        decode(f"{start}{OTHER}</DERControlList>".encode())


@pytest.mark.parametrize("other", ['xmlns=""', "xmlns = 'urn:other'", 'xmlns="urn:ieee:std:2030.5:nsx"'])
def test_a_namespace_declared_anew_in_an_item_is_seen(other: str) -> None:
    decoded = decode_as(
        DERControlList, control_list(OTHER.replace("<opModMaxLimW", f"<opModMaxLimW {other}"), namespaces=SEP)
    )
    assert decoded.message.items == ()
    assert "is in namespace" in decoded.rejects[0].reason


def test_draft_namespace_only_when_told() -> None:
    body = control_list(OTHER, namespaces='xmlns="http://ieee.org/2030.5"')
    with pytest.raises(MalformedBody, match=r"ieee\.org/2030\.5"):
        decode(body)
    lenient = decode_as(DERControlList, body, limits=Limits(draft_namespace=True))
    assert lenient.message.items[0].DERControlBase.opModMaxLimW == 5000


def test_byte_order_mark_and_declaration() -> None:
    body = b'\xef\xbb\xbf<?xml version="1.0" encoding="UTF-8"?>\n' + control_list(OTHER)
    assert len(decode_as(DERControlList, body).message.items) == 1


def test_unknown_elements_and_attributes_are_passed_over_with_all_they_hold() -> None:
    base = (
        '<opModFuture a="b"><deep><opModMaxLimW>1</opModMaxLimW></deep><deep/></opModFuture>'
        '<new:thing xmlns:new="urn:new"/><opModMaxLimW>77</opModMaxLimW>'
    )
    assert one(base, more="<tomorrow><mRID>CC</mRID></tomorrow>").DERControlBase == DERControlBase(opModMaxLimW=77)


def test_xsi_type_is_passed_over() -> None:
    body = (
        f'<ResponseList {SEP} xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" all="1" results="1">'
        '<Response xsi:type="DERControlResponse"><createdDateTime>5</createdDateTime><endDeviceLFDI>ab</endDeviceLFDI>'
        "<status>1</status><subject>0c</subject></Response></ResponseList>"
    ).encode()
    (response,) = decode_as(ResponseList, body).message.items
    assert (response.endDeviceLFDI, response.status, response.subject) == ("AB", 1, "0C")


@pytest.mark.parametrize(
    ("text", "value"), [("1", 1), ("01", 1), ("001", 1), ("00000003", 3), ("fF", 255), (" 03 ", 3), ("7", 7)]
)
def test_bit_maps_at_any_width(text: str, value: int) -> None:
    attributes = f'responseRequired="{text}"'
    assert one("", attributes=attributes).responseRequired == value


@pytest.mark.parametrize(("text", "value"), [("aB", "AB"), ("abc", "0ABC"), (" 00 ", "00"), ("f" * 32, "F" * 32)])
def test_identities_are_upper_case_and_of_even_length(text: str, value: str) -> None:
    assert one("", mrid=text).mRID == value


def test_unknown_event_status_is_kept() -> None:
    assert one("", status="9").EventStatus.currentStatus == 9


def test_long_description_is_cut_and_remarked() -> None:
    decoded = decode_as(
        DERControlList, control_list(GOOD, control(description=f"<description>{'x' * 33}</description>"))
    )
    assert decoded.rejects == ()
    assert decoded.message.items[1].description == "x" * 32
    assert [remark.index for remark in decoded.remarks] == [1]


@pytest.mark.parametrize(("said", "drawn"), [("3601", 3600), ("-99999", -3600), ("3600", 3600), ("-3600", -3600)])
def test_randomisation_beyond_an_hour_is_drawn_in(said: str, drawn: int) -> None:
    decoded = decode_as(DERControlList, control_list(control(more=f"<randomizeStart>{said}</randomizeStart>")))
    assert decoded.message.items[0].randomizeStart == drawn
    assert bool(decoded.remarks) == (int(said) != drawn)


@pytest.mark.parametrize(
    ("attributes", "field"),
    [('replyTo="/r" responseRequired="zz"', "responseRequired"), ('subscribable="many"', "subscribable")],
)
def test_bad_optional_attribute_is_dropped_with_a_remark(attributes: str, field: str) -> None:
    decoded = decode_as(DERControlList, control_list(GOOD, control(attributes=attributes)))
    assert getattr(decoded.message.items[1], field) is None
    assert decoded.message.items[1].DERControlBase.opModExpLimW == ActivePower(0, 1500)
    assert [(remark.index, field in remark.reason) for remark in decoded.remarks] == [(1, True)]


def test_bad_poll_rate_is_dropped_with_a_remark() -> None:
    body = f'<EndDeviceList {SEP} all="0" results="0" pollRate="-5"/>'.encode()
    decoded = decode_as(EndDeviceList, body)
    assert decoded.message == EndDeviceList(all=0, results=0)
    assert decoded.remarks == (Remark(None, "pollRate: '-5' is outside 0..4294967295"),)


def test_lists_may_lie_and_be_empty() -> None:
    assert decode(f'<FunctionSetAssignmentsList {SEP} all="7" results="7"/>'.encode()).message == (
        FunctionSetAssignmentsList(all=7, results=7)
    )
    two = decode_as(DERControlList, control_list(GOOD, OTHER, attributes='all="1" results="0"')).message
    assert (two.all, two.results, len(two.items)) == (1, 0, 2)


def test_start_in_milliseconds_is_a_number_like_any() -> None:
    assert one("", start="1795404211000").interval.start == 1_795_404_211_000


def test_device_capability_links() -> None:
    body = (
        f'<DeviceCapability {SEP} href="/dcap" pollRate="300"><TimeLink href="/tm"/>'
        '<EndDeviceListLink href="/edev" all="1"/><MirrorUsagePointListLink href="https://h:8/mup"/></DeviceCapability>'
    ).encode()
    assert decode(body).message == DeviceCapability(
        href="/dcap",
        pollRate=300,
        TimeLink=Link("/tm"),
        EndDeviceListLink=ListLink("/edev", 1),
        MirrorUsagePointListLink=ListLink("https://h:8/mup"),
    )


def test_bad_hint_of_a_list_link_is_dropped() -> None:
    body = f'<DeviceCapability {SEP}><EndDeviceListLink href="/edev" all="few"/></DeviceCapability>'.encode()
    assert decode(body).message == DeviceCapability(EndDeviceListLink=ListLink("/edev"))


def test_end_device_with_connection_point_link() -> None:
    body = (
        f'<EndDeviceList {SEP} {AUS} all="1" results="1"><EndDevice href="/edev/1"><deviceCategory>00</deviceCategory>'
        "<lFDI>ca8f62c5d48ad7c3be898867f9f4060c97739f31</lFDI><sFDI>543743130532</sFDI><changedTime>5</changedTime>"
        '<enabled>true</enabled><csipaus:ConnectionPointLink href="/cp"/></EndDevice></EndDeviceList>'
    ).encode()
    (device,) = decode_as(EndDeviceList, body).message.items
    assert device.lFDI == "CA8F62C5D48AD7C3BE898867F9F4060C97739F31"
    assert (device.sFDI, device.enabled, device.deviceCategory) == (543743130532, True, 0)
    assert device.ConnectionPointLink == Link("/cp")


@pytest.mark.parametrize(
    ("namespace", "name"),
    [
        ("https://csipaus.org/ns", "connectionPointId"),
        ("http://csipaus.org/ns", "id"),
        ("https://csipaus.org/ns", "id"),
    ],
)
def test_connection_point_under_both_its_names(namespace: str, name: str) -> None:
    body = f'<c:ConnectionPoint xmlns:c="{namespace}"><c:{name}>4102335210</c:{name}></c:ConnectionPoint>'.encode()
    assert decode(body).message == ConnectionPoint(connectionPointId="4102335210")


def test_negative_time_offsets() -> None:
    body = (
        f"<Time {SEP}><currentTime>1</currentTime><dstEndTime>2</dstEndTime><dstOffset>-3600</dstOffset>"
        "<dstStartTime>3</dstStartTime><quality>7</quality><tzOffset>-28800</tzOffset></Time>"
    ).encode()
    assert decode(body).message == Time(
        currentTime=1, dstEndTime=2, dstOffset=-3600, dstStartTime=3, quality=7, tzOffset=-28800
    )


def test_curve_points_keep_their_order() -> None:
    points = "".join(f"<CurveData><xvalue>{x}</xvalue><yvalue>{-x}</yvalue></CurveData>" for x in (3, 1, 2))
    body = (
        f"<DERCurve {SEP}><mRID>01</mRID><creationTime>0</creationTime>{points}<curveType>11</curveType>"
        "<xMultiplier>-2</xMultiplier><yMultiplier>0</yMultiplier><yRefType>2</yRefType></DERCurve>"
    ).encode()
    curve = decode_as(DERCurve, body).message
    assert [(point.xvalue, point.yvalue) for point in curve.CurveData] == [(3, -3), (1, -1), (2, -2)]


def test_mirror_nests_readings() -> None:
    body = (
        f"<MirrorUsagePoint {SEP}><mRID>0A</mRID><roleFlags>03</roleFlags><serviceCategoryKind>0</serviceCategoryKind>"
        "<status>1</status><deviceLFDI>ab</deviceLFDI><MirrorMeterReading><mRID>0B</mRID><MirrorReadingSet>"
        "<mRID>0C</mRID><timePeriod><duration>60</duration><start>0</start></timePeriod><Reading><value>-7</value>"
        "</Reading><Reading><value>8</value></Reading></MirrorReadingSet><ReadingType><uom>38</uom></ReadingType>"
        "</MirrorMeterReading></MirrorUsagePoint>"
    ).encode()
    mirror = decode_as(MirrorUsagePoint, body).message
    assert mirror.roleFlags == 3
    (reading,) = mirror.MirrorMeterReading
    assert [each.value for each in reading.MirrorReadingSet[0].Reading] == [-7, 8]
    assert reading.ReadingType is not None
    assert reading.ReadingType.uom == 38


def test_status_values() -> None:
    body = (
        f"<DERStatus {SEP}><genConnectStatus><dateTime>1</dateTime><value>7</value></genConnectStatus>"
        "<readingTime>2</readingTime><stateOfChargeStatus><dateTime>3</dateTime><value>9500</value>"
        "</stateOfChargeStatus></DERStatus>"
    ).encode()
    status = decode_as(DERStatus, body).message
    assert status.genConnectStatus is not None
    assert status.genConnectStatus.value == 0b111
    assert status.stateOfChargeStatus is not None
    assert status.stateOfChargeStatus.value == 9500


def test_default_control_with_empty_base() -> None:
    body = (
        f"<DefaultDERControl {SEP}><mRID>01</mRID><DERControlBase/><setGradW>27</setGradW></DefaultDERControl>".encode()
    )
    assert decode(body).message == DefaultDERControl(mRID="01", DERControlBase=DERControlBase(), setGradW=27)


def test_a_body_must_be_what_is_due() -> None:
    with pytest.raises(MalformedBody, match="a DERControlList where a Time is due"):
        decode_as(Time, control_list(GOOD))


def test_a_list_longer_than_a_chunk_reads_like_a_short_one() -> None:
    controls = [control(mrid=f"{number:08X}", start=str(number)) for number in range(1500)]
    body = control_list(*controls)
    assert len(body) > 500_000
    items = decode_as(DERControlList, body).message.items
    assert [item.interval.start for item in items] == list(range(1500))
    assert items[777] == decode_as(DERControlList, control_list(controls[777])).message.items[0]
