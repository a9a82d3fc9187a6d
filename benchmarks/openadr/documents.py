"""Distributions as openleadr's own templates write them, and its values of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from openleadr import objects
from openleadr.messaging import create_message

BEGIN = datetime(2026, 11, 29, 12, tzinfo=UTC)


def distribution(events: int, intervals: int = 3) -> bytes:
    """An oadrDistributeEvent of equal events, each LOAD_DISPATCH in kW."""
    told = [_event(number, intervals) for number in range(events)]
    response = {"response_code": 200, "response_description": "OK", "request_id": "q"}
    written = create_message("oadrDistributeEvent", request_id="r-1", vtn_id="vtn", events=told, response=response)
    return str(written).encode()


def _event(number: int, intervals: int) -> Any:
    length = timedelta(minutes=5)
    told = [
        objects.Interval(dtstart=BEGIN + place * length, duration=length, uid=place, signal_payload=1.5 + place)
        for place in range(intervals)
    ]
    measured = objects.Measurement(
        name="powerReal",
        description="RealPower",
        unit="W",
        scale="k",
        power_attributes=objects.PowerAttributes(hertz=50, voltage=230, ac=True),
    )
    signal = objects.EventSignal(
        intervals=told, signal_name="LOAD_DISPATCH", signal_type="setpoint", signal_id="s", measurement=measured
    )
    return objects.Event(
        event_descriptor=objects.EventDescriptor(
            f"event-{number}", 0, "http://market.example", "far", created_date_time=BEGIN, priority=1, test_event=False
        ),
        active_period=objects.ActivePeriod(dtstart=BEGIN, duration=intervals * length),
        event_signals=[signal],
        targets=[{"ven_id": "ven"}],
        response_required="always",
    )
