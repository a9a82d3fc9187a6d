"""What members did of an event that was divided among them, folded into one word for whoever asked the area (DESIGN section 3).

A letter from the area to the site at its connection, whose upstream it was: sent at every look, the last one counts.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from grid_functions.model.event import EventKey, Respondent
from grid_functions.model.lease import Message

KIND: Final = "fold"
CONNECTION: Final = ""
"""To whom it is addressed: a function does not know the name of its area's connection."""

_SHORT_SHARE: Final = 0.04
_SHORT_LEAST_W: Final = 100.0


def counts(short_w: float, of_w: float) -> bool:
    """Whether so much is short: within 4 % or 100 W it is not (rule 8)."""
    return short_w > max(_SHORT_SHARE * abs(of_w), _SHORT_LEAST_W)


@dataclass(frozen=True, slots=True)
class Fold:
    """Of one event: what members together were asked, and gave or took, W; ``by``: who left what is missing, and why."""

    event: EventKey
    asked_w: float
    given_w: float
    by: str = ""

    @property
    def short_w(self) -> float:
        """By how much it falls short, W; 0 where that does not count."""
        short_w = abs(self.asked_w - self.given_w)
        return short_w if counts(short_w, self.asked_w) else 0.0


def letter(fold: Fold, function: str) -> Message:
    """As it is sent."""
    who = fold.event.respondent
    plain = {
        "event": [who.upstream, who.id, fold.event.id],
        "asked_w": fold.asked_w,
        "given_w": fold.given_w,
        "by": fold.by,
    }
    return Message(function, CONNECTION, "", KIND, fold.event.id, json.dumps(plain).encode())


def heard(messages: Iterable[Message]) -> Mapping[EventKey, Fold]:
    """The folds among a site's letters, the last of each event. A letter to a member is none: plug-ins name their kinds themselves."""
    found: dict[EventKey, Fold] = {}
    for message in messages:
        if message.kind == KIND and message.to == CONNECTION:
            plain = json.loads(message.body)
            upstream, respondent, event = plain["event"]
            key = EventKey(Respondent(upstream, respondent), event)
            found[key] = Fold(key, plain["asked_w"], plain["given_w"], plain["by"])
    return found
