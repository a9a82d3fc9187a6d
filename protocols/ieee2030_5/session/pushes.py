"""What the client PUTs: DER resources and ConnectionPoint; at start, on change, status and availability also on the clock."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from grid_functions.model.ports import Dice
from protocols.ieee2030_5.session import polling
from protocols.ieee2030_5.wire.der import DERAvailability, DERCapability, DERSettings, DERStatus
from protocols.ieee2030_5.wire.messages import Message
from protocols.ieee2030_5.wire.resources import ConnectionPoint

SETTLE_S = 5.0
"""A change follows the last PUT of the same resource no sooner: a flapping device must not flood the server."""

_DATED = (
    "genConnectStatus",
    "storConnectStatus",
    "operationalModeStatus",
    "storageModeStatus",
    "localControlModeStatus",
)

_FINAL = frozenset({400, 405, 406, 409, 411, 413, 415, 422})
"""The server's final word about this body: it is told again only when it changes."""


class Item(StrEnum):
    """The resources that are PUT."""

    CONNECTION_POINT = "ConnectionPoint"
    CAPABILITY = "DERCapability"
    SETTINGS = "DERSettings"
    STATUS = "DERStatus"
    AVAILABILITY = "DERAvailability"


@dataclass(frozen=True, slots=True)
class Push:
    """One resource at the server and what it should say.

    ``settled``: the gist that was acknowledged or refused for good, None = none yet; ``every_s``: told again after this, None = only on
    change; ``last_s``: when the last PUT left, monotonic.
    """

    url: str
    message: Message
    settled: Message | None = None
    refused: bool = False
    carried: Message | None = None
    asked: int | None = None
    due_s: float = 0.0
    last_s: float = float("-inf")
    failures: int = 0
    every_s: float | None = None


Pushes = Mapping[Item, Push]


def wish(pushes: Pushes, item: Item, url: str, message: Message, now_s: float, every_s: float | None = None) -> Pushes:
    """Want ``message`` to stand at ``url``; it is sent when its gist differs from what is settled, or its turn comes."""
    push = pushes.get(item)
    if push is None or push.url != url:
        return {**pushes, item: Push(url, message, due_s=now_s, every_s=every_s)}
    if gist(push.message) != gist(message) and gist(message) != push.settled:
        push = replace(push, due_s=max(now_s, push.last_s + SETTLE_S), failures=0)
    elif push.every_s != every_s and every_s is not None and not push.refused and push.failures == 0:
        push = replace(push, due_s=min(push.due_s, push.last_s + every_s))
    return {**pushes, item: replace(push, message=message, every_s=every_s)}


def due(pushes: Pushes, now_s: float) -> Iterator[tuple[Item, Push]]:
    """What is to be sent now."""
    return ((item, push) for item, push in pushes.items() if push.asked is None and push.due_s <= now_s)


def next_due(pushes: Pushes) -> float:
    """When the next one is to be sent, monotonic; infinity when none waits."""
    return min((push.due_s for push in pushes.values() if push.asked is None), default=float("inf"))


def sent(pushes: Pushes, item: Item, number: int, now_s: float) -> Pushes:
    """It is on its way."""
    push = pushes[item]
    return {**pushes, item: replace(push, asked=number, carried=gist(push.message), last_s=now_s)}


def answered(
    pushes: Pushes, item: Item, status: int | None, now_s: float, dice: Dice, wait_s: float = 0.0
) -> tuple[Pushes, bool]:
    """The server's status for it, None when nobody answered; ``wait_s``: no sooner again. Second: it was refused for good just now."""
    push = pushes[item]
    if status is not None and (200 <= status < 300 or status in _FINAL):
        refused = status in _FINAL
        changed = gist(push.message) != push.carried
        turn = push.last_s + dice.jitter(0.97, 1.03) * push.every_s if push.every_s and not refused else float("inf")
        due_s = max(now_s, push.last_s + SETTLE_S) if changed else max(now_s, turn)
        done = replace(push, asked=None, settled=push.carried, refused=refused, failures=0, due_s=due_s)
        return {**pushes, item: done}, refused
    failures = push.failures + 1
    due_s = now_s + max(polling.backoff(failures, dice, least_s=10.0), wait_s)
    return {**pushes, item: replace(push, asked=None, failures=failures, due_s=due_s)}, False


def gist(message: Message) -> Message:
    """A message without its times, and without what moves by itself: what makes it worth telling at once."""
    match message:
        case DERSettings():
            return replace(message, updatedTime=0)
        case DERStatus():
            undated = {
                name: replace(value, dateTime=0) for name in _DATED if (value := getattr(message, name)) is not None
            }
            # A closed loop throttles and lets go by the minute: that waits for its turn.
            told = replace(
                message, readingTime=0, stateOfChargeStatus=None, inverterStatus=None, manufacturerStatus=None
            )
            return replace(told, **undated)
        case DERAvailability():  # it moves with every watt: its turn is its rate
            return DERAvailability(readingTime=0)
        case DERCapability() | ConnectionPoint() | _:
            return message
