"""Envelopes, events and answers as EdgeX's interface has them, and what is none."""

import base64
import contextlib
import json
import math
import struct
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.edgex import messages
from adapters.edgex.messages import Answer, Event, Sample, answer, event_in, numeric, reply, request
from grid_functions.model.errors import MalformedMessage

ORIGIN = 1_700_000_000_123_456_789
READING = {
    "id": "7a1707f0-166f-4c4b-bc9d-1d54c74e0137",
    "origin": ORIGIN,
    "deviceName": "Meter-1",
    "resourceName": "ActivePower",
    "profileName": "Meter",
    "valueType": "Float32",
    "units": "W",
    "value": "1.250000e+03",
}
EVENT = {
    "apiVersion": "v3",
    "id": "7a1707f0-166f-4c4b-bc9d-1d54c74e0138",
    "deviceName": "Meter-1",
    "profileName": "Meter",
    "sourceName": "ActivePower",
    "origin": ORIGIN,
    "readings": [READING],
}
ENVELOPE: dict[str, Any] = {
    "apiVersion": "v3",
    "receivedTopic": "",
    "correlationID": "14a42ea6-c394-41c3-8bcd-a29b9f5e6835",
    "requestID": "e6e8a2f4-eb14-4649-9e2b-175247911369",
    "errorCode": 0,
    "contentType": "application/json",
}
TOLD = Event("Meter-1", "Meter", (Sample("ActivePower", "Float32", "1.250000e+03", ORIGIN, "W"),))


def b64(plain: Any) -> str:
    return base64.b64encode(plain if isinstance(plain, bytes) else json.dumps(plain).encode()).decode()


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(EVENT).encode(),
        json.dumps({"apiVersion": "v3", "requestId": "x", "event": EVENT}).encode(),
        json.dumps({**ENVELOPE, "payload": b64({"apiVersion": "v3", "event": EVENT})}).encode(),
        json.dumps({**ENVELOPE, "payload": {"apiVersion": "v3", "event": EVENT}}).encode(),
        json.dumps({**ENVELOPE, "payload": b64(cbor2.dumps(EVENT)), "contentType": "application/cbor"}).encode(),
        cbor2.dumps({**ENVELOPE, "payload": cbor2.dumps({"apiVersion": "v3", "event": EVENT})}),
        cbor2.dumps({**ENVELOPE, "payload": {"event": EVENT}}),
        cbor2.dumps(EVENT),
        json.dumps({"ApiVersion": "v2", "ErrorCode": 0, "Payload": b64(EVENT | {"apiVersion": "v2"})}).encode(),
    ],
    ids=["bare", "request", "base64", "object", "base64-cbor", "cbor-bytes", "cbor-object", "bare-cbor", "v2-capitals"],
)
def test_an_event_in_every_wrapping(body: bytes) -> None:
    assert event_in(body) == TOLD


