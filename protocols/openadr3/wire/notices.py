"""Notifications as VTNs send them: plain, snake_case, or JSON in a JSON string. Only ever a hint, so little is asked of them."""

import re
from typing import Any, Final

from grid_functions.model.errors import MalformedMessage
from protocols.openadr3.wire import document
from protocols.openadr3.wire.objects import Notification

MOST_BYTES: Final = 1024 * 1024

_OPERATIONS = {"POST": "CREATE", "PUT": "UPDATE", "GET": "READ"}
"""3.0.1 names the HTTP methods."""

_ID = re.compile(r"^(program|event|ven|client|resource|report|subscription)Id$")


def notification(body: bytes) -> Notification:
    """The hint in a body. MalformedMessage if there is none."""
    json = document.read(body, MOST_BYTES)
    if isinstance(json, str):
        json = document.read(json.encode(errors="replace"), MOST_BYTES)
    given = _camel(json, 2)
    if not isinstance(given, dict) or not isinstance(given.get("objectType"), str):
        raise MalformedMessage("no notification: objectType is missing")
    operation = str(given.get("operation") or "").upper()
    found = given.get("object")
    inner: dict[str, Any] = found if isinstance(found, dict) else {}
    return Notification(
        given["objectType"].upper(),
        _OPERATIONS.get(operation, operation),
        _word(inner.get("id")),
        _word(inner.get("programID")),
    )


def _camel(json: Any, levels: int) -> Any:
    """Names of the outer ``levels`` as the schema spells them."""
    if not isinstance(json, dict) or not levels:
        return json
    return {_name(name): _camel(value, levels - 1) if name == "object" else value for name, value in json.items()}


def _name(name: str) -> str:
    first, *rest = name.split("_")
    return _ID.sub(r"\1ID", first + "".join(part[:1].upper() + part[1:] for part in rest))


def _word(json: Any) -> str:
    return json[:128] if isinstance(json, str) else ""
