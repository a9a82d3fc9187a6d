"""Who hears of a change: subscriptions that want its kind and operation, and the topics of the broker (3.1)."""

from collections.abc import Iterator
from typing import Any

from protocols.openadr3.desk.exchange import Notice
from protocols.openadr3.desk.shelf import Record, Shelf
from protocols.openadr3.wire.edition import Edition

_METHODS = {"CREATE": "POST", "UPDATE": "PUT", "DELETE": "DELETE"}


def notices(record: Record, operation: str, store: Shelf, edition: Edition, broker: bool) -> tuple[Notice, ...]:
    """The notifications of one change."""
    spoken = operation if edition is Edition.V3_1 else _METHODS[operation]
    body = {"objectType": record.kind, "operation": spoken, "object": dict(record.json)}
    found = list(_webhooks(record, spoken, body, store))
    if broker and edition is Edition.V3_1:
        found.extend(Notice(body, topic=topic) for topic in _topics(record, operation, store))
    return tuple(found)


def topics_of(path: str) -> dict[str, str]:
    """The topics of an endpoint below /notifiers/mqtt/topics, by operation."""
    operations = ["UPDATE", "DELETE"] if path.count("/") % 2 else ["CREATE", "UPDATE", "DELETE"]
    return {operation: f"{path}/{operation.lower()}" for operation in operations} | {"ALL": f"{path}/+"}


def _webhooks(record: Record, operation: str, body: Any, store: Shelf) -> Iterator[Notice]:
    program = record.json.get("programID", record.id if record.kind == "PROGRAM" else None)
    for one in store.all("SUBSCRIPTION"):
        if one.json.get("programID") not in (None, program):
            continue
        for wish in one.json.get("objectOperations", ()):
            if record.kind in wish["objects"] and operation in wish["operations"]:
                yield Notice(body, url=wish["callbackUrl"], token=wish.get("bearerToken") or "")


def _topics(record: Record, operation: str, store: Shelf) -> Iterator[str]:
    name = operation.lower()
    yield f"{record.kind.lower()}s/{name}"
    if record.kind == "PROGRAM" and operation != "CREATE":
        yield f"programs/{record.id}/{name}"
    if record.kind == "EVENT":
        yield f"programs/{record.json['programID']}/events/{name}"
        wanted = set(record.json.get("targets") or ())
        for ven in store.all("VEN"):
            if wanted & set(ven.json.get("targets") or ()):
                yield f"vens/{ven.id}/events/{name}"
