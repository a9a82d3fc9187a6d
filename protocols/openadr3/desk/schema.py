"""What the VTN takes: the required properties of each request (openadr3.yaml), by edition, and the readers of the wire for the rest."""

from collections.abc import Callable, Mapping
from typing import Any

from grid_functions.model.errors import MalformedMessage
from protocols.openadr3.desk.exchange import Refusal
from protocols.openadr3.wire import document, reader
from protocols.openadr3.wire.edition import Edition

_REQUIRED: Mapping[str, Mapping[Edition, tuple[str, ...]]] = {
    "PROGRAM": {Edition.V3_0_1: ("programName",), Edition.V3_1: ("programName",)},
    "EVENT": {Edition.V3_0_1: ("programID", "intervals"), Edition.V3_1: ("programID",)},
    "VEN": {Edition.V3_0_1: ("venName",), Edition.V3_1: ("objectType", "venName")},
    "RESOURCE": {Edition.V3_0_1: ("resourceName",), Edition.V3_1: ("objectType", "resourceName", "venID")},
    "REPORT": {
        Edition.V3_0_1: ("programID", "eventID", "clientName", "resources"),
        Edition.V3_1: ("eventID", "clientName", "resources"),
    },
    "SUBSCRIPTION": {
        Edition.V3_0_1: ("clientName", "programID", "objectOperations"),
        Edition.V3_1: ("clientName", "objectOperations"),
    },
}

_READERS: Mapping[str, Callable[[Any], object]] = {
    "PROGRAM": reader.program,
    "EVENT": reader.event,
    "VEN": reader.ven,
    "RESOURCE": reader.resource,
    "SUBSCRIPTION": reader.subscription,
    "REPORT": reader.identity,
}

_OPERATIONS = {
    Edition.V3_0_1: frozenset({"GET", "POST", "PUT", "DELETE"}),
    Edition.V3_1: frozenset({"READ", "CREATE", "UPDATE", "DELETE"}),
}
_OF_SERVER = ("id", "createdDateTime", "modificationDateTime")


def taken(kind: str, body: bytes, edition: Edition) -> dict[str, Any]:
    """The request's JSON. Refusal 400 for what breaks the schema."""
    try:
        json = document.read(body)
    except MalformedMessage as malformed:
        raise Refusal(400, "Bad Request", str(malformed)) from None
    if not isinstance(json, dict):
        raise Refusal(400, "Bad Request", "an object is due")
    given = {name: value for name, value in json.items() if name not in _OF_SERVER}
    missing = [name for name in _REQUIRED[kind][edition] if given.get(name) is None]
    if missing:
        raise Refusal(400, "Bad Request", f"missing: {', '.join(missing)}")
    try:
        _READERS[kind]({**given, "id": "0", "venID": given.get("venID", "0")})
        _check_targets(given.get("targets"), edition)
        if kind == "REPORT":
            _check_report(given)
        if kind == "SUBSCRIPTION":
            _check_operations(given, edition)
    except MalformedMessage as malformed:
        raise Refusal(400, "Bad Request", str(malformed)) from None
    return given


def _check_targets(targets: Any, edition: Edition) -> None:
    for one in targets or ():
        if isinstance(one, str) is not (edition is Edition.V3_1):
            raise MalformedMessage(
                f"targets of {edition} are {'plain words' if edition is Edition.V3_1 else 'valuesMaps'}"
            )


def _check_report(given: Mapping[str, Any]) -> None:
    for resource in given["resources"]:
        if not isinstance(resource, dict) or not isinstance(resource.get("resourceName"), str):
            raise MalformedMessage("resources: each has a resourceName")
        if not isinstance(resource.get("intervals"), list):
            raise MalformedMessage("resources: each has intervals")
        reader.event({"id": "0", "programID": "0", "intervals": resource["intervals"]})
        for interval in resource["intervals"]:
            if not isinstance(interval.get("payloads"), list):
                raise MalformedMessage("intervals: each has payloads")


def _check_operations(given: Mapping[str, Any], edition: Edition) -> None:
    for one in given["objectOperations"]:
        if not isinstance(one, dict) or not all(one.get(name) for name in ("objects", "operations", "callbackUrl")):
            raise MalformedMessage("objectOperations: objects, operations and callbackUrl are due")
        unknown = set(one["operations"]) - _OPERATIONS[edition]
        if unknown:
            raise MalformedMessage(f"operations of {edition}: not {', '.join(sorted(map(str, unknown)))}")
