"""What a person should look at: raised beside a decision, never instead of one."""

import json
from dataclasses import dataclass

from grid_functions.model.lease import Message

ALARM = "alarm"
OPERATOR = "operator"


@dataclass(frozen=True, slots=True, order=True)
class Alarm:
    """``room``: who noticed; ``subject``: the device, source or function it is about; ``text``: what is wrong, one line."""

    room: str
    subject: str
    text: str


def message_of(alarm: Alarm, site: str) -> Message:
    """The alarm as a function's output: a function has no other way to speak to people."""
    body = json.dumps({"subject": alarm.subject, "text": alarm.text}, sort_keys=True, separators=(",", ":"))
    return Message(alarm.room, OPERATOR, site, ALARM, f"{alarm.room}/{alarm.subject}", body.encode())


def alarm_of(message: Message) -> Alarm | None:
    """The alarm in a function's message, None when it is another message or cannot be read."""
    if message.kind != ALARM or message.to != OPERATOR:
        return None
    try:
        said = json.loads(message.body)
        return Alarm(message.function, str(said["subject"]), str(said["text"]))
    except (ValueError, KeyError, TypeError):
        return Alarm(message.function, message.id, "an alarm whose text cannot be read")