def test_what_an_optimised_event_leaves_out_is_the_events() -> None:
    """EDGEX_OPTIMIZE_EVENT_PAYLOAD."""
    slim = {"apiVersion": "v3", **{k: v for k, v in EVENT.items() if k != "id"}}
    slim["readings"] = [{"valueType": "Float32", "units": "W", "value": "1.250000e+03"}]
    assert event_in(json.dumps(slim).encode()) == TOLD


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"valueType": "Binary", "value": None, "binaryValue": "AAAA"}, "Binary is neither a number nor a switch"),
        ({"valueType": "Object", "objectValue": {"a": 1}}, "Object is neither"),
        ({"valueType": "Float32Array", "value": "[1, 2]"}, "Float32Array is neither"),
        ({"valueType": 7}, "7 is neither"),
        ({"valueType": None}, "no type is neither"),
        ({"deviceName": "Meter-2"}, "of another device, Meter-2"),
        ({"origin": "yesterday"}, "no origin"),
        ({"origin": -1}, "no origin"),
        ({"origin": 2**63}, "no origin"),
        ({"origin": 1.7e18}, "no origin"),
        ({"origin": True}, "no origin"),
        ({"value": None}, "no value"),
        ({"value": "9" * 500}, "no value"),
        ({"value": ["1"]}, "no value"),
        ({"resourceName": 5}, "without a resource"),
        ({"resourceName": "x" * 300}, "without a resource"),
    ],
)
def test_a_reading_that_is_none_of_ours_has_a_word_and_hides_no_other(change: dict[str, Any], word: str) -> None:
    event = {**EVENT, "readings": [{**READING, **change}, READING]}
    told = event_in(json.dumps(event).encode())
    assert told.samples == TOLD.samples
    (ignored,) = told.ignored
    assert word in ignored


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"[]",
        b"7",
        b"null",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"\xff",
        b"\xa1\x61",
        b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x81" * 5000 + b"\x01",
        b"\xd8\x23\x61(",
        b"\xd8\x1c\x81\xd8\x1d\x00",
        json.dumps({**EVENT, "apiVersion": "v1"}).encode(),
        json.dumps({**EVENT, "deviceName": 5}).encode(),
        json.dumps({**EVENT, "deviceName": ""}).encode(),
        json.dumps({**EVENT, "readings": {}}).encode(),
        json.dumps({**EVENT, "readings": [READING] * 2001}).encode(),
        json.dumps(EVENT).replace(str(ORIGIN), "NaN").encode(),
        json.dumps({**ENVELOPE, "payload": "not base64!"}).encode(),
        json.dumps({**ENVELOPE, "payload": b64(b"\x00\x01")}).encode(),
        json.dumps({**ENVELOPE, "payload": 5}).encode(),
        json.dumps({**ENVELOPE, "errorCode": 1, "payload": b64(EVENT)}).encode(),
        json.dumps({**ENVELOPE, "apiVersion": "v9", "payload": b64(EVENT)}).encode(),
        json.dumps({**ENVELOPE, "apiVersion": ["v3"], "payload": b64(EVENT)}).encode(),
        json.dumps({**EVENT, "apiVersion": {}}).encode(),
        json.dumps({**ENVELOPE, "payload": "\ud800"}).encode(),
        b" " * (messages.MOST_BYTES + 1),
    ],
)
def test_what_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedMessage):
        event_in(body)


@pytest.mark.parametrize("tag", [0, 2, 4, 28, 30, 55_799, 70_000])
def test_a_tag_of_cbor_is_nothing_of_edgexs(tag: int) -> None:
    with pytest.raises(MalformedMessage):
        event_in(_tagged(tag, cbor2.dumps(EVENT)))
    reading = cbor2.dumps({**READING, "value": 0})[:-1] + _tagged(tag, b"\x80")  # the value comes last
    told = event_in(cbor2.dumps({**EVENT, "readings": 0})[:-1] + b"\x82" + reading + cbor2.dumps(READING))
    assert told.samples == TOLD.samples


def test_a_few_bytes_of_cbor_never_become_a_large_tree() -> None:
    """Eight levels of eight references each to the level below, in 260 bytes, are 16,777,216 texts when they are written out."""
    levels = [_tagged(28, cbor2.dumps(["lol"]))]
    levels += [_tagged(28, b"\x88" + _tagged(29, cbor2.dumps(below)) * 8) for below in range(8)]
    bomb = bytes([0x80 + len(levels)]) + b"".join(levels)
    body = b"\xa2" + cbor2.dumps("statusCode") + cbor2.dumps(500) + cbor2.dumps("message") + bomb
    told = answer(200, body)
    assert told.code == 500
    assert "lol" not in told.error


def _tagged(tag: int, plain: bytes) -> bytes:
    return b"\xda" + tag.to_bytes(4, "big") + plain


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=200)
    | st.builds(lambda one: cbor2.dumps(one), st.dictionaries(st.text(), st.none() | st.floats() | st.binary()))
)
def test_no_bytes_raise_anything_else(body: bytes) -> None:
    for read in (event_in, reply):
        with contextlib.suppress(MalformedMessage):
            read(body)
    assert isinstance(answer(200, body), Answer)


