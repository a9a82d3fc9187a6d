"""What a VEN sends, as JSON: strictly by the schema of the edition spoken."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from protocols.openadr3.wire import moments
from protocols.openadr3.wire.edition import Edition
from protocols.openadr3.wire.objects import Target

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """One interval of a report: values by payload type."""

    id: int
    start_s: float
    duration_s: float
    values: tuple[tuple[str, float | str], ...]


@dataclass(frozen=True, slots=True)
class ToldOf:
    """What is told of one resource."""

    resource: str
    intervals: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """reportPayloadDescriptor: how the values of a payload type are to be read."""

    payload_type: str
    reading_type: str
    units: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """A report to be posted."""

    program_id: str
    event_id: str
    client_name: str
    name: str
    resources: tuple[ToldOf, ...]
    explained: tuple[Explained, ...] = field(default=())


def report(told: Report, edition: Edition) -> Json:
    """reportRequest. 3.0.1 wants the programID too, which 3.1 does not know."""
    body: Json = {"programID": told.program_id} if edition is Edition.V3_0_1 else {}
    kind = {"objectType": "REPORT_PAYLOAD_DESCRIPTOR"}
    descriptors = [
        kind
        | {"payloadType": one.payload_type, "readingType": one.reading_type}
        | ({"units": one.units} if one.units else {})
        for one in told.explained
    ]
    return body | {
        "eventID": told.event_id,
        "clientName": told.client_name,
        "reportName": told.name,
        "payloadDescriptors": descriptors,
        "resources": [
            {"resourceName": of.resource, "intervals": [_interval(one) for one in of.intervals]}
            for of in told.resources
        ],
    }


def ven(name: str, edition: Edition) -> Json:
    """venRequest, as a VEN makes it."""
    return ({"objectType": "VEN_VEN_REQUEST"} if edition is Edition.V3_1 else {}) | {"venName": name}


def resource(name: str, ven_id: str, edition: Edition) -> Json:
    """resourceRequest, as a VEN makes it; in 3.0.1 the path names the ven."""
    if edition is Edition.V3_0_1:
        return {"resourceName": name}
    return {"objectType": "VEN_RESOURCE_REQUEST", "resourceName": name, "venID": ven_id}


def subscription(client_name: str, program_id: str, url: str, token: str, edition: Edition) -> Json:
    """subscriptionRequest: every change of programs and events. ``program_id`` empty = of all programs (3.1)."""
    operations = ["POST", "PUT", "DELETE"] if edition is Edition.V3_0_1 else ["CREATE", "UPDATE", "DELETE"]
    wished: Json = {"objects": ["PROGRAM", "EVENT"], "operations": operations, "callbackUrl": url}
    body: Json = {
        "clientName": client_name,
        "objectOperations": [wished | ({"bearerToken": token} if token else {})],
    }
    return body | ({"programID": program_id} if program_id else {})


def target_query(target: Target, edition: Edition) -> list[tuple[str, str]]:
    """How a search asks for a target."""
    if edition is Edition.V3_1:
        return [("targets", target.value)]
    return [("targetType", target.type), ("targetValues", target.value)]


def with_query(url: str, pairs: Iterable[tuple[str, str]]) -> str:
    """The address with its query."""
    text = urlencode(list(pairs))
    return f"{url}?{text}" if text else url


def credentials(client_id: str, client_secret: str, scope: str) -> Sequence[tuple[str, str]]:
    """The form that asks for a token (RFC 6749, 4.4.2); id and secret empty where HTTP Basic carries them."""
    pairs = [("grant_type", "client_credentials")]
    if client_id:
        pairs += [("client_id", client_id), ("client_secret", client_secret)]
    return pairs + ([("scope", scope)] if scope else [])


def _interval(one: Told) -> Json:
    return {
        "id": one.id,
        "intervalPeriod": {
            "start": moments.moment_text(one.start_s),
            "duration": moments.duration_text(one.duration_s),
        },
        "payloads": [{"type": kind, "values": [value]} for kind, value in one.values],
    }
