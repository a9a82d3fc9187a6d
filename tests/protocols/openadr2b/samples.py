"""Events as a VTN would write them, with only what a test cares about named."""

from typing import Any

from protocols.openadr2b.wire.events import (
    Descriptor,
    OadrDistributeEvent,
    OadrEvent,
    Period,
    Signal,
    SignalInterval,
    Target,
    Unit,
)

START_S = 1_795_953_600.0
"""2026-11-29 12:00 UTC."""

HOUR_S = 3600.0
KW = Unit(kind="powerReal", description="RealPower", units="W", scale="k", hertz=50.0, voltage=230.0, ac=True)


def signal(name: str = "SIMPLE", kind: str = "level", *values: float, length_s: float = HOUR_S, **more: Any) -> Signal:
    """Equal intervals of these values, one after the other; ``length_s``: of all together."""
    told = values or (1.0,)
    intervals = tuple(
        SignalInterval(duration=length_s / len(told), uid=str(place), value=value) for place, value in enumerate(told)
    )
    return Signal(**{"intervals": intervals, "signalName": name, "signalType": kind, "signalID": "s", **more})


def event(name: str = "e1", *signals: Signal, **more: Any) -> OadrEvent:
    """``more``: fields of descriptor, period, target and responseRequired by their own names."""
    descriptor: dict[str, Any] = {
        "eventID": name,
        "modificationNumber": 0,
        "priority": 1,
        "marketContext": "http://market",
        "createdDateTime": START_S - 600.0,
        "eventStatus": "far",
        "testEvent": "false",
    }
    period = {"dtstart": START_S, "duration": HOUR_S, "notification": 0.0}
    rest: dict[str, Any] = {"responseRequired": "always", "target": Target()}
    for key, value in more.items():
        (descriptor if key in Descriptor.__slots__ else period if key in Period.__slots__ else rest)[key] = value
    made = Descriptor(**descriptor)
    return OadrEvent(descriptor=made, period=Period(**period), signals=signals or (signal(),), **rest)


def distribution(*events: OadrEvent, request: str = "r1", vtn: str = "VTN") -> OadrDistributeEvent:
    """All events of the VEN."""
    return OadrDistributeEvent(requestID=request, vtnID=vtn, events=events)