@settings(max_examples=150, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
        lambda one: st.lists(one) | st.dictionaries(st.text(), one),
        max_leaves=8,
    )
)
def test_no_reading_raises_anything_else(value: Any) -> None:
    for key in READING:
        told = event_in(cbor2.dumps({**EVENT, "readings": [{**READING, key: value}, READING]}))
        assert TOLD.samples[0] in told.samples


@pytest.mark.parametrize(
    ("kind", "text", "number"),
    [
        ("Float32", "1.250000e+03", 1250.0),
        ("Float64", "-4.2", -4.2),
        ("Float64", "+.5E2", 50.0),
        ("Float32", base64.b64encode(struct.pack(">f", 2.5)).decode(), 2.5),
        ("Float64", base64.b64encode(struct.pack(">d", -1e9)).decode(), -1e9),
        ("Float32", "1e39", None),
        ("Float64", "1e999", None),
        ("Float64", "NaN", None),
        ("Float64", "+Inf", None),
        ("Float32", base64.b64encode(struct.pack(">f", math.nan)).decode(), None),
        ("Float64", "1_000", None),
        ("Float64", "", None),
        ("Uint8", "255", 255.0),
        ("Uint8", "256", None),
        ("Uint16", "-1", None),
        ("Int16", "-32768", -32768.0),
        ("Int16", "-32769", None),
        ("Int64", "9" * 25, None),
        ("Int32", "1.5", None),
        ("Int32", "12 W", None),
        ("Int32", "١٢", None),
        ("String", "12", None),
        ("Bool", "true", None),
    ],
)
def test_a_number_by_its_own_type(kind: str, text: str, number: float | None) -> None:
    assert numeric(Sample("r", kind, text, ORIGIN)) == number


def body(**fields: Any) -> bytes:
    return json.dumps({"apiVersion": "v3", "statusCode": 200, **fields}).encode()


def test_an_answer_with_its_event() -> None:
    assert answer(200, body(event=EVENT)) == Answer(event=TOLD)
    assert answer(200, b"") == Answer()
    assert answer(200, cbor2.dumps({"apiVersion": "v3", "statusCode": 200, "event": EVENT})).event == TOLD


@pytest.mark.parametrize(
    ("status", "told", "code", "words"),
    [
        (423, body(statusCode=423, message="device D locked"), 423, "423 device D locked"),
        (423, b"", 423, "HTTP 423"),
        (404, body(statusCode=404, message="not found"), 404, "404 not found"),
        (500, body(statusCode=200), 500, "500"),
        (200, body(statusCode=500, message="failed inside"), 500, "500 failed inside"),
        (200, body(statusCode=423, message="locked inside"), 423, "423 locked inside"),
        (
            207,
            b'[{"apiVersion":"v3","statusCode":200},{"apiVersion":"v3","statusCode":400,"message":"one of two"}]',
            400,
            "one of two",
        ),
        (200, b'[{"statusCode":500,"message":"a"},{"statusCode":423,"message":"b"}]', 423, "423 b"),
        (207, b"[]", 0, "an answer to nothing"),
        (200, body(statusCode="200"), 0, "whole number"),
        (200, body(apiVersion="v1"), 0, "neither v2 nor v3"),
        (200, b"<html>proxy</html>", 0, "no JSON"),
        (502, b"<html>Bad Gateway</html>", 502, "HTTP 502"),
        (302, b"moved", 302, "HTTP 302"),
        (401, b"", 401, "HTTP 401"),
        (200, b"[[]]", 0, "an answer is an object"),
        (200, body(event={"readings": 5}), 0, "event"),
    ],
)
def test_a_failure_wherever_it_stands(status: int, told: bytes, code: int, words: str) -> None:
    found = answer(status, told)
    assert found.code == code
    assert words in found.error
    assert found.event is None
    assert found.locked is (code == 423)


