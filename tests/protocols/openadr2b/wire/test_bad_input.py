"""What is no message is refused whole; a bad event alone. Nothing here may take long, or bring anything down."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from protocols.openadr2b.wire.events import OadrDistributeEvent
from protocols.openadr2b.wire.namespaces import NAMESPACES
from protocols.openadr2b.wire.reader import MalformedBody, decode
from protocols.openadr2b.wire.registration import OadrPoll
from protocols.openadr2b.wire.writer import encode
from tests.protocols.openadr2b.wire.samples import full

POLL = (
    f'<o:oadrPayload xmlns:o="{NAMESPACES["oadr"]}" xmlns:e="{NAMESPACES["ei"]}"><o:oadrSignedObject>'
    '<o:oadrPoll e:schemaVersion="2.0b"><e:venID>v</e:venID></o:oadrPoll></o:oadrSignedObject></o:oadrPayload>'
)
FILE = Path(__file__).as_uri()
"""No document type: whoever opens it as one stumbles over it, and says so."""
HIDING = "<!--" + "x" * 2000 + "-->"
BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'

REFUSED = {
    "empty": ("", "empty body"),
    "space": ("  \n", "empty body"),
    "json": ('{"a": 1}', "not XML"),
    "html": ("<!DOCTYPE html><html></html>", "HTML page"),
    "older html": ('<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN">', "HTML page"),
    "html without its type": ("\n<HTML><body>502</body></HTML>", "HTML page"),
    "cut": (POLL[:-20], "not well-formed"),
    "entity bomb": (BOMB + POLL, "document type"),
    "hidden entity bomb": (HIDING + BOMB + POLL, "document type"),
    "hidden file": (HIDING + f'<!DOCTYPE x SYSTEM "{FILE}">' + POLL, "document type"),
    "hidden file in an entity": (HIDING + f'<!DOCTYPE x [<!ENTITY % f SYSTEM "{FILE}"> %f;]>' + POLL, "document type"),
    "external entity": ('<!DOCTYPE x SYSTEM "file:///etc/passwd">' + POLL, "document type"),
    "undefined entity": (POLL.replace(">v<", ">&nbsp;<"), "not well-formed"),
    "other root": (POLL.replace("oadrPayload", "oadrPayloads"), "no oadrPayload"),
    "no message": ("<o:oadrPayload xmlns:o='http://openadr.org/oadr-2.0b/2012/07'/>", "0 oadrSignedObject"),
    "2.0a namespace": (POLL.replace("oadr-2.0b/2012/07", "oadr-2.0a/2012/07"), "no oadrPayload"),
    "unknown message": (POLL.replace("oadrPoll", "oadrPull"), "no message of the profile"),
    "no venID": (POLL.replace("<e:venID>v</e:venID>", ""), "venID: is missing"),
    "venID of another namespace": (POLL.replace("e:venID", "o:venID"), "is in namespace"),
    "venID twice": (POLL.replace("<e:venID>v</e:venID>", "<e:venID>v</e:venID>" * 2), "given twice"),
    "venID of a namespace too long to show": (
        POLL.replace("<e:venID>", f'<q:venID xmlns:q="urn:{"q" * 200}">').replace("</e:venID>", "</q:venID>"),
        "venID: is in namespace 'urn:q{52}\\.\\.\\.$",
    ),
    "a signed object of nothing": (
        POLL[: POLL.index("<o:oadrPoll")] + POLL[POLL.index("</o:oadrSigned") :],
        "0 messages",
    ),
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


def test_more_than_four_mebibytes_are_not_parsed() -> None:
    most = POLL.encode().ljust(4_194_304)
    assert decode(most).message == OadrPoll(venID="v")
    with pytest.raises(MalformedBody, match="4194305 bytes, more than 4194304"):
        decode(most + b" ")


@pytest.mark.parametrize("before", ["\ufeff", "\n ", '\ufeff<?xml version="1.0"?>\n'])
def test_a_byte_order_mark_space_and_a_declaration_may_stand_before_it(before: str) -> None:
    assert decode((before + POLL).encode()).message == OadrPoll(venID="v")


def test_comments_and_instructions_are_no_content() -> None:
    odd = POLL.replace("<e:venID>v<", "<?v w?><!-- x --><e:venID><!-- y -->v<?z?><")
    assert decode(odd.encode()).message == OadrPoll(venID="v")


def test_the_signed_object_may_stand_alone() -> None:
    namespaces = POLL[len("<o:oadrPayload") : POLL.index(">")]
    signed = POLL[POLL.index("<o:oadrSignedObject>") : POLL.index("</o:oadrPayload>")]
    alone = signed.replace("<o:oadrSignedObject>", f"<o:oadrSignedObject{namespaces}>")
    assert decode(alone.encode()).message == OadrPoll(venID="v")


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
    "ramp of another namespace": (
        "<ei:x-eiRampUp><xcal:duration>PT1H30M</xcal:duration>",
        "<ei:x-eiRampUp><ei:duration>PT1H30M</ei:duration>",
        "x-eiRampUp/duration: is in namespace",
    ),
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


NUMBERS = {"7": 7, " 7\n": 7, "4294967295": 4_294_967_295, "4294967296": None, "-7": None, "٣": None, "": None}


@pytest.mark.parametrize(("number", "read"), NUMBERS.items())
def test_of_an_event_set_aside_its_modification_is_read_where_it_is_one(number: str, read: int | None) -> None:
    text = _document()
    at = text.rindex("<ei:modificationNumber>7<")
    text = text[:at] + text[at:].replace("<ei:modificationNumber>7<", f"<ei:modificationNumber>{number}<")
    at = text.rindex("<ei:priority>7<")
    (unread,) = decode((text[:at] + text[at:].replace(">7<", ">high<", 1)).encode()).unread
    assert (unread.eventID, unread.modificationNumber) == ("second", read)


@pytest.mark.parametrize(("told", "responded"), [("always", True), (" always\n", True), ("never", False), ("", False)])
def test_of_an_event_set_aside_it_is_read_whether_it_wants_an_answer(told: str, responded: bool) -> None:
    tag, text = "<oadr:oadrResponseRequired>", _document()
    for found, other in ((f"{tag}always<", f"{tag}{told}<"), ("<ei:priority>7<", "<ei:priority>high<")):
        at = text.rindex(found)
        text = text[:at] + other + text[at + len(found) :]
    (unread,) = decode(text.encode()).unread
    assert unread.responseRequired == responded


@pytest.mark.parametrize("levels", [40, 41])
def test_who_is_set_aside_is_no_deeper_than_forty_levels(levels: int) -> None:
    """Payload, signed object, distribution and event are four."""
    text = _document()
    at = text.rindex("<ei:priority>7<")
    text = text[:at] + text[at:].replace(">7<", ">high<", 1)
    at = text.rindex("</oadr:oadrEvent>")
    document = (text[:at] + "<x>" * (levels - 4) + "</x>" * (levels - 4) + text[at:]).encode()
    if levels == 40:
        assert [one.eventID for one in decode(document).unread] == ["second"]
    else:
        with pytest.raises(MalformedBody, match="deeper than 40"):
            decode(document)


def test_elements_of_unknown_name_are_passed_over() -> None:
    text = _document().replace("<ei:priority>", '<ei:mood xmlns:q="urn:q">gay</ei:mood><ei:priority>')
    assert decode(text.encode()).message == decode(_document().encode()).message


def test_order_and_prefixes_do_not_matter() -> None:
    one = POLL.replace("o:", "").replace("xmlns:o=", "xmlns=").replace("/o:", "/")
    assert decode(one.encode()).message == decode(POLL.encode()).message
