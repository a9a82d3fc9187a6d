"""Bytes <-> JSON, within limits: what a peer sends must not cost more than its size."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from grid_functions.model.errors import MalformedMessage

MOST_BYTES: Final = 4 * 1024 * 1024
"""A page of 50 events with a day of five-minute prices each is about half of this."""


def read(body: bytes, most_bytes: int = MOST_BYTES) -> Any:
    """The JSON value. MalformedMessage for what is too long or too deep, no JSON, or has NaN and Infinity for numbers."""
    if len(body) > most_bytes:
        raise MalformedMessage(f"a body of {len(body)} bytes, more than {most_bytes}")
    try:
        return json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise MalformedMessage(f"no JSON: {str(error)[:200]}") from error


def written(value: Mapping[str, Any] | Sequence[Any]) -> bytes:
    """Compact JSON in UTF-8; ValueError for numbers that JSON has not."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")