def test_a_multi_status_in_which_all_went_well() -> None:
    assert answer(207, b'[{"apiVersion":"v3","statusCode":200},{"apiVersion":"v3","statusCode":201}]') == Answer()


_ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.text(st.characters(exclude_categories=()))
    | st.integers()
    | st.binary(),
    lambda one: st.lists(one) | st.dictionaries(st.text(), one),
    max_leaves=4,
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([*ENVELOPE, "payload", *EVENT, "event", "statusCode", "message"]), _ANYTHING)
def test_no_field_raises_anything_else(key: str, value: Any) -> None:
    for plain in ({**EVENT, key: value}, {**ENVELOPE, "payload": b64(EVENT), key: value}):
        body = _encoded(plain)
        for read in (event_in, reply):
            with contextlib.suppress(MalformedMessage):
                read(body)
        assert isinstance(answer(200, body), Answer)


def _encoded(plain: dict[str, Any]) -> bytes:
    """As JSON, which has texts that are none of UTF-8; as CBOR what it has no word for."""
    try:
        return json.dumps(plain, allow_nan=False).encode()
    except (TypeError, ValueError):
        return cbor2.dumps(plain)


def test_a_reply_over_mqtt() -> None:
    number = ENVELOPE["requestID"]
    done = {**ENVELOPE, "payload": b64({"apiVersion": "v3", "statusCode": 200, "event": EVENT})}
    assert reply(json.dumps(done).encode()) == (number, Answer(event=TOLD))
    assert reply(json.dumps({**ENVELOPE, "payload": None}).encode()) == (number, Answer())
    inside = {**ENVELOPE, "payload": {"apiVersion": "v3", "statusCode": 500, "message": "inside"}}
    assert reply(json.dumps(inside).encode())[1] == Answer("500 inside", 500)


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b64(b"device D locked"), 423),
        ("device D OperatingState is DOWN", 423),
        ("deviceResource X not found", 0),
        (b64(b"unlocked doors are no locks"), 0),
        ("", 0),
        (b"device D locked", 423),
    ],
)
def test_an_error_over_mqtt_is_base64_or_plain(payload: str | bytes, code: int) -> None:
    plain = {**ENVELOPE, "errorCode": 1, "payload": payload, "contentType": "text/plain"}
    told = cbor2.dumps(plain) if isinstance(payload, bytes) else json.dumps(plain).encode()
    _, found = reply(told)
    assert (found.code, bool(found.error)) == (code, True)


def test_an_error_in_no_words_at_all_is_an_error_all_the_same() -> None:
    number, found = reply(json.dumps({**ENVELOPE, "errorCode": 1, "payload": "\ud800"}).encode())
    assert (number, bool(found.error)) == (ENVELOPE["requestID"], True)


@pytest.mark.parametrize("change", [{"requestID": None}, {"requestID": ""}, {"requestID": 5}])
def test_a_reply_to_nobody_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedMessage):
        reply(json.dumps({**ENVELOPE, **change}).encode())
    with pytest.raises(MalformedMessage):
        reply(b"[]")


def test_a_reply_of_another_version_fails_its_own_request_alone() -> None:
    number, found = reply(json.dumps({**ENVELOPE, "apiVersion": "v7"}).encode())
    assert number == ENVELOPE["requestID"]
    assert "neither v2 nor v3" in found.error


def test_a_request_is_what_core_command_takes() -> None:
    """message_envelope.go: NewMessageEnvelopeFromJSON."""
    told = json.loads(request(ENVELOPE["requestID"], ENVELOPE["correlationID"], {"Limit": "3000"}, "v3"))
    assert told["apiVersion"] == "v3"
    assert told["contentType"] == "application/json"
    assert json.loads(base64.b64decode(told["payload"])) == {"Limit": "3000"}
    assert json.loads(request("r", "c", None, "v2"))["payload"] == ""
