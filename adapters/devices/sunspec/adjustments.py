"""Gradients and return-to-service settings: 703, 704.WRmp, 121.WGra, 145; pure. These last, so only a permitted site writes them."""

from typing import Final

from adapters.devices.sunspec.case import Case
from adapters.devices.sunspec.steps import Sequence, Step, Unread
from adapters.sunspec.points import Value
from grid_functions.model.event import Settings

POINTS: Final = {
    703: frozenset({"ESVHi", "ESVLo", "ESHzHi", "ESHzLo", "ESDlyTms", "ESRndTms", "ESRmpTms"}),
    704: frozenset({"WRmp", "WRmpRef"}),
    121: frozenset({"WGra"}),
    145: frozenset({"NomRmpUpRte", "ConnRmpUpRte"}),
}


def adjust(case: Case, wanted: Settings) -> Sequence:
    """What the device has points for; the rest is left to the gateway's own trajectory."""
    return tuple(
        Step(model, values) if model in case.held.values else Unread(model)
        for model, values in _values(case, wanted).items()
        if values
    )


def points(case: Case, wanted: Settings) -> frozenset[str]:
    """What it decides."""
    return frozenset(f"{model}.{name}" for model, values in _values(case, wanted).items() for name in values)


def _values(case: Case, wanted: Settings) -> dict[int, dict[str, Value]]:
    rate, soft = wanted.gradient_pct_per_s, wanted.soft_gradient_pct_per_s
    service = {
        "ESVHi": wanted.enter_service_high_pct,
        "ESVLo": wanted.enter_service_low_pct,
        "ESHzHi": wanted.enter_service_high_hz,
        "ESHzLo": wanted.enter_service_low_hz,
        "ESDlyTms": wanted.enter_service_delay_s,
        "ESRndTms": wanted.enter_service_random_s,
        "ESRmpTms": wanted.enter_service_ramp_s,
    }
    if service["ESRmpTms"] is None and soft:
        service["ESRmpTms"] = 100.0 / soft
    # WRmp is in whole percent per second: what is slower it cannot say, and the gateway's trajectory is slower anyway.
    ramp = {"WRmp": int(rate), "WRmpRef": 1} if rate and rate >= 1 else {}
    older = {"NomRmpUpRte": rate, "ConnRmpUpRte": soft}
    return {
        703: {name: value for name, value in service.items() if value is not None and case.held.has(703, name)},
        704: dict(ramp) if case.held.has(704, "WRmp") else {},
        121: {"WGra": rate} if rate and case.held.has(121, "WGra") else {},
        145: {name: value for name, value in older.items() if value and 145 in case.held.layouts},
    }
