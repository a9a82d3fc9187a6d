"""Write conversations played without a device: what they would write; pure."""

from typing import TypeVar

from adapters.family import Conversation, Writing
from adapters.modbus.frames import Written

Found = TypeVar("Found")


def rehearsed(conversation: Conversation[Writing[Found]]) -> Writing[Found]:
    """What a conversation would write, were everything taken."""
    try:
        next(conversation)
        while True:
            conversation.send(Written())
    except StopIteration as end:
        writing: Writing[Found] = end.value
        return writing


def dry(conversation: Conversation[Writing[Found]]) -> bool:
    """Whether a conversation would send nothing and finds nothing to refuse."""
    try:
        next(conversation)
    except StopIteration as end:
        writing: Writing[Found] = end.value
        return writing.silent
    conversation.close()
    return False


def both(one: Writing[Found], other: Writing[Found]) -> Writing[Found]:
    """Two write conversations, one after the other, as one."""
    return Writing(
        {**one.points, **other.points}, other.refused, other.found or one.found, one.pending or other.pending
    )
