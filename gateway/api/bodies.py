"""What a request's body must be."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from grid_functions.model.errors import OperatorFault


async def body_of(request: web.Request) -> dict[str, Any]:
    """One JSON object. Raises OperatorFault."""
    try:
        body = await request.json()
    except (ValueError, RecursionError) as fault:
        raise OperatorFault("the request's body is no JSON", "send one JSON object, {} at least") from fault
    if not isinstance(body, dict):
        raise OperatorFault("the request's body is no JSON object", "send one, {} at least")
    return body


def text_of(body: Mapping[str, Any], key: str) -> str:
    """A field that must be there. Raises OperatorFault."""
    value = body.get(key)
    if not isinstance(value, str) or not value:
        raise OperatorFault(f"{key} is missing", "'osed --help' shows an example of every command")
    return value
