"""Whatever comes, the reader gives a message or MalformedBody, and a second reading gives the same."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.ieee2030_5.wire.namespaces import CSIP, CSIP_AUS_1_3
from protocols.ieee2030_5.wire.reader import MalformedBody, decode
from protocols.ieee2030_5.wire.resources import ConnectionPoint
from protocols.ieee2030_5.wire.writer import UnwritableMessage, encode
from tests.protocols.ieee2030_5.wire.bodies import GOOD, OTHER, control_list
from tests.protocols.ieee2030_5.wire.samples import full, kinds

BODIES = [encode(full(kind), dialect=CSIP_AUS_1_3) for kind in kinds()] + [control_list(GOOD, OTHER, GOOD)]
WORDS = [
    *(b"<", b">", b"/", b"&", b'"', b"</a>", b"<a>", b"<a/>", b"<!--", b"-->", b"<![CDATA[", b"]]>", b"<?x?>", b"&#0;"),
    *(b"-", b"0", b"99999999999999999999", b"NaN", b"1e9", b"_", b" ", b"\n", b"\x00", b"\xff", b"\xc3\xa9", b"xmlns="),
    *(b'xmlns=""', b'xmlns:csipaus="urn:x"', b"csipaus:", b"value", b"DERControl", b"<!DOCTYPE a>", b"\xd9\xa3"),
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A good body after a few cuts, copies and insertions."""
    body = draw(st.sampled_from(BODIES))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(body)))
        end = min(len(body), start + draw(st.integers(0, 60)))
        put = draw(st.sampled_from([*WORDS, b"", body[start:end] * 2]) | st.binary(max_size=8))
        body = body[:start] + put + body[end:]
    return body


def read_or_refused(body: bytes) -> Any:
    try:
        return decode(body)
    except MalformedBody as error:
        return error.reason


@settings(max_examples=500, deadline=None)
@given(mutated())
def test_nothing_but_malformed_body_is_raised(body: bytes) -> None:
    first = read_or_refused(body)
    assert read_or_refused(body) == first


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_noise_is_refused(body: bytes) -> None:
    assert isinstance(read_or_refused(body), str)


@settings(max_examples=300, deadline=None)
@given(mutated())
def test_what_was_read_is_written_and_read_the_same(body: bytes) -> None:
    decoded = read_or_refused(body)
    if isinstance(decoded, str):
        return
    message = decoded.message
    try:
        written = encode(message, dialect=CSIP_AUS_1_3 if isinstance(message, ConnectionPoint) else CSIP)
    except UnwritableMessage:
        # A peer's href may be no URI: it can be followed or refused, never handed on.
        return
    again = decode(written)
    assert (again.rejects, again.remarks) == ((), ())
    assert encode(again.message, dialect=CSIP_AUS_1_3 if isinstance(message, ConnectionPoint) else CSIP) == written
