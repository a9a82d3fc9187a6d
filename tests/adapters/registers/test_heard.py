"""What is read again and again: the same bytes are the same values, and any other bytes are not."""

from struct import pack

from adapters.modbus.frames import Refusal, Registers, Reply
from adapters.registers.map import Manners
from adapters.registers.points import Point
from adapters.registers.spans import Heard, Values, spans

POINTS = (Point("power", "input", 10, "i32", 2), Point("state", "input", 12), Point("limit", "holding", 100))
HEARD = Registers(pack(">iH", -1500, 3))
LIMIT = Registers(pack(">H", 16))
VALUES = {"power": -1500, "state": 3, "limit": 16}


def told(heard: Heard, *replies: Reply | None) -> Values | None:
    """Its reads, answered so; the input registers stand after the holding ones in the order of reads."""
    conversation = heard.again(1)
    next(conversation)
    try:
        for reply in replies:
            conversation.send(reply)
    except StopIteration as end:
        values: Values | None = end.value
        return values
    raise AssertionError("it asks on")


def asked_for(*points: Point) -> Heard:
    return Heard(spans(points, Manners()))


def test_the_same_bytes_are_the_same_object() -> None:
    heard = asked_for(*POINTS)
    first = told(heard, LIMIT, HEARD)
    assert first == VALUES
    assert told(heard, LIMIT, HEARD) is first


def test_one_changed_bit_anywhere_is_told() -> None:
    heard = asked_for(*POINTS)
    assert told(heard, LIMIT, HEARD) == VALUES
    assert told(heard, LIMIT, Registers(pack(">iH", -1500, 2))) == {**VALUES, "state": 2}
    assert told(heard, Registers(pack(">H", 17)), Registers(pack(">iH", -1500, 2))) == {
        **VALUES,
        "state": 2,
        "limit": 17,
    }
    assert told(heard, LIMIT, HEARD) == VALUES


def test_what_is_refused_after_it_was_told_has_no_value_and_may_come_back() -> None:
    heard = asked_for(*POINTS)
    assert told(heard, LIMIT, HEARD) == VALUES
    assert told(heard, Refusal(2), HEARD) == {**VALUES, "limit": None}
    assert told(heard, LIMIT, HEARD) == VALUES


def test_an_unanswered_read_ends_it_and_what_was_told_before_is_no_answer() -> None:
    heard = asked_for(*POINTS)
    assert told(heard, LIMIT, HEARD) == VALUES
    assert told(heard, None) is None
    assert told(heard, LIMIT, None) is None


def test_a_busy_device_is_asked_once_more() -> None:
    heard = asked_for(POINTS[2])
    assert told(heard, Refusal(6), LIMIT) == {"limit": 16}
    assert told(heard, Refusal(6), Refusal(6)) == {"limit": None}
