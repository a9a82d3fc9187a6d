"""What a VEN sends, by the schema of each edition."""

import pytest

from protocols.openadr3.wire import document, writer
from protocols.openadr3.wire.edition import Edition
from protocols.openadr3.wire.objects import Target
from protocols.openadr3.wire.writer import Explained, Report, Told, ToldOf

REPORT = Report(
    "program-1",
    "event-9",
    "depot-7",
    "evening",
    (ToldOf("evse-1", (Told(3, 1_795_953_600.0, 900.0, (("USAGE", 1.25), ("DATA_QUALITY", "OK"))),)),),
    (Explained("USAGE", "SUMMED", "KWH"), Explained("OPERATING_STATE", "DIRECT_READ")),
)


def test_a_report_of_3_1() -> None:
    assert writer.report(REPORT, Edition.V3_1) == {
        "eventID": "event-9",
        "clientName": "depot-7",
        "reportName": "evening",
        "payloadDescriptors": [
            {
                "objectType": "REPORT_PAYLOAD_DESCRIPTOR",
                "payloadType": "USAGE",
                "readingType": "SUMMED",
                "units": "KWH",
            },
            {"objectType": "REPORT_PAYLOAD_DESCRIPTOR", "payloadType": "OPERATING_STATE", "readingType": "DIRECT_READ"},
        ],
        "resources": [
            {
                "resourceName": "evse-1",
                "intervals": [
                    {
                        "id": 3,
                        "intervalPeriod": {"start": "2026-11-29T12:00:00Z", "duration": "PT15M"},
                        "payloads": [
                            {"type": "USAGE", "values": [1.25]},
                            {"type": "DATA_QUALITY", "values": ["OK"]},
                        ],
                    }
                ],
            }
        ],
    }


def test_a_report_of_3_0_1_names_its_program() -> None:
    assert writer.report(REPORT, Edition.V3_0_1)["programID"] == "program-1"


def test_vens_and_resources_of_both_editions() -> None:
    assert writer.ven("depot-7", Edition.V3_1) == {"objectType": "VEN_VEN_REQUEST", "venName": "depot-7"}
    assert writer.ven("depot-7", Edition.V3_0_1) == {"venName": "depot-7"}
    made = writer.resource("evse-1", "ven-1", Edition.V3_1)
    assert made == {"objectType": "VEN_RESOURCE_REQUEST", "resourceName": "evse-1", "venID": "ven-1"}
    assert writer.resource("evse-1", "ven-1", Edition.V3_0_1) == {"resourceName": "evse-1"}


def test_subscriptions_of_both_editions() -> None:
    url = "https://depot.example/hook"
    assert writer.subscription("depot-7", "", url, "t0ken", Edition.V3_1) == {
        "clientName": "depot-7",
        "objectOperations": [
            {
                "objects": ["PROGRAM", "EVENT"],
                "operations": ["CREATE", "UPDATE", "DELETE"],
                "callbackUrl": url,
                "bearerToken": "t0ken",
            }
        ],
    }
    older = writer.subscription("depot-7", "program-1", url, "", Edition.V3_0_1)
    assert older["programID"] == "program-1"
    assert older["objectOperations"][0]["operations"] == ["POST", "PUT", "DELETE"]
    assert "bearerToken" not in older["objectOperations"][0]


def test_targets_are_asked_for_as_each_edition_does() -> None:
    assert writer.target_query(Target("group 1"), Edition.V3_1) == [("targets", "group 1")]
    assert writer.target_query(Target("g", "GROUP"), Edition.V3_0_1) == [("targetType", "GROUP"), ("targetValues", "g")]
    assert writer.with_query("/events", [("targets", "a&b"), ("skip", "0")]) == "/events?targets=a%26b&skip=0"


def test_credentials_in_the_body_or_not() -> None:
    assert list(writer.credentials("id", "secret", "read_all")) == [
        ("grant_type", "client_credentials"),
        ("client_id", "id"),
        ("client_secret", "secret"),
        ("scope", "read_all"),
    ]
    assert list(writer.credentials("", "", "")) == [("grant_type", "client_credentials")]


def test_no_number_leaves_that_json_has_not() -> None:
    with pytest.raises(ValueError):
        document.written({"value": float("nan")})
