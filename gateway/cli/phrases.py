"""Values of one JSON document as a person reads them: units out of the names, where they are stated."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

_UNITS = {"w": "W", "var": "var", "wh": "Wh", "a": "A", "v": "V", "pct": "%", "c": "°C", "k": "K", "s": "s", "hz": "Hz"}


def control(told: Mapping[str, Any] | str) -> str:
    """A control: ``{"mode": "export_limit", "limit_w": 2000.0}`` is "export limit 2000 W". What is no control is said as it is."""
    if isinstance(told, str):
        return told
    rest = {name: value for name, value in told.items() if value != told["mode"]}
    values = [_value(name, value) for name, value in rest.items() if _says(value)]
    return " ".join([_spaced(told["mode"]), ", ".join(values)]).rstrip()


def limits(told: Mapping[str, Any] | None) -> str:
    """A setpoint: ``{"produce_max_w": 2000.0, "on": true}`` is "produce max 2000 W, on"."""
    return ", ".join(
        f"{_spaced(_bare(name))} {_value(name, value)}" if not isinstance(value, bool) else _value(name, value)
        for name, value in (told or {}).items()
        if _says(value)
    )


def ago(seconds: float | None, without: str) -> str:
    """An age; ``without`` where there is none."""
    return without if seconds is None else f"{seconds:.0f} s ago"


def left(seconds: float | None) -> str:
    """What is left of it; open where it has no end."""
    return "open" if seconds is None else f"{seconds:.0f} s"


def learning(told: Mapping[str, Any]) -> str:
    """What a steward learnt of its home: which thermal model holds, how far it errs, since when, and why it is not the home's own."""
    parts = [f"{told['model']} thermal model"]
    if told["error_k"] is not None:
        parts[0] += f", errs by {told['error_k']:.2f} K over six hours"
    if told["since_utc_s"] is not None:
        parts[0] += f", since {datetime.fromtimestamp(told['since_utc_s'], UTC):%Y-%m-%d %H:%M} UTC"
    if told["base_load_error_w"] is not None:
        same_w = told["base_load_error_of_the_day_before_w"]
        parts.append(f"base load foreseen within {told['base_load_error_w']:.0f} W (as the day before: {same_w:.0f} W)")
    if told["doubt"] is not None:
        missed = told["doubt_missed"]
        parts.append(f"{told['doubt']:.0%} more than foreseen is doubted (beyond it were {missed:.0%} of the last day)")
    parts.append(f"{told['days']:.1f} days remembered")
    return "; ".join([*parts, *(told[name] for name in ("why", "trouble") if told[name])])


def _value(name: str, value: Any) -> str:
    match value:
        case bool():
            return "on" if value else "off"
        case int() | float():
            return f"{value:.10g} {_UNITS.get(_suffix(name), '')}".rstrip()
        case list() | tuple():
            return f"{len(value)} {_spaced(name)}"
        case dict():
            return ", ".join(_value(inner, one) for inner, one in value.items() if _says(one))
        case _:
            return _spaced(str(value))


def _says(value: Any) -> bool:
    return value is not None and value != "" and value != []


def _suffix(name: str) -> str:
    return name.rpartition("_")[2]


def _bare(name: str) -> str:
    bare, _, suffix = name.rpartition("_")
    return bare if suffix in _UNITS else name


def _spaced(name: str) -> str:
    return name.replace("_", " ")
