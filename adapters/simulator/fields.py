"""Plain JSON data, checked field by field: what every part of a plan is read with. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from grid_functions.model.errors import OperatorFault


class PlanError(OperatorFault):
    """A plan or a command that cannot be carried out; the text says where and why. The operator acts."""


def table(data: object, where: str) -> Mapping[str, Any]:
    """An object, or PlanError."""
    if not isinstance(data, Mapping):
        raise PlanError(f"{where}: an object is needed")
    return data


def listed(data: object, where: str) -> Sequence[Any]:
    """A list, or PlanError."""
    if not isinstance(data, list):
        raise PlanError(f"{where}: a list is needed")
    return data


def known(data: Mapping[str, Any], names: set[str], where: str) -> None:
    """PlanError where a field has no meaning."""
    if strangers := sorted(set(data) - names):
        raise PlanError(f"{where}: unknown {', '.join(map(str, strangers))}; known are {', '.join(sorted(names))}")


def text(data: object, where: str) -> str:
    """A text in ASCII that is not empty, or PlanError."""
    if not isinstance(data, str) or not data or not data.isascii():
        raise PlanError(f"{where}: a plain text is needed")
    return data


def number(data: object, where: str, low: float, high: float) -> float:
    """A finite number in [low, high], or PlanError."""
    if isinstance(data, bool) or not isinstance(data, int | float) or not low <= data <= high:
        raise PlanError(f"{where}: a number from {low:g} to {high:g} is needed, not {data!r}")
    return float(data)


def whole(data: object, where: str, low: int, high: int) -> int:
    """A whole number in [low, high], or PlanError."""
    if isinstance(data, bool) or not isinstance(data, int) or not low <= data <= high:
        raise PlanError(f"{where}: a whole number from {low} to {high} is needed, not {data!r}")
    return data
