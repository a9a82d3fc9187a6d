"""What the reader does with bad bodies: the whole is refused, or one item is, and a good limit beside it stands."""

import pytest

from protocols.ieee2030_5.wire.datatypes import ActivePower
from protocols.ieee2030_5.wire.der import DERControlList, DERCurve
from protocols.ieee2030_5.wire.reader import Limits, MalformedBody, Reject, decode, decode_as
from tests.protocols.ieee2030_5.wire.bodies import AUS, GOOD, LIMIT, OTHER, SEP, control, control_list

BOMB = (
    '<?xml version="1.0"?><!DOCTYPE bomb [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {name} "{f"&{inner};" * 10}">' for inner, name in zip("abcdefgh", "bcdefghi", strict=True))
    + ']><Time xmlns="urn:ieee:std:2030.5:ns"><currentTime>&i;</currentTime></Time>'
)


def nested(levels: int) -> str:
    return "<deep>" * levels + "</deep>" * levels


REFUSED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty body"),
    "only a byte order mark": (b"\xef\xbb\xbf", "empty body"),
    "only space": (b" \r\n", "empty body"),
    "html": (b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>", "HTML"),
    "html without declaration": (b"\n<HTML><body/></HTML>", "HTML"),
    "json": (b'{"reason": "gateway"}', "not XML"),
    "text": (b"upstream connect error", "not XML"),
    "binary": (bytes(range(256)), "not XML"),
    "utf-16": ("<Time/>".encode("utf-16"), "not XML"),
    "entity bomb": (BOMB.encode(), "document type declaration"),
    "dtd": (f'<!DOCTYPE Time SYSTEM "http://h/x.dtd"><Time {SEP}/>'.encode(), "document type declaration"),
    "dtd behind a comment": (
        f"<!--{'x' * 2000}--><!DOCTYPE Time [<!ENTITY x 'y'>]><Time {SEP}>&x;</Time>".encode(),
        "document type declaration",
    ),
    "external entity": (
        f'<!DOCTYPE Time [<!ENTITY x SYSTEM "file:///etc/hostname">]><Time {SEP}>&x;</Time>'.encode(),
        "document type declaration",
    ),
    "unknown entity": (f"<Time {SEP}>&nbsp;</Time>".encode(), "not well-formed"),
    "ten megabytes": (control_list(f"<!--{'x' * 10_000_000}-->"), "more than 1048576"),
    "cut off": (control_list(GOOD)[:-9], "not well-formed"),
    "two roots": (f"<Time {SEP}/><Time {SEP}/>".encode(), "not well-formed"),
    "bad utf-8": (b"<Time>\xff\xfe</Time>", "not well-formed"),
    "null character": (b"<Time>\x00</Time>", "not well-formed"),
    "64 levels": (control_list(GOOD, nested(64)), "deeper than 32"),
    "64 levels in an item": (control_list(GOOD, control(f"{LIMIT}{nested(64)}")), "deeper than 32"),
    "64 levels in a value": (control_list(GOOD, control(mrid=nested(64))), "deeper than 32"),
    "300 levels": (control_list(nested(300)), "not well-formed"),
    "unknown root": (f"<Widget {SEP}/>".encode(), "'Widget'"),
    "no namespace": (b'<DERControlList all="0" results="0"/>', "namespace ''"),
    "foreign namespace": (b'<DERControlList xmlns="urn:other" all="0" results="0"/>', "'urn:other'"),
    "2030.5 name in the csip-aus namespace": (
        b'<DERControlList xmlns="https://csipaus.org/ns" all="0" results="0"/>',
        "csipaus",
    ),
    "connection point in the base namespace": (
        f"<ConnectionPoint {SEP}><connectionPointId>1</connectionPointId></ConnectionPoint>".encode(),
        "ConnectionPoint",
    ),
    "list without all": (control_list(GOOD, attributes='results="1"'), "all: is missing"),
    "list with a bad all": (control_list(GOOD, attributes='all="-1" results="1"'), "all: '-1'"),
    "list with a huge results": (control_list(GOOD, attributes='all="1" results="4294967296"'), "results"),
    "item in no namespace": (control_list(GOOD, '<DERControl xmlns=""/>'), "DERControl: is in namespace ''"),
    "curve without points": (
        f"<DERCurve {SEP}><mRID>01</mRID><creationTime>0</creationTime><curveType>11</curveType>"
        "<xMultiplier>0</xMultiplier><yMultiplier>0</yMultiplier><yRefType>2</yRefType></DERCurve>".encode(),
        "CurveData",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_body_refused_as_a_whole(case: str) -> None:
    body, reason = REFUSED[case]
    with pytest.raises(MalformedBody) as caught:
        decode(body)
    assert reason in caught.value.reason
    assert len(caught.value.reason) < 300


def export(multiplier: object = 0, value: object = 1500) -> str:
    return f"<csipaus:opModExpLimW><multiplier>{multiplier}</multiplier><value>{value}</value></csipaus:opModExpLimW>"


def max_limit(text: object) -> str:
    return f"<opModMaxLimW>{text}</opModMaxLimW>"


REJECTED: dict[str, tuple[str, str]] = {
    "percent over 100": (control(max_limit(10_001)), "DERControlBase/opModMaxLimW: '10001' is outside 0..10000"),
    "negative percent": (control(max_limit(-1)), "outside 0..10000"),
    "signed percent over 100": (control("<opModFixedW>10001</opModFixedW>"), "outside -10000..10000"),
    "signed percent under -100": (control("<opModFixedW>-10001</opModFixedW>"), "outside -10000..10000"),
    "decimal": (control(max_limit("50.5")), "'50.5' is not a whole number"),
    "exponent": (control(max_limit("1e3")), "not a whole number"),
    "nan": (control(max_limit("NaN")), "not a whole number"),
    "infinity": (control(max_limit("INF")), "not a whole number"),
    "hexadecimal number": (control(max_limit("0x10")), "not a whole number"),
    "underscore": (control(max_limit("1_000")), "not a whole number"),
    "digits of another script": (control(max_limit("٥٠٠")), "not a whole number"),
    "no-break space": (control(max_limit("\u00a0500")), "not a whole number"),
    "empty number": (control(max_limit("")), "nothing is not a whole number"),
    "number of 5000 digits": (control(max_limit("9" * 5000)), "not a whole number"),
    "number of 400 digits": (control(max_limit("9" * 400)), "outside 0..10000"),
    "value over Int16": (control(export(0, 32_768)), "opModExpLimW/value: '32768' is outside -32768..32767"),
    "value under Int16": (control(export(0, -32_769)), "outside -32768..32767"),
    "decimal watts": (control(export(0, "1500.0")), "'1500.0' is not a whole number"),
    "multiplier over 9": (control(export(10)), "opModExpLimW/multiplier: '10' is outside -9..9"),
    "multiplier under -9": (control(export(-10)), "outside -9..9"),
    "no multiplier": (
        control("<csipaus:opModExpLimW><value>1</value></csipaus:opModExpLimW>"),
        "opModExpLimW/multiplier: is missing",
    ),
    "no value": (
        control("<csipaus:opModExpLimW><multiplier>1</multiplier></csipaus:opModExpLimW>"),
        "value: is missing",
    ),
    "text for a structure": (control("<csipaus:opModExpLimW>1500</csipaus:opModExpLimW>"), "is missing"),
    "structure for a number": (control(max_limit("<value>1</value>")), "nothing is not a whole number"),
    "elements within a number": (control(max_limit("50<x/>00")), "a value holds elements"),
    "elements within a csip-aus value": (control(export(0, "15<value>3</value>00")), ""),
    "elements within a truth": (control("<opModConnect>true<opModConnect>false</opModConnect></opModConnect>"), ""),
    "elements within the mRID": (control(mrid="AA<value/>"), ""),
    "truth in capitals": (control("<opModConnect>TRUE</opModConnect>"), "neither true nor false"),
    "truth as a word": (control("<opModConnect>yes</opModConnect>"), "neither true nor false"),
    "empty truth": (control("<opModConnect/>"), "neither true nor false"),
    "limit twice": (control(export() + export(0, 5)), "opModExpLimW: is given twice"),
    "limit twice over two csip-aus editions": (
        control(
            export() + export(0, 5).replace("csipaus:", "old:").replace(">", ' xmlns:old="http://csipaus.org/ns">', 1)
        ),
        "is given twice",
    ),
    "value twice": (control(max_limit(1) + max_limit(1)), "opModMaxLimW: is given twice"),
    "limit in the base namespace": (
        control("<opModExpLimW><multiplier>0</multiplier><value>1</value></opModExpLimW>"),
        "opModExpLimW: is in namespace 'urn:ieee:std:2030.5:ns'",
    ),
    "limit of an unknown csip-aus edition": (
        control('<opModExpLimW xmlns="https://csipaus.org/ns/v9"><multiplier>0</multiplier></opModExpLimW>'),
        "https://csipaus.org/ns/v9",
    ),
    "limit in no namespace": (control('<opModMaxLimW xmlns="">5</opModMaxLimW>'), "is in namespace ''"),
    "curve link without href": (control("<opModVoltVar/>"), "opModVoltVar/href: is missing"),
    "curve link of 3000 characters": (control(f'<opModVoltVar href="{"x" * 3000}"/>'), "longer than 2048"),
    "unknown reference of a fixed var": (
        control("<opModFixedVar><refType>8</refType><value>1</value></opModFixedVar>"),
        "refType: '8' is outside 0..7",
    ),
    "ramp over UInt16": (control("<rampTms>65536</rampTms>"), "outside 0..65535"),
    "power factor below zero": (
        control(
            "<opModFixedPFInjectW><displacement>-950</displacement><excitation>1</excitation>"
            "<multiplier>-3</multiplier></opModFixedPFInjectW>"
        ),
        "displacement: '-950'",
    ),
    "mRID not hexadecimal": (control(mrid="control-7"), "mRID: 'control-7' is not hexadecimal"),
    "mRID with a prefix": (control(mrid="0xAB"), "not hexadecimal"),
    "mRID too long": (control(mrid="A" * 33), "more than 32"),
    "mRID empty": (control(mrid=""), "mRID: nothing is not hexadecimal"),
    "mRID missing": (control().replace("<mRID>30000000000000000000000400006F83</mRID>", ""), "mRID: is missing"),
    "interval missing": (control().replace("interval>", "later>"), "interval: is missing"),
    "status missing": (control().replace("EventStatus>", "State>"), "EventStatus: is missing"),
    "base missing": (control().replace("DERControlBase>", "Base>"), "DERControlBase: is missing"),
    "creation time missing": (control().replace("creationTime>", "time>"), "creationTime: is missing"),
    "status over a byte": (control(status="256"), "currentStatus: '256' is outside 0..255"),
    "negative duration": (control(duration="-1"), "interval/duration: '-1'"),
    "duration over UInt32": (control(duration="4294967296"), "interval/duration"),
    "start over Int64": (control(start="9223372036854775808"), "interval/start"),
    "start as a date": (control(start="2026-11-23T00:00:00Z"), "not a whole number"),
    "randomisation as text": (control(more="<randomizeStart>soon</randomizeStart>"), "randomizeStart"),
    "device category of nine digits": (control(more="<deviceCategory>100000000</deviceCategory>"), "deviceCategory"),
    "device category not hexadecimal": (control(more="<deviceCategory>PV</deviceCategory>"), "not hexadecimal"),
}


@pytest.mark.parametrize("case", REJECTED)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_bad_item_is_left_out_and_touches_no_other(case: str, place: int) -> None:
    item, reason = REJECTED[case]
    controls = [GOOD, OTHER]
    controls.insert(place, item)
    decoded = decode_as(DERControlList, control_list(*controls))
    (reject,) = decoded.rejects
    assert reject.index == place
    assert reason in reject.reason
    assert len(reject.reason) < 200
    first, second = decoded.message.items
    assert (first.mRID, first.DERControlBase.opModExpLimW) == ("AA", ActivePower(0, 1500))
    assert (second.mRID, second.DERControlBase.opModMaxLimW) == ("BB", 5000)
    assert decoded.remarks == ()


@pytest.mark.parametrize("case", REJECTED)
def test_bad_item_in_a_long_list_reads_the_same(case: str) -> None:
    item, reason = REJECTED[case]
    decoded = decode_as(DERControlList, control_list(*[GOOD] * 300, item, *[OTHER] * 300))
    (reject,) = decoded.rejects
    assert reject.index == 300
    assert reason in reject.reason
    assert [each.mRID for each in decoded.message.items] == ["AA"] * 300 + ["BB"] * 300


def test_reject_tells_what_an_answer_needs() -> None:
    decoded = decode_as(DERControlList, control_list(control(max_limit(20_000))))
    assert decoded.rejects == (
        Reject(
            index=0,
            reason="DERControlBase/opModMaxLimW: '20000' is outside 0..10000",
            mRID="30000000000000000000000400006F83",
            href="/derc/4",
            replyTo="/rsp",
            responseRequired=3,
        ),
    )


def test_reject_with_nothing_readable() -> None:
    decoded = decode_as(DERControlList, control_list(control(mrid="?", attributes='responseRequired="?"')))
    (reject,) = decoded.rejects
    assert (reject.mRID, reject.href, reject.replyTo, reject.responseRequired) == (None, None, None, None)


@pytest.mark.parametrize(("multiplier", "value"), [(0, -5), (9, 32_767), (0, -32_768), (-9, 1)])
def test_negative_and_absurd_limits_are_read_and_judged_elsewhere(multiplier: int, value: int) -> None:
    # Int16 and -9..9 allow them; what they mean is rule 6's to say.
    (found,) = decode_as(DERControlList, control_list(control(export(multiplier, value)))).message.items
    assert found.DERControlBase.opModExpLimW == ActivePower(multiplier, value)


def test_same_bad_control_alone_is_refused() -> None:
    body = control(max_limit(20_000)).replace("<DERControl ", f"<DERControl {SEP} ", 1).encode()
    with pytest.raises(MalformedBody, match="DERControl/DERControlBase/opModMaxLimW"):
        decode(body)


@pytest.mark.parametrize("points", [1, 10, 11])
def test_curve_has_at_most_ten_points(points: int) -> None:
    body = (
        f"<DERCurve {SEP}><mRID>01</mRID><creationTime>0</creationTime>"
        + "<CurveData><xvalue>1</xvalue><yvalue>2</yvalue></CurveData>" * points
        + "<curveType>11</curveType><xMultiplier>0</xMultiplier><yMultiplier>0</yMultiplier><yRefType>2</yRefType>"
        "</DERCurve>"
    ).encode()
    if points > 10:
        with pytest.raises(MalformedBody, match="CurveData: stands 11 times"):
            decode(body)
    else:
        assert len(decode_as(DERCurve, body).message.CurveData) == points


def test_body_size_is_the_callers_to_set() -> None:
    body = control_list(GOOD)
    with pytest.raises(MalformedBody, match="more than 100"):
        decode(body, limits=Limits(max_bytes=100))
    assert decode(body, limits=Limits(max_bytes=len(body)))


@pytest.mark.parametrize(("levels", "taken"), [(30, True), (31, False)])
def test_depth_is_counted_from_the_root(levels: int, taken: bool) -> None:
    # DERControlList and DERControl are two levels: 2 + 30 = 32.
    body = control_list(control(more=nested(levels)))
    if taken:
        assert len(decode_as(DERControlList, body).message.items) == 1
    else:
        with pytest.raises(MalformedBody, match="deeper than 32"):
            decode(body)


def test_many_rejects_cost_no_more_than_many_items() -> None:
    decoded = decode_as(DERControlList, control_list(*[control(max_limit("x"))] * 1000))
    assert len(decoded.rejects) == 1000


def test_no_inclusion() -> None:
    include = '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/hostname" parse="text"/>'
    decoded = decode_as(
        DERControlList, control_list(GOOD, control(description=f"<description>{include}</description>"))
    )
    assert [reject.index for reject in decoded.rejects] == [1]
    assert [item.mRID for item in decoded.message.items] == ["AA"]


def test_namespaces_may_be_declared_in_an_item() -> None:
    body = control_list(control().replace("<DERControl ", f"<DERControl {AUS} ", 1), namespaces=SEP)
    assert decode_as(DERControlList, body).message.items[0].DERControlBase.opModExpLimW == ActivePower(0, 1500)
