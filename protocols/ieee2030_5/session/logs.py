"""LogEvents: each alarm's beginning and end is posted once, in order, across restarts (IEEE 2030.5-2018 clause 9.9; CSIP alarms)."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from grid_functions.model.device import Seen
from grid_functions.model.ports import Dice
from protocols.ieee2030_5.session import polling
from protocols.ieee2030_5.translate.alarms import log_events, standing
from protocols.ieee2030_5.wire.resources import LogEvent

KEY = "log"
VERSION = 1

MOST_WAITING = 200
"""LogEvents that nobody took are kept up to this many; then the oldest go."""

_RETRY = frozenset({401, 403, 404, 408, 429})


@dataclass(frozen=True, slots=True)
class Log:
    """``standing``: the alarms that stand, as bits; ``queue``: what is still to be posted; ``serial``: the next logEventID."""

    standing: int = 0
    serial: int = 0
    queue: tuple[LogEvent, ...] = ()
    due_s: float = 0.0
    failures: int = 0
    asked: int | None = None


def seen(log: Log, devices: Iterable[Seen], server_s: float, mono_s: float) -> Log:
    """Take a look at the devices; the very same log when no alarm began or ended."""
    after = standing(devices, log.standing)
    if after == log.standing:
        return log
    fresh = tuple(log_events(log.standing, after, log.serial, server_s))
    # What is under way stays the first: its answer strikes it.
    kept = log.queue if log.asked is None or not log.queue else log.queue[1:]
    first = log.queue[: len(log.queue) - len(kept)]
    queue = (*first, *(*kept, *fresh)[-MOST_WAITING:])
    due_s = log.due_s if log.queue else mono_s
    return replace(log, standing=after, serial=(log.serial + len(fresh)) % 2**16, queue=queue, due_s=due_s)


def due(log: Log, mono_s: float) -> LogEvent | None:
    """What is to be posted now."""
    return log.queue[0] if log.queue and log.asked is None and log.due_s <= mono_s else None


def next_due(log: Log) -> float:
    """When the next one is to be posted, monotonic; infinity when none waits."""
    return log.due_s if log.queue and log.asked is None else float("inf")


def answered(log: Log, status: int | None, wait_s: float, mono_s: float, dice: Dice) -> tuple[Log, bool]:
    """The server's status for the first, None when nobody answered; ``wait_s``: no sooner again. Second: it was refused for good."""
    final = status is not None and 400 <= status < 500 and status not in _RETRY
    if status is not None and (200 <= status < 300 or final):
        return replace(log, queue=log.queue[1:], asked=None, failures=0, due_s=mono_s), final
    failures = log.failures + 1
    wait = max(polling.backoff(failures, dice), wait_s)
    return replace(log, asked=None, failures=failures, due_s=mono_s + wait), False


def saved(log: Log) -> bytes:
    """What stands, as bytes of :data:`VERSION`; what waits is lost with a restart, what stands is told when it ends."""
    return json.dumps({"standing": log.standing, "serial": log.serial}).encode()


def loaded(version: int, body: bytes) -> Log:
    """The log of an earlier run; empty when it cannot be read."""
    if version != VERSION:
        return Log()
    try:
        told = json.loads(body)
        return Log(standing=int(told["standing"]) & 0x7FF, serial=int(told["serial"]) % 2**16)
    except (ValueError, TypeError, KeyError):
        return Log()
