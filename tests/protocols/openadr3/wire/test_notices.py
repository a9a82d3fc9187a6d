"""Notifications as VTNs send them."""

import json
from typing import Any

import pytest

from grid_functions.model.errors import MalformedMessage
from protocols.openadr3.desk.mischief import snake
from protocols.openadr3.wire.notices import notification
from protocols.openadr3.wire.objects import Notification

PLAIN: dict[str, Any] = {
    "objectType": "EVENT",
    "operation": "UPDATE",
    "object": {
        "id": "event-9",
        "programID": "program-1",
        "eventName": "evening",
        "intervals": [{"id": 0, "payloads": []}],
    },
}
HINT = Notification("EVENT", "UPDATE", "event-9", "program-1")


def test_as_the_standard_has_it() -> None:
    assert notification(json.dumps(PLAIN).encode()) == HINT


def test_in_snake_case_as_the_reference_vtn_sends_it() -> None:
    body = b'{"object_type":"EVENT","operation":"UPDATE","object":{"id":"event-9","program_id":"program-1","event_name":"x"}}'
    assert notification(body) == HINT
    assert notification(json.dumps(snake(PLAIN)).encode()) == HINT


def test_json_in_a_json_string_as_the_reference_vtn_posts_it() -> None:
    assert notification(json.dumps(json.dumps(snake(PLAIN))).encode()) == HINT


@pytest.mark.parametrize(
    ("told", "meant"), [("POST", "CREATE"), ("PUT", "UPDATE"), ("DELETE", "DELETE"), ("GET", "READ")]
)
def test_3_0_1_names_the_methods(told: str, meant: str) -> None:
    assert notification(json.dumps(PLAIN | {"operation": told}).encode()).operation == meant


def test_a_hint_needs_no_object() -> None:
    assert notification(b'{"objectType":"PROGRAM"}') == Notification("PROGRAM", "")
    assert notification(b'{"objectType":"PROGRAM","object":17,"operation":null}') == Notification("PROGRAM", "")


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'"hello"', b'"\\"twice\\""', b'{"objectType": 3}', b"null", b"\xff"]
)
def test_what_hints_at_nothing_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedMessage):
        notification(body)


@pytest.mark.parametrize(
    "body", [b'"\\ud800"', b'"\xed\xa0\x80"', b'{"object":' * 900 + b"1" + b"}" * 900], ids=["half", "raw half", "deep"]
)
def test_what_cannot_be_written_down_is_no_notification(body: bytes) -> None:
    with pytest.raises(MalformedMessage):
        notification(body)


def test_objects_within_objects_are_not_followed() -> None:
    deep = b'{"objectType":"EVENT","object":{"id":"e","object":' + b'{"object":' * 800 + b"1" + b"}" * 802
    assert notification(deep) == Notification("EVENT", "", "e")
