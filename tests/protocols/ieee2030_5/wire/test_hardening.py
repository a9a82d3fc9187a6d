"""What a body may not do to us, and bounds of what is believed of a rejected item."""

from pathlib import Path

import pytest

from protocols.ieee2030_5.wire.reader import Limits, MalformedBody, decode, decode_as, hardened_parser
from protocols.ieee2030_5.wire.resources import Time
from tests.protocols.ieee2030_5.wire.bodies import GOOD, OTHER, SEP, control, control_list

TIME = (
    f"<Time {SEP}><currentTime>1</currentTime><dstEndTime>0</dstEndTime><dstOffset>0</dstOffset>"
    "<dstStartTime>0</dstStartTime><quality>4</quality><tzOffset>0</tzOffset></Time>"
)


def why(body: bytes, limits: Limits | None = None) -> str:
    with pytest.raises(MalformedBody) as refused:
        decode(body, limits=limits or Limits())
    return refused.value.reason


def test_a_mebibyte_and_32_levels_unless_told() -> None:
    assert Limits() == Limits(1_048_576, 32, False)


@pytest.mark.parametrize("room", [0, 1])
def test_a_body_may_be_as_long_as_the_limit_and_no_longer(room: int) -> None:
    body = TIME.encode()
    assert decode(body, limits=Limits(max_bytes=len(body) + room)).message
    assert why(body, Limits(max_bytes=len(body) - 1)) == f"{len(body)} bytes, more than {len(body) - 1}"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty body"),
        (b" \n\t ", "empty body"),
        (b"\xef\xbb\xbf", "empty body"),
        (b"{}", "not XML"),
        (b"<!DOCTYPE html><p/>", "an HTML page, not a message"),
        (b"<!doctype HTML>", "an HTML page, not a message"),
        (b"<HTML><body/></HTML>", "an HTML page, not a message"),
        (b"<html/>", "an HTML page, not a message"),
        (b'<!DOCTYPE Time [<!ENTITY a "b">]><Time/>', "a document type declaration is not taken"),
        (b"<" + b"x" * 70 + b"/>", f"root element '{'x' * 60}' is no known message"),
        (b"<Time/>", "root element Time in namespace ''"),
    ],
)
def test_what_is_no_message_at_all(body: bytes, reason: str) -> None:
    assert why(body) == reason


def test_a_declaration_that_hides_behind_a_comment_is_not_taken_either() -> None:
    hidden = b"<!--" + b"x" * 1100 + b'--><!DOCTYPE Time [<!ENTITY a "b">]>' + TIME.encode()
    assert why(hidden) == "a document type declaration is not taken"


LONG = control_list(*([GOOD] * 300))
FILE = Path(__file__).as_uri()
"""No document type: whoever opens it as one stumbles over it, and says so."""


@pytest.mark.parametrize(
    "declared", [f'SYSTEM "{FILE}"', f'[<!ENTITY % f SYSTEM "{FILE}"> %f;]'], ids=["as its type", "in an entity"]
)
@pytest.mark.parametrize("body", [TIME.encode(), LONG], ids=["short", "long"])
def test_no_file_is_opened_that_a_body_names(declared: str, body: bytes) -> None:
    """It may be a pipe that nobody writes to. Neither where a body is read at once, nor where it is while it arrives: from 128 KiB on."""
    assert len(LONG) > 4 * 32_768
    hidden = f"<!--{'x' * 1100}--><!DOCTYPE Time {declared}>".encode() + body
    assert why(hidden) == "a document type declaration is not taken"


def test_no_entity_is_resolved_and_nothing_is_fetched_by_the_parser() -> None:
    from lxml import etree

    body = b'<!DOCTYPE x [<!ENTITY a "boom"><!ENTITY f SYSTEM "file:///etc/hostname">]><x>&a;&f;</x>'
    root = etree.fromstring(body, hardened_parser())
    assert not (root.text or "").startswith("boom")
    broken = pytest.raises(etree.XMLSyntaxError)
    with broken:
        etree.fromstring(b"<a><b></a>", hardened_parser())
    assert len(etree.fromstring(b"<a><!-- c --><?pi x?><b/></a>", hardened_parser())) == 1


def test_another_message_than_the_one_due_is_named() -> None:
    with pytest.raises(MalformedBody, match="a DERControlList where a Time is due"):
        decode_as(Time, control_list(GOOD))


def test_items_of_a_long_list_are_counted_in_their_order_with_the_bad_ones_among_them() -> None:
    """More than 128 KiB, so that it is read while it arrives."""
    bad = control(mrid="CC", base="<opModMaxLimW>10001</opModMaxLimW>")
    body = control_list(*([GOOD] * 150), bad, OTHER, *([GOOD] * 149), bad)
    assert len(body) > 4 * 32_768
    long = decode(body)
    assert [one.index for one in long.rejects] == [150, 301]
    assert [one.mRID for one in long.rejects] == ["CC", "CC"]
    short = decode(control_list(GOOD, bad, OTHER))
    assert [one.index for one in short.rejects] == [1]


@pytest.mark.parametrize(("length", "kept"), [(2048, True), (2049, False)])
def test_an_address_of_a_rejected_item_is_believed_up_to_its_length(length: int, kept: bool) -> None:
    address = "/" + "a" * (length - 1)
    bad = control(attributes=f'href="{address}" replyTo="{address}" responseRequired="03"', start="soon")
    (reject,) = decode(control_list(bad)).rejects
    assert (reject.href, reject.replyTo) == ((address, address) if kept else (None, None))


@pytest.mark.parametrize(("said", "asked"), [("03", 3), ("FF", 255), ("100", None), ("x", None), ("", None)])
def test_what_a_rejected_item_asks_for_is_two_digits(said: str, asked: int | None) -> None:
    bad = control(attributes=f'href="/a" replyTo="/r" responseRequired="{said}"', start="soon")
    (reject,) = decode(control_list(bad)).rejects
    assert reject.responseRequired == asked
