"""What is no message is refused whole; a bad event alone. Nothing here may take long, or bring anything down."""

from dataclasses import replace
from typing import Any

import pytest

from protocols.openadr2b.wire.events import OadrDistributeEvent
from protocols.openadr2b.wire.namespaces import NAMESPACES
from protocols.openadr2b.wire.reader import DEFAULT_LIMITS, MalformedBody, decode
from protocols.openadr2b.wire.registration import OadrPoll
from protocols.openadr2b.wire.writer import encode
from tests.protocols.openadr2b.wire.samples import full

POLL = (
    f'<o:oadrPayload xmlns:o="{NAMESPACES["oadr"]}" xmlns:e="{NAMESPACES["ei"]}"><o:oadrSignedObject>'
    '<o:oadrPoll e:schemaVersion="2.0b"><e:venID>v</e:venID></o:oadrPoll></o:oadrSignedObject></o:oadrPayload>'
)
BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'

REFUSED = {
    "empty": ("", "empty body"),
    "space": ("  \n", "empty body"),
    "json": ('{"a": 1}', "not XML"),
    "html": ("<!DOCTYPE html><html></html>", "HTML page"),
    "cut": (POLL[:-20], "not well-formed"),
    "entity bomb": (BOMB + POLL, "document type"),
    "hidden entity bomb": ("<!--" + "x" * 2000 + "-->" + BOMB + POLL, "document type"),
    "external entity": ('<!DOCTYPE x SYSTEM "file:///etc/passwd">' + POLL, "document type"),
    "undefined entity": (POLL.replace(">v<", ">&nbsp;<"), "not well-formed"),
    "other root": (POLL.replace("oadrPayload", "oadrPayloads"), "no oadrPayload"),
    "no message": ("<o:oadrPayload xmlns:o='http://openadr.org/oadr-2.0b/2012/07'/>", "0 oadrSignedObject"),
    "2.0a namespace": (POLL.replace("oadr-2.0b/2012/07", "oadr-2.0a/2012/07"), "no oadrPayload"),
    "unknown message": (POLL.replace("oadrPoll", "oadrPull"), "no message of the profile"),
    "no venID": (POLL.replace("<e:venID>v</e:venID>", ""), "venID: is missing"),
    "venID of another namespace": (POLL.replace("e:venID", "o:venID"), "is in namespace"),
    "venID twice": (POLL.replace("<e:venID>v</e:venID>", "<e:venID>v</e:venID>" * 2), "given twice"),
    "latin-1 bytes": (POLL.replace(">v<", ">\udcff<"), "not well-formed"),
}


@pytest.mark.parametrize(("text", "why"), REFUSED.values(), ids=REFUSED)
def test_a_body_that_is_no_message(text: str, why: str) -> None:
    with pytest.raises(MalformedBody, match=why):
        decode(text.encode(errors="surrogateescape"))


def test_two_messages_in_one_payload() -> None:
    message = POLL[POLL.index("<o:oadrPoll") : POLL.index("</o:oadrSignedObject>")]
    with pytest.raises(MalformedBody, match="2 messages"):
        decode(POLL.replace(message, message * 2).encode())


def test_two_signed_objects_in_one_payload() -> None:
    signed = POLL[POLL.index("<o:oadrSignedObject>") : POLL.index("</o:oadrPayload>")]
    with pytest.raises(MalformedBody, match="2 oadrSignedObject"):
        decode(POLL.replace(signed, signed * 2).encode())


def test_ten_megabytes_are_not_parsed() -> None:
    with pytest.raises(MalformedBody, match=f"more than {DEFAULT_LIMITS.max_bytes}"):
        decode(POLL.encode() + b" " * 10_000_000)


@pytest.mark.parametrize("depth", [100, 100_000])
def test_depth_is_bounded_by_what_is_read(depth: int) -> None:
    deep = "<x>" * depth + "</x>" * depth
    document = POLL.replace("<e:venID>", deep + "<e:venID>").encode()
    if depth < 200:  # what is passed over is not walked
        assert decode(document).message == OadrPoll(venID="v")
    else:
        with pytest.raises(MalformedBody, match="not well-formed"):  # the bound of libxml2
            decode(document)


def _document(**changes: Any) -> str:
    events = full(OadrDistributeEvent).events
    first = replace(events[0], descriptor=replace(events[0].descriptor, eventID="first"))
    second = replace(events[0], descriptor=replace(events[0].descriptor, eventID="second"), **changes)
    return encode(OadrDistributeEvent(requestID="r", vtnID="v", events=(first, second))).decode()


BAD_EVENTS = {
    "priority": ("<ei:priority>7<", "<ei:priority>high<", "priority"),
    "status": ("<ei:eventStatus>active<", "<ei:eventStatus>activ<", "eventStatus"),
    "start": ("<xcal:date-time>2026-11-18T11:06:40Z<", "<xcal:date-time>soon<", "date-time"),
    "modification": ("<ei:modificationNumber>7<", "<ei:modificationNumber>-7<", "modificationNumber"),
    "signal type": ("<ei:signalType>delta<", "<ei:signalType>gamma<", "signalType"),
    "scale": ("<scale:siScaleCode>k<", "<scale:siScaleCode>K<", "siScaleCode"),
    "value": ("<ei:value>-1.5<", "<ei:value>NaN<", "value"),
}


@pytest.mark.parametrize(("good", "bad", "where"), BAD_EVENTS.values(), ids=BAD_EVENTS)
def test_a_bad_event_is_set_aside_and_touches_no_other(good: str, bad: str, where: str) -> None:
    text = _document()
    at = text.rindex(good)
    decoded = decode((text[:at] + bad + text[at + len(good) :]).encode())
    assert isinstance(decoded.message, OadrDistributeEvent)
    assert [event.descriptor.eventID for event in decoded.message.events] == ["first"]
    assert [one.eventID for one in decoded.unread] == ["second"]
    assert where in decoded.unread[0].reason
    assert decoded.unread[0].responseRequired


def test_elements_of_unknown_name_are_passed_over() -> None:
    text = _document().replace("<ei:priority>", '<ei:mood xmlns:q="urn:q">gay</ei:mood><ei:priority>')
    assert decode(text.encode()).message == decode(_document().encode()).message


def test_order_and_prefixes_do_not_matter() -> None:
    one = POLL.replace("o:", "").replace("xmlns:o=", "xmlns=").replace("/o:", "/")
    assert decode(one.encode()).message == decode(POLL.encode()).message
