"""The events that we take part in: told as started and not over yet, kept over a restart."""

import json

from grid_functions.model.outcome import FINAL, Outcome, OutcomeKind

KEY = "participation"
VERSION = 1

MOST = 100
"""Events remembered; of one that went with its program no end is ever told."""

Participation = tuple[str, ...]
"""Event ids in the order of their starts."""

_OVER = FINAL | {OutcomeKind.DISPLACED}


def told(events: Participation, outcome: Outcome) -> Participation:
    """Take an outcome; the very same value when it begins and ends nothing."""
    name = outcome.event.id
    if outcome.kind is OutcomeKind.STARTED and name not in events:
        return (*events, name)[-MOST:]
    if outcome.kind in _OVER and name in events:
        return tuple(one for one in events if one != name)
    return events


def saved(events: Participation) -> bytes:
    """As bytes of :data:`VERSION`."""
    return json.dumps(events).encode()


def loaded(version: int, body: bytes) -> Participation:
    """Those of an earlier run; none when they cannot be read."""
    if version != VERSION:
        return ()
    try:
        return tuple(str(name) for name in json.loads(body))[-MOST:]
    except (ValueError, TypeError):
        return ()
