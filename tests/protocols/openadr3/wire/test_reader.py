"""JSON in, objects out: what is unknown is kept, what is none is one item lost."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grid_functions.model.errors import MalformedMessage
from protocols.openadr3.wire import document, reader
from protocols.openadr3.wire.moments import FOREVER, NOW
from protocols.openadr3.wire.objects import (
    Broker,
    EventDescriptor,
    Interval,
    MqttMethod,
    Period,
    Point,
    Problem,
    ReportDescriptor,
    Target,
    Token,
    Values,
)

EVENT: dict[str, Any] = {
    "id": "event-9",
    "createdDateTime": "2026-11-29T12:00:00Z",
    "modificationDateTime": "2026-11-29T12:00:01Z",
    "objectType": "EVENT",
    "programID": "program-1",
    "eventName": "evening",
    "priority": 0,
    "targets": ["group-1"],
    "duration": "P9999Y",
    "reportDescriptors": [
        {"payloadType": "USAGE", "numIntervals": 1, "frequency": 1, "repeat": -1, "startInterval": 0}
    ],
    "payloadDescriptors": [
        {"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": "PRICE", "units": "KWH", "currency": "EUR"}
    ],
    "intervalPeriod": {"start": "2026-11-29T12:00:00Z", "duration": "PT1H", "randomizeStart": "PT5M"},
    "intervals": [{"id": 7, "payloads": [{"type": "PRICE", "values": [0.25]}]}],
}


def changed(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in (EVENT | changes).items() if value is not ...}


DEFAULTS = ReportDescriptor("USAGE", "DIRECT_READ", "", (), False, -1, -1, True, -1, 1, "INTERVALS")
"""reportDescriptor of the 3.1 schema, where it says nothing but what is to be told."""


def test_the_defaults_of_a_report_are_the_schemas() -> None:
    assert reader.event(changed(reportDescriptors=[{"payloadType": "USAGE"}])).reports == (DEFAULTS,)


@pytest.mark.parametrize("number", [0, -1, 2**63 - 1, 1 - 2**63])
def test_an_interval_has_any_whole_number(number: int) -> None:
    (interval,) = reader.event(changed(intervals=[{"id": number, "payloads": []}])).intervals
    assert interval.id == number


@pytest.mark.parametrize("number", [2**63, -(2**63), True, 1.0, "1", None])
def test_an_interval_without_a_whole_number_of_64_bits_is_none(number: object) -> None:
    with pytest.raises(MalformedMessage, match="interval id"):
        reader.event(changed(intervals=[{"id": number, "payloads": []}]))


def test_an_event_is_read_whole() -> None:
    event = reader.event(EVENT)
    assert (event.id, event.program_id, event.name, event.priority) == ("event-9", "program-1", "evening", 0)
    assert event.targets == (Target("group-1"),)
    assert event.duration_s == FOREVER
    assert event.period == Period(1_795_953_600.0, 3600.0, 300.0)
    assert event.intervals == (Interval(7, (Values("PRICE", (0.25,)),)),)
    assert event.descriptors == (EventDescriptor("PRICE", "KWH", "EUR"),)
    assert event.reports == (replace(DEFAULTS, start_interval=0, num_intervals=1, frequency=1, repeat=-1),)
    assert (event.created_s, event.modified) == (1_795_953_600.0, "2026-11-29T12:00:01Z")


def test_in_3_1_a_program_is_all_an_event_needs() -> None:
    event = reader.event({"id": "e", "programID": "p"})
    assert (event.intervals, event.period, event.duration_s, event.priority, event.targets) == (
        (),
        None,
        None,
        None,
        (),
    )


def test_absent_null_and_default_are_the_same() -> None:
    nulls = {
        "priority": None,
        "targets": None,
        "reportDescriptors": None,
        "payloadDescriptors": None,
        "eventName": None,
    }
    assert reader.event({"id": "e", "programID": "p", **nulls}) == reader.event({"id": "e", "programID": "p"})


def test_defaults_of_a_report_descriptor_are_the_schemas() -> None:
    (descriptor,) = reader.event(changed(reportDescriptors=[{"payloadType": "USAGE"}])).reports
    assert (descriptor.start_interval, descriptor.num_intervals, descriptor.frequency, descriptor.repeat) == (
        -1,
        -1,
        -1,
        1,
    )
    assert (descriptor.historical, descriptor.aggregate, descriptor.reading_type) == (True, False, "DIRECT_READ")
    assert descriptor.report_intervals == "INTERVALS"


def test_unknown_properties_are_passed_over_and_unknown_types_kept() -> None:
    odd = [{"id": 0, "payloads": [{"type": "X_MINE", "values": ["a", True, {"x": 1, "y": 2}]}], "colour": "blue"}]
    event = reader.event(changed(intervals=odd, colour={"deep": [1]}))
    assert event.intervals[0].payloads == (Values("X_MINE", ("a", True, Point(1.0, 2.0))),)


def test_targets_of_both_editions_are_read() -> None:
    assert reader.targets(["a", "b"]) == (Target("a"), Target("b"))
    assert reader.targets([{"type": "GROUP", "values": ["a", "b"]}]) == (Target("a", "GROUP"), Target("b", "GROUP"))
    assert reader.targets(None) == ()


def test_a_start_without_a_zone_is_noticed() -> None:
    assert reader.event(changed(intervalPeriod={"start": "2026-11-29 12:00:00"})).zoneless
    assert not reader.event(EVENT).zoneless
    now = reader.event(changed(intervalPeriod={"start": "0001-01-01"}))
    assert now.period is not None
    assert now.period.start_s == NOW
    assert not now.zoneless


def test_creation_times_that_are_none_hurt_nobody() -> None:
    assert reader.event(changed(createdDateTime="yesterday")).created_s == 0.0
    assert reader.event(changed(createdDateTime=17)).created_s == 0.0
    assert reader.event(changed(createdDateTime="2026-11-23 03:17:25")).created_s == 1_795_403_845.0


def test_a_bad_item_is_one_item_lost() -> None:
    page = reader.page([EVENT, 17, changed(id="bad", priority=-1), changed(id="e2")], reader.event)
    assert [one.id for one in page.items] == ["event-9", "e2"]
    assert [one.id for one in page.unread] == ["", "bad"]
    assert page.size == 4


@pytest.mark.parametrize("json", [{"items": []}, None, "[]", 3])
def test_what_is_no_list_is_malformed(json: Any) -> None:
    with pytest.raises(MalformedMessage, match="a list is due"):
        reader.page(json, reader.event)


@pytest.mark.parametrize(
    "change",
    [
        {"id": ...},
        {"id": ""},
        {"id": "x" * 129},
        {"programID": ...},
        {"programID": 3.5},
        {"priority": 1.5},
        {"priority": True},
        {"priority": "0"},
        {"duration": "PT"},
        {"duration": 3600},
        {"intervals": {}},
        {"intervals": [{"id": "0", "payloads": []}]},
        {"intervals": [{"payloads": []}]},
        {"intervals": [{"id": True, "payloads": []}]},
        {"intervals": [{"id": 0, "payloads": [{"values": [1]}]}]},
        {"intervals": [{"id": 0, "payloads": [{"type": "PRICE", "values": [None]}]}]},
        {"intervals": [{"id": 0, "payloads": [{"type": "CURVE", "values": [{"x": "1", "y": 2}]}]}]},
        {"intervals": [{"id": 0, "payloads": [{"type": "PRICE", "values": [0] * 1001}]}]},
        {"intervals": [{"id": n, "payloads": []} for n in range(10_001)]},
        {"intervalPeriod": {"start": "10000-01-01T00:00:00Z"}},
        {"intervalPeriod": {"start": 0}},
        {"intervalPeriod": "now"},
        {"intervalPeriod": {"start": "2026-11-29T12:00:00Z", "duration": "-PT5M"}},
        {"targets": "everybody"},
        {"targets": [{"values": ["a"]}]},
        {"reportDescriptors": [{"payloadType": "USAGE", "frequency": -2}]},
        {"reportDescriptors": [{}]},
    ],
)
def test_what_breaks_the_schema_is_malformed(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedMessage):
        reader.event(changed(**change))


def test_an_id_that_is_a_number_is_its_digits() -> None:
    assert reader.event(changed(id=42)).id == "42"


def test_ids_are_neither_trimmed_nor_turned_into_numbers() -> None:
    assert reader.event(changed(id="0042")).id == "0042"
    assert reader.event(changed(id="1.10", programID=" a ")).program_id == " a "


def test_a_ven_is_read_whatever_its_object_type() -> None:
    for kind in ("VEN", "BL_VEN_REQUEST", "VEN_VEN_REQUEST", None):
        ven = reader.ven({"id": "v", "venName": "depot-7", "objectType": kind, "targets": ["g"]})
        assert (ven.id, ven.name, ven.targets) == ("v", "depot-7", (Target("g"),))


@pytest.mark.parametrize(
    ("json", "token"),
    [
        ({"access_token": "t", "token_type": "Bearer"}, Token("t", None)),
        ({"access_token": "t", "token_type": "bearer", "expires_in": 60}, Token("t", 60.0)),
        ({"access_token": "t", "expires_in": "60"}, Token("t", 60.0)),
        ({"access_token": "t", "expires_in": 0}, Token("t", None)),
        ({"access_token": "t", "expires_in": "soon"}, Token("t", None)),
        ({"access_token": "t", "expires_in": -1}, Token("t", None)),
    ],
)
def test_a_token_is_read(json: Any, token: Token) -> None:
    assert reader.token(json) == token


@pytest.mark.parametrize(
    "json",
    [
        {},
        {"access_token": ""},
        {"access_token": "a\nb"},
        {"access_token": 7},
        {"access_token": "t", "token_type": "mac"},
        [],
        None,
    ],
)
def test_what_is_no_token_is_malformed(json: Any) -> None:
    with pytest.raises(MalformedMessage):
        reader.token(json)


def test_notifiers_are_read() -> None:
    auth = {"method": "OAUTH2_BEARER_TOKEN", "username": "{clientID}"}
    mqtt = {"URIS": ["mqtts://broker.example"], "serialization": "JSON", "authentication": auth}
    found = reader.broker({"WEBHOOK": True, "MQTT": mqtt})
    assert found == Broker(("mqtts://broker.example",), MqttMethod.OAUTH2_BEARER_TOKEN, "{clientID}")
    assert reader.broker({"WEBHOOK": True}) is None
    certificates = {"method": "CERTIFICATE", "caCert": "A", "clientCert": "B", "clientKey": "C"}
    found = reader.broker({"MQTT": mqtt | {"authentication": certificates}})
    assert found is not None
    assert (found.method, found.ca_pem, found.certificate_pem, found.key_pem) == (MqttMethod.CERTIFICATE, "A", "B", "C")
    anonymous = reader.broker({"MQTT": {"URIS": ["mqtt://b"], "authentication": {"method": "ANONYMOUS"}}})
    assert anonymous == Broker(("mqtt://b",), MqttMethod.ANONYMOUS)


@pytest.mark.parametrize(
    "mqtt",
    [
        {"URIS": []},
        {"URIS": ["mqtt://b"], "serialization": "CBOR"},
        {"URIS": ["mqtt://b"], "authentication": {"method": "X"}},
        3,
    ],
)
def test_a_broker_that_cannot_be_used_is_malformed(mqtt: Any) -> None:
    with pytest.raises(MalformedMessage):
        reader.broker({"MQTT": mqtt})


def test_topics_are_the_one_for_all_or_each() -> None:
    each = {"CREATE": "e/create", "UPDATE": "e/update", "DELETE": "e/delete"}
    assert reader.topics({"topics": each}) == ("e/create", "e/update", "e/delete")
    assert reader.topics({"topics": {**each, "ALL": "e/+"}}) == ("e/+",)


@pytest.mark.parametrize("json", [None, [], "no", 3, {"title": None}])
def test_a_refusal_without_words_is_one_all_the_same(json: Any) -> None:
    assert str(reader.problem(json)) == ""


def test_a_refusal_is_told_in_its_words() -> None:
    assert str(reader.problem({"title": "Conflict", "detail": "venName is taken"})) == "Conflict: venName is taken"
    assert reader.problem({"error": "invalid_client"}) == Problem("invalid_client")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"a": NaN}',
        b'[{"priority": Infinity}]',
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"n": ' + b"9" * 5000 + b"}",
        b"<html></html>",
        b"[" + b" " * (4 * 1024 * 1024) + b"]",
    ],
)
def test_bytes_that_are_no_json_are_malformed_and_nothing_worse(body: bytes) -> None:
    with pytest.raises(MalformedMessage):
        document.read(body)


def test_a_number_beyond_all_measure_is_no_point() -> None:
    with pytest.raises(MalformedMessage):
        reader.event(
            changed(intervals=[{"id": 0, "payloads": [{"type": "CURVE", "values": [{"x": 10**400, "y": 1}]}]}])
        )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*EVENT, "type", "values", "payloads", "start", "x", "y"]), inner, max_size=5)
    ),
    max_leaves=12,
)


@settings(max_examples=300)
@given(JSON, st.sampled_from(sorted(EVENT)))
def test_whatever_stands_in_a_field_is_an_event_or_malformed(value: Any, name: str) -> None:
    try:
        found = reader.event(json.loads(json.dumps(changed(**{name: value}))))
    except MalformedMessage:
        return
    assert found.id


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "e\ud800"},
        {"eventName": "\udfff"},
        {"programID": "\ud800"},
        {"targets": ["\ud800"]},
        {"targets": [{"type": "GROUP", "values": ["\ud800"]}]},
        {"intervals": [{"id": 0, "payloads": [{"type": "ALERT_OTHER", "values": ["\ud800"]}]}]},
        {"intervals": [{"id": 0, "payloads": [{"type": "\ud800", "values": [1]}]}]},
    ],
)
def test_half_a_character_is_one_item_lost(changes: dict[str, Any]) -> None:
    """JSON can write it and UTF-8 cannot carry it (RFC 8259, 8.2): one such name among what is to be kept, and no commit would succeed."""
    sent = json.dumps([changed(**changes), EVENT]).encode()
    page = reader.page(document.read(sent), reader.event)
    assert [one.id for one in page.items] == ["event-9"]
    (lost,) = page.unread
    assert f"{lost.id}{lost.reason}".encode()


def test_half_a_character_in_words_for_people_is_replaced() -> None:
    assert reader.problem(document.read(b'{"title":"no\\ud800"}')) == Problem("no?")
    assert reader.topics(document.read(b'{"topics":{"ALL":"\\ud800"}}')) == ()


def test_a_whole_pair_is_a_character() -> None:
    assert reader.event(document.read(json.dumps(changed(eventName="\U0001f50c")).encode())).name == "\U0001f50c"


def test_what_nests_too_deep_to_be_written_down_is_one_item_lost() -> None:
    """A thread that parses has more room than the loop that reads what it found."""
    deep: Any = []
    for _ in range(5_000):
        deep = [deep]
    page = reader.page(
        [changed(intervals=[{"id": 0, "payloads": [{"type": "S", "values": [deep]}]}]), EVENT], reader.event
    )
    assert (len(page.items), len(page.unread)) == (1, 1)


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"1" + b"0" * 400])
def test_a_value_beyond_all_measure_is_one_item_lost(number: bytes) -> None:
    """JSON's grammar has no upper end. Also of an interval that is in no schedule: reports look at the values of all."""
    broken = changed(id="broken", intervals=[{"id": 0, "payloads": [{"type": "SIMPLE", "values": [0.125]}]}])
    sent = json.dumps([broken, EVENT]).encode().replace(b"0.125", number)
    page = reader.page(document.read(sent), reader.event)
    assert ([one.id for one in page.items], [one.id for one in page.unread]) == (["event-9"], ["broken"])


def test_an_event_asks_for_so_many_reports_and_no_more() -> None:
    one = {"payloadType": "USAGE"}
    assert len(reader.event(changed(reportDescriptors=[one] * reader.MOST_REPORTS)).reports) == reader.MOST_REPORTS
    with pytest.raises(MalformedMessage):
        reader.event(changed(reportDescriptors=[one] * (reader.MOST_REPORTS + 1)))
