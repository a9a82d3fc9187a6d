"""Write conversations played without a device: what they would write; pure."""

from operator import is_
from typing import Generic, TypeVar

from adapters.family import Conversation, Writing
from adapters.modbus.frames import Request, Written

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


class Begun(Generic[Found]):
    """A conversation up to its first request, which is not sent: whether there is one is known before anything is said."""

    __slots__ = ("_conversation", "_first", "_over")

    def __init__(self, conversation: Conversation[Writing[Found]]) -> None:
        self._conversation = conversation
        self._first: Request | None = None
        self._over: Writing[Found] | None = None
        try:
            self._first = next(conversation)
        except StopIteration as end:
            self._over = end.value

    @property
    def silent(self) -> bool:
        """Whether it would send nothing and finds nothing to refuse."""
        return self._over is not None and self._over.silent

    def rest(self) -> Conversation[Writing[Found]]:
        """All of it, once."""
        request = self._first
        try:
            while request is not None:
                request = self._conversation.send((yield request))
        except StopIteration as end:
            self._over = end.value
        assert self._over is not None
        return self._over


class Settled:
    """What was last found to be as it should. All of it is frozen, so the very same objects are so again."""

    __slots__ = ("_what",)

    def __init__(self) -> None:
        self._what: tuple[object, ...] = ()

    def keep(self, *what: object) -> None:
        """These are as they should be."""
        self._what = what

    def has(self, *what: object) -> bool:
        """Whether it is these very ones."""
        return bool(self._what) and all(map(is_, self._what, what))


def both(one: Writing[Found], other: Writing[Found]) -> Writing[Found]:
    """Two write conversations, one after the other, as one."""
    return Writing(
        {**one.points, **other.points}, other.refused, other.found or one.found, one.pending or other.pending
    )
