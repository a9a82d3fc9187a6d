"""One version of OCPP as a pair of translations; pure. Implemented by :mod:`.v16` and :mod:`.v201`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from adapters.ocpp import times
from adapters.ocpp.desk import Desk
from adapters.ocpp.facts import Answer, Fact, Order, Period, Schedule, Unit, Verdict
from adapters.ocpp.frames import Code, Payload, Version

PROFILE_ID: Final = 24_200
"""Of the charging profile on connector 0; the others follow."""

MEASURANDS: Final = "Power.Active.Import,Current.Import,Voltage,Energy.Active.Import.Register"
"""What stations are asked to measure."""

Heard = tuple[dict[str, Any], tuple[Fact, ...]]
"""What a call is answered with, and what it says."""

Hear = Callable[[Payload, Desk, float], Heard]
"""Payload of a call, desk, seconds of UTC."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """An order in the version's words."""

    action: str
    payload: dict[str, Any]


class Dialect(Protocol):
    """What the session asks of a version."""

    @property
    def version(self) -> Version:
        """Which one."""

    @property
    def calls(self) -> Mapping[str, Hear]:
        """By action, what stations may call."""

    @property
    def sample_parts(self) -> int:
        """How many orders it takes to set what is measured."""

    def say(self, order: Order) -> Phrase:
        """An order as a call."""

    def understand(self, order: Order, payload: Payload) -> Answer:
        """The result of an order's call."""


def nothing(payload: Payload, desk: Desk, utc_s: float) -> Heard:
    """A notification that asks for nothing, and of which nothing is kept."""
    return {}, ()


def heartbeat(payload: Payload, desk: Desk, utc_s: float) -> Heard:
    """It lives, and sets its clock."""
    return {"currentTime": times.written(utc_s)}, ()


def data(payload: Payload, desk: Desk, utc_s: float) -> Heard:
    """DataTransfer: no vendor's own messages are known here."""
    return {"status": "UnknownVendorId"}, ()


def no(payload: Payload, desk: Desk, utc_s: float) -> Heard:
    """What is asked for is not had here."""
    return {"status": "Rejected"}, ()


def booted(desk: Desk, utc_s: float) -> dict[str, Any]:
    """The answer to BootNotification: who could connect is accepted."""
    return {"status": "Accepted", "currentTime": times.written(utc_s), "interval": desk.rules.heartbeat_s}


def verdict(status: object, why: str = "") -> Answer:
    """By the status words of both versions."""
    if status in ("Accepted", "Scheduled", "RebootRequired", "Unknown"):
        # To clear what is unknown is done; what waits for a reboot was taken.
        return Answer(Verdict.ACCEPTED, why)
    unsupported = status in ("NotSupported", "NotImplemented", "UnknownComponent", "UnknownVariable")
    return Answer(Verdict.NOT_SUPPORTED if unsupported else Verdict.REJECTED, why or str(status))


def failed(code: str, text: str) -> Answer:
    """What a CALLERROR says to an order."""
    unsupported = code in (Code.NOT_IMPLEMENTED, Code.NOT_SUPPORTED)
    return Answer(Verdict.NOT_SUPPORTED if unsupported else Verdict.REJECTED, f"{code} {text}".strip())


def periods(plain: list[Mapping[str, Any]]) -> tuple[Period, ...]:
    """As both versions list them, in order of time."""
    found = (Period(int(one["startPeriod"]), float(one["limit"]), one.get("numberPhases")) for one in plain)
    return tuple(sorted(found, key=lambda one: one.start_s))


def plain_schedule(schedule: Schedule) -> dict[str, Any]:
    """As both versions write it."""
    plain: dict[str, Any] = {}
    if schedule.start_utc_s is not None:
        plain["startSchedule"] = times.written(schedule.start_utc_s)
    if schedule.duration_s is not None:
        plain["duration"] = schedule.duration_s
    listed = _plain_periods(schedule.periods)
    return {**plain, "chargingRateUnit": schedule.unit, "chargingSchedulePeriod": listed}


def _plain_periods(listed: tuple[Period, ...]) -> list[dict[str, Any]]:
    """As both versions list them, in tenths (1.6, clause 7.14), rounded down."""
    return [
        {"startPeriod": one.start_s, "limit": int(one.limit * 10 + 1e-6) / 10}
        | ({} if one.phases is None else {"numberPhases": one.phases})
        for one in listed
    ]


def rate_units(text: str) -> frozenset[Unit]:
    """Of a list of words, Current and Power or A and W; amperes where it names neither."""
    found: set[Unit] = set()
    for word in text.split(","):
        if word.strip() in ("Current", "A"):
            found.add("A")
        elif word.strip() in ("Power", "W"):
            found.add("W")
    return frozenset(found) or frozenset({"A"})


def whole(text: object, otherwise: int) -> int:
    """A setting that is to be a whole number, and not below 0."""
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 10 else otherwise
