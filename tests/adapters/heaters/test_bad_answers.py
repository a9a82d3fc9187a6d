"""Answers that are wrong in every way a device has been seen to be: nothing is told that was not meant, and what was set is given back."""

from collections.abc import Callable, Mapping
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.knobs.keeping import VERSION, decoded
from adapters.modbus.frames import Refusal, Registers, Reply, Request, Write, Written
from adapters.registers.spans import Values
from grid_functions.model.control import Thermostat
from grid_functions.model.reading import Quality
from tests.adapters.heaters.stage import ROOM, TANK, Box, Stage

Wrong = Callable[[Request, Reply | None, Random], Reply | None]
C18 = Thermostat(18.0, offset=False)


def _filled(byte: bytes) -> Wrong:
    return lambda request, reply, random: Registers(byte * len(reply.data)) if isinstance(reply, Registers) else reply


def _noise(request: Request, reply: Reply | None, random: Random) -> Reply | None:
    return Registers(random.randbytes(len(reply.data))) if isinstance(reply, Registers) else reply


def _room_like(request: Request, reply: Reply | None, random: Random) -> Reply | None:
    """A number that could be a temperature of a room."""
    if not isinstance(reply, Registers):
        return reply
    return Registers(random.randrange(50, 300).to_bytes(2, "big") * (len(reply.data) // 2))


WRONG: dict[str, Wrong] = {
    "no answer": lambda request, reply, random: None,
    "exception": lambda request, reply, random: Refusal(random.choice((1, 2, 3, 4, 5, 6, 8, 10, 11, 200))),
    "all ones": _filled(b"\xff"),
    "most positive": _filled(b"\x7f"),
    "most negative": _filled(b"\x80"),
    "zeros": _filled(b"\x00"),
    "noise": _noise,
    "like a room": _room_like,
    "writes refused": lambda request, reply, random: Refusal(3) if isinstance(request, Write) else reply,
    "writes lost": lambda request, reply, random: None if isinstance(request, Write) else reply,
}


class Faulty(Box):
    """Its answers go wrong with a chance of ``share``. ``written``: what arrived, raw."""

    def __init__(self, registers: Mapping[str, int], wrong: Wrong, random: Random) -> None:
        super().__init__(registers)
        self.share = 0.0
        self.written: list[int] = []
        self._wrong, self._random = wrong, random

    def answer(self, request: Request) -> Reply | None:
        told = super().answer(request)
        if isinstance(request, Write) and isinstance(told, Written):
            self.written.append(request.values[0])
        return self._wrong(request, told, self._random) if self._random.random() < self.share else told


@pytest.mark.parametrize("wrong", WRONG)
def test_nothing_else_is_told_and_what_was_set_is_given_back(wrong: str) -> None:
    """Set to 21.0; told 18.0; a third of all answers are wrong for five minutes."""
    box = Faulty(ROOM, WRONG[wrong], Random(wrong))  # noqa: S311 a test, no secret
    made = Stage(box)
    made.done(made.want(1, thermostat=C18))
    box.share = 1 / 3
    for _ in range(300):
        call = made.later(1.0)
        if call is not None:
            made.done(call)
        if not made.condition.online:
            made.meet()
    assert set(box.written) <= {180, 210}
    assert made.unit.touches == []
    box.share = 0.0
    made.t_s += 700.0
    made.meet()
    call = made.want(2)
    if call is not None:
        made.done(call)
    made.due()
    assert (box.registers["H1501"], made.unit.released()) == (210, True)


@pytest.mark.parametrize("raw", [50, 210, 299, 300])
def test_one_wrong_answer_is_nobodys_hand(raw: int) -> None:
    made = Stage(Box(ROOM))
    made.done(made.want(1, thermostat=C18))
    garbled: Values = {"controller": 449, "actual": 21.5, "comfort": raw / 10}
    made.unit.took(garbled, made.now)
    doubted = made.unit.doubts
    made.poll()
    assert (doubted, made.unit.doubts, made.unit.touches) == (True, False, [])
    assert made.condition.touch is None
    kept = decoded(VERSION, made.unit.keeping.encoded())
    assert list(kept.before.values()) == [21.0]


def test_who_says_something_else_each_time_is_not_there_yet() -> None:
    made = Stage(Box(ROOM))
    fresh = Stage(Box({**ROOM, "I5001": 1}))
    fresh.box.registers["I5001"] = 449
    for n in range(4):
        fresh.unit.met({"controller": 449, "actual": 21.5, "comfort": 20.0 + n}, fresh.now)
        assert fresh.unit.doubts
        assert not fresh.condition.online
    assert made.condition.online


@settings(max_examples=200, deadline=None)
@given(
    shown=st.integers(0, 0xFFFF),
    asked=st.floats(),
    offset=st.booleans(),
    water=st.integers(0, 0xFFFF),
)
def test_whatever_is_asked_and_shown_only_what_it_can_be_set_to_is_told(
    shown: int, asked: float, offset: bool, water: int
) -> None:
    """5 to 85 degrees are 50 to 850."""
    made = Stage(Box({**TANK, "H1002": shown, "H1001": water}), "mypv-elwa-2")
    call = made.want(1, thermostat=Thermostat(asked, offset=offset))
    assert call is None or 50 <= call.values[0] <= 850
    if not 50 <= shown <= 850:
        assert call is None
    for reading in made.condition.readings.values():
        assert reading.quality is not Quality.GOOD or -60.0 <= reading.value <= 65535.0


def test_a_read_of_everything_that_is_half_refused_is_what_is_left() -> None:
    """Its controller does not say what it is: nothing is known of it, and nothing told."""

    def half(request: Request, reply: Reply | None, random: Random) -> Reply | None:
        return Refusal(2) if request.address == 5001 else reply

    box = Faulty(ROOM, half, Random(1))  # noqa: S311 a test, no secret
    box.share = 1.0
    made = Stage(box)
    assert made.condition.text == "what answers as unit 1 is no stiebel-isg-room-1: controller is None"
    assert made.want(1, thermostat=C18) is None
