"""A list read beside the one before it: the same as read by itself, whatever stands in either, and no item read twice."""

import random

import pytest

from protocols.ieee2030_5.wire.der import DERControlList
from protocols.ieee2030_5.wire.excerpt import Known, decode_beside
from protocols.ieee2030_5.wire.messages import Message
from protocols.ieee2030_5.wire.reader import Decoded, MalformedBody, decode

NS = 'xmlns="urn:ieee:std:2030.5:ns"'


def control(number: int, limit: int = 5000, more: str = "", prefix: str = "") -> str:
    """A DERControl."""
    plain = (
        f'<DERControl href="/derc/{number}" replyTo="/rsp" responseRequired="03"><mRID>{number:032X}</mRID>'
        "<description>hour</description><version>0</version><creationTime>1</creationTime><EventStatus>"
        "<currentStatus>0</currentStatus><dateTime>1</dateTime><potentiallySuperseded>false</potentiallySuperseded>"
        "</EventStatus><interval><duration>60</duration><start>100</start></interval>"
        f"<DERControlBase><opModMaxLimW>{limit}</opModMaxLimW></DERControlBase>{more}</DERControl>"
    )
    return plain.replace("</", "\0").replace("<", f"<{prefix}").replace("\0", f"</{prefix}")


def listed(*controls: str, head: str = NS, before: str = "", total: int | None = None, prefix: str = "") -> bytes:
    """A DERControlList of these."""
    size = len(controls) if total is None else total
    name = f"{prefix}DERControlList"
    return f'{before}<{name} {head} all="{size}" results="{size}">{"".join(controls)}</{name}>'.encode()


def read(body: bytes, known: Known | None) -> Decoded[Message] | str:
    """What comes of it, or why nothing does."""
    try:
        return decode_beside(body, known).decoded
    except MalformedBody as fault:
        return fault.reason


def alone(body: bytes) -> Decoded[Message] | str:
    """As the reader by itself has it."""
    try:
        return decode(body)
    except MalformedBody as fault:
        return fault.reason


def test_a_body_that_did_not_change_is_the_very_same() -> None:
    known = decode_beside(listed(control(1), control(2)), None)
    assert decode_beside(listed(control(1), control(2)), known) is known


@pytest.mark.parametrize("prefix", ["", "sep:"])
def test_only_what_is_new_is_read(prefix: str) -> None:
    one, two, three = (control(number, prefix=prefix) for number in (1, 2, 3))
    head = NS if not prefix else 'xmlns:sep="urn:ieee:std:2030.5:ns"'
    known = decode_beside(listed(one, two, head=head, prefix=prefix), None)
    body = listed(control(2, 4000, prefix=prefix), three, one, head=head, prefix=prefix)
    decoded = read(body, known)
    assert not isinstance(decoded, str)
    assert decoded == alone(body)
    before, after = known.decoded.message, decoded.message
    assert isinstance(before, DERControlList)
    assert isinstance(after, DERControlList)
    assert after.items[2] is before.items[0]
    assert [one.DERControlBase.opModMaxLimW for one in after.items] == [4000, 5000, 5000]
    assert (after.all, before.all) == (3, 2)


HIDDEN = f"<!-- {control(2)} -->"
BODIES = {
    "as it was": listed(control(1), control(2)),
    "one gone": listed(control(1)),
    "none left": listed(),
    "the other way round": listed(control(2), control(1)),
    "one twice": listed(control(1), control(1)),
    "one more": listed(control(1), control(2), control(3)),
    "apart": listed(control(1) + "\r\n  ", "\t" + control(2)),
    "another namespace": listed(control(1), control(2), control(3), head='xmlns="urn:elsewhere"'),
    "a prefix more": listed(control(1), control(2), control(3), head=f'{NS} xmlns:x="urn:elsewhere"'),
    "another encoding": listed(control(1), control(2), control(3), before='<?xml version="1.0" encoding="ascii"?>'),
    "in a comment": listed(control(1), HIDDEN, control(3)),
    "a comment across": listed("<!--" + control(1), control(2) + "-->", control(3)),
    "in a section": listed(control(1), control(3, more=f"<x><![CDATA[{control(2)}]]></x>")),
    "in an instruction": listed(control(1), f"<?x {control(2)}?>", control(3)),
    "inside another": listed(control(1), control(3, more=f"<x>{control(2)}</x>")),
    "inside a stranger": listed(control(1), f"<x>{control(2)}</x>", control(3)),
    "closed in itself": listed("<DERControl/>", control(1, more=f"<x>{control(2)}</x>")),
    "ended early": listed(control(1), control(3)[:-40] + "</DERControl>", control(2)),
    "with a bad value": listed(control(1), control(2, 99_999), control(3)),
    "with a remark": listed(control(1), control(2, more="<randomizeStart>9999</randomizeStart>"), control(3)),
    "a stray end": listed(control(1), "</x>", control(2), control(3)),
    "text between": listed(control(1), "text", control(2), control(3)),
    "a declaration": listed(control(1), control(2), before="<!DOCTYPE x>"),
    "too long": listed(control(1), control(2), " " * 2_000_000),
    "another tail": listed(control(1), control(2))[:-1] + b" >",
    "a name within a name": listed(control(1), control(3, more="<DERControlX>1</DERControlX>")),
    "no XML": b"no XML",
    "nothing": b"",
    "an end alone": b"</DERControlList>",
    "another message": f"<Time {NS}><currentTime>9</currentTime><dstEndTime>0</dstEndTime><dstOffset>0</dstOffset>"
    "<dstStartTime>0</dstStartTime><quality>4</quality><tzOffset>0</tzOffset></Time>".encode(),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("before", BODIES.values(), ids=BODIES.keys())
def test_whatever_was_there_before_it_reads_as_by_itself(before: bytes, body: bytes) -> None:
    try:
        known = decode_beside(before, None)
    except MalformedBody:
        known = None
    assert read(body, known) == alone(body)


def test_a_history_of_lists_reads_as_each_by_itself() -> None:
    chance = random.Random(20305)  # noqa: S311 - the same each time
    pieces = [control(number, limit) for number in range(12) for limit in (1000, 2000)]
    pieces += [control(1, 99_999), "\n", "<x/>", HIDDEN, control(2, more=f"<x>{control(3)}</x>"), "!", "?"]
    known = None
    for _ in range(2000):
        body = listed(*chance.choices(pieces, k=chance.randrange(8)))
        assert read(body, known) == alone(body)
        try:
            known = decode_beside(body, known)
        except MalformedBody:
            known = None
