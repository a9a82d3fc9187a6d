"""When a device that did not tell all is looked at anew: ever more seldom, and never for more than a twentieth of the time."""

from typing import TypeVar

from adapters.doubt import Doubt, minding
from adapters.family import Conversation
from adapters.modbus.frames import Read, Refusal, Registers, Reply, Request

T = TypeVar("T")


def play(conversation: Conversation[T], replies: list[Reply | None]) -> T:
    try:
        next(conversation)
        for reply in replies:
            conversation.send(reply)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("it asks more")


def due_after(doubt: Doubt, began_s: float, ended_s: float) -> int:
    """It is looked at from one second to another; how many seconds later it is due again."""
    doubt.due(began_s)
    doubt.found(ended_s, doubtful=True)
    return next(s for s in range(10_000) if doubt.due(ended_s + s))


def test_who_told_all_is_not_asked_again() -> None:
    doubt = Doubt()
    assert not doubt.due(1e9)
    doubt.found(0.0, doubtful=False)
    assert not doubt.due(1e9)


def test_a_doubt_lasts_longer_each_time_and_begins_anew_once_it_is_gone() -> None:
    doubt = Doubt()
    assert [due_after(doubt, at_s, at_s) for at_s in (0.0, 100.0, 200.0, 300.0, 400.0, 500.0, 900.0, 2000.0)] == [
        *(10, 20, 40, 80, 160, 320, 600, 600)
    ]
    doubt.found(3000.0, doubtful=False)
    assert not doubt.due(1e9)
    assert due_after(doubt, 4000.0, 4000.0) == 10


def test_a_device_that_takes_long_to_tell_is_left_alone_the_longer() -> None:
    """Meanwhile nothing is told to it: 30 s of asking, then nine and a half minutes of none."""
    assert due_after(Doubt(), 0.0, 30.0) == 570


def test_what_was_refused_for_now_is_kept_in_mind_until_it_is_told() -> None:
    one, two = Read(1, 10, 2), Read(1, 20, 2)

    def asking() -> Conversation[None]:
        yield one
        yield two
        yield one

    untold = set[Request]()
    told = Registers(b"\0\0\0\0")
    play(minding(asking(), untold), [Refusal(6), told, told])
    assert untold == set()
    play(minding(asking(), untold), [told, Refusal(4), Refusal(2)])
    assert untold == {two}
